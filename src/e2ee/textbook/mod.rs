//! A Signal identity whose sessions are written out from the specifications, so that they can have
//! any fault.
//!
//! Main type: [`TextbookParty`]. Identity and prekeys are those of an [`X3dhParty`]; only the
//! sessions are its own, because a session layer that is sound cannot be made to keep a state that
//! it has refused, or to take a MAC that does not fit. A sound party never uses it: the reference
//! without a quirk and Meta's clients run on the public crate, which this one must understand and be
//! understood by.

mod fault;
mod session;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use prost::Message as _;
use serde::{Deserialize, Serialize};
use wacore_libsignal::core::curve::KeyPair;
use wacore_libsignal::protocol::{IdentityChange, IdentityKey, IdentityKeyPair};

pub use fault::RatchetFault;
use session::{Ends, Header, Manner, Session};

use super::compromise::{SessionSecrets, SessionSnapshot};
use super::derivation::Derivation;
use super::diagnosis::ResponderKeys;
use super::envelope::{Envelope, PreKeyEnvelope};
use super::error::E2eeError;
use super::initiator::check_signature;
use super::kept;
use super::party::{
    Address, Bundle, Ciphertext, EncType, OneTimePrekey, Party, SignatureCheck, SignedPrekey,
};
use super::schedule::{Agreements, Key, RegistrationIds};
use super::session_view::{ReceivingView, SendingView, SessionView};
use super::x3dh_v3::{X3dhParty, public, wire_address};
use crate::proto::signal::PreKeySignalMessage;
use crate::seed::Rng;

/// The message version, in both halves of the byte.
const VERSION_BYTE: u8 = 0x33;
/// Sessions with one peer that are kept for late messages; libsignal keeps as many.
const SESSIONS_MAX: usize = 40;

/// One identity with its prekeys, and sessions of the textbook kind.
pub struct TextbookParty {
    keys: X3dhParty,
    manner: Manner,
    /// The one to send in first.
    sessions: BTreeMap<Address, Vec<Session>>,
}

/// What it writes down.
#[derive(Serialize, Deserialize)]
struct KeptSessions {
    keys: serde_json::Value,
    sessions: Vec<(Address, Vec<Session>)>,
}

impl TextbookParty {
    /// The identity that this generator makes, with sessions that derive their keys this way and
    /// have this fault.
    pub fn new(rng: Rng, derivation: Derivation, fault: Option<RatchetFault>) -> Self {
        let manner = Manner { recipe: derivation.recipe(), fault };
        Self { keys: X3dhParty::new(rng), manner, sessions: BTreeMap::new() }
    }

    fn current(&self, peer: &Address) -> Option<&Session> {
        self.sessions.get(peer)?.first()
    }

    /// Makes a session the one to send in.
    fn promote(&mut self, peer: &Address, session: Session) {
        let sessions = self.sessions.entry(peer.clone()).or_default();
        sessions.retain(|other| other.ends.base_key != session.ends.base_key);
        sessions.insert(0, session);
        sessions.truncate(SESSIONS_MAX);
    }

    fn accept_identity(&mut self, peer: &Address, identity: &Key) -> Result<(), E2eeError> {
        let (address, identity) = (wire_address(peer), IdentityKey::new(public(identity)));
        if !self.keys.stores.identities.trusts(&address, &identity) {
            return Err(E2eeError::IdentityChanged(peer.clone()));
        }
        let change = self.keys.stores.identities.save(&address, identity);
        self.keys.report_change(peer, change == IdentityChange::ReplacedExisting);
        Ok(())
    }

