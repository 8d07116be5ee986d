//! Sending texts: the peer's keys, the session, the message (TF §3.1).
//!
//! Main type: [`Draft`]. A text leaves encrypted or not at all: where a session cannot be set up,
//! the user sees an error and the server nothing (ENC-001, PRE-004).

use rand::Rng as _;

use super::ThirdPartyClient;
use super::effect::{CallId, Failure, FailureKind, MessageState, Notification, Reply};
use super::lax;
use super::link::Stage;
use super::outbox::Unacked;
use super::requests::What;
use super::threads::ThreadItem;
use crate::e2ee::{Address, Ciphertext, E2eeError, EncType, SignatureCheck};
use crate::limits::DRAFTS_MAX;
use crate::role::quirk::Fault;
use crate::role::signal::for_party;
use crate::stanza::iq::IqType;
use crate::stanza::message::{enc_node, outgoing};
use crate::stanza::prekeys::{self, UserBundle};
use crate::stanza::{StanzaError, iq};
use crate::wire::{Jid, Node};

/// Requests after which a faulty client stops asking for a bundle.
const FETCHES_OF_A_HAMMER: u64 = 40;

/// A text on its way out.
pub(super) struct Draft {
    pub id: String,
    pub to: Jid,
    pub text: String,
    pub origin: Origin,
}

/// Why a text is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    User(CallId),
    /// The peer asked for it again, this many times.
    Retry(u32),
    /// The user does something that is no message of its own.
    Aside(CallId),
    /// A deliberate fault: it was sent before, and now goes out as another message.
    Outbox,
}

/// The name of a session keeps the integrator (`wire.md` §5.8).
pub(super) fn address(jid: &Jid) -> Address {
    Address::new(jid.bare().to_string(), u32::from(jid.device))
}

impl ThirdPartyClient {
    pub(super) fn send_text(&mut self, call: CallId, to: Jid, text: String) {
        if let Err(failure) = self.sendable(&to, &text) {
            return self.done(call, Err(failure));
        }
        let id = self.message_id();
        self.dispatch(Draft { id, to, text, origin: Origin::User(call) });
    }

    pub(super) fn sendable(&self, to: &Jid, text: &str) -> Result<(), Failure> {
        let fail = |kind, why: &str| Err(Failure::new(kind, why));
        if to.user.is_empty() {
            return fail(FailureKind::Malformed, "the recipient is no user");
        }
        if text.len() > self.settings.values.size("limits.text_bytes") {
            return fail(FailureKind::Limit, "the text is too long");
        }
        if self.stage() != Some(Stage::Open) {
            return fail(FailureKind::Unavailable, "the user is offline");
        }
        if self.drafts.len() >= DRAFTS_MAX {
            return fail(FailureKind::Limit, "too many messages wait for keys");
        }
        Ok(())
    }

    /// `3EB0` and 18 upper-case hexadecimal digits (`wire.md` §4.6).
    pub(super) fn message_id(&mut self) -> String {
        self.connection.messages += 1;
        if self.has(Fault::IdsStartAnew) {
            return format!("3EB0{:018X}", self.connection.messages);
        }
        let mut bytes = [0; 9];
        self.ids.fill_bytes(&mut bytes);
        format!("3EB0{}", hex::encode_upper(bytes))
    }

    /// Sends now if there is a session, else once the peer's keys are here (PRE-003).
    pub(super) fn dispatch(&mut self, draft: Draft) {
        if self.party.has_session(&address(&draft.to)) {
            return self.encrypt_and_send(draft);
        }
        let peer = draft.to.clone();
        if self.rate_limited {
            let failure = Failure::new(FailureKind::Limit, "the server gives no more keys");
            self.drafts.push(draft);
            return self.no_session(&peer, &failure);
        }
        self.drafts.push(draft);
        let is_asked = |what: &What| matches!(what, What::Bundle(asked) if *asked == peer);
        if !self.requests.values().any(|asked| is_asked(&asked.what)) {
            self.ask_for_bundle(peer);
        }
    }

    fn ask_for_bundle(&mut self, peer: Jid) {
        let other = Jid::new(peer.user.as_str(), "c.us");
        let named = if self.has(Fault::FetchesOtherAddress) { other } else { peer.clone() };
        let key = prekeys::fetch([named]);
        self.ask(IqType::Get, prekeys::XMLNS, vec![key], What::Bundle(peer));
    }

    pub(super) fn bundle_answered(&mut self, peer: &Jid, answer: &Node) {
        let kem_element = self.settings.signal.kem_element.as_deref();
        match read_bundle(peer, answer, kem_element, self.fault) {
            Ok(bundle) => self.begin_session(peer, &bundle),
            Err(failure) if failure.kind == FailureKind::Limit => self.slowed_down(peer, &failure),
            Err(failure) => self.no_session(peer, &failure),
        }
    }

