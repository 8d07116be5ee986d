//! A Meta client: a user of Meta's own service with one Signal identity and one device.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::Meta;
use super::account::same_user;
use super::forging::forge;
use super::letter::{Letter, padded, spoil_time, stanza_content};
use super::retries::Asked;
use crate::e2ee::content::{self, Content};
use crate::e2ee::forgery::MessageOrigin;
use crate::e2ee::{
    Address, Ciphertext, E2eeError, EncType, Party, SignatureCheck, envelope, padding, sender_key,
};
use crate::evidence::{EncFacts, Event, Lane, Payload, Stream};
use crate::limits::{PREKEYS_MADE_MAX, SENT_REMEMBERED_MAX};
use crate::role::quirk::Fault;
use crate::role::signal::{Signal, for_party, published};
use crate::scenario::{CiphertextFault, ContentFault, PrekeyFault, SignatureFault};
use crate::seed::{Rng, Seed};
use crate::stanza::message::{Enc, Message, incoming};
use crate::stanza::prekeys::UserBundle;
use crate::wire::{Jid, Node};
use rand::Rng as _;

/// One user of Meta's service.
pub struct MetaClient {
    name: String,
    jid: Jid,
    pub(super) party: Box<dyn Party>,
    pub(super) kem_element: Option<String>,
    pub(super) rng: Rng,
    /// What was sent, for replays.
    pub(super) sent: VecDeque<Sent>,
    /// What users asked for again.
    pub(super) asked: VecDeque<Asked>,
    /// The one-time prekey that was served last.
    pub(super) served: Option<u32>,
    /// One-time prekeys that were made so far.
    made: usize,
    manners: Manners,
}

/// How a Meta client behaves to everybody, whatever faults are in force.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// It sends no delivery receipts.
    pub silent: bool,
    /// Its bundles carry this in place of the signature.
    pub bundle_signature: Option<SignatureFault>,
    /// Its bundles are answered with this error code.
    pub bundle_error: Option<u16>,
}

/// A message that a Meta client sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub id: String,
    pub(super) letter: Letter,
    pub(super) content: Vec<Node>,
    /// What the ciphertext was made with, to forge it.
    pub(super) origin: Option<MessageOrigin>,
}

/// One-time prekeys are made as they are handed out.
const PREKEYS_PER_BUNDLE: usize = 1;

impl MetaClient {
    /// A client whose keys follow from the seed.
    pub fn new(name: &str, jid: Jid, seed: Seed, case: &str, signal: Signal) -> Self {
        let rng = seed.rng(&[case, name, &jid.to_string(), "client"]);
        let party = signal.party(seed.rng(&[case, name, &jid.to_string(), "signal"]));
        let (name, kem_element) = (name.to_owned(), signal.kem_element);
        let (sent, asked, served, manners) = Default::default();
        Self { name, jid, party, kem_element, rng, sent, asked, served, made: 0, manners }
    }

    /// The same client with a fault of keys or sessions, as the peer of a subject with the same one
    /// (`interfaces.md` §13).
    pub fn with_fault(self, fault: Fault, seed: Seed, case: &str) -> Self {
        let rng = seed.rng(&[case, &self.name, &self.jid.to_string(), "signal"]);
        let signal = Signal { version: self.party.version(), kem_element: None };
        Self { party: signal.party_with(rng, Some(fault)), ..self }
    }

    /// The same client with other manners.
    pub fn with_manners(self, manners: Manners) -> Self {
        Self { manners, ..self }
    }

    /// How it behaves.
    pub fn manners(&self) -> Manners {
        self.manners
    }

    /// The client's address.
    pub fn jid(&self) -> &Jid {
        &self.jid
    }

    /// A bundle with a fresh one-time prekey.
    pub fn bundle(&mut self) -> UserBundle {
        let count = if self.made < PREKEYS_MADE_MAX { PREKEYS_PER_BUNDLE } else { 0 };
        self.made += count;
        let one_time = self.party.new_one_time_prekeys(count).pop();
        self.served = one_time.map(|key| key.id);
        published(&*self.party, one_time, self.kem_element.as_deref())
    }