    fn decrypt_first(&mut self, peer: &Address, bytes: &[u8]) -> Result<Vec<u8>, E2eeError> {
        let (first, inner) = self.read_first(bytes)?;
        let known = self.sessions.get(peer).into_iter().flatten();
        let mut known = known.filter(|session| session.ends.base_key == first.base_key);
        let known = known.next().cloned().filter(|_| !self.has(RatchetFault::ReopensForReplays));
        let refuses = match self.manner.fault {
            Some(RatchetFault::RepeatedHeaderRefused) => known.is_some(),
            Some(RatchetFault::OpensForTheFirstOnly) => first.message.counter > 0,
            Some(RatchetFault::CrossedStartRefused) => {
                known.is_none() && self.current(peer).is_some_and(|own| own.pending.is_some())
            }
            _ => false,
        };
        if refuses {
            return Err(E2eeError::Undecryptable(EncType::PkMsg));
        }
        let opens = known.is_none();
        let mut session = match known {
            Some(session) if session.ends.their_identity != first.identity => {
                return Err(E2eeError::ForeignIdentity);
            }
            Some(session) => session,
            None => self.respond(&first)?,
        };
        let manner = self.manner;
        let opened = session.open(&first.message, &inner, manner, &mut self.keys.rng);
        let plaintext = opened.map_err(|error| match error {
            E2eeError::BadMac(_) => E2eeError::BadMac(EncType::PkMsg),
            other => other,
        })?;
        if opens {
            self.accept_identity(peer, &first.identity)?;
            if let Some(id) = first.one_time_id {
                self.keys.stores.one_time.0.remove(&id);
            }
        }
        self.promote(peer, session);
        Ok(plaintext)
    }

    /// The responder's side of X3DH §3.4.
    fn respond(&mut self, first: &PreKeyEnvelope) -> Result<Session, E2eeError> {
        let unknown = E2eeError::UnknownSignedPrekey(first.signed_prekey_id);
        let signed = self.keys.stores.signed.0.get(&first.signed_prekey_id).ok_or(unknown)?;
        let signed = signed.pair.clone();
        let one_time = first.one_time_id.map(|id| {
            let found = self.keys.stores.one_time.0.get(&id);
            found.cloned().ok_or(E2eeError::UnknownOneTimePrekey(id))
        });
        let one_time = one_time.transpose()?;
        let own = self.keys.stores.identities.own.private_key().serialize();
        let agreements = Agreements::of_responder(
            (own, signed.private_key.serialize()),
            one_time.as_ref().map(|pair| pair.private_key.serialize()),
            (&first.identity, &first.base_key),
        )?;
        let ids = RegistrationIds {
            initiator: first.registration_id,
            responder: self.keys.registration_id(),
        };
        let named = first.one_time_id.is_some();
        let secret = self.manner.recipe.secret(&agreements, ids, named);
        let secret = secret.ok_or(E2eeError::Undecryptable(EncType::PkMsg))?;
        let ends = Ends {
            own_identity: self.keys.identity(),
            their_identity: first.identity,
            own_registration_id: ids.responder,
            their_registration_id: ids.initiator,
            base_key: first.base_key,
            initiator: false,
        };
        let pair = match self.has(RatchetFault::RespondsWithRandomPair) {
            true => KeyPair::generate(&mut self.keys.rng),
            false => signed,
        };
        Ok(Session::responded(ends, secret, &pair, self.manner))
    }

    fn decrypt_later(&mut self, peer: &Address, bytes: &[u8]) -> Result<Vec<u8>, E2eeError> {
        let completed = self.has(RatchetFault::MacComparedAsFarAsItGoes).then(|| completed(bytes));
        let bytes = completed.as_deref().unwrap_or(bytes);
        let message = self.read_later(bytes)?;
        let manner = self.manner;
        let sessions = self.sessions.get_mut(peer).map(Vec::as_mut_slice).unwrap_or_default();
        let mut refused = E2eeError::NoSession(peer.clone());
        for (n, session) in sessions.iter_mut().enumerate() {
            match session.open(&message, bytes, manner, &mut self.keys.rng) {
                Ok(plaintext) => {
                    let session = session.clone();
                    self.promote(peer, session);
                    self.keys.report_change(peer, false);
                    return Ok(plaintext);
                }
                Err(error) if n == 0 || matches!(error, E2eeError::Duplicate { .. }) => {
                    refused = error;
                }
                Err(_) => {}
            }
        }
        Err(refused)
    }

