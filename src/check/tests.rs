//! The judge on hand-made transcripts: each check is seen to pass and to fail, and each guard to bite.

mod connection;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::passive::{ALL, Grade, View};
use super::{Setting, judge};
use crate::e2ee::{Party as _, PqxdhParty};
use crate::evidence::{
    Direction, EncFacts, Event, FormFacts, Lane, LoginFacts, Payload, RuleFacts, RuleGrade,
    StepEnd, Stream, TokenFacts, Transcript, Trouble,
};
use crate::scenario::{Plan, Purpose, Scenario, parse};
use crate::seed::Seed;
use crate::span::Source;
use crate::spec::Profile;
use crate::stanza::prekeys::{KemKey, Key, SignedKey, Upload};
use crate::stanza::{iq, message};
use crate::verdict::{CaseResult, NotDecided, Verdict};
use crate::wire::{Jid, Node, binary, xml};

const CANARY: &str = "cnry00112233445566778899";

fn scenario(yaml: &str) -> Scenario {
    let source = Source::new("case.yaml", yaml);
    parse("case", &source).unwrap_or_else(|errors| panic!("{}", crate::spec::joined(&errors)))
}

fn plain() -> Scenario {
    scenario(POSITIVE)
}

const POSITIVE: &str = "
schema: 1
title: A login is seen
why: Because.
milestone: M2
covers: [NOI-008]
proves: [login-without-token]
actors:
  alice: { plays: third-party-client, iut: true }
