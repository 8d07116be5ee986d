//! Stopping and starting, the state that outlives it, and counters that are set before use.
//!
//! Everything that a message has changed is in place before the message leaves ([`super::Output`]s are
//! carried out after the input that caused them), so that a program that is killed has nothing to make
//! up for (RAT-014). What does not outlive a stop is the connection and what was under way on it, and
//! the streams of randomness, which begin anew: a number that was drawn is not drawn again.

use super::link::Connection;
use super::{CallId, Failure, FailureKind, Reply, ThirdPartyClient};
use crate::e2ee::fingerprint;
use crate::role::quirk::Fault;
use crate::wire::Jid;

impl ThirdPartyClient {
    pub(super) fn restart(&mut self, call: CallId, killed: bool) {
        self.stop();
        self.starts += 1;
        let stream = |purpose: &str| self.rng(&format!("{purpose}, start {}", self.starts));
        let (signal, ids, paddings) = (stream("signal"), stream("ids"), stream("padding"));
        let ephemerals = stream("noise-ephemeral");
        let kept = self.saved.take().filter(|_| killed);
        self.party = kept.as_ref().unwrap_or(&self.party).copy(signal);
        (self.ids, self.paddings, self.ephemerals) = (ids, paddings, ephemerals);
        if self.has(Fault::SessionsLostOnRestart) {
            for peer in self.threads.peers() {
                self.party.drop_session(&super::send::address(&peer));
            }
        }
        if let (Some(first), true) = (self.first_batch.first(), self.has(Fault::PrekeyIdsStartAnew))
        {
            self.party.start_prekey_ids_at(first.id, true);
        }
        self.done(call, Ok(Reply::Done));
    }

    /// Drops the connection and what waits for it; nobody is told who is no longer there.
    fn stop(&mut self) {
        self.drop_link();
        let before = std::mem::take(&mut self.connection);
        self.connection = Connection::after(before);
        self.requests.clear();
        self.drafts.clear();
        self.typing.clear();
        let failure = Failure::new(FailureKind::Unavailable, "the program was stopped");
        for waiting in std::mem::take(&mut self.waiting) {
            self.done(waiting.call, Err(failure.clone()));
        }
    }

    /// A deliberate fault: what a received message changes is saved, what a sent one changes is not.
    pub(super) fn save_seldom(&mut self) {
        if self.has(Fault::StateSavedSeldom) {
            self.saved = Some(self.party.copy(self.rng("saved")));
        }
    }

    /// A deliberate fault: remembers the state before a message that may get lost.
    pub(super) fn remember_before_sending(&mut self) {
        if self.has(Fault::SendFailureReusesKey) && self.checkpoint.is_none() {
            self.checkpoint = Some(self.party.copy(self.rng("rolled back")));
        }
    }

    /// A deliberate fault: a message that was not acknowledged was never sent.
    pub(super) fn roll_back(&mut self) {
        if let Some(party) = self.checkpoint.take() {
            self.party = party;
        }
    }

    pub(super) fn preset(&mut self, call: CallId, next_prekey_id: Option<u32>) {
        if let Some(id) = next_prekey_id {
            self.party.start_prekey_ids_at(id, false);
        }
        self.done(call, Ok(Reply::Done));
    }

    /// ENC-014: a code over both identity keys, which is the same at both ends.
    pub(super) fn fingerprint(&mut self, call: CallId, with: &Jid) {
        let own = self.enlistment.login.as_ref().map(|login| login.jid.bare().to_string());
        let theirs = self.party.peer_identity(&super::send::address(with));
        let (Some(own), Some(theirs)) = (own, theirs) else {
            let why = "no identity of this user is known yet";
            return self.done(call, Err(Failure::new(FailureKind::NotFound, why)));
        };
        let (identity, with) = (self.party.identity(), with.bare().to_string());
        let code = match self.has(Fault::FingerprintOfOwnKey) {
            true => fingerprint::code((&identity, &own), (&identity, &own)),
            false => fingerprint::code((&identity, &own), (&theirs, &with)),
        };
        self.done(call, Ok(Reply::Fingerprint(code)));
    }
}
