//! A Signal identity that speaks PQXDH and the Triple Ratchet with message version 4.
//!
//! [`PqxdhParty`] puts Signal's own library (libsignal 0.85.3, unmodified) behind [`Party`]; how it
//! opens a session stands in `initiator`, how it receives in `responder`. It is the second opinion
//! beside the X3DH party, and the far end under a profile whose `signal.version` is 4: no Meta
//! client is known to speak PQXDH, so nothing here is a fact of Meta's wire.
//!
//! What version 4 is (`wire.md` §11 has it in full), read from libsignal 0.85.3
//! (`rust/protocol/src`) unless said otherwise:
//!
//! - The version byte is 0x44: message version 4, newest known version 4 (`protocol.rs`). Sender
//!   keys stay at 0x33.
//! - The bundle has a KEM prekey beside the signed one (PQX §3.2): an id, a public key of a type
//!   byte (0x08 CRYSTALS-Kyber-1024, 0x0a ML-KEM-1024) and 1568 bytes, and XEdDSA of the identity
//!   key over type byte and key (`kem.rs`, `session.rs`). Version 3 bundles are refused since v0.75.
//! - A `pkmsg` names the KEM prekey in field 7 and carries the encapsulated secret (type byte and
//!   1568 bytes) in field 8; both or neither, and in version 4 both. A message has the post-quantum
//!   ratchet's part in field 5 (`proto/wire.proto`).
//! - The secret is 32 × 0xFF, DH1 to DH3 (DH4) as in X3DH, then the KEM's shared secret; HKDF-SHA256
//!   with zero salt and the label `WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024` gives 96 bytes:
//!   root key, chain key, key of the post-quantum ratchet (`ratchet.rs`; PQX §3.3).
//! - Message keys are HKDF-SHA256 of the chain's seed with the label `WhisperMessageKeys`, as in
//!   version 3, but the post-quantum ratchet's key of that message is the salt (`ratchet/keys.rs`).
//!   That ratchet is SPQR; a session may fall back to none while its version is negotiated.
//! - A chain may run 25000 messages ahead, and 2000 skipped keys are kept (`consts.rs`).