steps:
  - act: { on: alice, do: connect, as: c1 }
  - expect: { at: meta, login: { accepted: \"true\" }, checks: [NOI-008] }
must_observe: [c1.sent]
";

const NEGATIVE: &str = "
schema: 1
title: An unproven server gets nothing
why: Because.
milestone: M2
covers: [NOI-006]
proves: [noise-cert-signatures-not-checked]
actors:
  alice: { plays: third-party-client, iut: true }
steps:
  - act:
      on: alice
      do: connect
      mutate: { server_chain: foreign-root }
      negative: { twin: mutation, after: new_account }
      as: c1
  - expect_none: { at: meta, login: { accepted: \"${any}\" }, within: 1s, checks: [NOI-006] }
must_observe: [c1.sent]
";

/// A transcript in the making.
struct Tape(Transcript);

impl Tape {
    fn new(scenario: &Scenario) -> Self {
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

    fn add(&mut self, lane: Lane, stream: Stream, actor: Option<&str>, event: Event) {
        self.0.record(0, stream, lane, actor, event).expect("far from the bound");
    }

    fn wire(&mut self, event: Event) {
        self.add(Lane::Main, Stream::connection(1, true), Some("alice"), event);
    }

    fn stanza(&mut self, direction: Direction, node: &Node) {
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
    fn phase(
        &mut self,
        plan: &Plan,
        wanted: Purpose,
        mut during: impl FnMut(&mut Self, usize) -> StepEnd,
    ) {
        let number = plan.phases.iter().position(|phase| phase.purpose == wanted).unwrap();
        let lane = super::lane(wanted);
        for step in 0..plan.phases[number].steps.len() {
            let begun = Event::StepBegun { phase: number, step, text: String::new() };
            self.add(lane, Stream::steps(), None, begun);
            let end = during(self, step);
            let ended = Event::StepEnded { phase: number, step, end };
            self.add(lane, Stream::steps(), None, ended);
        }
    }

    fn login_in(&mut self, lane: Lane, facts: LoginFacts) {
        self.add(lane, Stream::connection(1, true), Some("alice"), Event::Login { facts });
    }

    fn ping_answered(&mut self, id: &str, lane: Lane) {
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

    fn enlisted_in(&mut self, lane: Lane) {
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

fn login() -> LoginFacts {
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

fn token(claims: Value) -> TokenFacts {
    let checked =
        vec![RuleFacts { requirement: "JWT-006".into(), grade: RuleGrade::Holds, why: None }];
    TokenFacts { len: 3, sha256: "x".into(), header: json!({}), claims, checked }
}

fn form() -> FormFacts {
    FormFacts {
        version: None,
        content_type: Some("application/x-www-form-urlencoded".into()),
        faults: vec![],
        arguments: vec![("e_keytype".into(), "BQ".into())],
        token: Some(token(json!({ "iss": "acme", "sub": "alice" }))),
        signature_verifies: Some(true),
    }
}

fn verdicts(scenario: &Scenario, tape: &Tape, foreign: bool) -> CaseResult {
    let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
    judge(scenario, &tape.0, Setting { profile: &profile, foreign })
}

fn step_verdict(result: &CaseResult, row: &str) -> (Verdict, Option<NotDecided>, String) {
    let check = result
        .checks
        .iter()
        .find(|check| check.requirement == row && check.id.starts_with("step-"))
        .expect("the row is decided by a step");
    let actual = check.findings.first().map(|finding| finding.actual.to_string());
    (check.verdict, check.not_decided.clone(), actual.unwrap_or_default())
}

/// The negative scenario, as a sound implementation goes through it, but for one thing.
fn negative(twin: bool, leaked: bool, fenced: bool, probe: bool) -> (Scenario, Tape) {
    let scenario = scenario(NEGATIVE);
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Twin(0), |tape, step| match step {
        0 if twin => {
            tape.login_in(Lane::Twin(0), login());
            tape.ping_answered("fence-1", Lane::Twin(0));
            StepEnd::Done
        }
        0 => StepEnd::Refused("closed".into()),
        _ if twin => StepEnd::Done,
        _ => StepEnd::TimedOut,
    });
    tape.phase(&plan, Purpose::Main, |tape, step| match step {
        0 => StepEnd::Refused("certificate".into()),
        _ if leaked => {
            tape.login_in(Lane::Main, login());
            StepEnd::Fenced
        }
        _ if fenced => StepEnd::Fenced,
        _ => StepEnd::NotFenced("no answer".into()),
    });
    tape.phase(&plan, Purpose::ProbeFresh(0), |tape, step| {
        let lane = Lane::Probe(0);
        match step {
            0 => tape.enlisted_in(lane),
            1 => tape.login_in(lane, login()),
            3 if probe => tape.ping_answered("probe-0", lane),
            _ => {}
        }
        if probe || step < 3 { StepEnd::Done } else { StepEnd::TimedOut }
    });
    (scenario, tape)
}

#[test]
fn a_refusal_passes_only_with_twin_fence_and_probe() {
    let (scenario, tape) = negative(true, false, true, true);
    assert_eq!(step_verdict(&verdicts(&scenario, &tape, true), "NOI-006").0, Verdict::Pass);
}

#[test]
fn a_login_at_an_unproven_server_fails() {
    let (scenario, tape) = negative(true, true, true, true);
    let (verdict, _, actual) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-006");
    assert_eq!(verdict, Verdict::Fail);
    assert!(actual.contains("accepted: true"), "{actual}");
}

#[test]
fn an_implementation_that_refuses_everything_fails() {
    let (scenario, tape) = negative(false, false, true, true);
    let (verdict, _, actual) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-006");
    assert_eq!(verdict, Verdict::Fail);
    assert!(actual.starts_with("refuses everything"), "{actual}");
}

#[test]
fn an_implementation_that_is_damaged_afterwards_fails() {
    let (scenario, tape) = negative(true, false, true, false);
    let (verdict, _, actual) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-006");
    assert_eq!(verdict, Verdict::Fail);
    assert!(actual.starts_with("damaged"), "{actual}");
}

#[test]
fn who_never_answers_a_ping_is_not_called_damaged() {
    let (scenario, mut tape) = negative(true, false, true, false);
    let silent = Transcript::new("case");
    let entries = std::mem::replace(&mut tape.0, silent);
    for entry in entries.entries().iter().filter(|entry| !entry.id.stream.is_fence()) {
        tape.0.push(entry.clone());
    }
    let (verdict, why, _) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-006");
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(matches!(why, Some(NotDecided::Precondition(_))), "{why:?}");
}

#[test]
fn an_absence_without_a_fence_is_inconclusive() {
    let (scenario, tape) = negative(true, false, false, true);
    let (verdict, why, _) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-006");
    assert_eq!(verdict, Verdict::Inconclusive);
    assert_eq!(why, Some(NotDecided::NoFence("no answer".into())));
}

#[test]
fn a_step_that_was_not_reached_passes_nothing() {
    let scenario = plain();
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Main, |_, step| match step {
        0 => StepEnd::Refused("no".into()),
        _ => StepEnd::TimedOut,
    });
    let (verdict, why, _) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-008");
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(matches!(why, Some(NotDecided::Precondition(_))), "{why:?}");
}

#[test]
fn a_success_that_the_wire_contradicts_fails() {
    let scenario = plain();
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Main, |_, _| StepEnd::Done);
    let (verdict, _, actual) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-008");
    assert_eq!(verdict, Verdict::Fail);
    assert!(actual.contains("no login was accepted"), "{actual}");
}

#[test]
fn a_missing_product_operation_fails_and_is_no_pass() {
    let scenario = plain();
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Main, |_, _| StepEnd::Unsupported);
    let (verdict, _, actual) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-008");
    assert_eq!(verdict, Verdict::Fail);
    assert!(actual.contains("-32601"), "{actual}");
}

#[test]
fn what_was_not_exercised_does_not_pass() {
    let text = POSITIVE.replace("c1.sent", "c1.decrypted");
    let scenario = scenario(&text);
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Main, |tape, step| {
        if step == 0 {
            tape.login_in(Lane::Main, login());
        }
        StepEnd::Done
    });
    let (verdict, why, _) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-008");
    assert_eq!(verdict, Verdict::Inconclusive);
    assert_eq!(why, Some(NotDecided::NotExercised("c1.decrypted".into())));
}

#[test]
fn a_fault_that_nothing_met_decides_nothing() {
    let fault = "steps:\n  - fault: { on: alice, stall: true, connection: next }\n";
    let scenario = scenario(&POSITIVE.replace("steps:\n", fault));
    let plan = Plan::of(&scenario);
    let verdict = |met: bool| {
        let mut tape = Tape::new(&scenario);
        tape.phase(&plan, Purpose::Main, |tape, step| {
            let (what, label) = (|| "stall on alice".to_owned(), None);
            let faults = Stream::faults();
            if step == 0 {
                let event = Event::FaultArmed { fault: 1, label: label.clone(), what: what() };
                tape.add(Lane::Main, faults.clone(), None, event);
            }
            if step == 1 {
                tape.login_in(Lane::Main, login());
                if met {
                    let event = Event::FaultTook { fault: 1, label, what: what() };
                    tape.add(Lane::Main, faults, None, event);
                }
            }
            StepEnd::Done
        });
        step_verdict(&verdicts(&scenario, &tape, true), "NOI-008")
    };
    assert_eq!(verdict(true).0, Verdict::Pass);
    let why = "the fault `stall on alice`, which took no effect".to_owned();
    assert_eq!(verdict(false).0, Verdict::Inconclusive);
    assert_eq!(verdict(false).1, Some(NotDecided::NotExercised(why)));
}

#[test]
fn without_a_clock_what_needs_it_is_not_testable() {
    let advance = "steps:\n  - advance: { on: alice, by: 30d }\n";
    let scenario = scenario(&POSITIVE.replace("steps:\n", advance));
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Main, |_, _| StepEnd::Unsupported);
    let (verdict, why, _) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-008");
    assert_eq!(verdict, Verdict::NotTestable);
    let absent = "the adapter has no hook `advance_clock`".to_owned();
    assert_eq!(why, Some(NotDecided::RuledOut(absent)));
}

#[test]
fn a_claim_that_the_wire_contradicts_fails_a_row_that_only_recommends() {
    let scenario = scenario(&POSITIVE.replace("NOI-008", "NOI-014"));
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Main, |_, step| match step {
        0 => StepEnd::Done,
        _ => StepEnd::TimedOut,
    });
    let (verdict, _, actual) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-014");
    assert_eq!(verdict, Verdict::Fail);
    assert!(actual.contains("the adapter reports a connection"), "{actual}");
}

#[test]
fn nobody_is_failed_for_refusing_an_assumption() {
    let text = POSITIVE.replace("accepted: \"true\"", "product: \"${profile.noise.prologue_hex}\"");
    let scenario = scenario(&text);
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Main, |tape, step| {
        if step == 0 {
            tape.login_in(Lane::Main, login());
            return StepEnd::Done;
        }
        StepEnd::TimedOut
    });
    let (verdict, why, _) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-008");
    assert_eq!(verdict, Verdict::Inconclusive);
    assert_eq!(why, Some(NotDecided::Assumed("noise.prologue_hex".into())));
    let (verdict, _, _) = step_verdict(&verdicts(&scenario, &tape, false), "NOI-008");
    assert_eq!(verdict, Verdict::Fail, "the reference is not excused");
}

#[test]
fn nobody_is_failed_for_another_version_of_the_signal_protocol_than_we_assume() {
    let text =
        POSITIVE.replace("NOI-008", "MSG-001").replace("accepted: \"true\"", "product: PAGER");
    let scenario = scenario(&text);
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Main, |tape, step| {
        if step == 0 {
            tape.login_in(Lane::Main, login());
            return StepEnd::Done;
        }
        StepEnd::TimedOut
    });
    let judged = |profile: &str, foreign| {
        let profile = Profile::builtin(profile).unwrap();
        let result = judge(&scenario, &tape.0, Setting { profile: &profile, foreign });
        let (verdict, why, _) = step_verdict(&result, "MSG-001");
        (verdict, why)
    };
    let assumed = Some(NotDecided::Assumed("signal.version".into()));
    assert_eq!(judged("experimental-pqxdh", true), (Verdict::Inconclusive, assumed));
    assert_eq!(judged("experimental-pqxdh", false).0, Verdict::Fail);
    assert_eq!(judged("whatsapp-1.0.3", true).0, Verdict::Fail, "version 3 was observed");
}

#[test]
fn a_kem_prekey_must_be_there_and_signed_where_the_profile_has_them() {
    let party = PqxdhParty::new(Seed(1).rng(&["kem"]));
    let kem = party.kem_prekey().unwrap();
    let verdict = |profile: &str, change: &dyn Fn(&mut Upload)| {
        let mut upload = Upload {
            registration_id: 5,
            identity: party.identity(),
            one_time: vec![Key { id: 1, value: [4; 32] }],
            signed: SignedKey { id: 1, value: [2; 32], signature: Some(vec![3; 64]) },
            kem: Some(KemKey {
                element: "kskey".to_owned(),
                id: kem.id,
                value: kem.value.clone(),
                signature: Some(kem.signature.clone()),
            }),
        };
        change(&mut upload);
        let node = iq::request("1", iq::IqType::Set, "encrypt").children(upload.to_nodes());
        let scenario = plain();
        let mut tape = Tape::new(&scenario);
        tape.stanza(Direction::Received, &node);
        let profile = Profile::builtin(profile).unwrap();
        let result = judge(&scenario, &tape.0, Setting { profile: &profile, foreign: false });
        let check = result.checks.iter().find(|check| check.requirement == "ENC-021")?;
        Some(check.findings[0].actual.to_string())
    };
    let sound = verdict("experimental-pqxdh", &|_| ()).unwrap();
    assert_eq!(sound, "one of 1569 bytes, signed by it");
    let missing = verdict("experimental-pqxdh", &|upload| upload.kem = None).unwrap();
    assert_eq!(missing, "none");
    let flipped = |upload: &mut Upload| {
        upload.kem.as_mut().unwrap().signature.as_mut().unwrap()[0] ^= 1;
    };
    let forged = verdict("experimental-pqxdh", &flipped).unwrap();
    assert_eq!(forged, "one of 1569 bytes, not signed by it");
    assert_eq!(verdict("whatsapp-1.0.3", &|_| ()), None, "version 3 has no such keys");
}

/// Row, and whether it is right, of all that the passive checks see.
fn passive(build: impl FnOnce(&mut Tape)) -> Vec<(&'static str, Grade)> {
    let scenario = plain();
    let mut tape = Tape::new(&scenario);
    build(&mut tape);
    let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
    let view = View { scenario: &scenario, transcript: &tape.0, profile: &profile };
    let observed = ALL.iter().flat_map(|check| check.examine(&view));
    observed.map(|observed| (observed.requirement, observed.grade)).collect()
}

#[track_caller]
fn assert_bites(row: &'static str, sound: impl FnOnce(&mut Tape), faulty: impl FnOnce(&mut Tape)) {
    let (sound, faulty) = (passive(sound), passive(faulty));
    assert!(sound.contains(&(row, Grade::Right)), "{row} did not pass: {sound:?}");
    assert!(!sound.contains(&(row, Grade::Broken)), "{row} failed: {sound:?}");
    assert!(faulty.contains(&(row, Grade::Broken)), "{row} did not fail: {faulty:?}");
}

#[test]
fn passive_checks_say_nothing_about_what_did_not_happen() {
    assert_eq!(passive(|_| {}), vec![]);
}

#[test]
fn passive_checks_report_only_the_rows_that_they_declare() {
    let scenario = plain();
    let mut tape = Tape::new(&scenario);
    tape.enlisted_in(Lane::Main);
    tape.login_in(Lane::Main, login());
    let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
    let view = View { scenario: &scenario, transcript: &tape.0, profile: &profile };
    for check in ALL {
        for observed in check.examine(&view) {
            assert!(check.requirements().contains(&observed.requirement), "{}", check.id());
        }
        for row in check.requirements() {
            assert!(crate::spec::Catalogue::builtin().get(row).is_some(), "{row}");
        }
    }
}

#[test]
fn a_login_with_another_key_than_the_enlisted_one_is_seen() {
    let other = LoginFacts { authkey: Some("bb".into()), ..login() };
    assert_bites(
        "NOI-005",
        |tape| tape.login_in(Lane::Main, login()),
        |tape| tape.login_in(Lane::Main, other),
    );
}

#[test]
fn a_login_without_a_token_or_for_another_account_is_seen() {
    let without = LoginFacts { token: None, ..login() };
    assert_bites(
        "NOI-008",
        |tape| tape.login_in(Lane::Main, login()),
        |tape| tape.login_in(Lane::Main, without),
    );
    let other = LoginFacts { account_id: Some(23), ..login() };
    assert_bites(
        "ENL-013",
        |tape| tape.login_in(Lane::Main, login()),
        |tape| tape.login_in(Lane::Main, other),
    );
}

#[test]
fn the_tokens_of_enlistment_and_login_are_compared() {
    let other =
        LoginFacts { token: Some(token(json!({ "iss": "acme", "sub": "mallory" }))), ..login() };
    let enlist_and = |facts: LoginFacts| {
        move |tape: &mut Tape| {
            tape.enlisted_in(Lane::Main);
            tape.login_in(Lane::Main, facts);
        }
    };
    assert_bites("JWT-002", enlist_and(login()), enlist_and(other));
}

#[test]
fn a_broken_token_rule_is_passed_on() {
    let mut bad = token(json!({}));
    bad.checked[0].grade = RuleGrade::Broken;
    let bad = LoginFacts { token: Some(bad), ..login() };
    assert_bites(
        "JWT-006",
        |tape| tape.login_in(Lane::Main, login()),
        |tape| tape.login_in(Lane::Main, bad),
    );
}

#[test]
fn faults_of_an_enlistment_form_are_charged_to_their_rows() {
    let enlist = |form: FormFacts| {
        move |tape: &mut Tape| {
            let (method, path) = ("POST".into(), "/".into());
            let event = Event::Enlistment { method, path, form, outcome: "ok".into(), login: None };
            tape.wire(event);
        }
    };
    let fault = |row: &str| FormFacts {
        faults: vec![RuleFacts {
            requirement: row.into(),
            grade: RuleGrade::Broken,
            why: Some("authkey is wrong".into()),
        }],
        ..form()
    };
    for row in ["ENL-004", "ENL-005", "ENL-006"] {
        assert_bites(row, enlist(form()), enlist(fault(row)));
    }
    let json = FormFacts { content_type: Some("application/json".into()), ..form() };
    assert_bites("ENL-003", enlist(form()), enlist(json));
    let key_type = FormFacts { arguments: vec![("e_keytype".into(), "AA".into())], ..form() };
    assert_bites("ENL-007", enlist(form()), enlist(key_type));
    let unsigned = FormFacts { signature_verifies: Some(false), ..form() };
    assert_bites("ENL-008", enlist(form()), enlist(unsigned));
}

#[test]
fn a_reused_ephemeral_key_is_seen() {
    let hello = |tape: &mut Tape, key: &str| {
        let (message, len) = (1, 32);
        let ephemeral = Some(key.to_owned());
        tape.wire(Event::Handshake {
            message,
            direction: Direction::Received,
            len,
            ephemeral,
            pattern: None,
            in_clear: Vec::new(),
        });
    };
    let two = |first: &'static str, second: &'static str| {
        move |tape: &mut Tape| {
            hello(tape, first);
            hello(tape, second);
        }
    };
    assert_bites("NOI-004", two("aa", "bb"), two("aa", "aa"));
}

#[test]
fn stanzas_that_do_not_decode_and_iqs_without_id_are_seen() {
    let ping = iq::client_ping("1.1-1");
    let sound = |tape: &mut Tape| tape.stanza(Direction::Received, &iq::client_ping("1.1-1"));
    assert_bites("STZ-003", sound, |tape| {
        let bytes = Payload::of(&[0xF8]);
        tape.wire(Event::Undecodable { bytes, offset: 1, rule: "truncated".into() });
    });
    let mut without = ping.clone();
    without.attrs.retain(|(name, _)| *name != "id");
    assert_bites("STZ-009", sound, |tape| tape.stanza(Direction::Received, &without));
    let odd = Node::new("iq").attr("id", "1").attr("type", "put");
    assert_bites("STZ-010", sound, |tape| tape.stanza(Direction::Received, &odd));
}

#[test]
fn a_count_of_children_unlike_the_profiles_is_a_warning() {
    let with = |count: usize| {
        move |tape: &mut Tape| {
            let children = vec![Node::new("ping"); count];
            tape.stanza(Direction::Received, &iq::client_ping("1.1-1").children(children));
        }
    };
    let warned = |count| passive(with(count)).contains(&("STZ-010", Grade::Warned));
    assert_eq!((warned(0), warned(1), warned(2)), (false, false, true));
}

fn upload(identity: u8) -> Node {
    let signed = SignedKey { id: 1, value: [2; 32], signature: Some(vec![3; 64]) };
    let one_time = vec![Key { id: 1, value: [4; 32] }];
    let upload =
        Upload { registration_id: 5, identity: [identity; 32], one_time, signed, kem: None };
    iq::request("1", iq::IqType::Set, "encrypt").children(upload.to_nodes())
}

#[test]
fn a_key_upload_is_measured_and_compared_with_the_noise_key() {
    let with_login = |node: Node| {
        move |tape: &mut Tape| {
            tape.login_in(Lane::Main, LoginFacts { static_key: hex::encode([9; 32]), ..login() });
            tape.stanza(Direction::Received, &node);
        }
    };
    assert_bites("NOI-014", with_login(upload(1)), with_login(upload(9)));
    let mut short = upload(1);
    if let crate::wire::Content::Children(children) = &mut short.content {
        children[0] = Node::new("registration").bytes([1, 2, 3]);
    }
    assert_bites("PRE-002", with_login(upload(1)), with_login(short));
}

#[test]
fn a_text_in_the_clear_is_a_leak_wherever_it_stands() {
    let to = Jid::new("15550001", "s.whatsapp.net");
    let leak = Node::new("message")
        .attr("to", to.clone())
        .attr("id", "1")
        .child(Node::new("body").bytes(format!("hi {CANARY}").into_bytes()));
    let enc = EncFacts {
        kind: "msg".into(),
        bytes: Payload::of(&[1]),
        header: Value::Null,
        responder: None,
        plaintext: None,
        session: None,
        before: None,
    };
    let arrives = |tape: &mut Tape| {
        let (id, from) = ("1".into(), "1-2@interop".into());
        tape.wire(Event::Decrypted { id, from, content: format!("hi {CANARY}"), enc });
        tape.stanza(
            Direction::Received,
            &message::outgoing("1", &to, message::enc_node("msg", [7])),
        );
    };
    assert_bites("ENC-001", arrives, |tape| tape.stanza(Direction::Received, &leak));
}

#[test]
fn a_wrong_message_version_is_seen() {
    let decrypted = |byte: u64| {
        move |tape: &mut Tape| {
            let enc = EncFacts {
                kind: "msg".into(),
                bytes: Payload::of(&[1]),
                header: json!({ "version_byte": byte }),
                responder: None,
                plaintext: None,
                session: None,
                before: None,
            };
            let (id, from, content) = ("1".into(), "a".into(), "t".into());
            tape.wire(Event::Decrypted { id, from, content, enc });
        }
    };
    for byte in [0x33, 0x34] {
        assert!(!passive(decrypted(byte)).iter().any(|(row, _)| *row == "ENC-018"));
    }
    for byte in [0x23, 0x44] {
        assert!(passive(decrypted(byte)).contains(&("ENC-018", Grade::Broken)));
    }
}

#[test]
fn trouble_with_the_process_and_the_driver_is_seen() {
    for (kind, row) in [
        (Trouble::Died, "ROB-001"),
        (Trouble::Hung, "ROB-002"),
        (Trouble::Flooded, "ROB-003"),
        (Trouble::Panicked, "ROB-004"),
    ] {
        let detail = "it did".to_owned();
        let seen = passive(|tape| tape.wire(Event::ProcessTrouble { kind, detail, shared: false }));
        assert_eq!(seen, vec![(row, Grade::Broken)]);
    }
    let breach = passive(|tape| tape.wire(Event::DriverBreach { why: "no JSON".into() }));
    assert_eq!(breach, vec![("ROB-006", Grade::DriverError)]);
}

fn decrypted(plaintext: &[u8]) -> Event {
    let enc = EncFacts {
        kind: "msg".into(),
        bytes: Payload::of(&[1]),
        header: Value::Null,
        responder: None,
        plaintext: Some(Payload::of(plaintext)),
        session: None,
        before: None,
    };
    Event::Decrypted { id: "1".into(), from: "1-2@interop".into(), content: "t".into(), enc }
}

#[test]
fn padding_that_never_varies_is_seen_and_few_messages_say_nothing() {
    let pads = |lengths: &'static [u8]| {
        move |tape: &mut Tape| {
            for &length in lengths {
                let padded = [b"text".to_vec(), vec![length; usize::from(length)]].concat();
                tape.wire(decrypted(&padded));
            }
        }
    };
    assert_bites("MSG-020", pads(&[3, 3, 3, 3, 9, 3, 3, 3]), pads(&[3; 8]));
    assert!(!passive(pads(&[3; 7])).iter().any(|(row, _)| *row == "MSG-020"));
}

