//! JSON objects from outside, read so that a repeated name is noticed (JWT-014).
//!
//! Main type: [`Object`]. Only the outermost names are watched, since RFC 7519 §4 and RFC 7515 §4
//! speak of claim and header names; deeper objects keep the last value, as most readers do.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::limits::QUOTED_CHARS_MAX;

/// An object and the names that it repeats; the last value of a repeated name counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    pub members: Map<String, Value>,
    pub repeated: Vec<String>,
}

impl Object {
    /// Reads a JSON object in UTF-8, bounded in depth by the JSON reader; `None` is anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The member of this name.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Collect)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object, A::Error> {
        let mut object = Object::default();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if object.members.contains_key(&name) && !object.repeated.contains(&name) {
                object.repeated.push(name.clone());
            }
            object.members.insert(name, value);
        }
        Ok(object)
    }
}

/// Shortens a foreign word for a message.
pub(crate) fn quoted(word: &str) -> String {
    let mut short: String = word.chars().take(QUOTED_CHARS_MAX).collect();
    if short.len() < word.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_name_is_reported_and_its_last_value_counts() {
        let object = Object::read(br#"{"a":1,"b":2,"a":3,"a":4}"#).unwrap();
        assert_eq!(object.repeated, ["a"]);
        assert_eq!(object.member("a"), Some(&Value::from(4)));
        let escaped = Object::read(br#"{"a":1,"\u0061":2}"#).unwrap();
        assert_eq!(escaped.repeated, ["a"]);
    }

    #[test]
    fn repetition_inside_a_member_is_not_a_repeated_claim() {
        let object = Object::read(br#"{"a":{"x":1,"x":2}}"#).unwrap();
        assert!(object.repeated.is_empty());
    }

    #[test]
    fn only_whole_utf8_objects_are_read() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(500), "]".repeat(500));
        for bytes in
            [&b"[]"[..], b"", b"{}x", b"{\"a\":\"\xFF\"}", b"\xEF\xBB\xBF{}", deep.as_bytes()]
        {
            assert_eq!(Object::read(bytes), None, "{bytes:?}");
        }
        assert_eq!(Object::read(b" {} "), Some(Object::default()));
    }

    #[test]
    fn a_long_word_is_cut_at_a_character() {
        assert_eq!(quoted("short"), "short");
        assert_eq!(quoted(&"ü".repeat(100)).chars().count(), QUOTED_CHARS_MAX + 1);
    }
}
