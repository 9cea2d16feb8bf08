//! The cache of verified tokens: a hit says what a fresh look would say.

use crate::support::{ACCESS, NOW, access_with, at, engine, now, verified};
use djwto_core::token::cache::{CacheInfo, Lookup, TokenCache};
use djwto_core::token::verify::VerifyError;
use djwto_core::{Algorithm, Engine, Kind, SessionId, UnixTime};

#[test]
fn a_cache_of_nothing_is_none() {
    assert!(TokenCache::<()>::new(0, 1000).is_none());
    assert!(TokenCache::<()>::new(1000, 0).is_none());
}

#[test]
fn a_token_comes_back_with_what_was_made_of_it() {
    let (engine, cache) = (engine(Algorithm::Hs256), TokenCache::new(10, 10_000).unwrap());
    let token = signed(&engine, ACCESS);
    put(&cache, &engine, &token, 7);
    assert_eq!(look(&cache, &engine, &token, now()), Some(Ok(7)));
    let CacheInfo { entries, hits, misses, .. } = cache.info();
    assert_eq!((entries, hits, misses), (1, 1, 1));
}

#[test]
fn a_cached_token_is_refused_once_its_session_has_ended() {
    let (engine, cache) = (engine(Algorithm::Hs256), TokenCache::new(10, 10_000).unwrap());
    let token = signed(&engine, ACCESS);
    put(&cache, &engine, &token, 7);
    engine.revocations().extend([(SessionId::of_legacy("j1"), NOW)]);
    assert_eq!(look(&cache, &engine, &token, now()), Some(Err(VerifyError::Ended)));
}

#[test]
fn a_cached_token_is_refused_once_it_expires() {
    let (engine, cache) = (engine(Algorithm::Hs256), TokenCache::new(10, 10_000).unwrap());
    let token = signed(&engine, ACCESS);
    put(&cache, &engine, &token, 7);
    let last = at(f64::from(1_700_000_299));
    assert_eq!(look(&cache, &engine, &token, last), Some(Ok(7)));
    // It is not even there any more.
    let end = at(f64::from(1_700_000_300));
    assert_eq!(look(&cache, &engine, &token, end), None);
    assert_eq!((cache.info().entries, cache.info().bytes), (0, 0));
    assert_eq!(verified(&engine, token.as_bytes(), None, end).unwrap_err(), VerifyError::Expired);
}

#[test]
fn any_time_is_answered() {
    let (engine, cache) = (engine(Algorithm::Hs256), TokenCache::new(10, 10_000).unwrap());
    let endless = signed(&engine, &ACCESS.replace("1700000300", "1e30"));
    put(&cache, &engine, &endless, 7);
    for seconds in [1e30, -1e30, f64::MAX, f64::MIN, 1.8e19, 9.3e18] {
        let is_good = seconds < 1e30;
        let expected = if is_good { Ok(7) } else { Err(VerifyError::Expired) };
        assert_eq!(look(&cache, &engine, &endless, at(seconds)), Some(expected), "{seconds}");
        assert_eq!(look(&cache, &engine, "another token", at(seconds)), None);
    }
}

#[test]
fn a_cached_token_is_refused_before_its_nbf_when_the_clock_goes_back() {
    let (engine, cache) = (engine(Algorithm::Hs256), TokenCache::new(10, 10_000).unwrap());
    let token = signed(&engine, &access_with("nbf", &NOW.to_string()));
    put(&cache, &engine, &token, 7);
    let before = at(f64::from(1_699_999_999));
    let verdict = look(&cache, &engine, &token, before);
    assert_eq!(verdict, Some(Err(VerifyError::NotYetValid)));
}

#[test]
fn a_cached_token_is_refused_where_the_other_kind_is_wanted() {
    let (engine, cache) = (engine(Algorithm::Hs256), TokenCache::new(10, 10_000).unwrap());
    let token = signed(&engine, ACCESS);
    put(&cache, &engine, &token, 7);
    let Lookup::Hit(verdict) =
        cache.get(token.as_bytes(), &engine.requirements(Some(Kind::Refresh), now()))
    else {
        panic!("a hit")
    };
    assert_eq!(verdict, Err(VerifyError::Type(Kind::Refresh)));
}

