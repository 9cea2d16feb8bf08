//! What a ring of keys signs, it verifies.

use djwto_core::{
    Engine, KeyRing, Mode, Policy, PolicyOptions, Transport, TransportOptions, UnixTime,
};

const ACCESS: &str =
    r#"{"exp":1700000300,"iat":1700000000,"jti":"1","type":"access","user":{"id":7}}"#;

pub fn works(keys: KeyRing) {
    let policy = Policy::new(PolicyOptions::default()).expect("the defaults are good");
    let bearer = TransportOptions { modes: vec![Mode::Json], ..TransportOptions::default() };
    let transport = Transport::new(bearer).expect("the defaults are good");
    let engine: Engine = Engine::new(keys, policy, transport);
    // A key with wrong numbers may fail to sign, and a `kid` may be too long for a token of ours; a
    // signature that is made must hold.
    let Ok(token) = engine.sign(ACCESS) else { return };
    let now = UnixTime::new(1_700_000_000.0).expect("finite");
    engine.verify(token.text().as_bytes(), None, now).expect("signed by the same keys");
}
