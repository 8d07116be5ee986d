//! One AES-256-GCM key with its counter: the Noise specification's CipherState (§5.1).
//!
//! The nonce is 4 zero bytes and the counter as 64-bit big-endian (§12.4). Clients that count with
//! 32 bits behind 8 zero bytes write the same bytes below 2^32 (`wire.md` §1.2). `ring` does the
//! work for its speed; it does not wipe its expanded keys, all that we hold ourselves is wiped.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::keypair::KEY_BYTES;

/// Length of the authentication tag behind each ciphertext, in bytes.
pub(super) const TAG_BYTES: usize = 16;

/// The counter value that is never used: the specification reserves it (§5.1, NOI-012).
const NONCE_RESERVED: u64 = u64::MAX;

/// Tells why a cipher refused to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CipherError {
    /// All counter values are used up.
    Exhausted,
    /// The ciphertext was not made with this key, counter and associated data.
    NotAuthentic,
}

/// Encrypts or decrypts one direction.
pub(crate) struct CipherState {
    key: LessSafeKey,
    nonce: u64,
}

impl CipherState {
    /// Takes a key; the counter starts at 0 (NOI-010).
    pub(super) fn new(key: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes keys of 32 bytes");
        Self { key: LessSafeKey::new(key), nonce: 0 }
    }

    /// Returns the counter of the next message.
    pub(super) fn nonce(&self) -> u64 {
        self.nonce
    }

    /// Encrypts and steps the counter: the ciphertext is [`TAG_BYTES`] longer.
    ///
    /// # Errors
    /// [`CipherError::Exhausted`]; the counter never wraps.
    pub(super) fn encrypt_with_ad(
        &mut self,
        ad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let nonce = self.next_nonce()?;
        let mut buffer = Vec::with_capacity(plaintext.len() + TAG_BYTES);
        buffer.extend_from_slice(plaintext);
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(ad), &mut buffer)
            .expect("no message in memory reaches AES-GCM's 64 GiB");
        self.nonce += 1;
        Ok(buffer)
    }

    /// Decrypts, and steps the counter only on success: a bad frame must not desynchronise the
    /// channel for the good ones behind it (Noise specification §5.1, NOI-010, NOI-011).
    ///
    /// # Errors
    /// [`CipherError`], either kind.
    pub(super) fn decrypt_with_ad(
        &mut self,
        ad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Vec<u8>, CipherError> {
        let nonce = self.next_nonce()?;
        let mut buffer = ciphertext.to_vec();
        let length = self
            .key
            .open_in_place(nonce, Aad::from(ad), &mut buffer)
            .map_err(|_| CipherError::NotAuthentic)?
            .len();
        buffer.truncate(length);
        self.nonce += 1;
        Ok(buffer)
    }

    /// Passes over one counter value without a message.
    ///
    /// # Errors
    /// [`CipherError::Exhausted`]
    pub(super) fn skip(&mut self) -> Result<(), CipherError> {
        self.next_nonce()?;
        self.nonce += 1;
        Ok(())
    }

    fn next_nonce(&self) -> Result<Nonce, CipherError> {
        if self.nonce == NONCE_RESERVED {
            return Err(CipherError::Exhausted);
        }
        let mut bytes = [0; 12];
        bytes[4..].copy_from_slice(&self.nonce.to_be_bytes());
        Ok(Nonce::assume_unique_for_key(bytes))
    }

    #[cfg(test)]
    pub(super) fn set_nonce(&mut self, nonce: u64) {
        self.nonce = nonce;
    }
}

impl fmt::Debug for CipherState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CipherState").field("nonce", &self.nonce).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::fixture::{bytes, key32, parse};

    #[test]
    fn a_captured_ciphertext_opens() {
        let vector = parse(include_str!("../../fixtures/vectors/noise/aead.json"));
        let (ad, ciphertext) = (bytes(&vector, "associated_data"), bytes(&vector, "ciphertext"));
        let plaintext = bytes(&vector, "plaintext");
        let key = key32(&vector, "key");
        assert_eq!(CipherState::new(&key).decrypt_with_ad(&ad, &ciphertext).unwrap(), plaintext);
        assert_eq!(CipherState::new(&key).encrypt_with_ad(&ad, &plaintext).unwrap(), ciphertext);
    }

    /// The first ciphertexts under one key differ by their counters alone, so this fixes the
    /// place and the byte order of the counter: test case 14 of the GCM paper has a zero nonce.
    #[test]
    fn the_counter_is_big_endian_in_the_last_bytes() {
        let mut cipher = CipherState::new(&[0; 32]);
        let first = cipher.encrypt_with_ad(&[], &[0; 16]).unwrap();
        assert_eq!(
            hex::encode(first),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
        );
        cipher.set_nonce(0x0102);
        let ours = cipher.encrypt_with_ad(&[], &[0; 16]).unwrap();
        let mut nonce = [0; 12];
        (nonce[10], nonce[11]) = (1, 2);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[0; 32]).unwrap());
        let mut expected = vec![0; 16];
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut expected,
        )
        .unwrap();
        assert_eq!(ours, expected);
    }

    #[test]
    fn a_failed_decryption_does_not_step_the_counter() {
        let (mut sender, mut receiver) = (CipherState::new(&[7; 32]), CipherState::new(&[7; 32]));
        let good = sender.encrypt_with_ad(b"ad", b"text").unwrap();
        for bad in [&good[..good.len() - 1], &good[..TAG_BYTES - 1], b"".as_slice()] {
            assert_eq!(receiver.decrypt_with_ad(b"ad", bad), Err(CipherError::NotAuthentic));
        }
        assert_eq!(receiver.decrypt_with_ad(b"AD", &good), Err(CipherError::NotAuthentic));
        assert_eq!(receiver.nonce(), 0);
        assert_eq!(receiver.decrypt_with_ad(b"ad", &good).unwrap(), b"text");
        assert_eq!(receiver.nonce(), 1);
    }

    #[test]
    fn the_counter_ends_before_the_reserved_value_and_stays_there() {
        let (mut sender, mut receiver) = (CipherState::new(&[7; 32]), CipherState::new(&[7; 32]));
        sender.set_nonce(u64::MAX - 1);
        receiver.set_nonce(u64::MAX - 1);
        let last = sender.encrypt_with_ad(&[], b"last").unwrap();
        assert_eq!(receiver.decrypt_with_ad(&[], &last).unwrap(), b"last");
        for _ in 0..2 {
            assert_eq!(sender.encrypt_with_ad(&[], b"more"), Err(CipherError::Exhausted));
            assert_eq!(receiver.decrypt_with_ad(&[], &last), Err(CipherError::Exhausted));
            assert_eq!(receiver.skip(), Err(CipherError::Exhausted));
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        let printed = format!("{:?}", CipherState::new(&[0xAB; 32]));
        assert_eq!(printed, "CipherState { nonce: 0, .. }");
    }
}
