//! Claims as a face has them: objects of another language, or a Rust type.

#![cfg_attr(not(feature = "faces"), allow(unreachable_pub, reason = "`Engine` alone uses it"))]

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{AuthenticateError, Authenticated, Engine, Revoked};
use crate::compact::Untrusted;
use crate::http::Lines;
use crate::json::Build;
use crate::token::cache::Lookup;
use crate::token::claims::{Claims, ShapeError, typed};
use crate::token::session_id::SessionId;
use crate::token::verify::{self, Checked, Requirements, VerifyError};
use crate::types::{Kind, UnixTime, Wanted};

/// How a face builds its claims from JSON, keeps them in the cache, and copies them from there.
///
/// A face with objects of another language implements it, and one that needs no more of a token than the
/// rules do. Other services in Rust have a type of claims.
pub trait Face<V> {
    /// Makes the face's objects of the JSON.
    type Build: Build;
    /// The claims as a caller gets them.
    type Claims;

    /// The builder of the claims of one token.
    fn builder(&mut self) -> &mut Self::Build;

    /// The claims, from what was built. `read` are those that the rules need, and `payload` is the JSON of
    /// all.
    fn claims(
        &mut self,
        read: &Claims<'_>,
        payload: &[u8],
        built: <Self::Build as Build>::Value,
    ) -> Self::Claims;

    /// The value for the cache, and about how many bytes it takes. It is called when a token comes for
    /// the second time. `None` keeps nothing.
    fn keep(&mut self, claims: &Self::Claims, payload: &[u8]) -> Option<(V, usize)>;

    /// The claims, from what the cache has kept.
    fn copy(&mut self, kept: V) -> Self::Claims;

    /// Runs the slow part of the work, which is the signature. A face that holds a lock releases it
    /// meanwhile.
    fn detached<R: Send>(&mut self, work: impl FnOnce() -> R + Send) -> R {
        work()
    }
}

#[cfg_attr(not(feature = "faces"), doc(hidden))]
impl<V: Clone> Engine<V> {
    /// Finds and verifies a token in a request's raw headers, and returns the claims as `face` builds
    /// them.
    ///
    /// # Errors
    ///
    /// [`AuthenticateError`]: it is missing, ambiguous or not good.
    pub fn authenticate_by<'h, 't, F: Face<V>>(
        &self,
        authorization: impl Into<Lines<'h>>,
        cookie: impl Into<Lines<'h>>,
        wanted: impl Into<Wanted<'t>>,
        now: UnixTime,
        revoked: Revoked,
        face: &mut F,
    ) -> Result<Authenticated<'h, F::Claims>, AuthenticateError> {
        let wanted = wanted.into();
        let found = self.transport.read(authorization, cookie, wanted.kind)?;
        let requirements = self.requirements(wanted, now);
        let requirements = match revoked {
            Revoked::Refuse => requirements,
            Revoked::Allow => requirements.allow_revoked(),
        };
        let (claims, session) = self
            .verified(found.token, &requirements, face)
            .map_err(|error| AuthenticateError::of(error, found.mode))?;
        Ok(Authenticated { found, session, claims })
    }

    /// Verifies every cookie that may be a token of this kind: for a logout when a name came twice.
    /// Tokens of ended sessions are included, and bad ones are left out.
    ///
    /// Never let a request in by it: another host may have planted one of the cookies.
    pub fn authenticate_each_by<'h, 't, F: Face<V>>(
        &self,
        cookie: impl Into<Lines<'h>>,
        wanted: impl Into<Wanted<'t>>,
        now: UnixTime,
        face: &mut F,
    ) -> Vec<Authenticated<'h, F::Claims>> {
        let wanted = wanted.into();
        let requirements = self.requirements(wanted, now).allow_revoked();
        let verified = self.transport.read_each(cookie, wanted.kind).filter_map(|found| {
            let (claims, session) = self.verified(found.token, &requirements, face).ok()?;
            Some(Authenticated { found, session, claims })
        });
        verified.collect()
    }

    /// Verifies the text of a token, and returns the claims as `face` builds them. `wanted` is its kind
    /// and its tenant; with the kind `None` both kinds are good.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] names the first rule that does not hold.
    pub fn verify_by<'t, F: Face<V>>(
        &self,
        token: &[u8],
        wanted: impl Into<Wanted<'t, Option<Kind>>>,
        now: UnixTime,
        face: &mut F,
    ) -> Result<F::Claims, VerifyError> {
        Ok(self.verified(token, &self.requirements(wanted.into(), now), face)?.0)
    }

    /// The claims and the session of a token: from the cache, or by verifying it.
    fn verified<F: Face<V>>(
        &self,
        token: &[u8],
        requirements: &Requirements<'_>,
        face: &mut F,
    ) -> Result<(F::Claims, SessionId), VerifyError> {
        let place = match self.cache.as_ref().map(|cache| cache.get(token, requirements)) {
            Some(Lookup::Hit(verdict)) => {
                let (kept, session) = verdict?;
                return Ok((face.copy(kept), session));
            }
            Some(Lookup::Miss(place)) => Some(place),
            None => None,
        };
        let (untrusted, keys) = (Untrusted::parse(token)?, &*self.keys);
        let signed = face.detached(|| verify::verify_signature(&untrusted, keys))?;
        let Checked { claims: read, built, rechecked, session } =
            signed.check(requirements, face.builder())?;
        let claims = face.claims(&read, signed.payload(), built);
        drop(read);
        if let (Some(cache), Some(place)) = (&self.cache, place)
            && cache.seen_before(place)
            && let Some((kept, bytes)) = face.keep(&claims, signed.payload())
        {
            cache.insert(place, token, &signed.into_verified(rechecked, session), kept, bytes);
        }
        Ok((claims, session))
    }
}

/// Claims of a Rust type.
#[derive(Default)]
pub(super) struct Typed {
    build: (),
}

impl<T: DeserializeOwned> Face<Arc<T>> for Typed {
    type Build = ();
    type Claims = Result<Arc<T>, ShapeError>;

    fn builder(&mut self) -> &mut () {
        &mut self.build
    }

    fn claims(&mut self, _: &Claims<'_>, payload: &[u8], (): ()) -> Self::Claims {
        typed(payload).map(Arc::new)
    }

    fn keep(&mut self, claims: &Self::Claims, payload: &[u8]) -> Option<(Arc<T>, usize)> {
        let claims = claims.as_ref().ok()?;
        Some((Arc::clone(claims), size_of::<T>() + payload.len()))
    }

    fn copy(&mut self, kept: Arc<T>) -> Self::Claims {
        Ok(kept)
    }
}
