//! What an identity of version 4 writes down, and how it takes it over again.
//!
//! Keys and sessions are in the library's own forms. Which base keys a KEM prekey has served is not
//! among them, since its store shows it to nobody: after a stop the sessions tell (ENC-007).

use libsignal_protocol::{
    GenericSignedPreKey as _, IdentityKey, IdentityKeyPair, InMemKyberPreKeyStore,
    InMemPreKeyStore, InMemSignedPreKeyStore, KyberPreKeyRecord, KyberPreKeyStore as _,
    PreKeyRecord, PreKeyStore as _, ProtocolAddress, SessionRecord, SignedPreKeyRecord,
    SignedPreKeyStore as _,
};
use serde::{Deserialize, Serialize};

use super::stores::{Identities, Sessions, Stores, library_address};
use super::{PqxdhParty, raw};
use crate::e2ee::error::E2eeError;
use crate::e2ee::kept::{Hex, Kept};
use crate::e2ee::party::{Address, KemPrekey, SignedPrekey};
use crate::e2ee::prekey_ids::PrekeyIds;
use crate::e2ee::stores::at_once;

#[derive(Serialize, Deserialize)]
pub(super) struct KeptWithKem {
    keys: Kept<PrekeyIds>,
    kem_id: u32,
    kem: Hex,
}

impl PqxdhParty {
    pub(super) fn kept(&self) -> KeptWithKem {
        let Stores { identities, sessions, one_time, signed, kem } = &self.stores;
        let known = |(address, key): (&ProtocolAddress, &IdentityKey)| {
            (plain(address), Hex::of(key.serialize()))
        };
        let session = |(address, record): (&ProtocolAddress, &SessionRecord)| {
            (plain(address), Hex(record.serialize().expect("a record of the store is whole")))
        };
        let signed = signed.all_signed_pre_key_ids().map(|id| {
            let record = at_once(signed.get_signed_pre_key(*id)).expect("the store has named it");
            ((*id).into(), Hex(record.serialize().expect("a record only fills a buffer")))
        });
        let one_time = one_time.all_pre_key_ids().map(|id| {
            let record = at_once(one_time.get_pre_key(*id)).expect("the store has named it");
            ((*id).into(), Hex(record.serialize().expect("a record only fills a buffer")))
        });
        let kem = at_once(kem.get_kyber_pre_key(self.kem.id.into())).expect("it is never removed");
        let keys = Kept {
            identity: Hex::of(identities.own.serialize()),
            registration_id: identities.registration_id,
            signed_prekey_id: self.signed.id,
            signed: signed.collect(),
            one_time: one_time.collect(),
            one_time_ids: self.one_time_ids.clone(),
            known: identities.known.iter().map(known).collect(),
            sessions: sessions.0.iter().map(session).collect(),
            changed: self.changed.iter().cloned().collect(),
        };
        let kem = Hex(kem.serialize().expect("a record only fills a buffer"));
        KeptWithKem { keys, kem_id: self.kem.id, kem }
    }

    pub(super) fn take_over(&mut self, kept: KeptWithKem) -> Result<(), E2eeError> {
        let KeptWithKem { keys, kem_id, kem } = kept;
        let own = IdentityKeyPair::try_from(&keys.identity.0[..]).map_err(unreadable)?;
        let mut identities = Identities {
            own,
            registration_id: keys.registration_id,
            known: Default::default(),
            trust_new: self.stores.identities.trust_new,
        };
        for (address, key) in &keys.known {
            let identity = IdentityKey::decode(&key.0).map_err(unreadable)?;
            identities.known.insert(library_address(address), identity);
        }
        let mut sessions = Sessions::default();
        for (address, record) in &keys.sessions {
            let record = SessionRecord::deserialize(&record.0).map_err(unreadable)?;
            sessions.0.insert(library_address(address), record);
        }
        let mut one_time = InMemPreKeyStore::new();
        for (id, record) in &keys.one_time {
            let record = PreKeyRecord::deserialize(&record.0).map_err(unreadable)?;
            at_once(one_time.save_pre_key((*id).into(), &record))?;
        }
        let mut signed = InMemSignedPreKeyStore::new();
        let mut current = None;
        for (id, record) in &keys.signed {
            let record = SignedPreKeyRecord::deserialize(&record.0).map_err(unreadable)?;
            at_once(signed.save_signed_pre_key((*id).into(), &record))?;
            if *id == keys.signed_prekey_id {
                current = Some(record);
            }
        }
        let current = current.ok_or(E2eeError::UnreadableRecord)?;
        let record = KyberPreKeyRecord::deserialize(&kem.0).map_err(unreadable)?;
        let mut kem = InMemKyberPreKeyStore::new();
        at_once(kem.save_kyber_pre_key(kem_id.into(), &record))?;
        self.signed = SignedPrekey {
            id: keys.signed_prekey_id,
            value: raw(&current.public_key().map_err(unreadable)?),
            signature: current.signature().map_err(unreadable)?,
        };
        self.kem = KemPrekey {
            id: kem_id,
            value: record.public_key().map_err(unreadable)?.serialize().into_vec(),
            signature: record.signature().map_err(unreadable)?,
        };
        self.stores = Stores { identities, sessions, one_time, signed, kem };
        (self.one_time_ids, self.changed) = (keys.one_time_ids, keys.changed.into_iter().collect());
        Ok(())
    }
}

fn unreadable<E>(_: E) -> E2eeError {
    E2eeError::UnreadableRecord
}

/// The address that a library's name stands for, see [`library_address`].
fn plain(address: &ProtocolAddress) -> Address {
    let (name, device) = address.name().rsplit_once('.').unwrap_or((address.name(), "0"));
    Address::new(name, device.parse().unwrap_or_default())
}