    /// Signs with the client's identity key.
    pub(super) fn sign(&mut self, message: &[u8]) -> Vec<u8> {
        self.party.sign(message)
    }

    /// Decrypts what is for this client; the events, and whether anything was decrypted.
    pub(super) fn receive(&mut self, from: &Jid, message: &Message) -> (Vec<Event>, bool) {
        let mut events = Vec::new();
        let mut decrypted = false;
        for enc in &message.encs {
            let for_another = enc.recipient.as_ref().is_some_and(|jid| !same_user(jid, &self.jid));
            if !for_another {
                decrypted |= self.receive_enc(from, &message.id, enc, &mut events);
            }
        }
        (events, decrypted)
    }

    fn receive_enc(&mut self, from: &Jid, id: &str, enc: &Enc, events: &mut Vec<Event>) -> bool {
        let mut facts = facts(&enc.kind, &enc.bytes);
        facts.responder = self.responder_keys(enc);
        let (id, from) = (id.to_owned(), from.to_string());
        let peer = address(&from);
        let before = self.party.snapshot(&peer).filter(|_| enc.kind == EncType::Msg.as_str());
        let padded = self.decrypt(&from, enc);
        facts.session = match &padded {
            Ok(_) => self.party.inspect(&peer).map(|session| session.base_key),
            Err(_) => None,
        };
        // What the MAC covers shows in the first message of a chain as well as in all others.
        let tells = padded.is_err() || facts.header.get("counter") == Some(&json!(0));
        facts.before =
            before.filter(|_| tells).and_then(|before| serde_json::to_value(before).ok());
        facts.plaintext = padded.as_ref().ok().map(|padded| Payload::of(padded));
        match padded.and_then(|padded| read(&padded)) {
            Ok(content) => {
                events.push(Event::Decrypted { id, from, content, enc: facts });
                true
            }
            Err(reason) => {
                events.push(Event::Undecryptable { id, from, reason, enc: facts });
                false
            }
        }
    }

    /// Takes the end-to-end layer off; the padding stays.
    fn decrypt(&mut self, from: &str, enc: &Enc) -> Result<Vec<u8>, String> {
        let kind = EncType::parse(&enc.kind).ok_or(format!("the enc type {}", enc.kind))?;
        let message = Ciphertext { kind, bytes: enc.bytes.clone() };
        self.party.decrypt(&address(from), &message).map_err(|error| error.to_string())
    }

    /// The test keys that a first message was made for.
    fn responder_keys(&self, enc: &Enc) -> Option<Value> {
        if enc.kind != EncType::PkMsg.as_str() {
            return None;
        }
        let envelope = envelope::PreKeyEnvelope::parse(&enc.bytes).ok()?;
        // A message that names no one-time prekey may still have been made with the one served.
        let keys = self.party.responder_keys(envelope.one_time_id.or(self.served))?;
        serde_json::to_value(keys).ok()
    }

    /// Encrypts a content; padded, it comes along as evidence.
    fn encrypt(
        &mut self,
        to: &Jid,
        content: Vec<u8>,
        fault: Option<ContentFault>,
    ) -> Result<(Ciphertext, Vec<u8>), E2eeError> {
        let padded = padded(content, fault, &mut self.rng);
        let sealed = self.party.encrypt(&address(&to.to_string()), &padded)?;
        Ok((sealed, padded))
    }

    fn message_id(&mut self) -> String {
        let mut bytes = [0; 9];
        self.rng.fill_bytes(&mut bytes);
        format!("3EB0{}", hex::encode_upper(bytes))
    }
}

/// Session name of a user: its text form, so that the integrator counts (`wire.md` §5.8).
pub(super) fn address(jid: &str) -> Address {
    let jid: Option<Jid> = jid.parse().ok();
    let device = jid.as_ref().map_or(0, |jid| u32::from(jid.device));
    Address::new(jid.map(|jid| jid.bare().to_string()).unwrap_or_default(), device)
}

