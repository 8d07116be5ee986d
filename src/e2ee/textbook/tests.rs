//! The textbook's sessions against the public crate's, and each fault against what it must show.

use super::*;
use crate::e2ee::diagnosis::{diagnose, diagnose_reply};
use crate::e2ee::pair::{address, bundle};
use crate::seed::Seed;

fn textbook(name: &str, derivation: Derivation, fault: Option<RatchetFault>) -> Box<dyn Party> {
    Box::new(TextbookParty::new(Seed(7).rng(&["textbook", name]), derivation, fault))
}

fn faulty(fault: RatchetFault) -> Box<dyn Party> {
    textbook("alice", Derivation::Sound, Some(fault))
}

fn library(name: &str) -> Box<dyn Party> {
    Box::new(X3dhParty::new(Seed(7).rng(&["library", name])))
}

/// The first opens a session with the second; each is known to the other as "peer".
fn opened(one: &mut dyn Party, other: &mut dyn Party, one_time: bool) {
    let bundle = bundle(other, one_time);
    one.process(&address("peer"), &bundle, SignatureCheck::Always).unwrap();
}

fn written(party: &mut dyn Party, text: &str) -> Ciphertext {
    party.encrypt(&address("peer"), text.as_bytes()).unwrap()
}

fn read(party: &mut dyn Party, message: &Ciphertext) -> Result<String, E2eeError> {
    let plaintext = party.decrypt(&address("peer"), message)?;
    Ok(String::from_utf8(plaintext).unwrap())
}

fn passes(from: &mut dyn Party, to: &mut dyn Party, text: &str) {
    let message = written(from, text);
    assert_eq!(read(to, &message).unwrap(), text);
}

/// Both have sent and received.
fn settled(one: &mut dyn Party, other: &mut dyn Party) {
    opened(one, other, true);
    passes(one, other, "opening");
    passes(other, one, "reply");
}

#[test]
fn the_textbook_and_the_public_crate_understand_each_other() {
    for one_time in [true, false] {
        for textbook_begins in [true, false] {
            let mut ours = textbook("alice", Derivation::Sound, None);
            let mut theirs = library("bob");
            let (one, other) = match textbook_begins {
                true => (&mut ours, &mut theirs),
                false => (&mut theirs, &mut ours),
            };
            opened(&mut **one, &mut **other, one_time);
            let late = written(&mut **one, "late");
            for turn in 0..4 {
                for text in ["a", "b", "c"] {
                    passes(&mut **one, &mut **other, &format!("{text}{turn}"));
                }
                let lost = written(&mut **other, "out of order");
                passes(&mut **other, &mut **one, "in time");
                assert_eq!(read(&mut **one, &lost).unwrap(), "out of order");
            }
            assert_eq!(read(&mut **other, &late).unwrap(), "late", "chains later");
            assert!(matches!(read(&mut **other, &late), Err(E2eeError::Duplicate { .. })));
        }
    }
}

#[test]
fn a_session_that_was_begun_on_both_sides_goes_on_as_one() {
    let (mut one, mut other) = (textbook("alice", Derivation::Sound, None), library("bob"));
    opened(&mut *one, &mut *other, true);
    opened(&mut *other, &mut *one, true);
    let crossed = [written(&mut *one, "from one"), written(&mut *other, "from the other")];
    assert_eq!(read(&mut *other, &crossed[0]).unwrap(), "from one");
    assert_eq!(read(&mut *one, &crossed[1]).unwrap(), "from the other");
    for _ in 0..3 {
        passes(&mut *one, &mut *other, "there");
        passes(&mut *other, &mut *one, "and back");
    }
    let view = |party: &dyn Party| party.inspect(&address("peer")).unwrap().base_key;
    assert_eq!(view(&*one), view(&*other));
}

#[test]
fn wrong_derivations_are_consistent_among_themselves_and_named() {
    for &derivation in Derivation::ALL {
        if derivation == Derivation::OneTimePrekeyNotNamed {
            continue;
        }
        let [mut one, mut other] = ["alice", "bob"].map(|name| textbook(name, derivation, None));
        opened(&mut *one, &mut *other, true);
        let first = written(&mut *one, "first");
        let id = PreKeyEnvelope::parse(&first.bytes).unwrap().one_time_id;
        let keys = other.responder_keys(id).unwrap();
        assert_eq!(diagnose(&keys, &first.bytes).fits, Some(derivation));
        assert_eq!(read(&mut *other, &first).unwrap(), "first", "{derivation:?}");
        for _ in 0..3 {
            passes(&mut *other, &mut *one, "there");
            passes(&mut *one, &mut *other, "and back");
        }
        let mut sound = library("carol");
        if derivation != Derivation::Sound {
            opened(&mut *one, &mut *sound, true);
            let unread = written(&mut *one, "nobody else reads this");
            assert!(read(&mut *sound, &unread).is_err(), "{derivation:?}");
        }
    }
}

