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
        let (header, responder, plaintext) = Default::default();
        let bytes = Payload::of(text.as_bytes());
        let enc = EncFacts { kind: "msg".to_owned(), bytes, header, responder, plaintext };
        let (id, from, content) = (id.to_owned(), "1-105@interop".to_owned(), text.to_owned());
        self.add(Event::Decrypted { id, from, content, enc });
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
