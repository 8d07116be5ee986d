//! How a faulty client misreads a stanza that is written in another way than it expects.
//!
//! Main function: [`understood`]. Real decoders get encodings wrong that their own encoder never
//! writes; a sound one takes the same node from all of them (STZ-004, ROB-007). It works on the
//! decoded stanza and the places of its elements, so that the codec itself has no faults in it.

use std::io::Read as _;

use crate::limits::INFLATED_BYTES_MAX;
use crate::role::quirk::Fault;
use crate::wire::binary::{self, NodeSpan};
use crate::wire::jid::INTEROP;
use crate::wire::{AttrValue, Captured, Node, Rule, Variant, WireError, Word};

/// First bytes of strings that are spelled out (`wire.md` §3.1).
const SPELLED_OUT: std::ops::RangeInclusive<u8> = 252..=254;

/// Attributes that a client knows which looks at all of them.
const KNOWN: &[&str] = &[
    "class",
    "code",
    "count",
    "from",
    "id",
    "location",
    "notify",
    "offline",
    "participant",
    "reason",
    "recipient",
    "t",
    "to",
    "type",
    "xmlns",
];
/// Children of a request or a message that a client knows which looks at all of them.
const KNOWN_CHILDREN: &[&str] = &["body", "count", "enc", "error", "identity", "list", "ping"];
/// The end of a stream (`wire.md` §4.2), and the mark of one that a faulty client does not know.
const STREAM_END: &str = "xmlstreamend";
pub(super) const NOT_UNDERSTOOD: &str = "not-understood";
/// Stands for what is no text while a client that cannot tell handles it.
pub(super) const STANDS_FOR_NO_TEXT: &str = "(no text)";
/// Packed strings from here on take the way that a faulty client gets wrong.
const LONG_CHARS: usize = 16;

/// What a client takes bytes for that are no stanza.
#[derive(Debug, PartialEq)]
pub(super) enum Malformed {
    /// A sound client passes over it, since the channel itself is sound (STZ-008).
    PassedOver,
    Taken(Node),
    /// The process does not survive it.
    Deadly,
}

/// What a client makes of a payload that inflates beyond all bounds: the stanza with all of its content,
/// which it holds in memory, and then what it understands of it.
pub(super) fn inflated_whole(payload: &[u8]) -> Option<Node> {
    let mut bytes = Vec::new();
    // So much beyond the bound as shows that nobody looks at it.
    let most = u64::try_from(INFLATED_BYTES_MAX + (1 << 20)).ok()?;
    let whole = flate2::read::ZlibDecoder::new(payload.get(1..)?);
    whole.take(most).read_to_end(&mut bytes).ok()?;
    // Nobody needs the content for an answer, nor its length.
    let end = bytes.iter().rposition(|byte| *byte != 0)?;
    bytes.truncate(end);
    let end = bytes.iter().rposition(|byte| SPELLED_OUT.contains(byte))?;
    bytes.truncate(end);
    *bytes.get_mut(1)? -= 1;
    binary::decode(&bytes).ok().map(|captured| captured.node)
}

/// What a client with this fault makes of bytes that break a rule.
pub(super) fn malformed(fault: Option<Fault>, bytes: &[u8], error: WireError) -> Malformed {
    let taken = match (fault, error.rule) {
        (Some(Fault::UnknownTokenKills), Rule::Reserved(_))
        | (Some(Fault::DeepNestingKills), Rule::Depth) => return Malformed::Deadly,
        (Some(Fault::CutListTaken), Rule::Truncated) => with_less_announced(bytes),
        (Some(Fault::InvalidTextSentBack), Rule::Utf8) => with_marker(bytes, error.offset),
        _ => None,
    };
    taken.map_or(Malformed::PassedOver, Malformed::Taken)
}

/// The stanza without the last of the attributes that it announces.
fn with_less_announced(bytes: &[u8]) -> Option<Node> {
    let mut bytes = bytes.to_vec();
    let count = bytes.get_mut(1)?;
    *count = count.checked_sub(2)?;
    binary::decode(&bytes).ok().map(|captured| captured.node)
}

