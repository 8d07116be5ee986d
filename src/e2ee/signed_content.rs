//! Does somebody sign what he writes? Looks for signatures by long-term keys over content (ENC-011).
//!
//! Main function: [`find`]. A signature can be told only by verifying it: whatever has the length of
//! one is tried under every known key of the writer, as XEdDSA and as Ed25519, over everything that a
//! writer could mean by "the message". A MAC under shared keys never verifies here, and that is the
//! difference that deniability rests on (X3DH §4.4).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use wacore_libsignal::core::curve::PublicKey;

use crate::limits::SIGNATURE_CANDIDATES_MAX;

/// XEdDSA and Ed25519 alike (XED §2.1, RFC 8032 §5.1.6).
const SIGNATURE_BYTES: usize = 64;
/// Contents nest messages in messages (`wire.md` §6.1).
const DEPTH_MAX: usize = 4;

/// What was written, as its writer could have signed it.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    pub id: &'a str,
    pub text: &'a str,
    /// The content protobuf with its padding, as it was encrypted.
    pub padded: &'a [u8],
    pub ciphertext: &'a [u8],
}

/// A signature that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Where it stands, e.g. `content field 9999`.
    pub place: String,
    /// What it is made over.
    pub over: &'static str,
    /// The name of the key.
    pub key: String,
}

/// Looks in the content, and in `beside` (name and bytes of what stands beside the ciphertext), for a
/// signature by one of the keys.
pub fn find(
    written: Written<'_>,
    beside: &[(String, Vec<u8>)],
    keys: &[(String, [u8; 32])],
) -> Option<Signature> {
    let content = super::padding::strip(written.padded).unwrap_or(written.padded);
    let mut candidates: Vec<Candidate> = Vec::new();
    fields(content, 0, "content", &mut candidates);
    for (place, bytes) in beside {
        let found = signatures_in(bytes).into_iter();
        candidates.extend(found.map(|bytes| Candidate {
            place: place.clone(),
            bytes,
            without: None,
        }));
    }
    candidates.truncate(SIGNATURE_CANDIDATES_MAX);
    candidates.iter().find_map(|candidate| {
        let messages = messages(written, content, candidate);
        messages.iter().find_map(|(over, message)| {
            let signer = keys.iter().find(|(_, key)| verifies(key, message, &candidate.bytes))?;
            Some(Signature { place: candidate.place.clone(), over, key: signer.0.clone() })
        })
    })
}

/// What has the length of a signature.
struct Candidate {
    place: String,
    bytes: [u8; SIGNATURE_BYTES],
    /// The content without the field that it stands in.
    without: Option<Vec<u8>>,
}

fn messages(
    written: Written<'_>,
    content: &[u8],
    candidate: &Candidate,
) -> Vec<(&'static str, Vec<u8>)> {
    let text = written.text.as_bytes();
    let named = |bytes: &[u8]| [written.id.as_bytes(), bytes].concat();
    let mut messages = vec![
        ("the text", text.to_vec()),
        ("the content", content.to_vec()),
        ("the padded content", written.padded.to_vec()),
        ("the ciphertext", written.ciphertext.to_vec()),
        ("id and text", named(text)),
        ("id and ciphertext", named(written.ciphertext)),
    ];
    messages.extend(candidate.without.clone().map(|rest| ("the rest of the content", rest)));
    let digests: Vec<_> =
        messages.iter().map(|(over, bytes)| (*over, Sha256::digest(bytes).to_vec())).collect();
    messages.extend(digests);
    messages
}

fn verifies(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let xeddsa = PublicKey::from_djb_public_key_bytes(key)
        .is_ok_and(|key| key.verify_signature(message, signature));
    xeddsa || UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
}

/// Walks a protobuf; what is none has no fields.
fn fields(bytes: &[u8], depth: usize, place: &str, out: &mut Vec<Candidate>) {
    let mut at = 0;
    while out.len() < SIGNATURE_CANDIDATES_MAX {
        let Some((number, range, end)) = field(bytes, at) else { return };
        let value = &bytes[range];
        let place = format!("{place} field {number}");
        let without = (depth == 0).then(|| [&bytes[..at], &bytes[end..]].concat());
        out.extend(signatures_in(value).into_iter().map(|signature| Candidate {
            place: place.clone(),
            bytes: signature,
            without: without.clone(),
        }));
        if depth < DEPTH_MAX && value.len() > SIGNATURE_BYTES {
            fields(value, depth + 1, &place, out);
        }
        at = end;
    }
}

