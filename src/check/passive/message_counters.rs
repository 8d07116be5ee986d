//! RAT-002: messages of a chain are numbered from zero, one by one, and the next chain says how many
//! there were.
//!
//! libsignal states the last number of the previous chain where the specification has its length; both
//! are in use and mean the same to a receiver, so both pass. Where the line was cut, or the subject was
//! restarted, a number may be missing with good reason.

use std::collections::{BTreeMap, BTreeSet};

use super::writings::{Conversation, Writing, conversations, is_restart};
use super::{Check, Observed, View};
use crate::evidence::Event;

pub struct MessageCounters;

const ROW: &str = "RAT-002";

impl Check for MessageCounters {
    fn id(&self) -> &'static str {
        "message-counters"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[ROW]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let mut logins = BTreeSet::new();
        let disturbed = view.entries().any(|entry| match &entry.event {
            Event::FaultTook { .. } | Event::ClockAdvanced { .. } | Event::Soaked { .. } => true,
            Event::Login { .. } => !logins.insert((entry.lane, entry.actor.as_deref())),
            Event::Called { operation, .. } => is_restart(operation) || operation == "disconnect",
            _ => false,
        });
        if disturbed {
            return Vec::new();
        }
        conversations(view).values().flat_map(examine).collect()
    }
}

fn examine(conversation: &Conversation<'_>) -> Vec<Observed> {
    let mut chains: BTreeMap<&str, u64> = BTreeMap::new();
    let mut last: Option<&Writing<'_>> = None;
    let mut out = Vec::new();
    for writing in conversation {
        let header = &writing.header;
        let wanted = chains.get(header.ratchet_key.as_str()).map_or(0, |last| last + 1);
        if header.counter + 1 == wanted {
            // The same message once more, or a used number: another row's affair.
            continue;
        }
        let right = header.counter == wanted;
        let expected = format!("number {wanted} of its chain");
        let actual = format!("number {}", header.counter);
        out.push(Observed::new(ROW, right, expected, actual, writing.entry));
        if let Some(last) = last.filter(|last| follows(last, writing)) {
            out.push(previous(last, writing));
        }
        chains.insert(&header.ratchet_key, header.counter);
        last = Some(writing);
    }
    out
}

/// A new chain of the same session.
fn follows(last: &Writing<'_>, writing: &Writing<'_>) -> bool {
    let same = last.enc.session.is_some() && last.enc.session == writing.enc.session;
    same && last.header.ratchet_key != writing.header.ratchet_key
}

fn previous(last: &Writing<'_>, writing: &Writing<'_>) -> Observed {
    let (highest, stated) = (last.header.counter, writing.header.previous_counter);
    let right = stated == highest || stated == highest + 1;
    let expected = format!("{} messages in the previous chain", highest + 1);
    Observed::new(ROW, right, expected, format!("{stated} are stated"), writing.entry)
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::tests::{Tape, written};
    use super::*;

    fn grades(messages: &[(&str, u64, u64)]) -> Vec<Grade> {
        let mut tape = Tape::default();
        for (n, (key, counter, previous)) in messages.iter().enumerate() {
            let id = n.to_string();
            tape.alice_says(&id, written(key, (*counter, *previous), &id));
        }
        tape.examined_by(&MessageCounters).into_iter().map(|observed| observed.grade).collect()
    }

    #[test]
    fn numbers_begin_at_zero_and_leave_none_out() {
        use Grade::*;
        assert_eq!(grades(&[("k", 0, 0), ("k", 1, 0)]), [Right, Right]);
        assert_eq!(grades(&[("k", 1, 0)]), [Broken]);
        assert_eq!(grades(&[("k", 0, 0), ("k", 2, 0)]), [Right, Broken]);
    }

    #[test]
    fn the_previous_chain_is_counted_in_either_way() {
        use Grade::*;
        let chain = [("k", 0, 0), ("k", 1, 0), ("k", 2, 0)];
        for (stated, grade) in [(2, Right), (3, Right), (0, Broken), (4, Broken)] {
            let seen = grades(&[&chain[..], &[("l", 0, stated)]].concat());
            assert_eq!(seen, [Right, Right, Right, Right, grade], "{stated}");
        }
    }
}
