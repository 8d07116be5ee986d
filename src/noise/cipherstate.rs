//! One AES-256-GCM key with its counter: the Noise specification's CipherState (§5.1).
//!
//! The nonce is 4 zero bytes and the counter as 64-bit big-endian (§12.4). Clients that count with
//! 32 bits behind 8 zero bytes write the same bytes below 2^32 (`wire.md` §1.2). `ring` does the
//! work for its speed; it does not wipe its expanded keys, all that we hold ourselves is wiped.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::end::Lapse;
use super::keypair::KEY_BYTES;

/// Length of the authentication tag behind each ciphertext, in bytes.
pub(super) const TAG_BYTES: usize = 16;

/// The counter value that is never used: the specification reserves it (§5.1, NOI-012).
const NONCE_RESERVED: u64 = u64::MAX;

/// How far from the expected counter a lax end looks.
const NEARBY_COUNTERS: u64 = 4;

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
    lapse: Option<Lapse>,
}

impl CipherState {
    /// Takes a key; the counter starts at 0 (NOI-010).
    pub(super) fn new(key: &[u8; KEY_BYTES], lapse: Option<Lapse>) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes keys of 32 bytes");
        Self { key: LessSafeKey::new(key), nonce: 0, lapse }
    }

    /// Returns the counter of the next message.
    pub(super) fn nonce(&self) -> u64 {
        self.nonce
    }

    /// Encrypts behind what the buffer holds and steps the counter: [`TAG_BYTES`] more than the
    /// plaintext. The plaintext is copied once, into its place.
    ///
    /// # Errors
    /// [`CipherError::Exhausted`]; the counter never wraps.
    pub(super) fn seal_into(
        &mut self,
        ad: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CipherError> {
        self.seal_at(self.nonce, ad, plaintext, out)?;
        self.nonce += 1;
        Ok(())
    }

    /// Encrypts under any counter, without a step: only a deliberate fault wants that.
    ///
    /// # Errors
    /// [`CipherError::Exhausted`]
    pub(super) fn seal_at(
        &self,
        counter: u64,
        ad: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CipherError> {
        let nonce = nonce(counter)?;
        out.reserve(plaintext.len() + TAG_BYTES);
        let start = out.len();
        out.extend_from_slice(plaintext);
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(ad), &mut out[start..])
            .expect("no message in memory reaches AES-GCM's 64 GiB");
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Decrypts where the bytes are, and steps the counter only on success: a bad frame must not
    /// desynchronise the channel for the good ones behind it (Noise specification §5.1, NOI-010,
    /// NOI-011). After an error the buffer's content is of no use.
    ///
    /// # Errors
    /// [`CipherError`], either kind.
    pub(super) fn open_in_place(
        &mut self,
        ad: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), CipherError> {
        let kept = self.lapse.map(|lapse| (lapse, buffer.clone()));
        match (self.open_at(self.nonce, ad, buffer), kept) {
            (Ok(()), _) => {
                self.nonce += 1;
                Ok(())
            }
            (Err(CipherError::NotAuthentic), Some((lapse, sealed))) => {
                *buffer = sealed;
                self.lapse_on(lapse, ad, buffer)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Decrypts under any counter, without a step.
    ///
    /// # Errors
    /// [`CipherError`], either kind.
    pub(super) fn open_at(
        &self,
        counter: u64,
        ad: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), CipherError> {
        let length = self
            .key
            .open_in_place(nonce(counter)?, Aad::from(ad), buffer)
            .map_err(|_| CipherError::NotAuthentic)?
            .len();
        buffer.truncate(length);
        Ok(())
    }

    /// What a deliberately lax end does with what does not decrypt.
    fn lapse_on(
        &mut self,
        lapse: Lapse,
        ad: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), CipherError> {
        match lapse {
            Lapse::TagsUnchecked => self.open_without_tag(buffer),
            Lapse::NearbyCountersTried => self.open_nearby(ad, buffer),
            Lapse::CounterStepsOnFailure => {
                self.nonce = self.nonce.saturating_add(1);
                Err(CipherError::NotAuthentic)
            }
            Lapse::ZeroAgreementTaken | Lapse::OwnFramesTaken => Err(CipherError::NotAuthentic),
        }
    }

    /// Takes the key stream, which is what zeros encrypt to, off the ciphertext.
    fn open_without_tag(&mut self, buffer: &mut Vec<u8>) -> Result<(), CipherError> {
        let length = buffer.len().checked_sub(TAG_BYTES).ok_or(CipherError::NotAuthentic)?;
        let mut stream = Vec::new();
        self.seal_at(self.nonce, &[], &vec![0; length], &mut stream)?;
        buffer.truncate(length);
        buffer.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
        self.nonce += 1;
        Ok(())
    }

    fn open_nearby(&mut self, ad: &[u8], buffer: &mut Vec<u8>) -> Result<(), CipherError> {
        let sealed = std::mem::take(buffer);
        let first = self.nonce.saturating_sub(NEARBY_COUNTERS);
        for counter in first..=self.nonce.saturating_add(NEARBY_COUNTERS) {
            *buffer = sealed.clone();
            if self.open_at(counter, ad, buffer).is_ok() {
                self.nonce = self.nonce.max(counter + 1);
                return Ok(());
            }
        }
        Err(CipherError::NotAuthentic)
    }

    #[cfg(test)]
    pub(super) fn set_nonce(&mut self, nonce: u64) {
        self.nonce = nonce;
    }
}

fn nonce(counter: u64) -> Result<Nonce, CipherError> {
    if counter == NONCE_RESERVED {
        return Err(CipherError::Exhausted);
    }
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    Ok(Nonce::assume_unique_for_key(bytes))
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

    fn cipher(key: [u8; 32]) -> CipherState {
        CipherState::new(&key, None)
    }

    fn seal(cipher: &mut CipherState, ad: &[u8], plain: &[u8]) -> Result<Vec<u8>, CipherError> {
        let mut out = Vec::new();
        cipher.seal_into(ad, plain, &mut out).map(|()| out)
    }

    fn open(cipher: &mut CipherState, ad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, CipherError> {
        let mut buffer = sealed.to_vec();
        cipher.open_in_place(ad, &mut buffer).map(|()| buffer)
    }

    #[test]
    fn a_captured_ciphertext_opens() {
        let vector = parse(include_str!("../../fixtures/vectors/noise/aead.json"));
        let (ad, ciphertext) = (bytes(&vector, "associated_data"), bytes(&vector, "ciphertext"));
        let plaintext = bytes(&vector, "plaintext");
        let key = key32(&vector, "key");
        assert_eq!(open(&mut cipher(key), &ad, &ciphertext).unwrap(), plaintext);
        assert_eq!(seal(&mut cipher(key), &ad, &plaintext).unwrap(), ciphertext);
    }

    /// The first ciphertexts under one key differ by their counters alone, so this fixes the
    /// place and the byte order of the counter: test case 14 of the GCM paper has a zero nonce.
    #[test]
    fn the_counter_is_big_endian_in_the_last_bytes() {
        let mut cipher = cipher([0; 32]);
        let first = seal(&mut cipher, &[], &[0; 16]).unwrap();
        assert_eq!(
            hex::encode(first),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
        );
        cipher.set_nonce(0x0102);
        let ours = seal(&mut cipher, &[], &[0; 16]).unwrap();
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
    fn sealing_appends_and_leaves_what_stands_before() {
        let mut out = b"length".to_vec();
        cipher([7; 32]).seal_into(b"ad", b"text", &mut out).unwrap();
        assert_eq!((&out[..6], out.len()), (&b"length"[..], 6 + 4 + TAG_BYTES));
        assert_eq!(open(&mut cipher([7; 32]), b"ad", &out[6..]).unwrap(), b"text");
    }

    #[test]
    fn a_failed_decryption_does_not_step_the_counter() {
        let (mut sender, mut receiver) = (cipher([7; 32]), cipher([7; 32]));
        let good = seal(&mut sender, b"ad", b"text").unwrap();
        for bad in [&good[..good.len() - 1], &good[..TAG_BYTES - 1], b"".as_slice()] {
            assert_eq!(open(&mut receiver, b"ad", bad), Err(CipherError::NotAuthentic));
        }
        assert_eq!(open(&mut receiver, b"AD", &good), Err(CipherError::NotAuthentic));
        assert_eq!(receiver.nonce(), 0);
        assert_eq!(open(&mut receiver, b"ad", &good).unwrap(), b"text");
        assert_eq!(receiver.nonce(), 1);
    }

    #[test]
    fn the_counter_ends_before_the_reserved_value_and_stays_there() {
        let (mut sender, mut receiver) = (cipher([7; 32]), cipher([7; 32]));
        sender.set_nonce(u64::MAX - 1);
        receiver.set_nonce(u64::MAX - 1);
        let last = seal(&mut sender, &[], b"last").unwrap();
        assert_eq!(open(&mut receiver, &[], &last).unwrap(), b"last");
        for _ in 0..2 {
            assert_eq!(seal(&mut sender, &[], b"more"), Err(CipherError::Exhausted));
            assert_eq!(open(&mut receiver, &[], &last), Err(CipherError::Exhausted));
        }
    }

    #[test]
    fn each_lapse_takes_what_it_is_lax_about_and_nothing_else() {
        let mut sender = cipher([7; 32]);
        let frames: Vec<_> = (0..3).map(|n| seal(&mut sender, &[], &[n]).unwrap()).collect();
        let mut flipped = frames[0].clone();
        *flipped.last_mut().unwrap() ^= 1;
        let taken = |lapse, frame: &[u8]| open(&mut CipherState::new(&[7; 32], lapse), &[], frame);
        let refused = Err(CipherError::NotAuthentic);
        for (lapse, of_flipped, of_later) in [
            (Some(Lapse::TagsUnchecked), Ok(vec![0]), None),
            (Some(Lapse::NearbyCountersTried), refused.clone(), Some(Ok(vec![2]))),
            (Some(Lapse::CounterStepsOnFailure), refused.clone(), Some(refused.clone())),
            (Some(Lapse::OwnFramesTaken), refused.clone(), Some(refused.clone())),
            (None, refused.clone(), Some(refused.clone())),
        ] {
            assert_eq!(taken(lapse, &frames[0]), Ok(vec![0]), "{lapse:?}");
            assert_eq!(taken(lapse, &flipped), of_flipped, "{lapse:?}");
            if let Some(of_later) = of_later {
                assert_eq!(taken(lapse, &frames[2]), of_later, "{lapse:?}");
            }
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        let printed = format!("{:?}", cipher([0xAB; 32]));
        assert_eq!(printed, "CipherState { nonce: 0, .. }");
    }
}
