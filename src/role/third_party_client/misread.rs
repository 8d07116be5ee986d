//! How a faulty client misreads a stanza that is written in another way than it expects.
//!
//! Main function: [`understood`]. Real decoders get encodings wrong that their own encoder never
//! writes; a sound one takes the same node from all of them (STZ-004, ROB-007). It works on the
//! decoded stanza and the places of its elements, so that the codec itself has no faults in it.

use crate::role::quirk::Fault;
use crate::wire::binary::NodeSpan;
use crate::wire::{Captured, Node, Variant};

/// First bytes of strings that are spelled out (`wire.md` §3.1).
const SPELLED_OUT: std::ops::RangeInclusive<u8> = 252..=254;

/// What a client with this fault takes a stanza for; nothing if it passes over it.
pub(super) fn understood(fault: Option<Fault>, bytes: &[u8], captured: Captured) -> Option<Node> {
    let shows = |variant| captured.variants().contains(&variant);
    match fault {
        Some(Fault::WideListsDropped) if shows(Variant::WideList) => None,
        Some(Fault::LongLengthsDropped) if shows(Variant::LongLength) => None,
        Some(Fault::SpelledOutTagsDropped) => {
            let span = captured.spans()?;
            (!is_spelled_out(bytes, span.tag.start)).then_some(captured.node)
        }
        Some(Fault::RawDigitsLost) => {
            let span = captured.spans()?;
            Some(without_raw_digits(captured.node, &span, bytes))
        }
        _ => Some(captured.node),
    }
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
    use crate::wire::{Style, binary};

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
}
