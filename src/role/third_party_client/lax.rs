//! What a faulty client makes of the keys that it reads and writes.
//!
//! The fault is in the reading: a right client takes a field of the expected size or none
//! (PRE-013), and checks a signature whatever it looks like (PRE-004, PRE-005).

use prost::Message as _;

use crate::e2ee::SignatureCheck;
use crate::proto::signal::PreKeySignalMessage;
use crate::role::quirk::Fault;
use crate::stanza::prekeys::UserBundle;
use crate::wire::{Content, Node};

/// Bytes of the fields of a bundle, by element.
const SIZES: &[(&str, usize)] = &[("identity", 32), ("value", 32), ("signature", 64)];

/// How a client with this fault checks the signature in a bundle.
pub(super) fn signature_check(fault: Option<Fault>, bundle: &UserBundle) -> SignatureCheck {
    let signature = bundle.signed.signature.as_deref();
    match fault {
        Some(Fault::SkipsSignature | Fault::AcceptsAll) => SignatureCheck::Never,
        Some(Fault::SignatureOnlyIfPresent) => SignatureCheck::IfPresent,
        Some(Fault::EmptySignatureMeansNone) if signature == Some(&[]) => SignatureCheck::Never,
        Some(Fault::AbsentSignatureMeansNone) if signature.is_none() => SignatureCheck::Never,
        Some(Fault::SignatureLengthUnchecked) => SignatureCheck::IfLengthFits,
        Some(Fault::VerifyResultIgnored) => SignatureCheck::OutcomeIgnored,
        Some(Fault::ScalarReduced) => SignatureCheck::ScalarReduced,
        Some(Fault::IdentityNotBound) => SignatureCheck::OrByThePrekey,
        Some(Fault::KemSignatureUnchecked) => SignatureCheck::KemIgnored,
        Some(Fault::KemOptional) => SignatureCheck::KemOptional,
        Some(Fault::IdentityReduced) => SignatureCheck::IdentityReduced,
        _ => SignatureCheck::Always,
    }
}

/// The same for the keys that a retry receipt brings.
pub(super) fn retry_signature_check(fault: Option<Fault>, bundle: &UserBundle) -> SignatureCheck {
    match fault {
        Some(Fault::RetrySignatureUnchecked) => SignatureCheck::Never,
        Some(Fault::RetrySignatureOptional) => SignatureCheck::IfPresent,
        fault => signature_check(fault, bundle),
    }
}

/// A bundle as a client with this fault reads it.
pub(super) fn read(fault: Option<Fault>, user: &Node) -> Node {
    match fault {
        Some(Fault::ShortKeysPadded) => resized(user, |bytes, size| {
            if bytes.len() < size {
                bytes.resize(size, 0);
            }
        }),
        Some(Fault::LongKeysTruncated) => resized(user, Vec::truncate),
        _ => user.clone(),
    }
}

fn resized(node: &Node, change: fn(&mut Vec<u8>, usize)) -> Node {
    let mut node = node.clone();
    let size = SIZES.iter().find(|(tag, _)| node.tag.as_str() == *tag).map(|(_, size)| *size);
    match (&mut node.content, size) {
        (Content::Bytes(bytes), Some(size)) => change(bytes, size),
        (Content::Children(children), _) => {
            for child in children {
                *child = resized(child, change);
            }
        }
        _ => {}
    }
    node
}

/// The ids of an upload in four bytes, where three belong (PRE-002).
pub(super) fn with_long_ids(nodes: Vec<Node>) -> Vec<Node> {
    let long = |mut node: Node| {
        match &mut node.content {
            Content::Bytes(bytes) if node.tag == "id" => bytes.insert(0, 0),
            Content::Children(children) => *children = with_long_ids(std::mem::take(children)),
            _ => {}
        }
        node
    };
    nodes.into_iter().map(long).collect()
}

/// A first message with a fault in its header, which no MAC covers.
pub(super) fn first_message(fault: Option<Fault>, bytes: Vec<u8>) -> Vec<u8> {
    match fault {
        Some(Fault::OmitsPrekeyId) => rewritten(bytes, |message| message.pre_key_id = None),
        Some(Fault::BaseKeyWithoutType) => rewritten(bytes, |message| {
            let key = message.base_key.take().unwrap_or_default();
            message.base_key = key.get(1..).map(<[u8]>::to_vec);
        }),
        _ => bytes,
    }
}

fn rewritten(bytes: Vec<u8>, change: impl Fn(&mut PreKeySignalMessage)) -> Vec<u8> {
    let Some((version, body)) = bytes.split_first() else { return bytes };
    let Ok(mut message) = PreKeySignalMessage::decode(body) else { return bytes };
    change(&mut message);
    let mut written = vec![*version];
    written.extend(message.encode_to_vec());
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stanza::prekeys::{Key, SignedKey};
    use crate::wire::Jid;

    fn bundle(signature: Option<Vec<u8>>) -> UserBundle {
        let signed = SignedKey { id: 1, value: [2; 32], signature };
        let one_time = Some(Key { id: 3, value: [4; 32] });
        UserBundle { registration_id: 5, identity: [6; 32], one_time, signed, kem: None }
    }

    #[test]
    fn none_of_a_signature_is_told_from_an_empty_one() {
        let check = |fault, signature| signature_check(Some(fault), &bundle(signature));
        let (empty, absent) = (Fault::EmptySignatureMeansNone, Fault::AbsentSignatureMeansNone);
        assert_eq!(check(empty, Some(Vec::new())), SignatureCheck::Never);
        assert_eq!(check(empty, None), SignatureCheck::Always);
        assert_eq!(check(absent, Some(Vec::new())), SignatureCheck::Always);
        assert_eq!(check(absent, None), SignatureCheck::Never);
        assert_eq!(signature_check(None, &bundle(None)), SignatureCheck::Always);
    }

    #[test]
    fn a_field_of_another_size_is_made_to_fit() {
        let node = |len| {
            let mut bundle = bundle(Some(vec![7; len]));
            bundle.one_time = None;
            bundle.to_node(&Jid::new("1", "s.whatsapp.net"))
        };
        let len = |fault, len| {
            let read = UserBundle::from_node(&read(Some(fault), &node(len)), None).unwrap();
            read.signed.signature.unwrap().len()
        };
        assert_eq!((len(Fault::ShortKeysPadded, 63), len(Fault::ShortKeysPadded, 65)), (64, 65));
        assert_eq!(
            (len(Fault::LongKeysTruncated, 63), len(Fault::LongKeysTruncated, 65)),
            (63, 64)
        );
        assert_eq!(read(None, &node(63)), node(63));
    }

    #[test]
    fn ids_grow_wherever_they_stand() {
        let list =
            Node::new("list").child(Node::new("key").child(Node::new("id").bytes([1, 2, 3])));
        let long = with_long_ids(vec![list]).pop().unwrap();
        let id = long.find("key").unwrap().find("id").unwrap();
        assert_eq!(id.body(), Some(&[0, 1, 2, 3][..]));
    }
}
