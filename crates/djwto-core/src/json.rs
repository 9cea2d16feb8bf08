//! Strict JSON (RFC 8259): one object, no duplicate names, finite numbers, bounded depth, read
//! once. In the same pass, a face may build its own objects ([`Build`]).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};

use jiter::{Jiter, NumberAny, NumberInt, Peek};
use serde_json::{Map, Value};

/// How deep objects and arrays may be nested.
pub(crate) const MAX_DEPTH: usize = 200;

/// Builds objects from the values of a reader. `()` builds nothing.
pub trait Build {
    /// A value.
    type Value;
    /// An array under construction.
    type Array;
    /// The name of a member.
    type Name;
    /// An object under construction.
    type Object;

    /// `null`
    fn null(&mut self) -> Self::Value;
    /// `true` or `false`
    fn boolean(&mut self, value: bool) -> Self::Value;
    /// A whole number of 64 bits.
    fn integer(&mut self, value: i64) -> Self::Value;
    /// A whole number beyond 64 bits, in decimal digits.
    fn big_integer(&mut self, digits: &str) -> Self::Value;
    /// Any other number, which is finite.
    fn float(&mut self, value: f64) -> Self::Value;
    /// A string.
    fn text(&mut self, value: &str) -> Self::Value;
    /// An empty array.
    fn array(&mut self) -> Self::Array;
    /// Appends an item.
    fn push(&mut self, array: &mut Self::Array, item: Self::Value);
    /// The array is complete.
    fn end_array(&mut self, array: Self::Array) -> Self::Value;
    /// An empty object.
    fn object(&mut self) -> Self::Object;
    /// A member's name.
    fn name(&mut self, name: &str) -> Self::Name;
    /// Adds a member.
    fn insert(&mut self, object: &mut Self::Object, name: Self::Name, value: Self::Value);
    /// The object is complete; `None` where two members had one name.
    fn end_object(&mut self, object: Self::Object) -> Option<Self::Value>;
}

/// A value, as far as the rules for claims need it. A face with its own objects for claims makes one
/// of each claim that the rules need, so the rules are the same.
#[derive(Debug)]
pub enum Seen<'j> {
    /// A whole number of 64 bits.
    Integer(i64),
    /// A whole number beyond 64 bits, in decimal digits.
    BigInteger(String),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(Cow<'j, str>),
    /// Anything else; of arrays and objects only that they are.
    Other,
}

/// Reads one JSON text from its first byte to its last.
pub(crate) struct Reader<'j, 'b, B> {
    text: &'j [u8],
    json: Jiter<'j>,
    depth: usize,
    build: &'b mut B,
}

type Result<T> = std::result::Result<T, &'static str>;

const INVALID: &str = "is not valid JSON";

/// Reads one object. Of each member, `classify` sees the name, and `member` gets what it said and
/// reads the value, with one of the methods of [`Reader`].
pub(crate) fn read_object<'j, B: Build, C>(
    text: &'j [u8],
    build: &mut B,
    classify: impl FnMut(&str) -> C,
    member: impl FnMut(&mut Reader<'j, '_, B>, C) -> Result<B::Value>,
) -> Result<B::Value> {
    let mut reader = Reader { text, json: Jiter::new(text), depth: 0, build };
    if reader.peek()? != Peek::Object {
        // What follows must still be JSON for this to be the fault.
        reader.value()?;
        reader.finish()?;
        return Err("is not a JSON object");
    }
    let object = reader.object(classify, member)?;
    reader.finish()?;
    Ok(object)
}

/// Parses one object into a map.
pub(crate) fn parse_object(text: &[u8]) -> Result<Map<String, Value>> {
    match read_object(text, &mut Tree, |_| (), |reader, ()| reader.value())? {
        Value::Object(map) => Ok(map),
        _ => Err("is not a JSON object"),
    }
}

/// Gives each text of a list, as far as it is one: whether the JSON is a list of texts alone.
pub(crate) fn read_texts(json: &[u8], mut each: impl FnMut(&str)) -> bool {
    let mut json = Jiter::new(json);
    let mut texts = || {
        let mut next = json.next_array()?;
        while next.is_some() {
            each(json.next_str()?);
            next = json.array_step()?;
        }
        json.finish()
    };
    texts().is_ok()
}

