//! The paved path: from a request's headers to claims, and the slug of every failure on the way.

use crate::support::{
    ACCESS, HEADER, NOW, access_with, at, engine, engine_with, forge, keys, now, policy, transport,
    verified,
};
use djwto_core::engine::AuthenticateError;
use djwto_core::token::claims::Claims;
use djwto_core::token::verify::VerifyError;
use djwto_core::{Algorithm, Code, Engine, Kind, Mode, SessionId};
use proptest::prelude::*;

#[test]
fn a_token_is_found_and_verified_in_every_mode() {
    for &algorithm in Algorithm::ALL {
        for &mode in Mode::ALL {
            let engine = in_modes(algorithm, &[mode]);
            for (kind, claims) in [(Kind::Access, ACCESS.to_owned()), (Kind::Refresh, refresh())] {
                let token = engine.sign(&claims).unwrap();
                let header = match mode.cookie(kind) {
                    None => format!("Bearer {}", token.text()),
                    Some(cookie) => format!("a=b; {}={}", cookie.name(), token.text()),
                };
                let (authorization, cookie) = match mode {
                    Mode::Json => (Some(header.as_bytes()), None),
                    _ => (None, Some(header.as_bytes())),
                };
                let seen = engine.authenticate(authorization, cookie, kind, now()).unwrap();
                assert_eq!(serde_json::to_value(&*seen.claims).unwrap(), claims_of(&claims));
                assert_eq!((seen.found.mode, seen.found.token), (mode, token.text().as_bytes()));
            }
        }
    }
}

#[test]
fn the_other_kind_is_refused_by_its_own_sentence() {
    let engine = in_modes(Algorithm::Hs256, &[Mode::Json, Mode::OneCookie]);
    let (access, refresh) = (engine.sign(ACCESS).unwrap(), engine.sign(refresh()).unwrap());
    let authenticate = |header: String, in_cookie: bool, kind| {
        let header = Some(header.as_bytes());
        let (authorization, cookie) = if in_cookie { (None, header) } else { (header, None) };
        let error = engine.authenticate(authorization, cookie, kind, now()).unwrap_err();
        (error.code(), error.to_string())
    };
    assert_eq!(
        authenticate(format!("Bearer {}", access.text()), false, Kind::Refresh),
        (
            Code::RefreshNotInHeader,
            "Refresh token was not sent in authorization header.".to_owned()
        )
    );
    assert_eq!(
        authenticate(format!("jwt_refresh={}", access.text()), true, Kind::Refresh),
        (Code::TypeInvalid, "Token must be of type \"refresh\"".to_owned())
    );
    for (header, in_cookie) in [
        (format!("Bearer {}", refresh.text()), false),
        (format!("jwt_access={}", refresh.text()), true),
    ] {
        assert_eq!(
            authenticate(header, in_cookie, Kind::Access),
            (Code::TypeInvalid, "Token must be of type \"access\"".to_owned())
        );
    }
}

#[test]
fn a_bad_bearer_token_is_not_made_good_by_a_cookie() {
    let engine = in_modes(Algorithm::Hs256, &[Mode::OneCookie, Mode::Json]);
    let cookie = format!("jwt_access={}", engine.sign(ACCESS).unwrap().text());
    let cookie = Some(cookie.as_bytes());
    assert!(engine.authenticate(None, cookie, Kind::Access, now()).is_ok());
    assert!(engine.authenticate(Some(&b"Basic x"[..]), cookie, Kind::Access, now()).is_ok());
    for (header, code) in [
        ("Bearer", Code::AuthorizationInvalid),
        ("Bearer x", Code::TokenMalformed),
        ("bearer e30.e30.AA", Code::TokenMalformed),
    ] {
        let error = engine.authenticate(Some(header.as_bytes()), cookie, Kind::Access, now());
        assert_eq!(error.unwrap_err().code(), code);
    }
}

#[test]
fn an_expired_cookie_is_not_made_good_by_another_modes_cookie() {
    let engine = in_modes(Algorithm::Hs256, &[Mode::OneCookie, Mode::TwoCookies]);
    let good = engine.sign(ACCESS).unwrap();
    let old = engine.sign(ACCESS.replace("1700000300", "1600000000")).unwrap();
    let header = format!("jwt_access_token={}; jwt_access={}", good.text(), old.text());
    let error =
        engine.authenticate(None, Some(header.as_bytes()), Kind::Access, now()).unwrap_err();
    assert!(matches!(error, AuthenticateError::Verify(VerifyError::Expired)));
}

