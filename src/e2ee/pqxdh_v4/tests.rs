//! What a party of version 4 does, with itself at both ends.

mod hostile;
mod identity;

use prost::Message as _;

use super::*;
use crate::e2ee::envelope::{Envelope, PreKeyEnvelope};
use crate::e2ee::pair::{address, bundle, read, rewrite};
use crate::proto::signal::{PreKeySignalMessage, SignalMessage};
use crate::seed::Seed;

struct Duo {
    alice: PqxdhParty,
    bob: PqxdhParty,
}

fn party(name: &str) -> PqxdhParty {
    PqxdhParty::new(Seed(7).rng(&["duo", name]))
}

impl Duo {
    /// Alice has opened a session with Bob and has sent nothing yet.
    fn new(one_time: bool) -> Self {
        let mut duo = Self { alice: party("alice"), bob: party("bob") };
        let bundle = bundle(&mut duo.bob, one_time);
        duo.alice.process(&address("bob"), &bundle, SignatureCheck::Always).unwrap();
        duo
    }

    /// Both have sent and received.
    fn settled() -> Self {
        let mut duo = Self::new(true);
        let opening = duo.alice_writes("opening");
        assert_eq!(duo.bob_reads(&opening).unwrap(), "opening");
        let reply = duo.bob_writes("reply");
        assert_eq!(duo.alice_reads(&reply).unwrap(), "reply");
        duo
    }

    fn alice_writes(&mut self, text: &str) -> Ciphertext {
        self.alice.encrypt(&address("bob"), text.as_bytes()).unwrap()
    }

    fn bob_writes(&mut self, text: &str) -> Ciphertext {
        self.bob.encrypt(&address("alice"), text.as_bytes()).unwrap()
    }

    fn alice_reads(&mut self, message: &Ciphertext) -> Result<String, E2eeError> {
        read(&mut self.alice, "bob", message)
    }

    fn bob_reads(&mut self, message: &Ciphertext) -> Result<String, E2eeError> {
        read(&mut self.bob, "alice", message)
    }
}

/// The same message with its last MAC byte changed.
fn with_bad_mac(message: &Ciphertext) -> Ciphertext {
    let spoil = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    match message.kind {
        EncType::PkMsg => rewrite(message, |outer| spoil(outer.message.as_mut().unwrap())),
        EncType::Msg => {
            let mut message = message.clone();
            spoil(&mut message.bytes);
            message
        }
    }
}

/// A `msg` with another part of the post-quantum ratchet and another counter.
fn with_ratchet_part(message: &Ciphertext, part: Vec<u8>, counter: u32) -> Ciphertext {
    let header = Envelope::parse(&message.bytes).unwrap();
    let body = SignalMessage {
        ratchet_key: Some([&[5][..], &header.ratchet_key].concat()),
        counter: Some(counter),
        previous_counter: Some(header.previous_counter),
        ciphertext: Some(header.ciphertext),
        pq_ratchet: Some(part),
    };
    let bytes = [&[0x44][..], &body.encode_to_vec(), &header.mac].concat();
    Ciphertext { kind: EncType::Msg, bytes }
}

#[test]
fn one_generator_makes_one_party_and_one_conversation() {
    let talk = || {
        let mut duo = Duo::new(true);
        let mut sent = vec![duo.alice_writes("one"), duo.alice_writes("two")];
        for message in &sent {
            duo.bob_reads(message).unwrap();
        }
        for _ in 0..4 {
            let reply = duo.bob_writes("and back");
            duo.alice_reads(&reply).unwrap();
            let next = duo.alice_writes("there");
            duo.bob_reads(&next).unwrap();
            sent.extend([reply, next]);
        }
        sent
    };
    assert_eq!(talk(), talk());
    let (one, other) = (party("alice"), party("bob"));
    assert_ne!(one.identity(), other.identity());
    assert_ne!(one.kem_prekey(), other.kem_prekey());
    assert_eq!(one.version(), 4);
}

