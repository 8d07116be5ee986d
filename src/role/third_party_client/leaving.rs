//! Opting out: the deletion request, and a clean slate once it was answered (TF Part 6).
//!
//! Main type: [`Leaving`]. The request outlives a lost connection: it is sent at every login until
//! the server has answered it (PRV-004). Then the client is as one that was never enlisted: no
//! login, no sessions, another identity (PRV-005).

use super::effect::{CallId, Failure, FailureKind, Notification, Reply};
use super::link::Stage;
use super::recent::Recent;
use super::requests::What;
use super::upkeep::Upkeep;
use super::{Purpose, ThirdPartyClient};
use crate::limits::IDS_REMEMBERED_MAX;
use crate::role::quirk::Fault;
use crate::stanza::iq::IqType;
use crate::wire::Node;

/// A request for deletion that was not answered yet.
#[derive(Default)]
pub(super) struct Leaving {
    wanted: bool,
    calls: Vec<CallId>,
    /// How often the user has left, so that each identity is another.
    times: u32,
}

impl Leaving {
    /// Whether a deletion is still to be asked for, and how often the user has left.
    pub fn standing(&self) -> (bool, u32) {
        (self.wanted, self.times)
    }

    /// As it was written down.
    pub fn restore(&mut self, (wanted, times): (bool, u32)) {
        (self.wanted, self.times) = (wanted, times);
    }

    /// True if a call waits for the deletion, which a lost connection does not end.
    pub fn waits(&self, call: CallId) -> bool {
        self.calls.contains(&call)
    }
}

impl ThirdPartyClient {
    /// PRV-003, PRV-004: the switch is off at once, the request goes out as soon as it can.
    pub(super) fn opt_out(&mut self, call: CallId) {
        self.enlistment.opted_in = false;
        if self.enlistment.login.is_none() {
            return self.done(call, Ok(Reply::Done));
        }
        if self.has(Fault::OptOutStaysLocal) {
            self.forget_enlistment();
            return self.done(call, Ok(Reply::Done));
        }
        self.leaving.wanted = true;
        self.leaving.calls.push(call);
        self.wait(call, Purpose::Service(call));
        match self.stage() {
            Some(Stage::Open) => self.request_deletion(),
            _ => self.go_online(),
        }
    }

    /// Asks for deletion, where the user has left and the server does not know it.
    pub(super) fn request_deletion(&mut self) {
        if !self.leaving.wanted {
            return;
        }
        let values = &self.settings.values;
        let xmlns = values.text("deletion.xmlns").to_owned();
        let element = Node::new(values.text("deletion.element"));
        self.ask(IqType::Set, &xmlns, vec![element], What::Deletion);
        if self.has(Fault::DeletionNotRepeated) {
            self.leaving.wanted = false;
        }
    }

    pub(super) fn deletion_answered(&mut self, good: bool) {
        self.leaving.wanted = false;
        let refused = || Failure::new(FailureKind::Forbidden, "the server refuses the deletion");
        if !good {
            self.notify(Notification::ErrorShown(FailureKind::Forbidden));
        }
        let outcome = if good { Ok(Reply::Done) } else { Err(refused()) };
        for call in std::mem::take(&mut self.leaving.calls) {
            self.settle(Purpose::Service(call), &outcome);
        }
        if good && !self.has(Fault::OptOutKeepsConnection) {
            self.forget_enlistment();
        }
    }

    /// A login that is refused while the user is leaving: the answer was lost, the account is gone.
    pub(super) fn is_deleted(&mut self) -> bool {
        let deleted = self.leaving.wanted;
        if deleted {
            self.deletion_answered(true);
        }
        deleted
    }

    /// Nothing of the account is left but what the user has read.
    fn forget_enlistment(&mut self) {
        self.disconnect();
        if self.has(Fault::OptOutKeepsLogin) {
            return;
        }
        self.enlistment.forget();
        self.leaving.times += 1;
        let keys = self.rng(&format!("signal-{}", self.leaving.times));
        self.party = self.settings.signal.party_with(keys, self.fault);
        self.upkeep = Upkeep::default();
        self.first_batch.clear();
        self.kept_token = None;
        self.outbox.take();
        self.contents = Recent::new(IDS_REMEMBERED_MAX);
        self.typing.clear();
        self.forget_blocklist();
    }
}
