//! The whole check, top to bottom: [`Untrusted`] → [`Signed`] → [`Verified`].

use std::error::Error;
use std::fmt;

use serde::de::DeserializeOwned;

use crate::compact::{MalformedToken, Purpose, Untrusted};
use crate::error::Code;
use crate::json::Build;
use crate::key::{KeyRing, SelectError};
use crate::policy::{Policy, Subject};
use crate::token::claims::{Claims, ClaimsError, ShapeError, typed};
use crate::token::revoked::Revocations;
use crate::token::session_id::SessionId;
use crate::types::{Kind, UnixTime};

/// A payload with a good signature. Its claims were not checked yet.
#[derive(PartialEq, Eq)]
pub struct Signed {
    payload: Vec<u8>,
}

/// A payload with a good signature and good claims. Only [`Signed::verify`] returns one.
pub struct Verified {
    payload: Vec<u8>,
    /// The claims that are checked again if the token comes again.
    pub(crate) rechecked: RecheckedClaims,
    session: SessionId,
}

/// Good claims, still in the payload, and what a face has built of them.
pub(crate) struct Checked<'p, V> {
    pub(crate) claims: Claims<'p>,
    pub(crate) built: V,
    pub(crate) rechecked: RecheckedClaims,
    pub(crate) session: SessionId,
}

impl Verified {
    /// The session, by which the set of ended sessions knows it.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The payload: strict JSON, byte for byte as it was signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The claims as a Rust type.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] where they are no `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, ShapeError> {
        typed(&self.payload)
    }
}

/// What is required of a token at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// The operator's rules.
    pub policy: &'a Policy,
    /// The ended sessions. `None` also accepts their tokens, as a second logout needs.
    pub revocations: Option<&'a Revocations>,
    /// The required kind; `None` accepts both.
    pub kind: Option<Kind>,
    /// The tenant that the claim `tenant` must name. `None` does not look at that claim.
    pub tenant: Option<&'a str>,
    /// The time.
    pub now: UnixTime,
}

impl Requirements<'_> {
    /// The same, for tokens of ended sessions too.
    #[must_use]
    pub fn allow_revoked(self) -> Self {
        Self { revocations: None, ..self }
    }
}

/// The claims that can change the result while the token and the policy stay the same.
#[derive(Clone, Debug)]
pub(crate) struct RecheckedClaims {
    pub(crate) expires: Option<UnixTime>,
    not_before: Option<UnixTime>,
    kind: Option<Kind>,
    session: Option<SessionId>,
    tenant: Option<Box<str>>,
}

impl RecheckedClaims {
    fn of(claims: &Claims<'_>) -> Self {
        Self {
            expires: claims.expires,
            not_before: claims.not_before,
            kind: claims.kind,
            session: claims.session_id(),
            tenant: claims.tenant.as_deref().map(Box::from),
        }
    }
}

impl fmt::Debug for Signed {
    /// Never shows the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").finish_non_exhaustive()
    }
}

impl fmt::Debug for Verified {
    /// Never shows the claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}

/// Verifies a token: the signature, then the claims.
///
/// # Errors
///
/// [`VerifyError`] names the first rule that does not hold.
pub fn verify(
    token: &Untrusted<'_>,
    keys: &KeyRing,
    requirements: &Requirements<'_>,
) -> Result<Verified, VerifyError> {
    verify_signature(token, keys)?.verify(requirements)
}

/// Verifies only the signature (RFC 7515 §5.2): the slow part, which needs only the keys.
///
/// # Errors
///
/// [`VerifyError::UnknownKey`], [`VerifyError::Algorithm`], [`VerifyError::Signature`] or
/// [`VerifyError::Malformed`].
pub fn verify_signature(token: &Untrusted<'_>, keys: &KeyRing) -> Result<Signed, VerifyError> {
    if !keys.verifies(token, Purpose::Token)? {
        return Err(VerifyError::Signature);
    }
    Ok(Signed { payload: token.decode_payload()? })
}

impl Signed {
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload. It need not be JSON (RFC 7515 §5.2).
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// Verifies the claims.
    ///
    /// The order of the checks: strict JSON, then `exp`, `nbf`, `iss`, `sub`, `aud`, the required
    /// claims, `user.id`, `type` (RFC 7519 §7.2, RFC 8725 §3), `tenant`, and whether `sid`
    /// names a session that was not ended.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] names the first rule that does not hold.
    pub fn verify(self, requirements: &Requirements<'_>) -> Result<Verified, VerifyError> {
        let Checked { rechecked, session, .. } = self.check(requirements, &mut ())?;
        Ok(self.into_verified(rechecked, session))
    }

