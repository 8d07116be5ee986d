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
/// The digit of every character; where both alphabets have one, it is the same.
static DIGITS: [u8; 256] = digits();
/// In which alphabets a character is: bits of [`NIBBLE_BIT`] and [`HEX_BIT`].
static ALPHABETS: [u8; 256] = alphabets();
const NIBBLE_BIT: u8 = 1;
const HEX_BIT: u8 = 2;

const fn pairs(chars: &[u8; 16]) -> [[u8; 2]; 256] {
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [chars[byte >> 4], chars[byte & 15]];
        byte += 1;
    }
    table
}

const fn digits() -> [u8; 256] {
    let mut table = [0; 256];
    let mut digit = 0;
    while digit < 16 {
        table[HEX[digit as usize] as usize] = digit;
        if NIBBLES[digit as usize] != NONE {
            table[NIBBLES[digit as usize] as usize] = digit;
        }
        digit += 1;
    }
    table
}

const fn alphabets() -> [u8; 256] {
    let mut table = [0; 256];
    let mut digit = 0;
    while digit < 16 {
        table[HEX[digit] as usize] |= HEX_BIT;
        if NIBBLES[digit] != NONE {
            table[NIBBLES[digit] as usize] |= NIBBLE_BIT;
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

    fn bit(self) -> u8 {
        match self {
            Self::Nibble => NIBBLE_BIT,
            Self::Hex => HEX_BIT,
        }
    }

    /// Unpacks the bytes after the length byte, at most 127.
    ///
    /// # Errors
    /// Gives the index of the byte with a digit that stands for nothing, and the digit.
    pub fn unpack(self, packed: &[u8], odd: bool) -> Result<Word, (usize, u8)> {
        let mut text = [0; CHARS_MAX];
        let pairs = self.pairs();
        let mut all = 0;
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(packed) {
            *pair = pairs[usize::from(*byte)];
            all |= pair[0] | pair[1];
        }
        if !all.is_ascii() {
            return Err(self.fault(packed));
        }
        Ok(Word::ascii(&text[..2 * packed.len() - usize::from(odd)]))
    }

    /// The first digit that stands for nothing, and the byte that holds it.
    #[cold]
    fn fault(self, packed: &[u8]) -> (usize, u8) {
        let digits =
            packed.iter().enumerate().flat_map(|(at, byte)| [(at, byte >> 4), (at, byte & 15)]);
        let none = |(_, digit): &(usize, u8)| self.pairs()[usize::from(*digit)][1] == NONE;
        digits.into_iter().find(none).unwrap_or_default()
    }

    /// Tells whether the format can pack a text, whoever wrote it: up to 254 characters.
    pub fn fits(self, text: &[u8]) -> bool {
        let is_in = |byte: &u8| ALPHABETS[usize::from(*byte)] & self.bit() != 0;
        text.len() <= CHARS_MAX && text.iter().all(is_in)
    }

    /// Appends the length byte and the packed text, which some alphabet [`Self::fits`].
    pub fn pack(text: &[u8], pad: u8, out: &mut Vec<u8>) {
        let bytes = u8::try_from(text.len().div_ceil(2)).expect("a packed text is short");
        let (pairs, rest) = text.as_chunks::<2>();
        out.push(u8::from(!rest.is_empty()) << 7 | bytes);
        let digit = |char: u8| DIGITS[usize::from(char)];
        out.extend(pairs.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)));
        out.extend(rest.iter().map(|high| digit(*high) << 4 | pad & 15));
    }
}

/// Chooses the alphabet as encoders do: nibbles before hex, 1 to 127 characters.
///
/// U+0000 is never chosen for packing, although it has a digit.
pub fn choose(text: &[u8]) -> Option<Alphabet> {
    if text.is_empty() || text.len() > PACKED_CHARS_MAX {
        return None;
    }
    let mut both = NIBBLE_BIT | HEX_BIT;
    for byte in text {
        both &= ALPHABETS[usize::from(*byte)];
        if both == 0 || *byte == 0 {
            return None;
        }
    }
    Some(if both & NIBBLE_BIT != 0 { Alphabet::Nibble } else { Alphabet::Hex })
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
        let alphabet = choose(text.as_bytes())?;
        let mut out = Vec::new();
        Alphabet::pack(text.as_bytes(), PAD, &mut out);
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
        assert!(choose("1".repeat(127).as_bytes()).is_some());
        assert_eq!(choose("1".repeat(128).as_bytes()), None);
        assert!(Alphabet::Hex.fits("A".repeat(254).as_bytes()));
        assert!(!Alphabet::Hex.fits("A".repeat(255).as_bytes()));
    }

    #[test]
    fn every_byte_unpacks_and_packs_to_itself_or_is_refused() {
        for byte in 0..=255 {
            let text = Alphabet::Hex.unpack(&[byte], false).unwrap();
            let mut out = Vec::new();
            Alphabet::pack(text.as_bytes(), PAD, &mut out);
            assert_eq!(out, [1, byte]);
            let bad = |digit: u8| (12..15).contains(&digit);
            match Alphabet::Nibble.unpack(&[byte], false) {
                Ok(text) => {
                    let mut out = Vec::new();
                    Alphabet::pack(text.as_bytes(), PAD, &mut out);
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
        Alphabet::pack(b"123", 4, &mut out);
        assert_eq!(out, [0x82, 0x12, 0x34]);
    }
}
