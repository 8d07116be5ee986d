//! Whose name stands in what a client sends: its own or none as the sender (STZ-014), and internal
//! identifiers alone as addresses (STZ-015).
//!
//! A foreign sender only warns, since the server overrides it (the row's `why`). What a user-visible
//! identifier is, the case has told the client itself.

use std::collections::BTreeMap;

use super::{Check, Grade, Observed, View};
use crate::evidence::{Direction, Entry, Event, Lane};
use crate::wire::jid::{LID, PHONE};
use crate::wire::{AttrValue, Jid, Node, binary};

pub struct Addressing;

/// Attributes that hold an address wherever they stand (`wire.md` §4).
const ADDRESSES: &[&str] = &["to", "from", "participant", "recipient", "jid"];

impl Check for Addressing {
    fn id(&self) -> &'static str {
        "addressing"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["STZ-014", "STZ-015"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let visible = visible_ids(view);
        let mut own: BTreeMap<(Lane, String), Jid> = BTreeMap::new();
        let mut observed = Vec::new();
        for entry in view.entries() {
            let Some(actor) = entry.actor.clone() else { continue };
            match &entry.event {
                Event::Login { facts } => {
                    let login = facts.login.as_ref().and_then(|login| login.parse().ok());
                    own.extend(login.map(|login| ((entry.lane, actor), login)));
                }
                Event::Stanza { direction: Direction::Received, bytes, .. } => {
                    let Some(node) = bytes.bytes().and_then(|b| binary::decode(&b).ok()) else {
                        continue;
                    };
                    let own = own.get(&(entry.lane, actor));
                    observed.extend(own.map(|own| sender(&node.node, own, entry)));
                    observed.extend(addresses(&node.node, &visible, entry));
                }
                _ => {}
            }
        }
        observed
    }
}

/// What users call themselves, as the case has told the implementation.
fn visible_ids(view: &View<'_>) -> Vec<String> {
    let bound = view.transcript.entries().iter().filter_map(|entry| match &entry.event {
        Event::Bound { name, value } if name.ends_with(".visible_id") => Some(value.clone()),
        _ => None,
    });
    bound.collect()
}

fn sender(node: &Node, own: &Jid, entry: &Entry) -> Observed {
    let expected = "the client's own address as the sender, or none";
    let from = node.jid("from");
    let right = from.as_ref().is_none_or(|from| is_same(from, own)) && !is_no_address(node);
    let actual = match node.text("from") {
        None => "none".to_owned(),
        Some(from) if right => format!("its own: {from}"),
        Some(from) => format!("`{from}` in <{}>", node.tag),
    };
    let observed = Observed::new("STZ-014", right, expected, actual, entry);
    if right { observed } else { Observed { grade: Grade::Warned, ..observed } }
}

/// True for a sender that is a text and no address at all.
fn is_no_address(node: &Node) -> bool {
    node.text("from").is_some() && node.jid("from").is_none()
}

/// A native user has a number and a hidden address.
fn is_same(a: &Jid, b: &Jid) -> bool {
    let native = |jid: &Jid| jid.server == PHONE || jid.server == LID;
    a.bare() == b.bare() || (native(a) && native(b) && a.user == b.user)
}

fn addresses(node: &Node, visible: &[String], entry: &Entry) -> Vec<Observed> {
    let mut found = Vec::new();
    collect(node, &mut found);
    let expected = "addresses of the protocol, made of internal identifiers";
    let judged = found.into_iter().map(|(key, text)| {
        let named = visible.iter().any(|id| text == *id || text.split('@').next() == Some(id));
        let right = !named && Jid::recognise(&text).is_some();
        let actual = match (named, right) {
            (_, true) => text,
            (true, _) => format!("{key}=`{text}`, which is what users see"),
            (false, _) => format!("{key}=`{text}`, which is no address"),
        };
        Observed::new("STZ-015", right, expected, actual, entry)
    });
    judged.collect()
}

fn collect(node: &Node, found: &mut Vec<(String, String)>) {
    for (key, value) in &node.attrs {
        let is_address = matches!(value, AttrValue::Jid(_)) || ADDRESSES.contains(&key.as_str());
        if is_address {
            found.push((key.to_string(), value.to_string()));
        }
    }
    node.kids().iter().for_each(|kid| collect(kid, found));
}

#[cfg(test)]
mod tests {
    use super::super::tests::Tape;
    use super::*;
    use crate::evidence::LoginFacts;
    use crate::verdict::Witness;

    fn graded(stanza: &str) -> Vec<(&'static str, Grade)> {
        let mut tape = Tape::default();
        let (name, value) = ("alice.visible_id".to_owned(), "alice-9".to_owned());
        tape.add(Event::Bound { name, value });
        let login = Some("1-105@interop".to_owned());
        tape.add(Event::Login { facts: LoginFacts { login, ..LoginFacts::default() } });
        tape.received(stanza);
        let observed = tape.examined_by(&Addressing);
        assert!(observed.iter().all(|observed| observed.witness == Witness::Wire));
        observed.into_iter().map(|observed| (observed.requirement, observed.grade)).collect()
    }

    #[test]
    fn the_sender_is_the_client_or_nobody() {
        use Grade::*;
        let of = |stanza| graded(stanza).into_iter().find(|(row, _)| *row == "STZ-014").unwrap().1;
        assert_eq!(of("<iq to='s.whatsapp.net'/>"), Right);
        assert_eq!(of("<iq from='1-105@interop'/>"), Right);
        assert_eq!(of("<iq from='1-106@interop'/>"), Warned);
        assert_eq!(of("<iq from='alice-9'/>"), Warned);
    }

    #[test]
    fn addresses_are_internal() {
        use Grade::*;
        let of = |stanza| {
            let grades = graded(stanza).into_iter().filter(|(row, _)| *row == "STZ-015");
            grades.map(|(_, grade)| grade).collect::<Vec<_>>()
        };
        assert_eq!(of("<iq id='1'/>"), []);
        assert_eq!(of("<ack to='15550001@s.whatsapp.net'/>"), [Right]);
        assert_eq!(of("<ack to='s.whatsapp.net' from='1-105@interop'/>"), [Right, Right]);
        assert_eq!(of("<ack from='alice-9'/>"), [Broken]);
        assert_eq!(of("<ack from='alice-9@interop'/>"), [Broken]);
        assert_eq!(of("<iq><user jid='ann@acme.example'/></iq>"), [Broken]);
    }
}
