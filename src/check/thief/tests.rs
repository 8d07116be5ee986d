//! A theft in the middle of an exchange between two parties of ours, as a transcript holds it.

use serde_json::json;

use super::*;
use crate::e2ee::{Address, Bundle, Ciphertext, Party, SignatureCheck, X3dhParty};
use crate::evidence::{Payload, Stream};
use crate::seed::Seed;

const ALICE: &str = "1-10000000000001@interop";

struct Exchange {
    alice: X3dhParty,
    bob: X3dhParty,
    thieves: Thieves,
    entries: u32,
}

impl Exchange {
    /// Alice has written twice and Bob has answered.
    fn settled(one_time: bool) -> Self {
        let [mut alice, mut bob] = ["a", "b"].map(|name| X3dhParty::new(Seed(3).rng(&[name])));
        let bundle = Bundle {
            registration_id: bob.registration_id(),
            identity: bob.identity(),
            signed_prekey: bob.signed_prekey(),
            one_time: bob.new_one_time_prekeys(usize::from(one_time)).pop(),
            kem: None,
        };
        alice.process(&peer("bob"), &bundle, SignatureCheck::Always).unwrap();
        let mut exchange = Self { alice, bob, thieves: Thieves::default(), entries: 0 };
        exchange.alice_writes();
        exchange.alice_writes();
        exchange.bob_writes();
        exchange.alice_writes();
        exchange
    }

    fn record(&mut self, event: Event) {
        self.entries += 1;
        let id = EntryId { case: "x".into(), stream: Stream::client("bob"), n: self.entries };
        let (lane, actor) = (Lane::Main, Some("bob".to_owned()));
        self.thieves.observe(&Entry { id, lane, actor, at_ms: 0, event });
    }

    fn facts(message: &Ciphertext) -> EncFacts {
        EncFacts {
            kind: message.kind.as_str().into(),
            bytes: Payload::of(&message.bytes),
            header: serde_json::Value::Null,
            responder: None,
            plaintext: None,
            session: None,
            before: None,
        }
    }

    fn alice_writes(&mut self) -> Ciphertext {
        let message = self.alice.encrypt(&peer("bob"), b"hi\x01").unwrap();
        self.bob.decrypt(&peer("alice"), &message).unwrap();
        self.arrives(&message);
        message
    }

    fn arrives(&mut self, message: &Ciphertext) {
        let (id, from, content) = ("m".into(), ALICE.into(), "hi".into());
        self.record(Event::Decrypted { id, from, content, enc: Self::facts(message) });
    }

    fn bob_writes(&mut self) {
        let message = self.bob.encrypt(&peer("alice"), b"ho\x01").unwrap();
        self.alice.decrypt(&peer("bob"), &message).unwrap();
        let (id, to, text) = ("m".into(), ALICE.into(), "ho".into());
        self.record(Event::Encrypted { id, to, text, enc: Self::facts(&message) });
    }

    fn theft(&mut self) {
        let session = json!(self.bob.snapshot(&peer("alice")).unwrap());
        let device = self.bob.responder_keys(None).map(|keys| json!(keys));
        let (label, with) = ("theft".to_owned(), ALICE.to_owned());
        self.record(Event::Compromised { label, with, session, device });
    }

    fn round_trips(&mut self, count: usize) {
        for _ in 0..count {
            self.bob_writes();
            self.alice_writes();
        }
    }

    fn thief(&self) -> &Thief {
        self.thieves.all().next().unwrap()
    }
}

fn peer(name: &str) -> Address {
    Address::new(name, 0)
}

#[test]
fn a_sound_channel_gives_a_thief_one_round_trip_and_nothing_before() {
    let mut exchange = Exchange::settled(true);
    exchange.theft();
    assert_eq!(exchange.thief().healed(), Healed::Untold);
    exchange.alice_writes();
    assert_eq!(exchange.thief().healed(), Healed::NotYet);
    exchange.round_trips(3);
    let thief = exchange.thief();
    assert_eq!((thief.earlier, thief.reads_earlier, thief.healed()), (3, 0, Healed::After(1)));
    assert_eq!(thief.forged, 2, "what is read can be forged");
    assert_eq!(
        thief.sentence(),
        "a thief of bob's keys (theft), after message 3, reads 0 of 3 earlier messages; the channel \
         heals after 1 round trip (2 of 4 later messages read)"
    );
}

#[test]
fn without_a_one_time_prekey_a_thief_of_the_device_reads_the_first_messages() {
    let mut exchange = Exchange::settled(false);
    exchange.theft();
    exchange.round_trips(2);
    let thief = exchange.thief();
    assert_eq!((thief.earlier, thief.reads_earlier), (3, 2), "the first run, and not the second");
}

#[test]
fn a_kept_ratchet_key_never_heals() {
    let mut exchange = Exchange::settled(true);
    exchange.alice.hold_ratchet_keys(None);
    exchange.theft();
    exchange.round_trips(5);
    let thief = exchange.thief();
    assert_eq!((thief.healed(), thief.read_later(), thief.reads_earlier), (Healed::NotYet, 5, 0));
    assert!(thief.sentence().ends_with("the channel has not healed after 5 round trips"));
}

#[test]
fn a_ciphertext_that_comes_again_counts_once_and_shows_no_healing() {
    let mut exchange = Exchange::settled(true);
    let old = exchange.alice_writes();
    exchange.theft();
    exchange.bob_writes();
    exchange.arrives(&old);
    let thief = exchange.thief();
    assert_eq!((thief.earlier, thief.later.len(), thief.healed()), (4, 0, Healed::Untold));
}