#[test]
fn a_token_that_shares_its_parts_with_a_cached_one_is_verified_anew() {
    let (engine, cache) = (engine(Algorithm::Hs256), TokenCache::new(10, 10_000).unwrap());
    let token = signed(&engine, ACCESS);
    put(&cache, &engine, &token, 7);
    let other = signed(&engine, &access_with("user", r#"{"id":1}"#));
    let [mine, theirs] = [&token, &other].map(|text| text.split('.').collect::<Vec<_>>());
    let ([header, payload, signature], [_, forged, _]) = (mine.as_slice(), theirs.as_slice())
    else {
        panic!("three parts")
    };
    for fake in [
        format!("{header}.{forged}.{signature}"),
        format!("{payload}.{payload}.{signature}"),
        format!("x{token}"),
        format!("{token}."),
        signature.to_string(),
        String::new(),
    ] {
        assert_eq!(look(&cache, &engine, &fake, now()), None, "{fake}");
        assert!(verified(&engine, fake.as_bytes(), None, now()).is_err());
    }
}

#[test]
fn what_expires_soonest_leaves_a_full_cache_first() {
    let (engine, cache) = (engine(Algorithm::Hs256), TokenCache::new(3, 10_000).unwrap());
    let tokens: Vec<_> = [500, 300, 400, 600]
        .map(|seconds| signed(&engine, &access_with("exp", &(NOW + seconds).to_string())))
        .into();
    for token in &tokens {
        put(&cache, &engine, token, 7);
    }
    let there: Vec<_> =
        tokens.iter().map(|token| look(&cache, &engine, token, now()).is_some()).collect();
    assert_eq!(there, [true, false, true, true]);
}

#[test]
fn bytes_are_bounded_too() {
    let engine = engine(Algorithm::Hs256);
    let token = signed(&engine, ACCESS);
    let cache = TokenCache::new(10, 1000).unwrap();
    put(&cache, &engine, &token, 7);
    assert!(cache.info().bytes > token.len());
    for number in 0..20 {
        put(&cache, &engine, &signed(&engine, &access_with("x", &number.to_string())), 7);
        assert!(cache.info().bytes <= 1000);
    }
    let small = TokenCache::new(10, token.len()).unwrap();
    put(&small, &engine, &token, 7);
    assert_eq!(small.info().entries, 0);
}

#[test]
fn a_token_gets_in_at_second_sight() {
    let cache = TokenCache::<()>::new(10, 10_000).unwrap();
    let engine = engine(Algorithm::Hs256);
    let token = signed(&engine, ACCESS);
    let sight = || match cache.get(token.as_bytes(), &engine.requirements(None, now())) {
        Lookup::Miss(place) => cache.seen_before(place),
        Lookup::Hit(_) => panic!("nothing was put in"),
    };
    assert_eq!([sight(), sight()], [false, true]);
}

#[test]
fn it_shows_no_token() {
    let (engine, cache) = (engine(Algorithm::Hs256), TokenCache::new(10, 10_000).unwrap());
    let token = signed(&engine, ACCESS);
    put(&cache, &engine, &token, 7);
    assert_eq!(format!("{cache:?}"), "TokenCache { max_entries: 10, max_bytes: 10000, .. }");
}

fn signed(engine: &Engine, claims: &str) -> String {
    engine.sign(claims).unwrap().text().to_owned()
}

fn put(cache: &TokenCache<u8>, engine: &Engine, token: &str, value: u8) {
    let verified = verified(engine, token.as_bytes(), None, now()).unwrap();
    let Lookup::Miss(place) = cache.get(token.as_bytes(), &engine.requirements(None, now())) else {
        panic!("already there")
    };
    cache.insert(place, token.as_bytes(), &verified, value, 0);
}

fn look(
    cache: &TokenCache<u8>,
    engine: &Engine,
    token: &str,
    now: UnixTime,
) -> Option<Result<u8, VerifyError>> {
    match cache.get(token.as_bytes(), &engine.requirements(None, now)) {
        Lookup::Hit(verdict) => Some(verdict.map(|(value, _)| value)),
        Lookup::Miss(_) => None,
    }
}
