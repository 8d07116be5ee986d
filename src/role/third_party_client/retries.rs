//! Asking for a message again, and sending one again that the peer asks for (`wire.md` §4.9).
//!
//! Both directions are bounded by our own count, whatever the other side says (RCP-007). What goes
//! out again goes out under its id in a session that is built from scratch (RCP-006), and never by
//! itself to an identity that it was not written for (RCP-009).

use rand::Rng as _;

use super::recent::Recent;
use super::send::{Draft, Origin, address};
use super::{ThirdPartyClient, lax};
use crate::limits::IDS_REMEMBERED_MAX;
use crate::role::quirk::Fault;
use crate::role::signal::published;
use crate::stanza::message::Message;
use crate::stanza::prekeys::{self, UserBundle};
use crate::stanza::receipt::{self, Receipt, Retry};
use crate::wire::{Content, Jid, Node};

impl ThirdPartyClient {
    /// RCP-005, RCP-007: asks for the message again, a bounded number of times.
    pub(super) fn ask_again(&mut self, message: &Message, node: &Node) {
        let key = (message.peer.bare(), message.id.clone());
        let count = self.asked_again.get(&key).copied().unwrap_or_default() + 1;
        let bounded = !self.has(Fault::AsksWithoutBound) && !self.has(Fault::AsksFromAQueue);
        let max = match self.has(Fault::AsksOnce) {
            true => 1,
            false => self.settings.values.int("retry.count_max"),
        };
        let over = bounded && u64::from(count) > max;
        if self.has(Fault::UndecryptableIgnored) || over {
            return;
        }
        self.asked_again.insert(key, count);
        let t = node.text("t").map_or_else(|| self.now.secs().to_string(), |t| t.into_owned());
        let named = if self.has(Fault::RetryCountStays) { 1 } else { count };
        let retry = Retry { count: named, registration_id: self.party.registration_id() };
        let mut request = receipt::retry_request(&message.id, &message.peer, &t, &retry);
        if let (Content::Children(parts), true) =
            (&mut request.content, self.has(Fault::RetryWithoutRegistration))
        {
            parts.retain(|part| part.tag != "registration");
        }
        // RCP-008: from the second attempt on, with keys for a new session.
        if count > 1 && !self.has(Fault::RetryWithoutKeys) {
            request = request.child(self.retry_keys());
        }
        self.send(&request);
    }

    /// The counts outlive a connection, but for a deliberate fault.
    pub(super) fn forget_retries(&mut self) {
        if self.has(Fault::AsksAnewOnReconnect) {
            self.asked_again = Recent::new(IDS_REMEMBERED_MAX);
        }
        if self.has(Fault::AnswersAnewOnReconnect) {
            self.sent_again = Recent::new(IDS_REMEMBERED_MAX);
        }
    }

    fn retry_keys(&mut self) -> Node {
        let mut one_time = self.party.new_one_time_prekeys(1).pop();
        if let Some(key) = one_time.as_mut().filter(|_| self.has(Fault::RetryKeysForgotten)) {
            self.ids.fill_bytes(&mut key.value);
        }
        let kem_element = self.settings.signal.kem_element.as_deref();
        let keys = prekeys::retry_keys(&published(&*self.party, one_time, kem_element));
        if self.has(Fault::RetryKeysTyped) { prekeys::with_type_byte(&keys) } else { keys }
    }

    /// RCP-006: the same id, encrypted anew in a session that is built from scratch.
    pub(super) fn send_again(&mut self, receipt: &Receipt, retry: &Retry, node: &Node) {
        if self.has(Fault::RetryNeverAnswered) {
            return;
        }
        let to = &receipt.peer;
        let Some(id) = receipt.ids.first() else { return };
        let Some(text) = self.text_asked_for(to, id) else { return };
        if !self.may_send_again(to, id) {
            return;
        }
        if let Some(stanza) = self.stanzas.get(&(to.bare(), id.clone())).cloned() {
            return self.send(&stanza);
        }
        let new_id = self.has(Fault::RetryUnderNewId).then(|| self.message_id());
        let id = new_id.unwrap_or_else(|| id.clone());
        let draft = Draft { id, to: to.clone(), text, origin: Origin::Retry(retry.count) };
        let kem_element = self.settings.signal.kem_element.as_deref();
        match prekeys::of_retry(node, kem_element) {
            _ if self.has(Fault::RetryKeysIgnored) => self.dispatch(draft),
            None if self.has(Fault::RegistrationChangeIgnored) => self.dispatch(draft),
            Some(Ok(bundle)) => self.send_again_with(draft, &bundle),
            // Without keys, or with such as nobody can use, the server has some.
            Some(Err(_)) | None => {
                self.party.drop_session(&address(to));
                self.dispatch(draft);
            }
        }
    }

    /// RCP-012: only the recipient of a message can ask for it.
    fn text_asked_for(&self, asking: &Jid, id: &str) -> Option<String> {
        let anyone = self.has(Fault::RetryOfAnyone).then(|| self.threads.recipient(id)).flatten();
        let peer = anyone.unwrap_or_else(|| asking.clone());
        // What is no item of a conversation, such as a reaction, has a content and no text.
        let aside = self.contents.get(&(peer.bare(), id.to_owned())).map(|_| "");
        self.threads.own_text(&peer, id).or(aside).map(str::to_owned)
    }

    /// RCP-007: our own count decides. A peer that says each time that it asks for the first time
    /// is not answered for ever either.
    fn may_send_again(&mut self, to: &Jid, id: &str) -> bool {
        let key = (to.bare(), id.to_owned());
        let count = self.sent_again.get(&key).copied().unwrap_or_default() + 1;
        let bounded = !self.has(Fault::AnswersWithoutBound);
        if bounded && u64::from(count) > self.settings.values.int("retry.count_max") {
            return false;
        }
        self.sent_again.insert(key, count);
        true
    }

    fn send_again_with(&mut self, draft: Draft, bundle: &UserBundle) {
        let peer = draft.to.clone();
        self.drafts.push(draft);
        let check = lax::retry_signature_check(self.fault, bundle);
        self.begin_session_checked(&peer, bundle, check);
    }

    /// What the server says of a peer's identity (`wire.md` §4.4). PRE-015: nothing more is sent
    /// under the old one.
    pub(super) fn identity_replaced(&mut self, peer: &Jid) {
        if self.has(Fault::SessionKeptOnNewIdentity) {
            return;
        }
        self.party.drop_session(&address(peer));
        if self.has(Fault::PushesToNewIdentity) {
            for (id, text) in self.threads.undelivered(peer) {
                self.dispatch(Draft { id, to: peer.clone(), text, origin: Origin::Retry(1) });
            }
        }
    }
}
