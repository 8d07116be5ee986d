//! Hand-made transcripts, entry by entry, and the facts that a sound login and form have.

use super::*;

/// A transcript in the making.
pub(super) struct Tape(pub(super) Transcript);

impl Tape {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut tape = Self(Transcript::new("case"));
        let begun = Event::CaseBegun {
            scenario: "case".into(),
            text: scenario.source.text.to_string(),
            choice: BTreeMap::new(),
            canary: CANARY.into(),
        };
        tape.add(Lane::Main, Stream::steps(), None, begun);
        tape
    }

    pub(super) fn add(&mut self, lane: Lane, stream: Stream, actor: Option<&str>, event: Event) {
        self.0.record(0, stream, lane, actor, event).expect("far from the bound");
    }

    pub(super) fn wire(&mut self, event: Event) {
        self.add(Lane::Main, Stream::connection(1, true), Some("alice"), event);
    }

    pub(super) fn stanza(&mut self, direction: Direction, node: &Node) {
        let event = Event::Stanza {
            direction,
            xml: xml::print(node),
            bytes: Payload::of(&binary::encode(node).unwrap()),
            compressed: false,
            variants: vec![],
        };
        self.wire(event);
    }

    /// Runs all steps of a phase, with what happens in each before it ends.
    pub(super) fn phase(
        &mut self,
        plan: &Plan,
        wanted: Purpose,
        mut during: impl FnMut(&mut Self, usize) -> StepEnd,
    ) {
        let number = plan.phases.iter().position(|phase| phase.purpose == wanted).unwrap();
        let lane = crate::check::lane(wanted);
        for step in 0..plan.phases[number].steps.len() {
            let begun = Event::StepBegun { phase: number, step, text: String::new() };
            self.add(lane, Stream::steps(), None, begun);
            let end = during(self, step);
            let ended = Event::StepEnded { phase: number, step, end };
            self.add(lane, Stream::steps(), None, ended);
        }
    }

    pub(super) fn login_in(&mut self, lane: Lane, facts: LoginFacts) {
        self.add(lane, Stream::connection(1, true), Some("alice"), Event::Login { facts });
    }

    pub(super) fn ping_answered(&mut self, id: &str, lane: Lane) {
        let node = Node::new("iq").attr("id", id).attr("type", "result");
        let event = Event::Stanza {
            direction: Direction::Received,
            xml: String::new(),
            bytes: Payload::of(&binary::encode(&node).unwrap()),
            compressed: false,
            variants: vec![],
        };
        let stream = match id.starts_with(crate::evidence::FENCE_ID) {
            true => Stream::fence(1),
            false => Stream::connection(1, true),
        };
        self.add(lane, stream, Some("alice"), event);
    }

    pub(super) fn enlisted_in(&mut self, lane: Lane) {
        let event = Event::Enlistment {
            method: "POST".into(),
            path: "/".into(),
            form: form(),
            outcome: "ok".into(),
            login: Some("1-2@interop".into()),
        };
        self.add(lane, Stream::http_in(), Some("alice"), event);
    }
}

pub(super) fn login() -> LoginFacts {
    LoginFacts {
        product: Some("INTEROP".into()),
        account_id: Some(22),
        token: Some(token(json!({ "iss": "acme", "sub": "alice" }))),
        static_key: "aa".into(),
        authkey: Some("aa".into()),
        login: Some("1-22@interop".into()),
        ..LoginFacts::default()
    }
}

pub(super) fn token(claims: Value) -> TokenFacts {
    let checked =
        vec![RuleFacts { requirement: "JWT-006".into(), grade: RuleGrade::Holds, why: None }];
    TokenFacts { len: 3, sha256: "x".into(), header: json!({}), claims, checked }
}

pub(super) fn form() -> FormFacts {
    FormFacts {
        version: None,
        content_type: Some("application/x-www-form-urlencoded".into()),
        faults: vec![],
        arguments: vec![("e_keytype".into(), "BQ".into())],
        token: Some(token(json!({ "iss": "acme", "sub": "alice" }))),
        signature_verifies: Some(true),
    }
}
