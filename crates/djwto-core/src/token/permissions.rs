//! Which permissions let a request in.
//!
//! A token carries the permissions of its user in `user.perms`, as texts such as `app.codename`. `*`
//! stands for all of them. If they did not fit into the token, `user.perms_omitted` is true, and only
//! the store has them.
//!
//! ```
//! use djwto_core::token::permissions::{Carried, Verdict, check};
//!
//! let required = ["shop.view_order"];
//! let carried = Carried::List(["shop.view_order", "shop.change_order"]);
//! assert_eq!(check(&required, carried), Ok(Verdict::Granted));
//! assert_eq!(check(&required, Carried::<[&str; 0]>::Omitted), Ok(Verdict::AskStore));
//! assert!(check(&required, Carried::List(["shop.add_order"])).is_err());
//! ```

use std::mem;

use crate::error::Code;
use crate::json::read_texts;

/// The text that stands for every permission.
pub const ALL: &str = "*";

/// The permissions of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried<I> {
    /// `user.perms`, a list of texts.
    List(I),
    /// They did not fit: `user.perms_omitted` is true.
    Omitted,
    /// Neither.
    Invalid,
}

impl<I> Carried<I> {
    /// By what the `user` claim holds: whether `perms_omitted` is `true`, and `perms` where it is a
    /// list of texts.
    pub fn of(is_omitted: bool, list: Option<I>) -> Self {
        match list {
            _ if is_omitted => Self::Omitted,
            Some(list) => Self::List(list),
            None => Self::Invalid,
        }
    }
}

/// The permissions of one token. A service may keep thousands of tokens, so they are one text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    texts: Box<str>,
    /// Where each ends.
    ends: Box<[usize]>,
}

impl Permissions {
    /// Reads the JSON of `user.perms`. `None` where it is anything but a list of texts.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let (mut texts, mut ends) = (String::with_capacity(json.len()), Vec::new());
        let is_list = read_texts(json, |text| {
            texts.push_str(text);
            ends.push(texts.len());
        });
        is_list.then(|| Self { texts: texts.into(), ends: ends.into() })
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        let text = move |end: &usize| self.texts.get(mem::replace(&mut start, *end)..*end);
        self.ends.iter().filter_map(text)
    }
}

/// The answer of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The token has every permission that is required.
    Granted,
    /// Only the store has them: check a [`Carried::List`] of its answer.
    AskStore,
}

/// Checks that a token carries every one of the required permissions.
///
/// # Errors
///
/// [`Code::PermissionsInsufficient`] where one is missing; [`Code::PermissionsInvalid`] where the
/// token carries no list.
pub fn check<I>(required: &[impl AsRef<str>], carried: Carried<I>) -> Result<Verdict, Code>
where
    I: IntoIterator<Item: AsRef<str>>,
{
    let list = match carried {
        Carried::List(list) => list,
        Carried::Omitted => return Ok(Verdict::AskStore),
        Carried::Invalid => return Err(Code::PermissionsInvalid),
    };
    let mut missing: Vec<&str> = required.iter().map(AsRef::as_ref).collect();
    for permission in list {
        let permission = permission.as_ref();
        if permission == ALL {
            return Ok(Verdict::Granted);
        }
        missing.retain(|wanted| *wanted != permission);
    }
    if missing.is_empty() { Ok(Verdict::Granted) } else { Err(Code::PermissionsInsufficient) }
}
