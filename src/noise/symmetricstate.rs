//! The chaining key, the transcript hash and the current key: SymmetricState (specification §5.2).
//!
//! It knows no pattern's messages: XX, IK and XXfallback all run on it. The one place where Meta's
//! dialect departs from the specification is [`SymmetricState::mixes`].

use std::fmt;

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::cipherstate::{CipherError, CipherState};
use super::end::Lapse;
use super::error::{Field, NoiseError};
use super::keypair::{KEY_BYTES, KeyPair};
use super::pattern::{Dialect, Pattern};
use super::transport::Transport;

/// Carries one end's handshake cryptography from message to message.
pub(crate) struct SymmetricState {
    h: [u8; KEY_BYTES],
    ck: Zeroizing<[u8; KEY_BYTES]>,
    cipher: Option<CipherState>,
    dialect: Dialect,
    lapse: Option<Lapse>,
}

impl SymmetricState {
    /// Starts from the protocol name and mixes the prologue, which is the intro header (NOI-003).
    pub(super) fn initialise(
        pattern: Pattern,
        prologue: &[u8],
        dialect: Dialect,
        lapse: Option<Lapse>,
    ) -> Self {
        let h = hash_of_name(pattern.protocol_name().as_bytes());
        let mut state = Self { h, ck: Zeroizing::new(h), cipher: None, dialect, lapse };
        state.mix_hash(prologue);
        state
    }

    /// MixHash: h = SHA-256(h ‖ data).
    pub(super) fn mix_hash(&mut self, data: &[u8]) {
        self.h = Sha256::new().chain_update(self.h).chain_update(data).finalize().into();
    }

    /// MixKey: a new chaining key and a new cipher key whose counter is 0.
    pub(super) fn mix_key(&mut self, input: &[u8]) {
        let (ck, key) = derive_two(&self.ck, input);
        self.ck = ck;
        self.cipher = Some(CipherState::new(&key, self.lapse));
    }

    /// The agreement of two keys, which is not all zeros unless an end poses or is lax: RFC 7748
    /// §6.1 lets us refuse what a small-order key gives, in whatever encoding (NOI-013).
    ///
    /// # Errors
    /// [`NoiseError::SmallOrder`], blaming the field that held their key.
    pub(super) fn agreement(
        &self,
        ours: &KeyPair,
        theirs: &[u8; KEY_BYTES],
        field: Field,
    ) -> Result<Secret, NoiseError> {
        let shared = ours.agree(theirs);
        let lax = ours.poses() || self.lapse == Some(Lapse::ZeroAgreementTaken);
        if *shared == [0; KEY_BYTES] && !lax {
            return Err(NoiseError::SmallOrder(field));
        }
        Ok(shared)
    }

    /// MixKey with the agreement of two keys.
    ///
    /// # Errors
    /// As [`SymmetricState::agreement`].
    pub(super) fn mix_agreement(
        &mut self,
        ours: &KeyPair,
        theirs: &[u8; KEY_BYTES],
        field: Field,
    ) -> Result<(), NoiseError> {
        let shared = self.agreement(ours, theirs, field)?;
        self.mix_key(&*shared);
        Ok(())
    }

    /// EncryptAndHash: the ciphertext under h as associated data, or the bytes as they are while
    /// no key is set.
    pub(super) fn encrypt_and_hash(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let mut sent = Vec::new();
        match &mut self.cipher {
            None => sent.extend_from_slice(plaintext),
            Some(cipher) => cipher
                .seal_into(&self.h, plaintext, &mut sent)
                .expect("a handshake key encrypts two fields at most"),
        }
        if self.mixes(&sent) {
            self.mix_hash(&sent);
        }
        sent
    }

    /// DecryptAndHash, the inverse of [`Self::encrypt_and_hash`].
    ///
    /// # Errors
    /// [`CipherError::NotAuthentic`]; the caller drops the state then (NOI-009).
    pub(super) fn decrypt_and_hash(&mut self, received: &[u8]) -> Result<Vec<u8>, CipherError> {
        let mut plaintext = received.to_vec();
        if let Some(cipher) = &mut self.cipher {
            cipher.open_in_place(&self.h, &mut plaintext)?;
        }
        if self.mixes(received) {
            self.mix_hash(received);
        }
        Ok(plaintext)
    }

