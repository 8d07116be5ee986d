//! What the server delivers: messages, receipts, notifications (TF §3.2; `wire.md` §4.6–§4.9).
//!
//! A stanza is acknowledged after it was handled (STZ-019); a delivery receipt says that a message
//! was decrypted and nothing less (RCP-001). Nothing that was not encrypted is ever shown (ENC-019).

use sha2::{Digest as _, Sha256};

use super::ThirdPartyClient;
use super::effect::{Failure, FailureKind, MessageState, Notification};
use super::link::Stage;
use super::misread::NOT_UNDERSTOOD;
use super::send::address;
use super::threads::ThreadItem;
use crate::e2ee::content::Content;
use crate::e2ee::envelope::PreKeyEnvelope;
use crate::e2ee::{Ciphertext, E2eeError, EncType};
use crate::role::quirk::Fault;
use crate::stanza::message::{Enc, Message};
use crate::stanza::receipt::{self, Receipt, State};
use crate::stanza::{ack, iq};
use crate::wire::{AttrValue, Jid, Node};

/// The version of `<enc>` that carries the padded content protobuf (`wire.md` §4.6).
const ENC_VERSION: &str = "2";

/// Uploads with which a faulty client answers one notification.
const REFILLS_OF_A_FLOOD: usize = 5;

/// Ids of a receipt that a faulty client reads.
const IDS_OF_A_CUT_RECEIPT: usize = 16;

