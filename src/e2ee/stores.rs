//! The four stores that the session layer asks for, in memory.
//!
//! [`Stores`] is what a party owns. The session layer's traits are asynchronous; these stores
//! answer at once, so [`at_once`] polls a call once and treats waiting as an error of ours. The
//! used one-time prekey is deleted by the caller of decrypt, not here. Maps are ordered, so that
//! runs repeat.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use wacore_libsignal::protocol::{
    Direction, GenericSignedPreKey as _, IdentityChange, IdentityKey, IdentityKeyPair,
    IdentityKeyStore, KeyPair, PreKeyId, PreKeyRecord, PreKeyStore, ProtocolAddress, SessionRecord,
    SessionStore, SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore,
    Timestamp,
};

use super::error::E2eeError;

type Answer<T> = Result<T, SignalProtocolError>;
/// What an asynchronous trait method returns once its sugar is gone.
type Later<'a, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

/// Runs a call of a session layer to its end, which it reaches at the first poll.
///
/// # Errors
/// The call's own error, or [`E2eeError::Pending`] if it waits.
pub(super) fn at_once<T, E: Into<E2eeError>>(
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E2eeError> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.map_err(Into::into),
        Poll::Pending => Err(E2eeError::Pending),
    }
}

fn now<'a, T: Send + 'a>(answer: Answer<T>) -> Later<'a, T> {
    Box::pin(ready(answer))
}

/// A signed prekey with its private half.
#[derive(Clone)]
pub(super) struct SignedPair {
    pub pair: KeyPair,
    pub signature: [u8; 64],
}

/// Everything that a party keeps.
#[derive(Clone)]
pub(super) struct Stores {
    pub identities: Identities,
    pub sessions: Sessions,
    pub one_time: OneTimePrekeys,
    pub signed: SignedPrekeys,
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

/// Records are shared, because each decryption keeps the one from before until it has succeeded.
#[derive(Clone, Default)]
pub(super) struct Sessions(pub BTreeMap<ProtocolAddress, Arc<SessionRecord>>);

#[derive(Clone, Default)]
pub(super) struct OneTimePrekeys(pub BTreeMap<u32, KeyPair>);

#[derive(Clone, Default)]
pub(super) struct SignedPrekeys(pub BTreeMap<u32, SignedPair>);

impl Identities {
    pub(super) fn trusts(&self, address: &ProtocolAddress, identity: &IdentityKey) -> bool {
        self.trust_new || self.known.get(address).is_none_or(|known| known == identity)
    }

    pub(super) fn save(
        &mut self,
        address: &ProtocolAddress,
        identity: IdentityKey,
    ) -> IdentityChange {
        match self.known.insert(address.clone(), identity) {
            Some(old) if old != identity => IdentityChange::ReplacedExisting,
            _ => IdentityChange::NewOrUnchanged,
        }
    }
}

impl Sessions {
    /// Keeps a record whose counters are exact: nothing here survives a crash, so no batch of
    /// counters is reserved ahead, which would show as a gap whenever a session is inspected or
    /// copied.
    pub(super) fn save(&mut self, address: &ProtocolAddress, mut record: SessionRecord) {
        record.waive_counter_lease();
        self.0.insert(address.clone(), Arc::new(record));
    }
}

impl IdentityKeyStore for Identities {
    fn get_identity_key_pair<'s, 'f>(&'s self) -> Later<'f, IdentityKeyPair>
    where
        's: 'f,
    {
        now(Ok(self.own.clone()))
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
        now(Ok(self.save(address, *identity)))
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
        now(Ok(self.0.get(address).map(|record| SessionRecord::clone(record))))
    }

    fn has_session<'s, 'a, 'f>(&'s self, address: &'a ProtocolAddress) -> Later<'f, bool>
    where
        's: 'f,
        'a: 'f,
    {
        now(Ok(self.0.contains_key(address)))
    }

    fn store_session<'s, 'a, 'f>(
        &'s mut self,
        address: &'a ProtocolAddress,
        record: SessionRecord,
    ) -> Later<'f, ()>
    where
        's: 'f,
        'a: 'f,
    {
        self.save(address, record);
        now(Ok(()))
    }
}

impl PreKeyStore for OneTimePrekeys {
    fn get_pre_key<'s, 'f>(&'s self, id: PreKeyId) -> Later<'f, PreKeyRecord>
    where
        's: 'f,
    {
        let pair = self.0.get(&id.into()).ok_or(SignalProtocolError::InvalidPreKeyId);
        now(pair.map(|pair| PreKeyRecord::new(id, pair)))
    }

    fn save_pre_key<'s, 'a, 'f>(
        &'s mut self,
        id: PreKeyId,
        record: &'a PreKeyRecord,
    ) -> Later<'f, ()>
    where
        's: 'f,
        'a: 'f,
    {
        now(record.key_pair().map(|pair| {
            self.0.insert(id.into(), pair);
        }))
    }

    fn remove_pre_key<'s, 'f>(&'s mut self, id: PreKeyId) -> Later<'f, ()>
    where
        's: 'f,
    {
        self.0.remove(&id.into());
        now(Ok(()))
    }
}

impl SignedPreKeyStore for SignedPrekeys {
    fn get_signed_pre_key<'s, 'f>(&'s self, id: SignedPreKeyId) -> Later<'f, SignedPreKeyRecord>
    where
        's: 'f,
    {
        let found = self.0.get(&id.into()).ok_or(SignalProtocolError::InvalidSignedPreKeyId);
        let made = Timestamp::from_epoch_millis(0);
        now(found.map(|signed| SignedPreKeyRecord::new(id, made, &signed.pair, &signed.signature)))
    }

    fn save_signed_pre_key<'s, 'a, 'f>(
        &'s mut self,
        id: SignedPreKeyId,
        record: &'a SignedPreKeyRecord,
    ) -> Later<'f, ()>
    where
        's: 'f,
        'a: 'f,
    {
        let signed = record.key_pair().and_then(|pair| {
            let signature = record.signature()?.try_into();
            let signature =
                signature.map_err(|_| SignalProtocolError::SignatureValidationFailed)?;
            Ok(SignedPair { pair, signature })
        });
        now(signed.map(|signed| {
            self.0.insert(id.into(), signed);
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_waits_is_an_error_of_ours() {
        let waiting = std::future::pending::<Answer<()>>();
        assert!(matches!(at_once(waiting), Err(E2eeError::Pending)));
        assert!(matches!(at_once(ready(Answer::Ok(7))), Ok(7)));
        assert!(matches!(at_once(now(Ok(7))), Ok(7)));
    }

    #[test]
    fn a_replaced_identity_is_reported_and_distrusted_on_demand() {
        let mut rng = crate::seed::Seed(1).rng(&["stores"]);
        let mut identities = Identities {
            own: IdentityKeyPair::generate(&mut rng),
            registration_id: 1,
            known: BTreeMap::new(),
            trust_new: false,
        };
        let bob = ProtocolAddress::new("bob", 0.into());
        let [old, new] = [(); 2].map(|()| *IdentityKeyPair::generate(&mut rng).identity_key());
        assert!(identities.trusts(&bob, &old), "the first identity is trusted on first use");
        assert_eq!(identities.save(&bob, old), IdentityChange::NewOrUnchanged);
        assert_eq!(identities.save(&bob, old), IdentityChange::NewOrUnchanged);
        assert!(!identities.trusts(&bob, &new));
        assert_eq!(identities.save(&bob, new), IdentityChange::ReplacedExisting);
    }
}