/// The stanza with a text of its own in place of the short string that is none.
fn with_marker(bytes: &[u8], at: usize) -> Option<Node> {
    let marker = STANDS_FOR_NO_TEXT.as_bytes();
    let end = at + 2 + usize::from(*bytes.get(at + 1)?);
    let head = bytes.get(..at)?;
    let string = [&[*SPELLED_OUT.start(), u8::try_from(marker.len()).ok()?], marker].concat();
    let bytes = [head, &string, bytes.get(end..)?].concat();
    binary::decode(&bytes).ok().map(|captured| captured.node)
}

/// What a client with this fault takes a stanza for; nothing if it passes over it.
pub(super) fn understood(fault: Option<Fault>, bytes: &[u8], captured: Captured) -> Option<Node> {
    let shows = |variant| captured.variants().contains(&variant);
    match fault {
        Some(Fault::WideListsDropped) if shows(Variant::WideList) => None,
        Some(Fault::OddNotificationsDropped)
            if captured.node.tag == "notification" && !captured.variants().is_empty() =>
        {
            None
        }
        Some(Fault::OddStreamEndIsFinal)
            if captured.node.tag == STREAM_END && !captured.variants().is_empty() =>
        {
            Some(captured.node.attr(NOT_UNDERSTOOD, "1"))
        }
        Some(Fault::LongLengthsDropped) if shows(Variant::LongLength) => None,
        Some(Fault::SpelledOutTagsDropped) => {
            let span = captured.spans()?;
            (!is_spelled_out(bytes, span.tag.start)).then_some(captured.node)
        }
        Some(Fault::RawDigitsLost) => {
            let span = captured.spans()?;
            Some(without_raw_digits(captured.node, &span, bytes))
        }
        Some(Fault::InteropServerUnread) => Some(up_to_a_server(captured.node, bytes)),
        Some(Fault::IntegratorLost) => Some(without_integrators(captured.node)),
        Some(Fault::LongDigitsScrambled) => Some(scrambled(captured.node)),
        Some(Fault::UnknownAttributesRefused) => {
            let known = |(key, _): &(Word, AttrValue)| KNOWN.contains(&key.as_str());
            captured.node.attrs.iter().all(known).then_some(captured.node)
        }
        Some(Fault::UnknownChildrenRefused) if has_unknown_children(&captured.node) => None,
        _ => Some(captured.node),
    }
}

fn has_unknown_children(node: &Node) -> bool {
    let asks = matches!(node.text("type").as_deref(), Some("get" | "set")) && node.tag == "iq";
    let known = |child: &Node| KNOWN_CHILDREN.contains(&child.tag.as_str());
    (asks || node.tag == "message") && !node.kids().iter().all(known)
}

/// What is left of a stanza if the server behind its first interop address is read as a key.
fn up_to_a_server(mut node: Node, bytes: &[u8]) -> Node {
    let interop =
        |(_, value): &(Word, AttrValue)| matches!(value, AttrValue::Jid(jid) if jid.integrator > 0);
    let has_server = bytes.windows(INTEROP.len()).any(|window| window == INTEROP.as_bytes());
    if let Some(at) = node.attrs.iter().position(interop).filter(|_| has_server) {
        node.attrs.truncate(at + 1);
        node.content = crate::wire::Content::None;
    }
    node
}

fn without_integrators(mut node: Node) -> Node {
    for (_, value) in &mut node.attrs {
        if let AttrValue::Jid(jid) = value {
            jid.integrator = 0;
        }
    }
    node
}

/// Long strings of packed characters with their halves the other way round.
fn scrambled(mut node: Node) -> Node {
    let packed = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F' | b'-' | b'.');
    for (_, value) in &mut node.attrs {
        if let AttrValue::Text(text) = value
            && text.len() >= LONG_CHARS
            && text.bytes().all(packed)
        {
            let (head, tail) = text.split_at(text.len() / 2);
            *text = Word::from(format!("{tail}{head}"));
        }
    }
    node
}

fn is_spelled_out(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(|byte| SPELLED_OUT.contains(byte))
}