/// The next field: its number, where its value stands, and where it ends. Numbers have empty values.
fn field(bytes: &[u8], at: usize) -> Option<(u64, std::ops::Range<usize>, usize)> {
    let (tag, after) = varint(bytes, at)?;
    let (start, end) = match tag & 7 {
        0 => {
            let (_, end) = varint(bytes, after)?;
            (end, end)
        }
        1 => (after + 8, after + 8),
        5 => (after + 4, after + 4),
        2 => {
            let (len, start) = varint(bytes, after)?;
            (start, start.checked_add(usize::try_from(len).ok()?)?)
        }
        _ => return None,
    };
    (end <= bytes.len()).then_some((tag >> 3, start..end, end))
}

fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for (n, byte) in bytes.get(at..)?.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7F).checked_shl(7 * u32::try_from(n).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((value, at + n + 1));
        }
    }
    None
}

/// The bytes themselves, or what words in them stand for: hexadecimal or base64.
fn signatures_in(bytes: &[u8]) -> Vec<[u8; SIGNATURE_BYTES]> {
    if let Ok(raw) = bytes.try_into() {
        return vec![raw];
    }
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    let words = bytes.split(|byte| !is_digit(byte));
    words.filter_map(decoded).collect()
}

fn decoded(word: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
    let bytes = match word.len() {
        128 => hex::decode(word).ok()?,
        86 => STANDARD_NO_PAD.decode(word).or_else(|_| URL_SAFE_NO_PAD.decode(word)).ok()?,
        _ => return None,
    };
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::super::content;
    use super::super::pair::party;
    use super::super::party::Party as _;
    use super::*;

    fn padded(content: &[u8]) -> Vec<u8> {
        [content, &[3, 3, 3]].concat()
    }

    fn written<'a>(padded: &'a [u8], ciphertext: &'a [u8]) -> Written<'a> {
        Written { id: "3EB0", text: "hello", padded, ciphertext }
    }

    /// A content with the signature in a field that nobody knows.
    fn with_field(signature: &[u8]) -> Vec<u8> {
        let head = [0xFA, 0xF0, 0x04, u8::try_from(signature.len()).unwrap()];
        padded(&[&content::text("hello")[..], &head, signature].concat())
    }

    #[test]
    fn a_signature_is_found_wherever_it_stands_and_whatever_it_covers() {
        let mut alice = party("alice");
        let keys = [("identity".to_owned(), alice.identity())];
        let text = content::text("hello");
        for (over, message) in [
            ("the text", &b"hello"[..]),
            ("the rest of the content", &text),
            ("the ciphertext", b"sealed"),
            ("id and text", b"3EB0hello"),
            ("the text", &Sha256::digest(b"hello")),
        ] {
            let signature = alice.sign(message);
            let content = with_field(&signature);
            let found = find(written(&content, b"sealed"), &[], &keys).unwrap();
            assert_eq!((found.over, &*found.place), (over, "content field 9999"));
        }
        let signature = alice.sign(b"sealed");
        let plain = padded(&text);
        for bytes in [
            signature.clone(),
            hex::encode(&signature).into_bytes(),
            format!("v1={}==;", STANDARD_NO_PAD.encode(&signature)).into_bytes(),
        ] {
            let beside = [("attribute sig".to_owned(), bytes)];
            let found = find(written(&plain, b"sealed"), &beside, &keys).unwrap();
            assert_eq!((found.over, &*found.place), ("the ciphertext", "attribute sig"));
        }
    }

    #[test]
    fn what_merely_looks_like_a_signature_is_none() {
        let mut alice = party("alice");
        let keys = [("identity".to_owned(), alice.identity())];
        let plain = padded(&content::text("hello"));
        assert_eq!(find(written(&plain, b"sealed"), &[], &keys), None);
        assert_eq!(find(written(&with_field(&[7; 64]), b"sealed"), &[], &keys), None);
        let signature = alice.sign(b"something else");
        assert_eq!(find(written(&with_field(&signature), b"sealed"), &[], &keys), None);
        let strangers = [("identity".to_owned(), party("eve").identity())];
        let over_text = with_field(&alice.sign(b"hello"));
        assert_eq!(find(written(&over_text, b"sealed"), &[], &strangers), None);
        for broken in [&b"\x0A\xFF\xFF\xFF\xFF\x7F"[..], b"\xFF", b"\x0B", b""] {
            assert_eq!(find(written(broken, b"sealed"), &[], &keys), None);
        }
    }
}