fn facts(kind: &str, bytes: &[u8]) -> EncFacts {
    let summary = match EncType::parse(kind) {
        Some(kind) => envelope::summarise(kind, bytes).map(|summary| json!(summary)),
        None if kind == sender_key::ENC_TYPE => {
            sender_key::SenderKeyEnvelope::parse(bytes).map(|message| json!(message.summary()))
        }
        None => Ok(Value::Null),
    };
    let header = summary.unwrap_or_else(|error| json!({ "error": error.to_string() }));
    EncFacts {
        kind: kind.into(),
        bytes: Payload::of(bytes),
        header,
        responder: None,
        plaintext: None,
        session: None,
        before: None,
    }
}

/// The text in a decrypted and padded content, or in brackets what it is instead.
fn read(padded: &[u8]) -> Result<String, String> {
    let plain = padding::strip(padded).map_err(|error| error.to_string())?;
    Ok(match content::read(plain).map_err(|error| error.to_string())? {
        Content::Text { text, .. } => text,
        Content::Reaction { of, emoji } => format!("[reaction `{emoji}` to {}]", of.id),
        Content::Revoke(of) => format!("[revocation of {}]", of.id),
        Content::OwnDevices => "[a message for the user's own devices]".to_owned(),
        Content::Media(media) => match media.caption {
            Some(caption) => caption,
            None => format!("[{}]", media.kind.map_or("media", |kind| kind.word())),
        },
        Content::Unknown => return Err("content of an unknown kind".into()),
    })
}

impl Meta {
    /// Adds a Meta client.
    pub fn add_client(&mut self, lane: Lane, client: MetaClient) {
        self.clients.insert((lane, client.name.clone()), client);
    }

    /// Sends a text from a Meta client to a third-party user, encrypted end to end.
    ///
    /// # Errors
    /// Why it could not be sent, e.g. that the user has published no keys.
    pub fn send_text(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        text: &str,
        fault: Option<ContentFault>,
    ) -> Result<Sent, String> {
        self.send_letter(lane, from, to, Letter { fault, ..Letter::text(text) })
    }

    /// Sends any content from a Meta client to a third-party user, encrypted end to end.
    ///
    /// # Errors
    /// Why it could not be sent, e.g. that the user has published no keys.
    pub fn send_letter(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        letter: Letter,
    ) -> Result<Sent, String> {
        let (account, sent) = self.compose(lane, from, to, letter)?;
        self.deliver_from(lane, from, account, &sent);
        Ok(sent)
    }

    /// Encrypts a text now that is delivered later, by [`Meta::replay`] under its own id.
    ///
    /// # Errors
    /// Why it could not be encrypted, e.g. that the user has published no keys.
    pub fn hold_text(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        text: &str,
    ) -> Result<Sent, String> {
        self.compose(lane, from, to, Letter::text(text)).map(|(_, sent)| sent)
    }

    fn compose(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        letter: Letter,
    ) -> Result<(usize, Sent), String> {
        let account = self.account_index(lane, to).ok_or(format!("{to} is unknown"))?;
        let key = (lane, from.to_owned());
        let peer = self.accounts[account].jid.clone();
        self.ensure_session(&key, account, &peer)?;
        let client = self.clients.get_mut(&key).ok_or(format!("{from} is unknown"))?;
        let id = client.message_id();
        let sent = self.seal(&key, &peer, &id, letter)?;
        let client = self.clients.get_mut(&key).ok_or(format!("{from} is unknown"))?;
        if client.sent.len() == SENT_REMEMBERED_MAX {
            client.sent.pop_front();
        }
        client.sent.push_back(sent.clone());
        Ok((account, sent))
    }

    /// Encrypts a letter under an id, in the session that there is.
    pub(super) fn seal(
        &mut self,
        key: &(Lane, String),
        peer: &Jid,
        id: &str,
        letter: Letter,
    ) -> Result<Sent, String> {
        let (lane, from) = key;
        let client = self.clients.get_mut(key).ok_or(format!("{from} is unknown"))?;
        let origin = client.origin_of_next(peer);
        let sealed = client.encrypt(peer, letter.content.clone(), letter.fault);
        let (sealed, padded) = sealed.map_err(|error| error.to_string())?;
        let mut enc = facts(sealed.kind.as_str(), &sealed.bytes);
        enc.plaintext = Some(Payload::of(&padded));
        enc.session = client.party.inspect(&address(&peer.to_string())).map(|view| view.base_key);
        let content = stanza_content(sealed, &letter.text, letter.fault);
        let (id, to, text) = (id.to_owned(), peer.to_string(), letter.text.clone());
        let event = Event::Encrypted { id: id.clone(), to, text, enc };
        self.record_in(Stream::client(from), *lane, Some(from.clone()), event);
        Ok(Sent { id, letter, content, origin })
    }

