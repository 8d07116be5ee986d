//! A tape for the tests of single checks: what a client sent and what was shown to its user.

use serde_json::json;

use super::{Check, Observed, View};
use crate::evidence::{Direction, EncFacts, Event, Lane, Payload, Stream, Transcript};
use crate::scenario::parse;
use crate::span::Source;
use crate::spec::Profile;
use crate::wire::{binary, xml};

const SCENARIO: &str = "
schema: 1
title: A ping is answered
why: Because.
milestone: M2
covers: [STZ-004]
proves: [codec-raw-digits-lost]
actors:
  alice: { plays: third-party-client, iut: true }
steps:
  - send: { from: meta, to: alice, stanza: '<iq id=\"1\"/>', as: c1 }
  - expect: { at: meta, stanza: '<iq type=\"result\"/>', checks: [STZ-004] }
must_observe: [c1.sent]
";

/// What a message of Alice's shows.
#[derive(Clone, Copy)]
pub struct Written<'a> {
    pub key: &'a str,
    /// Its number, and the length of the previous chain.
    pub counters: (u64, u64),
    pub base_key: Option<&'a str>,
    pub session: &'a str,
    pub bytes: &'a str,
}

/// A message of the session S, with content of its own.
pub fn written<'a>(key: &'a str, counters: (u64, u64), bytes: &'a str) -> Written<'a> {
    Written { key, counters, base_key: None, session: "S", bytes }
}

fn enc(
    key: &str,
    (counter, previous): (u64, u64),
    base_key: Option<&str>,
    session: Option<&str>,
    bytes: &str,
) -> EncFacts {
    let mut header =
        json!({ "ratchet_key": key, "counter": counter, "previous_counter": previous });
    if let Some(base_key) = base_key {
        header["first"] = json!({ "base_key": base_key });
    }
    let kind = if base_key.is_some() { "pkmsg" } else { "msg" }.to_owned();
    let bytes = Payload::of(bytes.as_bytes());
    let session = session.map(str::to_owned);
    let (responder, plaintext, before) = Default::default();
    EncFacts { kind, bytes, header, responder, plaintext, session, before }
}

/// Entries of alice's in the main lane.
#[derive(Default)]
pub struct Tape(Transcript);

impl Tape {
    pub fn add(&mut self, event: Event) {
        let stream = Stream::connection(1, true);
        self.0.record(0, stream, Lane::Main, Some("alice"), event).expect("far from the bound");
    }

    pub fn received(&mut self, stanza: &str) {
        self.received_with(stanza, &[]);
    }

    pub fn received_with(&mut self, stanza: &str, variants: &[&str]) {
        self.stanza(Direction::Received, stanza, variants);
    }

    pub fn sent(&mut self, stanza: &str) {
        self.stanza(Direction::Sent, stanza, &[]);
    }

    pub fn shown(&mut self, id: &str) {
        self.add(Event::Notified { name: "message".to_owned(), params: json!({ "id": id }) });
    }

    pub fn decrypted(&mut self, id: &str, text: &str) {
        let (header, responder, plaintext, session, before) = Default::default();
        let bytes = Payload::of(text.as_bytes());
        let kind = "msg".to_owned();
        let enc = EncFacts { kind, bytes, header, responder, plaintext, session, before };
        let (id, from, content) = (id.to_owned(), "1-105@interop".to_owned(), text.to_owned());
        self.add(Event::Decrypted { id, from, content, enc });
    }

    /// Bob encrypts a message to alice, and she is shown it.
    pub fn bob_says(&mut self, id: &str, ratchet_key: &str, base_key: Option<&str>) {
        self.bob_encrypts(id, ratchet_key, base_key);
        self.sent(&format!("<message from=\"1@s.whatsapp.net\" id=\"{id}\"/>"));
        self.shown(id);
    }

    /// Bob encrypts a message that does not leave him.
    pub fn bob_encrypts(&mut self, id: &str, ratchet_key: &str, base_key: Option<&str>) {
        let enc = enc(ratchet_key, (0, 0), base_key, Some("S"), id);
        let (id, to, text) = (id.to_owned(), "1-105@interop".to_owned(), "t".to_owned());
        self.at_bob(Event::Encrypted { id, to, text, enc });
    }

    /// Alice writes a message, which Bob decrypts.
    pub fn alice_says(&mut self, id: &str, written: Written<'_>) {
        let (operation, params) = ("send_text".to_owned(), json!({}));
        self.add(Event::Called { operation: operation.clone(), params });
        self.arrives(id, written);
        self.add(Event::Answered { operation, outcome: Ok(json!({ "id": id })) });
    }

    /// A message of Alice's arrives, whoever caused it.
    pub fn arrives(&mut self, id: &str, written: Written<'_>) {
        let Written { key, counters, base_key, session, bytes } = written;
        let enc = enc(key, counters, base_key, Some(session), bytes);
        let (id, from, content) = (id.to_owned(), "1-105@interop".to_owned(), "t".to_owned());
        self.at_bob(Event::Decrypted { id, from, content, enc });
    }

    fn at_bob(&mut self, event: Event) {
        let stream = Stream::client("bob");
        self.0.record(0, stream, Lane::Main, Some("bob"), event).expect("far from the bound");
    }

    pub fn examined_by(&self, check: &dyn Check) -> Vec<Observed> {
        let scenario = parse("case", &Source::new("case.yaml", SCENARIO)).unwrap();
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        check.examine(&View { scenario: &scenario, transcript: &self.0, profile: &profile })
    }

    fn stanza(&mut self, direction: Direction, stanza: &str, variants: &[&str]) {
        let bytes = binary::encode(&xml::parse(stanza).unwrap()).unwrap();
        self.add(Event::Stanza {
            direction,
            xml: stanza.to_owned(),
            bytes: Payload::of(&bytes),
            compressed: false,
            variants: variants.iter().map(|name| (*name).to_owned()).collect(),
        });
    }
}
