//! Clears cookies that another host of the domain has planted: on a parent domain, or on a longer path.
//!
//! A browser sends a planted cookie beside djwto's, with the same name, and nothing in the request tells
//! them apart. The refusal of such a request clears the name on every domain and path that may have
//! it. Otherwise the user would be locked out until the planted cookie expires.

use std::sync::Arc;

use super::credentials::count;
use super::{Lines, SameSite, SetCookie, TokenCookie, Transport, is_domain, paths};

/// The room that these `Set-Cookie` lines may take in a reply, in bytes. Proxies such as nginx read
/// the header of a reply into 4 KiB, and answer 502 if there is more.
pub const MAX_CLEARING_BYTES: usize = 3300;
/// The bytes of a line beside name, path, `Domain` and `SameSite`.
const LINE_BYTES: usize = "Set-Cookie: =; Max-Age=0; Path=; Secure\r\n".len();
/// Browsers ignore a `Path` that is longer, in bytes (RFC 6265bis §5.6).
const MAX_PATH_BYTES: usize = 1024;
const MAX_PATHS: usize = 40;
const MAX_DOMAINS: usize = 8;

impl Transport {
    /// Clears the token cookies that the raw `Cookie` header holds more than once.
    ///
    /// For each of them: on the host alone, on `host` and on each parent domain of two labels or
    /// more; for each prefix of `path`, which is decoded and includes the script prefix. `host` may
    /// have a port; an address has no parents. If all of it takes more than
    /// [`MAX_CLEARING_BYTES`], `turn` chooses a part: another number at each refusal clears the
    /// rest in time.
    ///
    /// With `__Host-` there is nothing to clear, because no other host can set such a cookie.
    pub fn clear_doubled<'h>(
        &self,
        cookie: impl Into<Lines<'h>>,
        host: &str,
        path: &str,
        turn: u64,
    ) -> Vec<SetCookie> {
        if self.prefix.is_host() {
            return Vec::new();
        }
        let header = cookie.into();
        let path = format!("{}{}", self.public_path, paths::encoded(path));
        let path = path.get(..MAX_PATH_BYTES).unwrap_or(&path);
        let (domains, prefixes) = (domains(host), paths::prefixes(path));
        let (mut likely, mut rest) = (Vec::new(), Vec::new());
        for name in TokenCookie::ALL.map(|cookie| self.names.of(cookie)) {
            if count(header, name) < 2 {
                continue;
            }
            for path in prefixes.iter().take(MAX_PATHS) {
                // On the host alone there is our own; no other host can plant one there.
                let is_own = *path == "/" || path.ends_with(&self.refresh_path);
                for domain in &domains {
                    let list = if domain.is_some() || is_own { &mut likely } else { &mut rest };
                    list.push(self.cleared(name, path, *domain));
                }
            }
        }
        within(likely, rest, MAX_CLEARING_BYTES, turn)
    }

    fn cleared(&self, name: &Arc<str>, path: &str, domain: Option<&str>) -> SetCookie {
        SetCookie {
            name: name.clone(),
            value: String::new(),
            max_age: Some(0),
            path: path.to_owned(),
            domain: domain.map(str::to_ascii_lowercase),
            http_only: false,
            // A reply to another site may set such a cookie alone; elsewhere it is no help.
            same_site: self.same_site.filter(|value| *value == SameSite::None),
            // A reply that clears many has no room for it.
            expires: None,
        }
    }
}

/// None for the host alone; the host, and its parents of two labels or more.
fn domains(host: &str) -> Vec<Option<&str>> {
    let host = host.split_once(':').map_or(host, |(name, _port)| name);
    let is_address = host.rsplit('.').next().is_none_or(|last| last.parse::<u64>().is_ok());
    let is_name = is_domain(host) && !host.starts_with('.') && !is_address;
    let starts = std::iter::once(0).chain(host.match_indices('.').map(|(dot, _)| dot + 1));
    let names = starts.filter_map(|start| host.get(start..)).filter(|name| name.contains('.'));
    std::iter::once(None).chain(names.filter(|_| is_name).map(Some).take(MAX_DOMAINS)).collect()
}

/// The likely lines, then as many of the rest as there is room for, another part at each turn.
fn within(
    mut likely: Vec<SetCookie>,
    mut rest: Vec<SetCookie>,
    mut room: usize,
    turn: u64,
) -> Vec<SetCookie> {
    let turned = |mut list: Vec<SetCookie>| {
        let first = usize::try_from(turn).ok().and_then(|turn| turn.checked_rem(list.len()));
        list.rotate_left(first.unwrap_or_default());
        list
    };
    if likely.iter().map(size).sum::<usize>() > room {
        likely.append(&mut rest);
        likely = turned(likely);
    }
    let mut kept = Vec::with_capacity(likely.len());
    for cookie in likely.into_iter().chain(turned(rest)) {
        let Some(left) = room.checked_sub(size(&cookie)) else { break };
        room = left;
        kept.push(cookie);
    }
    kept
}

fn size(cookie: &SetCookie) -> usize {
    let domain = cookie.domain.as_ref().map_or(0, |domain| "; Domain=".len() + domain.len());
    let same_site = cookie.same_site.map_or(0, |value| "; SameSite=".len() + value.name().len());
    LINE_BYTES + cookie.name.len() + cookie.path.len() + domain + same_site
}
