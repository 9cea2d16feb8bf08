//! What the guard reads of an access token. It is kept beside the token, so that a token that comes again is
//! not parsed again.

use std::sync::Arc;

use djwto_core::engine::{AuthenticateError, Authenticated, Face, Revoked};
use djwto_core::http::Lines;
use djwto_core::token::claims::Claims;
use djwto_core::token::permissions::{Carried, Permissions};
use djwto_core::token::verify::VerifyError;
use djwto_core::types::UserId;
use djwto_core::{Engine, Kind, UnixTime, Wanted};

use crate::assertions::Kept;

/// The claims, and the assertions that were made of them.
#[derive(Debug)]
pub struct AccessClaims {
    /// `user.id`
    pub user: UserId<'static>,
    /// `exp`
    pub expires: Option<UnixTime>,
    /// Whether there is a `sid`. Tokens of djwto 0.0.4 have none.
    pub has_session: bool,
    permissions: Option<Permissions>,
    permissions_omitted: bool,
    /// The assertions for this token: they end with it.
    pub assertions: Kept,
}

impl AccessClaims {
    /// `None` where there is no user.
    fn of(claims: &Claims<'_>) -> Option<Self> {
        Some(Self {
            user: claims.user.clone()?.into_owned(),
            expires: claims.expires,
            has_session: claims.session.is_some(),
            permissions: claims.permissions.and_then(Permissions::parse),
            permissions_omitted: claims.permissions_omitted,
            assertions: Kept::default(),
        })
    }

    /// The permissions in the token.
    pub fn permissions(&self) -> Carried<impl Iterator<Item = &str>> {
        let list = self.permissions.as_ref().map(Permissions::iter);
        Carried::of(self.permissions_omitted, list)
    }
}

/// Finds and verifies the access token of a request.
///
/// # Errors
///
/// [`AuthenticateError`]: it is missing, ambiguous or not good.
pub fn authenticate<'h>(
    engine: &Engine<Arc<AccessClaims>>,
    authorization: Lines<'h>,
    cookie: Lines<'h>,
    tenant: Option<&str>,
    now: UnixTime,
    revoked: Revoked,
) -> Result<Authenticated<'h, Arc<AccessClaims>>, AuthenticateError> {
    let (wanted, face) = (Wanted::from(Kind::Access).of_tenant(tenant), &mut Reading::default());
    let Authenticated { found, session, claims } =
        engine.authenticate_by(authorization, cookie, wanted, now, revoked, face)?;
    let claims = claims.ok_or(VerifyError::NoUser)?;
    Ok(Authenticated { found, session, claims })
}

/// Takes what the engine reads anyway.
#[derive(Default)]
struct Reading {
    build: (),
}

impl Face<Arc<AccessClaims>> for Reading {
    type Build = ();
    /// `None` where there is no user: the engine has refused such a token before.
    type Claims = Option<Arc<AccessClaims>>;

    fn builder(&mut self) -> &mut () {
        &mut self.build
    }

    fn claims(&mut self, read: &Claims<'_>, _: &[u8], (): ()) -> Self::Claims {
        AccessClaims::of(read).map(Arc::new)
    }

    fn keep(
        &mut self,
        claims: &Self::Claims,
        payload: &[u8],
    ) -> Option<(Arc<AccessClaims>, usize)> {
        // The texts are no longer than in the payload.
        Some((claims.clone()?, size_of::<AccessClaims>() + payload.len()))
    }

    fn copy(&mut self, kept: Arc<AccessClaims>) -> Self::Claims {
        Some(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::AccessClaims;
    use djwto_core::token::claims::Claims;
    use djwto_core::token::permissions::Carried;

    fn claims(user: &str) -> Option<AccessClaims> {
        let payload = format!(r#"{{"exp": 1.5, "user": {user}, "other": [1]}}"#);
        AccessClaims::of(&Claims::parse(payload.as_bytes()).unwrap())
    }

    #[test]
    fn an_id_is_a_whole_number_of_any_size_or_a_text() {
        for (id, text) in [
            ("7", "7"),
            ("-7", "-7"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            (r#""a\u00e9""#, "aé"),
        ] {
            let claims = claims(&format!(r#"{{"id": {id}}}"#)).unwrap();
            assert_eq!(claims.user.to_text(), text);
        }
        for id in ["1.0", "1e3", "null", "[1]", r#""""#] {
            assert!(claims(&format!(r#"{{"id": {id}}}"#)).is_none(), "{id}");
        }
    }

    #[test]
    fn permissions_are_a_list_or_omitted() {
        for (user, expected) in [
            (r#"{"id": 1, "perms": ["a.b", "c.d"]}"#, Carried::List(vec!["a.b", "c.d"])),
            (r#"{"id": 1, "perms": [], "perms_omitted": true}"#, Carried::Omitted),
            (r#"{"id": 1, "perms": ["a.b", 1]}"#, Carried::Invalid),
            (r#"{"id": 1, "perms": "a.b", "perms_omitted": 1}"#, Carried::Invalid),
            (r#"{"id": 1}"#, Carried::Invalid),
        ] {
            let claims = claims(user).unwrap();
            let found = match claims.permissions() {
                Carried::List(list) => Carried::List(list.collect()),
                Carried::Omitted => Carried::Omitted,
                Carried::Invalid => Carried::Invalid,
            };
            assert_eq!(found, expected, "{user}");
        }
    }
}