impl<'j, B: Build> Reader<'j, '_, B> {
    /// Any value.
    pub(crate) fn value(&mut self) -> Result<B::Value> {
        match self.peek()? {
            Peek::String => {
                let text = self.json.known_str().map_err(|_| INVALID)?;
                Ok(self.build.text(text))
            }
            Peek::Object => self.object(|_| (), |reader, ()| reader.value()),
            Peek::Array => self.array(Self::value),
            Peek::Null => {
                self.json.known_null().map_err(|_| INVALID)?;
                Ok(self.build.null())
            }
            peek @ (Peek::True | Peek::False) => {
                let value = self.json.known_bool(peek).map_err(|_| INVALID)?;
                Ok(self.build.boolean(value))
            }
            peek => Ok(self.number(peek)?.0),
        }
    }

    /// Any value, and what it was.
    pub(crate) fn seen(&mut self) -> Result<(B::Value, Seen<'j>)> {
        match self.peek()? {
            Peek::String => {
                let start = self.json.current_index();
                let text = self.json.known_str().map_err(|_| INVALID)?;
                let (value, length) = (self.build.text(text), text.len());
                Ok((value, Seen::Text(self.borrow(start, length)?)))
            }
            Peek::Null | Peek::True | Peek::False | Peek::Object | Peek::Array => {
                Ok((self.value()?, Seen::Other))
            }
            peek => self.number(peek),
        }
    }

    /// Any value, and its text.
    pub(crate) fn spanned(&mut self) -> Result<(B::Value, &'j [u8])> {
        self.peek()?;
        let start = self.json.current_index();
        let value = self.value()?;
        let text = self.text.get(start..self.json.current_index());
        Ok((value, text.unwrap_or_default()))
    }

    /// An object, read as by [`read_object`]; other values as [`Self::value`].
    pub(crate) fn members<C>(
        &mut self,
        classify: impl FnMut(&str) -> C,
        member: impl FnMut(&mut Self, C) -> Result<B::Value>,
    ) -> Result<B::Value> {
        if self.peek()? == Peek::Object { self.object(classify, member) } else { self.value() }
    }

    /// An array, each item of which is for `item` to read; `None` for other values, unread.
    pub(crate) fn items(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<B::Value>,
    ) -> Result<Option<B::Value>> {
        if self.peek()? == Peek::Array { self.array(item).map(Some) } else { Ok(None) }
    }

    fn object<C>(
        &mut self,
        mut classify: impl FnMut(&str) -> C,
        mut member: impl FnMut(&mut Self, C) -> Result<B::Value>,
    ) -> Result<B::Value> {
        self.descend()?;
        let mut object = self.build.object();
        let mut next = self.json.known_object();
        while let Some(name) = next.map_err(|_| INVALID)? {
            let (class, name) = (classify(name), self.build.name(name));
            let value = member(self, class)?;
            self.build.insert(&mut object, name, value);
            next = self.json.next_key();
        }
        self.depth -= 1;
        self.build.end_object(object).ok_or("has a duplicate name")
    }

    fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<B::Value>) -> Result<B::Value> {
        self.descend()?;
        let mut array = self.build.array();
        let mut next = self.json.known_array().map_err(|_| INVALID)?;
        while next.is_some() {
            let value = item(self)?;
            self.build.push(&mut array, value);
            next = self.json.array_step().map_err(|_| INVALID)?;
        }
        self.depth -= 1;
        Ok(self.build.end_array(array))
    }

    fn number(&mut self, peek: Peek) -> Result<(B::Value, Seen<'j>)> {
        match self.json.known_number(peek).map_err(|_| INVALID)? {
            NumberAny::Int(NumberInt::Int(value)) => {
                Ok((self.build.integer(value), Seen::Integer(value)))
            }
            NumberAny::Int(NumberInt::BigInt(value)) => {
                let digits = value.to_string();
                Ok((self.build.big_integer(&digits), Seen::BigInteger(digits)))
            }
            NumberAny::Float(value) if value.is_finite() => {
                Ok((self.build.float(value), Seen::Float(value)))
            }
            NumberAny::Float(_) => Err("has a number that is not finite"),
        }
    }

    /// The string that begins with the quote at `start`, and is `length` bytes without escapes.
    fn borrow(&self, start: usize, length: usize) -> Result<Cow<'j, str>> {
        let text = self.text.get(start..).unwrap_or_default();
        // An escape takes more bytes than it stands for, so equal lengths mean that there is none.
        if self.json.current_index() == start + length + 2
            && let Some(Ok(inner)) = text.get(1..=length).map(str::from_utf8)
        {
            return Ok(Cow::Borrowed(inner));
        }
        let mut again = Jiter::new(text);
        Ok(Cow::Owned(again.next_str().map_err(|_| INVALID)?.to_owned()))
    }

    fn peek(&mut self) -> Result<Peek> {
        self.json.peek().map_err(|_| INVALID)
    }

    fn finish(&mut self) -> Result<()> {
        self.json.finish().map_err(|_| INVALID)
    }

    fn descend(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err("is nested too deeply") } else { Ok(()) }
    }
}

