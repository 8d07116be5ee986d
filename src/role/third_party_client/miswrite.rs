//! How a faulty client writes a stanza, and how an odd one does that is not wrong.
//!
//! Main function: [`written`]. Real encoders change what they should only pass on: an id comes back
//! in capitals, a text with an `@` as an address. It works on the node that a sound client sends and
//! on the bytes of a sound encoder, so that the codec itself has no faults in it.

use crate::role::quirk::Fault;
use crate::wire::{AttrValue, Content, Jid, Node, WireError, Word, binary};

/// What a faulty client takes for the end of what a byte can be: UTF-8 has no such byte.
const NO_TEXT: u8 = 0xFF;

/// The bytes of a stanza as a client with this fault writes it.
///
/// # Errors
/// As [`binary::encode`].
pub(super) fn written(fault: Option<Fault>, node: &Node) -> Result<Vec<u8>, WireError> {
    match fault {
        Some(Fault::Writes(variant)) => binary::encode_oddly(&talkative(node), variant),
        Some(Fault::EmptyAttributesCounted) => counted(node),
        Some(Fault::HexPackedWrong) => binary::encode(&with_texts(node, hex_letters_lost)),
        Some(Fault::LowerHexPacked) => binary::encode(&with_texts(node, hex_in_capitals)),
        Some(Fault::AtSignIsAddress) => binary::encode(&with_addresses(node)),
        Some(Fault::InvalidTextSentBack) => binary::encode(node).map(|bytes| {
            let marker = super::misread::STANDS_FOR_NO_TEXT.as_bytes();
            replaced(bytes, marker, NO_TEXT)
        }),
        _ => binary::encode(node),
    }
}

/// Says the code of an error, and to whom, in its content too: few other contents are texts.
fn talkative(node: &Node) -> Node {
    let mut node = node.clone();
    if let Content::Children(children) = &mut node.content {
        children.iter_mut().for_each(|child| *child = talkative(child));
    }
    if node.tag == "error" && node.content == Content::None {
        let code = node.text("code").unwrap_or_default().into_owned();
        let text = |text: String| Node::new("text").bytes(text);
        return node.child(text(code)).child(text(Jid::server().to_string()));
    }
    node
}

fn with_texts(node: &Node, change: fn(&str) -> Option<String>) -> Node {
    let mut node = node.clone();
    for (_, value) in &mut node.attrs {
        if let AttrValue::Text(text) = value
            && let Some(other) = change(text)
        {
            *text = Word::from(other);
        }
    }
    node
}

/// `A` to `F` as the digits 0 to 5, where a text is packed with the hex alphabet.
fn hex_letters_lost(text: &str) -> Option<String> {
    let hex = |char: char| char.is_ascii_digit() || ('A'..='F').contains(&char);
    let letter = |byte: u8| if byte.is_ascii_digit() { byte } else { byte - b'A' + b'0' };
    let packed = text.chars().all(hex) && text.contains(|char: char| char.is_ascii_uppercase());
    packed.then(|| text.bytes().map(|byte| char::from(letter(byte))).collect())
}

fn hex_in_capitals(text: &str) -> Option<String> {
    let hex = |char: char| char.is_ascii_digit() || ('a'..='f').contains(&char);
    text.chars().all(hex).then(|| text.to_ascii_uppercase())
}

fn with_addresses(node: &Node) -> Node {
    let mut node = node.clone();
    for (_, value) in &mut node.attrs {
        if let AttrValue::Text(text) = value
            && let Some((user, server)) = text.split_once('@')
            && !server.contains('@')
        {
            *value = Jid::new(user, server.to_owned()).into();
        }
    }
    node
}

/// Leaves out the empty attributes of the stanza itself, and counts them all the same.
fn counted(node: &Node) -> Result<Vec<u8>, WireError> {
    let mut written = node.clone();
    written.attrs.retain(|(_, value)| !value.text().is_empty());
    let left_out = node.attrs.len() - written.attrs.len();
    let mut bytes = binary::encode(&written)?;
    if let Some(count) = bytes.get_mut(1) {
        *count = count.saturating_add(u8::try_from(2 * left_out).unwrap_or(u8::MAX));
    }
    Ok(bytes)
}

/// Every byte of each place that holds the marker becomes the one byte.
fn replaced(mut bytes: Vec<u8>, marker: &[u8], by: u8) -> Vec<u8> {
    let mut from = 0;
    while let Some(at) = bytes[from..].windows(marker.len()).position(|window| window == marker) {
        bytes[from + at..from + at + marker.len()].fill(by);
        from += at + marker.len();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ack(id: &str) -> Node {
        Node::new("ack").attr("id", id).attr("type", "")
    }

    fn sent(fault: Fault, id: &str) -> Result<String, String> {
        let bytes = written(Some(fault), &ack(id)).unwrap();
        let node = binary::decode(&bytes).map_err(|error| error.rule.to_string())?.node;
        Ok(node.text("id").unwrap_or_default().into_owned())
    }

    #[test]
    fn each_fault_changes_its_texts_and_no_others() {
        for (fault, id, changed) in [
            (Fault::HexPackedWrong, "3EB0AF", "341005"),
            (Fault::LowerHexPacked, "3eb0af", "3EB0AF"),
            (Fault::AtSignIsAddress, "@ann", "ann"),
        ] {
            assert_eq!(sent(fault, id).as_deref(), Ok(changed), "{fault:?}");
            assert_eq!(sent(fault, "some-id").as_deref(), Ok("some-id"), "{fault:?}");
        }
    }

    #[test]
    fn a_wrong_count_and_bytes_that_are_no_text_make_no_stanza() {
        assert!(sent(Fault::EmptyAttributesCounted, "1").is_err());
        let marked = format!("a{}b", super::super::misread::STANDS_FOR_NO_TEXT);
        let rule = sent(Fault::InvalidTextSentBack, &marked).unwrap_err();
        assert_eq!(rule, crate::wire::Rule::Utf8.to_string());
    }
}
