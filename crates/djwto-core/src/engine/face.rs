//! Claims as a face has them: objects of another language, or a Rust type.

#![cfg_attr(not(feature = "faces"), allow(unreachable_pub, reason = "`Engine` alone uses it"))]

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{AuthenticateError, Authenticated, Engine, Revoked};
use crate::compact::Untrusted;
use crate::http::Lines;
use crate::json::Build;
use crate::token::cache::Lookup;
use crate::token::claims::{ShapeError, typed};
use crate::token::session_id::SessionId;
use crate::token::verify::{self, Requirements, VerifyError};
use crate::types::{Kind, UnixTime, Wanted};

/// How a face has claims: made of the JSON while it is read, kept in the cache, copied from there.
///
/// Only a face with objects of another language writes one. A service in Rust has a type of claims.
pub trait Face<V> {
    /// Makes the face's objects of the JSON.
    type Build: Build;
    /// The claims as a caller gets them.
    type Claims;

    /// What to build the claims of one token with.
    fn builder(&mut self) -> &mut Self::Build;

    /// The claims, from what was built. `payload` is their JSON.
    fn claims(&mut self, payload: &[u8], built: <Self::Build as Build>::Value) -> Self::Claims;

    /// What the cache is to keep, and about how many bytes it takes. Called when a token was seen for
    /// the second time. `None` keeps nothing.
    fn keep(&mut self, claims: &Self::Claims, payload: &[u8]) -> Option<(V, usize)>;

    /// The claims, from what the cache has kept.
    fn copy(&mut self, kept: V) -> Self::Claims;

    /// Does the slow half of the work, which is the signature. A face that holds a lock lets go of it
    /// meanwhile.
    fn detached<R: Send>(&mut self, work: impl FnOnce() -> R + Send) -> R {
        work()
    }
}

#[cfg_attr(not(feature = "faces"), doc(hidden))]
impl<V: Clone> Engine<V> {
    /// Finds and verifies the wanted token in a request's raw headers, with the claims as `face` has
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

    /// Verifies every cookie that may be the token of a kind, for a logout of all that a doubled name
    /// holds. Sessions that were ended count, and what is not good is left out.
    ///
    /// Never to let a request in: a neighbour may have planted one of the cookies.
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

    /// Verifies the text of a token, with the claims as `face` has them; `wanted` is the kind
    /// wanted, `None` takes either, and its tenant.
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
        let verified = signed
            .verify(requirements, face.builder())?
            .map(|payload, built| face.claims(payload, built));
        if let (Some(cache), Some(place)) = (&self.cache, place)
            && cache.seen_before(place)
            && let Some((kept, bytes)) = face.keep(&verified.value, verified.payload())
        {
            cache.insert(place, token, &verified, kept, bytes);
        }
        let session = verified.session();
        Ok((verified.value, session))
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

    fn claims(&mut self, payload: &[u8], (): ()) -> Self::Claims {
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
