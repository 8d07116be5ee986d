//! When a peer has a new identity, and when somebody pretends so.

use super::*;

/// Alice gets a new identity and opens a session with Bob, who has one with the old Alice.
fn reinstalled(duo: &mut Duo) -> (PqxdhParty, Ciphertext) {
    let mut alice = party("alice, reinstalled");
    let bundle = bundle(&mut duo.bob, true);
    alice.process(&address("bob"), &bundle, SignatureCheck::Always).unwrap();
    let opening = alice.encrypt(&address("bob"), b"it is me").unwrap();
    (alice, opening)
}

#[test]
fn a_new_identity_is_reported_or_refused() {
    let mut duo = Duo::settled();
    let alice = address("alice");
    assert!(!duo.bob.identity_changed(&alice));
    let (new_alice, opening) = reinstalled(&mut duo);
    duo.bob.trust_new_identities(false);
    let refused = duo.bob_reads(&opening);
    assert!(matches!(refused, Err(E2eeError::IdentityChanged(peer)) if peer == alice));
    assert_eq!(duo.bob.peer_identity(&alice), Some(duo.alice.identity()));
    duo.bob.trust_new_identities(true);
    assert_eq!(duo.bob_reads(&opening).unwrap(), "it is me");
    assert!(duo.bob.identity_changed(&alice));
    assert_eq!(duo.bob.peer_identity(&alice), Some(new_alice.identity()));
}

#[test]
fn a_late_message_does_not_bring_a_replaced_identity_back() {
    let mut duo = Duo::settled();
    let late = ["late", "later"].map(|text| duo.alice_writes(text));
    let (mut new_alice, opening) = reinstalled(&mut duo);
    duo.bob_reads(&opening).unwrap();
    for (message, text) in late.iter().zip(["late", "later"]) {
        assert_eq!(duo.bob_reads(message).unwrap(), text);
        assert!(!duo.bob.identity_changed(&address("alice")));
        assert_eq!(duo.bob.peer_identity(&address("alice")), Some(new_alice.identity()));
        assert!(matches!(duo.bob_reads(message), Err(E2eeError::Duplicate { .. })));
    }
    let reply = duo.bob_writes("to the new one");
    assert_eq!(read(&mut new_alice, "bob", &reply).unwrap(), "to the new one");
}

#[test]
fn a_first_message_cannot_rename_the_session_that_it_belongs_to() {
    let mut duo = Duo::new(true);
    let [opening, repeat] = ["opening", "repeat"].map(|text| duo.alice_writes(text));
    duo.bob_reads(&opening).unwrap();
    let eve = party("eve").identity();
    let renamed = rewrite(&repeat, |outer| outer.identity_key = Some([&[5][..], &eve].concat()));
    assert!(matches!(duo.bob_reads(&renamed), Err(E2eeError::ForeignIdentity)));
    assert_eq!(duo.bob.peer_identity(&address("alice")), Some(duo.alice.identity()));
    assert_eq!(duo.bob_reads(&repeat).unwrap(), "repeat");
}
