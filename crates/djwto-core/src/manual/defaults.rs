//! # The defaults, and what each is for
//!
//! **One algorithm.** A key is bound to one algorithm when it is loaded, and a header's `alg` only
//! has to agree with it. An attacker who writes `none`, or `HS256` over a public key, changes
//! nothing but the error (RFC 8725 §3.1). A PEM or SSH key is refused as a shared secret.
//!
//! **Strict reading.** Each part of a token has one spelling. Padding, white space, letters of the other base64
//! alphabet, non-zero trailing bits, duplicate names, `NaN` and text after the JSON are refused, so
//! that no two readers can see two things in one token (RFC 8725 §3.10 speaks of such
//! substitutions). Size is bounded before anything is decoded, depth while it is parsed.
//!
//! **Keys come from the operator.** `jwk`, `jku`, `x5u` and `x5c` in a header are data of the sender,
//! and are never looked at (RFC 8725 §3.10). `crit` is refused, because nothing it could
//! list is implemented (RFC 7515 §4.1.11).
//!
//! **Two kinds.** `type` is required and compared, so that the long-lived token opens no view
//! (RFC 8725 §3.11). Where lifetimes are set, a token without `exp` is refused.
//!
//! **No leeway.** `exp` is compared with no tolerance unless the operator asks for some, and never
//! more than five minutes. `iat` must be a number and is not compared: servers' clocks differ.
//!
//! **An audience is never ignored.** A token with `aud` is refused where no audience is
//! configured (RFC 7519 §4.1.3).
//!
//! **Ambiguity is refused.** Two cookies of one name cannot be told apart by a server, and a name
//! with invisible letters around it is taken for ours by lenient parsers. Both are what an
//! attacker on a sibling subdomain can plant, so both are refused. A Bearer header decides alone.
//!
//! **Rotation for browsers.** A browser keeps the cookie that it is sent, so its sessions rotate. A
//! program that was written for djwto 0.0.4 keeps its refresh token, and would be logged out by its second
//! renewal; it is rotated where the operator says that programs are ready (RFC 9700 §4.14.2).
//!
//! **Ten seconds of grace.** Long enough for a lost reply and for tabs that wake up together, short enough that a thief
//! must be there at that very moment; and within it nothing is signed that the owner does not get too.
//!
//! **A second until a logout is everywhere.** One indexed query a second and process costs a
//! database nothing, and a person who has clicked "log out" does not notice it.
//!
//! **Closed after a minute without the store.** An outage must not let in a user who was logged out. A restart
//! of the database takes less than that.