    /// PRE-014: the user hears that it did not work this time, and the server nothing for now.
    fn slowed_down(&mut self, peer: &Jid, failure: &Failure) {
        if self.has(Fault::FetchHammers) && self.asked_so_far < FETCHES_OF_A_HAMMER {
            return self.ask_for_bundle(peer.clone());
        }
        self.rate_limited = self.has(Fault::RateLimitFinal);
        self.no_session(peer, failure);
    }

    /// Opens a session and sends in it what waits for one.
    pub(super) fn begin_session(&mut self, peer: &Jid, bundle: &UserBundle) {
        self.begin_session_checked(peer, bundle, lax::signature_check(self.fault, bundle));
    }

    pub(super) fn begin_session_checked(
        &mut self,
        peer: &Jid,
        bundle: &UserBundle,
        check: SignatureCheck,
    ) {
        if let Err(failure) = self.start_session(peer, bundle, check) {
            return self.no_session(peer, &failure);
        }
        for draft in self.take_drafts(|draft| draft.to == *peer) {
            self.encrypt_and_send(draft);
        }
    }

    pub(super) fn no_bundle(&mut self, peer: &Jid, why: &str) {
        self.no_session(peer, &Failure::new(FailureKind::Unavailable, why));
    }

    /// PRE-004, PRE-005: the signed prekey's signature is verified, whatever it looks like.
    fn start_session(
        &mut self,
        peer: &Jid,
        bundle: &UserBundle,
        check: SignatureCheck,
    ) -> Result<(), Failure> {
        if self.has(Fault::NeedsOneTimePrekey) && bundle.one_time.is_none() {
            return Err(Failure::new(FailureKind::NotFound, "there is no one-time prekey"));
        }
        let one_time = bundle.one_time.as_ref().map(|key| key.value);
        let small_order = [Some(bundle.signed.value), one_time].contains(&Some([0; 32]));
        if self.has(Fault::LowOrderEndsConnection) && small_order {
            let failure = Failure::new(FailureKind::Unauthenticated, "a key of small order");
            self.refuse(failure.clone());
            return Err(failure);
        }
        let address = address(peer);
        let known = self.party.peer_identity(&address);
        let lax = self.has(Fault::ResendsToNewIdentity) || self.has(Fault::PushesToNewIdentity);
        let replaced = known.is_some_and(|known| known != bundle.identity);
        if replaced && self.has(Fault::NewIdentityBlocksSending) {
            let why = "the recipient has another identity key";
            return Err(Failure::new(FailureKind::Unauthenticated, why));
        }
        if replaced && !lax {
            self.withhold_resends(peer);
        }
        let mut bundle = for_party(bundle);
        if self.has(Fault::OneTimePrekeyPassedOver) {
            bundle.one_time = None;
        }
        let processed = self.party.process(&address, &bundle, check);
        processed.map_err(|error| Failure::new(kind_of(&error), error.to_string()))?;
        self.tell_of_new_identity(peer);
        Ok(())
    }

    /// ENC-013, RCP-009: an old text is not encrypted to a new identity by itself.
    fn withhold_resends(&mut self, peer: &Jid) {
        let resend = |draft: &Draft| draft.to == *peer && matches!(draft.origin, Origin::Retry(_));
        if !self.take_drafts(resend).is_empty() {
            let text = "a message was not sent again, since the recipient's keys have changed";
            self.notice(peer, text);
        }
    }

    /// ENC-012: the user is told when a peer's identity key is another than before.
    pub(super) fn tell_of_new_identity(&mut self, peer: &Jid) {
        if self.party.identity_changed(&address(peer)) && !self.is_silent_about(peer) {
            self.threads.push(peer, ThreadItem::Notice("the security code has changed".to_owned()));
            self.notify(Notification::IdentityChanged { from: peer.bare() });
        }
    }

    /// The texts to a peer stay here, but for a deliberate fault.
    fn no_session(&mut self, peer: &Jid, failure: &Failure) {
        if self.has(Fault::PlaintextFallback) {
            for draft in self.take_drafts(|draft| draft.to == *peer) {
                let body = Node::new("body").bytes(draft.text.as_bytes());
                self.send(&outgoing(&draft.id, &draft.to, body));
                self.sent(draft);
            }
            return;
        }
        if self.has(Fault::LostTextsClaimed) {
            self.take_drafts(|draft| draft.to == *peer).into_iter().for_each(|d| self.sent(d));
            return;
        }
        self.notify(Notification::ErrorShown(failure.kind));
        self.fail_drafts(|draft| draft.to == *peer, failure);
    }

    pub(super) fn fail_drafts(&mut self, which: impl Fn(&Draft) -> bool, failure: &Failure) {
        for draft in self.take_drafts(which) {
            if let Origin::User(call) | Origin::Aside(call) = draft.origin {
                self.done(call, Err(failure.clone()));
            }
        }
    }

