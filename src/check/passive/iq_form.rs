//! The form of the iq stanzas that a client sends, and its answers to pings.

use super::{Check, Grade, Observed, View};
use crate::evidence::{Direction, Entry, Event};
use crate::stanza::iq::{Iq, IqType};
use crate::stanza::prekeys;
use crate::wire::{Node, binary};

pub struct IqForm;

impl Check for IqForm {
    fn id(&self) -> &'static str {
        "iq-form"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["STZ-009", "STZ-010"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let received = view.entries().filter_map(|entry| match &entry.event {
            Event::Stanza { direction: Direction::Received, bytes, .. } => {
                let node = binary::decode(&bytes.bytes()?).ok()?.node;
                (node.tag == "iq").then_some((entry, node))
            }
            _ => None,
        });
        received.flat_map(|(entry, node)| examine(entry, &node, view)).collect()
    }
}

fn examine(entry: &Entry, node: &Node, view: &View<'_>) -> Vec<Observed> {
    let kind = node.text("type").map(|kind| kind.into_owned()).unwrap_or_default();
    let known = ["get", "set", "result", "error"].contains(&kind.as_str());
    let mut out =
        vec![Observed::new("STZ-010", known, "type get, set, result or error", &*kind, entry)];
    out.extend(children(node, &kind, view).and_then(|usual| odd_count(entry, node, usual)));
    let request = Iq::from_node(node)
        .is_ok_and(|iq| matches!(iq.kind, IqType::Get | IqType::Set) && !kind.is_empty());
    if request {
        let id = node.text("id").map(|id| id.into_owned()).unwrap_or_default();
        let actual = if id.is_empty() { "no id".to_owned() } else { format!("id {id}") };
        out.push(Observed::new("STZ-009", !id.is_empty(), "an id on every request", actual, entry));
    }
    out
}

/// How many children the requests of known forms have (`wire.md` §4.3, §4.6 and §4.13).
fn children(node: &Node, kind: &str, view: &View<'_>) -> Option<&'static [usize]> {
    let xmlns = node.text("xmlns")?;
    let is = |key: &str| view.profile.text(key) == Some(&*xmlns);
    match kind {
        // Nothing, or `<ping/>`.
        "get" if is("ping.client_xmlns") => Some(&[0, 1]),
        "get" if is("blocklist.xmlns") => Some(&[0]),
        "set" if is("blocklist.xmlns") => Some(&[1]),
        "get" if xmlns == prekeys::XMLNS => Some(&[1]),
        // A new signed prekey alone, or a whole upload, in message version 4 with its KEM prekey.
        "set" if xmlns == prekeys::XMLNS => Some(&[1, 5, 6]),
        _ => None,
    }
}

/// A count unlike the profile's is a warning and no more: RFC 6120 §8.2.3 (5) does not hold here.
fn odd_count(entry: &Entry, node: &Node, usual: &[usize]) -> Option<Observed> {
    let count = node.kids().len();
    let words: Vec<String> = usual.iter().map(ToString::to_string).collect();
    let expected = format!("{} children, as the profile's form has", words.join(" or "));
    let observed = Observed::new("STZ-010", false, expected, format!("{count} children"), entry);
    (!usual.contains(&count)).then_some(Observed { grade: Grade::Warned, ..observed })
}
