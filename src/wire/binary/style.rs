//! Rules that choose a form for every value: the encoding matrix.
//!
//! Main type: [`Style`]. Every style writes the same node in bytes that a decoder must take for
//! the same (STZ-004). A style is total: what its rule does not cover is written as open clients
//! do, so that a scenario needs no special case for a style.

use super::form::{Form, Text, domain};
use super::packed::{Alphabet, PAD};
use crate::wire::jid::Jid;

/// A rule that chooses a form for every value: the axis of the encoding matrix (STZ-004).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Style {
    /// As open clients choose; interop users as 245 with the server.
    Canonical,
    /// No string is a word or packed.
    RawStrings,
    /// Strings are packed where the alphabets allow it, also where a word would be shorter.
    Packed,
    /// All strings and bytes raw with lengths of 20 bits.
    LongLengths,
    /// All strings and bytes raw with lengths of 32 bits.
    LongestLengths,
    /// All lists with counts of 16 bits.
    List16,
    /// Empty attribute values as byte 0.
    EmptyAsList,
    /// Empty attribute values as packed strings of no length.
    EmptyAsPacked,
    /// Interop users as 245 without the server.
    InteropWithoutServer,
    /// All addresses as user and server.
    JidPair,
    /// Phone and lid users as device addresses even for device 0.
    JidDevice,
    /// All addresses as plain strings.
    JidText,
}

impl Style {
    /// All styles, the canonical one first.
    pub const ALL: [Self; 12] = [
        Self::Canonical,
        Self::RawStrings,
        Self::Packed,
        Self::LongLengths,
        Self::LongestLengths,
        Self::List16,
        Self::EmptyAsList,
        Self::EmptyAsPacked,
        Self::InteropWithoutServer,
        Self::JidPair,
        Self::JidDevice,
        Self::JidText,
    ];

    /// The name in a scenario's `matrix: { encoding: [ … ] }`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Canonical => "canonical",
            Self::RawStrings => "raw-strings",
            Self::Packed => "packed",
            Self::LongLengths => "long-lengths",
            Self::LongestLengths => "longest-lengths",
            Self::List16 => "list16",
            Self::EmptyAsList => "empty-as-list",
            Self::EmptyAsPacked => "empty-as-packed",
            Self::InteropWithoutServer => "interop-without-server",
            Self::JidPair => "jid-pair",
            Self::JidDevice => "jid-device",
            Self::JidText => "jid-text",
        }
    }

    /// Finds the style of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|style| style.name() == name)
    }

    #[inline]
    pub(super) fn text(self, text: Text<'_>) -> Form {
        match self {
            Self::RawStrings => Form::raw(text.len()),
            Self::LongLengths | Self::LongestLengths => self.bytes(text.len()),
            Self::Packed => Form::packed(text.utf8()).unwrap_or_else(|| Form::text(text)),
            _ => Form::text(text),
        }
    }

    #[inline]
    pub(super) fn value(self, text: Text<'_>) -> Form {
        match self {
            Self::EmptyAsList if text.is_empty() => Form::Empty,
            Self::EmptyAsPacked if text.is_empty() => {
                Form::Packed { alphabet: Alphabet::Nibble, pad: PAD }
            }
            _ => self.text(text),
        }
    }

    pub(super) fn bytes(self, len: usize) -> Form {
        match self {
            Self::LongLengths if len <= 0xF_FFFF => Form::Raw20 { unused: 0 },
            Self::LongLengths | Self::LongestLengths => Form::Raw32,
            _ => Form::raw(len),
        }
    }

    pub(super) fn list(self, count: usize) -> Form {
        if self == Self::List16 { Form::List16 } else { Form::list(count) }
    }

    /// Gives no form where an address is to be written as a string.
    pub(super) fn jid(self, jid: &Jid) -> Option<Form> {
        match (self, Form::jid(jid)) {
            (Self::JidText, _) => None,
            (Self::JidPair, _) => Some(Form::JidPair { zero: false }),
            (Self::JidDevice, _) => match domain(&jid.server) {
                Some(_) => Some(Form::device(jid).or_pair(jid)),
                None => Some(Form::jid(jid)),
            },
            (Self::InteropWithoutServer, Form::JidInterop { .. }) => {
                Some(Form::JidInterop { server: false })
            }
            (_, form) => Some(form),
        }
    }
}

/// How a stanza is put on the wire: the forms of its values, and whether they are compressed.
///
/// One value of the axis `encoding` in a scenario's matrix (STZ-004, STZ-007, ROB-007).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeAs {
    pub style: Style,
    pub compressed: bool,
}

impl EncodeAs {
    /// What open clients write, uncompressed.
    pub const CANONICAL: Self = Self { style: Style::Canonical, compressed: false };

    /// Finds an encoding by the name of its style; `compressed` is the canonical one under zlib.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == COMPRESSED {
            return Some(Self { compressed: true, ..Self::CANONICAL });
        }
        Style::from_name(name).map(|style| Self { style, ..Self::CANONICAL })
    }

    /// The names of all encodings, the canonical one first.
    pub fn names() -> Vec<&'static str> {
        Style::ALL.into_iter().map(Style::name).chain([COMPRESSED]).collect()
    }
}

/// The name of the one encoding that is no style.
const COMPRESSED: &str = "compressed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_found_by_their_names() {
        for name in EncodeAs::names() {
            assert!(EncodeAs::from_name(name).is_some(), "{name}");
        }
        assert_eq!(EncodeAs::from_name("canonical"), Some(EncodeAs::CANONICAL));
        assert!(EncodeAs::from_name("compressed").unwrap().compressed);
        assert_eq!(EncodeAs::from_name("zlib"), None);
    }

    #[test]
    fn styles_are_found_by_their_names() {
        for style in Style::ALL {
            assert_eq!(Style::from_name(style.name()), Some(style));
        }
        assert_eq!(Style::from_name("canonic"), None);
    }
}