#[test]
fn first_messages_name_all_prekeys_until_a_reply_comes() {
    for one_time in [true, false] {
        let mut duo = Duo::new(one_time);
        for text in ["one", "two"] {
            let message = duo.alice_writes(text);
            assert_eq!(message.kind, EncType::PkMsg);
            let first = PreKeyEnvelope::parse(&message.bytes).unwrap();
            assert_eq!((first.version_byte, first.message.version_byte), (0x44, 0x44));
            assert_eq!(first.one_time_id.is_some(), one_time);
            assert_eq!(first.signed_prekey_id, duo.bob.signed_prekey().id);
            assert_eq!(first.kem.unwrap().id, duo.bob.kem_prekey().unwrap().id);
            assert_eq!(first.identity, duo.alice.identity());
            assert_eq!(first.registration_id, duo.alice.registration_id());
            assert!(!first.message.pq_ratchet.is_empty(), "the ratchet speaks from the start");
            assert_eq!(duo.bob_reads(&message).unwrap(), text);
        }
        assert!(duo.alice.inspect(&address("bob")).unwrap().awaits_reply);
        let reply = duo.bob_writes("three");
        assert_eq!((reply.kind, reply.bytes[0]), (EncType::Msg, 0x44));
        assert_eq!(duo.alice_reads(&reply).unwrap(), "three");
        assert!(!duo.alice.inspect(&address("bob")).unwrap().awaits_reply);
        assert_eq!(duo.alice_writes("four").kind, EncType::Msg);
    }
}

#[test]
fn a_long_talk_with_changing_directions_is_understood() {
    let mut duo = Duo::settled();
    for turn in 0..40 {
        for _ in 0..=turn % 3 {
            let message = duo.alice_writes("there");
            assert_eq!(duo.bob_reads(&message).unwrap(), "there", "turn {turn}");
        }
        let reply = duo.bob_writes("and back");
        assert_eq!(duo.alice_reads(&reply).unwrap(), "and back", "turn {turn}");
    }
}

#[test]
fn a_bundle_is_used_only_with_a_kem_prekey_and_two_good_signatures() {
    use SignatureCheck::{Always, IfPresent, Never};
    let refusal = |change: &dyn Fn(&mut Bundle), check| {
        let mut bundle = bundle(&mut party("bob"), true);
        change(&mut bundle);
        let mut alice = party("alice");
        let refused = alice.process(&address("bob"), &bundle, check).err();
        assert_eq!(alice.has_session(&address("bob")), refused.is_none());
        assert_eq!(alice.peer_identity(&address("bob")).is_some(), refused.is_none());
        refused.map(|error| error.to_string())
    };
    let kem = |bundle: &mut Bundle, change: fn(&mut KemPrekey)| {
        change(bundle.kem.as_mut().unwrap());
    };
    for check in [Always, IfPresent, Never] {
        assert_eq!(refusal(&|_| (), check), None);
        let missing = refusal(&|bundle| bundle.kem = None, check).unwrap();
        assert!(missing.contains("no KEM prekey"), "{missing}");
        let cut = |bundle: &mut Bundle| kem(bundle, |key| key.value.truncate(1568));
        assert!(refusal(&cut, check).unwrap().contains("(1568 bytes)"));
        let typed = |bundle: &mut Bundle| kem(bundle, |key| key.value[0] = 5);
        assert!(refusal(&typed, check).unwrap().contains("no public key"));
    }
    let flipped = |bundle: &mut Bundle| bundle.signed_prekey.signature[9] ^= 1;
    let kem_flipped = |bundle: &mut Bundle| kem(bundle, |key| key.signature[9] ^= 1);
    let absent = |bundle: &mut Bundle| bundle.signed_prekey.signature.clear();
    let kem_absent = |bundle: &mut Bundle| kem(bundle, |key| key.signature.clear());
    let swapped = |bundle: &mut Bundle| {
        let key = bundle.kem.as_mut().unwrap();
        std::mem::swap(&mut key.signature, &mut bundle.signed_prekey.signature);
    };
    for check in [Always, IfPresent] {
        assert!(refusal(&flipped, check).unwrap().starts_with("the signed prekey's signature"));
        assert!(refusal(&kem_flipped, check).unwrap().starts_with("the KEM prekey's signature"));
        assert!(refusal(&swapped, check).is_some());
    }
    assert!(refusal(&absent, Always).is_some() && refusal(&kem_absent, Always).is_some());
    for accepted in [refusal(&absent, IfPresent), refusal(&kem_absent, IfPresent)] {
        assert_eq!(accepted, None);
    }
    for accepted in [refusal(&flipped, Never), refusal(&kem_flipped, Never)] {
        assert_eq!(accepted, None);
    }
}