#[test]
fn one_announcement_too_many_is_seen() {
    let announces = |times: usize| {
        move |tape: &mut Tape| {
            let users = std::iter::once("2@s.whatsapp.net");
            let users = users.chain(std::iter::repeat_n("1@s.whatsapp.net", times));
            for about in users {
                let (what, about) = ("reachability".to_owned(), Some(about.to_owned()));
                tape.wire(Event::Asked { what, about });
            }
        }
    };
    assert_bites("MSG-016", announces(1), announces(2));
}

#[test]
fn what_was_decrypted_is_read_from_the_plaintext() {
    use crate::e2ee::content::{self, Quote, Target};
    let fields = |content: Vec<u8>| {
        let event = decrypted(&[content, vec![2, 2]].concat());
        let Event::Decrypted { id, from, content, enc } = event else { panic!("it is") };
        let (kind, fields) = super::decrypted::observed(&id, &from, &content, &enc);
        let of = |wanted: &str| {
            let found = fields.iter().find(|(name, _)| *name == wanted);
            found.map_or("-", |(_, value)| value.as_str())
        };
        let all = ["text", "kind", "reply_to", "author", "emoji", "own"].map(of).join(" ");
        format!("{} {all}", kind.word())
    };
    assert_eq!(fields(content::text("hi")), "decrypted hi text - - - -");
    let quote = Quote { id: "A1".into(), author: Some("1@x".into()), text: None };
    assert_eq!(fields(content::reply("so", &quote)), "decrypted so text A1 1@x - -");
    let of = Target { id: "A1".into(), from_me: true, chat: String::new() };
    assert_eq!(fields(content::reaction(&of, "👍", 1)), "reaction - - - - 👍 true");
    assert_eq!(fields(b"\xff\xff".to_vec()), "decrypted t text - - - -");
}