    /// ENC-018: only messages of the version that this party speaks, but for a fault.
    fn read_first(&self, bytes: &[u8]) -> Result<(PreKeyEnvelope, Vec<u8>), E2eeError> {
        if !self.has(RatchetFault::VersionsNotCompared) {
            let first = PreKeyEnvelope::parse(bytes)?;
            check_version(first.version())?;
            check_version(first.message.version())?;
            let inner = first.message_bytes.clone();
            return Ok((first, inner));
        }
        let malformed = || E2eeError::Undecryptable(EncType::PkMsg);
        let body = bytes.get(1..).ok_or_else(malformed)?;
        let mut outer = PreKeySignalMessage::decode(body).map_err(|_| malformed())?;
        let inner = outer.message.clone().unwrap_or_default();
        outer.message = Some(as_version_3(&inner));
        let read = [&[VERSION_BYTE][..], &outer.encode_to_vec()].concat();
        Ok((PreKeyEnvelope::parse(&read)?, inner))
    }

    fn read_later(&self, bytes: &[u8]) -> Result<Envelope, E2eeError> {
        if self.has(RatchetFault::VersionsNotCompared) {
            return Ok(Envelope::parse(&as_version_3(bytes))?);
        }
        let message = Envelope::parse(bytes)?;
        check_version(message.version())?;
        Ok(message)
    }

    fn has(&self, fault: RatchetFault) -> bool {
        self.manner.has(fault)
    }
}

/// Length of a MAC.
const MAC_BYTES: usize = 8;

/// The message with zeros in place of what its MAC lacks.
fn completed(bytes: &[u8]) -> Vec<u8> {
    let with = |zeros: usize| [bytes, &vec![0; zeros]].concat();
    let read = (0..=MAC_BYTES).map(with).find(|bytes| Envelope::parse(bytes).is_ok());
    read.unwrap_or_else(|| bytes.to_vec())
}

fn as_version_3(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(version) = bytes.first_mut() {
        *version = VERSION_BYTE;
    }
    bytes
}

fn check_version(found: u8) -> Result<(), E2eeError> {
    let expected = VERSION_BYTE >> 4;
    if found == expected { Ok(()) } else { Err(E2eeError::Version { expected, found }) }
}

impl Party for TextbookParty {
    fn version(&self) -> u8 {
        self.keys.version()
    }

    fn registration_id(&self) -> u32 {
        self.keys.registration_id()
    }

    fn identity(&self) -> Key {
        self.keys.identity()
    }

    fn signed_prekey(&self) -> SignedPrekey {
        self.keys.signed_prekey()
    }

    fn rotate_signed_prekey(&mut self) -> SignedPrekey {
        self.keys.rotate_signed_prekey()
    }

    fn drop_signed_prekey(&mut self, id: u32) {
        self.keys.drop_signed_prekey(id);
    }

    fn new_one_time_prekeys(&mut self, count: usize) -> Vec<OneTimePrekey> {
        self.keys.new_one_time_prekeys(count)
    }

    fn save(&self) -> serde_json::Value {
        let sessions = self.sessions.iter().map(|(peer, all)| (peer.clone(), all.clone()));
        kept::written(&KeptSessions { keys: self.keys.save(), sessions: sessions.collect() })
    }

    fn load(&mut self, saved: &serde_json::Value) -> Result<(), E2eeError> {
        let KeptSessions { keys, sessions } = kept::read(saved)?;
        self.keys.load(&keys)?;
        self.sessions = sessions.into_iter().collect();
        Ok(())
    }

    fn start_prekey_ids_at(&mut self, id: u32, anew: bool) {
        self.keys.start_prekey_ids_at(id, anew);
    }

    fn process(
        &mut self,
        peer: &Address,
        bundle: &Bundle,
        check: SignatureCheck,
    ) -> Result<(), E2eeError> {
        check_signature(bundle, check)?;
        self.accept_identity(peer, &bundle.identity)?;
        let base = KeyPair::generate(&mut self.keys.rng);
        let own = match self.has(RatchetFault::SecondIdentity) {
            true => IdentityKeyPair::generate(&mut self.keys.rng),
            false => self.keys.stores.identities.own.clone(),
        };
        let agreements = Agreements::of_initiator(
            (own.private_key().serialize(), base.private_key.serialize()),
            (&bundle.identity, &bundle.signed_prekey.value),
            bundle.one_time.as_ref().map(|prekey| &prekey.value),
        )?;
        let ends = Ends {
            own_identity: own.public_key().public_key_bytes().try_into().expect("32 bytes"),
            their_identity: bundle.identity,
            own_registration_id: self.keys.registration_id(),
            their_registration_id: bundle.registration_id,
            base_key: base.public_key.public_key_bytes().try_into().expect("32 bytes"),
            initiator: true,
        };
        let ids = RegistrationIds {
            initiator: ends.own_registration_id,
            responder: bundle.registration_id,
        };
        let secret = self.manner.recipe.secret(&agreements, ids, bundle.one_time.is_some());
        let secret = secret.ok_or(E2eeError::Undecryptable(EncType::PkMsg))?;
        let header = Header {
            one_time_id: bundle.one_time.map(|prekey| prekey.id),
            signed_id: bundle.signed_prekey.id,
        };
        let (signed, rng) = (&bundle.signed_prekey.value, &mut self.keys.rng);
        let session = Session::initiated(ends, secret, signed, header, self.manner, rng)?;
        self.promote(peer, session);
        Ok(())
    }