mod initiator;
mod keeping;
mod record;
mod responder;
mod stores;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use libsignal_protocol::{
    CiphertextMessageType, GenericSignedPreKey as _, IdentityKeyPair, InMemKyberPreKeyStore,
    InMemPreKeyStore, InMemSignedPreKeyStore, KeyPair, KyberPreKeyRecord, KyberPreKeyStore as _,
    PreKeyRecord, PreKeyStore as _, ProtocolAddress, PublicKey, SessionUsabilityRequirements,
    SignedPreKeyRecord, SignedPreKeyStore as _, Timestamp, kem, message_encrypt,
};
use rand::{RngExt as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

use super::compromise::SessionSnapshot;
use super::diagnosis::ResponderKeys;
use super::error::E2eeError;
use super::kept;
use super::party::{
    Address, Bundle, Ciphertext, EncType, KemPrekey, OneTimePrekey, Party, SignatureCheck,
    SignedPrekey,
};
use super::prekey_ids::{PREKEY_IDS, PrekeyIds, REGISTRATION_IDS};
use super::session_view::SessionView;
use super::stores::at_once;
use crate::seed::Rng;
pub(super) use stores::Draw;
use stores::{Identities, Sessions, Stores, library_address};

/// The message version of PQXDH sessions.
const VERSION: u8 = 4;
/// The library asks for the time to judge how old a session is that was never answered. A party has
/// no clock: for it no time passes.
const NOW: SystemTime = SystemTime::UNIX_EPOCH;

/// One identity with its prekeys and sessions; the same generator makes the same party.
pub struct PqxdhParty {
    rng: Rng,
    stores: Stores,
    signed: SignedPrekey,
    kem: KemPrekey,
    one_time_ids: PrekeyIds,
    changed: BTreeSet<Address>,
}

impl PqxdhParty {
    /// Makes an identity, a registration id, a signed prekey and a KEM prekey, all from the
    /// generator.
    pub fn new(mut rng: Rng) -> Self {
        let own = IdentityKeyPair::generate(&mut Draw(&mut rng));
        let registration_id = rng.random_range(REGISTRATION_IDS);
        let (signed, signed_store) = new_signed(&own, &mut rng);
        let (kem, kem_store) = new_kem(&own, &mut rng);
        let one_time_ids = PrekeyIds::new(&mut rng);
        let known = BTreeMap::new();
        Self {
            rng,
            stores: Stores {
                identities: Identities { own, registration_id, known, trust_new: true },
                sessions: Sessions::default(),
                one_time: InMemPreKeyStore::new(),
                signed: signed_store,
                kem: kem_store,
            },
            signed,
            kem,
            one_time_ids,
            changed: BTreeSet::new(),
        }
    }

    /// Says whether a peer's replaced identity is accepted. It is by default, as in the clients.
    pub fn trust_new_identities(&mut self, trust: bool) {
        self.stores.identities.trust_new = trust;
    }

    /// Records whether the last operation for this peer replaced its identity.
    fn report_change(&mut self, peer: &Address, changed: bool) {
        if changed {
            self.changed.insert(peer.clone());
        } else {
            self.changed.remove(peer);
        }
    }
}

impl Party for PqxdhParty {
    fn version(&self) -> u8 {
        VERSION
    }

    fn registration_id(&self) -> u32 {
        self.stores.identities.registration_id
    }

    fn identity(&self) -> [u8; 32] {
        raw(self.stores.identities.own.public_key())
    }

    fn signed_prekey(&self) -> SignedPrekey {
        self.signed.clone()
    }

    /// The KEM prekey stays: it is one of last resort, and has no wire form for a rotation.
    fn rotate_signed_prekey(&mut self) -> SignedPrekey {
        let mut id = self.signed.id;
        while self.stores.signed.all_signed_pre_key_ids().any(|known| u32::from(*known) == id) {
            id = if id < *PREKEY_IDS.end() { id + 1 } else { *PREKEY_IDS.start() };
        }
        let (store, own) = (&mut self.stores.signed, &self.stores.identities.own);
        self.signed = add_signed(store, id, own, &mut self.rng);
        self.signed.clone()
    }

    fn drop_signed_prekey(&mut self, id: u32) {
        if id == self.signed.id {
            return;
        }
        // The library's store forgets nothing by itself.
        let mut kept = InMemSignedPreKeyStore::new();
        let ids = self.stores.signed.all_signed_pre_key_ids().copied();
        for known in ids.filter(|known| u32::from(*known) != id).collect::<Vec<_>>() {
            let record = at_once(self.stores.signed.get_signed_pre_key(known));
            let record = record.expect("the store has named it");
            at_once(kept.save_signed_pre_key(known, &record)).expect("it is a map");
        }
        self.stores.signed = kept;
    }

    fn kem_prekey(&self) -> Option<KemPrekey> {
        Some(self.kem.clone())
    }

    fn new_one_time_prekeys(&mut self, count: usize) -> Vec<OneTimePrekey> {
        let make = |_| {
            let id = self.one_time_ids.take();
            let pair = KeyPair::generate(&mut Draw(&mut self.rng));
            let record = PreKeyRecord::new(id.into(), &pair);
            at_once(self.stores.one_time.save_pre_key(id.into(), &record)).expect("it is a map");
            OneTimePrekey { id, value: raw(&pair.public_key) }
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
        let record = self.stores.sessions.0.get(&library_address(peer));
        let any = SessionUsabilityRequirements::empty();
        record.is_some_and(|record| record.has_usable_sender_chain(NOW, any).unwrap_or(false))
    }

    fn encrypt(&mut self, peer: &Address, plaintext: &[u8]) -> Result<Ciphertext, E2eeError> {
        if !self.has_session(peer) {
            return Err(E2eeError::NoSession(peer.clone()));
        }
        let address = library_address(peer);
        let Stores { sessions, identities, .. } = &mut self.stores;
        let mut draw = Draw(&mut self.rng);
        let call = message_encrypt(plaintext, &address, sessions, identities, NOW, &mut draw);
        let message = at_once(call)?;
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
        record::view(self.stores.sessions.0.get(&library_address(peer))?)
    }

    fn snapshot(&self, peer: &Address) -> Option<SessionSnapshot> {
        record::snapshot(self.stores.sessions.0.get(&library_address(peer))?)
    }

    fn stolen(&self) -> Box<dyn Party> {
        let mut seed = Sha256::new();
        seed.update(b"stolen");
        seed.update(self.stores.identities.own.private_key().serialize());
        self.copy(Rng::from_seed(seed.finalize().into()))
    }

    fn copy(&self, rng: Rng) -> Box<dyn Party> {
        Box::new(Self {
            rng,
            stores: self.stores.clone(),
            signed: self.signed.clone(),
            kem: self.kem.clone(),
            one_time_ids: self.one_time_ids.clone(),
            changed: self.changed.clone(),
        })
    }

    fn save(&self) -> serde_json::Value {
        kept::written(&self.kept())
    }

    fn load(&mut self, saved: &serde_json::Value) -> Result<(), E2eeError> {
        self.take_over(kept::read(saved)?)
    }

    fn start_prekey_ids_at(&mut self, id: u32, anew: bool) {
        self.one_time_ids.start_at(id, anew);
    }

    /// The derivation of version 4 is the library's own on both ends; nothing here judges it.
    fn responder_keys(&self, _one_time_id: Option<u32>) -> Option<ResponderKeys> {
        None
    }

    fn drop_session(&mut self, peer: &Address) {
        self.stores.sessions.0.remove(&library_address(peer));
    }

    fn peer_identity(&self, peer: &Address) -> Option<[u8; 32]> {
        let known = self.stores.identities.known.get(&library_address(peer))?;
        Some(raw(known.public_key()))
    }

    fn sign(&mut self, message: &[u8]) -> Vec<u8> {
        sign(&self.stores.identities.own, message, &mut self.rng)
    }

    fn identity_changed(&self, peer: &Address) -> bool {
        self.changed.contains(peer)
    }
}

fn raw(key: &PublicKey) -> [u8; 32] {
    key.public_key_bytes().try_into().expect("an X25519 key has 32 bytes")
}

/// X3DH §3.2: Sig(IK, Encode(SPK)).
fn new_signed(own: &IdentityKeyPair, rng: &mut Rng) -> (SignedPrekey, InMemSignedPreKeyStore) {
    let id = rng.random_range(PREKEY_IDS);
    let mut store = InMemSignedPreKeyStore::new();
    (add_signed(&mut store, id, own, rng), store)
}

fn add_signed(
    store: &mut InMemSignedPreKeyStore,
    id: u32,
    own: &IdentityKeyPair,
    rng: &mut Rng,
) -> SignedPrekey {
    let pair = KeyPair::generate(&mut Draw(rng));
    let signature = sign(own, &pair.public_key.serialize(), rng);
    let record = SignedPreKeyRecord::new(id.into(), made(), &pair, &signature);
    at_once(store.save_signed_pre_key(id.into(), &record)).expect("it is a map");
    SignedPrekey { id, value: raw(&pair.public_key), signature }
}

/// PQX §3.2: Sig(IK, EncodeKEM(PQSPK)). It serves many sessions, as a last-resort prekey does.
fn new_kem(own: &IdentityKeyPair, rng: &mut Rng) -> (KemPrekey, InMemKyberPreKeyStore) {
    let id = rng.random_range(PREKEY_IDS);
    let pair = kem::KeyPair::generate(kem::KeyType::Kyber1024, &mut Draw(rng));
    let value = pair.public_key.serialize().into_vec();
    let signature = sign(own, &value, rng);
    let record = KyberPreKeyRecord::new(id.into(), made(), &pair, &signature);
    let mut store = InMemKyberPreKeyStore::new();
    at_once(store.save_kyber_pre_key(id.into(), &record)).expect("it is a map");
    (KemPrekey { id, value, signature }, store)
}

fn sign(own: &IdentityKeyPair, message: &[u8], rng: &mut Rng) -> Vec<u8> {
    let signature = own.private_key().calculate_signature(message, &mut Draw(rng));
    signature.expect("signing only computes").into_vec()
}

fn made() -> Timestamp {
    Timestamp::from_epoch_millis(0)
}

/// The peer's identity, as it was before something was tried.
type KnownIdentity = Option<libsignal_protocol::IdentityKey>;

/// Puts back what was known of a peer's identity.
fn restore_identity(identities: &mut Identities, address: &ProtocolAddress, old: KnownIdentity) {
    match old {
        Some(identity) => identities.known.insert(address.clone(), identity),
        None => identities.known.remove(address),
    };
}
