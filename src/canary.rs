//! Finding what a user wrote where it must not be: high-entropy words in every encoding that people use.
//!
//! Main type: [`Oracle`]. It is made for the canaries of one case, each a word or bytes that nothing
//! but the user's content holds, and says of any bytes whether a piece of one is in them: any eight
//! bytes in a row, plain, encoded or compressed. It knows no channel and no protocol. Time is linear in
//! the bytes, since all forms are looked up at once ([`heads`]), and what is inflated is bounded.

mod heads;

use std::fmt::{self, Write as _};
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use self::heads::{Head, Heads};
use crate::limits::{CANARIES_MAX, CANARY_BYTES_MAX, LEAK_BLOBS_MAX, LEAK_INFLATED_BYTES_MAX};

/// So many bytes in a row are no coincidence: 64 bits, or 32 where they are hexadecimal digits.
const SHINGLE_BYTES: usize = 8;
/// Compressed text in base64 in compressed text is looked into, and nothing deeper.
const DEPTH_MAX: usize = 3;
/// Deflated bytes that are UTF-8 by chance are shorter: every other byte is above 0x7F.
const DEFLATED_TEXT_BYTES_MAX: usize = 32;

/// What must not be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// What it stands for, e.g. `text` or `photo`.
    pub what: String,
    pub bytes: Vec<u8>,
}

/// Where a canary was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// What it stands for.
    pub what: String,
    /// How it is written there, e.g. `base64` or `hex in gzip`.
    pub form: String,
    /// The byte at which it stands, of the bytes as they came out of what they were packed in.
    pub offset: usize,
}

/// All forms of some canaries: one table, since many cases that run at once have one each.
#[derive(Debug)]
pub struct Oracle {
    /// Finds the heads of pieces.
    heads: Heads,
    /// Where the pieces of each head begin; one more says where the last ones end.
    begin: Box<[u32]>,
    /// Sorted by their heads.
    pieces: Box<[Piece]>,
    /// What the pieces are, one after another.
    texts: Box<[u8]>,
    names: Vec<String>,
}

/// A shingle of a canary in one form.
#[derive(Clone, Copy, Debug)]
struct Piece {
    form: &'static str,
    /// Where it stands in the texts.
    at: u32,
    len: u16,
    canary: u16,
}

impl Canary {
    /// Names what must not be seen.
    pub fn new(what: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { what: what.into(), bytes: bytes.into() }
    }

    /// A user's display name, by the word in it that nothing else holds.
    pub fn of_name(whose: &str, name: &str) -> Self {
        Self::new(format!("{whose}'s display name"), name.rsplit(' ').next().unwrap_or(name))
    }
}

impl Oracle {
    /// Makes the table. Canaries shorter than a shingle are ignored; of long ones the beginning is
    /// enough.
    pub fn new(canaries: impl IntoIterator<Item = Canary>) -> Self {
        let (mut texts, mut names) = (Vec::new(), Vec::new());
        let mut all: Vec<(Head, Piece)> = Vec::new();
        for (number, canary) in (0_u16..).zip(canaries.into_iter().take(CANARIES_MAX)) {
            let bytes = &canary.bytes[..canary.bytes.len().min(CANARY_BYTES_MAX)];
            forms(bytes, |form, text| {
                let place = (u32::try_from(texts.len()), u16::try_from(text.len()));
                if let (Some(head), (Ok(at), Ok(len))) = (heads::head(text), place) {
                    all.push((head, Piece { form, at, len, canary: number }));
                    texts.extend_from_slice(text);
                }
            });
            names.push(canary.what);
        }
        // Stable: of pieces that are alike the first form is the one that is named.
        all.sort_by_key(|(head, _)| *head);
        let (mut heads, mut begin, mut pieces) = (Vec::new(), Vec::new(), Vec::new());
        for same in all.chunk_by(|(one, _), (other, _)| one == other) {
            heads.push(same[0].0);
            begin.push(count(&pieces));
            let text = |piece: &Piece| part(&texts, piece);
            for (n, (_, piece)) in same.iter().enumerate() {
                let alike = |(_, other): &&(Head, Piece)| text(other) == text(piece);
                if same[..n].iter().find(alike).is_none() {
                    pieces.push(*piece);
                }
            }
        }
        begin.push(count(&pieces));
        Self {
            heads: Heads::new(heads),
            begin: begin.into(),
            pieces: pieces.into(),
            texts: texts.into(),
            names,
        }
    }