    /// Checks the claims, while `builder` builds the objects of a face.
    pub(crate) fn check<B: Build>(
        &self,
        requirements: &Requirements<'_>,
        builder: &mut B,
    ) -> Result<Checked<'_, B::Value>, VerifyError> {
        let (claims, built) = Claims::read(&self.payload, builder)?;
        let rechecked = RecheckedClaims::of(&claims);
        check_times(&rechecked, requirements)?;
        check_parties(&claims, requirements.policy)?;
        check_presence(&claims, requirements.policy)?;
        if claims.user.is_none() {
            return Err(VerifyError::NoUser);
        }
        check_kind(&rechecked, requirements.kind)?;
        check_tenant(&rechecked, requirements.tenant)?;
        let session = check_session(&rechecked, requirements)?;
        Ok(Checked { claims, built, rechecked, session })
    }

    /// What was checked.
    pub(crate) fn into_verified(self, rechecked: RecheckedClaims, session: SessionId) -> Verified {
        Verified { payload: self.payload, rechecked, session }
    }
}

/// Verifies a token that was verified before, by the same keys and under the same policy.
pub(crate) fn verify_again(
    rechecked: &RecheckedClaims,
    requirements: &Requirements<'_>,
) -> Result<SessionId, VerifyError> {
    check_times(rechecked, requirements)?;
    check_kind(rechecked, requirements.kind)?;
    check_tenant(rechecked, requirements.tenant)?;
    check_session(rechecked, requirements)
}

fn check_session(
    rechecked: &RecheckedClaims,
    requirements: &Requirements<'_>,
) -> Result<SessionId, VerifyError> {
    match (rechecked.session, requirements.revocations) {
        (None, _) => Err(VerifyError::UnknownSession),
        (Some(session), Some(ended)) if ended.contains(session) => Err(VerifyError::Ended),
        (Some(session), _) => Ok(session),
    }
}

fn check_kind(rechecked: &RecheckedClaims, wanted: Option<Kind>) -> Result<(), VerifyError> {
    match wanted {
        Some(wanted) if rechecked.kind != Some(wanted) => Err(VerifyError::Type(wanted)),
        _ => Ok(()),
    }
}

fn check_tenant(rechecked: &RecheckedClaims, wanted: Option<&str>) -> Result<(), VerifyError> {
    match wanted {
        // Under the name of no tenant, no token is good.
        Some(wanted) if wanted.is_empty() || rechecked.tenant.as_deref() != Some(wanted) => {
            Err(VerifyError::Tenant)
        }
        _ => Ok(()),
    }
}

fn check_times(
    rechecked: &RecheckedClaims,
    requirements: &Requirements<'_>,
) -> Result<(), VerifyError> {
    let (now, leeway) = (requirements.now, requirements.policy.options().leeway.as_secs_f64());
    // Fractions are cut, so that no peer that reads whole seconds calls us lax.
    if rechecked.expires.is_some_and(|exp| exp.seconds().floor() <= now.seconds() - leeway) {
        return Err(VerifyError::Expired);
    }
    if rechecked.not_before.is_some_and(|nbf| nbf.seconds() > now.seconds() + leeway) {
        return Err(VerifyError::NotYetValid);
    }
    Ok(())
}

