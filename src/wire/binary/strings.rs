//! Reads strings: words of the dictionary, raw and packed.
//!
//! Part of [`Decoder`]. A string never allocates more than the bytes that are there, because its
//! length is compared with them first (`wire.md` §3.3).

use super::decode::{Decoder, Result, is_jid};
use super::form::Form;
use super::packed::{self, Alphabet};
use super::{Token, tag};
use crate::wire::error::{Rule, WireError};
use crate::wire::word::Word;

impl<'a> Decoder<'a> {
    /// Reads a string that is no address and no null.
    #[inline]
    pub(super) fn text(&mut self) -> Result<Word> {
        let start = self.at;
        match self.byte()? {
            byte @ 1..tag::LISTS => self.token(start, Token::Single(byte)),
            byte => self.other_text(start, byte),
        }
    }

    #[inline(always)]
    fn token(&mut self, start: usize, token: Token) -> Result<Word> {
        self.note(start, Form::Token(token));
        Word::dictionary(token)
            .ok_or_else(|| WireError::new(start, Rule::Reserved(self.data[start])))
    }

    fn other_text(&mut self, start: usize, byte: u8) -> Result<Word> {
        match byte {
            tag::LISTS..240 => {
                let index = self.byte()?;
                self.token(start, Token::Double(byte - tag::LISTS, index))
            }
            tag::RAW_8 | tag::RAW_20 | tag::RAW_32 => {
                let bytes = self.raw(start, byte)?;
                let fault = |_| WireError::new(start, Rule::Utf8);
                std::str::from_utf8(bytes).map(Word::owned).map_err(fault)
            }
            tag::NIBBLE => self.packed(start, Alphabet::Nibble),
            tag::HEX => self.packed(start, Alphabet::Hex),
            _ => Err(WireError::new(start, no_text(byte))),
        }
    }

    pub(super) fn raw(&mut self, start: usize, byte: u8) -> Result<&'a [u8]> {
        let (form, len) = match byte {
            tag::RAW_8 => (Form::Raw8, u32::from(self.byte()?)),
            tag::RAW_20 => {
                let [high, middle, low] = self.array()?;
                let unused = high >> 4;
                (Form::Raw20 { unused }, u32::from_be_bytes([0, high & 15, middle, low]))
            }
            _ => (Form::Raw32, self.array().map(u32::from_be_bytes)?),
        };
        self.note(start, form);
        self.take(usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn packed(&mut self, start: usize, alphabet: Alphabet) -> Result<Word> {
        let len = self.byte()?;
        let odd = len & 0x80 != 0;
        if len == 0x80 {
            return Err(WireError::new(start, Rule::PackedLength));
        }
        let first = self.at;
        let bytes = self.take(usize::from(len & 0x7F))?;
        self.note(start, Form::Packed { alphabet, pad: packed::pad(bytes, odd) });
        alphabet
            .unpack(bytes, odd)
            .map_err(|(index, digit)| WireError::new(first + index, Rule::Nibble(digit)))
    }
}

/// Says what a byte is that starts no string.
fn no_text(byte: u8) -> Rule {
    match byte {
        tag::EMPTY => Rule::NullAsString,
        tag::LIST_8 | tag::LIST_16 => Rule::ListAsString,
        byte if is_jid(byte) => Rule::JidAsString,
        byte => Rule::Reserved(byte),
    }
}
