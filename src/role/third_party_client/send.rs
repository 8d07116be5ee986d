//! Sending texts: the peer's keys, the session, the message (TF §3.1).
//!
//! Main type: [`Draft`]. A text leaves encrypted or not at all: where a session cannot be set up,
//! the user sees an error and the server nothing (ENC-001, PRE-004).

use prost::Message as _;
use rand::Rng as _;

use super::ThirdPartyClient;
use super::effect::{CallId, Failure, FailureKind, MessageState, Notification, Reply};
use super::link::Stage;
use super::outbox::Unacked;
use super::requests::What;
use super::threads::ThreadItem;
use crate::e2ee::{Address, Ciphertext, E2eeError, EncType, SignatureCheck, content, padding};
use crate::limits::DRAFTS_MAX;
use crate::proto::signal::PreKeySignalMessage;
use crate::role::quirk::Fault;
use crate::role::signal::for_party;
use crate::stanza::iq::IqType;
use crate::stanza::message::{enc_node, outgoing};
use crate::stanza::prekeys::{self, UserBundle};
use crate::stanza::{StanzaError, iq};
use crate::wire::{Jid, Node};

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

    fn sendable(&self, to: &Jid, text: &str) -> Result<(), Failure> {
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
    fn message_id(&mut self) -> String {
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
        self.drafts.push(draft);
        let is_asked = |what: &What| matches!(what, What::Bundle(asked) if *asked == peer);
        if !self.requests.values().any(|asked| is_asked(&asked.what)) {
            let key = prekeys::fetch([peer.clone()]);
            self.ask(IqType::Get, prekeys::XMLNS, vec![key], What::Bundle(peer));
        }
    }

    pub(super) fn bundle_answered(&mut self, peer: &Jid, answer: &Node) {
        let bundle = read_bundle(peer, answer, self.settings.signal.kem_element.as_deref());
        if let Err(failure) = bundle.and_then(|bundle| self.start_session(peer, &bundle)) {
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
    fn start_session(&mut self, peer: &Jid, bundle: &UserBundle) -> Result<(), Failure> {
        let check = if self.has(Fault::SkipsSignature) {
            SignatureCheck::Never
        } else if self.has(Fault::SignatureOnlyIfPresent) {
            SignatureCheck::IfPresent
        } else {
            SignatureCheck::Always
        };
        let address = address(peer);
        let known = self.party.peer_identity(&address);
        if known.is_some_and(|known| known != bundle.identity) {
            self.withhold_resends(peer);
        }
        let processed = self.party.process(&address, &for_party(bundle), check);
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
        if self.party.identity_changed(&address(peer)) {
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
        self.notify(Notification::ErrorShown(failure.kind));
        self.fail_drafts(|draft| draft.to == *peer, failure);
    }

    pub(super) fn fail_drafts(&mut self, which: impl Fn(&Draft) -> bool, failure: &Failure) {
        for draft in self.take_drafts(which) {
            if let Origin::User(call) = draft.origin {
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
        let padded = padding::pad(&content::text(&draft.text), &mut self.paddings);
        let Ciphertext { kind, bytes } = match self.party.encrypt(&address(&draft.to), &padded) {
            Ok(sealed) => sealed,
            Err(error) => {
                let failure = Failure::new(FailureKind::Internal, error.to_string());
                if let Origin::User(call) = draft.origin {
                    self.done(call, Err(failure));
                }
                return;
            }
        };
        let bytes = match kind {
            EncType::PkMsg if self.has(Fault::OmitsPrekeyId) => without_prekey_id(bytes),
            EncType::PkMsg | EncType::Msg => bytes,
        };
        let enc = enc_node(kind.as_str(), bytes);
        let enc = match draft.origin {
            Origin::User(_) | Origin::Outbox => enc,
            Origin::Retry(count) => enc.attr("count", count.to_string()),
        };
        let stanza = outgoing(&draft.id, &draft.to, enc);
        self.send(&stanza);
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
            self.done(call, Ok(Reply::Sent(id)));
        }
    }
}

fn read_bundle(
    peer: &Jid,
    answer: &Node,
    kem_element: Option<&str>,
) -> Result<UserBundle, Failure> {
    refusal(answer)?;
    let users = answer.find("list").map(Node::kids).unwrap_or_default();
    let user = users.iter().find(|user| user.jid("jid").as_ref() == Some(peer));
    let absent = || Failure::new(FailureKind::NotFound, "the server has no keys of this user");
    let user = user.ok_or_else(absent)?;
    refusal(user)?;
    let malformed = |error: StanzaError| Failure::new(FailureKind::Malformed, error.to_string());
    UserBundle::from_node(user, kem_element).map_err(malformed)
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

/// Takes the one-time prekey's id out of a first message, which no MAC covers.
fn without_prekey_id(bytes: Vec<u8>) -> Vec<u8> {
    let Some((version, body)) = bytes.split_first() else { return bytes };
    let Ok(mut message) = PreKeySignalMessage::decode(body) else { return bytes };
    message.pre_key_id = None;
    let mut stripped = vec![*version];
    stripped.extend(message.encode_to_vec());
    stripped
}