fn check_parties(claims: &Claims<'_>, policy: &Policy) -> Result<(), VerifyError> {
    let wanted = policy.options();
    if let Some(issuer) = &wanted.issuer {
        let found = claims.issuer.as_deref().ok_or(VerifyError::Missing("iss"))?;
        if found != issuer {
            return Err(VerifyError::Issuer);
        }
    }
    match (&wanted.subject, claims.subject.as_deref()) {
        (None, _) | (Some(Subject::User), None) => {}
        (Some(Subject::Text(_)), None) => return Err(VerifyError::Missing("sub")),
        (Some(Subject::Text(wanted)), Some(found)) if found == wanted => {}
        (Some(Subject::User), Some(found))
            if claims.user.as_ref().is_none_or(|user| user.to_text() == found) => {}
        _ => return Err(VerifyError::Subject),
    }
    match (&wanted.audience, &claims.audience) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(VerifyError::Missing("aud")),
        (Some(wanted), Some(found))
            if found.iter().any(|one| wanted.entries().iter().any(|entry| entry == one)) =>
        {
            Ok(())
        }
        _ => Err(VerifyError::Audience),
    }
}

fn check_presence(claims: &Claims<'_>, policy: &Policy) -> Result<(), VerifyError> {
    let kind = claims.kind.ok_or(VerifyError::Missing("type"))?;
    if policy.requires_expiry(kind) && claims.expires.is_none() {
        return Err(VerifyError::Missing("exp"));
    }
    if policy.options().issued_at && claims.issued_at.is_none() {
        return Err(VerifyError::Missing("iat"));
    }
    if policy.options().id && claims.id.is_none() {
        return Err(VerifyError::Missing("jti"));
    }
    if !policy.options().accept_legacy && claims.session.is_none() {
        return Err(VerifyError::Missing("sid"));
    }
    Ok(())
}

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// Not a token at all.
    Malformed(MalformedToken),
    /// A registered claim is wrong in itself.
    Claims(ClaimsError),
    /// No key has the header's `kid`.
    UnknownKey,
    /// The header's `alg` does not match the key.
    Algorithm,
    /// The signature is wrong.
    Signature,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come.
    NotYetValid,
    /// The claim of this name is required.
    Missing(&'static str),
    /// `iss` is another.
    Issuer,
    /// `sub` is another.
    Subject,
    /// `aud` has no shared entry.
    Audience,
    /// `user.id` is not there.
    NoUser,
    /// `tenant` is another, or is not there.
    Tenant,
    /// `type` is not this one.
    Type(Kind),
    /// `sid` is not a UUID, so it names no session of djwto.
    UnknownSession,
    /// The session was ended.
    Ended,
}

impl VerifyError {
    /// The stable slug.
    pub fn code(self) -> Code {
        match self {
            Self::Malformed(error) => error.code(),
            Self::Claims(error) => error.code(),
            Self::UnknownKey => Code::KeyUnknown,
            Self::Algorithm => Code::AlgorithmRefused,
            Self::Signature => Code::SignatureInvalid,
            Self::Expired => Code::TokenExpired,
            Self::NotYetValid => Code::TokenNotYetValid,
            Self::Missing(_) => Code::ClaimMissing,
            Self::Issuer => Code::IssuerInvalid,
            Self::Subject => Code::SubjectInvalid,
            Self::Audience => Code::AudienceInvalid,
            Self::NoUser => Code::UserMissing,
            Self::Tenant => Code::TenantInvalid,
            Self::Type(_) => Code::TypeInvalid,
            Self::UnknownSession => Code::SessionUnknown,
            Self::Ended => Code::TokenBlacklisted,
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::Claims(error) => error.fmt(f),
            Self::Missing(claim) => f.write_str(&self.code().fill(claim)),
            Self::Type(wanted) => f.write_str(&self.code().fill(wanted.name())),
            _ => f.write_str(self.code().sentence()),
        }
    }
}

impl Error for VerifyError {}

impl From<MalformedToken> for VerifyError {
    fn from(error: MalformedToken) -> Self {
        Self::Malformed(error)
    }
}

impl From<SelectError> for VerifyError {
    fn from(error: SelectError) -> Self {
        match error {
            SelectError::Malformed(error) => Self::Malformed(error),
            SelectError::UnknownKey => Self::UnknownKey,
            SelectError::Algorithm => Self::Algorithm,
        }
    }
}

impl From<ClaimsError> for VerifyError {
    fn from(error: ClaimsError) -> Self {
        Self::Claims(error)
    }
}
