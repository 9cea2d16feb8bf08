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
        "It is longer than any token that this server issues, and was not read.";
    TokenMalformed, "token_malformed", 401,
        "The token is malformed",
        "Not a JWT in compact serialization (RFC 7515 §7.1, RFC 7519 §7.2), read strictly.";
    TokenCritical, "token_critical", 401,
        "The token has a \"crit\" header, which is not supported",
        "The header lists extensions that the server has to know (RFC 7515 §4.1.11). It knows none.";
    AlgorithmRefused, "algorithm_refused", 401,
        "The token's algorithm is not the one that this server uses",
        "The header's `alg` does not agree with the key (RFC 8725 §3.1).";
    KeyUnknown, "key_unknown", 401,
        "The token was signed with a key that this server does not know",
        "No key has the header's `kid`, and no other key is tried (RFC 7515 §4.1.4).";
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
        "The settings require a claim that is not there.";
    ClaimInvalid, "claim_invalid", 401,
        "Claim \"{}\" has the wrong type or an impossible value",
        "A registered claim has a value that RFC 7519 §4.1 or djwto does not allow.";
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
        "The token names another tenant than the request, or none (`DJWTO_TENANT`), or Django does not serve the request's host. Log in at this tenant.";
    TypeInvalid, "type_invalid", 401,
        "Token must be of type \"{}\"",
        "A refresh token came where an access token is needed, or the reverse (RFC 8725 §3.11).";
    RefreshNotInHeader, "refresh_not_in_header", 401,
        "Refresh token was not sent in authorization header.",
        "The refresh endpoints take the refresh token as the Bearer token.";
    UserMissing, "user_missing", 401,
        "Failed to validate token.",
        "The token names no user: `user.id` is not there.";
    TokenBlacklisted, "token_blacklisted", 401,
        "Token is blacklisted.",
        "The token was logged out, or its session was ended: by its owner, a changed password, or reuse of a refresh token. Log in again.";
    SessionUnknown, "session_unknown", 401,
        "The session of this token is not known.",
        "The database has no such session: it was removed, or the database is older than the token. Log in again.";
    RefreshReused, "refresh_reused", 401,
        "The refresh token was used before.",
        "A refresh token that was already renewed came again after `DJWTO_REFRESH_GRACE`. It may have been stolen, so a renewal ends the session. Log in again.";
    CredentialsInvalid, "credentials_invalid", 401,
        "{}",
        "The login's form was refused. `error` is the JSON text of Django's form errors.";
    AccessRefreshFailed, "access_refresh_failed", 401,
        "Can't update access token.",
        "The user was deleted or is inactive. Log in again.";
    RefreshUpdateFailed, "refresh_update_failed", 401,
        "Can't update refresh token.",
        "The user was deleted. Log in again.";
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
        "The user lacks a permission that the view requires.";
    TestFailed, "test_failed", 403,
        "The token does not pass the test of this view.",
        "A test given to `jwt_passes_test` returned false.";
    CsrfFailed, "csrf_failed", 403,
        "CSRF verification failed: {}",
        "Send the CSRF token as `X-CSRFToken` (from the `csrftoken` cookie, login's `csrf_token` or `GET /csrf/`), with Origin or Referer of this site or one in `CSRF_TRUSTED_ORIGINS`.";
    OriginRefused, "origin_refused", 403,
        "Login from another site is refused: {}",
        "A page of another site posted the login. If that site is yours, name its origin in `CSRF_TRUSTED_ORIGINS`.";
    NavigationRequired, "navigation_required", 403,
        "Only a browser that opens this address in a window gets an answer.",
        "`return/` was asked by a script, a program, a frame or a prefetch. Open it as a page: `location.assign(…)`.";
    JwtTypeUnknown, "jwt_type_unknown", 400,
        "Input data \"jwt_type\" must be either \"access\" or \"refresh\". Got \"{}\" instead.",
        "The form field `jwt_type` has another value.";
    JwtTypeWrong, "jwt_type_wrong", 400,
        "POST variable \"jwt_type\" must be equal to \"{}\".",
        "The form field `jwt_type` is missing, or this endpoint takes another type.";
    ModeUnknown, "mode_unknown", 400,
        "Input data \"mode\" must be one of {}.",
        "The form field `mode` asks for a mode that is not in `DJWTO_MODE`.";
    NextInvalid, "next_invalid", 400,
        "The address in \"next\" is not allowed here.",
        "`next` is not one `https` URL whose host is this site, or is in `DJWTO_RETURN_HOSTS`.";
    FieldInvalid, "field_invalid", 400,
        "Field \"{}\" is too long or holds a null character.",
        "A field or its name is over 4,096 characters or has U+0000 in it.";
    PasswordRefused, "password_refused", 400,
        "{}",
        "The new password was refused. `error` is the JSON text of Django's form errors.";
    BodyUnreadable, "body_unreadable", 400,
        "The request's body cannot be read: {}.",
        "The body is not what its content type says, is not UTF-8 text, names a field twice, or has more fields than `DATA_UPLOAD_MAX_NUMBER_FIELDS`.";
    SessionNotFound, "session_not_found", 404,
        "There is no such session.",
        "None of this user's live sessions has that id.";
    MethodNotAllowed, "method_not_allowed", 405,
        "Method {} is not allowed.",
        "The header `Allow` lists the methods that are allowed.";
    AlreadyBlacklisted, "already_blacklisted", 409,
        "Input jti token is already blacklisted.",
        "This token was already logged out. Nothing is left to do.";
    UserChanged, "user_changed", 409,
        "The user changed during the login.",
        "The user was deactivated, deleted or got another password during the login. Log in again.";
    RefreshSuperseded, "refresh_superseded", 409,
        "The refresh token was replaced, and its successor was used.",
        "Another tab or request has renewed twice since. Nothing was ended: use the newest tokens.";
    LengthRequired, "length_required", 411,
        "The request needs a Content-Length.",
        "The body came in chunks (`Transfer-Encoding`), and this server cannot pass them on. Send it with its length.";
    BodyTooLarge, "body_too_large", 413,
        "The request's body is too large.",
        "The body is larger than Django's `DATA_UPLOAD_MAX_MEMORY_SIZE`.";
    MediaTypeUnsupported, "media_type_unsupported", 415,
        "Content type must be application/json, application/x-www-form-urlencoded or multipart/form-data.",
        "The body has another content type.";
    LoginThrottled, "login_throttled", 429,
        "Too many failed logins. Try again later.",
        "Too many wrong passwords came for this account or from this network (`DJWTO_LOGIN_THROTTLE`). This one was not checked. `Retry-After` says when to try again.";
    ProcessingFailed, "processing_failed", 500,
        "Failed to process request.",
        "The server is misconfigured, or a hook failed. The reason is in its log only.";
    LoginBusy, "login_busy", 503,
        "Too many logins at once. Try again later.",
        "This process already checks as many passwords as `password_hashes` of `DJWTO_LOGIN_THROTTLE` allows. This one was not checked. `Retry-After` says when to try again.";
    StoreUnavailable, "store_unavailable", 503,
        "The server's store cannot be reached. Try again later.",
        "The database or the cache is down, and nothing was done. `Retry-After` says when to try again.";
    PeerUnknown, "peer_unknown", 403,
        "This guard does not answer this peer.",
        "The address of the request is none of the `peers` in `djwto.toml`.";
    ForwardedInvalid, "forwarded_invalid", 403,
        "The header \"{}\" of the proxy must be there exactly once, with a valid value.",
        "The proxy did not tell the guard method, scheme, host and URI of the request, or the client sent such a header too. Compare the proxy's configuration with the documented one.";
    HostUnknown, "host_unknown", 403,
        "This guard has no rules for this host.",
        "The host of the request is not in `hosts` of `djwto.toml`.";
    PathInvalid, "path_invalid", 400,
        "The path of the request is not valid.",
        "It has a control character, a backslash, a broken or doubled escape, or leads above the root.";
    PathAmbiguous, "path_ambiguous", 403,
        "The path of the request has more than one reading.",
        "Servers read its escapes, slashes or dots in different ways, and the rules differ between the readings. Write the path plainly.";
    RuleMissing, "rule_missing", 403,
        "No rule allows this request.",
        "No rule of the host names this path and method, and what no rule names is refused.";
    PermissionsUnavailable, "permissions_unavailable", 403,
        "The permissions of this user cannot be read.",
        "The token leaves the permissions out, and the guard cannot read them from the database as Django would: `capabilities` of the export says why.";
    CsrfUnavailable, "csrf_unavailable", 403,
        "The CSRF token of this site cannot be checked here.",
        "A cookie brought the token, and the guard cannot read the CSRF token that belongs to it: `csrf` and `capabilities` of the export say why. Send the token as `Bearer`, or ask Django's own endpoint.";
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