/// Leaves out the attributes of the stanza itself that hold digits in raw form.
fn without_raw_digits(mut node: Node, span: &NodeSpan, bytes: &[u8]) -> Node {
    let digits = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    let mut places = span.attrs.iter();
    node.attrs.retain(|(_, value)| {
        let raw = places.next().is_some_and(|(_, at)| is_spelled_out(bytes, at.start));
        !(raw && digits(&value.text()))
    });
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Jid, Style};

    fn read(fault: Fault, style: Style) -> Option<Node> {
        let node = Node::new("message").attr("id", "3EB0").attr("t", "17000").attr("type", "text");
        let bytes = binary::encode_with(&node, style).unwrap();
        understood(Some(fault), &bytes, binary::decode(&bytes).unwrap())
    }

    #[test]
    fn each_fault_bites_in_its_encoding_and_in_no_other() {
        let whole = read(Fault::MessageKeyKept, Style::Canonical);
        assert_eq!(whole.as_ref().unwrap().attrs.len(), 3);
        for (fault, style) in [
            (Fault::WideListsDropped, Style::List16),
            (Fault::LongLengthsDropped, Style::LongLengths),
            (Fault::SpelledOutTagsDropped, Style::RawStrings),
        ] {
            assert_eq!(read(fault, style), None, "{fault:?}");
            assert_eq!(read(fault, Style::Canonical), whole, "{fault:?}");
        }
        let lost = read(Fault::RawDigitsLost, Style::RawStrings).unwrap();
        assert_eq!(lost, Node::new("message").attr("type", "text"));
        assert_eq!(read(Fault::RawDigitsLost, Style::Canonical), whole);
    }

    fn read_node(fault: Fault, node: &Node) -> Option<Node> {
        let bytes = binary::encode(node).unwrap();
        understood(Some(fault), &bytes, binary::decode(&bytes).unwrap())
    }

    #[test]
    fn what_is_odd_about_a_stanza_bites_in_its_fault_alone() {
        let peer: Jid = "12-105@interop".parse().unwrap();
        let sound = Node::new("notification").attr("from", peer).attr("id", "1");
        let lost = read_node(Fault::InteropServerUnread, &sound).unwrap();
        assert_eq!((lost.attrs.len(), lost.text("id")), (1, None));
        let short = read_node(Fault::IntegratorLost, &sound).unwrap();
        assert_eq!(short.text("from").as_deref(), Some("105@interop"));
        let long = sound.clone().attr("t", "0123456789ABCDEF");
        let scrambled = read_node(Fault::LongDigitsScrambled, &long).unwrap();
        assert_eq!(scrambled.text("t").as_deref(), Some("89ABCDEF01234567"));
        assert_eq!(read_node(Fault::LongDigitsScrambled, &sound), Some(sound.clone()));
        let with = sound.clone().attr("mood", "fine");
        assert_eq!(read_node(Fault::UnknownAttributesRefused, &with), None);
        assert_eq!(read_node(Fault::UnknownAttributesRefused, &sound), Some(sound));
        let asks = Node::new("iq").attr("type", "get").child(Node::new("ping"));
        assert_eq!(read_node(Fault::UnknownChildrenRefused, &asks), Some(asks.clone()));
        let asks = asks.child(Node::new("mood"));
        assert_eq!(read_node(Fault::UnknownChildrenRefused, &asks), None);
    }

    #[test]
    fn what_is_no_stanza_is_passed_over_but_for_a_fault() {
        let of = |fault, hex: &str| {
            let bytes = hex::decode(hex).unwrap();
            malformed(fault, &bytes, binary::decode(&bytes).unwrap_err())
        };
        let (reserved, cut, invalid) = ("f8031908f0", "f8051908cf", "f8031908fc02c328");
        for hex in [reserved, cut, invalid] {
            assert_eq!(of(None, hex), Malformed::PassedOver);
        }
        assert_eq!(of(Some(Fault::UnknownTokenKills), reserved), Malformed::Deadly);
        assert_eq!(of(Some(Fault::UnknownTokenKills), cut), Malformed::PassedOver);
        let ping = |id: &str| Malformed::Taken(Node::new("iq").attr("id", id));
        assert_eq!(of(Some(Fault::CutListTaken), cut), ping("12"));
        assert_eq!(of(Some(Fault::InvalidTextSentBack), invalid), ping(STANDS_FOR_NO_TEXT));
    }
}
