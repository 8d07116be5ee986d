//! The shapes of parameters and results, and the check of a value against one.
//!
//! Main types: [`Shape`] and [`Record`]. They are data, so that a schema and a help text derive
//! from the same tables as the check. Members that nobody knows are refused, because a misspelt
//! optional member would otherwise be lost in silence; names that begin with `x-` are free.

use std::fmt;

use serde_json::{Map, Value};

use crate::limits::QUOTED_CHARS_MAX;

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Text,
    Flag,
    /// A whole number from 0, below 2^64.
    Whole,
    /// A JID in the text form of `wire.md` §3.4 without device.
    Jid,
    /// This many bytes in hexadecimal digits.
    Hex(usize),
    /// One of these words.
    Word(&'static [&'static str]),
    List(&'static Shape),
    Record(&'static Record),
    /// An object whose members are not ours to name.
    Object,
    Any,
}

/// An object with named members.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub members: &'static [Member],
    /// Exactly one of these members stands there; empty where there is no such choice.
    pub one_of: &'static [&'static str],
    /// Other members may stand there too.
    pub open: bool,
}

/// A member of a [`Record`].
#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
}

impl Member {
    /// A member that must stand there.
    pub const fn must(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: true }
    }

    /// A member that may be absent.
    pub const fn may(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: false }
    }
}

impl Record {
    /// The record without members.
    pub const EMPTY: Self = Self::of(&[]);

    /// A record of exactly these members.
    pub const fn of(members: &'static [Member]) -> Self {
        Self { members, one_of: &[], open: false }
    }

    /// A record of these members and of any others.
    pub const fn open(members: &'static [Member]) -> Self {
        Self { members, one_of: &[], open: true }
    }

    /// Checks an object.
    ///
    /// # Errors
    /// The first member that is absent, unknown or of another shape.
    pub fn check(&self, object: &Map<String, Value>) -> Result<(), ShapeError> {
        self.check_with(&[], object)
    }

    /// Checks an object that has these members beside the record's own.
    pub(super) fn check_with(
        &self,
        more: &[Member],
        object: &Map<String, Value>,
    ) -> Result<(), ShapeError> {
        let members = || more.iter().chain(self.members);
        for (name, value) in object {
            match members().find(|member| member.name == name) {
                Some(member) => member.shape.check(value).map_err(|error| error.inside(name))?,
                None if self.open || name.starts_with("x-") => {}
                None => return Err(ShapeError::at(name, Fault::Unknown)),
            }
        }
        match members().find(|member| member.required && !object.contains_key(member.name)) {
            Some(member) => Err(ShapeError::at(member.name, Fault::Missing)),
            None => self.check_choice(object),
        }
    }

    /// The smallest object of this form, to try an operation with.
    pub fn sample(&self) -> Value {
        let chosen = self.one_of.first();
        let members = self.members.iter();
        let members = members.filter(|member| member.required || chosen == Some(&member.name));
        let members = members.map(|member| (member.name.to_owned(), member.shape.sample()));
        members.collect::<Map<_, _>>().into()
    }

    fn check_choice(&self, object: &Map<String, Value>) -> Result<(), ShapeError> {
        let present = self.one_of.iter().filter(|name| object.contains_key(**name)).count();
        let fits = self.one_of.is_empty() || present == 1;
        if fits { Ok(()) } else { Err(ShapeError::at("", Fault::Choice(self.one_of))) }
    }
}

impl Shape {
    /// Some value of this form.
    pub fn sample(self) -> Value {
        match self {
            Self::Text | Self::Any => Value::from("sample"),
            Self::Flag => Value::from(true),
            Self::Whole => Value::from(1),
            Self::Jid => Value::from("1-1@interop"),
            Self::Hex(bytes) => Value::from("00".repeat(bytes)),
            Self::Word(words) => Value::from(words.first().copied().unwrap_or_default()),
            Self::List(_) => Value::Array(Vec::new()),
            Self::Record(record) => record.sample(),
            Self::Object => Value::Object(Map::new()),
        }
    }

    /// Checks a value.
    ///
    /// # Errors
    /// The first member that does not fit; the path is empty where the value itself does not.
    pub fn check(self, value: &Value) -> Result<(), ShapeError> {
        match (self, value) {
            (Self::Any, _)
            | (Self::Text, Value::String(_))
            | (Self::Flag, Value::Bool(_))
            | (Self::Object, Value::Object(_)) => Ok(()),
            (Self::Whole, Value::Number(number)) if number.is_u64() => Ok(()),
            (Self::Jid, Value::String(text)) if is_bare_jid(text) => Ok(()),
            (Self::Hex(bytes), Value::String(text)) if is_hex(text, bytes) => Ok(()),
            (Self::Word(words), Value::String(text)) if words.contains(&text.as_str()) => Ok(()),
            (Self::List(item), Value::Array(items)) => check_items(*item, items),
            (Self::Record(record), Value::Object(object)) => record.check(object),
            _ => Err(ShapeError::at("", Fault::Unfit { expected: self, found: excerpt(value) })),
        }
    }
}

