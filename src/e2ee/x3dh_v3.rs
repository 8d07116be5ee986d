//! A Signal identity that speaks X3DH and the Double Ratchet with message version 3.
//!
//! [`X3dhParty`] holds the identity and implements [`Party`]; how it opens a session stands in
//! `initiator`, how it receives in `responder`. The sessions run on a public crate over in-memory
//! stores. The party knows nothing of stanzas. Its private keys are test keys and stay available as
//! evidence even after their deletion, because a verdict must be judged again from them.

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use wacore_libsignal::core::curve::{KeyPair, PublicKey};
use wacore_libsignal::protocol::{
    CiphertextMessageType, IdentityKeyPair, ProtocolAddress, message_encrypt,
};

use super::compromise::SessionSnapshot;
use super::diagnosis::ResponderKeys;
use super::error::E2eeError;
use super::kdf_fault::KdfInput;
use super::kept;
use super::party::{
    Address, Bundle, Ciphertext, EncType, OneTimePrekey, Party, SignatureCheck, SignedPrekey,
};
use super::prekey_ids::{PREKEY_IDS, PrekeyIds, REGISTRATION_IDS};
use super::ratchet_fault::HeldRatchet;
use super::schedule::Key;
use super::session_view::{self, SessionView};
use super::stores::{
    Identities, OneTimePrekeys, Sessions, SignedPair, SignedPrekeys, Stores, at_once,
};
use crate::seed::Rng;

/// The message version of X3DH sessions (`wire.md` §5.2).
pub(super) const VERSION: u8 = 3;

/// One identity with its prekeys and sessions; the same generator makes the same party.
pub struct X3dhParty {
    pub(super) rng: Rng,
    pub(super) stores: Stores,
    pub(super) kdf: KdfInput,
    pub(super) keep_one_time_prekeys: bool,
    pub(super) burn_one_time_prekeys: bool,
    /// A deliberate fault: used ones that stand in what is written down.
    pub(super) unwritten_deletions: Option<BTreeMap<u32, KeyPair>>,
    pub(super) held_ratchet: Option<HeldRatchet>,
    signed_prekey_id: u32,
    one_time_ids: PrekeyIds,
    one_time_evidence: BTreeMap<u32, KeyPair>,
    changed: BTreeSet<Address>,
}

impl X3dhParty {
    /// Makes an identity, a registration id and a signed prekey, all from the generator.
    pub fn new(mut rng: Rng) -> Self {
        let own = IdentityKeyPair::generate(&mut rng);
        let registration_id = rng.random_range(REGISTRATION_IDS);
        let signed_prekey_id = rng.random_range(PREKEY_IDS);
        let signed = new_signed_pair(&own, &mut rng);
        let one_time_ids = PrekeyIds::new(&mut rng);
        let known = BTreeMap::new();
        Self {
            rng,
            stores: Stores {
                identities: Identities { own, registration_id, known, trust_new: true },
                sessions: Sessions::default(),
                one_time: OneTimePrekeys::default(),
                signed: SignedPrekeys(BTreeMap::from([(signed_prekey_id, signed)])),
            },
            kdf: KdfInput::Sound,
            keep_one_time_prekeys: false,
            burn_one_time_prekeys: false,
            unwritten_deletions: None,
            held_ratchet: None,
            signed_prekey_id,
            one_time_ids,
            one_time_evidence: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }

    /// A deliberate fault: used one-time prekeys stay usable (PRE-008).
    pub fn keep_one_time_prekeys(&mut self, keep: bool) {
        self.keep_one_time_prekeys = keep;
    }

    /// A deliberate fault: used one-time prekeys are deleted in memory, and come back with the next start
    /// (PRE-008).
    pub fn leave_deletions_unwritten(&mut self) {
        self.unwritten_deletions = Some(BTreeMap::new());
    }

    /// A deliberate fault: a one-time prekey is deleted before the first message that names it was
    /// authenticated (ENC-006).
    pub fn burn_one_time_prekeys(&mut self, burn: bool) {
        self.burn_one_time_prekeys = burn;
    }

    /// A deliberate fault: a new ratchet key is used only after so many further messages of the
    /// peer, or never (ENC-010).
    pub fn hold_ratchet_keys(&mut self, after: Option<u32>) {
        self.held_ratchet = Some(HeldRatchet::new(after));
    }

    /// A deliberate fault: sessions opened from now on derive their keys this way (ENC-003).
    pub fn derive_from(&mut self, kdf: KdfInput) {
        self.kdf = kdf;
    }

    /// Says whether a peer's replaced identity is accepted. It is by default, as in the clients.
    pub fn trust_new_identities(&mut self, trust: bool) {
        self.stores.identities.trust_new = trust;
    }

    /// Records whether the last operation for this peer replaced its identity.
    pub(super) fn report_change(&mut self, peer: &Address, changed: bool) {
        if changed {
            self.changed.insert(peer.clone());
        } else {
            self.changed.remove(peer);
        }
    }

    /// The same keys and sessions, with another generator.
    pub(super) fn with_rng(&self, rng: Rng) -> Self {
        Self {
            rng,
            stores: self.stores.clone(),
            one_time_evidence: self.one_time_evidence.clone(),
            unwritten_deletions: self.unwritten_deletions.clone(),
            changed: self.changed.clone(),
            one_time_ids: self.one_time_ids.clone(),
            held_ratchet: self.held_ratchet.clone(),
            ..*self
        }
    }

    /// A generator that the owner does not draw from.
    pub(super) fn thiefs_rng(&self) -> Rng {
        let mut seed = Sha256::new();
        seed.update(b"stolen");
        seed.update(self.stores.identities.own.private_key().serialize());
        Rng::from_seed(seed.finalize().into())
    }

    pub(super) fn signed_prekey_id(&self) -> u32 {
        self.signed_prekey_id
    }

    pub(super) fn one_time_ids(&self) -> &PrekeyIds {
        &self.one_time_ids
    }

    pub(super) fn changed(&self) -> &BTreeSet<Address> {
        &self.changed
    }

    /// Puts other keys and sessions in the place of these.
    pub(super) fn replace(
        &mut self,
        stores: Stores,
        signed_prekey_id: u32,
        ids: PrekeyIds,
        changed: BTreeSet<Address>,
    ) {
        self.one_time_evidence.extend(stores.one_time.0.clone());
        (self.stores, self.signed_prekey_id) = (stores, signed_prekey_id);
        (self.one_time_ids, self.changed) = (ids, changed);
    }

    fn current_signed(&self) -> &SignedPair {
        let signed = self.stores.signed.0.get(&self.signed_prekey_id);
        signed.expect("the current signed prekey is never removed")
    }
}

impl Party for X3dhParty {
    fn version(&self) -> u8 {
        VERSION
    }

