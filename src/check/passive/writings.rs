//! What each user of the subject wrote to each Meta client, with what the user had seen before.
//!
//! Main function: [`conversations`]. The rows about ratchets compare messages with each other and with
//! what had come in between; here that is put together once. What cannot be told, because the network
//! or the harness's own steps may have reordered it, is left out rather than guessed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::View;
use crate::evidence::{Direction, EncFacts, Entry, Event, Lane};
use crate::stanza::receipt::{Receipt, State};
use crate::wire::binary;

/// Messages of one user to one Meta client, in the order of their arrival.
pub(super) type Conversation<'a> = Vec<Writing<'a>>;

/// A message of the subject.
#[derive(Clone)]
pub(super) struct Writing<'a> {
    pub entry: &'a Entry,
    pub id: &'a str,
    pub enc: &'a EncFacts,
    pub header: Header,
    /// What had happened when the user wrote it; none for what nobody wrote just then.
    pub before: Option<Moment>,
    /// How often the subject had been restarted.
    pub restarts: usize,
    /// The peer had asked for this message again.
    pub asked_for: bool,
}

/// The header of a message (`wire.md` §5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub ratchet_key: String,
    pub counter: u64,
    pub previous_counter: u64,
    /// The initiator's base key, where the message has the X3DH header.
    pub base_key: Option<String>,
}

impl Header {
    pub(super) fn of(enc: &EncFacts) -> Option<Self> {
        let number = |name: &str| enc.header.get(name).and_then(Value::as_u64);
        let base_key = enc.header.pointer("/first/base_key").and_then(Value::as_str);
        Some(Self {
            ratchet_key: enc.header.get("ratchet_key")?.as_str()?.to_owned(),
            counter: number("counter")?,
            previous_counter: number("previous_counter")?,
            base_key: base_key.map(str::to_owned),
        })
    }
}

/// What the user had seen, and how much had been on its way, when a message was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// Ratchet keys of the peers' messages that the user was shown, by session.
    pub seen: BTreeSet<(String, String)>,
    /// Stanzas that may change a session and had been sent to the user by then.
    pub stirred: usize,
}

/// Everything that Meta clients got, by lane, user and client.
pub(super) fn conversations<'a>(
    view: &View<'a>,
) -> BTreeMap<(Lane, &'a str, &'a str), Conversation<'a>> {
    let mut tape = Tape::default();
    for entry in view.transcript.entries().iter().filter(|entry| !entry.id.stream.is_fence()) {
        tape.take(entry);
    }
    tape.finish()
}

#[derive(Default)]
struct Tape<'a> {
    found: BTreeMap<(Lane, &'a str, &'a str), Conversation<'a>>,
    users: BTreeMap<(Lane, &'a str), User>,
    /// Session and ratchet key of each message of a Meta client.
    keys: BTreeMap<(Lane, &'a str), (String, String)>,
    /// What a message was written at, by its id.
    written: BTreeMap<(Lane, String), Moment>,
    asked: BTreeSet<(Lane, String)>,
}

#[derive(Default)]
struct User {
    now: Moment,
    called: Option<Moment>,
    restarts: usize,
}

impl<'a> Tape<'a> {
    fn take(&mut self, entry: &'a Entry) {
        let lane = entry.lane;
        match &entry.event {
            Event::Encrypted { id, enc, .. } => {
                if let (Some(header), Some(session)) = (Header::of(enc), &enc.session) {
                    self.keys.insert((lane, id), (session.clone(), header.ratchet_key));
                }
            }
            Event::Decrypted { id, from, enc, .. } | Event::Undecryptable { id, from, enc, .. } => {
                self.arrived(entry, id, from, enc);
            }
            event => {
                if let Some(actor) = entry.actor.as_deref() {
                    self.about_user(lane, actor, event);
                }
            }
        }
    }

    fn about_user(&mut self, lane: Lane, actor: &'a str, event: &'a Event) {
        let user = self.users.entry((lane, actor)).or_default();
        match event {
            Event::Notified { name, params } if name == "message" => {
                let id = params.get("id").and_then(Value::as_str);
                let key = id.and_then(|id| self.keys.get(&(lane, id)));
                user.now.seen.extend(key.cloned());
            }
            Event::Called { operation, .. } if is_restart(operation) => user.restarts += 1,
            Event::Called { operation, .. } if operation == "send_text" => {
                user.called = Some(user.now.clone());
            }
            Event::Answered { operation, outcome } if operation == "send_text" => {
                let id = outcome.as_ref().ok().and_then(|result| result.get("id")?.as_str());
                if let (Some(id), Some(moment)) = (id, user.called.take()) {
                    self.written.insert((lane, id.to_owned()), moment);
                }
            }
            Event::Stanza { direction: Direction::Sent, bytes, .. } => {
                let node = bytes.bytes().and_then(|bytes| binary::decode(&bytes).ok());
                let Some(node) = node.map(|captured| captured.node) else { return };
                let retry = Receipt::delivered(&node).ok().filter(|_| node.tag == "receipt");
                let retry = retry.filter(|receipt| matches!(receipt.state, State::Retry(_)));
                let stirs = retry.is_some() || node.tag == "message" || node.tag == "notification";
                user.now.stirred += usize::from(stirs);
                let ids = retry.map(|receipt| receipt.ids).unwrap_or_default();
                self.asked.extend(ids.into_iter().map(|id| (lane, id)));
            }
            _ => {}
        }
    }

    fn arrived(&mut self, entry: &'a Entry, id: &'a str, from: &'a str, enc: &'a EncFacts) {
        let (Some(header), Some(client)) = (Header::of(enc), entry.actor.as_deref()) else {
            return;
        };
        let restarts = self.users.iter().filter(|((lane, _), _)| *lane == entry.lane);
        let restarts = restarts.map(|(_, user)| user.restarts).sum();
        let asked_for = self.asked.contains(&(entry.lane, id.to_owned()));
        let writing = Writing { entry, id, enc, header, before: None, restarts, asked_for };
        self.found.entry((entry.lane, from, client)).or_default().push(writing);
    }

    fn finish(self) -> BTreeMap<(Lane, &'a str, &'a str), Conversation<'a>> {
        let Self { mut found, mut written, .. } = self;
        for ((lane, ..), conversation) in &mut found {
            for writing in conversation {
                // What came again under its id was not written anew.
                writing.before = written.remove(&(*lane, writing.id.to_owned()));
            }
        }
        found
    }
}

pub(super) fn is_restart(operation: &str) -> bool {
    matches!(operation, "restart" | "kill" | "reset")
}
