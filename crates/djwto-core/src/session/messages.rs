//! Messages about ended sessions for other processes: a JWS with a `typ` that no token has.
//!
//! The channel is not trusted. The key ring signs a message, and it is verified as a token is. So only
//! a server with the same keys can end a session in the memory of another. A bad message ends no
//! session. It is at most a reason to read the database.

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

/// How old a message may be, and how far in the future, in seconds. The database has told anything
/// older long ago.
pub const MAX_AGE_SECONDS: f64 = 300.0;

/// Sessions per message. A message is then some 5,000 bytes smaller than [`MAX_TOKEN_BYTES`].
const MAX_SESSIONS: usize = 150;

/// If more sessions end at once, other processes read the store instead.
pub const MAX_PUBLISHED: usize = 3000;

/// The message if nothing can be signed, or if too many sessions ended at once: a reason to read the
/// store. It needs no signature, and any other text has the same effect.
pub const WAKE_UP: &str = "look";

/// The pause after an unsigned message, in seconds, so that a flood of them keeps no process busy.
pub const UNSIGNED_PAUSE_SECONDS: f64 = 0.01;

/// An ended session, and until when it is remembered: seconds since 1970-01-01T00:00:00Z.
pub type Entry = (SessionId, i64);

/// Signs messages about these sessions, as many as are needed.
///
/// # Errors
///
/// [`IssueError`], most often because no key can sign.
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

/// The messages to publish about these sessions: signed ones, or [`WAKE_UP`].
pub fn publish(keys: &KeyRing, ended: &[Entry], now: UnixTime) -> Vec<String> {
    let signed = (ended.len() <= MAX_PUBLISHED).then(|| sign(keys, ended, now).ok()).flatten();
    signed.unwrap_or_else(|| vec![WAKE_UP.to_owned()])
}

/// The result of a message for the process that received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// All its sessions are in the set.
    All,
    /// So many of its sessions found no room in the set.
    LeftOut(usize),
    /// It is unsigned, too old, or of another kind, and no session of it is in the set.
    Unsigned(VerifyError),
}

impl Heard {
    /// Whether to read the store now.
    pub fn needs_look(&self) -> bool {
        !matches!(self, Self::All)
    }

    /// How long to wait before the next message is read, in seconds.
    pub fn pause_seconds(&self) -> f64 {
        if matches!(self, Self::Unsigned(_)) { UNSIGNED_PAUSE_SECONDS } else { 0.0 }
    }
}

/// Puts the sessions of [`read`] into the set, and returns the result.
pub fn hear(read: Result<Vec<Entry>, VerifyError>, set: &Revocations) -> Heard {
    match read.map(|ended| set.hear(ended)) {
        Ok(0) => Heard::All,
        Ok(left_out) => Heard::LeftOut(left_out),
        Err(error) => Heard::Unsigned(error),
    }
}

/// Verifies a message, and returns its sessions.
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
