//! The channel after the handshake: one key and one counter per direction.
//!
//! Associated data is empty and there is no rekey (`wire.md` §1.2). A frame's length is bounded by
//! the frame reader, not here: Noise's 65,535 bytes are a profile value (NOI-019).

use super::cipherstate::{CipherError, CipherState};
use super::error::NoiseError;

/// Seals what one end sends and opens what it receives, one call per frame, in order.
#[derive(Debug)]
pub struct Transport {
    outgoing: CipherState,
    incoming: CipherState,
}

impl Transport {
    /// Takes the two keys of Split, each for the direction that this end uses it in (NOI-015).
    pub(super) fn new(outgoing: CipherState, incoming: CipherState) -> Self {
        Self { outgoing, incoming }
    }

    /// Encrypts one frame's payload: 16 bytes longer than the plaintext.
    ///
    /// # Errors
    /// [`NoiseError::NonceExhausted`] after 2^64 - 1 frames.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, NoiseError> {
        let counter = self.outgoing.nonce();
        self.outgoing.encrypt_with_ad(&[], plaintext).map_err(|error| frame(error, counter))
    }

    /// Decrypts one frame's payload. The counter steps on success only, so that the next good
    /// frame still opens; a repeated or reordered frame does not (NOI-010, NOI-011).
    ///
    /// # Errors
    /// [`NoiseError::FrameNotAuthentic`], [`NoiseError::NonceExhausted`].
    pub fn open(&mut self, ciphertext: &[u8]) -> Result<Vec<u8>, NoiseError> {
        let counter = self.incoming.nonce();
        self.incoming.decrypt_with_ad(&[], ciphertext).map_err(|error| frame(error, counter))
    }

    /// Passes over one incoming counter value without a frame.
    ///
    /// A sound peer never needs this. It serves the deliberate fault of a peer whose counter
    /// steps on a frame that did not decrypt.
    ///
    /// # Errors
    /// [`NoiseError::NonceExhausted`]
    pub fn skip_incoming(&mut self) -> Result<(), NoiseError> {
        let counter = self.incoming.nonce();
        self.incoming.skip().map_err(|error| frame(error, counter))
    }
}

fn frame(error: CipherError, counter: u64) -> NoiseError {
    match error {
        CipherError::Exhausted => NoiseError::NonceExhausted,
        CipherError::NotAuthentic => NoiseError::FrameNotAuthentic { counter },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The two ends of one channel, client first.
    fn pair() -> (Transport, Transport) {
        let key = |byte| CipherState::new(&[byte; 32]);
        (Transport::new(key(1), key(2)), Transport::new(key(2), key(1)))
    }

    #[test]
    fn frames_flow_both_ways_in_order() {
        let (mut client, mut server) = pair();
        for n in 0..300_u32 {
            let there = client.seal(&n.to_be_bytes()).unwrap();
            assert_eq!(there.len(), 4 + 16);
            assert_eq!(server.open(&there).unwrap(), n.to_be_bytes());
            let back = server.seal(b"").unwrap();
            assert_eq!(client.open(&back).unwrap(), b"");
        }
    }

    #[test]
    fn a_frame_longer_than_noise_allows_passes() {
        let (mut client, mut server) = pair();
        let long = vec![9; 70 * 1024];
        assert_eq!(server.open(&client.seal(&long).unwrap()).unwrap(), long);
    }

    #[test]
    fn a_repeated_skipped_or_changed_frame_is_refused_and_the_next_good_one_opens() {
        let (mut client, mut server) = pair();
        let (first, second) = (client.seal(b"first").unwrap(), client.seal(b"second").unwrap());
        let refused = |counter| Err(NoiseError::FrameNotAuthentic { counter });
        assert_eq!(server.open(&second), refused(0));
        assert_eq!(server.open(&first).unwrap(), b"first");
        assert_eq!(server.open(&first), refused(1));
        for at in 0..second.len() {
            let mut changed = second.clone();
            changed[at] ^= 0x40;
            assert_eq!(server.open(&changed), refused(1));
        }
        assert_eq!(server.open(&second).unwrap(), b"second");
    }

    #[test]
    fn a_frame_sent_back_to_its_sender_is_refused() {
        let (mut client, _) = pair();
        let own = client.seal(b"echo").unwrap();
        assert_eq!(client.open(&own), Err(NoiseError::FrameNotAuthentic { counter: 0 }));
    }

    #[test]
    fn a_receiver_that_steps_on_a_bad_frame_loses_all_that_follow() {
        let (mut client, mut server) = pair();
        server.open(b"not a frame of this channel").unwrap_err();
        for counter in 1..4 {
            server.skip_incoming().unwrap();
            let good = client.seal(b"good").unwrap();
            assert_eq!(server.open(&good), Err(NoiseError::FrameNotAuthentic { counter }));
        }
    }

    #[test]
    fn an_exhausted_counter_ends_the_session() {
        let (mut client, mut server) = pair();
        client.outgoing.set_nonce(u64::MAX);
        server.incoming.set_nonce(u64::MAX);
        assert_eq!(client.seal(b"x"), Err(NoiseError::NonceExhausted));
        assert_eq!(server.open(&[0; 20]), Err(NoiseError::NonceExhausted));
        assert_eq!(server.skip_incoming(), Err(NoiseError::NonceExhausted));
    }

    proptest! {
        #[test]
        fn no_bytes_make_opening_panic(frame in prop::collection::vec(any::<u8>(), 0..100)) {
            let (_, mut server) = pair();
            let refused = Err(NoiseError::FrameNotAuthentic { counter: 0 });
            prop_assert_eq!(server.open(&frame), refused);
        }
    }
}
