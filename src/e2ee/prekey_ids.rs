//! Ids of prekeys and registrations, as clients draw them.
//!
//! [`PrekeyIds`] hands out ids of one-time prekeys. It starts anywhere in 24 bits, so that a peer
//! that counts from 1 or cuts ids is found out.

use std::collections::BTreeSet;

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use crate::seed::Rng;

/// The range from which libsignal's clients draw registration ids.
pub(super) const REGISTRATION_IDS: std::ops::RangeInclusive<u32> = 1..=16380;
/// Prekey ids have 24 bits on the wire (`wire.md` §5.5).
pub(super) const PREKEY_IDS: std::ops::RangeInclusive<u32> = 1..=0xFF_FFFF;

/// Gives each id once.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PrekeyIds {
    next: u32,
    given: BTreeSet<u32>,
}

impl PrekeyIds {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self { next: rng.random_range(PREKEY_IDS), given: BTreeSet::new() }
    }

    /// Goes on from this id, as an installation does that has given out all before it; an id of more
    /// than 24 bits is as none. `anew` forgets which ones were given.
    pub(super) fn start_at(&mut self, id: u32, anew: bool) {
        if PREKEY_IDS.contains(&id) {
            self.next = id;
        }
        if anew {
            self.given.clear();
        }
    }

    /// The next id that was never given; after 0xFFFFFF comes 1 (PRE-012).
    pub(super) fn take(&mut self) -> u32 {
        loop {
            let id = self.next;
            self.next = if id < *PREKEY_IDS.end() { id + 1 } else { *PREKEY_IDS.start() };
            if self.given.insert(id) {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn ids_wrap_inside_24_bits_and_never_repeat() {
        let mut ids = PrekeyIds::new(&mut Seed(1).rng(&["ids"]));
        assert!(PREKEY_IDS.contains(&ids.next));
        ids.next = 0xFF_FFFE;
        assert_eq!([(); 4].map(|()| ids.take()), [0xFF_FFFE, 0xFF_FFFF, 1, 2]);
        ids.next = 0xFF_FFFE;
        assert_eq!(ids.take(), 3);
    }
}
