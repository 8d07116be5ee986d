//! The channel after the handshake: one key and one counter per direction.
//!
//! Associated data is empty and there is no rekey (`wire.md` §1.2). A frame's length is bounded by
//! the frame reader, not here: Noise's 65,535 bytes are a profile value (NOI-019). Frames are sealed
//! and opened in their buffers, because copying would cost as much as `ring` takes to encrypt.

use super::cipherstate::{CipherError, CipherState};
use super::end::Lapse;
use super::error::NoiseError;

/// How many of its own frames a lax end takes for the peer's.
const OWN_FRAMES_TRIED: u64 = 4;

/// Seals what one end sends and opens what it receives, one call per frame, in order.
#[derive(Debug)]
pub struct Transport {
    outgoing: CipherState,
    incoming: CipherState,
    lapse: Option<Lapse>,
}

/// A deliberate misuse of the channel's keys and counters (NOI-010, NOI-011, NOI-015).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// The counter is that of the frame before: a nonce that is used twice.
    NonceReused,
    /// The counter is that of the frame after the next: one is skipped.
    NonceSkipped,
    /// Key and counter are those of the frame that was opened last, the peer's own.
    OtherDirection,
    /// Key and counter are right, but the frame does not count: it will be spoilt.
    NotCounted,
}

impl Transport {
    /// Takes the two keys of Split, each for the direction that this end uses it in (NOI-015).
    pub(super) fn new(outgoing: CipherState, incoming: CipherState, lapse: Option<Lapse>) -> Self {
        Self { outgoing, incoming, lapse }
    }

