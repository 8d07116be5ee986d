//! The codec beside wacore-binary's, which nobody here wrote.
//!
//! Each of the two reads what the other wrote and must find the same node. Where they are known to
//! differ, the case is left out by a predicate of its own that says why; whatever else differs
//! fails. Baileys' codec is the other judge: its recorded stanzas are replayed in `vectors`.

use proptest::prelude::*;
use wacore_binary::marshal::{marshal, marshal_exact, unmarshal_ref};
use wacore_binary::node::{
    Attrs, Node as Foreign, NodeContent, NodeContentRef, NodeRef, NodeValue, ValueRef,
};

use super::binary::{Form, decode, encode, encode_with};
use super::jid::{HOSTED, HOSTED_LID, INTEROP, LID, PHONE};
use super::{AttrValue, Captured, Content, Jid, Node, Style, Variant, arbitrary};

/// Strings up to this length that hold an `@` are written as addresses by wacore-binary.
const GUESSED_BYTES_MAX: usize = 48;

fn read(bytes: &[u8]) -> Option<Node> {
    unmarshal_ref(bytes).ok().map(|node| from_foreign(&node))
}

fn from_foreign(node: &NodeRef<'_>) -> Node {
    let mut ours = Node::new(node.tag.as_ref());
    for (key, value) in node.attrs.iter() {
        let value = match value {
            ValueRef::String(text) => AttrValue::Text(text.as_ref().into()),
            ValueRef::Jid(jid) => AttrValue::Jid(Jid {
                user: jid.user.as_ref().into(),
                device: jid.device,
                integrator: jid.integrator,
                server: jid.server.as_str().into(),
            }),
        };
        ours.attrs.push((key.as_ref().into(), value));
    }
    ours.content = match &node.content {
        None => Content::None,
        Some(NodeContentRef::Bytes(bytes)) => Content::Bytes(bytes.to_vec()),
        Some(NodeContentRef::String(text)) => Content::Bytes(text.as_bytes().to_vec()),
        Some(NodeContentRef::Nodes(nodes)) => {
            Content::Children(nodes.iter().map(from_foreign).collect())
        }
    };
    ours
}

/// The node as wacore-binary has it; nothing where it cannot say it.
fn to_foreign(node: &Node) -> Option<Foreign> {
    let mut attrs = Attrs::new();
    for (key, value) in &node.attrs {
        let value = match value {
            AttrValue::Text(text) => NodeValue::from(plain(text)?),
            AttrValue::Jid(jid) => NodeValue::from(to_foreign_jid(jid)?),
        };
        attrs.push_value(plain(key)?.to_owned(), value);
    }
    let content = match &node.content {
        Content::None => None,
        Content::Bytes(bytes) => Some(NodeContent::Bytes(bytes.clone())),
        Content::Children(children) => {
            Some(NodeContent::Nodes(children.iter().map(to_foreign).collect::<Option<_>>()?))
        }
    };
    Some(Foreign::new(plain(&node.tag)?.to_owned(), attrs, content))
}

/// wacore-binary writes a short string with an `@` as an address, whatever it is.
fn plain(text: &str) -> Option<&str> {
    (!text.contains('@') || text.len() > GUESSED_BYTES_MAX).then_some(text)
}

/// It has a closed list of servers, and writes a device only where it has a form for one: not for
/// the other messenger, nor for interop users without an integrator.
fn to_foreign_jid(jid: &Jid) -> Option<wacore_binary::jid::Jid> {
    let server = wacore_binary::jid::Server::try_from(jid.server.as_str()).ok()?;
    let has_device = match jid.server.as_str() {
        PHONE | LID | HOSTED | HOSTED_LID => jid.device <= 0xFF,
        INTEROP => jid.integrator > 0,
        _ => jid.device == 0,
    };
    // An address whose user is split differently after a round trip through its text.
    let sound = plain(&jid.user).is_some()
        && (jid.device == 0 && jid.integrator == 0 || !jid.user.contains(':'))
        && !(jid.user.is_empty() && (jid.device > 0 || jid.integrator > 0));
    (has_device && sound).then(|| wacore_binary::jid::Jid {
        user: jid.user.as_str().into(),
        server,
        agent: 0,
        device: jid.device,
        integrator: jid.integrator,
    })
}

