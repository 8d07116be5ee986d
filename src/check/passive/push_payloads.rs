//! PSH-009: a push says whom to wake, and neither what was written nor by whom.
//!
//! The third party's own leg, to its user's device, is seen only where the adapter hands over what it
//! carried (`woken`, member `payload`). Meta's own pushes are searched as they are made, so that
//! the harness itself keeps the rule.

use super::names::names;
use super::plaintext::canaries;
use super::{Check, Observed, View};
use crate::canary::{Canary, Oracle};
use crate::evidence::{Channel, Entry, Event};
use crate::scenario::{IMPLICIT_PEER, Plays};
use crate::verdict::Witness;

pub struct PushPayloads;

const EXPECTED: &str = "a push carries neither content nor sender";

impl Check for PushPayloads {
    fn id(&self) -> &'static str {
        "push_payloads"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["PSH-009"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let entries = view.transcript.entries();
        let own = entries.iter().filter_map(of_metas_own);
        let mut payloads = entries.iter().filter_map(payload).peekable();
        if payloads.peek().is_none() {
            return own.collect();
        }
        let told = Oracle::shared(&told_by_nobody(view));
        own.chain(payloads.map(|(entry, payload)| {
            let (right, actual) = match told.scan(payload.as_bytes()) {
                Some(found) => {
                    let what = format!("{} ({})", found.what, found.form);
                    (false, format!("the push to the user's device carries {what}"))
                }
                None => (true, "the push to the user's device carries neither".to_owned()),
            };
            let observed = Observed::new("PSH-009", right, EXPECTED, actual, entry);
            observed.seen_by(Witness::Driver)
        }))
        .collect()
    }
}

/// What the third party's own push carried, as the adapter hands it over.
fn payload(entry: &Entry) -> Option<(&Entry, &str)> {
    match &entry.event {
        Event::Notified { name, params } if name == "woken" => {
            Some((entry, params.get("payload")?.as_str()?))
        }
        _ => None,
    }
}

/// Contents, and the names and numbers of those who may have written.
fn told_by_nobody(view: &View<'_>) -> Vec<Canary> {
    let writes = |actor: &str| match view.scenario.actors.iter().find(|(name, _)| name == actor) {
        Some((_, actor)) => actor.plays == Plays::MetaClient,
        None => actor == IMPLICIT_PEER,
    };
    let mut told = canaries(view.transcript);
    told.extend(names(view.transcript, writes));
    for entry in view.transcript.entries() {
        if let Event::Bound { name, value } = &entry.event
            && let Some(actor) = name.strip_suffix(".jid")
            && writes(actor)
        {
            let number = value.split('@').next().unwrap_or_default();
            told.push(Canary::new(format!("{actor}'s number"), number));
        }
    }
    told
}

/// A fault of the harness's, if there ever were one.
fn of_metas_own(entry: &Entry) -> Option<Observed> {
    match &entry.event {
        Event::Sighted { channel: Channel::Push, place, what, form, .. } => {
            let actual = format!("{what} stands in {place} ({form})");
            Some(Observed::new("PSH-009", false, EXPECTED, actual, entry))
        }
        _ => None,
    }
}