#[test]
fn a_secret_of_one_engine_is_unknown_to_another() {
    let ours = engine(Algorithm::Hs256);
    let other = djwto_core::KeyRing::load(Algorithm::Hs256, Some(&[7; 32]), None).unwrap();
    let theirs = engine_with(other, policy(|_| ()));
    let token = theirs.sign(ACCESS).unwrap();
    let error = ours.verify(token.text().as_bytes(), None, now()).unwrap_err();
    assert!(matches!(error, AuthenticateError::Verify(VerifyError::Signature)));
}

#[test]
fn debug_shows_no_secret_and_no_token() {
    let engine = in_modes(Algorithm::Hs256, &[Mode::Json]);
    let secret = String::from_utf8(crate::support::key("hmac.txt")).unwrap();
    assert!(!format!("{engine:?}").contains(&secret));
    let token = engine.sign(ACCESS).unwrap();
    let header = format!("Bearer {}", token.text());
    let seen = engine.authenticate(Some(header.as_bytes()), None, Kind::Access, now()).unwrap();
    let shown = format!("{seen:?}");
    assert!(token.text().split('.').all(|part| !shown.contains(part)));
}

#[test]
fn the_list_of_codes_is_whole() {
    for code in Code::ALL {
        assert!(matches!(code.status(), 400..=599), "{}", code.slug());
        assert!(!code.sentence().is_empty() && !code.meaning().is_empty());
        assert!(code.sentence().matches("{}").count() <= 1);
    }
    // The detail is data: braces in it are not filled again.
    assert_eq!(Code::ClaimMissing.fill("{}"), "Token is missing the \"{}\" claim");
    assert_eq!(Code::TokenExpired.fill("x"), "Signature has expired");
}

#[test]
fn the_engine_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&engine(Algorithm::Rs256));
}

proptest! {
    #[test]
    fn any_headers_are_answered(
        authorization in prop::option::of("(Bearer |bearer )?[ -~]{0,80}"),
        cookie in prop::option::of("(jwt_access=|jwt_refresh=)?[ -~]{0,80}"),
    ) {
        let engine = in_modes(Algorithm::Hs256, Mode::ALL);
        for kind in [Kind::Access, Kind::Refresh] {
            let seen = engine.authenticate(
                authorization.as_deref().map(str::as_bytes),
                cookie.as_deref().map(str::as_bytes),
                kind,
                now(),
            );
            prop_assert_eq!(seen.unwrap_err().code().status(), 401);
        }
    }
}

#[test]
fn the_tokens_of_an_ended_session_are_refused() {
    let engine = engine(Algorithm::Hs256);
    let sid = "6f1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e7f";
    let token = engine.sign(access_with("sid", &format!("\"{sid}\""))).unwrap();
    let other =
        engine.sign(access_with("sid", "\"8a1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e7f\"")).unwrap();
    let legacy = engine.sign(ACCESS).unwrap();
    let verdict = |token: &djwto_core::token::issue::Token| {
        verified(&engine, token.text().as_bytes(), None, now()).map(drop)
    };
    assert_eq!((verdict(&token), verdict(&legacy)), (Ok(()), Ok(())));
    engine.revocations().extend([(SessionId::parse(sid).unwrap(), NOW)]);
    assert_eq!(verdict(&token), Err(VerifyError::Ended));
    assert_eq!((verdict(&other), verdict(&legacy)), (Ok(()), Ok(())));
    // A token of 0.0.4 belongs to the session that its `jti` names.
    engine.revocations().extend([(SessionId::of_legacy("j1"), NOW)]);
    assert_eq!(verdict(&legacy), Err(VerifyError::Ended));
}

#[test]
fn a_session_has_one_name_in_any_spelling_of_its_sid() {
    let sid = "6f1c7d0e-8c5b-4f2a-9d3e-2b1a0c9d8e7f";
    let named = |sid: &str| claims_named(Some(sid), Some("j1"), "7", &[]);
    let expected = session_of(&named(sid));
    let (simple, upper) = (sid.replace('-', ""), sid.to_uppercase());
    for same in [simple, upper, format!("urn:uuid:{sid}"), format!("{{{sid}}}")] {
        assert_eq!(session_of(&named(&same)), expected, "{same}");
    }
    // Python's `uuid.UUID` would take these.
    for other in ["6f1c7d0e8c5b-4f2a9d3e2b1a0c9d8e7f", "urn:6f1c7d0e8c5b4f2a9d3e2b1a0c9d8e7f", "x"]
    {
        assert_eq!(session_of(&named(other)), Err(VerifyError::UnknownSession), "{other}");
    }
}

