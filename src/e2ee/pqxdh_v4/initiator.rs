//! Opening a session from a fetched bundle: the initiator's side of PQXDH (PQX §3.3).
//!
//! A bundle whose signatures verify goes the library's own way. That way refuses every other
//! bundle; a reference with a fault must be able not to, so an unchecked bundle makes the session
//! from the library's parts.

use libsignal_protocol::{
    AliceSignalProtocolParameters, DeviceId, IdentityKey, KeyPair, PreKeyBundle, ProtocolAddress,
    PublicKey, SessionRecord, initialize_alice_session_record, kem, process_prekey_bundle,
};

use super::record::{FirstHeader, Record};
use super::stores::{Draw, Stores, library_address};
use super::{NOW, PqxdhParty};
use crate::e2ee::error::E2eeError;
use crate::e2ee::party::{Address, Bundle, KemPrekey, Party as _, SignatureCheck};
use crate::e2ee::stores::at_once;

impl PqxdhParty {
    pub(super) fn open_session(
        &mut self,
        peer: &Address,
        bundle: &Bundle,
        check: SignatureCheck,
    ) -> Result<(), E2eeError> {
        let stood_in = self.without_their_kem(bundle, check);
        let bundle = stood_in.as_ref().unwrap_or(bundle);
        let keys = Keys::read(bundle)?;
        let sound = keys.check_signatures(bundle, check)?;
        let address = library_address(peer);
        if !self.stores.identities.trusts(&address, &keys.identity) {
            return Err(E2eeError::IdentityChanged(peer.clone()));
        }
        let known = self.stores.identities.known.get(&address).copied();
        if sound {
            self.open_checked(&address, &keys.bundle(bundle)?)?;
        } else {
            self.open_unchecked(&address, bundle, &keys)?;
            self.stores.identities.known.insert(address, keys.identity);
        }
        self.report_change(peer, known.is_some_and(|known| known != keys.identity));
        Ok(())
    }

    /// A deliberate fault: where the peer has no KEM prekey the own one stands in, so that nothing of
    /// the peer's is agreed on beside the elliptic curves.
    fn without_their_kem(&self, bundle: &Bundle, check: SignatureCheck) -> Option<Bundle> {
        let lacks = bundle.kem.is_none() && check == SignatureCheck::KemOptional;
        let own = self.kem_prekey().filter(|_| lacks)?;
        Some(Bundle { kem: Some(KemPrekey { signature: Vec::new(), ..own }), ..bundle.clone() })
    }

    fn open_checked(
        &mut self,
        address: &ProtocolAddress,
        bundle: &PreKeyBundle,
    ) -> Result<(), E2eeError> {
        let Stores { sessions, identities, .. } = &mut self.stores;
        let mut draw = Draw(&mut self.rng);
        at_once(process_prekey_bundle(address, sessions, identities, bundle, NOW, &mut draw))
    }

    fn open_unchecked(
        &mut self,
        address: &ProtocolAddress,
        bundle: &Bundle,
        keys: &Keys,
    ) -> Result<(), E2eeError> {
        let own = self.stores.identities.own;
        let mut draw = Draw(&mut self.rng);
        let base = KeyPair::generate(&mut draw);
        let mut parameters = AliceSignalProtocolParameters::new(
            own,
            base,
            keys.identity,
            keys.signed,
            keys.signed,
            keys.kem.clone(),
        );
        if let Some(key) = keys.one_time {
            parameters.set_their_one_time_pre_key(key);
        }
        let fresh = initialize_alice_session_record(&parameters, &mut draw)?;
        let first = FirstHeader {
            one_time_id: bundle.one_time.map(|prekey| prekey.id),
            signed_prekey_id: bundle.signed_prekey.id,
            kem_id: keys.kem_id,
            base_key: base.public_key.serialize().into_vec(),
            local_registration_id: self.registration_id(),
            remote_registration_id: bundle.registration_id,
        };
        let old = self.stores.sessions.0.get(address).cloned();
        let mut old = old.unwrap_or_else(SessionRecord::new_fresh);
        old.archive_current_state()?;
        let merged = Record::open(&old).zip(Record::open(&fresh));
        let merged = merged.and_then(|(old, fresh)| old.with_current(fresh, &first));
        let record = merged.ok_or(E2eeError::UnreadableRecord)?.close()?;
        self.stores.sessions.0.insert(address.clone(), record);
        Ok(())
    }
}

impl KemPrekey {
    /// Says whether this identity signed the key (PQX §3.2).
    pub fn is_signed_by(&self, identity: &[u8; 32]) -> bool {
        public(identity).is_ok_and(|key| key.verify_signature(&self.value, &self.signature))
    }
}

/// A bundle's keys in the library's form.
struct Keys {
    identity: IdentityKey,
    signed: PublicKey,
    one_time: Option<PublicKey>,
    kem: kem::PublicKey,
    kem_id: u32,
    kem_signature: Vec<u8>,
}

impl Keys {
    fn read(bundle: &Bundle) -> Result<Self, E2eeError> {
        // PQX §3.3 has no agreement without a KEM prekey: version 4 never falls back (ENC-021).
        let KemPrekey { id, value, signature } =
            bundle.kem.as_ref().ok_or(E2eeError::NoKemPrekey)?;
        let kem = kem::PublicKey::deserialize(value);
        Ok(Self {
            identity: IdentityKey::new(public(&bundle.identity)?),
            signed: public(&bundle.signed_prekey.value)?,
            one_time: bundle.one_time.map(|prekey| public(&prekey.value)).transpose()?,
            kem: kem.map_err(|_| E2eeError::KemPrekeyForm { bytes: value.len() })?,
            kem_id: *id,
            kem_signature: signature.clone(),
        })
    }

    /// Whether both signatures verify; an error where one must and does not (PRE-004, PRE-005).
    fn check_signatures(&self, bundle: &Bundle, check: SignatureCheck) -> Result<bool, E2eeError> {
        let signed = &bundle.signed_prekey.signature;
        let verifies = |key: &[u8], signature: &[u8]| {
            self.identity.public_key().verify_signature(key, &check.read(signature))
        };
        let excused = |signature: &[u8]| check.excuses(signature);
        let signed_fits = verifies(&self.signed.serialize(), signed);
        if !signed_fits && !excused(signed) {
            return Err(E2eeError::Signature { bytes: signed.len() });
        }
        let kem_fits = verifies(&self.kem.serialize(), &self.kem_signature);
        if !kem_fits && !check.excuses_kem(&self.kem_signature) {
            return Err(E2eeError::KemSignature { bytes: self.kem_signature.len() });
        }
        Ok(signed_fits && kem_fits)
    }

    fn bundle(&self, bundle: &Bundle) -> Result<PreKeyBundle, E2eeError> {
        let device = DeviceId::new(1).expect("1 is a device");
        Ok(PreKeyBundle::new(
            bundle.registration_id,
            device,
            bundle.one_time.map(|prekey| prekey.id.into()).zip(self.one_time),
            bundle.signed_prekey.id.into(),
            self.signed,
            bundle.signed_prekey.signature.clone(),
            self.kem_id.into(),
            self.kem.clone(),
            self.kem_signature.clone(),
            self.identity,
        )?)
    }
}

fn public(key: &[u8; 32]) -> Result<PublicKey, E2eeError> {
    PublicKey::from_djb_public_key_bytes(key)
        .map_err(|error| E2eeError::Pqxdh(libsignal_protocol::SignalProtocolError::from(error)))
}
