//! The claims of an access token that the guard reads. They are kept beside the token, so that a token
//! that comes again is not parsed again.

use djwto_core::token::permissions::Carried;
use djwto_core::types::UserId;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::assertions::Kept;

/// The claims, and the assertions that were made of them.
#[derive(Debug, Deserialize)]
pub struct AccessClaims {
    /// `user`
    user: User,
    /// `exp`, in seconds since 1970
    #[serde(default)]
    pub exp: Option<f64>,
    /// Whether there is a `sid`. Tokens of djwto 0.0.4 have none.
    #[serde(default, rename = "sid", deserialize_with = "is_there")]
    pub has_session: bool,
    /// The assertions for this token: they end with it.
    #[serde(skip)]
    pub assertions: Kept,
}

type Texts = Box<[Box<str>]>;

#[derive(Debug, Deserialize)]
struct User {
    #[serde(deserialize_with = "user_id")]
    id: UserId<'static>,
    #[serde(default, deserialize_with = "texts")]
    perms: Option<Texts>,
    #[serde(default, deserialize_with = "is_true")]
    perms_omitted: bool,
}

impl AccessClaims {
    /// `user.id`
    pub fn user(&self) -> &UserId<'static> {
        &self.user.id
    }

    /// The permissions in the token.
    pub fn permissions(&self) -> Carried<&[Box<str>]> {
        Carried::of(self.user.perms_omitted, self.user.perms.as_deref())
    }
}

/// A number of any size keeps its digits.
fn user_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserId<'static>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let text = raw.get();
    let id = match serde_json::from_str::<String>(text) {
        Ok(text) => UserId::text(text),
        Err(_) => match text.parse() {
            Ok(number) => Some(UserId::Integer(number)),
            Err(_) => is_integer(text).then(|| UserId::text(text.to_owned())).flatten(),
        },
    };
    id.ok_or_else(|| serde::de::Error::custom("expected a whole number or a text"))
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A list of texts; `None` for anything else.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Texts>, D::Error> {
    let Value::Array(list) = Value::deserialize(deserializer)? else { return Ok(None) };
    Ok(list.iter().map(|one| one.as_str().map(Box::from)).collect())
}

fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<IgnoredAny>::deserialize(deserializer).map(|found| found.is_some())
}

fn is_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? == Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::AccessClaims;
    use djwto_core::token::permissions::Carried;

    fn claims(user: &str) -> Result<AccessClaims, serde_json::Error> {
        serde_json::from_str(&format!(r#"{{"exp": 1.5, "user": {user}, "other": [1]}}"#))
    }

    #[test]
    fn an_id_is_a_whole_number_of_any_size_or_a_text() {
        for (id, text) in [
            ("7", "7"),
            ("-7", "-7"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            (r#""a\u00e9""#, "aé"),
        ] {
            let claims = claims(&format!(r#"{{"id": {id}}}"#)).unwrap();
            assert_eq!(claims.user().to_text(), text);
        }
        for id in ["1.0", "1e3", "null", "[1]", r#""""#] {
            assert!(claims(&format!(r#"{{"id": {id}}}"#)).is_err(), "{id}");
        }
    }

    #[test]
    fn permissions_are_a_list_or_omitted() {
        for (user, expected) in [
            (r#"{"id": 1, "perms": ["a.b"]}"#, Carried::List(1)),
            (r#"{"id": 1, "perms": [], "perms_omitted": true}"#, Carried::Omitted),
            (r#"{"id": 1, "perms": ["a.b", 1]}"#, Carried::Invalid),
            (r#"{"id": 1, "perms": "a.b", "perms_omitted": 1}"#, Carried::Invalid),
            (r#"{"id": 1}"#, Carried::Invalid),
        ] {
            let claims = claims(user).unwrap();
            let found = match claims.permissions() {
                Carried::List(list) => Carried::List(list.len()),
                Carried::Omitted => Carried::Omitted,
                Carried::Invalid => Carried::Invalid,
            };
            assert_eq!(found, expected, "{user}");
        }
    }
}