#[test]
fn the_order_of_identities_shows_in_replies_and_is_named() {
    use Derivation as D;
    for derivation in
        [D::Sound, D::AssociatedDataByInitiator, D::AssociatedDataSwapped, D::AssociatedDataMissing]
    {
        let [mut one, mut other] = ["alice", "bob"].map(|name| textbook(name, derivation, None));
        settled(&mut *one, &mut *other);
        for initiated in [true, false] {
            let (writer, reader) = match initiated {
                true => (&mut other, &mut one),
                false => (&mut one, &mut other),
            };
            let before = reader.snapshot(&address("peer")).unwrap();
            let message = written(&mut **writer, "judge this");
            let expected = match (derivation, initiated) {
                // The initiator's own messages show nothing.
                (D::AssociatedDataByInitiator, false) => D::Sound,
                // In a responder's message the receiver is the initiator.
                (D::AssociatedDataSwapped, true) => D::AssociatedDataByInitiator,
                _ => derivation,
            };
            assert_eq!(diagnose_reply(&before, initiated, &message.bytes), Some(expected));
            assert_eq!(read(&mut **reader, &message).unwrap(), "judge this");
        }
    }
}

#[test]
fn a_fault_shows_where_it_should_and_nowhere_before() {
    use RatchetFault as Fault;
    // Keeps what it refused.
    let (mut bob, mut alice) = (library("bob"), faulty(Fault::AdvancesBeforeMac));
    settled(&mut *bob, &mut *alice);
    let genuine = written(&mut *bob, "genuine");
    let mut forged = genuine.clone();
    *forged.bytes.last_mut().unwrap() ^= 1;
    assert!(read(&mut *alice, &forged).is_err());
    assert!(read(&mut *alice, &genuine).is_err());
    // Takes a stored key out.
    let (mut bob, mut alice) = (library("bob"), faulty(Fault::SkippedKeyTaken));
    settled(&mut *bob, &mut *alice);
    let genuine = written(&mut *bob, "genuine");
    let mut forged = genuine.clone();
    *forged.bytes.last_mut().unwrap() ^= 1;
    assert!(read(&mut *alice, &forged).is_err());
    passes(&mut *bob, &mut *alice, "later");
    assert!(read(&mut *alice, &forged).is_err());
    assert!(read(&mut *alice, &genuine).is_err());
    // Half a MAC.
    let (mut bob, mut alice) = (library("bob"), faulty(Fault::MacComparedInPart));
    settled(&mut *bob, &mut *alice);
    let mut forged = written(&mut *bob, "forged");
    *forged.bytes.last_mut().unwrap() ^= 1;
    assert_eq!(read(&mut *alice, &forged).unwrap(), "forged");
}

#[test]
fn limits_that_are_too_strict_refuse_what_is_late_or_lost() {
    use RatchetFault as Fault;
    for fault in [Fault::SkipsNothing, Fault::LateKeysForgotten, Fault::OldChainsForgotten] {
        let (mut bob, mut alice) = (library("bob"), faulty(fault));
        settled(&mut *bob, &mut *alice);
        let late = written(&mut *bob, "late");
        let next = written(&mut *bob, "next");
        assert_eq!(read(&mut *alice, &next).is_err(), fault == Fault::SkipsNothing);
        if fault == Fault::OldChainsForgotten {
            passes(&mut *alice, &mut *bob, "turn");
            passes(&mut *bob, &mut *alice, "about");
        }
        assert_eq!(read(&mut *alice, &late).is_err(), fault != Fault::SkipsNothing);
    }
    let (mut bob, mut alice) = (library("bob"), faulty(Fault::SkipLimitForLife));
    settled(&mut *bob, &mut *alice);
    for round in 0..3 {
        (0..700).for_each(|_| drop(written(&mut *bob, "lost")));
        let message = written(&mut *bob, "and on");
        assert_eq!(read(&mut *alice, &message).is_ok(), round < 2);
        passes(&mut *alice, &mut *bob, "turn");
    }
}

#[test]
fn a_copy_goes_on_where_the_original_stood() {
    let (mut alice, mut bob) = (textbook("alice", Derivation::Sound, None), library("bob"));
    settled(&mut *alice, &mut *bob);
    let mut alice = alice.copy(Seed(8).rng(&["restarted"]));
    for _ in 0..3 {
        passes(&mut *alice, &mut *bob, "there");
        passes(&mut *bob, &mut *alice, "and back");
    }
    let mut thief = alice.stolen();
    let message = written(&mut *bob, "overheard");
    assert_eq!(read(&mut *thief, &message).unwrap(), "overheard");
}