    /// The oracle for these canaries, made once for all who have it at the same time: Meta's side
    /// and the judge of a case ask for the same one.
    pub fn shared(canaries: &[Canary]) -> Arc<Self> {
        type Made = Vec<(Vec<Canary>, Weak<Oracle>)>;
        static MADE: Mutex<Made> = Mutex::new(Vec::new());
        let known = |made: &Made| made.iter().find(|(of, _)| of == canaries)?.1.upgrade();
        if let Some(oracle) = known(&MADE.lock().unwrap_or_else(PoisonError::into_inner)) {
            return oracle;
        }
        let oracle = Arc::new(Self::new(canaries.iter().cloned()));
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|(_, oracle)| oracle.strong_count() > 0);
        made.push((canaries.to_vec(), Arc::downgrade(&oracle)));
        oracle
    }

    /// Says whether a piece of a canary is in the bytes: the first that is found.
    pub fn scan(&self, bytes: &[u8]) -> Option<Sighting> {
        if self.pieces.is_empty() { None } else { self.look(bytes, 0) }
    }

    fn look(&self, bytes: &[u8], depth: usize) -> Option<Sighting> {
        let whole = |(head, at): (usize, usize)| {
            let [from, until] = [head, head + 1].map(|head| self.begin[head] as usize);
            let mut pieces = self.pieces[from..until].iter();
            let stands = |piece: &&Piece| bytes[at..].starts_with(part(&self.texts, piece));
            Some((pieces.find(stands)?, at))
        };
        if let Some((piece, offset)) = self.heads.in_bytes(bytes).find_map(whole) {
            let (what, form) =
                (self.names[usize::from(piece.canary)].clone(), piece.form.to_owned());
            return Some(Sighting { what, form, offset });
        }
        if depth == DEPTH_MAX {
            return None;
        }
        packed(bytes).into_iter().find_map(|(packing, inner)| {
            let found = self.look(&inner, depth + 1)?;
            Some(Sighting { form: format!("{} in {packing}", found.form), ..found })
        })
    }
}

/// A piece's own text.
fn part<'a>(texts: &'a [u8], piece: &Piece) -> &'a [u8] {
    &texts[piece.at as usize..][..usize::from(piece.len)]
}

fn count(pieces: &[Piece]) -> u32 {
    u32::try_from(pieces.len()).unwrap_or(u32::MAX)
}

/// Every shingle in every form, the plain one first.
fn forms(bytes: &[u8], mut add: impl FnMut(&'static str, &[u8])) {
    // Each byte is written once, however many shingles it is part of.
    let written: Vec<(&'static str, Written)> =
        WRITINGS.iter().map(|(form, write)| (*form, Written::of(bytes, *write))).collect();
    for (at, shingle) in bytes.windows(SHINGLE_BYTES).enumerate() {
        add("plain", shingle);
        let mut wide = [0; 2 * SHINGLE_BYTES];
        for first in [1, 0] {
            wide.fill(0);
            wide[first..].iter_mut().step_by(2).zip(shingle).for_each(|(to, byte)| *to = *byte);
            add("UTF-16", &wide);
        }
        for (form, written) in &written {
            let text = written.part(at..at + SHINGLE_BYTES);
            // What separates two bytes need not follow the last.
            add(form, text.trim_end_matches(' ').as_bytes());
        }
        for lead in 0..3 {
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                inner_base64(shingle, lead, engine, |text| add("base64", text));
            }
        }
    }
}

/// Bytes in a form that writes each by itself.
struct Written {
    text: String,
    /// Where each byte begins, and where the last one ends.
    begin: Vec<usize>,
}

impl Written {
    fn of(bytes: &[u8], write: Writing) -> Self {
        let mut made = Self { text: String::new(), begin: vec![0] };
        for byte in bytes {
            // Writing to a string does not fail.
            let _ = write(&mut made.text, *byte);
            made.begin.push(made.text.len());
        }
        made
    }

    fn part(&self, bytes: std::ops::Range<usize>) -> &str {
        &self.text[self.begin[bytes.start]..self.begin[bytes.end]]
    }
}

type Writing = fn(&mut String, u8) -> fmt::Result;

/// The forms that write each byte by itself.
const WRITINGS: &[(&str, Writing)] = &[
    ("hex", |to, byte| write!(to, "{byte:02x}")),
    ("hex", |to, byte| write!(to, "{byte:02X}")),
    ("hex with spaces", |to, byte| write!(to, "{byte:02x} ")),
    ("URL encoding", |to, byte| write!(to, "%{byte:02X}")),
    ("URL encoding", |to, byte| write!(to, "%{byte:02x}")),
    ("URL encoding", percent_where_needed),
    ("JSON escapes", |to, byte| write!(to, "\\u{:04x}", u32::from(byte))),
    ("JSON escapes", |to, byte| write!(to, "\\u{:04X}", u32::from(byte))),
    ("escapes", |to, byte| write!(to, "\\x{byte:02x}")),
    ("a list of numbers", |to, byte| write!(to, "{byte},")),
    ("a list of numbers", |to, byte| write!(to, "{byte}, ")),
];

/// RFC 3986 §2.3: unreserved characters stand for themselves.
fn percent_where_needed(to: &mut String, byte: u8) -> fmt::Result {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        to.push(char::from(byte));
        Ok(())
    } else {
        write!(to, "%{byte:02X}")
    }
}