    fn registration_id(&self) -> u32 {
        self.stores.identities.registration_id
    }

    fn identity(&self) -> Key {
        raw(self.stores.identities.own.public_key())
    }

    fn signed_prekey(&self) -> SignedPrekey {
        let signed = self.current_signed();
        SignedPrekey {
            id: self.signed_prekey_id,
            value: raw(&signed.pair.public_key),
            signature: signed.signature.to_vec(),
        }
    }

    fn rotate_signed_prekey(&mut self) -> SignedPrekey {
        let known = &self.stores.signed.0;
        let mut id = self.signed_prekey_id;
        while known.contains_key(&id) {
            id = if id < *PREKEY_IDS.end() { id + 1 } else { *PREKEY_IDS.start() };
        }
        let signed = new_signed_pair(&self.stores.identities.own, &mut self.rng);
        self.stores.signed.0.insert(id, signed);
        self.signed_prekey_id = id;
        self.signed_prekey()
    }

    fn drop_signed_prekey(&mut self, id: u32) {
        if id != self.signed_prekey_id {
            self.stores.signed.0.remove(&id);
        }
    }

    fn new_one_time_prekeys(&mut self, count: usize) -> Vec<OneTimePrekey> {
        let make = |_| {
            let id = self.one_time_ids.take();
            let pair = KeyPair::generate(&mut self.rng);
            let value = raw(&pair.public_key);
            self.one_time_evidence.insert(id, pair.clone());
            self.stores.one_time.0.insert(id, pair);
            OneTimePrekey { id, value }
        };
        (0..count).map(make).collect()
    }

    fn process(
        &mut self,
        peer: &Address,
        bundle: &Bundle,
        check: SignatureCheck,
    ) -> Result<(), E2eeError> {
        self.open_session(peer, bundle, check)
    }

    fn has_session(&self, peer: &Address) -> bool {
        let record = self.stores.sessions.0.get(&wire_address(peer));
        record.is_some_and(|record| record.session_state().is_some())
    }

    fn encrypt(&mut self, peer: &Address, plaintext: &[u8]) -> Result<Ciphertext, E2eeError> {
        if !self.has_session(peer) {
            return Err(E2eeError::NoSession(peer.clone()));
        }
        let Stores { sessions, identities, .. } = &mut self.stores;
        let address = wire_address(peer);
        let message = at_once(message_encrypt(plaintext, &address, sessions, identities))?;
        let kind = match message.message_type() {
            CiphertextMessageType::PreKey => EncType::PkMsg,
            _ => EncType::Msg,
        };
        Ok(Ciphertext { kind, bytes: message.serialize().to_vec() })
    }

