//! # The defaults, and the reason for each
//!
//! **One algorithm per key.** A key belongs to one algorithm when it is loaded, and the `alg` of a
//! header must match it. An attacker who writes `none`, or `HS256` with a public key, only gets another
//! error (RFC 8725 §3.1). A PEM or SSH key is refused as a shared secret.
//!
//! **Strict reading.** Each part of a token has exactly one spelling. So two readers cannot see two
//! different contents in one token (RFC 8725 §3.10 names such substitutions). Refused are padding, white
//! space, the other base64 alphabet, non-zero trailing bits, duplicate names, `NaN` and text after the
//! JSON. The size is checked before anything is decoded, and the depth while it is parsed.
//!
//! **Keys come from the operator.** `jwk`, `jku`, `x5u` and `x5c` in a header come from the sender, and
//! are ignored (RFC 8725 §3.10). `crit` is refused, because no extension is implemented
//! (RFC 7515 §4.1.11).
//!
//! **Two kinds.** `type` is required and compared, so a refresh token opens no view (RFC 8725 §3.11). If
//! a lifetime is set, a token without `exp` is refused.
//!
//! **No leeway.** `exp` is compared exactly. The operator can allow at most five minutes. `iat` must be
//! a number and is not compared, because the clocks of servers differ.
//!
//! **An audience is never ignored.** Without a configured audience, a token with `aud` is refused
//! (RFC 7519 §4.1.3).
//!
//! **Ambiguity is refused.** A server cannot tell two cookies of one name apart. A lenient parser takes a
//! name with invisible characters around it for the real one. An attacker on a sibling subdomain can
//! plant both, so both are refused. A Bearer header decides alone.
//!
//! **Rotation for browsers.** A browser keeps the cookie that it gets, so its sessions rotate. A program
//! that was written for djwto 0.0.4 keeps its refresh token, and would be logged out by its second
//! renewal. Its sessions rotate when the operator says so (RFC 9700 §4.14.2).
//!
//! **A grace period of ten seconds.** It covers a lost reply, and tabs that wake up together. A thief has
//! to come within the same seconds, and then gets only tokens that the owner gets too.
//!
//! **A logout is everywhere within a second.** One indexed query per second and process costs a database
//! almost nothing. A user who clicks "log out" does not notice the second.
//!
//! **Refusal after a minute without the store.** An outage must not let in a user who was logged out. A
//! restart of the database takes less than a minute.
