//! The judge on hand-made transcripts: each check is seen to pass and to fail, and each guard to bite.
mod blame;
mod connection;
mod names;
mod passive;
mod requests;
mod tape;

use tape::{Tape, form, login, token};

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::passive::{ALL, Grade, View};
use super::{Setting, judge};
use crate::e2ee::{Party as _, PqxdhParty};
use crate::evidence::{
    Direction, EncFacts, Event, FormFacts, Lane, LoginFacts, MediaFacts, Payload, RuleFacts,
    RuleGrade, StepEnd, Stream, TokenFacts, Transcript, Trouble,
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

/// A login, and the answer to a ping that decides these rows.
fn answered(rows: &str) -> String {
    let login = "login: { accepted: \"true\" }, checks: [NOI-008]";
    let answer = format!("stanza: '<iq id=\"1\" type=\"result\"/>', checks: [{rows}]");
    let covers = format!("covers: [{rows}]");
    POSITIVE.replace(login, &answer).replace("covers: [NOI-008]", &covers)
}

#[test]
fn what_was_not_reached_names_the_check_that_stands_before_it() {
    let second = "  - expect: { at: meta, login: { accepted: \"true\" }, checks: [NOI-008] }\n";
    let yaml = answered("STZ-004").replace("must_observe:", &format!("{second}must_observe:"));
    let scenario = scenario(&yaml.replace("[STZ-004]\nproves", "[STZ-004, NOI-008]\nproves"));
    let plan = Plan::of(&scenario);
    let behind = |connects: bool| {
        let mut tape = Tape::new(&scenario);
        tape.login_in(Lane::Main, login());
        tape.phase(&plan, Purpose::Main, |_, step| match step {
            0 if connects => StepEnd::Done,
            0 => StepEnd::Refused("no".into()),
            _ => StepEnd::TimedOut,
        });
        let result = verdicts(&scenario, &tape, true);
        let check = result.checks.iter().find(|check| check.id == "step-3").unwrap();
        assert_eq!(check.verdict, Verdict::Inconclusive);
        check.behind.as_ref().map(ToString::to_string)
    };
    assert_eq!(behind(true).as_deref(), Some("step-2"));
    assert_eq!(behind(false), None, "the act decides nothing itself");
}

#[test]
fn what_fails_in_the_canonical_encoding_too_has_one_meaning() {
    let encoded = "matrix: { encoding: [raw-strings] }\nactors:";
    let yaml = answered("STZ-004, ROB-007").replace("actors:", encoded);
    let case = crate::scenario::expand(&scenario(&yaml)).unwrap().pop().unwrap();
    let plan = Plan::of(&case.scenario);
    let judged = |canonical: bool| {
        let mut tape = Tape::new(&case.scenario);
        for (purpose, answers) in [(Purpose::Canonical, canonical), (Purpose::Main, false)] {
            let lane = crate::check::lane(purpose);
            tape.login_in(lane, login());
            tape.phase(&plan, purpose, |tape, step| match step {
                0 => StepEnd::Done,
                _ if answers => {
                    tape.ping_answered("1", lane);
                    StepEnd::Done
                }
                _ => StepEnd::TimedOut,
            });
        }
        step_verdict(&verdicts(&case.scenario, &tape, true), "ROB-007").0
    };
    assert_eq!(judged(true), Verdict::Fail);
    assert_eq!(judged(false), Verdict::Inconclusive);
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
fn nobody_is_failed_for_asking_who_reads_where_we_only_assume_that_nobody_does() {
    let text = POSITIVE
        .replace("NOI-008", "MED-001")
        .replace(
            "at: meta, login: { accepted: \"true\" }",
            "at: bob, downloaded: { state: available }",
        )
        .replace("steps:", "  bob: { plays: meta-client }\nsteps:");
    let scenario = scenario(&text);
    let plan = Plan::of(&scenario);
    let judged = |status: u16, foreign: bool| {
        let mut tape = Tape::new(&scenario);
        tape.phase(&plan, Purpose::Main, |tape, step| {
            if step == 0 {
                let facts = MediaFacts { status: Some(status), ..MediaFacts::default() };
                let (id, from) = ("m1".to_owned(), "alice".to_owned());
                tape.wire(Event::Downloaded { id, from, facts });
                return StepEnd::Done;
            }
            StepEnd::TimedOut
        });
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let result = judge(&scenario, &tape.0, Setting { profile: &profile, foreign });
        let (verdict, why, _) = step_verdict(&result, "MED-001");
        (verdict, why)
    };
    let assumed = Some(NotDecided::Assumed("media.download_auth".into()));
    assert_eq!(judged(401, true), (Verdict::Inconclusive, assumed));
    assert_eq!(judged(401, false).0, Verdict::Fail, "the reference knows what is assumed");
    assert_eq!(judged(404, true).0, Verdict::Fail, "what is not there is nobody's assumption");
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
