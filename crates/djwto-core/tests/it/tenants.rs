//! The claim `tenant`: who puts it in, and when it is asked.

use std::time::Duration;

use djwto_core::session::login::{GivenClaims, NewSession, open};
use djwto_core::session::memory::MemoryRow;
use djwto_core::session::presented::Presented;
use djwto_core::session::renewal::begin;
use djwto_core::session::row::Client;
use djwto_core::session::user::User;
use djwto_core::throttle::{Counts, Limits};
use djwto_core::token::session_id::SessionClaims;
use djwto_core::types::Micros;
use djwto_core::{Algorithm, Code, Engine, Kind, Mode, Wanted};

use crate::support::{HEADER, access_with, engine, forge, now};

/// A good access token with one claim more.
fn signed(name: &str, json: &str) -> String {
    forge(HEADER.as_bytes(), access_with(name, json).as_bytes())
}

fn code(engine: &Engine, token: &str, tenant: Option<&str>) -> Option<Code> {
    let header = format!("Bearer {token}");
    let wanted = Wanted::from(Kind::Access).of_tenant(tenant);
    let seen = engine.authenticate(Some(header.as_bytes()), None, wanted, now());
    seen.err().map(|error| error.code())
}

#[test]
fn a_token_of_another_tenant_or_of_none_is_refused_from_the_cache_too() {
    let engine = engine(Algorithm::Hs256);
    let of_a = signed("tenant", r#""a""#);
    let of_none = signed("other", r#""a""#);
    let of_number = signed("tenant", "1");
    let of_empty = signed("tenant", r#""""#);
    // The third time, and later, the token is found in the cache.
    for _ in 0..4 {
        assert_eq!(code(&engine, &of_a, Some("a")), None);
        for tenant in ["b", "A", "a ", "", "aa"] {
            assert_eq!(code(&engine, &of_a, Some(tenant)), Some(Code::TenantInvalid));
        }
        for token in [&of_none, &of_number, &of_empty] {
            for tenant in ["a", "1", ""] {
                assert_eq!(code(&engine, token, Some(tenant)), Some(Code::TenantInvalid));
            }
        }
    }
    assert!(engine.cache_info().hits > 0);
}

#[test]
fn where_there_are_no_tenants_the_claim_is_the_projects() {
    let engine = engine(Algorithm::Hs256);
    for claim in [r#""a""#, "1", r#"{"id":1}"#, "[\"a\"]", "null"] {
        let token = signed("tenant", claim);
        for _ in 0..3 {
            assert_eq!(code(&engine, &token, None), None, "{claim}");
        }
    }
}

#[test]
fn the_text_of_a_token_is_verified_for_a_tenant_too() {
    let engine = engine(Algorithm::Hs256);
    let token = signed("tenant", r#""a""#);
    let verify = |wanted| engine.verify(token.as_bytes(), wanted, now()).map(drop);
    let any = Wanted::from(None);
    assert!(verify(any.of_tenant("a")).is_ok());
    assert_eq!(verify(any.of_tenant("b")).unwrap_err().code(), Code::TenantInvalid);
    // A refresh token is said to be one before it is said to be of another tenant.
    let refresh = Wanted::from(Some(Kind::Refresh)).of_tenant("b");
    assert_eq!(verify(refresh).unwrap_err().code(), Code::TypeInvalid);
}

#[test]
fn a_login_puts_the_tenant_into_both_tokens() {
    let engine = engine(Algorithm::Hs256);
    let new = NewSession { mode: Mode::Json, lifetime: None };
    let given = GivenClaims { tenant: Some("a"), ..GivenClaims::default() };
    let opened = open(engine.policy(), &new, &given, now()).unwrap();
    let refresh = opened.refresh(engine.policy()).unwrap();
    for claims in [&opened.access, &refresh] {
        assert_eq!(serde_json::to_value(claims).unwrap()["tenant"], "a");
    }
    let none = open(engine.policy(), &new, &GivenClaims::default(), now()).unwrap();
    assert!(serde_json::to_value(&none.access).unwrap().get("tenant").is_none());
}

#[test]
fn a_renewal_keeps_the_tenant() {
    let (engine, client) = (engine(Algorithm::Hs256), Client::default());
    let new = NewSession { mode: Mode::TwoCookies, lifetime: None };
    let given = GivenClaims { tenant: Some("a"), ..GivenClaims::default() };
    let (policy, time) = (engine.policy(), Micros::of(Some(now())));
    let opened = open(policy, &new, &given, now()).unwrap();
    let mut row = MemoryRow::new(&opened.row, &client, "hash");
    let sid = opened.session.to_string();
    let claims = SessionClaims {
        session: Some(&sid),
        generation: Some(1),
        tenant: Some("a"),
        ..SessionClaims::default()
    };
    // The second time within the grace period.
    for _ in 0..2 {
        let presented = Presented::new(&claims, Mode::TwoCookies).unwrap();
        let (begun, update) = begin(presented, policy, true, time);
        let has_won = row.update(&update, time) > 0;
        let checked = begun.check_generation(policy, Some(row.row()), has_won, time).unwrap();
        let user = User { is_active: true, auth_hashes: &["hash".to_owned()] };
        let renewed =
            checked.check_user(Some(&user)).unwrap().renew(policy, &client, time).unwrap();
        renewed.finish(renewed.update.as_ref().map_or(0, |one| row.update(one, time))).unwrap();
        assert_eq!(renewed.access.tenant.as_deref(), Some("a"));
        assert_eq!(renewed.refresh.unwrap().tenant.as_deref(), Some("a"));
    }
}

#[test]
fn accounts_of_one_name_are_counted_apart_and_their_network_is_not() {
    let limits = Limits {
        attempts: 5,
        account_attempts: 50,
        network_attempts: 200,
        day_attempts: 200,
        window: Duration::from_secs(300),
    };
    let counts =
        |account: &str, tenant: &str| Counts::of(account, tenant, "203.0.113.1", &limits, false);
    let (of_a, of_b, of_none) = (counts("alice", "a"), counts("alice", "b"), counts("alice", ""));
    for other in [&of_b, &of_none] {
        assert_eq!(of_a.networks, other.networks);
        assert_ne!(of_a.pair, other.pair);
        assert_ne!(of_a.account, other.account);
        assert_ne!(of_a.day, other.day);
        for (is_day_full, is_known) in [(true, true), (true, false), (false, true)] {
            assert_ne!(of_a.above(is_day_full, is_known), other.above(is_day_full, is_known));
        }
    }
}
