//! What Meta's side asks of a server: which observation a finding shows, and the causes it names.

use super::*;
use crate::evidence::Look;

const PUSH: &str = "
schema: 1
title: A push token for nobody is refused
why: Because.
milestone: M3.3
covers: [PSH-005]
proves: [login-without-token]
actors:
  acme: { plays: third-party-server, iut: true }
  alice: { plays: third-party-client, iut: true }
steps:
  - send: { from: meta, to: alice, push: true, MUTATED as: push }
  - expect: { at: meta, response: { of: push, status: \"WANTED\" }, checks: [PSH-005] }
  - expect: { at: meta, login: { accepted: \"true\" }, checks: [PSH-007] }
must_observe: [push.sent]
";

const MUTATED: &str =
    "mutate: { push_token: no-audience }, negative: { twin: mutation, after: new_account },";

fn responded(status: u16) -> Event {
    let (label, body) = (Some("push".to_owned()), Payload::of(b""));
    Event::Responded { label, status, headers: Vec::new(), body }
}

fn failed(why: &str) -> Event {
    Event::RequestFailed { label: Some("push".into()), why: why.into() }
}

/// The case with this answer to the push, and with nothing after it.
fn pushed(mutated: bool, answer: Event) -> CaseResult {
    let wanted = if mutated { "${re:4[0-9][0-9]}" } else { "200" };
    let text = PUSH.replace("MUTATED", if mutated { MUTATED } else { "" });
    let scenario = scenario(&text.replace("WANTED", wanted));
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    let mut answer = Some(answer);
    tape.phase(&plan, Purpose::Main, |tape, step| match (step, answer.take()) {
        (0, Some(answer)) => {
            tape.add(Lane::Main, Stream::http_out(), None, answer);
            StepEnd::Done
        }
        _ => StepEnd::TimedOut,
    });
    verdicts(&scenario, &tape, true)
}

fn cause(result: &CaseResult, row: &str) -> Option<String> {
    let of_step = |check: &&crate::verdict::CheckResult| {
        check.requirement == row && check.id.starts_with("step-")
    };
    let check = result.checks.iter().find(of_step).expect("a step decides the row");
    Some(check.findings.first()?.cause.as_ref()?.to_string())
}

#[test]
fn a_fault_was_taken_only_where_the_push_was_answered_so() {
    let taken = cause(&pushed(true, responded(200)), "PSH-005").unwrap();
    assert!(taken.contains("(no-audience): it answers 200 (http-out."), "{taken}");
    let broken = cause(&pushed(true, responded(500)), "PSH-005");
    assert_eq!(broken, None, "a failure is no success");
}

#[test]
fn a_wake_is_missed_where_somebody_waited_for_it() {
    let missed = cause(&pushed(false, responded(200)), "PSH-007").unwrap();
    assert!(missed.starts_with("the server accepted the push"), "{missed}");
    let status = cause(&pushed(false, responded(202)), "PSH-005");
    assert_eq!(status, None, "a status is no wake");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let why = "cannot connect: Connection refused";
    let away = cause(&pushed(false, failed(why)), "PSH-005").unwrap();
    assert!(away.starts_with("Meta's side got no answer from the server (http-out."), "{away}");
    assert!(away.ends_with(why), "{away}");
}

const LOOK: &str = "
schema: 1
title: Keys stay listed
why: Because.
milestone: M1
covers: [JWK-011]
proves: [login-without-token]
actors:
  acme: { plays: third-party-server, iut: true }
steps:
  - send: { from: meta, to: acme, probe: versions, endpoint: key-set, as: look }
  - expect: { at: meta, response: { of: look, status: \"200\" }, checks: [TRN-001] }
must_observe: [look.sent]
";

/// The case with one observation, which no later step found right.
fn looked(text: &str, event: Event) -> CaseResult {
    looked_until(text, event, |_| StepEnd::TimedOut)
}

fn looked_until(text: &str, event: Event, end: impl Fn(usize) -> StepEnd) -> CaseResult {
    let scenario = scenario(text);
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Main, |tape, step| {
        if step == 0 {
            tape.add(Lane::Main, Stream::http_out(), None, event.clone());
            return StepEnd::Done;
        }
        end(step)
    });
    verdicts(&scenario, &tape, true)
}

#[test]
fn a_probe_without_an_answer_has_no_status() {
    let failed = Some("cannot connect: Connection refused".to_owned());
    let event = Event::Looked {
        label: Some("look".into()),
        probe: "versions".into(),
        endpoint: "key-set".into(),
        seen: vec![Look { failed, ..Look::default() }],
    };
    let result = looked(LOOK, event);
    let (_, _, actual) = step_verdict(&result, "TRN-001");
    assert!(actual.contains("status: no answer (cannot connect: Connection refused)"), "{actual}");
    let cause = cause(&result, "TRN-001").unwrap();
    assert!(cause.starts_with("Meta's side got no answer from the server"), "{cause}");
}

#[test]
fn another_row_is_not_what_came_instead() {
    let text = LOOK
        .replace("probe: versions, endpoint: key-set", "fetch: jwks")
        .replace("response: { of: look, status: \"200\" }", "rule: { row: JWK-011, grade: holds }")
        .replace("[TRN-001]", "[JWK-011]");
    let rule = |row: &str| RuleFacts {
        requirement: row.into(),
        grade: RuleGrade::Broken,
        why: Some("it is gone".into()),
    };
    let of = |row: &str| {
        let result = looked(&text, Event::KeySet { checked: vec![rule(row)] });
        step_verdict(&result, "JWK-011").2
    };
    assert_eq!(of("JWT-011"), "nothing of this kind");
    assert!(of("JWK-011").contains("grade: broken"));
}

fn rules(grades: &[RuleGrade]) -> Event {
    let rule = |grade: &RuleGrade| RuleFacts {
        requirement: "JWK-011".into(),
        grade: *grade,
        why: Some("the set was not to be had".into()),
    };
    Event::KeySet { checked: grades.iter().map(rule).collect() }
}

#[test]
fn a_rule_that_could_not_be_looked_at_is_undecided_unless_it_was_later() {
    let text = LOOK
        .replace("probe: versions, endpoint: key-set", "fetch: jwks")
        .replace("look.sent", "seen.received")
        .replace("response: { of: look, status: \"200\" }", "rule: { row: JWK-011, grade: holds }")
        .replace("[TRN-001]", "[JWK-011], as: seen");
    let ended = |grades: &[RuleGrade], end: StepEnd| {
        step_verdict(&looked_until(&text, rules(grades), |_| end.clone()), "JWK-011")
    };
    let of = |grades: &[RuleGrade]| ended(grades, StepEnd::TimedOut);
    let (verdict, why, _) = of(&[RuleGrade::Open]);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert_eq!(why, Some(NotDecided::Precondition("the set was not to be had".into())));
    let (verdict, why, _) = ended(&[RuleGrade::Open, RuleGrade::Holds], StepEnd::Done);
    assert_eq!(verdict, Verdict::Pass, "{why:?}");
    // JWK-011 only recommends.
    assert_eq!(of(&[RuleGrade::Open, RuleGrade::Broken]).0, Verdict::Warn);
}

#[test]
fn a_step_that_only_judges_stops_nothing() {
    let text = LOOK.replace("probe: versions, endpoint: key-set", "fetch: jwks");
    let text = text.replace("look.sent", "seen.received").replace(
        "  - expect: { at: meta, response: { of: look, status: \"200\" }, checks: [TRN-001] }",
        "  - expect: { at: meta, rule: { row: JWK-011, grade: holds }GUARD }\n  \
         - expect: { at: meta, rule: { row: JWK-001, grade: holds }, checks: [JWK-001], as: seen }",
    );
    let of = |guard: &str| {
        let broken = rules(&[RuleGrade::Broken]);
        let Event::KeySet { mut checked } = broken else { panic!("a key set") };
        checked.push(RuleFacts {
            requirement: "JWK-001".into(),
            grade: RuleGrade::Holds,
            why: None,
        });
        let text = text.replace("GUARD", guard);
        let result = looked_until(&text, Event::KeySet { checked }, |step| match step {
            1 => StepEnd::TimedOut,
            _ => StepEnd::Done,
        });
        step_verdict(&result, "JWK-001").0
    };
    assert_eq!(of(", checks: [JWK-011]"), Verdict::Pass);
    assert_eq!(of(""), Verdict::Inconclusive, "what decides nothing is a condition");
}
