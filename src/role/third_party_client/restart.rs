//! Stopping and starting, and counters that are set before use.
//!
//! A stop leaves what was written down ([`super::kept`]) and nothing else: the client that goes on is
//! made anew from it. What does not outlive a stop is the connection and what was under way on it, and
//! the streams of randomness, which begin anew: a number that was drawn is not drawn again.

use super::link::Connection;
use super::{CallId, Failure, FailureKind, Reply, ThirdPartyClient};
use crate::clock::UnixMs;
use crate::e2ee::fingerprint;
use crate::role::quirk::Fault;
use crate::wire::Jid;

impl ThirdPartyClient {
    /// The program is gone and another one starts with what lies on the disk; where nothing is kept
    /// there, with what this one would have written.
    pub(super) fn restart(&mut self, call: CallId, kept: Option<Vec<u8>>) {
        self.stop();
        let kept = kept.unwrap_or_else(|| self.state());
        let anew = match self.started_anew(&kept) {
            Ok(anew) => anew,
            Err(error) => {
                let failure = Failure::new(FailureKind::Internal, error.to_string());
                return self.done(call, Err(failure));
            }
        };
        let before = std::mem::replace(self, anew);
        self.go_on_numbering(before);
        self.lose_what_a_faulty_start_loses();
        self.unsaved = true;
        self.done(call, Ok(Reply::Done));
    }

    /// A process that has just started goes on where one before it ended.
    ///
    /// # Errors
    /// What was kept cannot be read.
    pub fn go_on_with(&mut self, now: UnixMs, kept: &[u8]) -> Result<(), String> {
        *self = self.started_anew(kept).map_err(|error| error.to_string())?;
        self.now = now;
        self.lose_what_a_faulty_start_loses();
        self.unsaved = true;
        Ok(())
    }

    /// What the world around still knows of the one before: names of connections and requests, the
    /// time, and what it was to do.
    fn go_on_numbering(&mut self, before: Self) {
        self.now = before.now;
        self.out = before.out;
        self.connection = Connection::after(before.connection);
        self.enlistment.number_from(&before.enlistment);
        self.fetches_of_files = before.fetches_of_files;
        self.checkpoint = before.checkpoint;
        self.alarm = None;
    }

    /// Deliberate faults: a start that does not find, or does not look for, what was there.
    fn lose_what_a_faulty_start_loses(&mut self) {
        if self.has(Fault::SessionsLostOnRestart) {
            for peer in self.threads.peers() {
                self.party.drop_session(&super::send::address(&peer));
            }
        }
        if let (Some(first), true) = (self.first_batch.first(), self.has(Fault::PrekeyIdsStartAnew))
        {
            self.party.start_prekey_ids_at(first.id, true);
        }
    }

    /// Drops the connection and what waits for it; nobody is told who is no longer there.
    fn stop(&mut self) {
        self.drop_link();
        let failure = Failure::new(FailureKind::Unavailable, "the program was stopped");
        for waiting in std::mem::take(&mut self.waiting) {
            self.done(waiting.call, Err(failure.clone()));
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
        let (identity, name) = (self.party.identity(), with.bare().to_string());
        let code = match self.fault {
            Some(Fault::FingerprintOfOwnKey) => {
                fingerprint::code((&identity, &own), (&identity, &own))
            }
            // A deliberate fault: something of the moment is in it.
            Some(Fault::FingerprintOfTheMoment) => {
                let moment = format!("{own} {call}");
                fingerprint::code((&identity, &moment), (&theirs, &name))
            }
            _ => fingerprint::code((&identity, &own), (&theirs, &name)),
        };
        let first = self.compared.entry(with.bare()).or_insert_with(|| code.clone()).clone();
        let shown = if self.has(Fault::FingerprintKept) { first } else { code };
        self.done(call, Ok(Reply::Fingerprint(shown)));
    }

    /// ENC-012: a change of the identity key is news, also of a peer whose code was compared; a
    /// deliberate fault trusts the mark that it has set.
    pub(super) fn is_silent_about(&self, peer: &Jid) -> bool {
        let marked = self.compared.contains_key(&peer.bare());
        self.has(Fault::NewIdentitySilent) || (marked && self.has(Fault::VerifiedMarkSurvives))
    }
}