    fn decrypt(&mut self, peer: &Address, message: &Ciphertext) -> Result<Vec<u8>, E2eeError> {
        match message.kind {
            EncType::PkMsg => self.decrypt_first(peer, &message.bytes),
            EncType::Msg => self.decrypt_later(peer, &message.bytes),
        }
    }

    fn inspect(&self, peer: &Address) -> Option<SessionView> {
        session_view::view(self.stores.sessions.0.get(&wire_address(peer))?)
    }

    fn drop_session(&mut self, peer: &Address) {
        self.stores.sessions.0.remove(&wire_address(peer));
    }

    fn snapshot(&self, peer: &Address) -> Option<SessionSnapshot> {
        session_view::snapshot(self.stores.sessions.0.get(&wire_address(peer))?)
    }

    fn stolen(&self) -> Box<dyn Party> {
        self.copy(self.thiefs_rng())
    }

    fn copy(&self, rng: Rng) -> Box<dyn Party> {
        Box::new(self.with_rng(rng))
    }

    fn save(&self) -> serde_json::Value {
        kept::written(&self.kept())
    }

    fn load(&mut self, saved: &serde_json::Value) -> Result<(), E2eeError> {
        self.take_over(&kept::read(saved)?)
    }

    fn start_prekey_ids_at(&mut self, id: u32, anew: bool) {
        self.one_time_ids.start_at(id, anew);
    }

    fn use_registration_id(&mut self, id: u32) {
        self.stores.identities.registration_id = id;
    }

    fn responder_keys(&self, one_time_id: Option<u32>) -> Option<ResponderKeys> {
        let one_time_private = match one_time_id {
            Some(id) => Some(*self.one_time_evidence.get(&id)?.private_key.serialize()),
            None => None,
        };
        Some(ResponderKeys {
            registration_id: self.registration_id(),
            identity_private: *self.stores.identities.own.private_key().serialize(),
            signed_prekey_private: *self.current_signed().pair.private_key.serialize(),
            one_time_private,
        })
    }

    fn peer_identity(&self, peer: &Address) -> Option<Key> {
        let known = self.stores.identities.known.get(&wire_address(peer))?;
        Some(raw(known.public_key()))
    }

    fn sign(&mut self, message: &[u8]) -> Vec<u8> {
        let own = self.stores.identities.own.private_key();
        let signature = own.calculate_signature(message, &mut self.rng);
        signature.expect("signing only computes").to_vec()
    }

