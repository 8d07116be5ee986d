//! What an identity of version 3 writes down, and how it takes it over again.
//!
//! A session is written in the session layer's own form with its exact counters: what is written is
//! written before a message leaves, so no counters are reserved ahead for a crash.

use std::sync::Arc;

use wacore_libsignal::core::curve::{KeyPair, PrivateKey};
use wacore_libsignal::protocol::{IdentityKey, IdentityKeyPair, ProtocolAddress, SessionRecord};

use super::error::E2eeError;
use super::kept::{Hex, Kept};
use super::party::Address;
use super::prekey_ids::PrekeyIds;
use super::stores::{Identities, OneTimePrekeys, Sessions, SignedPair, SignedPrekeys, Stores};
use super::x3dh_v3::{X3dhParty, public, wire_address};

/// A private key and a signature.
const SIGNED_BYTES: usize = 32 + 64;

impl X3dhParty {
    pub(super) fn kept(&self) -> Kept<PrekeyIds> {
        let Stores { identities, sessions, one_time, signed } = &self.stores;
        let private = |pair: &KeyPair| Hex::of(pair.private_key.serialize());
        let session = |(address, record): (&ProtocolAddress, &Arc<SessionRecord>)| {
            let bytes = record.serialize().expect("a record only fills a buffer");
            (plain(address), Hex(bytes))
        };
        let identity = |(address, key): (&ProtocolAddress, &IdentityKey)| {
            (plain(address), Hex::of(key.public_key().public_key_bytes()))
        };
        let signed = signed.0.iter().map(|(id, signed)| {
            let bytes = [&signed.pair.private_key.serialize()[..], &signed.signature].concat();
            (*id, Hex(bytes))
        });
        Kept {
            identity: Hex::of(identities.own.private_key().serialize()),
            registration_id: identities.registration_id,
            signed_prekey_id: self.signed_prekey_id(),
            signed: signed.collect(),
            one_time: one_time
                .0
                .iter()
                .chain(self.unwritten_deletions.iter().flatten())
                .map(|(id, pair)| (*id, private(pair)))
                .collect(),
            one_time_ids: self.one_time_ids().clone(),
            known: identities.known.iter().map(identity).collect(),
            sessions: sessions.0.iter().map(session).collect(),
            changed: self.changed().iter().cloned().collect(),
        }
    }

    pub(super) fn take_over(&mut self, kept: &Kept<PrekeyIds>) -> Result<(), E2eeError> {
        let own = private_key(&kept.identity)?;
        let mut stores = Stores {
            identities: Identities {
                own: IdentityKeyPair::try_from(own)?,
                registration_id: kept.registration_id,
                known: Default::default(),
                trust_new: self.stores.identities.trust_new,
            },
            sessions: Sessions::default(),
            one_time: OneTimePrekeys::default(),
            signed: SignedPrekeys::default(),
        };
        for (address, key) in &kept.known {
            let identity = IdentityKey::new(public(&key.key()?));
            stores.identities.known.insert(wire_address(address), identity);
        }
        for (address, record) in &kept.sessions {
            let record = SessionRecord::deserialize(&record.0);
            let record = record.map_err(|_| E2eeError::UnreadableRecord)?;
            stores.sessions.save(&wire_address(address), record);
        }
        for (id, key) in &kept.one_time {
            stores.one_time.0.insert(*id, pair(key)?);
        }
        for (id, signed) in &kept.signed {
            stores.signed.0.insert(*id, signed_pair(signed)?);
        }
        if !stores.signed.0.contains_key(&kept.signed_prekey_id) {
            return Err(E2eeError::UnreadableRecord);
        }
        let changed = kept.changed.iter().cloned().collect();
        self.replace(stores, kept.signed_prekey_id, kept.one_time_ids.clone(), changed);
        Ok(())
    }
}

fn plain(address: &ProtocolAddress) -> Address {
    Address::new(address.name(), address.device_id().into())
}

fn private_key(bytes: &Hex) -> Result<PrivateKey, E2eeError> {
    PrivateKey::deserialize(&bytes.0).map_err(|_| E2eeError::UnreadableRecord)
}

fn pair(bytes: &Hex) -> Result<KeyPair, E2eeError> {
    KeyPair::try_from(private_key(bytes)?).map_err(|_| E2eeError::UnreadableRecord)
}

fn signed_pair(bytes: &Hex) -> Result<SignedPair, E2eeError> {
    let whole: &[u8; SIGNED_BYTES] =
        bytes.0.as_slice().try_into().map_err(|_| E2eeError::UnreadableRecord)?;
    let (key, signature) = whole.split_at(32);
    let signature = signature.try_into().map_err(|_| E2eeError::UnreadableRecord)?;
    Ok(SignedPair { pair: pair(&Hex::of(key))?, signature })
}
