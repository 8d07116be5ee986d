//! How each value of a stanza is written: the choices that the meaning leaves open.
//!
//! Main types: [`Form`] for one value, [`Forms`] for a whole stanza. A stanza is a flat sequence
//! of values, so its forms are one flat list in reading order, eight bytes a value, and every span
//! follows from the starts of two values.
//! Nothing here reads or writes bytes.

use super::packed::{self, Alphabet, PAD};
use crate::wire::jid::{HOSTED, HOSTED_LID, INTEROP, Jid, LID, MESSENGER, PHONE};
use crate::wire::tokens::{self, Token};
use crate::wire::word::{Place, Word};

/// A string to be written, with its place in the dictionary if that is known already.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    utf8: &'a [u8],
    place: Place,
}

impl<'a> Text<'a> {
    /// The bytes of the text, which cost less than the text.
    pub fn utf8(self) -> &'a [u8] {
        self.utf8
    }

    pub fn is_empty(self) -> bool {
        self.utf8.is_empty()
    }

    pub fn len(self) -> usize {
        self.utf8.len()
    }

    #[inline]
    fn token(self) -> Option<Token> {
        match self.place {
            Place::At(token) => Some(token),
            Place::Nowhere => None,
            Place::Unknown => std::str::from_utf8(self.utf8).ok().and_then(tokens::find),
        }
    }
}

impl<'a> From<&'a Word> for Text<'a> {
    #[inline]
    fn from(word: &'a Word) -> Self {
        Self { utf8: word.as_utf8(), place: word.place() }
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self { utf8: text.as_bytes(), place: Place::Unknown }
    }
}

/// The encoding of one value (`wire.md` §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Byte 0: an empty string, an empty list, or no user before a server.
    Empty,
    /// A list whose count has 8 bits: a node, or the children of one.
    List8,
    /// A list whose count has 16 bits.
    List16,
    /// A word of the dictionary.
    Token(Token),
    /// Bytes after a length of 8 bits.
    Raw8,
    /// Bytes after a length of 20 bits; the 4 bits above it mean nothing.
    Raw20 { unused: u8 },
    /// Bytes after a length of 32 bits.
    Raw32,
    /// Two characters in a byte; `pad` fills the last one of an odd text.
    Packed { alphabet: Alphabet, pad: u8 },
    /// User and server as strings; a device stands in the user, `zero` if `:0` is spelled out.
    JidPair { zero: bool },
    /// A user's device; the domain byte stands for the server.
    JidDevice { domain: u8 },
    /// A device of the other messenger.
    JidMessenger,
    /// A third party's user, with or without the server `interop` after it.
    JidInterop { server: bool },
}

impl Form {
    /// The shortest raw form for a number of bytes.
    pub fn raw(len: usize) -> Self {
        match len {
            0..=0xFF => Self::Raw8,
            0x100..=0xF_FFFF => Self::Raw20 { unused: 0 },
            _ => Self::Raw32,
        }
    }

    /// What open clients choose for a text: word, nibbles, hex, raw (`wire.md` §3.3).
    #[inline]
    pub(super) fn text(text: Text<'_>) -> Self {
        match text.token() {
            Some(token) => Self::Token(token),
            None => Self::packed(text.utf8).unwrap_or(Self::raw(text.len())),
        }
    }

    pub(super) fn packed(text: &[u8]) -> Option<Self> {
        packed::choose(text).map(|alphabet| Self::Packed { alphabet, pad: PAD })
    }

    /// What open clients choose for an address (`wire.md` §3.4); interop users have the server.
    pub fn jid(jid: &Jid) -> Self {
        let preferred = match jid.server.as_str() {
            INTEROP => Self::JidInterop { server: true },
            MESSENGER => Self::JidMessenger,
            PHONE | LID if jid.device == 0 => Self::JidPair { zero: false },
            _ => Self::device(jid),
        };
        preferred.or_pair(jid)
    }

    pub(super) fn device(jid: &Jid) -> Self {
        domain(&jid.server)
            .map_or(Self::JidPair { zero: false }, |domain| Self::JidDevice { domain })
    }

    pub(super) fn or_pair(self, jid: &Jid) -> Self {
        if self.fits_jid(jid) { self } else { Self::JidPair { zero: false } }
    }

    /// The shortest list form for a count.
    pub fn list(count: usize) -> Self {
        if count <= 0xFF { Self::List8 } else { Self::List16 }
    }

    pub(super) fn is_jid(self) -> bool {
        self.jid_parts() > 0
    }

    /// How many strings follow as parts of an address.
    pub(super) fn jid_parts(self) -> usize {
        match self {
            Self::JidDevice { .. } | Self::JidInterop { server: false } => 1,
            Self::JidPair { .. } | Self::JidMessenger | Self::JidInterop { server: true } => 2,
            _ => 0,
        }
    }