    /// DecryptAndHash that says which field did not decrypt.
    ///
    /// # Errors
    /// [`NoiseError::NotAuthentic`]
    pub(super) fn open(&mut self, sealed: &[u8], field: Field) -> Result<Vec<u8>, NoiseError> {
        self.decrypt_and_hash(sealed).map_err(|error| match error {
            CipherError::NotAuthentic => NoiseError::NotAuthentic(field),
            CipherError::Exhausted => NoiseError::NonceExhausted,
        })
    }

    /// The same for a static key, whose sealed length was checked when it was parsed.
    ///
    /// # Errors
    /// [`NoiseError::NotAuthentic`]
    pub(super) fn open_key(
        &mut self,
        sealed: &[u8],
        field: Field,
    ) -> Result<[u8; KEY_BYTES], NoiseError> {
        let key = self.open(sealed, field)?;
        Ok(key.try_into().expect("a sealed key's length was checked when it was parsed"))
    }

    /// Split on the initiator's side: its key to the responder is the first (NOI-015).
    pub(super) fn into_initiator_transport(self) -> Transport {
        let lapse = self.lapse;
        let (outgoing, incoming) = self.split();
        Transport::new(outgoing, incoming, lapse)
    }

    /// Split on the responder's side.
    pub(super) fn into_responder_transport(self) -> Transport {
        let lapse = self.lapse;
        let (incoming, outgoing) = self.split();
        Transport::new(outgoing, incoming, lapse)
    }

    /// Split: the keys of the two directions, first the initiator's to the responder.
    fn split(self) -> (CipherState, CipherState) {
        let (first, second) = derive_two(&self.ck, &[]);
        (CipherState::new(&first, self.lapse), CipherState::new(&second, self.lapse))
    }

    /// Decides what enters the transcript hash. With a key set nothing is ever empty: there is a
    /// tag. Without one, Meta's dialect leaves an empty payload out (`wire.md` §1.2).
    fn mixes(&self, sent: &[u8]) -> bool {
        match self.dialect {
            Dialect::Standard => true,
            Dialect::Meta => !sent.is_empty(),
        }
    }

    #[cfg(test)]
    pub(crate) fn h(&self) -> [u8; KEY_BYTES] {
        self.h
    }

    #[cfg(test)]
    pub(crate) fn ck(&self) -> [u8; KEY_BYTES] {
        *self.ck
    }
}

impl fmt::Debug for SymmetricState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SymmetricState").field("dialect", &self.dialect).finish_non_exhaustive()
    }
}

/// A name of up to 32 bytes is padded with zeros, a longer one is hashed (§5.2).
fn hash_of_name(name: &[u8]) -> [u8; KEY_BYTES] {
    if name.len() > KEY_BYTES {
        return Sha256::digest(name).into();
    }
    let mut h = [0; KEY_BYTES];
    h[..name.len()].copy_from_slice(name);
    h
}

pub(super) type Secret = Zeroizing<[u8; KEY_BYTES]>;

