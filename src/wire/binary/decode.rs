//! Bytes to nodes.
//!
//! Main functions: [`decode`], which takes every legal or observed form, and [`decode_strict`],
//! which takes one. Recursion is bounded by [`NODE_DEPTH_MAX`]; memory by the number of nodes and
//! attributes, never by a count that the input announces. Both refuse what would make the text
//! form ambiguous; where real implementations differ (`wire.md` §3, §10.1) the writer's choice is
//! remembered as a [`Form`].

use std::collections::HashSet;

use super::ahead::Ahead;
use super::captured::Captured;
use super::form::{Form, Forms, Piece};
use super::{Token, tag, variant};
use crate::limits::{ATTRIBUTES_MAX, INFLATED_BYTES_MAX, NODE_DEPTH_MAX, NODES_MAX};
use crate::wire::error::{Rule, WireError};
use crate::wire::node::{AttrValue, Content, Node};
use crate::wire::word::Word;

pub(super) type Result<T> = std::result::Result<T, WireError>;

/// Items that a list may reserve memory for before they arrive.
const RESERVED_ITEMS: usize = 128;
/// Forms that are reserved memory for; more are as unusual as the stanzas that have them.
const RESERVED_PIECES: usize = 16 * 1024;
/// Attributes up to which comparing each pair is the fastest search for duplicates.
const PAIRWISE_ATTRS: usize = 16;

/// Decodes one inflated stanza, which must fill `bytes`, only if it is written as [`super::encode`]
/// writes it.
///
/// # Errors
/// As [`decode`], or else the first variant that only the tolerant decoder takes.
pub fn decode_strict(bytes: &[u8]) -> Result<Captured> {
    let captured = decode(bytes)?;
    let found = variant::audit(&captured.node, &captured.forms);
    match found.into_iter().find(|found| found.variant.is_refused()) {
        Some(found) => Err(WireError::new(found.offset, Rule::Variant(found.variant))),
        None => Ok(captured),
    }
}

/// Decodes one inflated stanza, which must fill `bytes`, in any legal or observed form.
///
/// [`Captured::variants`] says afterwards which ones it was.
///
/// # Errors
/// The first rule that the bytes break, with its offset (`wire.md` §3).
pub fn decode(bytes: &[u8]) -> Result<Captured> {
    if bytes.len() > INFLATED_BYTES_MAX {
        return Err(WireError::new(INFLATED_BYTES_MAX, Rule::Inflated));
    }
    let mut decoder = Decoder::new(bytes);
    let node = decoder.node(1)?;
    if decoder.at < bytes.len() {
        return Err(WireError::new(decoder.at, Rule::Leftover));
    }
    Ok(Captured { node, forms: decoder.forms })
}

pub(super) struct Decoder<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: usize,
    nodes: usize,
    attributes: usize,
    pub(super) forms: Forms,
}

