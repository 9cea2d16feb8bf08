//! A payload: what is accepted says the same to another reader, and what another reader accepts
//! is refused only for a rule of ours. Written anew, it is signed or refused as it was read.

#![no_main]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use djwto_core::token::claims::{Claims, ClaimsError};
use djwto_core::token::claims_writer::{ClaimsJson, Names, ValueWriter, Written};
use djwto_core::token::issue::{self, IssueError};
use djwto_core::types::UnixTime;
use djwto_core::{Algorithm, KeyRing};
use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Levels and digits that every reader takes. Beyond them we may refuse, and nothing more.
const SURE_LEVELS: usize = 100;
const SURE_DIGITS: usize = 1000;
/// Where the second reader gives up; the engine must have given up before.
const MAX_LEVELS: usize = 250;

fuzz_target!(|payload: &[u8]| {
    let theirs = std::str::from_utf8(payload).ok().and_then(|text| Json::read(text, 0));
    match Claims::parse(payload) {
        Ok(ours) => {
            let Some(Json::Object(theirs)) = theirs else { panic!("accepted by us alone") };
            same(&ours, &theirs);
            written_anew(&ours, &theirs);
        }
        Err(ClaimsError::Malformed(why)) => {
            if let Some(object @ Json::Object(_)) = theirs {
                assert!(object.is_beyond_bounds(), "refused by us alone: {why}");
            }
        }
        Err(ClaimsError::Invalid(name)) => {
            let Some(Json::Object(theirs)) = theirs else { panic!("called JSON by us alone") };
            assert!(theirs.contains_key(name));
            if let Ok(claims) = ClaimsJson::write(|writer| write_object(writer, &theirs)) {
                assert!(issue::sign_claims(&KEYS, claims).is_err(), "refused, and signed");
            }
        }
        Err(_) => {}
    }
});

fn same(ours: &Claims<'_>, theirs: &BTreeMap<String, Json>) {
    let text = |name| theirs.get(name).map(|value| value.text().expect("a text"));
    assert_eq!(ours.issuer.as_deref(), text("iss"));
    assert_eq!(ours.subject.as_deref(), text("sub"));
    assert_eq!(ours.id.as_deref(), text("jti"));
    assert_eq!(ours.session.as_deref(), text("sid"));
    assert_eq!(ours.kind.map(|kind| kind.name()), text("type"));
    let time = |name| theirs.get(name).map(|value| value.number().expect("a number"));
    assert_eq!(ours.expires.map(UnixTime::seconds), time("exp"));
    assert_eq!(ours.not_before.map(UnixTime::seconds), time("nbf"));
    assert_eq!(ours.issued_at.map(UnixTime::seconds), time("iat"));
    assert_eq!(ours.generation.map(|count| count as f64), time("gen"));
    let audience = theirs.get("aud").map(|value| match value {
        Json::Array(items) => items.iter().map(|item| item.text().expect("a text")).collect(),
        one => vec![one.text().expect("a text")],
    });
    let seen: Option<Vec<&str>> =
        ours.audience.as_ref().map(|several| several.iter().map(|one| &**one).collect());
    assert_eq!(seen, audience);
    let names_user = match theirs.get("user") {
        Some(Json::Object(user)) => match user.get("id") {
            Some(Json::Number(digits)) => !digits.contains(['.', 'e', 'E']),
            Some(Json::Text(id)) => !id.is_empty(),
            _ => false,
        },
        _ => false,
    };
    assert_eq!(ours.user.is_some(), names_user);
}

fn written_anew(ours: &Claims<'_>, theirs: &BTreeMap<String, Json>) {
    // Faces have no whole numbers beyond 64 bits to write.
    let Ok(claims) = ClaimsJson::write(|writer| write_object(writer, theirs)) else { return };
    match issue::sign_claims(&KEYS, claims) {
        Ok(token) => {
            let again = Claims::parse(token.payload().as_bytes()).expect("what is signed is read");
            same(&again, theirs);
            assert!(token.payload().is_ascii());
            assert_eq!(token.expires(), ours.expires);
        }
        Err(IssueError::Missing(_)) => assert!(ours.kind.is_none() || !ours.user.is_some()),
        Err(IssueError::TooLarge) => {}
        Err(error) => panic!("read, and not to be written: {error}"),
    }
}