/// Gives the characters that depend on these bytes alone, `lead` bytes into a group of three.
fn inner_base64(
    shingle: &[u8],
    lead: usize,
    engine: &base64::engine::GeneralPurpose,
    give: impl FnOnce(&[u8]),
) {
    let (mut padded, mut text) = ([0; SHINGLE_BYTES + 2], [0; 2 * SHINGLE_BYTES]);
    let len = lead + shingle.len();
    padded[lead..len].copy_from_slice(shingle);
    if engine.encode_slice(&padded[..len], &mut text).is_ok() {
        give(&text[(lead * 8).div_ceil(6)..len * 8 / 6]);
    }
}

/// What the bytes unpack to: what is compressed in them, or what they stand for as base64.
fn packed(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut out = Vec::new();
    let heads = bytes.windows(2).enumerate().filter_map(|(at, head)| match head {
        [0x1F, 0x8B] => Some((at, "gzip")),
        [0x78, 0x01 | 0x5E | 0x9C | 0xDA] => Some((at, "zlib")),
        _ => None,
    });
    for (at, packing) in heads.take(LEAK_BLOBS_MAX) {
        let inner = match packing {
            "gzip" => inflated(MultiGzDecoder::new(&bytes[at..])),
            _ => inflated(ZlibDecoder::new(&bytes[at..])),
        };
        out.extend(inner.map(|inner| (packing, inner)));
    }
    if may_be_deflated(bytes) {
        out.extend(inflated(DeflateDecoder::new(bytes)).map(|inner| ("deflate", inner)));
    }
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    let words = bytes.split(|byte| !digit(byte)).filter(|word| word.len() >= 16);
    let decoded = words.take(LEAK_BLOBS_MAX).filter_map(|word| {
        let trimmed = word.strip_suffix(b"==").or(word.strip_suffix(b"=")).unwrap_or(word);
        let plain = STANDARD_NO_PAD.decode(trimmed).or_else(|_| URL_SAFE_NO_PAD.decode(trimmed));
        // A name with `=` before it, as in a form.
        plain.or_else(|_| STANDARD.decode(after_equals(word))).ok()
    });
    // Plain text in base64 has a form of its own; here is what is compressed inside.
    out.extend(decoded.map(|inner| ("base64", inner)));
    out
}

/// Raw deflate has no mark of its own. Text that is this long is no chance result of compression, and
/// a first block of the reserved type (RFC 1951 §3.2.3) is none at all.
fn may_be_deflated(bytes: &[u8]) -> bool {
    let text = bytes.len() >= DEFLATED_TEXT_BYTES_MAX && std::str::from_utf8(bytes).is_ok();
    let reserved = bytes.first().is_none_or(|first| first >> 1 & 3 == 3);
    !text && !reserved
}

fn after_equals(word: &[u8]) -> &[u8] {
    let at = word.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
    &word[at..]
}

