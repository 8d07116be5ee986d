//! The layers inside an `<enc>`: header, padding, content.
//!
//! Main function: [`lines`]. It reads what the transcript holds of a ciphertext and knows no keys.

use serde_json::Value;

use super::field;
use super::paint::{Line, shortened};
use super::xml::bytes_in_words;
use crate::evidence::EncFacts;

/// Hex digits that are shown of a key.
const KEY_DIGITS: usize = 16;
/// Levels of a protobuf that are read.
const DEPTH_MAX: usize = 4;
/// Fields that are shown of one protobuf.
const FIELDS_SHOWN: usize = 12;

/// Shows what is known of a ciphertext.
pub fn lines(enc: &EncFacts) -> Vec<Line> {
    let mut out = vec![field("header", header(&enc.kind, &enc.header))];
    if let Some(first) = enc.header.get("first") {
        out.push(field("first", first_header(first)));
    }
    let plaintext = enc.plaintext.as_ref().and_then(crate::evidence::Payload::bytes);
    if let Some(padded) = plaintext {
        let (content, padding) = split(&padded);
        out.push(field("padding", padding));
        out.push(field("content", protobuf(content)));
    }
    out
}

fn header(kind: &str, header: &Value) -> String {
    if let Some(error) = header.get("error").and_then(Value::as_str) {
        return format!("{kind}, unreadable: {error}");
    }
    let number = |name: &str| header.get(name).and_then(Value::as_u64).unwrap_or_default();
    let byte = number("version_byte");
    format!(
        "{kind}, version {} (byte {byte:#04x}), ratchet key {}, message {} of its chain, {} in the \
         chain before, ciphertext of {} bytes",
        byte >> 4,
        key(header, "ratchet_key"),
        number("counter"),
        number("previous_counter"),
        number("ciphertext_bytes"),
    )
}

fn first_header(first: &Value) -> String {
    let number = |name: &str| first.get(name).and_then(Value::as_u64);
    let one_time = number("one_time_id")
        .map_or("no one-time prekey".into(), |id| format!("one-time prekey {id}"));
    format!(
        "registration id {}, signed prekey {}, {one_time}, base key {}, identity key {}",
        number("registration_id").unwrap_or_default(),
        number("signed_prekey_id").unwrap_or_default(),
        key(first, "base_key"),
        key(first, "identity"),
    )
}

fn key(object: &Value, name: &str) -> String {
    let text = object.get(name).and_then(Value::as_str).unwrap_or_default();
    let shown: String = text.chars().take(KEY_DIGITS).collect();
    format!("{shown}…")
}

/// The content, and the padding in words (`wire.md` §5.4).
fn split(padded: &[u8]) -> (&[u8], String) {
    match crate::e2ee::padding::strip(padded) {
        Ok(content) => {
            let count = padded.len() - content.len();
            (content, format!("{count} bytes of {count:#04x}"))
        }
        Err(error) => (padded, error.to_string()),
    }
}

/// The fields of a protobuf, by number; bytes that are none as they are.
fn protobuf(bytes: &[u8]) -> String {
    match message(bytes, 0) {
        Some(text) if !bytes.is_empty() => text,
        _ => bytes_in_words(bytes),
    }
}

fn message(mut bytes: &[u8], depth: usize) -> Option<String> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => varint(&mut bytes)?.to_string(),
            1 => bytes_in_words(take(&mut bytes, 8)?),
            2 => {
                let len = usize::try_from(varint(&mut bytes)?).ok()?;
                inner(take(&mut bytes, len)?, depth)
            }
            5 => bytes_in_words(take(&mut bytes, 4)?),
            _ => return None,
        };
        match fields.len() {
            FIELDS_SHOWN => fields.push("…".to_owned()),
            n if n < FIELDS_SHOWN => fields.push(format!("{} = {value}", tag >> 3)),
            _ => {}
        }
    }
    Some(fields.join(", "))
}

fn inner(bytes: &[u8], depth: usize) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control() || c == '\n') => {
            return format!("\"{}\"", shortened(text, 200));
        }
        _ => {}
    }
    let nested = if depth < DEPTH_MAX { message(bytes, depth + 1) } else { None };
    nested.map_or_else(|| bytes_in_words(bytes), |text| format!("{{{text}}}"))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, 1)?[0];
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_content_is_shown_to_its_last_field() {
        assert_eq!(protobuf(b"\x0a\x02hi"), r#"1 = "hi""#);
        assert_eq!(protobuf(b"\x32\x04\x0a\x02hi\x08\x2a"), "6 = {1 = \"hi\"}, 1 = 42");
        assert_eq!(protobuf(b"\x0a\x05hi"), "4 bytes 0a056869");
        assert_eq!(split(b"\x0a\x02hi\x02\x02"), (&b"\x0a\x02hi"[..], "2 bytes of 0x02".into()));
        assert_eq!(split(b"hi\x11").1, "the padding length is 17; 1 to 16 is allowed");
    }

    proptest! {
        #[test]
        fn no_content_makes_it_stumble(bytes: Vec<u8>) {
            prop_assert!(protobuf(&bytes).len() < 100_000);
        }
    }
}
