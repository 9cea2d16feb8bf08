//! Where a request comes from: the client's address, behind trusted proxies too, and its device, in
//! words for the user's list of sessions.

use std::fmt;
use std::net::IpAddr;

/// The most trusted proxies in a row.
const MAX_HOPS: usize = 32;
/// The bits of an IPv6 address that name a network: a customer has all addresses in it (RFC 6177).
const NETWORK_BITS: u8 = 64;
/// The bits that a provider gives to a large customer (RFC 6177 §2).
const SITE_BITS: u8 = 48;
/// The most letters of a user agent in a store.
pub const MAX_USER_AGENT_LETTERS: usize = 500;
/// The most letters of a device's label.
pub const MAX_LABEL_LETTERS: usize = 100;

/// An IP network: the addresses that share its first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, or an address, which is a network of one. `None` where it is neither,
    /// or where a bit is set beyond the network's own.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((address, bits)) = text.split_once('/') else {
            let address: IpAddr = text.parse().ok()?;
            return Self::new(address, most_bits(address));
        };
        let is_number = bits.bytes().all(|byte| byte.is_ascii_digit());
        Self::new(address.parse().ok()?, bits.parse().ok().filter(|_| is_number)?)
    }

    /// The network that begins at an address, with so many bits in common. `None` where a bit of
    /// the address is set beyond them, or where an address has fewer bits.
    pub fn new(address: IpAddr, bits: u8) -> Option<Self> {
        let network = Self::around(address, bits);
        (bits <= most_bits(address) && network.address == address).then_some(network)
    }

    /// The network of so many bits around an address.
    fn around(address: IpAddr, bits: u8) -> Self {
        let masked = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
                IpAddr::V6((v6.to_bits() & mask).into())
            }
        };
        Self { address: masked, bits }
    }

    fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && Self::around(address, self.bits).address == self.address
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

fn most_bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The peers whose `X-Forwarded-For` is trusted.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// Their networks.
    pub networks: Vec<Network>,
    /// Whether the peer at the other end of a Unix socket is one. It has no address.
    pub unix: bool,
}

impl Proxies {
    fn contains(&self, address: Option<IpAddr>) -> bool {
        match address {
            None => self.unix,
            Some(address) => self.networks.iter().any(|network| network.contains(address)),
        }
    }

    /// The client's address in canonical form; "" if it is not known.
    ///
    /// It is the address of the peer. If the peer is a trusted proxy, it is the last address in
    /// `X-Forwarded-For` that is not one, because each proxy adds its own peer at the end. What a client
    /// writes there is ignored.
    pub fn client_address(&self, peer: &str, forwarded_for: &str) -> String {
        let mut found = parsed(peer);
        if self.contains(found) {
            for text in forwarded_for.rsplit(',').take(MAX_HOPS) {
                // The trusted proxy sent no readable address, so its own address counts.
                let Some(address) = parsed(text) else { break };
                found = Some(address);
                if !self.contains(found) {
                    break;
                }
            }
        }
        found.map(|address| address.to_string()).unwrap_or_default()
    }
}

/// The network that counts as one client: an IPv4 address itself, an IPv6 one by /64.
pub fn network(address: &str) -> String {
    wider(address, NETWORK_BITS).unwrap_or_else(|| address.to_owned())
}

/// The /48 of an IPv6 address, which is the most that one customer has; "" for IPv4.
pub fn site(address: &str) -> String {
    wider(address, SITE_BITS).unwrap_or_default()
}

fn wider(address: &str, bits: u8) -> Option<String> {
    match address.parse() {
        Ok(address @ IpAddr::V6(_)) => Some(Network::around(address, bits).to_string()),
        _ => None,
    }
}

/// Reads an address as proxies write them: with a port, in brackets, with a zone.
///
/// An IPv4 address inside an IPv6 one (RFC 4291 §2.5.5.2) is the same client.
fn parsed(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None if text.matches(':').count() == 1 => text.split(':').next().unwrap_or_default(),
        None => text,
    };
    let address: IpAddr = text.split('%').next().unwrap_or_default().parse().ok()?;
    Some(address.to_canonical())
}

/// The device that opened a session, as users see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Browser and system where they are well known, else the first word of the user agent. It has
    /// no version, and at most [`MAX_LABEL_LETTERS`].
    pub label: String,
    /// The user agent, of at most [`MAX_USER_AGENT_LETTERS`].
    pub user_agent: String,
}

impl Device {
    /// Reads the header `User-Agent`; "" if there is none.
    ///
    /// Both texts are printable ASCII, which every table can hold. Other characters become "?".
    pub fn new(user_agent: &str) -> Self {
        let letters = user_agent.chars().map(|letter| if letter.is_ascii() { letter } else { '?' });
        let agent: String = letters.filter(|letter| matches!(letter, ' '..='~')).collect();
        let user_agent = agent.chars().take(MAX_USER_AGENT_LETTERS).collect();
        Self { label: label(&agent), user_agent }
    }
}

fn label(agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (first(BROWSERS), first(SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => {
            let word = agent.split([' ', '/']).next().unwrap_or_default();
            word.chars().take(MAX_LABEL_LETTERS).collect()
        }
    }
}

// What a user agent says, and what that means; the first that is found counts. Most claim to be
// Safari, and Edge and Opera to be Chrome.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: &[(&str, &str)] = &[
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];
