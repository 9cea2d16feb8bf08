//! What a guard passes on to the service behind it: the client's headers without any token of djwto.

use super::cookie_names::Names;
use super::credentials::{is_token_letter, pieces, trim_while};
use super::parameters::percent_decoded;
use super::{Lines, TokenCookie, Transport};

/// The names of the token cookies, as the most lenient parser compares them.
#[derive(Clone, Debug)]
pub(super) struct LenientNames {
    names: Vec<Vec<u8>>,
    /// The bytes of the shortest name.
    shortest: usize,
}

impl LenientNames {
    pub(super) fn of(names: &Names) -> Self {
        let names = TokenCookie::ALL.map(|cookie| names.of(cookie).as_bytes());
        // A prefix may have an escape in it.
        let names = names.map(|name| {
            [
                canonical(name).collect(),
                canonical(reading(&percent_decoded(name))).collect::<Vec<_>>(),
            ]
        });
        let mut names = names.concat();
        names.sort_unstable();
        names.dedup();
        Self { shortest: names.iter().map(Vec::len).min().unwrap_or_default(), names }
    }

    fn has(&self, name: &[u8]) -> bool {
        let is_equal =
            |ours: &Vec<u8>| ours.len() == name.len() && canonical(name).eq(ours.iter().copied());
        self.names.iter().any(is_equal)
    }
}

impl Transport {
    /// The client's cookies without those of djwto, as one `Cookie` header. `None` if no cookie is left.
    ///
    /// Every token cookie is left out, also one of a mode that is not offered, and every cookie that a
    /// lenient parser would take for one. All others stay, byte for byte and in their order, also those
    /// without `=`. Lines are joined by `; ` (RFC 9113 §8.2.3).
    ///
    /// Names count with the transport's prefix. Under the prefix `""`, `staging_jwt_access` stays: it is
    /// a cookie of another site. Under `staging_`, `jwt_access` stays for the same reason.
    ///
    /// A cookie looks like one of djwto if a part of it has such a name before a `=` or at its end:
    ///
    /// - in another case, as ASP.NET compares names;
    /// - with percent escapes, as Rack decodes names;
    /// - with space, `.`, `+` or `[` for `_`, or with `[…]` behind it, as PHP reads names;
    /// - between other bytes than letters of a name, as parsers that trim Unicode spaces or quotes;
    /// - after a comma, a blank or a control byte, where older parsers begin a new cookie (RFC 2965 §3.3.4).
    ///
    /// Such a cookie is left out whole.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let transport = djwto_core::Transport::new(Default::default())?;
    /// let cookie = Some(&b"theme=dark; jwt_access=a.b.c; lang=en"[..]);
    /// let left = transport.cookies_without_tokens(cookie);
    /// assert_eq!(left.as_deref(), Some(&b"theme=dark; lang=en"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn cookies_without_tokens<'h>(&self, cookie: impl Into<Lines<'h>>) -> Option<Vec<u8>> {
        let mut rest = Vec::new();
        for line in cookie.into().iter() {
            for (number, pair) in pieces(line).enumerate() {
                if is_token(pair, &self.lenient_names) {
                    continue;
                }
                if rest.is_empty() {
                    rest.extend_from_slice(trim_start(pair));
                } else if number == 0 {
                    rest.extend_from_slice(b"; ");
                    rest.extend_from_slice(trim_start(pair));
                } else {
                    rest.push(b';');
                    rest.extend_from_slice(pair);
                }
            }
        }
        rest.iter().any(|byte| !b"; \t".contains(byte)).then_some(rest)
    }

    /// The client's `Authorization` where djwto does not use it, else `None`.
    ///
    /// If `JSON` is offered, every header that names `Bearer` or one of
    /// [`super::TransportOptions::schemes`] is djwto's, also a malformed one and one on a public path.
    /// If `JSON` is not offered, djwto hands out no token for this header, and a Bearer token in it is
    /// the service's.
    ///
    /// Two lines are `None`: a request has one `Authorization` (RFC 9110 §5.3), and servers differ in
    /// which of two they read.
    pub fn authorization_without_token<'h>(
        &self,
        authorization: impl Into<Lines<'h>>,
    ) -> Option<&'h [u8]> {
        let lines = authorization.into();
        if self.uses(lines) {
            return None;
        }
        let mut lines = lines.iter();
        match (lines.next(), lines.next()) {
            (only, None) => only,
            _ => None,
        }
    }
}

/// Whether any parser may find a cookie of one of these names in a pair.
fn is_token(pair: &[u8], names: &LenientNames) -> bool {
    let is_ours = |part: &[u8]| {
        if part.len() < names.shortest {
            return false;
        }
        let name = reading(part).split(|byte| *byte == b'=').next().unwrap_or_default();
        let name = percent_decoded(name);
        let name = reading(&name);
        let array = memchr::memchr(b'[', name).and_then(|bracket| name.get(..bracket));
        names.has(name) || array.is_some_and(|array| names.has(array))
    };
    let begins_cookie = |byte: &u8| *byte == b',' || *byte <= b' ' || *byte == 0x7f;
    // Most pairs have one beginning. All bytes are looked at, so that the processor can take many at once.
    let has_more =
        || trim_start(pair).iter().fold(false, |found, byte| found | begins_cookie(byte));
    is_ours(pair)
        || has_more()
            && (pair.split(|byte| *byte == b',').any(is_ours)
                || pair.split(begins_cookie).any(is_ours))
}

/// Without what a lenient parser may not see around a name.
fn reading(name: &[u8]) -> &[u8] {
    trim_while(name, |byte| !is_token_letter(byte))
}

/// A name as the most lenient parser compares it.
fn canonical(name: &[u8]) -> impl Iterator<Item = u8> {
    let underscored = |byte: &u8| if b" .+[".contains(byte) { b'_' } else { *byte };
    name.iter().map(underscored).map(|byte| byte.to_ascii_lowercase())
}

fn trim_start(pair: &[u8]) -> &[u8] {
    let start = pair.iter().position(|byte| !b" \t".contains(byte)).unwrap_or(pair.len());
    pair.get(start..).unwrap_or_default()
}
