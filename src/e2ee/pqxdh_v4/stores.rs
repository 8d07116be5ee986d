//! The stores that Signal's library asks for, and its generator.
//!
//! Identities and sessions are kept here, because a party looks into them and takes sessions away;
//! prekeys are in the library's own in-memory stores, which delete a one-time prekey when it has
//! served. [`Draw`] lends the seeded generator to a library that speaks an older version of `rand`'s
//! traits.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::pin::Pin;

use libsignal_protocol::{
    DeviceId, Direction, IdentityChange, IdentityKey, IdentityKeyPair, IdentityKeyStore,
    InMemKyberPreKeyStore, InMemPreKeyStore, InMemSignedPreKeyStore, ProtocolAddress,
    SessionRecord, SessionStore, SignalProtocolError,
};
use rand::Rng as _;

use crate::e2ee::party::Address;
use crate::seed::Rng;

type Answer<T> = Result<T, SignalProtocolError>;
/// What an asynchronous trait method returns once its sugar is gone.
type Later<'a, T> = Pin<Box<dyn Future<Output = Answer<T>> + 'a>>;

fn now<'a, T: 'a>(answer: Answer<T>) -> Later<'a, T> {
    Box::pin(ready(answer))
}

/// The seeded generator behind the traits of `rand` 0.9.
pub(in crate::e2ee) struct Draw<'a>(pub &'a mut Rng);

impl rand_core_09::RngCore for Draw<'_> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

impl rand_core_09::CryptoRng for Draw<'_> {}

/// Everything that a party keeps.
#[derive(Clone)]
pub(super) struct Stores {
    pub identities: Identities,
    pub sessions: Sessions,
    pub one_time: InMemPreKeyStore,
    pub signed: InMemSignedPreKeyStore,
    pub kem: InMemKyberPreKeyStore,
}

/// Our own identity and those of our peers.
#[derive(Clone)]
pub(super) struct Identities {
    pub own: IdentityKeyPair,
    pub registration_id: u32,
    pub known: BTreeMap<ProtocolAddress, IdentityKey>,
    /// A replaced identity is accepted, as clients do, which show a notice (`wire.md` §5.7).
    pub trust_new: bool,
}

#[derive(Clone, Default)]
pub(super) struct Sessions(pub BTreeMap<ProtocolAddress, SessionRecord>);

/// The library's form of an address. It knows no device 0, so the device is part of the name; an
/// address never leaves the party.
pub(super) fn library_address(peer: &Address) -> ProtocolAddress {
    const ANY_DEVICE: DeviceId = match DeviceId::new(1) {
        Ok(device) => device,
        Err(_) => panic!("1 is a device"),
    };
    ProtocolAddress::new(peer.to_string(), ANY_DEVICE)
}

impl Identities {
    pub(super) fn trusts(&self, address: &ProtocolAddress, identity: &IdentityKey) -> bool {
        self.trust_new || self.known.get(address).is_none_or(|known| known == identity)
    }
}

impl IdentityKeyStore for Identities {
    fn get_identity_key_pair<'s, 'f>(&'s self) -> Later<'f, IdentityKeyPair>
    where
        's: 'f,
    {
        now(Ok(self.own))
    }

    fn get_local_registration_id<'s, 'f>(&'s self) -> Later<'f, u32>
    where
        's: 'f,
    {
        now(Ok(self.registration_id))
    }

    fn save_identity<'s, 'a, 'b, 'f>(
        &'s mut self,
        address: &'a ProtocolAddress,
        identity: &'b IdentityKey,
    ) -> Later<'f, IdentityChange>
    where
        's: 'f,
        'a: 'f,
        'b: 'f,
    {
        let old = self.known.insert(address.clone(), *identity);
        now(Ok(IdentityChange::from_changed(old.is_some_and(|old| old != *identity))))
    }

    fn is_trusted_identity<'s, 'a, 'b, 'f>(
        &'s self,
        address: &'a ProtocolAddress,
        identity: &'b IdentityKey,
        _direction: Direction,
    ) -> Later<'f, bool>
    where
        's: 'f,
        'a: 'f,
        'b: 'f,
    {
        now(Ok(self.trusts(address, identity)))
    }

    fn get_identity<'s, 'a, 'f>(
        &'s self,
        address: &'a ProtocolAddress,
    ) -> Later<'f, Option<IdentityKey>>
    where
        's: 'f,
        'a: 'f,
    {
        now(Ok(self.known.get(address).copied()))
    }
}

impl SessionStore for Sessions {
    fn load_session<'s, 'a, 'f>(
        &'s self,
        address: &'a ProtocolAddress,
    ) -> Later<'f, Option<SessionRecord>>
    where
        's: 'f,
        'a: 'f,
    {
        now(Ok(self.0.get(address).cloned()))
    }

    fn store_session<'s, 'a, 'b, 'f>(
        &'s mut self,
        address: &'a ProtocolAddress,
        record: &'b SessionRecord,
    ) -> Later<'f, ()>
    where
        's: 'f,
        'a: 'f,
        'b: 'f,
    {
        self.0.insert(address.clone(), record.clone());
        now(Ok(()))
    }
}
