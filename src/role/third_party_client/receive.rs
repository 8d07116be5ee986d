//! What the server delivers: messages, receipts, notifications (TF §3.2; `wire.md` §4.6–§4.9).
//!
//! A stanza is acknowledged after it was handled (STZ-019); a delivery receipt says that a message
//! was decrypted and nothing less (RCP-001). Nothing that was not encrypted is ever shown (ENC-019).

use sha2::{Digest as _, Sha256};

use super::ThirdPartyClient;
use super::effect::{MessageState, Notification};
use super::link::Stage;
use super::send::{Draft, Origin, address};
use super::threads::ThreadItem;
use crate::e2ee::content::{self, Content};
use crate::e2ee::{Ciphertext, E2eeError, EncType, padding};
use crate::role::quirk::Fault;
use crate::role::signal::published;
use crate::stanza::message::{Enc, Message};
use crate::stanza::receipt::{self, Receipt, Retry, State};
use crate::stanza::{ack, iq};
use crate::wire::{Jid, Node};

/// The version of `<enc>` that carries the padded content protobuf (`wire.md` §4.6).
const ENC_VERSION: &str = "2";

/// Uploads with which a faulty client answers one notification.
const REFILLS_OF_A_FLOOD: usize = 5;

/// What a message turned out to be.
enum Opened {
    Content(Content),
    /// Decrypted once already: nothing is missing.
    Repeated,
    Undecryptable,
    /// Holds no ciphertext at all.
    Clear,
}

impl ThirdPartyClient {
    pub(super) fn stanza(&mut self, node: &Node) {
        if self.stage() == Some(Stage::LoggingIn) {
            return self.login_answer(node);
        }
        match node.tag.as_str() {
            "iq" => self.iq(node),
            "message" => self.message(node),
            "receipt" => self.receipt(node),
            "notification" => self.notification(node),
            "ack" => self.acked(node),
            "call" => self.acknowledge(node),
            "stream:error" => self.stream_error(node),
            "failure" => self.login_refused(node),
            "xmlstreamend" => self.break_link("the server ended the stream"),
            "ib" => self.routing_info(node),
            // STZ-013: what is not known does not matter.
            _ => self.puzzled = true,
        }
    }

    fn acknowledge(&mut self, node: &Node) {
        let spared = node.tag == "message" && self.has(Fault::MessagesNeverAcked);
        if !spared && node.text("id").is_some() {
            self.send(&ack::of_delivered(node));
        }
    }

    fn message(&mut self, node: &Node) {
        let dropped = self.has(Fault::MailboxDropped) && self.stage() != Some(Stage::Open);
        if let (Ok(message), false) = (Message::delivered(node), dropped) {
            if self.has(Fault::DeliveredBeforeDecrypt) {
                self.send(&receipt::delivered(&message.id, &message.peer));
            }
            let delivered = self.take_in(&message);
            self.acknowledge(node);
            match delivered {
                Delivery::Receipt if !self.has(Fault::DeliveredBeforeDecrypt) => {
                    self.send(&receipt::delivered(&message.id, &message.peer));
                }
                Delivery::Retry => self.ask_again(&message, node),
                Delivery::Receipt | Delivery::Nothing => {}
            }
        } else {
            self.acknowledge(node);
        }
    }

    fn take_in(&mut self, message: &Message) -> Delivery {
        let key = (message.peer.bare(), message.id.clone());
        if self.seen.contains(&key) {
            // MSG-013: shown once, however often it is delivered; the sender may have missed the receipt.
            if self.has(Fault::DuplicateShown)
                && let Some((from, text)) = self.threads.incoming(&message.id)
            {
                let (from, text) = (from.clone(), text.to_owned());
                self.show(&from, &message.id, text);
            }
            return Delivery::Receipt;
        }
        match self.open(message) {
            Opened::Content(content) => {
                self.seen.insert(key, ());
                self.tell_of_new_identity(&message.peer);
                self.present(message, content);
                Delivery::Receipt
            }
            Opened::Undecryptable => Delivery::Retry,
            Opened::Repeated => Delivery::Nothing,
            Opened::Clear => {
                if self.has(Fault::ClearBodyShown) {
                    self.show_clear(message);
                }
                Delivery::Nothing
            }
        }
    }

