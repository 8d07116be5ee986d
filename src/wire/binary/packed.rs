//! Packed strings: two characters in a byte.
//!
//! Main type: [`Alphabet`]. Nibble packing knows digits, `-` and `.`, hex packing knows digits
//! and capital letters. An odd length leaves half a byte, the pad: real decoders unpack it as a
//! digit and drop it, so it may hold any digit and is kept for lossless re-encoding
//! (`wire.md` §3.3). Digit 15 of the nibble alphabet, which no encoder writes but as a pad,
//! unpacks as U+0000 like in the open clients.

use crate::limits::PACKED_CHARS_MAX;
use crate::wire::word::Word;

/// The two alphabets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    Nibble,
    Hex,
}

/// The pad that encoders write.
pub const PAD: u8 = 15;

/// Marks what is no character or no digit.
const NONE: u8 = 0xFF;
const NIBBLES: [u8; 16] = *b"0123456789-.\xFF\xFF\xFF\0";
const HEX: [u8; 16] = *b"0123456789ABCDEF";
/// Characters in the longest text that the format can pack.
const CHARS_MAX: usize = 2 * PACKED_CHARS_MAX;

/// Both characters of every byte, so that unpacking is one load for each byte.
static NIBBLE_PAIRS: [[u8; 2]; 256] = pairs(&NIBBLES);
static HEX_PAIRS: [[u8; 2]; 256] = pairs(&HEX);
/// The digit of every character.
static NIBBLE_DIGITS: [u8; 256] = digits(&NIBBLES);
static HEX_DIGITS: [u8; 256] = digits(&HEX);

const fn pairs(chars: &[u8; 16]) -> [[u8; 2]; 256] {
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [chars[byte >> 4], chars[byte & 15]];
        byte += 1;
    }
    table
}

const fn digits(chars: &[u8; 16]) -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut digit = 0;
    while digit < 16 {
        if chars[digit as usize] != NONE {
            table[chars[digit as usize] as usize] = digit;
        }
        digit += 1;
    }
    table
}

impl Alphabet {
    fn pairs(self) -> &'static [[u8; 2]; 256] {
        match self {
            Self::Nibble => &NIBBLE_PAIRS,
            Self::Hex => &HEX_PAIRS,
        }
    }

    fn digits(self) -> &'static [u8; 256] {
        match self {
            Self::Nibble => &NIBBLE_DIGITS,
            Self::Hex => &HEX_DIGITS,
        }
    }

    /// Unpacks the bytes after the length byte, at most 127.
    ///
    /// # Errors
    /// Gives the index of the byte with a digit that stands for nothing, and the digit.
    pub fn unpack(self, packed: &[u8], odd: bool) -> Result<Word, (usize, u8)> {
        let mut text = [0; CHARS_MAX];
        for (index, (byte, pair)) in packed.iter().zip(text.chunks_exact_mut(2)).enumerate() {
            let chars = self.pairs()[usize::from(*byte)];
            if chars[0] == NONE || chars[1] == NONE {
                let digit = if chars[0] == NONE { byte >> 4 } else { byte & 15 };
                return Err((index, digit));
            }
            pair.copy_from_slice(&chars);
        }
        Ok(Word::ascii(&text[..2 * packed.len() - usize::from(odd)]))
    }

    /// Tells whether the format can pack a text, whoever wrote it: up to 254 characters.
    pub fn fits(self, text: &str) -> bool {
        let digits = self.digits();
        text.len() <= CHARS_MAX && text.bytes().all(|byte| digits[usize::from(byte)] != NONE)
    }

    /// Appends the length byte and the packed text, which [`Self::fits`].
    pub fn pack(self, text: &str, pad: u8, out: &mut Vec<u8>) {
        let bytes = u8::try_from(text.len().div_ceil(2)).expect("a packed text is short");
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        out.push(u8::from(!rest.is_empty()) << 7 | bytes);
        let digits = self.digits();
        let digit = |char: u8| digits[usize::from(char)];
        out.extend(pairs.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)));
        out.extend(rest.iter().map(|high| digit(*high) << 4 | pad & 15));
    }
}

