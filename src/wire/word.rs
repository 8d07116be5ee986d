//! Strings that mostly need no allocation.
//!
//! Main type: [`Word`]. Tags, keys and most values of attributes are words of the dictionary or
//! short, so a decoded node would spend most of its time on allocating them. A `Word` borrows
//! the former, holds the latter inside and owns the rest. To its users it is a string: it
//! compares, orders and hashes by its text.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use super::tokens::{self, Token};

/// Bytes that fit inside, so that a word is as large as a `String`.
const INLINE_BYTES: usize = 22;

/// The bit of an inline word's length that says that it is in no dictionary.
const NOWHERE: u8 = 0x80;

/// What is known of a word's place in the dictionary without a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    At(Token),
    Nowhere,
    Unknown,
}

/// An immutable string; words of the dictionary and short strings take no allocation.
#[derive(Clone)]
pub struct Word(Repr);

#[derive(Clone)]
enum Repr {
    /// With its place in the dictionary, if that is known.
    Fixed(&'static str, Option<Token>),
    /// UTF-8, which is checked where it is used; `len` has [`NOWHERE`] set where the word is known
    /// to be in no dictionary.
    Inline {
        len: u8,
        bytes: [u8; INLINE_BYTES],
    },
    Heap(Box<str>),
}

impl Word {
    /// Wraps a text that lives as long as the program.
    pub const fn fixed(text: &'static str) -> Self {
        Self(Repr::Fixed(text, None))
    }

    /// Gives the word of a token.
    pub(super) fn dictionary(token: Token) -> Option<Self> {
        tokens::word(token).map(|word| Self(Repr::Fixed(word, Some(token))))
    }

    /// Copies a text without looking it up in the dictionary.
    pub(super) fn owned(text: &str) -> Self {
        Self::inline(text.as_bytes()).unwrap_or_else(|| Self(Repr::Heap(text.into())))
    }

    /// Copies a text that is known to be ASCII without looking it up in the dictionary.
    pub(super) fn ascii(text: &[u8]) -> Self {
        Self::inline(text).unwrap_or_else(|| {
            let text = std::str::from_utf8(text).expect("the caller knows the text as ASCII");
            Self(Repr::Heap(text.into()))
        })
    }

    fn inline(text: &[u8]) -> Option<Self> {
        if text.len() > INLINE_BYTES {
            return None;
        }
        let mut bytes = [0; INLINE_BYTES];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        let len = u8::try_from(text.len()).ok()?;
        Some(Self(Repr::Inline { len, bytes }))
    }

    /// Gives the place in the dictionary if it is known without a search.
    pub(super) fn token(&self) -> Option<Token> {
        match self.place() {
            Place::At(token) => Some(token),
            Place::Nowhere | Place::Unknown => None,
        }
    }

    /// Says what is known of the place in the dictionary.
    #[inline]
    pub(super) fn place(&self) -> Place {
        match self.0 {
            Repr::Fixed(_, Some(token)) => Place::At(token),
            Repr::Inline { len, .. } if len & NOWHERE != 0 => Place::Nowhere,
            _ => Place::Unknown,
        }
    }

    /// Copies a text that was looked up in vain.
    fn nowhere(text: &str) -> Self {
        let mut word = Self::owned(text);
        if let Repr::Inline { len, .. } = &mut word.0 {
            *len |= NOWHERE;
        }
        word
    }

    /// Gives the text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Fixed(text, _) => text,
            Repr::Heap(text) => text,
            Repr::Inline { .. } => {
                std::str::from_utf8(self.as_utf8()).expect("a whole text was copied")
            }
        }
    }

    /// The UTF-8 of the text, which costs less than the text where it is held inside.
    pub(super) fn as_utf8(&self) -> &[u8] {
        match &self.0 {
            Repr::Fixed(text, _) => text.as_bytes(),
            Repr::Heap(text) => text.as_bytes(),
            Repr::Inline { len, bytes } => &bytes[..usize::from(len & !NOWHERE)],
        }
    }

    /// Tells whether the text is empty, without checking it.
    pub fn is_empty(&self) -> bool {
        self.as_utf8().is_empty()
    }

    /// Counts the bytes of the text.
    pub fn len(&self) -> usize {
        self.as_utf8().len()
    }

    /// Gives the text as a `String`.
    pub fn into_string(self) -> String {
        match self.0 {
            Repr::Heap(text) => text.into(),
            Repr::Fixed(..) | Repr::Inline { .. } => self.as_str().to_owned(),
        }
    }
}

impl Default for Word {
    fn default() -> Self {
        Self::fixed("")
    }
}

impl Deref for Word {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Word {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Word {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        tokens::find(text).and_then(Self::dictionary).unwrap_or_else(|| Self::nowhere(text))
    }
}

impl From<String> for Word {
    fn from(text: String) -> Self {
        if text.len() <= INLINE_BYTES { Self::owned(&text) } else { Self(Repr::Heap(text.into())) }
    }
}

impl From<&String> for Word {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Cow<'_, str>> for Word {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<&Word> for Word {
    fn from(word: &Word) -> Self {
        word.clone()
    }
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        word.into_string()
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        match (self.token(), other.token()) {
            (Some(token), Some(other)) => token == other,
            _ => self.as_utf8() == other.as_utf8(),
        }
    }
}

impl Eq for Word {}

impl PartialEq<str> for Word {
    fn eq(&self, other: &str) -> bool {
        self.as_utf8() == other.as_bytes()
    }
}

impl PartialEq<&str> for Word {
    fn eq(&self, other: &&str) -> bool {
        self.as_utf8() == other.as_bytes()
    }
}

impl PartialEq<String> for Word {
    fn eq(&self, other: &String) -> bool {
        self.as_utf8() == other.as_bytes()
    }
}

impl PartialEq<Word> for str {
    fn eq(&self, other: &Word) -> bool {
        other == self
    }
}

impl PartialEq<Word> for &str {
    fn eq(&self, other: &Word) -> bool {
        other == *self
    }
}

impl PartialEq<Word> for String {
    fn eq(&self, other: &Word) -> bool {
        other == self
    }
}

impl PartialOrd for Word {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Word {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_utf8().cmp(other.as_utf8())
    }
}

impl Hash for Word {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_as_large_as_a_string() {
        assert_eq!(size_of::<Word>(), size_of::<String>());
    }

    #[test]
    fn only_long_words_outside_of_the_dictionary_are_allocated() {
        assert!(matches!(Word::from("message").0, Repr::Fixed(_, Some(_))));
        assert!(matches!(Word::owned("interop").0, Repr::Inline { len: 7, .. }));
        assert_eq!(Word::from("interop").place(), Place::Nowhere);
        assert_eq!(Word::owned("interop"), Word::from("interop"));
        assert!(matches!(Word::from("x".repeat(22)).0, Repr::Inline { .. }));
        assert!(matches!(Word::from("x".repeat(23)).0, Repr::Heap(_)));
        for text in ["", "message", "käse", &"é".repeat(11), &"é".repeat(12)] {
            assert_eq!(Word::from(text).into_string(), text);
            assert_eq!(Word::from(text.to_owned()), Word::from(text));
            assert_eq!(Word::from(text), *text);
        }
    }

    #[test]
    fn words_compare_by_their_text() {
        assert_eq!(Word::from("iq"), Word::from(String::from("iq")));
        assert_eq!(Word::from("iq"), "iq");
        let (first, second) = (Word::from("a"), Word::from("b"));
        assert!(first < second);
        assert_eq!(format!("{:>4}", Word::from("iq")), "  iq");
    }
}
