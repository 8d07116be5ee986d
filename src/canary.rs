//! Finding what a user wrote where it must not be: high-entropy words in every encoding that people use.
//!
//! Main type: [`Oracle`]. It is made for the canaries of one case, each a word or bytes that nothing
//! but the user's content holds, and says of any bytes whether a piece of one is in them: any eight
//! bytes in a row, plain, encoded or compressed. It knows no channel and no protocol. Time is linear in
//! the bytes, since all forms are looked up at once ([`heads`]), and what is inflated is bounded.

mod heads;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

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
/// The session and the judge of a case ask for the same one within moments.
const ORACLES_KEPT: usize = 8;

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

/// All forms of some canaries.
#[derive(Debug)]
pub struct Oracle {
    /// Finds the heads of pieces.
    heads: Heads,
    /// The pieces that begin with each head.
    pieces: Vec<Box<[Piece]>>,
    names: Vec<String>,
}

/// A shingle of a canary in one form.
#[derive(Debug)]
struct Piece {
    canary: usize,
    form: &'static str,
    text: Box<[u8]>,
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
        let mut heads: BTreeMap<Head, Vec<Piece>> = BTreeMap::new();
        let mut names = Vec::new();
        for (number, canary) in canaries.into_iter().take(CANARIES_MAX).enumerate() {
            let bytes = &canary.bytes[..canary.bytes.len().min(CANARY_BYTES_MAX)];
            let mut known: HashSet<Box<[u8]>> = HashSet::new();
            forms(bytes, |form, text| {
                let text: Box<[u8]> = text.into();
                if let Some(head) = heads::head(&text).filter(|_| known.insert(text.clone())) {
                    heads.entry(head).or_default().push(Piece { canary: number, form, text });
                }
            });
            names.push(canary.what);
        }
        let (heads, pieces): (Vec<Head>, Vec<_>) = heads.into_iter().unzip();
        Self {
            heads: Heads::new(heads),
            pieces: pieces.into_iter().map(Into::into).collect(),
            names,
        }
    }

    /// The oracle for these canaries, made once: the session, Meta's side and the judge of a case
    /// ask for the same one within moments.
    pub fn shared(canaries: &[Canary]) -> Arc<Self> {
        type Made = VecDeque<(Vec<Canary>, Arc<Oracle>)>;
        static MADE: Mutex<Made> = Mutex::new(VecDeque::new());
        let known = |made: &Made| {
            let same = made.iter().find(|(of, _)| of == canaries);
            same.map(|(_, oracle)| Arc::clone(oracle))
        };
        if let Some(oracle) = known(&MADE.lock().unwrap_or_else(PoisonError::into_inner)) {
            return oracle;
        }
        let oracle = Arc::new(Self::new(canaries.iter().cloned()));
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        made.truncate(ORACLES_KEPT - 1);
        made.push_front((canaries.to_vec(), Arc::clone(&oracle)));
        oracle
    }

    /// Says whether a piece of a canary is in the bytes: the first that is found.
    pub fn scan(&self, bytes: &[u8]) -> Option<Sighting> {
        if self.pieces.is_empty() { None } else { self.look(bytes, 0) }
    }

    fn look(&self, bytes: &[u8], depth: usize) -> Option<Sighting> {
        let whole = |(head, at): (usize, usize)| {
            let mut pieces = self.pieces[head].iter();
            Some((pieces.find(|piece| bytes[at..].starts_with(&piece.text))?, at))
        };
        if let Some((piece, offset)) = self.heads.in_bytes(bytes).find_map(whole) {
            let (what, form) = (self.names[piece.canary].clone(), piece.form.to_owned());
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

/// Every shingle in every form, the plain one first.
fn forms(bytes: &[u8], mut add: impl FnMut(&'static str, Vec<u8>)) {
    // Each byte is written once, however many shingles it is part of.
    let written: Vec<(&'static str, Vec<String>)> = WRITINGS
        .iter()
        .map(|(form, write)| (*form, bytes.iter().map(|byte| write(*byte)).collect()))
        .collect();
    for (at, shingle) in bytes.windows(SHINGLE_BYTES).enumerate() {
        add("plain", shingle.to_vec());
        add("UTF-16", shingle.iter().flat_map(|byte| [0, *byte]).collect());
        add("UTF-16", shingle.iter().flat_map(|byte| [*byte, 0]).collect());
        for (form, written) in &written {
            let mut text = written[at..at + SHINGLE_BYTES].concat();
            // What separates two bytes need not follow the last.
            text.truncate(text.trim_end_matches(' ').len());
            add(form, text.into_bytes());
        }
        for lead in 0..3 {
            for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                add("base64", inner_base64(shingle, lead, engine));
            }
        }
    }
}

type Writing = fn(u8) -> String;

/// The forms that write each byte by itself.
const WRITINGS: &[(&str, Writing)] = &[
    ("hex", |byte| format!("{byte:02x}")),
    ("hex", |byte| format!("{byte:02X}")),
    ("hex with spaces", |byte| format!("{byte:02x} ")),
    ("URL encoding", |byte| format!("%{byte:02X}")),
    ("URL encoding", |byte| format!("%{byte:02x}")),
    ("URL encoding", percent_where_needed),
    ("JSON escapes", |byte| format!("\\u{:04x}", u32::from(byte))),
    ("JSON escapes", |byte| format!("\\u{:04X}", u32::from(byte))),
    ("escapes", |byte| format!("\\x{byte:02x}")),
    ("a list of numbers", |byte| format!("{byte},")),
    ("a list of numbers", |byte| format!("{byte}, ")),
];

/// RFC 3986 §2.3: unreserved characters stand for themselves.
fn percent_where_needed(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// The characters that depend on these bytes alone, `lead` bytes into a group of three.
fn inner_base64(bytes: &[u8], lead: usize, engine: &base64::engine::GeneralPurpose) -> Vec<u8> {
    let padded = [&vec![0; lead][..], bytes].concat();
    let text = engine.encode(&padded);
    let (first, last) = ((lead * 8).div_ceil(6), padded.len() * 8 / 6);
    text.as_bytes()[first..last].to_vec()
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