#[test]
fn an_unchecked_bundle_still_opens_a_session_that_works() {
    for (one_time, check) in [(true, SignatureCheck::IfPresent), (false, SignatureCheck::Never)] {
        let mut duo = Duo { alice: party("alice"), bob: party("bob") };
        let mut unsigned = bundle(&mut duo.bob, one_time);
        unsigned.signed_prekey.signature.clear();
        duo.alice.process(&address("bob"), &unsigned, check).unwrap();
        let message = duo.alice_writes("hello");
        let first = PreKeyEnvelope::parse(&message.bytes).unwrap();
        assert_eq!(first.one_time_id, unsigned.one_time.map(|prekey| prekey.id));
        assert_eq!(first.registration_id, duo.alice.registration_id());
        assert_eq!(duo.bob_reads(&message).unwrap(), "hello");
        let reply = duo.bob_writes("and back");
        assert_eq!(duo.alice_reads(&reply).unwrap(), "and back");
        assert_eq!(duo.alice_writes("later").kind, EncType::Msg);
        let view = duo.alice.inspect(&address("bob")).unwrap();
        assert_eq!(view.peer_registration_id, duo.bob.registration_id());
    }
}

#[test]
fn other_versions_are_refused() {
    let mut duo = Duo::new(true);
    let opening = duo.alice_writes("opening");
    for byte in [0x33, 0x34] {
        let mut older = opening.clone();
        older.bytes[0] = byte;
        let refused = duo.bob_reads(&older);
        assert!(matches!(refused, Err(E2eeError::Version { expected: 4, found: 3 })));
        let inner = rewrite(&opening, |outer| outer.message.as_mut().unwrap()[0] = byte);
        let refused = duo.bob_reads(&inner);
        assert!(matches!(refused, Err(E2eeError::Version { expected: 4, found: 3 })));
    }
    let mut future = opening.clone();
    future.bytes[0] = 0x55;
    assert!(matches!(duo.bob_reads(&future), Err(E2eeError::Envelope(_))));
    assert_eq!(duo.bob_reads(&opening).unwrap(), "opening");
}

#[test]
fn a_first_message_without_its_kem_part_opens_nothing() {
    let mut duo = Duo::new(true);
    let opening = duo.alice_writes("opening");
    let strip = |change: fn(&mut PreKeySignalMessage)| rewrite(&opening, change);
    let without_id = strip(|outer| outer.kem_pre_key_id = None);
    let without_secret = strip(|outer| outer.kem_ciphertext = None);
    let without_both = strip(|outer| {
        outer.kem_pre_key_id = None;
        outer.kem_ciphertext = None;
    });
    for message in [without_id, without_secret, without_both] {
        assert!(matches!(duo.bob_reads(&message), Err(E2eeError::Envelope(_))));
    }
    let unknown = strip(|outer| outer.kem_pre_key_id = Some(0));
    assert!(matches!(duo.bob_reads(&unknown), Err(E2eeError::UnknownKemPrekey(0))));
    let other = strip(|outer| outer.kem_ciphertext.as_mut().unwrap()[700] ^= 1);
    let refused = duo.bob_reads(&other);
    assert!(matches!(refused, Err(E2eeError::Undecryptable(EncType::PkMsg))), "{refused:?}");
    let other = strip(|outer| outer.signed_pre_key_id = Some(0));
    assert!(matches!(duo.bob_reads(&other), Err(E2eeError::UnknownSignedPrekey(0))));
    let other = strip(|outer| outer.pre_key_id = Some(0));
    assert!(matches!(duo.bob_reads(&other), Err(E2eeError::UnknownOneTimePrekey(0))));
    assert!(!duo.bob.has_session(&address("alice")));
    assert_eq!(duo.bob_reads(&opening).unwrap(), "opening");
}

