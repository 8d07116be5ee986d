//! Whom the user has blocked: the list at the server, and what it means here (TF §5.3).
//!
//! Main type: [`Blocking`]. The list is the server's; this is a copy that is fetched once the
//! install has published its keys, and told anew with every change, so that a second install, or a
//! lost answer, is healed (ABU-002). Users are blocked and not devices.

use std::collections::BTreeSet;

use super::effect::{CallId, Failure, FailureKind, Reply};
use super::link::Stage;
use super::requests::What;
use super::{Purpose, ThirdPartyClient};
use crate::limits::BLOCKED_MAX;
use crate::role::quirk::Fault;
use crate::stanza::blocklist::{self, Change};
use crate::stanza::iq::{Iq, IqType};
use crate::wire::{Jid, Node};

/// The copy of the list.
#[derive(Default)]
pub(super) struct Blocking {
    blocked: BTreeSet<Jid>,
    /// The server has told it once.
    known: bool,
}

impl Blocking {
    /// Everybody who is blocked.
    pub fn all(&self) -> impl Iterator<Item = &Jid> {
        self.blocked.iter()
    }

    /// The copy as it was written down; the server is asked again.
    pub fn restore(&mut self, blocked: impl IntoIterator<Item = Jid>) {
        self.blocked = blocked.into_iter().take(BLOCKED_MAX).collect();
    }
}

impl ThirdPartyClient {
    /// ABU-001: a set IQ for each change; done when the server answered.
    pub(super) fn change_blocklist(&mut self, call: CallId, jid: Jid, block: bool) {
        let change = Change { block, jid: jid.bare() };
        if self.has(Fault::BlockStaysLocal) {
            self.apply(&change);
            return self.done(call, Ok(self.blocked()));
        }
        self.ask_blocklist(IqType::Set, Some(change), Some(call));
    }

    /// ABU-002: a get IQ.
    pub(super) fn fetch_blocklist(&mut self, call: CallId) {
        if self.has(Fault::BlocklistNeverFetched) {
            return self.done(call, Ok(self.blocked()));
        }
        self.ask_blocklist(IqType::Get, None, Some(call));
    }

    /// Once this install's keys are there: an earlier one may have blocked somebody.
    pub(super) fn learn_blocklist(&mut self) {
        let open = self.stage() == Some(Stage::Open);
        if open && !self.blocking.known && !self.has(Fault::BlocklistNeverFetched) {
            self.ask_blocklist(IqType::Get, None, None);
        }
    }

    fn ask_blocklist(&mut self, kind: IqType, change: Option<Change>, call: Option<CallId>) {
        if self.stage() != Some(Stage::Open) {
            let failure = Failure::new(FailureKind::Unavailable, "the user is offline");
            return call.into_iter().for_each(|call| self.done(call, Err(failure.clone())));
        }
        if let Some(call) = call {
            self.wait(call, Purpose::Service(call));
        }
        let xmlns = self.settings.values.text("blocklist.xmlns").to_owned();
        let item = change.as_ref().map(Change::to_node);
        self.ask(kind, &xmlns, Vec::from_iter(item), What::Blocklist(change, call));
    }

    pub(super) fn blocklist_answered(
        &mut self,
        change: Option<Change>,
        call: Option<CallId>,
        good: bool,
        answer: &Node,
    ) {
        if good {
            self.blocking.known = true;
            match (blocklist::read_list(answer), &change) {
                (Some(list), _) => {
                    let users = list.iter().map(Jid::bare).take(BLOCKED_MAX);
                    self.blocking.blocked = users.collect();
                }
                (None, Some(change)) => self.apply(change),
                (None, None) => self.blocking.blocked.clear(),
            }
        }
        let refused = || Failure::new(FailureKind::Forbidden, "the server refuses the change");
        let outcome = if good { Ok(self.blocked()) } else { Err(refused()) };
        if let Some(call) = call {
            self.settle(Purpose::Service(call), &outcome);
        }
    }

    /// A deliberate fault: the list is the server's, and this comes from anybody.
    pub(super) fn obey_a_push(&mut self, iq: &Iq, node: &Node) {
        let about = iq.xmlns.as_deref() == Some(self.settings.values.text("blocklist.xmlns"));
        if about && iq.kind == IqType::Set && self.has(Fault::PushOfAnyoneObeyed) {
            let item = node.find("item").and_then(|item| Change::from_node(item).ok());
            item.into_iter().for_each(|change| self.apply(&change));
        }
    }

    fn apply(&mut self, change: &Change) {
        match change.block {
            true if self.blocking.blocked.len() >= BLOCKED_MAX => false,
            true => self.blocking.blocked.insert(change.jid.clone()),
            false => self.blocking.blocked.remove(&change.jid),
        };
    }

    fn blocked(&self) -> Reply {
        Reply::Blocked(self.blocking.blocked.iter().cloned().collect())
    }

    /// True for what a blocked user sends, from whichever device.
    pub(super) fn comes_from_blocked(&mut self, node: &Node) -> bool {
        if !matches!(node.tag.as_str(), "message" | "receipt" | "call") && !self.is_chat_state(node)
        {
            return false;
        }
        let Some(from) = node.jid("from").filter(|_| !self.has(Fault::BlockedShown)) else {
            return false;
        };
        let name = if self.has(Fault::BlockMissesDevices) { from } else { from.bare() };
        self.blocking.blocked.contains(&name)
    }

    /// Forgets the list, which goes with the account.
    pub(super) fn forget_blocklist(&mut self) {
        self.blocking = Blocking::default();
    }

    /// Calls that waited for the server fail with the connection.
    pub(super) fn abandon_services(&mut self, failure: &Failure) {
        let waiting = self.waiting.iter().filter_map(|waiting| match waiting.purpose {
            Purpose::Service(call) if !self.leaving.waits(call) => Some(call),
            _ => None,
        });
        for call in waiting.collect::<Vec<_>>() {
            self.settle(Purpose::Service(call), &Err(failure.clone()));
        }
    }
}