fn check_items(item: Shape, items: &[Value]) -> Result<(), ShapeError> {
    for (index, value) in items.iter().enumerate() {
        item.check(value).map_err(|error| error.inside(&format!("[{index}]")))?;
    }
    Ok(())
}

/// `user@server`: a device would stand behind a colon. The rest of the grammar is the wire's.
fn is_bare_jid(text: &str) -> bool {
    text.split_once('@')
        .is_some_and(|(user, server)| !user.is_empty() && !user.contains(':') && !server.is_empty())
}

fn is_hex(text: &str, bytes: usize) -> bool {
    text.len() == bytes * 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Shows a value in an error: scalars short, containers by kind.
fn excerpt(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("\"{}\"", shorten(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Quotes the beginning of a foreign text, fit for one line of an error message.
pub(super) fn shorten(text: &str) -> String {
    let printable = |c: char| {
        if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }
    };
    let mut short: String = text.chars().take(QUOTED_CHARS_MAX).map(printable).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a string"),
            Self::Flag => f.write_str("true or false"),
            Self::Whole => f.write_str("a whole number from 0"),
            Self::Jid => f.write_str("a JID without device"),
            Self::Hex(bytes) => write!(f, "{} hexadecimal digits", bytes * 2),
            Self::Word(words) => write!(f, "one of {}", words.join(", ")),
            Self::List(_) => f.write_str("a list"),
            Self::Record(_) | Self::Object => f.write_str("an object"),
            Self::Any => f.write_str("any value"),
        }
    }
}

/// A member that breaks its shape.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}{fault}", if .path.is_empty() { String::new() } else { format!("`{path}` ") })]
pub struct ShapeError {
    /// Where it stands, e.g. `content.media.kind` or `list[2]`; empty for the value itself.
    pub path: String,
    pub fault: Fault,
}

/// What is wrong with a member.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    #[error("is missing")]
    Missing,
    #[error("is not a member")]
    Unknown,
    #[error("must have exactly one of {}", .0.join(", "))]
    Choice(&'static [&'static str]),
    #[error("must be {expected}, is {found}")]
    Unfit { expected: Shape, found: String },
}

impl ShapeError {
    pub(super) fn at(path: &str, fault: Fault) -> Self {
        Self { path: shorten(path), fault }
    }

    fn inside(self, outer: &str) -> Self {
        let path = match self.path.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        Self { path, ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    static MEDIA: Record = Record::of(&[Member::must("kind", Shape::Word(&["image", "video"]))]);
    static CONTENT: Record = Record {
        members: &[
            Member::may("text", Shape::Text),
            Member::may("media", Shape::Record(&MEDIA)),
            Member::may("to", Shape::List(&Shape::Jid)),
        ],
        one_of: &["text", "media"],
        open: false,
    };

    fn refusal(value: Value) -> String {
        Shape::Record(&CONTENT).check(&value).unwrap_err().to_string()
    }

    #[test]
    fn what_fits_is_accepted() {
        let fits = |value| Shape::Record(&CONTENT).check(&value).unwrap();
        fits(json!({"text": "hi"}));
        fits(json!({"media": {"kind": "image"}, "x-note": 3}));
        fits(json!({"text": "", "to": ["1-108@interop", "49151@s.whatsapp.net"]}));
        Shape::Hex(2).check(&json!("00aB")).unwrap();
        Shape::Whole.check(&json!(u64::MAX)).unwrap();
    }

    #[test]
    fn a_refusal_names_the_member_and_what_it_must_be() {
        assert_eq!(refusal(json!({"txt": "hi"})), "`txt` is not a member");
        assert_eq!(refusal(json!({"text": 3})), "`text` must be a string, is 3");
        assert_eq!(refusal(json!({"media": {}})), "`media.kind` is missing");
        assert_eq!(
            refusal(json!({"media": {"kind": "sound"}})),
            "`media.kind` must be one of image, video, is \"sound\""
        );
        assert_eq!(
            refusal(json!({"text": "", "to": ["a@b", "a:0@b"]})),
            "`to[1]` must be a JID without device, is \"a:0@b\""
        );
        assert_eq!(refusal(json!({})), "must have exactly one of text, media");
        assert_eq!(
            refusal(json!({"text": "a", "media": {"kind": "image"}})),
            "must have exactly one of text, media"
        );
        assert_eq!(refusal(json!(null)), "must be an object, is null");
    }

    #[test]
    fn numbers_and_digits_outside_their_range_are_refused() {
        for value in [json!(-1), json!(1.5), json!("1"), json!(null)] {
            assert!(Shape::Whole.check(&value).is_err(), "{value}");
        }
        for value in [json!("00"), json!("00ag"), json!("00abc"), json!(7)] {
            assert!(Shape::Hex(2).check(&value).is_err(), "{value}");
        }
        for value in [json!("@interop"), json!("alice"), json!("alice@"), json!("a:1@b")] {
            assert!(Shape::Jid.check(&value).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn long_text_in_a_refusal_stays_short(text in ".{0,400}") {
            let error = Shape::Flag.check(&json!(text)).unwrap_err().to_string();
            prop_assert!(error.chars().count() < QUOTED_CHARS_MAX + 50);
        }
    }
}