#[test]
fn a_forged_message_changes_nothing() {
    let mut duo = Duo::new(true);
    let opening = duo.alice_writes("opening");
    let refused = duo.bob_reads(&with_bad_mac(&opening));
    assert!(matches!(refused, Err(E2eeError::Undecryptable(EncType::PkMsg))), "{refused:?}");
    assert!(!duo.bob.has_session(&address("alice")));
    assert_eq!(duo.bob.peer_identity(&address("alice")), None);
    assert_eq!(duo.bob_reads(&opening).unwrap(), "opening", "the prekey was not burned");
    let reply = duo.bob_writes("reply");
    duo.alice_reads(&reply).unwrap();
    let genuine = duo.alice_writes("genuine");
    let before = duo.bob.snapshot(&address("alice"));
    let refused = duo.bob_reads(&with_bad_mac(&genuine));
    assert!(matches!(refused, Err(E2eeError::Undecryptable(EncType::Msg))), "{refused:?}");
    assert_eq!(duo.bob.snapshot(&address("alice")), before);
    assert_eq!(duo.bob_reads(&genuine).unwrap(), "genuine");
}

#[test]
fn messages_are_read_once_in_any_order_within_and_across_turns() {
    let mut duo = Duo::new(true);
    let mut sent: Vec<_> = (0..4).map(|n| (n, duo.alice_writes(&n.to_string()))).collect();
    assert_eq!(duo.bob_reads(&sent[3].1).unwrap(), "3");
    let reply = duo.bob_writes("reply");
    duo.alice_reads(&reply).unwrap();
    sent.extend((4..8).map(|n| (n, duo.alice_writes(&n.to_string()))));
    for n in [6, 1, 7, 0, 4, 2, 5] {
        assert_eq!(duo.bob_reads(&sent[n].1).unwrap(), n.to_string());
    }
    for (_, message) in &sent {
        let again = duo.bob_reads(message);
        assert!(matches!(again, Err(E2eeError::Duplicate { .. })), "{again:?}");
    }
}

#[test]
fn a_replayed_first_message_is_refused_with_and_without_its_session() {
    for one_time in [true, false] {
        let mut duo = Duo::new(one_time);
        let opening = duo.alice_writes("opening");
        assert_eq!(duo.bob_reads(&opening).unwrap(), "opening");
        assert!(matches!(duo.bob_reads(&opening), Err(E2eeError::Duplicate { .. })));
        duo.bob.drop_session(&address("alice"));
        assert!(!duo.bob.has_session(&address("alice")));
        // With a one-time prekey it is gone; without one the library knows the base key.
        assert!(duo.bob_reads(&opening).is_err());
        assert!(!duo.bob.has_session(&address("alice")));
        assert_eq!(duo.bob.peer_identity(&address("alice")), Some(duo.alice.identity()));
    }
}

#[test]
fn a_jump_beyond_the_limit_is_named() {
    let mut duo = Duo::settled();
    let message = duo.alice_writes("far");
    let part = Envelope::parse(&message.bytes).unwrap().pq_ratchet;
    let refused = duo.bob_reads(&with_ratchet_part(&message, part, 25_001));
    assert!(
        matches!(refused, Err(E2eeError::TooFarAhead { counter: 25_001, next: 0 })),
        "{refused:?}"
    );
    assert_eq!(duo.bob_reads(&message).unwrap(), "far");
}

