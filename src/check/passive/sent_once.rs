//! MSG-017: what a client sends, it sends once.
//!
//! A message goes out again under its id after a lost connection, where the receiver asks for it, or
//! where the server refused it. Twice within a moment on one connection is for nothing: whoever counts
//! by ciphertexts, or keeps no ids, shows it twice.

use std::collections::BTreeMap;

use super::{Check, Observed, View};
use crate::evidence::{Direction, Entry, Event};
use crate::wire::{Node, binary};

pub struct SentOnce;

const ROW: &str = "MSG-017";
/// Longer than that, an ack may be taken for lost.
const MOMENT_MS: u64 = 5_000;

impl Check for SentOnce {
    fn id(&self) -> &'static str {
        "sent-once"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[ROW]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let mut sent: BTreeMap<Key, Vec<&Entry>> = BTreeMap::new();
        let mut reasons: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut observed = Vec::new();
        for entry in view.entries() {
            let Some((direction, node)) = stanza(entry) else { continue };
            let Some(id) = node.text("id").map(String::from) else { continue };
            match direction {
                Direction::Received if node.tag == "message" => {
                    let to = node.text("to").map(String::from).unwrap_or_default();
                    let reasons = reasons.get(&(connection(entry), id.clone()));
                    let copies = sent.entry((connection(entry), id, to)).or_default();
                    if let Some(before) = copies.last()
                        && copies.len() > reasons.copied().unwrap_or_default()
                    {
                        observed.extend(twice(before, entry));
                    }
                    copies.push(entry);
                }
                Direction::Sent if asks_again(&node) => {
                    *reasons.entry((connection(entry), id)).or_default() += 1;
                }
                _ => {}
            }
        }
        observed
    }
}

/// Connection, id and receiver.
type Key = (String, String, String);

/// Both directions of a connection have one number.
fn connection(entry: &Entry) -> String {
    let stream = entry.id.stream.0.trim_end_matches(['<', '>']);
    format!("{:?} {stream}", entry.lane)
}

fn stanza(entry: &Entry) -> Option<(Direction, Node)> {
    let Event::Stanza { direction, bytes, .. } = &entry.event else { return None };
    let captured = binary::decode(&bytes.bytes()?).ok()?;
    Some((*direction, captured.node))
}

fn asks_again(node: &Node) -> bool {
    match node.tag.as_str() {
        "receipt" => node.text("type").as_deref() == Some("retry"),
        "ack" => node.text("error").is_some(),
        _ => false,
    }
}

fn twice(first: &Entry, again: &Entry) -> Option<Observed> {
    if again.at_ms.saturating_sub(first.at_ms) > MOMENT_MS {
        return None;
    }
    let expected =
        "every message goes out once, where nothing was lost and nobody asked for it again";
    let actual = "it went out twice on one connection within a moment";
    let mut broken = Observed::new(ROW, false, expected, actual, again);
    broken.evidence.push(first.id.clone());
    Some(broken)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Tape;
    use super::*;

    const MESSAGE: &str = "<message id=\"A\" to=\"1@s.whatsapp.net\" type=\"text\"/>";

    fn found(between: Option<&str>) -> usize {
        let mut tape = Tape::default();
        tape.received(MESSAGE);
        between.into_iter().for_each(|stanza| tape.sent(stanza));
        tape.received(MESSAGE);
        tape.examined_by(&SentOnce).len()
    }

    #[test]
    fn twice_is_once_too_often_unless_somebody_asked() {
        assert_eq!(found(None), 1);
        assert_eq!(found(Some("<ack class=\"message\" id=\"A\"/>")), 1);
        assert_eq!(found(Some("<receipt id=\"B\" type=\"retry\"/>")), 1);
        assert_eq!(found(Some("<receipt id=\"A\" type=\"retry\"/>")), 0);
        assert_eq!(found(Some("<ack class=\"message\" id=\"A\" error=\"479\"/>")), 0);
    }

    #[test]
    fn who_is_asked_twice_may_answer_twice_whatever_came_first() {
        let mut tape = Tape::default();
        tape.received(MESSAGE);
        (0..2).for_each(|_| tape.sent("<receipt id=\"A\" type=\"retry\"/>"));
        (0..2).for_each(|_| tape.received(MESSAGE));
        assert!(tape.examined_by(&SentOnce).is_empty());
        tape.received(MESSAGE);
        assert_eq!(tape.examined_by(&SentOnce).len(), 1);
    }

    #[test]
    fn another_receiver_gets_a_message_of_its_own() {
        let mut tape = Tape::default();
        tape.received(MESSAGE);
        tape.received("<message id=\"A\" to=\"2@s.whatsapp.net\" type=\"text\"/>");
        assert!(tape.examined_by(&SentOnce).is_empty());
    }
}