/// Writes a letter of a JSON string, as ASCII: pages read `jwt_access_payload` byte by byte.
pub(crate) fn write_letter(text: &mut String, letter: char) {
    match letter {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        ' '..='~' => text.push(letter),
        _ => {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
}

/// For callers that want no value: the rules alone.
impl Build for () {
    type Value = ();
    type Array = ();
    /// A hash: two names with the same one are as good as impossible, and would be refused.
    type Name = u64;
    type Object = Hashes;

    fn null(&mut self) {}
    fn boolean(&mut self, _: bool) {}
    fn integer(&mut self, _: i64) {}
    fn big_integer(&mut self, _: &str) {}
    fn float(&mut self, _: f64) {}
    fn text(&mut self, _: &str) {}
    fn array(&mut self) {}
    fn push(&mut self, (): &mut (), (): ()) {}
    fn end_array(&mut self, (): ()) {}
    fn object(&mut self) -> Hashes {
        Hashes { all: Vec::with_capacity(16), differ: true }
    }
    fn name(&mut self, name: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(name.as_bytes());
        hasher.finish()
    }
    fn insert(&mut self, object: &mut Hashes, name: u64, (): ()) {
        object.differ &= !object.all.contains(&name);
        object.all.push(name);
    }
    fn end_object(&mut self, object: Hashes) -> Option<()> {
        object.differ.then_some(())
    }
}

/// The names of one object.
#[derive(Debug)]
pub struct Hashes {
    all: Vec<u64>,
    differ: bool,
}

/// Makes a tree of `serde_json`, for texts that are read once.
struct Tree;

impl Build for Tree {
    type Value = Value;
    type Array = Vec<Value>;
    type Name = String;
    type Object = (Map<String, Value>, bool);

    fn null(&mut self) -> Value {
        Value::Null
    }
    fn boolean(&mut self, value: bool) -> Value {
        Value::Bool(value)
    }
    fn integer(&mut self, value: i64) -> Value {
        value.into()
    }
    fn big_integer(&mut self, digits: &str) -> Value {
        // Nothing that is read this way has such a number: the nearest will do.
        digits.parse::<f64>().map_or(Value::Null, Value::from)
    }
    fn float(&mut self, value: f64) -> Value {
        value.into()
    }
    fn text(&mut self, value: &str) -> Value {
        value.into()
    }
    fn array(&mut self) -> Vec<Value> {
        Vec::new()
    }
    fn push(&mut self, array: &mut Vec<Value>, item: Value) {
        array.push(item);
    }
    fn end_array(&mut self, array: Vec<Value>) -> Value {
        array.into()
    }
    fn object(&mut self) -> Self::Object {
        (Map::new(), true)
    }
    fn name(&mut self, name: &str) -> String {
        name.to_owned()
    }
    fn insert(&mut self, (map, differ): &mut Self::Object, name: String, value: Value) {
        *differ &= map.insert(name, value).is_none();
    }
    fn end_object(&mut self, (map, differ): Self::Object) -> Option<Value> {
        differ.then_some(Value::Object(map))
    }
}