    /// Encrypts one frame's payload: 16 bytes longer than the plaintext.
    ///
    /// # Errors
    /// [`NoiseError::NonceExhausted`] after 2^64 - 1 frames.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, NoiseError> {
        let mut sealed = Vec::new();
        self.seal_into(plaintext, &mut sealed)?;
        Ok(sealed)
    }

    /// Encrypts one frame's payload behind what the buffer holds, e.g. its length.
    ///
    /// # Errors
    /// As [`Transport::seal`]; the buffer is then as it was.
    pub fn seal_into(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), NoiseError> {
        let counter = self.outgoing.nonce();
        self.outgoing.seal_into(&[], plaintext, out).map_err(|error| frame(error, counter))
    }

    /// Encrypts a payload as it must not be. The next sound frame is sealed as if this one had not
    /// been, so that a peer that drops it can go on.
    ///
    /// # Errors
    /// [`NoiseError::NonceExhausted`], also where there was no frame before.
    pub fn seal_misused(&self, plaintext: &[u8], misuse: Misuse) -> Result<Vec<u8>, NoiseError> {
        let (cipher, counter) = match misuse {
            Misuse::NonceReused => (&self.outgoing, self.outgoing.nonce().checked_sub(1)),
            Misuse::NonceSkipped => (&self.outgoing, self.outgoing.nonce().checked_add(1)),
            Misuse::OtherDirection => (&self.incoming, self.incoming.nonce().checked_sub(1)),
            Misuse::NotCounted => (&self.outgoing, Some(self.outgoing.nonce())),
        };
        let counter = counter.ok_or(NoiseError::NonceExhausted)?;
        let mut sealed = Vec::new();
        let done = cipher.seal_at(counter, &[], plaintext, &mut sealed);
        done.map(|()| sealed).map_err(|error| frame(error, counter))
    }

    /// Decrypts one frame's payload. The counter steps on success only, so that the next good
    /// frame still opens; a repeated or reordered frame does not (NOI-010, NOI-011).
    ///
    /// # Errors
    /// [`NoiseError::FrameNotAuthentic`], [`NoiseError::NonceExhausted`].
    pub fn open(&mut self, ciphertext: &[u8]) -> Result<Vec<u8>, NoiseError> {
        let mut buffer = ciphertext.to_vec();
        self.open_in_place(&mut buffer)?;
        Ok(buffer)
    }

    /// Decrypts one frame's payload in its buffer, which then holds the plaintext alone.
    ///
    /// # Errors
    /// As [`Transport::open`]; the buffer's content is then of no use.
    pub fn open_in_place(&mut self, buffer: &mut Vec<u8>) -> Result<(), NoiseError> {
        let counter = self.incoming.nonce();
        let own = (self.lapse == Some(Lapse::OwnFramesTaken)).then(|| buffer.clone());
        match (self.incoming.open_in_place(&[], buffer), own) {
            (Err(CipherError::NotAuthentic), Some(sealed)) => self.open_own(&sealed, buffer),
            (outcome, _) => outcome,
        }
        .map_err(|error| frame(error, counter))
    }

    fn open_own(&self, sealed: &[u8], buffer: &mut Vec<u8>) -> Result<(), CipherError> {
        let next = self.outgoing.nonce();
        for counter in next.saturating_sub(OWN_FRAMES_TRIED)..next {
            buffer.clear();
            buffer.extend_from_slice(sealed);
            if self.outgoing.open_at(counter, &[], buffer).is_ok() {
                return Ok(());
            }
        }
        Err(CipherError::NotAuthentic)
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

    /// The two ends of one channel, client first; the client is lax.
    fn lax_pair(lapse: Option<Lapse>) -> (Transport, Transport) {
        let key = |byte, lapse| CipherState::new(&[byte; 32], lapse);
        let server = Transport::new(key(2, None), key(1, None), None);
        (Transport::new(key(1, lapse), key(2, lapse), lapse), server)
    }

    fn pair() -> (Transport, Transport) {
        lax_pair(None)
    }

    fn refused<T>(counter: u64) -> Result<T, NoiseError> {
        Err(NoiseError::FrameNotAuthentic { counter })
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
    fn a_frame_is_sealed_and_opened_in_its_buffer() {
        let (mut client, mut server) = pair();
        let mut out = b"abc".to_vec();
        client.seal_into(b"text", &mut out).unwrap();
        assert_eq!((&out[..3], out.len()), (&b"abc"[..], 3 + 4 + 16));
        let mut frame = out.split_off(3);
        server.open_in_place(&mut frame).unwrap();
        assert_eq!(frame, b"text");
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
    fn a_misused_channel_is_noticed_and_does_not_step_the_sender() {
        let (mut client, mut server) = pair();
        let misuses = [Misuse::NonceReused, Misuse::NonceSkipped, Misuse::OtherDirection];
        for misuse in [Misuse::NonceReused, Misuse::OtherDirection] {
            let nothing_before = Err(NoiseError::NonceExhausted);
            assert_eq!(client.seal_misused(b"x", misuse), nothing_before, "{misuse:?}");
        }
        client.open(&server.seal(b"first").unwrap()).unwrap();
        server.open(&client.seal(b"first").unwrap()).unwrap();
        for misuse in misuses {
            let frame = client.seal_misused(b"second", misuse).unwrap();
            assert_eq!(server.open(&frame), refused(1), "{misuse:?}");
        }
        assert_eq!(server.open(&client.seal(b"second").unwrap()).unwrap(), b"second");
    }

    #[test]
    fn a_frame_sent_back_to_its_sender_is_refused() {
        let (mut client, _) = pair();
        let own = client.seal(b"echo").unwrap();
        assert_eq!(client.open(&own), refused(0));
    }

    #[test]
    fn a_receiver_that_steps_on_a_bad_frame_loses_all_that_follow() {
        let (mut client, mut server) = lax_pair(Some(Lapse::CounterStepsOnFailure));
        client.open(b"not a frame of this channel").unwrap_err();
        for counter in 1..4 {
            let good = server.seal(b"good").unwrap();
            assert_eq!(client.open(&good), refused(counter));
        }
    }

    #[test]
    fn a_receiver_that_tries_nearby_counters_takes_what_is_out_of_turn() {
        let (mut client, mut server) = lax_pair(Some(Lapse::NearbyCountersTried));
        let first = server.seal(b"first").unwrap();
        for _ in 0..2 {
            assert_eq!(client.open(&first).unwrap(), b"first");
        }
        let skipped = server.seal_misused(b"third", Misuse::NonceSkipped).unwrap();
        assert_eq!(client.open(&skipped).unwrap(), b"third");
    }

    #[test]
    fn a_receiver_that_takes_its_own_frames_opens_its_own_and_the_peers() {
        let (mut client, mut server) = lax_pair(Some(Lapse::OwnFramesTaken));
        let own = client.seal(b"echo").unwrap();
        assert_eq!(client.open(&own).unwrap(), b"echo");
        server.open(&own).unwrap();
        let turned = server.seal_misused(b"turned", Misuse::OtherDirection).unwrap();
        assert_eq!(client.open(&turned).unwrap(), b"turned");
        assert_eq!(client.open(&server.seal(b"good").unwrap()).unwrap(), b"good");
        assert_eq!(client.open(&[0; 40]), refused(1));
    }

    #[test]
    fn an_exhausted_counter_ends_the_session() {
        let (mut client, mut server) = pair();
        client.outgoing.set_nonce(u64::MAX);
        server.incoming.set_nonce(u64::MAX);
        assert_eq!(client.seal(b"x"), Err(NoiseError::NonceExhausted));
        assert_eq!(server.open(&[0; 20]), Err(NoiseError::NonceExhausted));
    }

    proptest! {
        #[test]
        fn no_bytes_make_opening_panic(frame in prop::collection::vec(any::<u8>(), 0..100)) {
            let (_, mut server) = pair();
            prop_assert_eq!(server.open(&frame), refused(0));
        }

        /// Whatever a path does to a row of frames, what opens is a prefix of what was sent.
        #[test]
        fn dropped_repeated_and_reordered_frames_never_open_out_of_order(
            order in prop::collection::vec(0..8_usize, 0..24),
        ) {
            let (mut client, mut server) = pair();
            let frames: Vec<_> = (0..8_u8).map(|n| client.seal(&[n]).unwrap()).collect();
            let opened: Vec<u8> =
                order.iter().filter_map(|at| server.open(&frames[*at]).ok()).flatten().collect();
            let in_order: Vec<u8> = (0..8).take(opened.len()).collect();
            prop_assert_eq!(opened, in_order);
        }
    }
}