    fn has_session(&self, peer: &Address) -> bool {
        self.current(peer).is_some()
    }

    fn encrypt(&mut self, peer: &Address, plaintext: &[u8]) -> Result<Ciphertext, E2eeError> {
        let session = self.sessions.get_mut(peer).and_then(|sessions| sessions.first_mut());
        let session = session.ok_or(E2eeError::NoSession(peer.clone()))?;
        session.seal(plaintext, self.manner, &mut self.keys.rng)
    }

    fn decrypt(&mut self, peer: &Address, message: &Ciphertext) -> Result<Vec<u8>, E2eeError> {
        match message.kind {
            EncType::PkMsg => self.decrypt_first(peer, &message.bytes),
            EncType::Msg => self.decrypt_later(peer, &message.bytes),
        }
    }

    fn inspect(&self, peer: &Address) -> Option<SessionView> {
        let session = self.current(peer)?;
        let receiving = session.receiving.iter().map(|chain| ReceivingView {
            ratchet_key: hex::encode(chain.public),
            next_counter: chain.next,
            skipped: chain.skipped.keys().copied().collect(),
        });
        Some(SessionView {
            version: u32::from(VERSION_BYTE >> 4),
            peer_identity: hex::encode(session.ends.their_identity),
            peer_registration_id: session.ends.their_registration_id,
            base_key: hex::encode(session.ends.base_key),
            awaits_reply: session.pending.is_some(),
            sending: Some(SendingView {
                ratchet_key: hex::encode(session.sending.public),
                next_counter: session.sending.next,
            }),
            previous_counter: session.previous_counter,
            receiving: receiving.collect(),
            archived: self.sessions.get(peer).map_or(0, |sessions| sessions.len() - 1),
            pq_ratchet: false,
        })
    }

    fn snapshot(&self, peer: &Address) -> Option<SessionSnapshot> {
        let (session, view) = (self.current(peer)?, self.inspect(peer)?);
        let chains = session.receiving.iter().map(|chain| hex::encode(chain.chain));
        Some(SessionSnapshot {
            view,
            own_identity: hex::encode(session.ends.own_identity),
            secrets: SessionSecrets {
                root_key: hex::encode(session.root),
                ratchet_private: hex::encode(session.sending.private),
                sending_chain_key: hex::encode(session.sending.chain),
                receiving_chain_keys: chains.collect(),
            },
        })
    }

    fn copy(&self, rng: Rng) -> Box<dyn Party> {
        let keys = self.keys.with_rng(rng);
        Box::new(Self { keys, manner: self.manner, sessions: self.sessions.clone() })
    }

    fn stolen(&self) -> Box<dyn Party> {
        self.copy(self.keys.thiefs_rng())
    }

    fn responder_keys(&self, one_time_id: Option<u32>) -> Option<ResponderKeys> {
        self.keys.responder_keys(one_time_id)
    }

    fn drop_session(&mut self, peer: &Address) {
        self.sessions.remove(peer);
    }

    fn peer_identity(&self, peer: &Address) -> Option<Key> {
        self.keys.peer_identity(peer)
    }

    fn sign(&mut self, message: &[u8]) -> Vec<u8> {
        self.keys.sign(message)
    }

    fn identity_changed(&self, peer: &Address) -> bool {
        self.keys.identity_changed(peer)
    }
}
