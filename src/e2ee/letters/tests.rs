//! Letters are sealed and opened soundly, and each slip lets one thing through.

use super::*;
use crate::seed::Seed;

fn party(name: &str, slip: Option<Slip>) -> LettersParty {
    LettersParty::new(Seed(1).rng(&[name]), slip)
}

fn introduced(slip: Option<Slip>) -> (LettersParty, LettersParty) {
    let (mut alice, mut bob) = (party("alice", slip), party("bob", slip));
    let [of_alice, of_bob] = [bundle(&alice), bundle(&bob)];
    alice.process(&address("bob"), &of_bob, SignatureCheck::Always).unwrap();
    bob.process(&address("alice"), &of_alice, SignatureCheck::Always).unwrap();
    (alice, bob)
}

fn bundle(of: &LettersParty) -> Bundle {
    Bundle {
        registration_id: of.registration_id(),
        identity: of.identity(),
        signed_prekey: of.signed_prekey(),
        one_time: None,
        kem: None,
    }
}

fn address(name: &str) -> Address {
    Address::new(name, 0)
}

#[test]
fn a_letter_opens_once_in_any_order_and_from_its_writer_only() {
    let (mut alice, mut bob) = introduced(None);
    let letters = [b"one", b"two"].map(|text| alice.encrypt(&address("bob"), text).unwrap());
    assert_ne!(letters[0].bytes[1..33], letters[1].bytes[1..33]);
    let mut forged = letters[0].clone();
    *forged.bytes.last_mut().unwrap() ^= 1;
    assert!(matches!(bob.decrypt(&address("alice"), &forged), Err(E2eeError::BadMac(_))));
    let foreign = bob.decrypt(&address("mallory"), &letters[0]);
    assert!(matches!(foreign, Err(E2eeError::ForeignIdentity)));
    assert_eq!(bob.decrypt(&address("alice"), &letters[1]).unwrap(), b"two");
    assert_eq!(bob.decrypt(&address("alice"), &letters[0]).unwrap(), b"one");
    let again = bob.decrypt(&address("alice"), &letters[0]);
    assert!(matches!(again, Err(E2eeError::Duplicate { .. })));
    let back = bob.encrypt(&address("alice"), b"back").unwrap();
    assert_eq!(alice.decrypt(&address("bob"), &back).unwrap(), b"back");
    for broken in [&b""[..], b"\x33", &[MARK; 200]] {
        let broken = Ciphertext { kind: EncType::Msg, bytes: broken.to_vec() };
        assert!(bob.decrypt(&address("alice"), &broken).is_err());
    }
}

#[test]
fn each_slip_lets_one_thing_through() {
    let replayed = |slip| {
        let (mut alice, mut bob) = introduced(Some(slip));
        let letter = alice.encrypt(&address("bob"), b"one").unwrap();
        bob.decrypt(&address("alice"), &letter).unwrap();
        bob.decrypt(&address("alice"), &letter).is_ok()
    };
    assert!(replayed(Slip::Repeats) && !replayed(Slip::AnyMac));
    let (mut alice, mut bob) = introduced(Some(Slip::AnyMac));
    let mut forged = alice.encrypt(&address("bob"), b"one").unwrap();
    *forged.bytes.last_mut().unwrap() ^= 1;
    assert_eq!(bob.decrypt(&address("alice"), &forged).unwrap(), b"one");
    let (mut alice, mut bob) = introduced(Some(Slip::AnySender));
    let letter = alice.encrypt(&address("bob"), b"one").unwrap();
    assert_eq!(bob.decrypt(&address("mallory"), &letter).unwrap(), b"one");
    let (mut alice, _) = introduced(Some(Slip::OneKey));
    let [one, two] = [b"x", b"x"].map(|text| alice.encrypt(&address("bob"), text).unwrap());
    assert_eq!(one.bytes[1..33], two.bytes[1..33]);
    let (mut alice, mut bob) = introduced(Some(Slip::OneKeystream));
    let texts = [b"x marks the spot", b"y marks nothing."];
    let [one, two] = texts.map(|text| alice.encrypt(&address("bob"), text).unwrap());
    assert_ne!(one.bytes[1..33], two.bytes[1..33]);
    assert_eq!(one.bytes[HEAD_BYTES + 4] ^ two.bytes[HEAD_BYTES + 4], b'x' ^ b'y');
    assert_eq!(bob.decrypt(&address("alice"), &one).unwrap(), texts[0]);
}

#[test]
fn a_slip_waits_for_what_is_lost_and_another_hides_nothing() {
    for (slip, opens) in [(None, true), (Some(Slip::NeedsEvery), false)] {
        let (mut alice, mut bob) = introduced(slip);
        let letters = [b"1", b"2", b"3"].map(|text| alice.encrypt(&address("bob"), text).unwrap());
        assert!(bob.decrypt(&address("alice"), &letters[0]).is_ok());
        assert_eq!(bob.decrypt(&address("alice"), &letters[2]).is_ok(), opens, "{slip:?}");
        assert!(bob.decrypt(&address("alice"), &letters[1]).is_ok(), "{slip:?}");
    }
    for (slip, shows) in [(None, false), (Some(Slip::InTheClear), true)] {
        let (mut alice, mut bob) = introduced(slip);
        let letter = alice.encrypt(&address("bob"), b"in the open air").unwrap();
        let shown = letter.bytes.windows(15).any(|window| window == b"in the open air");
        assert_eq!(shown, shows, "{slip:?}");
        assert_eq!(bob.decrypt(&address("alice"), &letter).unwrap(), b"in the open air");
    }
}

#[test]
fn a_new_identity_is_told_unless_a_slip_hides_or_refuses_it() {
    for (slip, opens, told) in [
        (None, true, true),
        (Some(Slip::QuietAboutIdentities), true, false),
        (Some(Slip::FirstIdentityIsFinal), false, false),
    ] {
        let (mut alice, mut bob) = introduced(slip);
        let hello = alice.encrypt(&address("bob"), b"hello").unwrap();
        bob.decrypt(&address("alice"), &hello).unwrap();
        let mut new = party("the new alice", slip);
        new.process(&address("bob"), &bundle(&bob), SignatureCheck::Always).unwrap();
        let again = new.encrypt(&address("bob"), b"me again").unwrap();
        assert_eq!(bob.decrypt(&address("alice"), &again).is_ok(), opens, "{slip:?}");
        assert_eq!(bob.identity_changed(&address("alice")), told, "{slip:?}");
    }
}
