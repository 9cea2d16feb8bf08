//! Ended sessions on their way to other processes: a JWS with a `typ` that no token has.
//!
//! The channel is not trusted. A message is signed by the key ring's signing key and verified as a
//! token is, so that only a server of the same keys ends a session in another's memory. A message
//! that is not good ends none; it is at most a reason to look into the database.

use serde_json::{Value, json};

use crate::compact::{self, MAX_TOKEN_BYTES, MalformedToken, Purpose, Untrusted};
use crate::json;
use crate::key::KeyRing;
use crate::token::issue::IssueError;
use crate::token::session_id::SessionId;
use crate::token::verify::VerifyError;
use crate::types::UnixTime;

/// The `typ` of a message. No token has it, and no message has that of a token.
pub const TYP: &str = "djwto-ended+jwt";

/// How old a message may be, and how far ahead of this server's clock: in seconds. An older one
/// would repeat what the database has told long ago.
pub const MAX_AGE_SECONDS: f64 = 300.0;

/// Sessions of one message. It then stays below [`MAX_TOKEN_BYTES`] by some 5,000 bytes.
const MAX_SESSIONS: usize = 150;

/// An ended session, and until when it is remembered: seconds since 1970-01-01T00:00:00Z.
pub type Entry = (SessionId, i64);

/// Signs messages that tell of these sessions; as many as it takes.
///
/// # Errors
///
/// [`IssueError`] says what hinders it: most often, that there is only a key to verify with.
pub fn sign(keys: &KeyRing, ended: &[Entry], now: UnixTime) -> Result<Vec<String>, IssueError> {
    let key = keys.signing().ok_or(IssueError::NoSigningKey)?;
    let header = key.header_of(TYP);
    let message = |entries: &[Entry]| {
        let entries = entries.iter().map(|(id, until)| json!([id.to_string(), until]));
        let payload = json!({ "iat": now.seconds(), "ended": entries.collect::<Value>() });
        let payload = payload.to_string();
        let text = compact::serialize(&header, payload.as_bytes(), |input| key.sign(input))
            .ok_or(IssueError::Sign)?;
        if text.len() > MAX_TOKEN_BYTES { Err(IssueError::TooLarge) } else { Ok(text) }
    };
    ended.chunks(MAX_SESSIONS).map(message).collect()
}

/// Verifies a message and reads what it tells.
///
/// # Errors
///
/// [`VerifyError`] names the first rule that does not hold.
pub fn read(keys: &KeyRing, message: &[u8], now: UnixTime) -> Result<Vec<Entry>, VerifyError> {
    let message = Untrusted::parse(message)?;
    if !keys.verifies(&message, Purpose::Ended)? {
        return Err(VerifyError::Signature);
    }
    let payload =
        json::parse_object(&message.decode_payload()?).map_err(MalformedToken::Payload)?;
    let issued = payload.get("iat").and_then(Value::as_f64).ok_or(VerifyError::Missing("iat"))?;
    if issued < now.seconds() - MAX_AGE_SECONDS {
        return Err(VerifyError::Expired);
    }
    if issued > now.seconds() + MAX_AGE_SECONDS {
        return Err(VerifyError::NotYetValid);
    }
    let ended = payload.get("ended").and_then(Value::as_array);
    let entries = ended.ok_or(VerifyError::Missing("ended"))?.iter().map(entry);
    entries.collect::<Option<_>>().ok_or(VerifyError::Malformed(WRONG_ENTRY))
}

const WRONG_ENTRY: MalformedToken =
    MalformedToken::Payload("has an entry that is not an id and a time");

fn entry(value: &Value) -> Option<Entry> {
    match value.as_array()?.as_slice() {
        [id, until] => Some((SessionId::parse(id.as_str()?)?, until.as_i64()?)),
        _ => None,
    }
}
