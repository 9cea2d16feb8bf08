//! Strict JSON (RFC 8259): one object, no duplicate names, finite numbers, bounded depth.

use std::borrow::Cow;
use std::collections::HashSet;

use jiter::{JsonObject, JsonValue};

/// Parses one object. The parser itself bounds the depth (200 levels), wants UTF-8 and refuses
/// `NaN`, a byte order mark and anything after the value.
pub(crate) fn parse_object(text: &[u8]) -> Result<JsonObject<'_>, &'static str> {
    match JsonValue::parse(text, false) {
        Ok(JsonValue::Object(object)) => {
            check_object(&object)?;
            Ok(object)
        }
        Ok(_) => Err("is not a JSON object"),
        Err(_) => Err("is not valid JSON"),
    }
}

fn check(value: &JsonValue<'_>) -> Result<(), &'static str> {
    match value {
        JsonValue::Float(number) if !number.is_finite() => Err("has a number that is not finite"),
        JsonValue::Array(items) => items.iter().try_for_each(check),
        JsonValue::Object(object) => check_object(object),
        _ => Ok(()),
    }
}

fn check_object(object: &JsonObject<'_>) -> Result<(), &'static str> {
    if has_duplicate(object) {
        return Err("has a duplicate name");
    }
    object.iter().try_for_each(|(_, value)| check(value))
}

fn has_duplicate(object: &[(Cow<'_, str>, JsonValue<'_>)]) -> bool {
    if object.len() <= FEW {
        let is_repeated = |(at, (name, _)): (usize, &(Cow<'_, str>, _))| {
            object.iter().take(at).any(|(earlier, _)| earlier == name)
        };
        return object.iter().enumerate().any(is_repeated);
    }
    let mut seen = HashSet::with_capacity(object.len());
    !object.iter().all(|(name, _)| seen.insert(name.as_ref()))
}

/// Up to so many names it is faster to compare than to hash.
const FEW: usize = 16;
