//! Whether the server `interop` after an address of kind 245 belongs to the address.
//!
//! Real clients write such addresses with and without it (`wire.md` §3.4). It is taken if and
//! only if the next value is exactly that string and taking it leaves the node complete
//! (`interfaces.md` §9). Lookahead counts the values up to the next list: it needs no
//! backtracking and looks over a node's attributes at most once, so hostile input costs linear
//! time. Nothing is decoded here.

use super::tag;

const SERVER: &[u8] = b"interop";

/// What is still to come of the node whose attributes are being read.
#[derive(Debug)]
pub struct Ahead {
    /// Keys and values after the current value.
    pub values: usize,
    /// Whether content follows them.
    pub content: bool,
    /// How many values the node lacks if every further address takes its server.
    shortage: Option<usize>,
}

impl Ahead {
    pub fn new(values: usize, content: bool) -> Self {
        Self { values, content, shortage: None }
    }

    /// Tells whether the value at `at` is the server of the address before it.
    ///
    /// Where some of a node's addresses must do without, the first ones do.
    pub fn takes_server(&mut self, data: &[u8], at: usize) -> bool {
        let Some(end) = server_end(data, at) else {
            return false;
        };
        let shortage = self.shortage.unwrap_or_else(|| self.count_shortage(data, end));
        self.shortage = Some(shortage.saturating_sub(1));
        shortage == 0
    }

    fn count_shortage(&self, data: &[u8], mut at: usize) -> usize {
        let wanted = self.values + usize::from(self.content);
        let mut found = 0;
        while found < wanted && data.get(at).is_some_and(|byte| !is_list(*byte)) {
            match value_end(data, at) {
                Some(end) => at = end,
                // Broken values are reported when they are read.
                None => return 0,
            }
            found += 1;
        }
        wanted - found - usize::from(found < wanted && self.content && is_children(data, at))
    }
}

/// Gives the end of the value at `at` if it is the string `interop`.
fn server_end(data: &[u8], at: usize) -> Option<usize> {
    let (start, end) = raw(data, at)?;
    (data.get(start..end)? == SERVER).then_some(end)
}

fn is_list(byte: u8) -> bool {
    matches!(byte, tag::LIST_8 | tag::LIST_16)
}

/// Tells children from a sibling node: in the first, a list header follows the header.
///
/// A header that the data ends in fits both and is broken in both.
fn is_children(data: &[u8], at: usize) -> bool {
    let (count, first) = match data.get(at) {
        Some(&tag::LIST_8) => (data.get(at + 1..at + 2), at + 2),
        Some(&tag::LIST_16) => (data.get(at + 1..at + 3), at + 3),
        _ => return false,
    };
    let empty = count.is_none_or(|count| count.iter().all(|byte| *byte == 0));
    empty || data.get(first).is_none_or(|byte| is_list(*byte))
}

/// Gives where a raw string or raw bytes start and end, which may be beyond the data.
fn raw(data: &[u8], at: usize) -> Option<(usize, usize)> {
    let (start, len) = match *data.get(at..)? {
        [tag::RAW_8, len, ..] => (at + 2, usize::from(len)),
        [tag::RAW_20, high, middle, low, ..] => {
            (at + 4, usize::from(high & 15) << 16 | usize::from(middle) << 8 | usize::from(low))
        }
        [tag::RAW_32, a, b, c, d, ..] => (at + 5, u32::from_be_bytes([a, b, c, d]) as usize),
        _ => return None,
    };
    Some((start, start.checked_add(len)?))
}

fn text_end(data: &[u8], at: usize) -> Option<usize> {
    match *data.get(at)? {
        0..tag::LISTS => Some(at + 1),
        tag::LISTS..240 => Some(at + 2),
        tag::HEX | tag::NIBBLE => Some(at + 2 + usize::from(data.get(at + 1)? & 0x7F)),
        _ => raw(data, at).map(|(_, end)| end),
    }
}

fn value_end(data: &[u8], at: usize) -> Option<usize> {
    match *data.get(at)? {
        tag::JID_PAIR => text_end(data, text_end(data, at + 1)?),
        tag::JID_DEVICE => text_end(data, at + 3),
        tag::JID_MESSENGER => text_end(data, text_end(data, at + 1)? + 2),
        tag::JID_INTEROP => {
            let end = text_end(data, at + 1)? + 4;
            Some(server_end(data, end).unwrap_or(end))
        }
        _ => text_end(data, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &[u8] = b"\xfc\x07interop";

    fn takes(values: usize, content: bool, after: &[u8]) -> bool {
        Ahead::new(values, content).takes_server(&[NAME, after].concat(), 0)
    }

    #[test]
    fn only_the_exact_string_is_a_server() {
        for (bytes, expected) in [
            (&b"\xfc\x07interop"[..], true),
            (b"\xfd\xf0\x00\x07interop", true),
            (b"\xfe\x00\x00\x00\x07interop", true),
            (b"\xfc\x06intero", false),
            (b"\xfc\x07interoP", false),
            (b"\xfc\x08interop", false),
            (b"\xfc\x07inter", false),
            (b"", false),
        ] {
            assert_eq!(Ahead::new(0, false).takes_server(bytes, 0), expected, "{bytes:?}");
        }
    }

    #[test]
    fn the_server_is_taken_where_the_node_stays_complete() {
        assert!(takes(0, false, b""));
        assert!(takes(2, false, b"\x08\x09"));
        assert!(takes(2, false, b"\x08\xfa\x00\x03"));
        assert!(takes(0, true, b"\xfc\x01x"));
        assert!(takes(2, true, b"\x08\x09\xf8\x01\xf8\x01\x05"));
        assert!(takes(2, true, b"\x08\x09\xf8\x00"));
        assert!(takes(2, true, b"\x08\x09\x00"));
    }

    #[test]
    fn the_string_is_a_key_or_content_where_the_node_would_lack_a_value() {
        assert!(!takes(2, false, b"\x09"));
        assert!(!takes(2, false, b"\x09\xf8\x03\x05\x06\x07"));
        assert!(!takes(0, true, b""));
        assert!(!takes(0, true, b"\xf8\x01\x05"));
        assert!(!takes(2, true, b"\x09\xf8\x01\xf8\x01\x05"));
    }

    #[test]
    fn the_first_addresses_do_without_where_not_all_can_take() {
        let address = b"\xf5\x08\0\0\0\x0c".as_slice();
        let data = [NAME, b"\x05", NAME, address, NAME, b"\x05"].concat();
        let mut ahead = Ahead::new(5, false);
        assert!(!ahead.takes_server(&data, 0));
        ahead.values = 1;
        assert!(ahead.takes_server(&data, NAME.len() * 2 + 1 + address.len()));
    }

    #[test]
    fn every_kind_of_value_is_skipped_whole() {
        for value in [
            &b"\x05"[..],
            b"\xec\x05",
            b"\xfc\x02ab",
            b"\xfd\x00\x00\x02ab",
            b"\xfe\x00\x00\x00\x02ab",
            b"\xff\x82\x12\x3f",
            b"\xfb\x01\xab",
            b"\xfa\x00\x03",
            b"\xf7\x00\x01\x05",
            b"\xf6\x05\0\0\xcc",
            b"\xf5\x05\0\0\0\x0c",
            b"\xf5\x05\0\0\0\x0c\xfc\x07interop",
        ] {
            assert_eq!(value_end(value, 0), Some(value.len()), "{value:?}");
        }
        assert_eq!(value_end(&[240], 0), None);
    }
}