#[test]
fn a_token_of_004_without_jti_is_named_by_its_user_and_login() {
    let refresh = session_of(&claims_named(None, None, "7", &[("iat", "100"), ("exp", "900")]));
    for (user, times, is_same) in [
        ("7", vec![("iat", "100.0"), ("exp", "901")], true),
        ("\"7\"", vec![("iat", "100")], true),
        // Its access token.
        ("7", vec![("iat", "200"), ("refresh_iat", "100")], true),
        ("7", vec![("iat", "100"), ("refresh_iat", "\"100\"")], true),
        // A whole number beyond 64 bits is no time.
        ("7", vec![("iat", "100"), ("refresh_iat", "9223372036854775808")], true),
        ("7", vec![("iat", "100"), ("refresh_iat", "9223372036854775807")], false),
        ("7", vec![("iat", "100"), ("refresh_iat", "9223372036854775808.0")], false),
        ("8", vec![("iat", "100"), ("exp", "900")], false),
        ("7", vec![("iat", "101"), ("exp", "900")], false),
        ("7", vec![("exp", "100")], false),
        ("7", vec![], false),
    ] {
        let other = session_of(&claims_named(None, None, user, &times));
        assert_eq!(other == refresh, is_same, "{user} {times:?}");
    }
}

proptest! {
    #[test]
    fn every_good_token_has_a_session_and_is_refused_once_that_has_ended(
        sid in prop::option::of("[0-9a-f]{8}(-[0-9A-F]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[ -~]{1,9}"),
        jti in prop::option::of("[ -!#-\\[\\]-~é]{1,40}"),
        user in "-?[1-9][0-9]{0,40}|\"[a-z0-9é]{1,40}\"",
        times in prop::collection::vec(
            ("iat|refresh_iat|exp", prop_oneof![any::<i64>().prop_map(|n| n.to_string()), any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:?}"))]),
            0..4,
        ),
    ) {
        let times: std::collections::BTreeMap<_, _> = times.into_iter().collect();
        let times: Vec<_> = times.iter().map(|(name, time)| (name.as_str(), time.as_str())).collect();
        let sid = sid.map(|sid| sid.replace(['"', '\\'], ""));
        let text = claims_named(sid.as_deref(), jti.as_deref(), &user, &times);
        if let Err(error) = session_of(&text) {
            let is_uuid = sid.is_none_or(|sid| SessionId::parse(&sid).is_some());
            let is_other = matches!(error, VerifyError::Expired | VerifyError::Claims(_));
            prop_assert!(!is_uuid || is_other, "{text} {error}");
        }
    }
}

/// What a guard and everything else know a token's session by; checks that they agree.
fn session_of(claims: &str) -> Result<SessionId, VerifyError> {
    let lax = policy(|options| {
        (options.issued_at, options.id) = (false, false);
        (options.access_lifetime, options.refresh_lifetime) = (None, None);
    });
    let engine = engine_with(keys(Algorithm::Hs256), lax);
    let token = forge(HEADER.as_bytes(), claims.as_bytes());
    let seen = verified(&engine, token.as_bytes(), None, at(0.0))?;
    let session = seen.session();
    assert_eq!(Claims::parse(claims.as_bytes()).unwrap().session_id(), Some(session));
    engine.revocations().extend([(session, NOW)]);
    let error = verified(&engine, token.as_bytes(), None, at(0.0)).unwrap_err();
    assert_eq!(error, VerifyError::Ended);
    Ok(session)
}

fn claims_named(
    sid: Option<&str>,
    jti: Option<&str>,
    user: &str,
    times: &[(&str, &str)],
) -> String {
    let text = |name: &str, value: Option<&str>| {
        value.map(|value| format!(",\"{name}\":\"{value}\"")).unwrap_or_default()
    };
    let times =
        times.iter().fold(String::new(), |all, (name, time)| all + &format!(",\"{name}\":{time}"));
    let ids = format!("{}{}{times}", text("sid", sid), text("jti", jti));
    format!("{{\"type\":\"refresh\",\"user\":{{\"id\":{user}}}{ids}}}")
}

#[test]
fn tokens_without_a_session_are_refused_once_nobody_has_any() {
    let strict = policy(|options| options.accept_legacy = false);
    let engine = engine_with(keys(Algorithm::Hs256), strict);
    let token = engine.sign(ACCESS).unwrap();
    let error = verified(&engine, token.text().as_bytes(), None, now()).unwrap_err();
    assert_eq!(error, VerifyError::Missing("sid"));
}

fn in_modes(algorithm: Algorithm, modes: &[Mode]) -> Engine {
    Engine::new(keys(algorithm), policy(|_| ()), transport(modes))
}

fn claims_of(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn refresh() -> String {
    ACCESS.replace("access", "refresh")
}
