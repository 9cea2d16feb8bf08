//! Names of hosts, with or without a port.

use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::str::FromStr;

use super::Refusal;

/// How the client reached the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http`, port 80
    Http,
    /// `https`, port 443
    Https,
}

impl Scheme {
    /// Reads a scheme in any case.
    ///
    /// # Errors
    ///
    /// [`Refusal::SchemeInvalid`] for any other.
    pub fn parse(name: &[u8]) -> Result<Self, Refusal> {
        match name {
            _ if name.eq_ignore_ascii_case(b"https") => Ok(Self::Https),
            _ if name.eq_ignore_ascii_case(b"http") => Ok(Self::Http),
            _ => Err(Refusal::SchemeInvalid),
        }
    }

    /// `http` or `https`
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL leaves out.
    pub(super) fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A host as rules look it up: in lower case, without a dot at its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HostName<'a> {
    /// A name or an address; IPv6 in brackets, in its shortest form.
    pub(super) name: Cow<'a, str>,
    /// The port, where it is written.
    pub(super) port: Option<u16>,
}

impl<'a> HostName<'a> {
    /// Reads a `Host` header or a name of the settings; `None` for what is no host.
    pub(super) fn parse(host: &'a str) -> Option<Self> {
        if let Some(rest) = host.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let address = Ipv6Addr::from_str(address).ok()?;
            let port = if rest.is_empty() { None } else { Some(port(rest.strip_prefix(':')?)?) };
            return Some(Self { name: Cow::Owned(format!("[{address}]")), port });
        }
        let (name, port) = match host.split_once(':') {
            Some((name, digits)) => (name, Some(port(digits)?)),
            None => (host, None),
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_letter);
        if name.len() > 253 || !name.split('.').all(is_label) {
            return None;
        }
        let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
        let name =
            if is_lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) };
        Some(Self { name, port })
    }
}

fn port(digits: &str) -> Option<u16> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if is_plain { digits.parse().ok() } else { None }
}

/// A scheme with a host, such as `https://portal.example.org:8443`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    /// In lower case, with the port where it is not the scheme's own.
    host: String,
}

impl Origin {
    /// Reads an origin; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        Self::of(Scheme::parse(scheme.as_bytes()).ok()?, host.as_bytes())
    }

    /// The origin of a request; `None` if the host is none.
    pub fn of(scheme: Scheme, host: &[u8]) -> Option<Self> {
        let host = HostName::parse(std::str::from_utf8(host).ok()?)?;
        let port = host.port.filter(|port| *port != scheme.default_port());
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Some(Self { scheme, host: format!("{}{port}", host.name) })
    }

    /// The host, as a browser names it.
    pub fn host(&self) -> &str {
        &self.host
    }
}