/// HKDF of §4.3 with two outputs, which is RFC 5869 with empty info.
fn derive_two(ck: &[u8; KEY_BYTES], input: &[u8]) -> (Secret, Secret) {
    let mut both = Zeroizing::new([0; 2 * KEY_BYTES]);
    Hkdf::<Sha256>::new(Some(ck), input)
        .expand(&[], &mut *both)
        .expect("HKDF-SHA256 yields up to 8160 bytes");
    let (mut first, mut second) = (Secret::default(), Secret::default());
    first.copy_from_slice(&both[..KEY_BYTES]);
    second.copy_from_slice(&both[KEY_BYTES..]);
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::KeyPair;
    use crate::noise::fixture::{bytes, key32, parse};

    #[test]
    fn the_hash_after_the_prologue_is_the_known_one_for_every_pattern() {
        let file = parse(include_str!("../../fixtures/vectors/noise/prologue_hash.json"));
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 6);
        for vector in vectors {
            let name = vector["protocol_name"].as_str().unwrap();
            let pattern = [Pattern::Xx, Pattern::Ik, Pattern::XxFallback]
                .into_iter()
                .find(|pattern| pattern.protocol_name() == name)
                .unwrap();
            assert_eq!(hash_of_name(name.as_bytes()), key32(vector, "h0"));
            let prologue = bytes(vector, "prologue");
            let state = SymmetricState::initialise(pattern, &prologue, Dialect::Meta, None);
            assert_eq!(state.h(), key32(vector, "h"), "{name} {}", hex::encode(prologue));
            assert_eq!(state.ck(), key32(vector, "h0"));
        }
    }

    #[test]
    fn a_captured_handshake_gives_every_intermediate_value() {
        let vector = parse(include_str!("../../fixtures/vectors/noise/xx_meta_initiator.json"));
        let ephemeral = KeyPair::from_private(key32(&vector, "client_ephemeral_private"));
        let theirs = key32(&vector, "server_ephemeral_public");
        let prologue = bytes(&vector, "prologue");
        let mut state = SymmetricState::initialise(Pattern::Xx, &prologue, Dialect::Meta, None);
        assert_eq!(state.h(), key32(&vector, "h_after_prologue"));
        state.mix_hash(&ephemeral.public());
        assert!(state.encrypt_and_hash(&[]).is_empty());
        assert_eq!(state.h(), key32(&vector, "h_after_client_ephemeral"));
        state.mix_hash(&theirs);
        assert_eq!(state.h(), key32(&vector, "h_after_server_ephemeral"));
        state.mix_key(&*ephemeral.agree(&theirs));
        assert_eq!(state.ck(), key32(&vector, "ck_after_ee"));
        let sealed = bytes(&vector, "server_static_ciphertext");
        assert_eq!(state.decrypt_and_hash(&sealed).unwrap(), bytes(&vector, "server_static"));
        assert_eq!(state.h(), key32(&vector, "h_after_server_static"));
        state.mix_key(&*ephemeral.agree(&key32(&vector, "server_static")));
        assert_eq!(state.ck(), key32(&vector, "ck_after_es"));
        let sealed = bytes(&vector, "certificate_ciphertext");
        assert_eq!(state.decrypt_and_hash(&sealed).unwrap(), bytes(&vector, "certificate"));
        assert_eq!(state.h(), key32(&vector, "h_after_certificate"));
    }

    #[test]
    fn a_second_captured_static_key_decrypts() {
        let vector = parse(include_str!("../../fixtures/vectors/noise/static_key_decrypt.json"));
        let ephemeral = KeyPair::from_private(key32(&vector, "client_ephemeral_private"));
        let mut state = SymmetricState {
            h: key32(&vector, "associated_data"),
            ck: Zeroizing::new(key32(&vector, "ck")),
            cipher: None,
            dialect: Dialect::Meta,
            lapse: None,
        };
        state.mix_key(&*ephemeral.agree(&key32(&vector, "server_ephemeral_public")));
        assert_eq!(state.ck(), key32(&vector, "ck_after_ee"));
        let plaintext = state.decrypt_and_hash(&bytes(&vector, "ciphertext")).unwrap();
        assert_eq!(plaintext, bytes(&vector, "plaintext"));
    }

    #[test]
    fn the_dialects_differ_in_the_empty_payload_without_a_key_and_nowhere_else() {
        let after = |dialect, key: bool, payload: &[u8]| {
            let mut state = SymmetricState::initialise(Pattern::Xx, b"WA", dialect, None);
            if key {
                state.mix_key(&[1; 32]);
            }
            state.encrypt_and_hash(payload);
            state.h()
        };
        let differs = |key, payload| {
            after(Dialect::Meta, key, payload) != after(Dialect::Standard, key, payload)
        };
        assert!(differs(false, b""));
        assert!(!differs(false, b"early"));
        assert!(!differs(true, b""));
        assert!(!differs(true, b"late"));
    }

    #[test]
    fn neither_keys_nor_hash_are_printed() {
        let state = SymmetricState::initialise(Pattern::Xx, b"", Dialect::Meta, None);
        assert_eq!(format!("{state:?}"), "SymmetricState { dialect: Meta, .. }");
    }
}
