//! Damaged and hostile messages: refused, without harm and without a panic.

use proptest::prelude::*;

use super::*;
use crate::e2ee::error::Whose;

#[test]
fn a_message_with_any_byte_changed_is_refused_and_does_no_harm() {
    let mut duo = Duo::new(true);
    let opening = duo.alice_writes("opening");
    // Every byte of the headers, and some of the long KEM ciphertext.
    let positions = (0..opening.bytes.len()).filter(|at| !(300..1700).contains(at) || at % 53 == 0);
    for position in positions {
        let mut damaged = opening.clone();
        damaged.bytes[position] ^= 1 << (position % 8);
        // The registration id is covered by nothing, so a message may also pass.
        if let Err(error) = duo.bob_reads(&damaged) {
            assert_ne!(error.whose(), Whose::Ours, "byte {position}: {error:?}");
        } else {
            duo.bob = party("bob");
            duo.bob.new_one_time_prekeys(1);
        }
    }
    let mut duo = Duo::settled();
    let genuine = duo.alice_writes("genuine");
    for position in 0..genuine.bytes.len() {
        let mut damaged = genuine.clone();
        damaged.bytes[position] ^= 1 << (position % 8);
        let error = duo.bob_reads(&damaged).unwrap_err();
        assert_eq!(error.whose(), Whose::Peer, "byte {position}: {error}");
    }
    assert_eq!(duo.bob_reads(&genuine).unwrap(), "genuine");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn hostile_bytes_never_panic_and_never_open_a_session(bytes: Vec<u8>, first: bool) {
        let kind = if first { EncType::PkMsg } else { EncType::Msg };
        let mut bob = party("bob");
        let bytes = [&[0x44][..], &bytes].concat();
        let message = Ciphertext { kind, bytes };
        prop_assert!(bob.decrypt(&address("eve"), &message).is_err());
        prop_assert!(!bob.has_session(&address("eve")));
    }
}

/// The library reads the ratchet's part before it checks the MAC, so it must stand anything.
#[test]
fn a_hostile_ratchet_part_never_panics_and_changes_nothing() {
    let mut duo = Duo::settled();
    let message = duo.alice_writes("genuine");
    let genuine = Envelope::parse(&message.bytes).unwrap().pq_ratchet;
    let duo = std::cell::RefCell::new(duo);
    let noise = proptest::collection::vec(any::<u8>(), 0..64);
    // Random bytes, and the genuine part with some of it replaced.
    let parts =
        (noise, any::<prop::sample::Index>(), any::<bool>()).prop_map(|(noise, at, new)| {
            let at = at.index(genuine.len() + 1);
            if new { noise } else { [&genuine[..at], &noise].concat() }
        });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(256));
    let outcome = runner.run(&(parts, 0..3_u32), |(part, counter)| {
        prop_assume!(part != genuine || counter != 0);
        let hostile = with_ratchet_part(&message, part, counter);
        prop_assert!(duo.borrow_mut().bob_reads(&hostile).is_err());
        Ok(())
    });
    outcome.unwrap();
    assert_eq!(duo.into_inner().bob_reads(&message).unwrap(), "genuine");
}

/// The parts that make spqr 0.85.3 index past their end or shift too far.
#[test]
fn a_ratchet_part_that_stops_before_its_type_is_refused() {
    let mut duo = Duo::settled();
    let message = duo.alice_writes("genuine");
    let endless = [&[1][..], &[0xff; 30]].concat();
    let chunk = [&[1, 0, 0, 2][..], &[0xff; 40]].concat();
    for part in [&[1][..], &[1, 0], &[1, 0, 0], &[1, 0x80, 0, 0x80], &endless, &chunk] {
        let error = duo.bob_reads(&with_ratchet_part(&message, part.to_vec(), 0)).unwrap_err();
        assert!(matches!(error, E2eeError::Undecryptable(_)), "{part:?}: {error:?}");
    }
    assert_eq!(duo.bob_reads(&message).unwrap(), "genuine");
}
