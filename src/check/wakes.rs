//! How long a push took to bring a client back, and to empty its mailbox (PSH-007).
//!
//! Main function: [`after_push`]. Time is told and not judged: on one machine it says something of an
//! implementation and nothing of a network (`interfaces.md` §16). What it is reckoned from stands in the
//! log, so whoever judges the log again is told the same.

use std::collections::BTreeSet;

use crate::evidence::{Entry, Event, Lane, Transcript};
use crate::verdict::Times;

/// The times of the first push that a login followed.
pub(super) fn after_push(transcript: &Transcript) -> Option<Times> {
    let entries: Vec<&Entry> =
        transcript.entries().iter().filter(|entry| entry.lane == Lane::Main).collect();
    let login_at = |from: usize| entries[from..].iter().position(|entry| is_login(entry));
    let pushes = entries.iter().enumerate().filter(|(_, entry)| is_push(entry));
    let (push, login) = pushes.filter_map(|(at, _)| Some((at, at + login_at(at)?))).next()?;
    let begun = entries[push].at_ms;
    let waiting: BTreeSet<&str> = {
        let shown: BTreeSet<&str> = entries[..push].iter().filter_map(|e| shown(e)).collect();
        let written = entries[..push].iter().filter_map(|entry| match &entry.event {
            Event::Encrypted { id, .. } => Some(id.as_str()),
            _ => None,
        });
        written.filter(|id| !shown.contains(id)).collect()
    };
    let mut left = waiting.clone();
    let drained = entries[login..]
        .iter()
        .find(|entry| shown(entry).is_some_and(|id| left.remove(id)) && left.is_empty());
    Some(Times {
        push_to_login_ms: entries[login].at_ms.saturating_sub(begun),
        messages: waiting.len() as u64,
        push_to_empty_ms: drained.map(|entry| entry.at_ms.saturating_sub(begun)),
    })
}

fn is_push(entry: &Entry) -> bool {
    match &entry.event {
        Event::Requested { method, .. } => method == "POST",
        Event::WakeInjected { .. } => true,
        _ => false,
    }
}

fn is_login(entry: &Entry) -> bool {
    matches!(&entry.event, Event::Login { facts } if facts.refused.is_none())
}

/// The id of a message that a user of the implementation sees.
fn shown(entry: &Entry) -> Option<&str> {
    match &entry.event {
        Event::Notified { name, params } if name == "message" => params.get("id")?.as_str(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::evidence::{EncFacts, LoginFacts, Payload, Stream};

    fn times(events: Vec<(u64, Event)>) -> Option<Times> {
        let mut transcript = Transcript::new("c".to_owned());
        for (at, event) in events {
            transcript.record(at, Stream::steps(), Lane::Main, None, event);
        }
        after_push(&transcript)
    }

    fn push() -> Event {
        Event::requested(None, "POST", "/push")
    }

    fn login() -> Event {
        Event::Login { facts: LoginFacts::default() }
    }

    fn shows(id: &str) -> Event {
        Event::Notified { name: "message".into(), params: json!({ "id": id }) }
    }

    fn written(id: &str) -> Event {
        let enc = EncFacts {
            kind: "msg".into(),
            bytes: Payload::of(&[1]),
            header: json!({}),
            responder: None,
            plaintext: None,
            session: None,
            before: None,
        };
        let to = "alice".to_owned();
        Event::Encrypted { id: id.into(), to, text: String::new(), enc }
    }

    #[test]
    fn the_mailbox_is_empty_when_the_last_message_is_shown_that_waited() {
        let before = vec![(1, written("seen")), (2, shows("seen"))];
        let waits = vec![(3, written("one")), (4, written("two"))];
        let after = |ids: &[&str]| -> Vec<(u64, Event)> {
            let shown = ids.iter().enumerate().map(|(n, id)| (20 + n as u64, shows(id)));
            [(10, push()), (17, login())].into_iter().chain(shown).collect()
        };
        let told = |ids: &[&str]| {
            let all = [before.clone(), waits.clone(), after(ids)].concat();
            times(all).map(|times| (times.push_to_login_ms, times.messages, times.push_to_empty_ms))
        };
        assert_eq!(told(&["two", "other", "one", "late"]), Some((7, 2, Some(12))));
        assert_eq!(told(&["two", "two"]), Some((7, 2, None)), "one is still there");
        let none = Times { push_to_login_ms: 7, messages: 0, push_to_empty_ms: None };
        assert_eq!(times(after(&["other"])), Some(none), "nothing waited");
        assert_eq!(times(vec![(5, login()), (10, push())]), None, "nobody came");
    }
}