impl<'a> Decoder<'a> {
    fn new(data: &'a [u8]) -> Self {
        let pieces = Vec::with_capacity((data.len() / 8 + 16).min(RESERVED_PIECES));
        let forms = Forms { pieces, len: data.len() };
        Self { data, at: 0, nodes: 0, attributes: 0, forms }
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        match self.data[self.at..].split_at_checked(len) {
            Some((taken, _)) => {
                self.at += len;
                Ok(taken)
            }
            None => Err(WireError::new(self.at, Rule::Truncated)),
        }
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.data[self.at..].first_chunk() {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => Err(WireError::new(self.at, Rule::Truncated)),
        }
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn short(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(super) fn note(&mut self, start: usize, form: Form) {
        let start = u32::try_from(start).expect("stanzas are shorter than 4 GiB");
        self.forms.pieces.push(Piece { start, form });
    }

    /// Node = list of tag, keys and values, and content if the size is even (STZ-003).
    fn node(&mut self, depth: usize) -> Result<Node> {
        let start = self.at;
        if depth > NODE_DEPTH_MAX {
            return Err(WireError::new(start, Rule::Depth));
        }
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(WireError::new(start, Rule::Nodes));
        }
        let size = match self.byte()? {
            tag::LIST_8 => self.list_8(start)?,
            tag::LIST_16 => self.list_16(start)?,
            byte => return Err(WireError::new(start, Rule::NotANode(byte))),
        };
        if size == 0 {
            return Err(WireError::new(start, Rule::EmptyNode));
        }
        let tag = self.name()?;
        let has_content = size % 2 == 0;
        let attrs = self.attrs(start, (size - 1) / 2, has_content)?;
        let content = if has_content { self.content(depth)? } else { Content::None };
        Ok(Node { tag, attrs, content })
    }

    fn list_8(&mut self, start: usize) -> Result<usize> {
        self.note(start, Form::List8);
        self.byte().map(usize::from)
    }

    fn list_16(&mut self, start: usize) -> Result<usize> {
        self.note(start, Form::List16);
        self.short().map(usize::from)
    }

    /// Reads a tag or a key.
    #[inline]
    fn name(&mut self) -> Result<Word> {
        let start = self.at;
        let name = self.text()?;
        if name.is_empty() {
            return Err(WireError::new(start, Rule::EmptyName));
        }
        Ok(name)
    }

    fn attrs(
        &mut self,
        start: usize,
        count: usize,
        has_content: bool,
    ) -> Result<Vec<(Word, AttrValue)>> {
        self.attributes += count;
        if self.attributes > ATTRIBUTES_MAX {
            return Err(WireError::new(start, Rule::Attributes));
        }
        let mut attrs = Vec::with_capacity(count.min(RESERVED_ITEMS));
        let mut ahead = Ahead::new(2 * count, has_content);
        for _ in 0..count {
            let key = self.name()?;
            ahead.values -= 2;
            attrs.push((key, self.value(&mut ahead)?));
        }
        if has_duplicates(&attrs) {
            return Err(WireError::new(start, Rule::DuplicateAttribute));
        }
        Ok(attrs)
    }

    fn value(&mut self, ahead: &mut Ahead) -> Result<AttrValue> {
        let start = self.at;
        match self.data.get(start) {
            Some(&tag::EMPTY) => {
                self.at += 1;
                self.note(start, Form::Empty);
                Ok(AttrValue::Text(Word::default()))
            }
            Some(byte) if is_jid(*byte) => self.jid(ahead).map(AttrValue::Jid),
            _ => self.text().map(AttrValue::Text),
        }
    }

    fn content(&mut self, depth: usize) -> Result<Content> {
        let start = self.at;
        let byte = *self.data.get(start).ok_or(WireError::new(start, Rule::Truncated))?;
        match byte {
            tag::EMPTY => {
                self.at += 1;
                self.note(start, Form::Empty);
                Ok(Content::Children(Vec::new()))
            }
            tag::LIST_8 => {
                self.at += 1;
                let count = self.list_8(start)?;
                self.children(count, depth)
            }
            tag::LIST_16 => {
                self.at += 1;
                let count = self.list_16(start)?;
                self.children(count, depth)
            }
            tag::RAW_8 | tag::RAW_20 | tag::RAW_32 => {
                self.at += 1;
                self.raw(start, byte).map(|bytes| Content::Bytes(bytes.to_vec()))
            }
            _ if is_jid(byte) => {
                let jid = self.jid(&mut Ahead::new(0, false))?;
                Ok(Content::Bytes(jid.to_string().into_bytes()))
            }
            _ => self.text().map(|text| Content::Bytes(text.into_string().into_bytes())),
        }
    }

    fn children(&mut self, count: usize, depth: usize) -> Result<Content> {
        let mut children = Vec::with_capacity(count.min(RESERVED_ITEMS));
        for _ in 0..count {
            children.push(self.node(depth + 1)?);
        }
        Ok(Content::Children(children))
    }
}

pub(super) fn is_jid(byte: u8) -> bool {
    matches!(byte, tag::JID_INTEROP | tag::JID_MESSENGER | tag::JID_DEVICE | tag::JID_PAIR)
}

fn has_duplicates(attrs: &[(Word, AttrValue)]) -> bool {
    if let Some(answer) = has_duplicate_tokens(attrs) {
        return answer;
    }
    if attrs.len() <= PAIRWISE_ATTRS {
        let earlier = |at: usize, key: &Word| attrs[..at].iter().any(|(other, _)| other == key);
        return attrs.iter().enumerate().any(|(at, (key, _))| earlier(at, key));
    }
    let mut keys = HashSet::with_capacity(attrs.len());
    !attrs.iter().all(|(key, _)| keys.insert(key.as_str()))
}

/// Answers for keys that were all written as tokens of one byte, which is nearly every node.
fn has_duplicate_tokens(attrs: &[(Word, AttrValue)]) -> Option<bool> {
    let mut seen = [0_u64; 4];
    let mut duplicate = false;
    for (key, _) in attrs {
        let Some(Token::Single(index)) = key.token() else {
            return None;
        };
        let (word, bit) = (&mut seen[usize::from(index >> 6)], 1 << (index & 63));
        duplicate |= *word & bit != 0;
        *word |= bit;
    }
    Some(duplicate)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::wire::binary::{Style, Variant, encode_with, unpack};
    use crate::wire::jid::Jid;
    use crate::wire::xml;

    /// The fixtures of one kind, by name.
    fn fixtures(kind: &str) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire").join(kind);
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|kind| kind == "hex")).collect();
        files.sort();
        assert!(files.len() > 5, "{kind}");
        files
    }

    /// The payload in a fixture: hex digits, with comments after `#`.
    fn payload(path: &Path) -> (String, Vec<u8>) {
        let text = fs::read_to_string(path).unwrap();
        let comment = text.lines().next().unwrap().trim_start_matches("# ").to_owned();
        let digits: String = text.lines().map(|line| line.split('#').next().unwrap()).collect();
        (comment, hex::decode(digits.replace(' ', "")).unwrap())
    }

    fn rule(hex: &str) -> (usize, Rule) {
        let error = decode(&hex::decode(hex.replace(' ', "")).unwrap()).unwrap_err();
        (error.offset, error.rule)
    }

    #[test]
    fn every_valid_fixture_has_its_meaning_and_comes_back() {
        for path in fixtures("valid") {
            let unpacked = unpack(&payload(&path).1).unwrap();
            let captured = decode(&unpacked.bytes).unwrap();
            let expected = fs::read_to_string(path.with_extension("xml")).unwrap();
            assert_eq!(xml::print(&captured.node), expected.trim(), "{path:?}");
            assert_eq!(captured.node, xml::parse(&expected).unwrap(), "{path:?}");
            assert_eq!(captured.encode_as().unwrap(), unpacked.bytes, "{path:?}");
            for style in Style::ALL {
                let bytes = encode_with(&captured.node, style).unwrap();
                assert_eq!(decode(&bytes).unwrap().node, captured.node, "{path:?} {style:?}");
            }
        }
    }

    #[test]
    fn a_cut_stanza_is_refused_unless_the_server_of_an_address_fills_the_gap() {
        for path in fixtures("valid") {
            let bytes = unpack(&payload(&path).1).unwrap().bytes;
            for cut in 0..bytes.len() {
                match decode(&bytes[..cut]) {
                    Err(error) => assert_eq!(error.rule, Rule::Truncated, "{path:?} {cut}"),
                    Ok(other) => {
                        assert!(other.node.value("interop").is_some(), "{path:?} {cut}");
                        let variants = other.variants();
                        assert!(variants.contains(&Variant::InteropJidWithoutServer));
                    }
                }
            }
        }
    }

    #[test]
    fn every_invalid_fixture_breaks_its_rule() {
        for path in fixtures("invalid") {
            let (rule, payload) = payload(&path);
            let result = unpack(&payload).and_then(|unpacked| decode(&unpacked.bytes));
            assert_eq!(result.unwrap_err().to_string(), rule, "{path:?}");
        }
    }

    #[test]
    fn values_are_refused_where_they_break_a_rule() {
        for (hex, offset, expected) in [
            ("", 0, Rule::Truncated),
            ("f8", 1, Rule::Truncated),
            ("00", 0, Rule::NotANode(0)),
            ("05", 0, Rule::NotANode(5)),
            ("f800", 0, Rule::EmptyNode),
            ("f801fc00", 2, Rule::EmptyName),
            ("f8010505", 3, Rule::Leftover),
            ("f803050005", 3, Rule::NullAsString),
            ("f80305f805", 3, Rule::ListAsString),
            ("f80305fa00030505", 3, Rule::JidAsString),
            ("f8030508f0", 4, Rule::Reserved(240)),
            ("f8030508f4", 4, Rule::Reserved(244)),
            ("f80305 08ff02 c123", 6, Rule::Nibble(12)),
            ("f80305 08ff02 1e23", 6, Rule::Nibble(14)),
            ("f80305 08ff82 123d", 7, Rule::Nibble(13)),
            ("f80305 08fb80", 4, Rule::PackedLength),
            ("f80305 08fc01ff", 4, Rule::Utf8),
            ("f80505 0835 0836", 0, Rule::DuplicateAttribute),
            ("f80305 08f702010f", 5, Rule::JidDomain(2)),
            ("f80305 08f7000100", 4, Rule::JidUser),
            ("f80305 08f70001fc00", 4, Rule::JidUser),
            ("f80305 08f70001fc03613a62", 4, Rule::JidText),
            ("f80305 08fafc0161fc0140", 4, Rule::JidText),
            ("f80305 08fa05fc00", 4, Rule::JidServer),
            ("f80305 08fa0500", 6, Rule::NullAsString),
            ("f80305 08f605000003", 8, Rule::JidServer),
            ("f80305 08f50500000000", 8, Rule::JidIntegrator),
            ("f80305 08fafa000303", 5, Rule::JidAsString),
            ("f80205 f80105", 5, Rule::NotANode(5)),
            ("f80205 fe7fffffff", 8, Rule::Truncated),
        ] {
            assert_eq!(rule(hex), (offset, expected), "{hex}");
        }
    }

    fn nested(depth: usize) -> Vec<u8> {
        let mut bytes = [0xf8, 2, 5, 0xf8, 1].repeat(depth - 1);
        bytes.extend([0xf8, 1, 5]);
        bytes
    }

    #[test]
    fn depth_is_bounded() {
        let deepest = decode(&nested(NODE_DEPTH_MAX)).unwrap();
        assert_eq!(deepest.encode_as().unwrap(), nested(NODE_DEPTH_MAX));
        assert!(deepest.spans().is_some());
        for depth in [NODE_DEPTH_MAX + 1, 1_000_000] {
            let error = decode(&nested(depth)).unwrap_err();
            assert_eq!(error, WireError::new(5 * NODE_DEPTH_MAX, Rule::Depth));
        }
    }

    #[test]
    fn the_numbers_of_nodes_and_attributes_are_bounded() {
        let list = [&b"\xf8\x02\x05\xf9\xff\xff"[..], &b"\xf8\x01\x05".repeat(65_535)].concat();
        let lists = [&b"\xf8\x02\x05\xf8\x05"[..], &list.repeat(5)].concat();
        assert_eq!(decode(&lists).unwrap_err().rule, Rule::Nodes);

        let attrs = (0..30_000_u16).flat_map(|key| {
            let [high, low] = key.to_be_bytes();
            let digits = hex::encode_upper([high, low]);
            [&[0xfc, 4], digits.as_bytes(), &[5]].concat()
        });
        let node: Vec<u8> = [0xf9, 0xea, 0x61, 5].into_iter().chain(attrs).collect();
        assert_eq!(decode(&node).unwrap().node.attrs.len(), 30_000);
        let nodes = [&b"\xf8\x02\x05\xf8\x0a"[..], &node.repeat(10)].concat();
        assert_eq!(decode(&nodes).unwrap_err().rule, Rule::Attributes);
    }

    #[test]
    fn every_form_of_nothing_is_the_empty_text() {
        for hex in ["00", "fc00", "ff00", "fb00", "fd000000", "fe00000000"] {
            let bytes = hex::decode(format!("f8030508{hex}")).unwrap();
            let captured = decode(&bytes).unwrap();
            assert_eq!(captured.node, Node::new("participant").attr("id", ""), "{hex}");
            assert_eq!(captured.encode_as().unwrap(), bytes);
        }
    }

    #[test]
    fn string_content_is_its_text() {
        for (hex, text) in [
            ("05", "participant"),
            ("ff82123f", "123"),
            ("fa0003", "s.whatsapp.net"),
            ("f70107ff8212 3f", "123:7@lid"),
            ("f5 ff82123f 0000 000c", "12-123@interop"),
            ("f5 ff82123f 0001 000c fc07696e7465726f70", "12-123:1@interop"),
            ("fa fc05 31322d313a fc07696e7465726f70", "12-1:@interop"),
            ("fa fc06 31322d313a30 fc07696e7465726f70", "12-1@interop"),
        ] {
            let bytes = hex::decode(format!("f80205{hex}").replace(' ', "")).unwrap();
            let captured = decode(&bytes).unwrap();
            assert_eq!(captured.node.body(), Some(text.as_bytes()), "{hex}");
            assert_eq!(captured.encode_as().unwrap(), bytes, "{hex}");
        }
    }

    #[test]
    fn the_variants_of_interop_addresses_are_named() {
        let user = "ff82123f";
        let name = "fc07696e7465726f70";
        for (hex, variant) in [
            (format!("f5{user}0000000c{name}"), Variant::InteropJidWithServer),
            (format!("f5{user}0000000c"), Variant::InteropJidWithoutServer),
            (format!("fafc0631322d313233{name}"), Variant::InteropJidAsPair),
        ] {
            let captured = decode(&hex::decode(format!("f8030508{hex}")).unwrap()).unwrap();
            assert!(captured.variants().contains(&variant), "{hex}");
            assert_eq!(captured.node.jid("id"), Some(Jid::interop(12, "123")));
            assert_eq!(captured.node.jid("id").unwrap().integrator, 12);
        }
    }

    #[test]
    fn a_key_or_content_named_interop_is_no_server() {
        let node = Node::new("iq").attr("to", Jid::interop(12, "1")).attr("interop", "x");
        for node in [node.clone(), node.bytes("interop"), Node::new("iq").bytes("interop")] {
            for style in [Style::Canonical, Style::InteropWithoutServer] {
                let bytes = encode_with(&node, style).unwrap();
                assert_eq!(decode(&bytes).unwrap().node, node, "{style:?}");
            }
        }
    }
}
