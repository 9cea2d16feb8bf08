//! Which session a token belongs to.

use std::fmt;

use aws_lc_rs::{digest, rand};
use uuid::Uuid;

use crate::types::{UnixTime, UserId};

/// A session by its `sid`, which is a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// The session of a token. Every part of djwto gets it from here.
    ///
    /// It is the claim `sid`. A token of djwto 0.0.4 has no `sid`: its session is derived from its
    /// `jti`. If it has no `jti` either, it is derived from its user and the time of the login. Its
    /// access token and its refresh token have the same session.
    ///
    /// `None` if `sid` is not a UUID, or if the token names no user.
    pub fn of(claims: &SessionClaims<'_>) -> Option<Self> {
        match (claims.session, claims.id) {
            (Some(sid), _) => Self::parse(sid),
            (None, Some(jti)) => Some(Self::of_legacy(jti)),
            (None, None) => claims.user.map(|user| Self::of_login(user, claims)),
        }
    }

    fn of_login(user: &UserId<'_>, claims: &SessionClaims<'_>) -> Self {
        let issued_at = claims.refresh_issued_at.or(claims.issued_at);
        let time = match (issued_at, claims.expires) {
            (Some(time), _) => Some(("iat", time)),
            (None, Some(time)) => Some(("exp", time)),
            (None, None) => None,
        };
        let (claim, time) = time.map_or(("", 0.0), |(claim, time)| (claim, time.seconds()));
        // 0.0 and -0.0 are one time.
        let time = (time + 0.0).to_bits().to_be_bytes();
        let user = user.to_text();
        Self(derived("djwto legacy login", &[user.as_bytes(), claim.as_bytes(), &time]))
    }

    /// The session with this `sid`; `None` if it is not a UUID.
    pub fn parse(sid: &str) -> Option<Self> {
        Uuid::try_parse(sid).ok().map(Self)
    }

    /// The session that a token of djwto 0.0.4 belongs to, which has a `jti` and no `sid`.
    ///
    /// It is derived from the `jti`, so each renewal and each logout of the token finds the same session.
    pub fn of_legacy(jti: &str) -> Self {
        Self(derived("djwto legacy session", &[jti.as_bytes()]))
    }

    /// A new random session id.
    ///
    /// # Errors
    ///
    /// [`NoRandomBytes`] where the system gives none.
    pub fn random() -> Result<Self, NoRandomBytes> {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).map_err(|_| NoRandomBytes)?;
        Ok(Self(uuid::Builder::from_random_bytes(bytes).into_uuid()))
    }

    /// From the 16 bytes of the UUID.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

/// The system gives no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRandomBytes;

impl fmt::Display for NoRandomBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system gives no random bytes")
    }
}

impl std::error::Error for NoRandomBytes {}

/// The claims by which a session is named, and the place of a refresh token in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionClaims<'a> {
    /// `sid`
    pub session: Option<&'a str>,
    /// `jti`
    pub id: Option<&'a str>,
    /// `user.id`
    pub user: Option<&'a UserId<'a>>,
    /// `iat`
    pub issued_at: Option<UnixTime>,
    /// `refresh_iat`
    pub refresh_issued_at: Option<UnixTime>,
    /// `exp`
    pub expires: Option<UnixTime>,
    /// `gen`, of a refresh token
    pub generation: Option<i64>,
    /// `tenant`
    pub tenant: Option<&'a str>,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A `UUIDv8` (RFC 9562 §5.8) of the SHA-256 over a purpose and parts.
///
/// Byte 8 is odd. `MariaDB` 10.11 refuses a `uuid` of version 8 whose byte 8 is 0x80 or less.
pub(crate) fn derived(purpose: &str, parts: &[&[u8]]) -> Uuid {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        // Each with its length, so that no two lists of parts run together into one text.
        hash.update(&part.len().to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.finish().as_ref()) {
        *byte = *hashed;
    }
    bytes[8] |= 1;
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::{SessionId, derived};

    #[test]
    fn a_legacy_session_is_the_same_each_time_and_no_others() {
        assert_eq!(SessionId::of_legacy("a"), SessionId::of_legacy("a"));
        assert_ne!(SessionId::of_legacy("a"), SessionId::of_legacy("b"));
        assert_eq!(derived("x", &[b"a"]).get_version_num(), 8);
        assert_ne!(derived("x", &[b"ab", b"c"]), derived("x", &[b"a", b"bc"]));
    }

    #[test]
    fn a_derived_id_is_one_that_every_store_takes() {
        for number in 0..2000_u32 {
            let id = derived("x", &[&number.to_be_bytes()]);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
            assert_ne!(id.as_bytes()[8], 0x80, "{id}");
        }
    }

    #[test]
    fn what_is_no_uuid_is_no_session_of_ours() {
        assert_eq!(SessionId::parse("the login"), None);
        assert_eq!(SessionId::parse(""), None);
    }
}
