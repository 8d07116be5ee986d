//! Telling a user of Meta's service that this one can be reached (TF Part 3; MSG-016).

use super::ThirdPartyClient;
use super::effect::{CallId, Failure, FailureKind, Reply};
use super::link::Stage;
use super::requests::What;
use crate::role::quirk::Fault;
use crate::stanza::iq::IqType;
use crate::stanza::message::outgoing;
use crate::wire::{Jid, Node};

impl ThirdPartyClient {
    /// Announces this user, as often as the profile allows and no more.
    pub(super) fn announce(&mut self, call: CallId, to: &Jid) {
        let fail = |kind, why: &str| Err(Failure::new(kind, why));
        let to = to.bare();
        let before = self.announced.get(&to).copied().unwrap_or_default();
        let most = self.settings.values.int("reachability.per_user_max");
        let outcome = if self.stage() != Some(Stage::Open) {
            fail(FailureKind::Unavailable, "the user is offline")
        } else if before >= most && !self.has(Fault::ReachabilityFloods) {
            fail(FailureKind::Limit, "this user was told already")
        } else {
            self.announced.insert(to.clone(), before + 1);
            self.tell_reachable(&to);
            Ok(Reply::Done)
        };
        self.done(call, outcome);
    }

    fn tell_reachable(&mut self, to: &Jid) {
        if self.has(Fault::ReachabilityNeverSent) {
            return;
        }
        let values = &self.settings.values;
        let xmlns = values.text("reachability.xmlns").to_owned();
        let user = Node::new("user").attr("jid", to.clone());
        let element = Node::new(values.text("reachability.element")).child(user);
        if self.has(Fault::ReachabilityIsMessage) {
            let id = self.message_id();
            let message = outgoing(&id, to, element.clone());
            self.send(&message);
        }
        self.ask(IqType::Set, &xmlns, vec![element], What::Reachability);
    }
}