/// Chooses the alphabet as encoders do: nibbles before hex, 1 to 127 characters.
///
/// U+0000 is never chosen for packing, although it has a digit.
pub fn choose(text: &str) -> Option<Alphabet> {
    if text.is_empty() || text.len() > PACKED_CHARS_MAX {
        return None;
    }
    let (mut nibble, mut hex) = (true, true);
    for byte in text.bytes() {
        nibble &= byte != 0 && NIBBLE_DIGITS[usize::from(byte)] != NONE;
        hex &= HEX_DIGITS[usize::from(byte)] != NONE;
        if !nibble && !hex {
            return None;
        }
    }
    Some(if nibble { Alphabet::Nibble } else { Alphabet::Hex })
}

/// Gives the digit that the dropped half of an odd text's last byte holds.
pub fn pad(packed: &[u8], odd: bool) -> u8 {
    match packed.last() {
        Some(last) if odd => last & 15,
        _ => PAD,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(text: &str) -> Option<(Alphabet, String)> {
        let alphabet = choose(text)?;
        let mut out = Vec::new();
        alphabet.pack(text, PAD, &mut out);
        Some((alphabet, hex::encode(out)))
    }

    #[test]
    fn texts_are_packed_as_published() {
        assert_eq!(packed("123"), Some((Alphabet::Nibble, "82123f".into())));
        assert_eq!(packed("-.5"), Some((Alphabet::Nibble, "82ab5f".into())));
        assert_eq!(packed("ABCDEF"), Some((Alphabet::Hex, "03abcdef".into())));
        assert_eq!(packed("ABC"), Some((Alphabet::Hex, "82abcf".into())));
        assert_eq!(
            packed("1234567890-1234"),
            Some((Alphabet::Nibble, "881234567890a1234f".into()))
        );
    }

    #[test]
    fn only_the_alphabets_are_packed() {
        for text in ["", "abc", "A-1", "12g", "\0", "é"] {
            assert_eq!(packed(text), None, "{text:?}");
        }
        assert!(choose(&"1".repeat(127)).is_some());
        assert_eq!(choose(&"1".repeat(128)), None);
        assert!(Alphabet::Hex.fits(&"A".repeat(254)));
        assert!(!Alphabet::Hex.fits(&"A".repeat(255)));
    }

    #[test]
    fn every_byte_unpacks_and_packs_to_itself_or_is_refused() {
        for byte in 0..=255 {
            let text = Alphabet::Hex.unpack(&[byte], false).unwrap();
            let mut out = Vec::new();
            Alphabet::Hex.pack(&text, PAD, &mut out);
            assert_eq!(out, [1, byte]);
            let bad = |digit: u8| (12..15).contains(&digit);
            match Alphabet::Nibble.unpack(&[byte], false) {
                Ok(text) => {
                    let mut out = Vec::new();
                    Alphabet::Nibble.pack(&text, PAD, &mut out);
                    assert_eq!(out, [1, byte]);
                }
                Err((0, digit)) => assert!(bad(digit)),
                Err(other) => panic!("{other:?}"),
            }
            assert_eq!(
                Alphabet::Nibble.unpack(&[byte], true).is_err(),
                bad(byte >> 4) || bad(byte & 15)
            );
        }
    }

    #[test]
    fn the_pad_of_an_odd_text_is_kept() {
        assert_eq!(Alphabet::Nibble.unpack(&[0x12, 0x34], true).unwrap(), "123");
        assert_eq!(pad(&[0x12, 0x34], true), 4);
        let mut out = Vec::new();
        Alphabet::Nibble.pack("123", 4, &mut out);
        assert_eq!(out, [0x82, 0x12, 0x34]);
    }
}