#[test]
fn crossed_first_messages_converge_on_one_session() {
    let mut duo = Duo::new(true);
    let alices = bundle(&mut duo.alice, true);
    duo.bob.process(&address("alice"), &alices, SignatureCheck::Always).unwrap();
    let (hers, his) = (duo.alice_writes("hers"), duo.bob_writes("his"));
    assert_eq!(duo.bob_reads(&hers).unwrap(), "hers");
    assert_eq!(duo.alice_reads(&his).unwrap(), "his");
    for _ in 0..3 {
        let hers = duo.alice_writes("hers");
        assert_eq!(duo.bob_reads(&hers).unwrap(), "hers");
        let his = duo.bob_writes("his");
        assert_eq!(duo.alice_reads(&his).unwrap(), "his");
    }
    let base_of = |party: &PqxdhParty, peer| party.inspect(&address(peer)).unwrap().base_key;
    assert_eq!(base_of(&duo.alice, "bob"), base_of(&duo.bob, "alice"));
}

#[test]
fn a_session_shows_its_public_side() {
    let mut duo = Duo::settled();
    let messages = ["one", "two", "three"].map(|text| duo.alice_writes(text));
    duo.bob_reads(&messages[2]).unwrap();
    let alices = duo.alice.inspect(&address("bob")).unwrap();
    let bobs = duo.bob.inspect(&address("alice")).unwrap();
    assert_eq!(alices.base_key, bobs.base_key);
    assert_eq!(bobs.peer_identity, hex::encode(duo.alice.identity()));
    assert_eq!(bobs.peer_registration_id, duo.alice.registration_id());
    let newest = bobs.receiving.last().unwrap();
    assert_eq!(newest.ratchet_key, alices.sending.as_ref().unwrap().ratchet_key);
    assert_eq!(alices.sending.unwrap().next_counter, 3);
    let mut skipped = newest.skipped.clone();
    skipped.sort_unstable();
    assert_eq!((newest.next_counter, &skipped[..]), (3, &[0, 1][..]));
    assert_eq!((bobs.version, bobs.archived, bobs.pq_ratchet), (4, 0, true));
    assert_eq!(duo.alice.inspect(&address("carol")), None);
    let snapshot = duo.bob.snapshot(&address("alice")).unwrap();
    assert_eq!(snapshot.view, bobs);
    assert_eq!(snapshot.own_identity, hex::encode(duo.bob.identity()));
    assert_eq!(snapshot.secrets.root_key.len(), 64);
    assert_eq!(snapshot.secrets.receiving_chain_keys.len(), bobs.receiving.len());
}

#[test]
fn a_thief_reads_on_only_until_both_have_ratcheted() {
    let mut duo = Duo::settled();
    let mut thief = duo.bob.stolen();
    let before = duo.alice_writes("still readable");
    assert_eq!(read(&mut *thief, "alice", &before).unwrap(), "still readable");
    duo.bob_reads(&before).unwrap();
    let reply = duo.bob_writes("fresh key");
    duo.alice_reads(&reply).unwrap();
    let after = duo.alice_writes("healed");
    assert!(read(&mut *thief, "alice", &after).is_err());
    assert_eq!(duo.bob_reads(&after).unwrap(), "healed");
}

#[test]
fn a_replaced_signed_prekey_opens_until_it_is_dropped() {
    for dropped in [false, true] {
        let mut duo = Duo::new(true);
        let late = duo.alice_writes("late");
        let old = duo.bob.signed_prekey();
        let new = duo.bob.rotate_signed_prekey();
        assert!(new.id != old.id && new.value != old.value && new.signature.len() == 64);
        duo.bob.drop_signed_prekey(new.id);
        if dropped {
            duo.bob.drop_signed_prekey(old.id);
        }
        assert_eq!(duo.bob_reads(&late).is_ok(), !dropped);
        assert_eq!(duo.bob.signed_prekey(), new, "the current one stays");
    }
}