    /// Decrypts what is for this user; the first content counts.
    fn open(&mut self, message: &Message) -> Opened {
        let mut opened = Opened::Clear;
        for enc in &message.encs {
            let one = self.open_enc(&message.peer, enc);
            opened = match (opened, one) {
                (Opened::Content(first), _) => Opened::Content(first),
                (_, Opened::Content(content)) => Opened::Content(content),
                (Opened::Undecryptable, _) => Opened::Undecryptable,
                (_, other) => other,
            };
        }
        opened
    }

    fn open_enc(&mut self, from: &Jid, enc: &Enc) -> Opened {
        let kind = EncType::parse(&enc.kind).filter(|_| enc.version == ENC_VERSION);
        let Some(kind) = kind else { return Opened::Undecryptable };
        let sealed = Ciphertext { kind, bytes: enc.bytes.clone() };
        let padded = match self.decrypt(from, &sealed) {
            Ok(padded) => padded,
            // RAT-006: a message key opens once.
            Err(E2eeError::Duplicate { .. }) => return Opened::Repeated,
            Err(_) => return Opened::Undecryptable,
        };
        let content = padding::strip(&padded).ok().and_then(|plain| content::read(plain).ok());
        content.map_or(Opened::Undecryptable, Opened::Content)
    }

    fn decrypt(&mut self, from: &Jid, sealed: &Ciphertext) -> Result<Vec<u8>, E2eeError> {
        let digest: [u8; 32] = Sha256::digest(&sealed.bytes).into();
        if self.has(Fault::MessageKeyKept)
            && let Some(padded) = self.kept.get(&digest)
        {
            return Ok(padded.clone());
        }
        let padded = self.party.decrypt(&address(from), sealed)?;
        if self.has(Fault::MessageKeyKept) {
            self.kept.insert(digest, padded.clone());
        }
        Ok(padded)
    }

    /// MSG-011: a kind that is not known is told of and receipted.
    fn present(&mut self, message: &Message, content: Content) {
        match content {
            Content::Text(text) => self.show(&message.peer, &message.id, text),
            Content::Unknown => {
                self.notice(&message.peer, "a message of a kind that this version cannot show");
            }
        }
    }

    fn show(&mut self, from: &Jid, id: &str, text: String) {
        let (from, id) = (from.bare(), id.to_owned());
        let item = ThreadItem::Theirs { id: id.clone(), from: from.clone(), text: text.clone() };
        self.threads.push(&from, item);
        self.notify(Notification::Message { from, id, text });
    }

    fn show_clear(&mut self, message: &Message) {
        let body = message.others.iter().find(|node| node.tag == "body" || node.tag == "plaintext");
        let text =
            body.and_then(Node::body).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        if let Some(text) = text {
            self.show(&message.peer, &message.id, text);
        }
    }

    /// RCP-005, RCP-007: asks for the message again, a bounded number of times.
    fn ask_again(&mut self, message: &Message, node: &Node) {
        let key = (message.peer.bare(), message.id.clone());
        let count = self.asked_again.get(&key).copied().unwrap_or_default() + 1;
        let most = self.settings.values.int("retry.count_max");
        if self.has(Fault::UndecryptableIgnored) || u64::from(count) > most {
            return;
        }
        self.asked_again.insert(key, count);
        let t = node.text("t").map_or_else(|| self.now.secs().to_string(), |t| t.into_owned());
        let retry = Retry { count, registration_id: self.party.registration_id() };
        let request = receipt::retry_request(&message.id, &message.peer, &t, &retry);
        // RCP-008: from the second attempt on, with keys for a new session.
        let request =
            if count > 1 { request.child(self.retry_keys(&message.peer)) } else { request };
        self.send(&request);
    }

