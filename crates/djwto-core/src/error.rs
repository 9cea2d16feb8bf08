//! Every failure that a client can see: one list, with a stable slug each.
//!
//! The same slugs stand in Rust errors, in Python's `JWTValidationError.code` and in the `code`
//! of a JSON reply. A sentence may change its detail; a slug never changes.

use std::fmt;

/// Defines [`Code`] from the one list.
macro_rules! codes {
    ($($variant:ident, $slug:literal, $status:literal, $sentence:literal, $meaning:literal;)*) => {
        /// A failure by its stable slug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// The whole list, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The slug, as it stands in `code`.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// The HTTP status of the reply.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The sentence, with `{}` where a detail goes.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }

            /// What it means and what to do.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    AuthorizationMissing, "authorization_missing", 401,
        "Token not found in \"HTTP_AUTHORIZATION\" header.",
        "No Bearer token was sent. Log in, and send `Authorization: Bearer <access>`.";
    AuthorizationInvalid, "authorization_invalid", 401,
        "Value in HTTP_AUTHORIZATION header is not valid.",
        "The header says Bearer and what follows is not one token.";
    CookieMissing, "cookie_missing", 401,
        "Cookie \"{}\" cannot be empty.",
        "The cookie that carries the token is absent, empty or expired. Renew or log in.";
    CookieAmbiguous, "cookie_ambiguous", 401,
        "Cookie \"{}\" was sent more than once or under a look-alike name.",
        "Two cookies claim to be the token, as when a subdomain plants one. Delete both and log in.";
    TokenTooLarge, "token_too_large", 401,
        "The token is too large",
        "Longer than any token that this server issues; it was not looked at.";
    TokenMalformed, "token_malformed", 401,
        "The token is malformed",
        "Not a JWT in compact serialization (RFC 7515 §7.1, RFC 7519 §7.2), read strictly.";
    TokenCritical, "token_critical", 401,
        "The token has a \"crit\" header, which is not supported",
        "The header lists extensions that must be understood (RFC 7515 §4.1.11); none is.";
    AlgorithmRefused, "algorithm_refused", 401,
        "The token's algorithm is not the one that this server uses",
        "The header's `alg` does not agree with the key (RFC 8725 §3.1).";
    KeyUnknown, "key_unknown", 401,
        "The token was signed with a key that this server does not know",
        "No key has the header's `kid`; none is tried in its place (RFC 7515 §4.1.4).";
    SignatureInvalid, "signature_invalid", 401,
        "Signature verification failed",
        "Signed with another key, or changed on the way.";
    TokenExpired, "token_expired", 401,
        "Signature has expired",
        "The time in `exp` has come. Renew, or log in.";
    TokenNotYetValid, "token_not_yet_valid", 401,
        "The token is not yet valid (nbf)",
        "The time in `nbf` has not come. Wait until then.";
    ClaimMissing, "claim_missing", 401,
        "Token is missing the \"{}\" claim",
        "A claim that the settings demand is not there.";
    ClaimInvalid, "claim_invalid", 401,
        "Claim \"{}\" has the wrong type or an impossible value",
        "A registered claim is not what RFC 7519 §4.1 or this library wants.";
    IssuerInvalid, "issuer_invalid", 401,
        "Invalid issuer",
        "`iss` is not `DJWTO_ISS_CLAIM`.";
    SubjectInvalid, "subject_invalid", 401,
        "Invalid subject",
        "`sub` is not `DJWTO_SUB_CLAIM`.";
    AudienceInvalid, "audience_invalid", 401,
        "Audience doesn't match",
        "`aud` and `DJWTO_AUD_CLAIM` share no audience.";
    TenantInvalid, "tenant_invalid", 401,
        "Invalid tenant",
        "The token names another tenant than the request's, or none, see `DJWTO_TENANT`; or the request's host is none that Django serves. Log in at this tenant.";
    TypeInvalid, "type_invalid", 401,
        "Token must be of type \"{}\"",
        "A refresh token where an access token is wanted, or the reverse (RFC 8725 §3.11).";
    RefreshNotInHeader, "refresh_not_in_header", 401,
        "Refresh token was not sent in authorization header.",
        "The refresh endpoints want the refresh token as the Bearer token.";
    UserMissing, "user_missing", 401,
        "Failed to validate token.",
        "The token names no user: `user.id` is not there.";
    TokenBlacklisted, "token_blacklisted", 401,
        "Token is blacklisted.",
        "The token was logged out, or its session was ended: by its owner, a changed password, or reuse of a refresh token. Log in again.";
    SessionUnknown, "session_unknown", 401,
        "The session of this token is not known.",
        "No such login is on record: it was removed, or the database is older than the token. Log in again.";
    RefreshReused, "refresh_reused", 401,
        "The refresh token was used before.",
        "A refresh token that was renewed came again after `DJWTO_REFRESH_GRACE`. A renewal ends the session then, since the token may have been stolen. Log in again.";
    CredentialsInvalid, "credentials_invalid", 401,
        "{}",
        "The login form was refused; `error` is the JSON text of Django's form errors.";
    AccessRefreshFailed, "access_refresh_failed", 401,
        "Can't update access token.",
        "The user is gone or inactive. Log in again.";
    RefreshUpdateFailed, "refresh_update_failed", 401,
        "Can't update refresh token.",
        "The user is gone. Log in again.";
    LoginDenied, "login_denied", 403,
        "This login is not permitted.",
        "A hook or a backend refused it (`PermissionDenied`), although the credentials may be right.";
    UserInactive, "user_inactive", 403,
        "User is inactive.",
        "The user was deactivated, and gets no new tokens.";
    JtiMissing, "jti_missing", 403,
        "Token has no \"jti\" claim, so it cannot be blacklisted.",
        "`DJWTO_JTI_CLAIM` is off, or was off when the token was issued.";
    LoginRequired, "login_required", 403,
        "Login must happen before evaluating permissions.",
        "The view is guarded by `jwt_perm_required` with no `jwt_login_required` outside it.";
    PermissionsInvalid, "permissions_invalid", 403,
        "Invalid permissions for jwt token.",
        "The token carries no list of permissions.";
    PermissionsInsufficient, "permissions_insufficient", 403,
        "Insufficient Permissions.",
        "The user lacks a permission that the view wants.";
    TestFailed, "test_failed", 403,
        "The token does not pass the test of this view.",
        "A test given to `jwt_passes_test` returned false.";
    CsrfFailed, "csrf_failed", 403,
        "CSRF verification failed: {}",
        "Send the CSRF token as `X-CSRFToken` (from the `csrftoken` cookie, login's `csrf_token` or `GET /csrf/`), with Origin or Referer of this site or one in `CSRF_TRUSTED_ORIGINS`.";
    OriginRefused, "origin_refused", 403,
        "Login from another site is refused: {}",
        "Login was posted by a page of another site. Name its origin in `CSRF_TRUSTED_ORIGINS` if it is yours.";
    JwtTypeUnknown, "jwt_type_unknown", 400,
        "Input data \"jwt_type\" must be either \"access\" or \"refresh\". Got \"{}\" instead.",
        "The form field `jwt_type` has another value.";
    JwtTypeWrong, "jwt_type_wrong", 400,
        "POST variable \"jwt_type\" must be equal to \"{}\".",
        "The form field `jwt_type` is missing or not what this endpoint takes.";
    ModeUnknown, "mode_unknown", 400,
        "Input data \"mode\" must be one of {}.",
        "The form field `mode` asks for a mode that is not in `DJWTO_MODE`.";
    FieldInvalid, "field_invalid", 400,
        "Field \"{}\" is too long or holds a null character.",
        "A field or its name is over 4,096 characters or has U+0000 in it.";
    PasswordRefused, "password_refused", 400,
        "{}",
        "The new password was refused; `error` is the JSON text of Django's form errors.";
    BodyUnreadable, "body_unreadable", 400,
        "The request's body cannot be read: {}.",
        "The body is not what its content type says, is not UTF-8 text, names a field twice, or has more fields than `DATA_UPLOAD_MAX_NUMBER_FIELDS`.";
    SessionNotFound, "session_not_found", 404,
        "There is no such session.",
        "None of this user's live sessions has that id.";
    MethodNotAllowed, "method_not_allowed", 405,
        "Method {} is not allowed.",
        "The `Allow` header lists the methods that are.";
    AlreadyBlacklisted, "already_blacklisted", 409,
        "Input jti token is already blacklisted.",
        "Someone logged out with this token before. Nothing is left to do.";
    UserChanged, "user_changed", 409,
        "The user changed during the login.",
        "The user was deactivated, deleted or got another password while the login was under way. Log in again.";
    RefreshSuperseded, "refresh_superseded", 409,
        "The refresh token was replaced, and its successor was used.",
        "Another tab or request has renewed twice since. Nothing was ended: use the newest tokens.";
    LengthRequired, "length_required", 411,
        "The request needs a Content-Length.",
        "The body came in chunks (`Transfer-Encoding`), which this server cannot hand on. Send it with its length.";
    BodyTooLarge, "body_too_large", 413,
        "The request's body is too large.",
        "Over Django's `DATA_UPLOAD_MAX_MEMORY_SIZE`.";
    MediaTypeUnsupported, "media_type_unsupported", 415,
        "Content type must be application/json, application/x-www-form-urlencoded or multipart/form-data.",
        "The body has another content type.";
    LoginThrottled, "login_throttled", 429,
        "Too many failed logins. Try again later.",
        "Too many wrong passwords came for this account or from this network, see `DJWTO_LOGIN_THROTTLE`; this one was not looked at. `Retry-After` says when to try again.";
    ProcessingFailed, "processing_failed", 500,
        "Failed to process request.",
        "The server is misconfigured, or a hook failed. The reason is in its log only.";
    LoginBusy, "login_busy", 503,
        "Too many logins at once. Try again later.",
        "This process checks as many passwords as `password_hashes` of `DJWTO_LOGIN_THROTTLE` allows at once; this one was not looked at. `Retry-After` says when to try again.";
    StoreUnavailable, "store_unavailable", 503,
        "The server's store cannot be reached. Try again later.",
        "The database or the cache is down, and nothing was done. `Retry-After` says when to try again.";
}

impl Code {
    /// The failure of that exact slug.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.slug() == slug)
    }

    /// The sentence with its detail filled in.
    pub fn fill(self, detail: &str) -> String {
        self.sentence().replacen("{}", detail, 1)
    }
}

/// A failure, with the detail of its sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The stable slug.
    pub code: Code,
    /// The text for the `{}` in the sentence; empty if it has none.
    pub detail: String,
}

impl Failure {
    /// A failure whose sentence has a `{}`.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self { code, detail: String::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code.fill(&self.detail))
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::Code;
    use std::collections::HashSet;

    #[test]
    fn slugs_are_unique_and_plain() {
        let slugs: HashSet<_> = Code::ALL.iter().map(|code| code.slug()).collect();
        assert_eq!(slugs.len(), Code::ALL.len());
        assert!(slugs.iter().all(|s| s.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }
}