static KEYS: LazyLock<KeyRing> =
    LazyLock::new(|| KeyRing::load(Algorithm::Hs256, Some(&[7; 32]), None).expect("a good secret"));

fn write_object<'s>(
    writer: ValueWriter<'s>,
    object: &BTreeMap<String, Json>,
) -> Result<Written<'s>, ()> {
    let names = Names::new(object.keys().map(String::as_str)).expect("each once");
    let values: Vec<_> = object.values().collect();
    writer.object(&names, |writer, place| write(writer, values[place]))
}

fn write<'s>(writer: ValueWriter<'s>, value: &Json) -> Result<Written<'s>, ()> {
    Ok(match value {
        Json::Constant(constant) => writer.literal(*constant),
        Json::Number(digits) => match (digits.parse(), digits.parse()) {
            (Ok(whole), _) => writer.integer(whole),
            (Err(_), Ok(number)) if digits.contains(['.', 'e', 'E']) => writer.float(number),
            _ => return Err(()),
        },
        Json::Text(text) => writer.text(text),
        Json::Array(items) => writer.array(items, write)?,
        Json::Object(object) => write_object(writer, object)?,
    })
}

/// JSON as another parser reads it, with each name once and numbers as they are spelt.
enum Json {
    Constant(Option<bool>),
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// `None` for what is no JSON, says a name twice, or has no end to its levels.
    fn read(text: &str, level: usize) -> Option<Self> {
        if level > MAX_LEVELS {
            return None;
        }
        let deeper = |raw: &RawValue| Self::read(raw.get(), level + 1);
        Some(match text.trim_start_matches([' ', '\t', '\r', '\n']).as_bytes().first()? {
            b'{' => {
                let Members(members) = parse(text)?;
                let pairs = members.into_iter().map(|(name, raw)| Some((name, deeper(raw)?)));
                Self::Object(pairs.collect::<Option<_>>()?)
            }
            b'[' => {
                let items: Vec<&RawValue> = parse(text)?;
                Self::Array(items.into_iter().map(deeper).collect::<Option<_>>()?)
            }
            b'"' => Self::Text(parse(text)?),
            b't' | b'f' | b'n' => Self::Constant(parse(text)?),
            _ => Self::Number(parse::<&RawValue>(text)?.get().to_owned()),
        })
    }

    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn number(&self) -> Option<f64> {
        if let Self::Number(digits) = self { digits.parse().ok() } else { None }
    }

    /// Whether it is one of the few things that are JSON and that we call malformed: too deep, or
    /// with a number that no double, or no integer of Python, holds.
    fn is_beyond_bounds(&self) -> bool {
        self.levels() > SURE_LEVELS || self.has_odd_number()
    }

    fn levels(&self) -> usize {
        1 + self.children().map(Self::levels).max().unwrap_or(0)
    }

    fn has_odd_number(&self) -> bool {
        self.number().is_some_and(f64::is_infinite)
            || matches!(self, Self::Number(digits) if digits.len() > SURE_DIGITS)
            || self.children().any(Self::has_odd_number)
    }

    fn children(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        match self {
            Self::Array(items) => Box::new(items.iter()),
            Self::Object(object) => Box::new(object.values()),
            _ => Box::new(std::iter::empty()),
        }
    }
}

fn parse<'j, T: Deserialize<'j>>(text: &'j str) -> Option<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let value = T::deserialize(&mut reader).ok()?;
    reader.end().ok().map(|()| value)
}

/// The members of an object, none of them twice.
struct Members<'j>(BTreeMap<String, &'j RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a name twice"));
            }
        }
        Ok(Members(members))
    }
}