    fn retry_keys(&mut self, to: &Jid) -> Node {
        let one_time = self.party.new_one_time_prekeys(1).pop();
        let kem_element = self.settings.signal.kem_element.as_deref();
        let bundle = published(&*self.party, one_time, kem_element);
        let user = bundle.to_node(to);
        let keys = user.kids().iter().filter(|kid| kid.tag != "registration").cloned();
        Node::new("keys").children(keys)
    }

    fn receipt(&mut self, node: &Node) {
        if let Ok(receipt) = Receipt::delivered(node) {
            match &receipt.state {
                State::Delivered => self.advance(&receipt, MessageState::Delivered),
                State::Read => self.advance(&receipt, MessageState::Read),
                State::Retry(retry) => self.send_again(&receipt, retry),
                State::Other(_) => {}
            }
        }
        self.acknowledge(node);
    }

    fn advance(&mut self, receipt: &Receipt, to: MessageState) {
        for id in &receipt.ids {
            if self.threads.advance(&receipt.peer, id, to) {
                self.notify(Notification::Receipt { id: id.clone(), state: to });
            }
        }
    }

    /// RCP-006: the same id, encrypted anew in a session that is built from scratch.
    fn send_again(&mut self, receipt: &Receipt, retry: &Retry) {
        let to = &receipt.peer;
        let Some(id) = receipt.ids.first() else { return };
        let Some(text) = self.threads.own_text(to, id).map(str::to_owned) else { return };
        let key = (to.bare(), id.clone());
        let count = self.sent_again.get(&key).copied().unwrap_or_default() + 1;
        if u64::from(count.max(retry.count)) > self.settings.values.int("retry.count_max") {
            return;
        }
        self.sent_again.insert(key, count);
        self.party.drop_session(&address(to));
        let origin = Origin::Retry(retry.count);
        self.dispatch(Draft { id: id.clone(), to: to.clone(), text, origin });
    }

    /// The server's answer to an own stanza.
    fn acked(&mut self, node: &Node) {
        let Ok(ack) = ack::Ack::from_node(node) else { return };
        let Some(to) = node.jid("from").filter(|_| ack.class == "message") else { return };
        self.outbox.remove(&to, &ack.id);
        let state = if ack.error.is_some() { MessageState::Failed } else { MessageState::Sent };
        if self.threads.advance(&to, &ack.id, state) {
            self.notify(Notification::Receipt { id: ack.id, state });
        }
    }

    fn notification(&mut self, node: &Node) {
        if node.text("type").as_deref() == Some("encrypt") {
            self.keys_notification(node);
        }
        self.acknowledge(node);
    }

    /// Low stock, or a peer's new identity (`wire.md` §4.4). Only the server speaks of the stock.
    fn keys_notification(&mut self, node: &Node) {
        let from = node.jid("from");
        let low = node.find("count").is_some() && iq::is_server(from.as_ref());
        if low && !self.has(Fault::LowStockIgnored) {
            let times = if self.has(Fault::RefillFloods) { REFILLS_OF_A_FLOOD } else { 1 };
            (0..times).for_each(|_| self.upload());
        }
        if let (Some(from), true) = (from, node.find("identity").is_some()) {
            // PRE-015: nothing more is sent under the old identity.
            self.party.drop_session(&address(&from));
        }
    }

    /// RCP-003: the user has read a message.
    pub(super) fn read_receipt(&mut self, id: &str) -> bool {
        let Some(from) = self.threads.incoming(id).map(|(from, _)| from.clone()) else {
            return false;
        };
        self.send(&receipt::read(id, &from, self.now.secs()));
        true
    }
}

/// What the sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Receipt,
    Retry,
    Nothing,
}