    fn identity_changed(&self, peer: &Address) -> bool {
        self.changed.contains(peer)
    }
}

/// The session layer's form of an address. Its name keeps the integrator, as ours does.
pub(super) fn wire_address(peer: &Address) -> ProtocolAddress {
    ProtocolAddress::new(&peer.name, peer.device.into())
}

/// The session layer's form of a raw public key.
pub(super) fn public(key: &Key) -> PublicKey {
    PublicKey::from_djb_public_key_bytes(key).expect("32 bytes are a key")
}

fn raw(key: &PublicKey) -> Key {
    key.public_key_bytes().try_into().expect("an X25519 key has 32 bytes")
}

/// X3DH §3.2: Sig(IK, Encode(SPK)), XEdDSA over the type byte and the key.
fn new_signed_pair(own: &IdentityKeyPair, rng: &mut Rng) -> SignedPair {
    let pair = KeyPair::generate(rng);
    let signature = own.private_key().calculate_signature(&pair.public_key.serialize(), rng);
    SignedPair { pair, signature: signature.expect("signing only computes") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::envelope::{Envelope, PreKeyEnvelope};
    use crate::e2ee::pair::{Pair, address, party, read};

    #[test]
    fn one_generator_makes_one_party() {
        let (mut one, mut same, other) = (party("alice"), party("alice"), party("bob"));
        assert_eq!((one.identity(), one.signed_prekey()), (same.identity(), same.signed_prekey()));
        assert_eq!(one.new_one_time_prekeys(3), same.new_one_time_prekeys(3));
        assert_ne!(one.identity(), other.identity());
        assert!(REGISTRATION_IDS.contains(&one.registration_id()));
        assert!(PREKEY_IDS.contains(&one.signed_prekey().id));
        assert_eq!(one.version(), 3);
    }

    #[test]
    fn a_replaced_signed_prekey_opens_until_it_is_dropped() {
        for dropped in [false, true] {
            let mut pair = Pair::new(true);
            let late = pair.alice_writes("late");
            let old = pair.bob.signed_prekey();
            let new = pair.bob.rotate_signed_prekey();
            assert!(new.id != old.id && new.value != old.value && new.signature.len() == 64);
            assert_eq!(pair.bob.signed_prekey(), new);
            pair.bob.drop_signed_prekey(new.id);
            if dropped {
                pair.bob.drop_signed_prekey(old.id);
            }
            assert_eq!(pair.bob_reads(&late).is_ok(), !dropped);
            assert_eq!(pair.bob.signed_prekey(), new, "the current one stays");
        }
    }

    #[test]
    fn first_messages_name_the_prekeys_until_a_reply_comes() {
        for one_time in [true, false] {
            let mut pair = Pair::new(one_time);
            for text in ["one", "two"] {
                let message = pair.alice_writes(text);
                assert_eq!(message.kind, EncType::PkMsg);
                let first = PreKeyEnvelope::parse(&message.bytes).unwrap();
                assert_eq!(first.version_byte, 0x33);
                assert_eq!(first.one_time_id.is_some(), one_time);
                assert_eq!(first.signed_prekey_id, pair.bob.signed_prekey().id);
                assert_eq!(first.identity, pair.alice.identity());
                assert_eq!(first.registration_id, pair.alice.registration_id());
                assert_eq!(pair.bob_reads(&message).unwrap(), text);
            }
            assert!(pair.alice.inspect(&address("bob")).unwrap().awaits_reply);
            let reply = pair.bob_writes("three");
            assert_eq!(reply.kind, EncType::Msg);
            assert_eq!(pair.alice_reads(&reply).unwrap(), "three");
            assert!(!pair.alice.inspect(&address("bob")).unwrap().awaits_reply);
            assert_eq!(pair.alice_writes("four").kind, EncType::Msg);
        }
    }

    #[test]
    fn every_turn_has_a_fresh_ratchet_key_and_counts_from_zero() {
        let mut pair = Pair::settled(true);
        let mut keys = BTreeSet::new();
        for turn in 0..5 {
            for counter in 0..3 {
                let message = pair.alice_writes("there");
                let header = Envelope::parse(&message.bytes).unwrap();
                assert_eq!(header.counter, counter);
                keys.insert(header.ratchet_key);
                assert_eq!(pair.bob_reads(&message).unwrap(), "there");
            }
            assert_eq!(keys.len(), turn + 1, "one key in a sending run, a new one after a reply");
            let reply = pair.bob_writes("and back");
            assert_eq!(pair.alice_reads(&reply).unwrap(), "and back");
        }
    }

    #[test]
    fn a_thief_reads_on_only_until_both_have_ratcheted() {
        let mut pair = Pair::settled(true);
        let mut thief = pair.bob.stolen();
        let before = pair.alice_writes("still readable");
        assert_eq!(read(&mut *thief, "alice", &before).unwrap(), "still readable");
        pair.bob_reads(&before).unwrap();
        let reply = pair.bob_writes("fresh key");
        pair.alice_reads(&reply).unwrap();
        let after = pair.alice_writes("healed");
        assert!(matches!(read(&mut *thief, "alice", &after), Err(E2eeError::BadMac(EncType::Msg))));
        assert_eq!(pair.bob_reads(&after).unwrap(), "healed");
    }

    #[test]
    fn a_dropped_session_is_gone_and_its_identity_is_not() {
        let mut pair = Pair::settled(true);
        pair.bob.drop_session(&address("alice"));
        assert!(!pair.bob.has_session(&address("alice")));
        let refused = pair.bob.encrypt(&address("alice"), b"hello");
        assert!(matches!(refused, Err(E2eeError::NoSession(peer)) if peer == address("alice")));
        assert_eq!(pair.bob.peer_identity(&address("alice")), Some(pair.alice.identity()));
        assert!(pair.alice.has_session(&address("bob")));
    }

    #[test]
    fn users_of_two_integrators_with_one_number_share_no_session() {
        let pair = Pair::settled(true);
        assert!(!pair.alice.has_session(&Address::new("bob", 1)));
        assert!(!pair.alice.has_session(&Address::new("13-bob", 0)));
    }

    #[test]
    fn evidence_outlives_a_used_prekey() {
        let mut pair = Pair::new(true);
        let opening = pair.alice_writes("opening");
        let id = PreKeyEnvelope::parse(&opening.bytes).unwrap().one_time_id;
        let before = pair.bob.responder_keys(id).unwrap();
        pair.bob_reads(&opening).unwrap();
        assert!(pair.bob.stores.one_time.0.is_empty());
        assert!(pair.bob.responder_keys(id).unwrap() == before);
        assert!(pair.bob.responder_keys(Some(0)).is_none());
        assert!(pair.bob.responder_keys(None).unwrap().one_time_private.is_none());
    }
}
