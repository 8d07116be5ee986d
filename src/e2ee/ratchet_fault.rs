//! A deliberate fault: ratchet keys that are used for longer than a turn (ENC-010, DR §3.3).
//!
//! The session layer always steps. Here its new sending chain is put aside after a step and the old
//! one put back, so that the peer, who sees no new key, does not step either and both understand each
//! other. After so many further messages of the peer the chain that was put aside takes its turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use wacore_libsignal::core::curve::KeyPair;
use wacore_libsignal::protocol::{
    ChainKey, ProtocolAddress, SessionRecord, SessionState, SignalProtocolError,
};

use super::before::Before;
use super::error::E2eeError;
use super::stores::Sessions;

/// Sending chains that wait for their turn.
#[derive(Clone)]
pub(super) struct HeldRatchet {
    /// Messages of the peer before a new key is used; none for never.
    after: Option<u32>,
    waiting: BTreeMap<ProtocolAddress, Waiting>,
}

#[derive(Clone)]
struct Waiting {
    left: Option<u32>,
    chain: Sending,
}

#[derive(Clone)]
struct Sending {
    pair: KeyPair,
    key: ChainKey,
}

impl HeldRatchet {
    pub(super) fn new(after: Option<u32>) -> Self {
        Self { after, waiting: BTreeMap::new() }
    }

    /// Called after a message of an existing session was decrypted.
    pub(super) fn hold(
        &mut self,
        address: &ProtocolAddress,
        before: &Before,
        sessions: &mut Sessions,
    ) -> Result<(), E2eeError> {
        let old = before.record.as_ref().and_then(|record| record.session_state());
        let (Some(old), Some(record)) = (old, sessions.0.get_mut(address)) else { return Ok(()) };
        let record: &mut SessionRecord = Arc::make_mut(record);
        let Some(state) = record.session_state_mut() else { return Ok(()) };
        if old.alice_base_key() != state.alice_base_key() {
            self.waiting.remove(address);
            return Ok(());
        }
        let (kept, new) = (sending(old)?, sending(state)?);
        if kept.pair.public_key != new.pair.public_key {
            state.set_sender_chain(&kept.pair, &kept.key);
            let waiting = Waiting { left: self.after, chain: new };
            self.waiting.insert(address.clone(), waiting);
        } else if let Some(waiting) = self.waiting.get_mut(address) {
            waiting.left = waiting.left.map(|left| left.saturating_sub(1));
            if waiting.left == Some(0) {
                state.set_sender_chain(&waiting.chain.pair, &waiting.chain.key);
                self.waiting.remove(address);
            }
        }
        Ok(())
    }
}

fn sending(state: &SessionState) -> Result<Sending, E2eeError> {
    let library = |error| E2eeError::Library(SignalProtocolError::from(error));
    let private = state.sender_ratchet_private_key().map_err(library)?;
    let pair = KeyPair::try_from(private)?;
    Ok(Sending { pair, key: state.get_sender_chain_key().map_err(library)? })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::e2ee::envelope::Envelope;
    use crate::e2ee::pair::{Pair, address};
    use crate::e2ee::party::Party as _;

    /// Plays round trips with a faulty Alice and counts the ratchet keys that she showed.
    fn keys_shown(after: Option<u32>, trips: usize) -> usize {
        let mut pair = Pair::settled(true);
        pair.alice.hold_ratchet_keys(after);
        let mut keys = BTreeSet::new();
        for _ in 0..trips {
            let there = pair.bob_writes("there");
            assert_eq!(pair.alice_reads(&there).unwrap(), "there");
            let back = pair.alice_writes("and back");
            keys.insert(Envelope::parse(&back.bytes).unwrap().ratchet_key);
            assert_eq!(pair.bob_reads(&back).unwrap(), "and back");
        }
        keys.len()
    }

    #[test]
    fn a_held_key_is_understood_and_renewed_late_or_never() {
        assert_eq!(keys_shown(None, 9), 1);
        assert_eq!(keys_shown(Some(2), 9), 3);
    }

    #[test]
    fn a_thief_reads_for_as_long_as_the_key_is_held() {
        for (after, trips) in [(None, 6), (Some(2), 6)] {
            let mut pair = Pair::settled(true);
            pair.alice.hold_ratchet_keys(after);
            let thief = pair.bob.snapshot(&address("alice")).unwrap();
            let mut read = Vec::new();
            for _ in 0..trips {
                let there = pair.bob_writes("there");
                pair.alice_reads(&there).unwrap();
                let back = pair.alice_writes("and back");
                read.push(thief.reads(&back.bytes).unwrap());
                pair.bob_reads(&back).unwrap();
            }
            let count = read.iter().filter(|read| **read).count();
            assert_eq!(count == trips, after.is_none(), "{read:?}");
            assert!(count >= 3, "{read:?}");
        }
    }
}
