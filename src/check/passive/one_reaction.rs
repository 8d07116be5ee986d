//! RAT-011: a MAC that does not fit and a padding that is broken behind one that does give the same
//! visible reaction, or the difference is a padding oracle.
//!
//! A reaction is what the subject sends about the message, whenever that is, and what it shows its user
//! until the next message is forged; times are not compared (`requirements`, RAT-011).

use std::collections::BTreeSet;

use super::{Check, Observed, View};
use crate::evidence::{Direction, Entry, Event, FORGED};
use crate::scenario::CiphertextFault;
use crate::wire::binary;

pub struct OneReaction;

const ROW: &str = "RAT-011";

impl Check for OneReaction {
    fn id(&self) -> &'static str {
        "one-reaction"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[ROW]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let forged = forged(view);
        let of = |fault: CiphertextFault| {
            forged.iter().filter(move |message| message.what == fault.word())
        };
        let mac = of(CiphertextFault::Mac).next().map(|message| message.reaction(view));
        let Some(mac) = mac else { return Vec::new() };
        let paddings = of(CiphertextFault::Padding);
        paddings
            .map(|message| {
                let reaction = message.reaction(view);
                let expected = format!("the reaction to a MAC that does not fit: {}", words(&mac));
                let actual = format!("to a broken padding: {}", words(&reaction));
                Observed::new(ROW, reaction == mac, expected, actual, message.begun)
            })
            .collect()
    }
}

/// A forged message.
struct Forged<'a> {
    what: &'a str,
    id: &'a str,
    begun: &'a Entry,
    /// Where it was forged in the transcript, and the next one.
    from: usize,
    until: usize,
}

fn forged<'a>(view: &View<'a>) -> Vec<Forged<'a>> {
    let entries = view.transcript.entries();
    let mut found: Vec<Forged<'a>> = Vec::new();
    for (n, entry) in entries.iter().enumerate() {
        let Event::Bound { name, value } = &entry.event else { continue };
        let Some(label) = name.strip_suffix(FORGED).and_then(|label| label.strip_suffix('.'))
        else {
            continue;
        };
        let id_of = format!("{label}.id");
        let id = entries[..n].iter().rev().find_map(|other| match &other.event {
            Event::Bound { name, value } if *name == id_of => Some(value.as_str()),
            _ => None,
        });
        if let Some(last) = found.last_mut() {
            last.until = n;
        }
        let until = entries.len();
        found.extend(id.map(|id| Forged { what: value, id, begun: entry, from: n, until }));
    }
    found
}

impl Forged<'_> {
    /// Without order, since acks and receipts may take turns.
    fn reaction(&self, view: &View<'_>) -> BTreeSet<String> {
        let entries = view.transcript.entries().iter().enumerate().skip(self.from);
        let ours = entries
            .filter(|(_, entry)| entry.lane == self.begun.lane && !entry.id.stream.is_fence());
        ours.filter_map(|(n, entry)| self.shown(&entry.event, n < self.until)).collect()
    }

    /// What names no message counts while no other one was forged.
    fn shown(&self, event: &Event, latest: bool) -> Option<String> {
        match event {
            Event::Stanza { direction: Direction::Received, bytes, .. } => {
                let node = binary::decode(&bytes.bytes()?).ok()?.node;
                let about = node.text("id").as_deref() == Some(self.id);
                let mut words = vec![node.tag.as_str().to_owned()];
                for name in ["class", "type", "error"] {
                    words.extend(node.text(name).map(|value| format!("{name}={value}")));
                }
                about.then(|| words.join(" "))
            }
            Event::Notified { name, params }
                if matches!(name.as_str(), "error_shown" | "notice") =>
            {
                let class = params.get("class").and_then(|class| class.as_str());
                latest.then(|| [name.as_str(), class.unwrap_or_default()].join(" "))
            }
            Event::Notified { name, params } => {
                let about = params.get("id").and_then(|id| id.as_str()) == Some(self.id);
                about.then(|| name.clone())
            }
            _ => None,
        }
    }
}

fn words(reaction: &BTreeSet<String>) -> String {
    if reaction.is_empty() {
        return "nothing".to_owned();
    }
    reaction.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Grade;
    use super::super::tests::Tape;
    use super::*;

    fn forged(tape: &mut Tape, label: &str, what: CiphertextFault) {
        let bound = |name: &str, value: &str| Event::Bound {
            name: format!("{label}.{name}"),
            value: value.to_owned(),
        };
        tape.add(bound("id", label));
        tape.add(bound(FORGED, what.word()));
    }

    fn grades(shows_error: bool) -> Vec<Grade> {
        let mut tape = Tape::default();
        for (label, what) in [("f1", CiphertextFault::Mac), ("f2", CiphertextFault::Padding)] {
            forged(&mut tape, label, what);
            tape.received(&format!("<receipt id=\"{label}\" type=\"retry\"/>"));
            if shows_error && what == CiphertextFault::Padding {
                let params = json!({ "class": "malformed" });
                tape.add(Event::Notified { name: "error_shown".to_owned(), params });
            }
        }
        tape.examined_by(&OneReaction).into_iter().map(|observed| observed.grade).collect()
    }

    #[test]
    fn a_late_reaction_belongs_to_its_own_message() {
        let mut tape = Tape::default();
        forged(&mut tape, "f1", CiphertextFault::Mac);
        forged(&mut tape, "f2", CiphertextFault::Padding);
        tape.received("<receipt id=\"f2\" type=\"retry\"/>");
        tape.received("<receipt id=\"f1\" type=\"retry\"/>");
        let grades: Vec<Grade> =
            tape.examined_by(&OneReaction).into_iter().map(|observed| observed.grade).collect();
        assert_eq!(grades, [Grade::Right]);
    }

    #[test]
    fn a_difference_is_an_oracle() {
        assert_eq!(grades(false), [Grade::Right]);
        assert_eq!(grades(true), [Grade::Broken]);
    }
}