/// Why wacore-binary may refuse or misread a stanza that is legal here.
fn is_beyond_it(captured: &Captured) -> bool {
    let variants = captured.variants();
    let unknown_server = |node: &Node| has_jid(node, &|jid| !super::jid::is_server(&jid.server));
    // It demands the server after every address of kind 245.
    variants.contains(&Variant::InteropJidWithoutServer)
        || unknown_server(&captured.node)
        // It knows neither an unknown server in a content, nor `s.whatsapp.net` as its own text.
        || variants.contains(&Variant::ContentAsJid)
}

fn has_jid(node: &Node, wanted: &dyn Fn(&Jid) -> bool) -> bool {
    let own = node.attrs.iter().any(|(_, value)| matches!(value, AttrValue::Jid(j) if wanted(j)));
    own || node.kids().iter().any(|child| has_jid(child, wanted))
}

proptest! {
    #[test]
    fn what_we_write_it_reads(node in arbitrary::node()) {
        for style in [Style::Canonical, Style::RawStrings, Style::LongLengths, Style::LongestLengths,
            Style::List16, Style::EmptyAsList, Style::EmptyAsPacked, Style::JidDevice, Style::JidPair]
        {
            let bytes = encode_with(&node, style).unwrap();
            let captured = decode(&bytes).unwrap();
            if !is_beyond_it(&captured) {
                prop_assert_eq!(read(&bytes), Some(captured.node), "{:?} {}", style, hex::encode(&bytes));
            }
        }
    }

    #[test]
    fn any_mixture_of_forms_that_we_read_it_reads_as_the_same(bytes in arbitrary::stanza()) {
        if let Ok(captured) = decode(&bytes)
            && !is_beyond_it(&captured)
        {
            prop_assert_eq!(read(&bytes), Some(captured.node), "{}", hex::encode(&bytes));
        }
    }

    #[test]
    fn what_it_writes_we_read(node in arbitrary::node()) {
        if let Some(foreign) = to_foreign(&node) {
            let bytes = marshal(&foreign).unwrap();
            prop_assert_eq!(&marshal_exact(&foreign).unwrap(), &bytes);
            let read = decode(&bytes[1..]).map(|captured| captured.node);
            prop_assert_eq!(read, Ok(node), "{}", hex::encode(&bytes));
        }
    }

    /// Byte for byte: both choose token, nibbles, hex, raw in the same order.
    #[test]
    fn without_addresses_both_write_the_same_bytes(node in arbitrary::node()) {
        let is_same = !has_jid(&node, &|_| true) && !has_empty_list(&node);
        if let (true, Some(foreign)) = (is_same, to_foreign(&node)) {
            let theirs = marshal(&foreign).unwrap();
            prop_assert_eq!(hex::encode(encode(&node).unwrap()), hex::encode(&theirs[1..]));
        }
    }
}

/// We write no content where there are no children, it writes an empty list.
fn has_empty_list(node: &Node) -> bool {
    let own = matches!(&node.content, Content::Children(children) if children.is_empty());
    own || node.kids().iter().any(has_empty_list)
}

#[test]
fn the_known_divergences_are_still_there() {
    let bytes = |hex: &str| hex::decode(hex).unwrap();
    let no_server = bytes("f8031908f5ff82123f0000000c");
    assert!(decode(&no_server).is_ok() && read(&no_server).is_none());
    let unknown_server = bytes("f8031908faff82123ffc0178");
    assert!(decode(&unknown_server).is_ok() && read(&unknown_server).is_none());
    let same_key_twice = bytes("f8051908350835");
    assert!(decode(&same_key_twice).is_err() && read(&same_key_twice).is_some());

    let mut attrs = Attrs::new();
    attrs.push("notify", "@ann");
    let name = Foreign::new("iq", attrs, None);
    let written = decode(&marshal(&name).unwrap()[1..]);
    assert!(
        written.is_err()
            || written.unwrap().forms.iter().any(|form| form == Form::JidPair { zero: false })
    );
}
