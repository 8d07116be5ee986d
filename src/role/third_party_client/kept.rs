//! What the program writes down, so that a stop, also one without warning, loses nothing (RAT-014).
//!
//! Main type: [`State`]. It is everything that outlives a stop: the enlistment, keys and sessions,
//! conversations, what waits for the server's ack, and the counts that bound retries. It is written
//! before anything leaves that rests on it: a message goes out, and one is acknowledged, only after
//! the state that knows of it is on the disk (STZ-019). What was under way on a connection is not in
//! it, and neither is any randomness: streams begin anew, so that no number is drawn twice.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ThirdPartyClient;
use super::effect::Output;
use super::enlist::Login;
use super::outbox::Unacked;
use super::threads::ThreadItem;
use super::upkeep::Upkeep;
use crate::e2ee::{E2eeError, Hex, OneTimePrekey};
use crate::role::quirk::Fault;
use crate::wire::{Jid, binary};

/// A user with a message id, and what is remembered of it.
type Remembered<V> = Vec<((Jid, String), V)>;

/// All that outlives a stop.
#[derive(Serialize, Deserialize)]
struct State {
    starts: u32,
    party: Value,
    opted_in: bool,
    login: Option<Login>,
    stale: bool,
    /// A deletion that the server has not answered, and how often the user has left.
    leaving: (bool, u32),
    upkeep: Upkeep,
    first_batch: Vec<(u32, Hex)>,
    outbox: Vec<KeptUnacked>,
    threads: Vec<(Jid, ThreadItem)>,
    contents: Remembered<Hex>,
    reactions: Remembered<String>,
    seen: Remembered<()>,
    asked_again: Remembered<u32>,
    sent_again: Remembered<u32>,
    announced: Vec<(Jid, u64)>,
    blocked: Vec<Jid>,
    compared: Vec<(Jid, String)>,
    tells_reading: bool,
}

#[derive(Serialize, Deserialize)]
struct KeptUnacked {
    id: String,
    to: Jid,
    text: String,
    /// In the binary encoding (`wire.md` §3).
    stanza: Hex,
}

/// Why there is nothing to go on with.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the state is not what this program writes: {0}")]
    Form(#[from] serde_json::Error),
    #[error("the keys cannot be read: {0}")]
    Keys(#[from] E2eeError),
    #[error("a stanza cannot be read")]
    Stanza,
}

impl ThirdPartyClient {
    /// Gives the next thing to do, if there is one; the state that it rests on comes first.
    pub fn poll(&mut self) -> Option<Output> {
        if std::mem::take(&mut self.unsaved) && self.settings.durable {
            return Some(Output::Keep(self.state()));
        }
        self.out.pop_front()
    }

    /// An orderly stop is near: what is still to be done with what came is done, and written down.
    pub fn settle_down(&mut self, now: crate::clock::UnixMs) {
        self.now = now;
        self.handle_postponed(true);
        self.unsaved = true;
    }

    /// Something changed that must outlive a stop.
    pub(super) fn changed(&mut self) {
        // A deliberate fault: what goes out changes nothing that is worth a write.
        self.unsaved |= !self.has(Fault::StateSavedSeldom);
    }

    /// A message was decrypted: even a client that saves seldom does so now.
    pub(super) fn changed_by_a_message(&mut self) {
        self.unsaved = true;
    }

    /// The state as it is written.
    pub(super) fn state(&self) -> Vec<u8> {
        let batch = self.first_batch.iter().map(|key| (key.id, Hex::of(key.value)));
        let contents = self.contents.entries().into_iter().map(|(key, bytes)| (key, Hex(bytes)));
        let state = State {
            starts: self.starts,
            party: self.party.save(),
            opted_in: self.enlistment.opted_in,
            login: self.enlistment.login.clone(),
            stale: self.enlistment.stale,
            leaving: self.leaving.standing(),
            upkeep: self.upkeep.clone(),
            first_batch: batch.collect(),
            outbox: self.outbox.all().map(KeptUnacked::of).collect(),
            threads: self.threads.all().cloned().collect(),
            contents: contents.collect(),
            reactions: self.reactions.all().entries(),
            seen: self.seen.entries(),
            asked_again: self.asked_again.entries(),
            sent_again: self.sent_again.entries(),
            announced: self.announced.entries(),
            blocked: self.blocking.all().cloned().collect(),
            compared: self.compared.clone().into_iter().collect(),
            tells_reading: self.tells_reading,
        };
        serde_json::to_vec(&state).expect("lists, texts and numbers are JSON")
    }

    /// The same user in a program that has just started, with what was written down.
    pub(super) fn started_anew(&self, kept: &[u8]) -> Result<Self, Unreadable> {
        let state: State = serde_json::from_slice(kept)?;
        let start = state.starts + 1;
        let mut anew = Self::started(self.settings.clone(), &self.visible_id, self.fault, start);
        anew.set_name(&self.name);
        anew.party.load(&state.party)?;
        anew.enlistment.opted_in = state.opted_in;
        anew.enlistment.stale = state.stale;
        anew.enlistment.login = state.login;
        anew.leaving.restore(state.leaving);
        anew.upkeep = state.upkeep;
        for (id, value) in state.first_batch {
            let value = value.0.try_into().map_err(|_| E2eeError::UnreadableRecord)?;
            anew.first_batch.push(OneTimePrekey { id, value });
        }
        for unacked in state.outbox {
            anew.outbox.push(unacked.read()?);
        }
        for (with, item) in state.threads {
            anew.threads.push(&with, item);
        }
        for (key, bytes) in state.contents {
            anew.contents.insert(key, bytes.0);
        }
        anew.reactions.all_mut().extend(state.reactions);
        anew.seen.extend(state.seen);
        anew.asked_again.extend(state.asked_again);
        anew.sent_again.extend(state.sent_again);
        anew.announced.extend(state.announced);
        anew.blocking.restore(state.blocked);
        anew.compared.extend(state.compared);
        anew.tells_reading = state.tells_reading;
        Ok(anew)
    }
}

impl KeptUnacked {
    fn of(message: &Unacked) -> Self {
        let Unacked { id, to, text, stanza } = message;
        let stanza = binary::encode(stanza).expect("it has been sent");
        Self { id: id.clone(), to: to.clone(), text: text.clone(), stanza: Hex(stanza) }
    }

    fn read(self) -> Result<Unacked, Unreadable> {
        let stanza = binary::decode(&self.stanza.0).map_err(|_| Unreadable::Stanza)?.node;
        Ok(Unacked { id: self.id, to: self.to, text: self.text, stanza })
    }
}
