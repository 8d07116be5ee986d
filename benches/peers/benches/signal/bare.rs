//! wacore-libsignal with the least that it needs around it: maps for stores, and nothing else.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use counterpart::seed::{Rng, Seed};
use wacore_libsignal::core::curve::KeyPair;
use wacore_libsignal::protocol::{
    CiphertextMessage, Direction, GenericSignedPreKey as _, IdentityChange, IdentityKey,
    IdentityKeyPair, IdentityKeyStore, PreKeyBundle, PreKeyId, PreKeyRecord, PreKeyStore,
    ProtocolAddress, SessionRecord, SessionStore, SignalProtocolError, SignedPreKeyId,
    SignedPreKeyRecord, SignedPreKeyStore, Timestamp, UsePQRatchet, message_decrypt_prekey,
    message_decrypt_signal, message_encrypt, process_prekey_bundle,
};

use super::TEXT;

type Answer<T> = Result<T, SignalProtocolError>;

struct Identities(IdentityKeyPair, BTreeMap<ProtocolAddress, IdentityKey>);
#[derive(Default)]
struct Sessions(BTreeMap<ProtocolAddress, SessionRecord>);
struct NoPreKeys;
struct OneSigned(SignedPreKeyRecord);

#[async_trait]
impl IdentityKeyStore for Identities {
    async fn get_identity_key_pair(&self) -> Answer<IdentityKeyPair> {
        Ok(self.0.clone())
    }
    async fn get_local_registration_id(&self) -> Answer<u32> {
        Ok(1)
    }
    async fn save_identity(
        &mut self,
        address: &ProtocolAddress,
        identity: &IdentityKey,
    ) -> Answer<IdentityChange> {
        self.1.insert(address.clone(), *identity);
        Ok(IdentityChange::NewOrUnchanged)
    }
    async fn is_trusted_identity(
        &self,
        _address: &ProtocolAddress,
        _identity: &IdentityKey,
        _direction: Direction,
    ) -> Answer<bool> {
        Ok(true)
    }
    async fn get_identity(&self, address: &ProtocolAddress) -> Answer<Option<IdentityKey>> {
        Ok(self.1.get(address).copied())
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, address: &ProtocolAddress) -> Answer<Option<SessionRecord>> {
        Ok(self.0.get(address).cloned())
    }
    async fn has_session(&self, address: &ProtocolAddress) -> Answer<bool> {
        Ok(self.0.contains_key(address))
    }
    async fn store_session(
        &mut self,
        address: &ProtocolAddress,
        mut record: SessionRecord,
    ) -> Answer<()> {
        record.waive_counter_lease();
        self.0.insert(address.clone(), record);
        Ok(())
    }
}

#[async_trait]
impl PreKeyStore for NoPreKeys {
    async fn get_pre_key(&self, _id: PreKeyId) -> Answer<PreKeyRecord> {
        Err(SignalProtocolError::InvalidPreKeyId)
    }
    async fn save_pre_key(&mut self, _id: PreKeyId, _record: &PreKeyRecord) -> Answer<()> {
        Ok(())
    }
    async fn remove_pre_key(&mut self, _id: PreKeyId) -> Answer<()> {
        Ok(())
    }
}

#[async_trait]
impl SignedPreKeyStore for OneSigned {
    async fn get_signed_pre_key(&self, _id: SignedPreKeyId) -> Answer<SignedPreKeyRecord> {
        Ok(self.0.clone())
    }
    async fn save_signed_pre_key(
        &mut self,
        _id: SignedPreKeyId,
        _record: &SignedPreKeyRecord,
    ) -> Answer<()> {
        Ok(())
    }
}

struct End {
    address: ProtocolAddress,
    identities: Identities,
    sessions: Sessions,
    signed: OneSigned,
    rng: Rng,
}

impl End {
    fn new(name: &str) -> Self {
        let mut rng = Seed(1).rng(&["bare", name]);
        let own = IdentityKeyPair::generate(&mut rng);
        let pair = KeyPair::generate(&mut rng);
        let signature =
            own.private_key().calculate_signature(&pair.public_key.serialize(), &mut rng);
        let signature = signature.expect("signing only computes");
        let made = Timestamp::from_epoch_millis(0);
        Self {
            address: ProtocolAddress::new(name, 0.into()),
            identities: Identities(own, BTreeMap::new()),
            sessions: Sessions::default(),
            signed: OneSigned(SignedPreKeyRecord::new(9.into(), made, &pair, &signature)),
            rng,
        }
    }

    fn encrypt(&mut self, to: &ProtocolAddress) -> CiphertextMessage {
        let call = message_encrypt(&TEXT, to, &mut self.sessions, &mut self.identities);
        at_once(call).expect("there is a session")
    }

    fn decrypt(&mut self, from: &ProtocolAddress, message: &CiphertextMessage) {
        let Self { identities, sessions, signed, rng, .. } = self;
        // As from the wire: the bytes are parsed.
        let bytes = message.serialize();
        let plaintext = match message {
            CiphertextMessage::PreKeySignalMessage(_) => {
                let message = bytes.try_into().expect("it is genuine");
                at_once(message_decrypt_prekey(
                    &message,
                    from,
                    sessions,
                    identities,
                    &mut NoPreKeys,
                    signed,
                    rng,
                    UsePQRatchet::No,
                ))
            }
            _ => {
                let message = bytes.try_into().expect("it is genuine");
                at_once(message_decrypt_signal(&message, from, sessions, identities, rng))
            }
        };
        assert_eq!(plaintext.expect("it is genuine").plaintext, TEXT);
    }
}

/// Both ends of a session.
pub struct Bare {
    alice: End,
    bob: End,
    bundle: PreKeyBundle,
}

impl Bare {
    pub fn pair() -> Self {
        let [alice, bob] = ["alice", "bob"].map(End::new);
        let signed = &bob.signed.0;
        let identity = *bob.identities.0.identity_key();
        let (public, signature) = (signed.public_key(), signed.signature());
        let (public, signature) = (public.expect("fixed"), signature.expect("fixed"));
        let bundle =
            PreKeyBundle::new(1, 1.into(), None, 9.into(), public, signature.to_vec(), identity);
        Self { alice, bob, bundle: bundle.expect("fixed") }
    }

    pub fn settled() -> Self {
        let mut bare = Self::pair();
        bare.open();
        let Self { alice, bob, .. } = &mut bare;
        let reply = bob.encrypt(&alice.address);
        alice.decrypt(&bob.address, &reply);
        bare
    }

    pub fn open(&mut self) {
        let Self { alice, bob, bundle } = self;
        alice.sessions.0.clear();
        bob.sessions.0.clear();
        let End { identities, sessions, rng, .. } = alice;
        let pq = UsePQRatchet::No;
        let call = process_prekey_bundle(&bob.address, sessions, identities, bundle, rng, pq);
        at_once(call).expect("it is sound");
        self.say();
    }

    pub fn say(&mut self) {
        let Self { alice, bob, .. } = self;
        let message = alice.encrypt(&bob.address);
        bob.decrypt(&alice.address, &message);
    }
}

fn at_once<T>(call: impl Future<Output = Answer<T>>) -> Answer<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("maps never wait"),
    }
}
