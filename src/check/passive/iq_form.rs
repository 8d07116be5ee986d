//! The form of the iq stanzas that a client sends, and its answers to pings.

use super::{Check, Observed, View};
use crate::evidence::{Direction, Entry, Event};
use crate::stanza::iq::{Iq, IqType};
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
        received.flat_map(|(entry, node)| examine(entry, &node)).collect()
    }
}

fn examine(entry: &Entry, node: &Node) -> Vec<Observed> {
    let kind = node.text("type").map(|kind| kind.into_owned()).unwrap_or_default();
    let known = ["get", "set", "result", "error"].contains(&kind.as_str());
    let mut out =
        vec![Observed::new("STZ-010", known, "type get, set, result or error", &*kind, entry)];
    let request = Iq::from_node(node)
        .is_ok_and(|iq| matches!(iq.kind, IqType::Get | IqType::Set) && !kind.is_empty());
    if request {
        let id = node.text("id").map(|id| id.into_owned()).unwrap_or_default();
        let actual = if id.is_empty() { "no id".to_owned() } else { format!("id {id}") };
        out.push(Observed::new("STZ-009", !id.is_empty(), "an id on every request", actual, entry));
    }
    out
}