/// What the server says of the mailbox, and what a client holds that believes it.
#[derive(Default)]
pub(super) struct Announced {
    count: Option<usize>,
    taken: usize,
    held: Vec<Node>,
}

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
        // ABU-003: of whom the user has blocked, nothing is shown, receipted or told.
        if self.comes_from_blocked(node) {
            return self.acknowledge(node);
        }
        self.receipt_too_many(node);
        self.changed();
        match node.tag.as_str() {
            "iq" => self.iq(node),
            "message" => self.message(node),
            "receipt" => self.receipt(node),
            "notification" => self.notification(node),
            "ack" => self.acked(node),
            "call" => self.acknowledge(node),
            "stream:error" => self.stream_error(node),
            "failure" => self.login_refused(node),
            "xmlstreamend" => self.stream_ended(node),
            "ib" => self.information(node),
            _ if self.chat_state(node) => {}
            _ => self.unknown(),
        }
    }

    /// The server ends the stream in good order: the client comes back (`wire.md` §4.2).
    fn stream_ended(&mut self, node: &Node) {
        if self.has(Fault::StreamEndIsFinal) || node.value(NOT_UNDERSTOOD).is_some() {
            let why = "the server wants nothing more";
            return self.refuse(Failure::new(FailureKind::Forbidden, why));
        }
        self.break_link("the server ended the stream");
    }

    /// RCP-010: only a message has a receipt, but for a deliberate fault.
    fn receipt_too_many(&mut self, node: &Node) {
        let faulty = match (node.tag.as_str(), node.text("class").as_deref()) {
            ("receipt", _) => self.has(Fault::ReceiptForReceipt),
            ("ack", Some("message")) => self.has(Fault::ReceiptForAck),
            ("chatstate", _) => self.has(Fault::ReceiptForTyping),
            _ => false,
        };
        if let (Some(from), true) = (node.jid("from"), faulty) {
            let id = node.text("id").unwrap_or("0".into());
            self.send(&receipt::delivered(&id, &from));
        }
    }

    /// STZ-013: what is not known does not matter.
    fn unknown(&mut self) {
        self.puzzled = true;
        if self.has(Fault::UnknownStanzaEndsSession) {
            self.break_link("the server sent a stanza that is not known");
        }
    }

    /// STZ-020: the number in the mailbox is told to nobody, and nothing waits for it.
    fn information(&mut self, node: &Node) {
        if self.has(Fault::IbEndsSession) && self.stage() == Some(Stage::Open) {
            return self.break_link("the server sent an `<ib>`");
        }
        let count = node.find("offline").and_then(|offline| offline.text("count")?.parse().ok());
        if let Some(count) = count {
            self.connection.mailbox = Announced { count: Some(count), ..Announced::default() };
        }
        self.routing_info(node);
    }

    pub(super) fn acknowledge(&mut self, node: &Node) {
        let spared = node.tag == "message" && self.has(Fault::MessagesNeverAcked);
        if !spared && node.text("id").is_some() {
            let ack = ack::of_delivered(node);
            let ack = ack.maybe_attr("from", self.claimed_sender(node));
            self.send(&ack);
        }
    }

    /// A sound client leaves its own address to the server (STZ-014).
    fn claimed_sender(&self, node: &Node) -> Option<AttrValue> {
        match self.fault? {
            Fault::NamesAnother => node.jid("from").map(AttrValue::from),
            Fault::NamesItselfVisibly => Some(self.visible_id.as_str().into()),
            _ => None,
        }
    }

    fn message(&mut self, node: &Node) {
        for node in self.due(node) {
            self.message_now(&node);
        }
    }

    /// The messages to be handled now; only a fault makes them wait for each other.
    fn due(&mut self, node: &Node) -> Vec<Node> {
        let drains = self.stage() != Some(Stage::Open);
        let mailbox = &mut self.connection.mailbox;
        let Some(count) = mailbox.count else { return vec![node.clone()] };
        match self.fault {
            Some(Fault::CountAwaited) => {
                mailbox.held.push(node.clone());
                if mailbox.held.len() < count {
                    Vec::new()
                } else {
                    std::mem::take(&mut mailbox.held)
                }
            }
            Some(Fault::CountTrusted) if drains => {
                mailbox.taken += 1;
                if mailbox.taken > count { Vec::new() } else { vec![node.clone()] }
            }
            _ => vec![node.clone()],
        }
    }

    fn message_now(&mut self, node: &Node) {
        if !self.postpones(node) {
            self.handle_message(node, true);
        }
    }

    /// Takes a message in and answers it; one that was put aside has its ack already.
    pub(super) fn handle_message(&mut self, node: &Node, acks: bool) {
        let unannounced = self.has(Fault::MailboxNeedsAPush) && self.woken_at.is_none();
        let dropped =
            (self.has(Fault::MailboxDropped) || unannounced) && self.stage() != Some(Stage::Open);
        if let (Ok(mut message), false) = (Message::delivered(node), dropped) {
            if let Some(named) = node.jid("notify").filter(|_| self.has(Fault::NameIsSender)) {
                message.peer = named;
            }
            if self.has(Fault::DeliveredBeforeDecrypt) {
                self.send(&receipt::delivered(&message.id, &message.peer));
            }
            self.betray_sender(node);
            let delivered = self.take_in(&message);
            if acks {
                self.acknowledge(node);
            }
            match delivered {
                Delivery::Receipt if self.has(Fault::NeverReceipted) => {}
                Delivery::Receipt if !self.has(Fault::DeliveredBeforeDecrypt) => {
                    self.send(&receipt::delivered(&message.id, &message.peer));
                    let unseen = self.has(Fault::ReadInTheBackground) && !self.in_front;
                    if self.has(Fault::ReadAutomatically) || unseen {
                        self.read_receipt(&message.id);
                    }
                }
                Delivery::Retry => {
                    self.ask_again(&message, node);
                    self.receipts_later(node);
                }
                Delivery::Receipt | Delivery::Nothing => {}
            }
        } else if acks {
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
            Opened::Content(_) if self.obeys_clear_control(message) => Delivery::Nothing,
            Opened::Content(content) => {
                self.seen.insert(key, ());
                if self.is_the_thousandth() {
                    return Delivery::Receipt;
                }
                self.tell_of_new_identity(&message.peer);
                if content == Content::Unknown && self.has(Fault::UnknownKindDropped) {
                    return Delivery::Nothing;
                }
                self.present(message, content);
                Delivery::Receipt
            }
            Opened::Undecryptable => Delivery::Retry,
            Opened::Repeated => Delivery::Nothing,
            Opened::Clear => {
                if self.has(Fault::ClearBodyShown) {
                    self.show_clear(message);
                }
                self.show_clear_plaintext(message);
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
        if self.has(Fault::FirstMessageNeedsOneTime) && names_no_one_time_prekey(kind, enc) {
            return Opened::Undecryptable;
        }
        self.doomed |= self.has(Fault::EmptyCiphertextCrashes) && enc.bytes.len() < 2;
        let sealed = Ciphertext { kind, bytes: enc.bytes.clone() };
        let padded = match self.decrypt(from, &sealed) {
            Ok(padded) => padded,
            // RAT-006: a message key opens once.
            Err(E2eeError::Duplicate { .. }) => {
                if self.has(Fault::ReplayDeletesSession) {
                    self.party.drop_session(&address(from));
                }
                return Opened::Repeated;
            }
            // The padding is broken behind a MAC that fits: a sound client treats it as any other.
            Err(E2eeError::Undecryptable(_)) if self.has(Fault::PaddingErrorShown) => {
                self.notify(Notification::ErrorShown(FailureKind::Malformed));
                return Opened::Repeated;
            }
            Err(_) => {
                if self.has(Fault::BadMessageDeletesSession) {
                    self.party.drop_session(&address(from));
                }
                return Opened::Undecryptable;
            }
        };
        if kind == EncType::PkMsg && self.has(Fault::RepliesInNewSessions) {
            self.party.drop_session(&address(from));
        }
        if self.crossed.contains(&from.bare()) {
            self.party.drop_session(&address(from));
        }
        self.changed_by_a_message();
        self.read_content(&padded).map_or(Opened::Undecryptable, Opened::Content)
    }

    fn decrypt(&mut self, from: &Jid, sealed: &Ciphertext) -> Result<Vec<u8>, E2eeError> {
        let digest: [u8; 32] = Sha256::digest(&sealed.bytes).into();
        if self.has(Fault::MessageKeyKept)
            && let Some(padded) = self.kept.get(&digest)
        {
            return Ok(padded.clone());
        }
        self.note_crossing(from, sealed);
        self.keep_unused(sealed);
        let padded = match self.party.decrypt(&address(from), sealed) {
            Err(error) if self.has(Fault::KemPrekeyReused) => {
                self.decrypt_unused(from, sealed).ok_or(error)?
            }
            Err(error) if self.has(Fault::SenderNotCompared) => {
                self.decrypt_for_anybody(sealed).ok_or(error)?
            }
            outcome => outcome?,
        };
        if self.has(Fault::MessageKeyKept) {
            self.kept.insert(digest, padded.clone());
        }
        Ok(padded)
    }

    pub(super) fn show(&mut self, from: &Jid, id: &str, text: String) {
        let (from, id) = (from.bare(), id.to_owned());
        self.betray_incoming(&text);
        self.keep(&from, &id, &text);
        self.notify(Notification::Message { from, id, text });
    }

    pub(super) fn keep(&mut self, from: &Jid, id: &str, text: &str) {
        let (id, text) = (id.to_owned(), text.to_owned());
        self.threads.push(from, ThreadItem::Theirs { id, from: from.clone(), text });
    }

    fn show_clear(&mut self, message: &Message) {
        let body = message.others.iter().find(|node| node.tag == "body" || node.tag == "plaintext");
        let text =
            body.and_then(Node::body).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        if let Some(text) = text {
            self.show(&message.peer, &message.id, text);
        }
    }

    fn receipt(&mut self, node: &Node) {
        if self.has(Fault::ReceiptsUnread) {
            return;
        }
        if let Ok(receipt) = Receipt::delivered(node) {
            match &receipt.state {
                State::Delivered => self.advance(&receipt, MessageState::Delivered),
                State::Read => self.advance(&receipt, MessageState::Read),
                State::Retry(retry) => self.send_again(&receipt, retry, node),
                State::Other(_) => {}
            }
        }
        self.acknowledge(node);
    }

    fn advance(&mut self, receipt: &Receipt, to: MessageState) {
        let counted = match self.fault {
            Some(Fault::AggregateFirstOnly) => 1,
            Some(Fault::AggregateCutShort) => receipt.ids.len().min(IDS_OF_A_CUT_RECEIPT),
            _ => receipt.ids.len(),
        };
        for id in &receipt.ids[..counted] {
            let anyone =
                self.has(Fault::ReceiptOfAnyone).then(|| self.threads.recipient(id)).flatten();
            let peer = anyone.unwrap_or_else(|| receipt.peer.clone());
            let advanced = self.threads.advance(&peer, id, to);
            let goes_back =
                self.has(Fault::StateGoesBack) && self.threads.own_text(&peer, id).is_some();
            let hidden = self.has(Fault::DeliveryNotShown) && to == MessageState::Delivered;
            if (advanced || goes_back) && !hidden {
                self.notify(Notification::Receipt { id: id.clone(), state: to });
            }
        }
    }

    /// The server's answer to an own stanza.
    fn acked(&mut self, node: &Node) {
        let Ok(ack) = ack::Ack::from_node(node) else { return };
        let Some(to) = node.jid("from").filter(|_| ack.class == "message") else { return };
        self.outbox.remove(&to, &ack.id);
        self.checkpoint = None;
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
            self.identity_replaced(&from);
        }
    }

    /// RCP-003, RCP-011: the user has read a message; the sender hears of it if the user lets it.
    pub(super) fn read_receipt(&mut self, id: &str) -> bool {
        let Some(from) = self.threads.incoming(id).map(|(from, _)| from.clone()) else {
            return false;
        };
        let told = self.tells_reading || self.has(Fault::ReadSwitchIgnored);
        if told && !self.has(Fault::MarkReadSilent) {
            self.send(&receipt::read(id, &from, self.now.secs()));
        }
        true
    }
}

fn names_no_one_time_prekey(kind: EncType, enc: &Enc) -> bool {
    let first = PreKeyEnvelope::parse(&enc.bytes).ok().filter(|_| kind == EncType::PkMsg);
    first.is_some_and(|first| first.one_time_id.is_none())
}

/// What the sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Receipt,
    Retry,
    Nothing,
}