    pub(super) fn fits_list(self, count: usize) -> bool {
        match self {
            Self::List8 => count <= 0xFF,
            Self::List16 => true,
            _ => false,
        }
    }

    pub(super) fn fits_bytes(self, len: usize) -> bool {
        match self {
            Self::Raw8 => len <= 0xFF,
            Self::Raw20 { .. } => len <= 0xF_FFFF,
            Self::Raw32 => true,
            _ => false,
        }
    }

    pub(super) fn fits_text(self, text: &[u8]) -> bool {
        match self {
            Self::Empty => text.is_empty(),
            Self::Token(token) => tokens::word(token).is_some_and(|word| word.as_bytes() == text),
            Self::Packed { alphabet, .. } => alphabet.fits(text),
            _ => self.fits_bytes(text.len()),
        }
    }

    pub(super) fn fits_jid(self, jid: &Jid) -> bool {
        let separates = |byte: &u8| matches!(byte, b':' | b'@');
        let plain = || !jid.user.is_empty() && !jid.user.as_utf8().iter().any(separates);
        match self {
            Self::JidPair { zero } => jid.device == 0 || !zero,
            Self::JidDevice { domain } => {
                jid.device <= 0xFF && plain() && server(domain) == Some(&jid.server)
            }
            Self::JidMessenger => jid.server == MESSENGER && plain(),
            Self::JidInterop { .. } => jid.integrator > 0 && jid.server == INTEROP && plain(),
            _ => false,
        }
    }
}

/// Tells whether an address has a text form that can be split again.
pub(super) fn is_writable(jid: &Jid) -> bool {
    let ambiguous =
        |part: &Word| !matches!(part.place(), Place::At(_)) && part.as_utf8().contains(&b'@');
    !jid.server.is_empty() && !ambiguous(&jid.user) && !ambiguous(&jid.server)
}

/// The server that a domain byte stands for (`wire.md` §3.4).
pub(super) fn server(domain: u8) -> Option<&'static str> {
    match domain {
        0 => Some(PHONE),
        1 => Some(LID),
        129 => Some(HOSTED_LID),
        _ => (domain & 0x81 == 0x80).then_some(HOSTED),
    }
}

pub(super) fn domain(name: &str) -> Option<u8> {
    [0, 1, 128, 129].into_iter().find(|domain| server(*domain) == Some(name))
}

/// One value: its encoding and where it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub start: u32,
    pub form: Form,
}

/// The forms of all values of a stanza in reading order, with their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    pub(super) pieces: Vec<Piece>,
    /// Length of the stanza in bytes.
    pub(super) len: usize,
}

impl Forms {
    /// Gives the forms in reading order: list, tag, keys and values, content.
    pub fn iter(&self) -> impl Iterator<Item = Form> {
        self.pieces.iter().map(|piece| piece.form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_takes_eight_bytes() {
        assert_eq!(size_of::<Piece>(), 8);
    }

    #[test]
    fn addresses_get_the_kind_that_open_clients_choose() {
        let form = |text: &str| Form::jid(&text.parse().unwrap());
        let pair = Form::JidPair { zero: false };
        assert_eq!(form("123@s.whatsapp.net"), pair);
        assert_eq!(form("123:2@s.whatsapp.net"), Form::JidDevice { domain: 0 });
        assert_eq!(form("123:2@lid"), Form::JidDevice { domain: 1 });
        assert_eq!(form("123:256@lid"), pair);
        assert_eq!(form("123@hosted"), Form::JidDevice { domain: 128 });
        assert_eq!(form("123:99@hosted.lid"), Form::JidDevice { domain: 129 });
        assert_eq!(form("123@msgr"), Form::JidMessenger);
        assert_eq!(form("12-105@interop"), Form::JidInterop { server: true });
        assert_eq!(form("105@interop"), pair);
        assert_eq!(form("s.whatsapp.net"), pair);
    }

    #[test]
    fn domain_bytes_stand_for_servers() {
        assert_eq!([0, 1, 128, 130, 254, 129].map(server), {
            [Some(PHONE), Some(LID), Some(HOSTED), Some(HOSTED), Some(HOSTED), Some(HOSTED_LID)]
        });
        assert_eq!([2, 127, 131, 255].map(server), [None; 4]);
    }

    #[test]
    fn lengths_choose_the_shortest_form() {
        assert_eq!(Form::raw(255), Form::Raw8);
        assert_eq!(Form::raw(256), Form::Raw20 { unused: 0 });
        assert_eq!(Form::raw(0xF_FFFF), Form::Raw20 { unused: 0 });
        assert_eq!(Form::raw(0x10_0000), Form::Raw32);
        assert_eq!(Form::list(255), Form::List8);
        assert_eq!(Form::list(256), Form::List16);
    }
}
