//! Contents that no sound client of today would write: kinds of tomorrow, broken protobufs, broken
//! paddings.
//!
//! Main functions: [`kind`], [`with_unknown_fields`], [`broken`] and [`quotes`]. They write protobuf
//! bytes by hand, because what a generated type can express is exactly what a receiver expects.

use super::content;

/// Wire types of the protobuf encoding.
const VARINT: u64 = 0;
const BYTES: u64 = 2;
const GROUP: u64 = 3;
const NONE: u64 = 7;

/// A field number that the schema of today does not have (`wire.md` §6.1).
const FUTURE_FIELD: u64 = 9999;

/// Kinds of content beside text, in the words of a scenario.
pub const KINDS: &[&str] = &["future", "sticker", "view-once", "disappearing", "poll"];

/// A content of another kind that mentions `text`; `None` for a word that is none of [`KINDS`].
/// Field numbers are those of `wire.md` §6.1.
pub fn kind(word: &str, text: &str) -> Option<Vec<u8>> {
    let inner = |number: u64| field(1, &field(number, &content::text(text)));
    Some(match word {
        "future" => field(FUTURE_FIELD, &content::text(text)),
        // A URL and a mimetype, without a file behind them.
        "sticker" => field(26, &[field(1, b""), field(5, b"image/webp")].concat()),
        "view-once" => field(55, &inner(3)),
        "disappearing" => field(40, &field(1, &content::text(text))),
        "poll" => field(49, &field(2, text.as_bytes())),
        _ => return None,
    })
}

/// A text beside fields that nobody knows, of every wire type that has a length of its own.
pub fn with_unknown_fields(text: &str) -> Vec<u8> {
    let mut bytes = field(FUTURE_FIELD, b"something new");
    bytes.extend(tag(FUTURE_FIELD + 1, VARINT));
    bytes.extend(varint(u64::MAX));
    bytes.extend(content::text(text));
    bytes.extend(tag(FUTURE_FIELD + 2, 1));
    bytes.extend([1; 8]);
    bytes.extend(tag(FUTURE_FIELD + 3, 5));
    bytes.extend([1; 4]);
    bytes
}

/// How a protobuf is broken, behind a text that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// It ends in the middle of a field.
    Cut,
    /// A field is longer than anything.
    Overlong,
    /// A number does not end within its ten bytes.
    EndlessNumber,
    /// A wire type that does not exist.
    WireType,
    /// A group that is never closed.
    OpenGroup,
}

/// A text, and behind it what makes the whole no protobuf.
pub fn broken(text: &str, how: Break) -> Vec<u8> {
    let mut bytes = content::text(text);
    match how {
        Break::Cut => bytes.extend([&tag(6, BYTES)[..], &[9, 1, 2]].concat()),
        Break::Overlong => bytes.extend([&tag(6, BYTES)[..], &varint(1 << 40)].concat()),
        Break::EndlessNumber => bytes.extend([&tag(35, VARINT)[..], &[0xFF; 12]].concat()),
        Break::WireType => bytes.extend([&tag(6, NONE)[..], &[1, 2]].concat()),
        Break::OpenGroup => bytes.extend([&tag(6, GROUP)[..], &field(1, b"t")].concat()),
    }
    bytes
}

/// A text that answers a text that answers a text, so many deep: three levels of protobuf each.
pub fn quotes(text: &str, depth: usize) -> Vec<u8> {
    // From the innermost outwards, so that each length is known: the bytes before and behind it.
    let mut heads: Vec<Vec<u8>> = Vec::new();
    let core = content::text(text);
    let mut len = core.len();
    for _ in 0..depth {
        // Extended text (6) { text (1), context (17) { quoted message (3) { … } } }.
        let quoted = [tag(3, BYTES), varint(len as u64)].concat();
        let context = [tag(17, BYTES), varint((quoted.len() + len) as u64)].concat();
        let said = field(1, b"re");
        let extended = said.len() + context.len() + quoted.len() + len;
        let head = [tag(6, BYTES), varint(extended as u64), said, context, quoted].concat();
        len += head.len();
        heads.push(head);
    }
    let mut bytes: Vec<u8> = heads.into_iter().rev().flatten().collect();
    bytes.extend(core);
    bytes
}

fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [&tag(number, BYTES)[..], &varint(bytes.len() as u64), bytes].concat()
}

fn tag(number: u64, wire_type: u64) -> Vec<u8> {
    varint(number << 3 | wire_type)
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7F {
        bytes.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::content::{Content, read};
    use super::*;

    fn said(text: &str) -> Content {
        Content::Text { text: text.to_owned(), reply: None }
    }

    #[test]
    fn kinds_of_tomorrow_are_valid_and_unknown() {
        for word in KINDS {
            assert_eq!(read(&kind(word, "hi").unwrap()), Ok(Content::Unknown), "{word}");
        }
        assert_eq!(kind("fax", "hi"), None);
    }

    #[test]
    fn unknown_fields_leave_the_text_as_it_is() {
        assert_eq!(read(&with_unknown_fields("hi")), Ok(said("hi")));
    }

    #[test]
    fn what_is_broken_is_no_protobuf() {
        use Break::*;
        for how in [Cut, Overlong, EndlessNumber, WireType, OpenGroup] {
            assert!(read(&broken("hi", how)).is_err(), "{how:?}");
        }
    }

    #[test]
    fn quotes_nest_as_deep_as_they_say() {
        let Content::Text { text, reply } = read(&quotes("core", 2)).unwrap() else {
            panic!("a text")
        };
        assert_eq!((text.as_str(), reply), ("re", None), "a context without an id quotes nothing");
        assert_eq!(read(&quotes("core", 0)), Ok(said("core")));
        assert!(read(&quotes("core", 10_000)).is_err(), "the decoder bounds the nesting");
        assert!(quotes("core", 3000).len() < 64 * 1024);
    }
}