/// What comes out until it ends, breaks or is too much; nothing is nothing.
fn inflated(reader: impl std::io::Read) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    // Broken off, what came out so far still counts.
    let _ = reader.take(LEAK_INFLATED_BYTES_MAX).read_to_end(&mut out);
    (out.len() >= SHINGLE_BYTES).then_some(out)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    const WORD: &str = "cnry5f0e9a77c3d1b2846e0f";

    fn oracle() -> Oracle {
        Oracle::new([Canary::new("text", WORD)])
    }

    fn form(bytes: &[u8]) -> Option<String> {
        oracle().scan(bytes).map(|sighting| sighting.form)
    }

    fn packed_as(how: &str, bytes: &[u8]) -> Vec<u8> {
        let level = Compression::default();
        macro_rules! write {
            ($encoder:ident) => {{
                let mut encoder = $encoder::new(Vec::new(), level);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }};
        }
        match how {
            "gzip" => write!(GzEncoder),
            "zlib" => write!(ZlibEncoder),
            _ => write!(DeflateEncoder),
        }
    }

    #[test]
    fn every_form_is_found_and_named() {
        // Long enough to be worth compressing.
        let text = format!("{}{WORD}, and more", "he said, and said again ".repeat(20));
        let bytes = text.as_bytes();
        let utf16 = |big: bool| -> Vec<u8> {
            let units = text.encode_utf16();
            units.flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
        };
        let escaped: String = text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        let numbers = format!("{bytes:?}");
        for (expected, written) in [
            ("plain", bytes.to_vec()),
            ("hex", hex::encode(bytes).into_bytes()),
            ("hex", hex::encode_upper(bytes).into_bytes()),
            ("UTF-16", utf16(true)),
            ("UTF-16", utf16(false)),
            ("JSON escapes", escaped.into_bytes()),
            ("a list of numbers", numbers.into_bytes()),
            ("URL encoding", bytes.iter().map(|b| format!("%{b:02X}")).collect::<String>().into()),
            ("plain in gzip", packed_as("gzip", bytes)),
            ("plain in zlib", packed_as("zlib", bytes)),
            ("plain in deflate", packed_as("deflate", bytes)),
            ("hex in gzip", packed_as("gzip", hex::encode(bytes).as_bytes())),
            ("plain in gzip in base64", STANDARD.encode(packed_as("gzip", bytes)).into_bytes()),
        ] {
            assert_eq!(form(&written).as_deref(), Some(expected));
        }
        for lead in 0..3 {
            let bytes = [&vec![b'x'; lead][..], bytes].concat();
            for text in [STANDARD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
                assert_eq!(form(text.as_bytes()).as_deref(), Some("base64"), "{lead}");
            }
        }
        // Inside of anything: a protobuf string has its length before it.
        let protobuf = [&b"\x0A\x18"[..], WORD.as_bytes(), b"\x10\x01"].concat();
        assert_eq!(oracle().scan(&protobuf).unwrap().offset, 2);
        let body = [&b"event="[..], &packed_as("gzip", bytes)].concat();
        assert_eq!(form(&body).as_deref(), Some("plain in gzip"));
    }

    #[test]
    fn eight_bytes_are_enough_and_seven_are_not() {
        for at in 0..WORD.len() - 8 {
            let piece = &WORD[at..at + 8];
            assert_eq!(form(format!("<{piece}>").as_bytes()).as_deref(), Some("plain"));
            assert_eq!(form(hex::encode(piece).as_bytes()).as_deref(), Some("hex"));
            assert_eq!(form(&WORD.as_bytes()[at..at + 7]), None);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_found_too() {
        let photo: Vec<u8> = (0..64_u8).map(|n| n.wrapping_mul(37) ^ 0xA5).collect();
        let oracle = Oracle::new([Canary::new("text", WORD), Canary::new("photo", photo.clone())]);
        let found = oracle.scan(STANDARD.encode(&photo).as_bytes()).unwrap();
        assert_eq!((&*found.what, &*found.form), ("photo", "base64"));
        assert_eq!(oracle.scan(&photo[3..]).unwrap().form, "plain");
        assert_eq!(oracle.scan(WORD.as_bytes()).unwrap().what, "text");
    }

    #[test]
    fn what_expands_without_end_costs_little() {
        let bomb = packed_as("gzip", &vec![0; 64 << 20]);
        assert_eq!(form(&bomb), None);
        assert_eq!(form(&[0x1F, 0x8B].repeat(100_000)), None);
        assert!(Oracle::new([]).scan(b"anything").is_none());
        assert!(Oracle::new([Canary::new("short", "seven b")]).scan(b"seven b").is_none());
    }

    proptest! {
        #[test]
        fn random_bytes_are_no_sighting(bytes: Vec<u8>) {
            prop_assert_eq!(form(&bytes), None);
        }
    }
}
