//! ENC-016: one encryption identity an account, and one ciphertext a message.
//!
//! The identity in a first message must be one that a user of the subject has published; WhatsApp's
//! user has one device, so that a message to it holds one ciphertext.

use std::collections::BTreeSet;

use super::key_upload::upload;
use super::{Check, Observed, View};
use crate::evidence::{Direction, Entry, Event, Lane};
use crate::stanza::message::{Enc, Message};
use crate::stanza::prekeys::Upload;
use crate::wire::binary;

pub struct OneIdentity;

const ROW: &str = "ENC-016";

impl Check for OneIdentity {
    fn id(&self) -> &'static str {
        "one-identity"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[ROW]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let mut published: BTreeSet<(Lane, String)> = BTreeSet::new();
        let mut out = Vec::new();
        for entry in view.entries() {
            if let Some(identity) = uploaded(entry) {
                published.insert((entry.lane, identity));
            }
            out.extend(first_message(entry, &published));
            out.extend(ciphertexts(entry));
        }
        out
    }
}

fn uploaded(entry: &Entry) -> Option<String> {
    let upload = Upload::from_iq(&upload(entry)?, None).ok()?;
    Some(hex::encode(upload.identity))
}

fn first_message(entry: &Entry, published: &BTreeSet<(Lane, String)>) -> Option<Observed> {
    let (Event::Decrypted { enc, .. } | Event::Undecryptable { enc, .. }) = &entry.event else {
        return None;
    };
    let identity = enc.header.pointer("/first/identity")?.as_str()?.to_owned();
    // Who has published nothing cannot be compared; that is another row's affair.
    if !published.iter().any(|(lane, _)| *lane == entry.lane) {
        return None;
    }
    let right = published.contains(&(entry.lane, identity));
    let actual = if right { "it is that one" } else { "it is one that nobody has published" };
    let expected = "the identity key that the user has published";
    Some(Observed::new(ROW, right, expected, actual, entry))
}

/// Only more than one says anything: a retry and a text hold one each.
fn ciphertexts(entry: &Entry) -> Option<Observed> {
    let Event::Stanza { direction: Direction::Received, bytes, .. } = &entry.event else {
        return None;
    };
    let node = binary::decode(&bytes.bytes()?).ok()?.node;
    let message = Message::sent(&node).ok().filter(|_| node.tag == "message")?;
    let peer = message.peer.bare();
    let for_it = |enc: &&Enc| enc.recipient.as_ref().is_none_or(|jid| jid.bare() == peer);
    let count = message.encs.iter().filter(for_it).count();
    let expected = "one ciphertext, for the one device of WhatsApp's user";
    let broken = Observed::new(ROW, false, expected, format!("there are {count}"), entry);
    (count > 1).then_some(broken)
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::tests::Tape;
    use super::*;

    #[test]
    fn two_ciphertexts_are_one_too_many() {
        for (encs, seen) in [(1, vec![]), (2, vec![Grade::Broken])] {
            let mut tape = Tape::default();
            let enc = "<enc v=\"2\" type=\"msg\" cp:b64=\"AAAA\"/>".repeat(encs);
            tape.received(&format!(
                "<message to=\"1@s.whatsapp.net\" id=\"A\" type=\"text\">{enc}</message>"
            ));
            let grades: Vec<Grade> =
                tape.examined_by(&OneIdentity).into_iter().map(|o| o.grade).collect();
            assert_eq!(grades, seen);
        }
    }
}