    /// Opens a session unless there is one.
    pub(super) fn ensure_session(
        &mut self,
        key: &(Lane, String),
        account: usize,
        peer: &Jid,
    ) -> Result<(), String> {
        let client = self.clients.get(key).ok_or(format!("{} is unknown", key.1))?;
        if client.party.has_session(&address(&peer.to_string())) {
            return Ok(());
        }
        self.start_session(key, account, peer)
    }

    fn start_session(
        &mut self,
        key: &(Lane, String),
        account: usize,
        peer: &Jid,
    ) -> Result<(), String> {
        let bundle = match self.faults.prekey {
            Some(PrekeyFault::Used) => self.accounts[account].served.clone(),
            Some(PrekeyFault::None) => self.take_bundle(account).map(|mut bundle| {
                bundle.one_time = None;
                bundle
            }),
            None => self.take_bundle(account),
        };
        let bundle = bundle.ok_or("the user has published no keys")?;
        let client = self.clients.get_mut(key).ok_or("no such client")?;
        let bundle = for_party(&bundle);
        let address = address(&peer.to_string());
        let processed = client.party.process(&address, &bundle, SignatureCheck::Always);
        processed.map_err(|error| format!("the user's prekey bundle: {error}"))
    }

    /// Sends the ciphertext of an earlier message again, under its own id or another, as it was or with
    /// one thing changed.
    ///
    /// # Errors
    /// There is no such message.
    pub fn replay(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        of: &str,
        same_id: bool,
        forgery: Option<CiphertextFault>,
    ) -> Result<Sent, String> {
        let account = self.account_index(lane, to).ok_or(format!("{to} is unknown"))?;
        let client = self.clients.get_mut(&(lane, from.to_owned())).ok_or("no such client")?;
        let sent = client.sent.iter().find(|sent| sent.id == of).cloned();
        let mut sent = sent.ok_or(format!("{from} sent no message {of}"))?;
        if !same_id {
            sent.id = client.message_id();
        }
        if let Some(fault) = forgery {
            forge(&mut sent, fault).ok_or(format!("{of} holds no ciphertext to forge"))?;
        }
        self.deliver_from(lane, from, account, &sent);
        Ok(sent)
    }

    pub(super) fn deliver_from(&mut self, lane: Lane, from: &str, account: usize, sent: &Sent) {
        let Some(client) = self.clients.get(&(lane, from.to_owned())) else { return };
        let claimed = sent.letter.claims.as_ref().map(|name| (lane, name.clone()));
        let claimed = claimed.and_then(|key| self.clients.get(&key)).unwrap_or(client);
        let from = claimed.jid.clone().with_device(sent.letter.device);
        let (to, now) = (self.accounts[account].jid.clone(), self.now.secs());
        let mut stanza = incoming(&sent.id, &from, &to, now, Node::new("enc"));
        stanza.content = crate::wire::Content::Children(sent.content.clone());
        if let Some(fault) = sent.letter.time {
            spoil_time(&mut stanza, fault, now);
        }
        let stanza = match &self.faults.with {
            Some(with) => extended(stanza, with),
            None => stanza,
        };
        self.deliver(account, stanza);
    }
}

/// A message with attributes and children that it would not have; those stand behind its own.
fn extended(message: Node, with: &Node) -> Node {
    let added = with.attrs.iter().filter(|(key, _)| message.text(key).is_none());
    let added: Vec<_> = added.cloned().collect();
    let message = added.into_iter().fold(message, |node, (key, value)| node.attr(key, value));
    message.children(with.kids().iter().cloned())
}