    fn take_drafts(&mut self, which: impl Fn(&Draft) -> bool) -> Vec<Draft> {
        let drafts = std::mem::take(&mut self.drafts);
        let (taken, kept) = drafts.into_iter().partition(which);
        self.drafts = kept;
        taken
    }

    fn encrypt_and_send(&mut self, draft: Draft) {
        let content = self.content_of(&draft);
        let content = self.unsigned(&draft, content);
        let padded = self.padded(&content);
        self.remember_before_sending();
        let Ciphertext { kind, bytes } = match self.party.encrypt(&address(&draft.to), &padded) {
            Ok(sealed) => sealed,
            Err(error) => {
                let failure = Failure::new(FailureKind::Internal, error.to_string());
                if let Origin::User(call) | Origin::Aside(call) = draft.origin {
                    self.done(call, Err(failure));
                }
                return;
            }
        };
        let bytes = match kind {
            EncType::PkMsg => lax::first_message(self.fault, bytes),
            EncType::Msg => bytes,
        };
        let ciphertext = bytes.clone();
        let enc = enc_node(kind.as_str(), bytes);
        let enc = match draft.origin {
            Origin::User(_) | Origin::Aside(_) | Origin::Outbox => enc,
            Origin::Retry(count) => enc.attr("count", count.to_string()),
        };
        let beside = self.clear_beside.take_if(|(id, _)| *id == draft.id).map(|(_, node)| node);
        let stanza = outgoing(&draft.id, &draft.to, enc).children(beside);
        let stanza = self.unadorned(&draft, &ciphertext, stanza);
        self.send(&stanza);
        if self.has(Fault::TextSentTwice) {
            self.send(&stanza);
        }
        self.betray(&draft.text);
        if self.has(Fault::OldCiphertextResent) {
            self.stanzas.insert((draft.to.bare(), draft.id.clone()), stanza.clone());
        }
        if !self.has(Fault::OutboxLost) {
            let (id, to, text) = (draft.id.clone(), draft.to.clone(), draft.text.clone());
            self.outbox.push(Unacked { id, to, text, stanza });
        }
        self.sent(draft);
    }

    /// MSG-017: what the server has not acknowledged goes out again, as it was.
    pub(super) fn send_unacked(&mut self) {
        if !self.has(Fault::OutboxAnew) {
            let stanzas = self.outbox.stanzas();
            return stanzas.iter().for_each(|stanza| self.send(stanza));
        }
        for Unacked { to, text, .. } in self.outbox.take() {
            let id = self.message_id();
            self.dispatch(Draft { id, to, text, origin: Origin::Outbox });
        }
    }

    fn sent(&mut self, draft: Draft) {
        let Draft { id, to, text, origin } = draft;
        if let Origin::User(call) = origin {
            let own = ThreadItem::Own { id: id.clone(), text, state: MessageState::Accepted };
            self.threads.push(&to, own);
            let reply = match self.references.remove(&id) {
                Some(reference) => Reply::SentMedia { id, reference },
                None => Reply::Sent(id),
            };
            self.done(call, Ok(reply));
        } else if let Origin::Aside(call) = origin {
            self.done(call, Ok(Reply::Done));
        }
    }
}

fn read_bundle(
    peer: &Jid,
    answer: &Node,
    kem_element: Option<&str>,
    fault: Option<Fault>,
) -> Result<UserBundle, Failure> {
    refusal(answer)?;
    let users = answer.find("list").map(Node::kids).unwrap_or_default();
    let user = users.iter().find(|user| user.jid("jid").as_ref() == Some(peer));
    let absent = || Failure::new(FailureKind::NotFound, "the server has no keys of this user");
    let user = user.ok_or_else(absent)?;
    refusal(user)?;
    let malformed = |error: StanzaError| Failure::new(FailureKind::Malformed, error.to_string());
    UserBundle::from_node(&lax::read(fault, user), kem_element).map_err(malformed)
}

/// The error that a node holds, by its code (`wire.md` §8.5).
fn refusal(node: &Node) -> Result<(), Failure> {
    if node.find("error").is_none() {
        return Ok(());
    }
    let code = iq::error_code(node).unwrap_or_default();
    let kind = match code.as_str() {
        "401" | "403" => FailureKind::Forbidden,
        "404" => FailureKind::NotFound,
        "419" | "429" => FailureKind::Limit,
        _ => FailureKind::Unavailable,
    };
    Err(Failure::new(kind, format!("the server gives no keys of this user: {code}")))
}

fn kind_of(error: &E2eeError) -> FailureKind {
    match error {
        E2eeError::Signature { .. }
        | E2eeError::KemSignature { .. }
        | E2eeError::NoKemPrekey
        | E2eeError::IdentityChanged(_) => FailureKind::Unauthenticated,
        _ => FailureKind::Internal,
    }
}
