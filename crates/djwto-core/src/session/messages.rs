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
use crate::token::revoked::Revocations;
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

/// Of more sessions that end at once, other processes read the store instead.
pub const MAX_PUBLISHED: usize = 3000;

/// What is published where nothing can be signed, or too much ended at once: a reason to look at
/// the store. It needs no signature, and any other text would do.
pub const WAKE_UP: &str = "look";

/// The pause after a message that is not signed, in seconds: a flood of them keeps no process busy.
pub const UNSIGNED_PAUSE_SECONDS: f64 = 0.01;

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

/// What to publish about these sessions: signed messages, or [`WAKE_UP`].
pub fn publish(keys: &KeyRing, ended: &[Entry], now: UnixTime) -> Vec<String> {
    let signed = (ended.len() <= MAX_PUBLISHED).then(|| sign(keys, ended, now).ok()).flatten();
    signed.unwrap_or_else(|| vec![WAKE_UP.to_owned()])
}

/// What a message means to the process that has heard it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// All that it tells is in the set.
    All,
    /// So many of its sessions found no room in the set.
    LeftOut(usize),
    /// It is not signed, too old, or none of ours, and nothing of it is in the set.
    Unsigned(VerifyError),
}

impl Heard {
    /// Whether the store is to be looked at now.
    pub fn needs_look(&self) -> bool {
        !matches!(self, Self::All)
    }

    /// How long to wait before the next message is heard, in seconds.
    pub fn pause_seconds(&self) -> f64 {
        if matches!(self, Self::Unsigned(_)) { UNSIGNED_PAUSE_SECONDS } else { 0.0 }
    }
}

/// Puts what [`read`] found into the set, and says what it means.
pub fn hear(read: Result<Vec<Entry>, VerifyError>, set: &Revocations) -> Heard {
    match read.map(|ended| set.hear(ended)) {
        Ok(0) => Heard::All,
        Ok(left_out) => Heard::LeftOut(left_out),
        Err(error) => Heard::Unsigned(error),
    }
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
