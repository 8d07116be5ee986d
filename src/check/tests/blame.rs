//! What says nothing of rows about something else: a message that no Meta client can decrypt, an enlistment
//! or a login that was refused for what was in it, a connection that broke at once.

use super::*;
use crate::evidence::EncFacts;

const TEXT: &str = "
schema: 1
title: A text is read
why: Because.
milestone: M3.2
covers: [ENC-003]
proves: [login-without-token]
actors:
  alice: { plays: third-party-client, iut: true }
  bob: { plays: meta-client }
steps:
  - act: { on: alice, do: send_text, to: \"${bob.jid}\", text: hello, ODD as: m1 }
  - expect: { at: bob, decrypted: { text: hello }, checks: [ENC-003, MSG-005, PRV-001] }
  - expect_none: { at: meta, stanza: '<message/>', within: 1s, checks: [PRE-004] }
must_observe: [m1.sent]
";

const ODD: &str =
    "mutate: { bundle_signature: random }, negative: { twin: mutation, after: new_account },";

fn unread() -> Event {
    unread_holding(None)
}

/// One that opens where `plaintext` is what came out.
fn unread_holding(plaintext: Option<Payload>) -> Event {
    let (header, responder, session, before) = Default::default();
    let (kind, bytes) = ("pkmsg".to_owned(), Payload::of(b"?"));
    Event::Undecryptable {
        id: "A".into(),
        from: "1-22@interop".into(),
        reason: "the MAC of the pkmsg does not fit".into(),
        enc: EncFacts { kind, bytes, header, responder, plaintext, session, before },
    }
}

/// The case in which this is what came of Alice's text.
fn after(event: &Event) -> CaseResult {
    let scenario = scenario(&TEXT.replace("ODD", ""));
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Main, |tape, step| match step {
        0 => {
            tape.add(Lane::Main, Stream::client("bob"), Some("bob"), event.clone());
            StepEnd::Done
        }
        _ => StepEnd::TimedOut,
    });
    verdicts(&scenario, &tape, true)
}

#[test]
fn it_breaks_what_it_is_about_and_nothing_else() {
    let result = after(&unread());
    assert_eq!(step_verdict(&result, "ENC-003").0, Verdict::Fail);
    assert_eq!(step_verdict(&result, "MSG-005").0, Verdict::Fail);
    let (verdict, why, _) = step_verdict(&result, "PRV-001");
    assert_eq!(verdict, Verdict::Inconclusive);
    let why = why.unwrap().sentence();
    assert!(why.contains("a Meta client could not read what was sent"), "{why}");
}

#[test]
fn what_opens_was_encrypted_as_it_should_be() {
    let result = after(&unread_holding(Some(Payload::of(b"hello"))));
    assert_eq!(step_verdict(&result, "ENC-003").0, Verdict::Inconclusive);
    assert_eq!(step_verdict(&result, "MSG-005").0, Verdict::Fail);
}

#[test]
fn a_control_that_was_sent_was_not_refused() {
    let text = TEXT.replace("ODD", ODD);
    let decrypts = text.lines().find(|line| line.contains("decrypted")).unwrap();
    let scenario = scenario(&text.replace(&format!("{decrypts}\n"), ""));
    let plan = Plan::of(&scenario);
    let lane = Lane::Twin(0);
    let with = |said: Option<Event>| {
        let mut tape = Tape::new(&scenario);
        tape.phase(&plan, Purpose::Twin(0), |tape, step| {
            if step == 0 {
                said.iter().for_each(|event| {
                    tape.add(lane, Stream::client("bob"), Some("bob"), event.clone());
                });
                return StepEnd::Done;
            }
            StepEnd::TimedOut
        });
        step_verdict(&verdicts(&scenario, &tape, true), "PRE-004")
    };
    let (verdict, why, _) = with(Some(unread()));
    assert_eq!(verdict, Verdict::Inconclusive, "{why:?}");
    let (verdict, _, actual) = with(None);
    assert_eq!(verdict, Verdict::Fail);
    assert!(actual.starts_with("refuses everything"), "{actual}");
}

const ENLISTS: &str = "
schema: 1
title: A client enlists
why: Because.
milestone: M1
covers: [ENL-014]
proves: [login-without-token]
actors:
  alice: { plays: third-party-client, iut: true }
steps:
  - act: { on: alice, do: enlist, as: e1, checks: [ENL-014, ENL-005, ENL-010, JWT-010] }
must_observe: [e1.sent]
";

#[test]
fn an_enlistment_refused_for_what_was_in_it_says_nothing_of_other_rows() {
    let scenario = scenario(ENLISTS);
    let plan = Plan::of(&scenario);
    let with = |form: FormFacts| {
        let mut tape = Tape::new(&scenario);
        tape.phase(&plan, Purpose::Main, |tape, _| {
            let (method, path) = ("POST".into(), "/".into());
            let outcome = "bad_integrator".into();
            let event =
                Event::Enlistment { method, path, form: form.clone(), outcome, login: None };
            tape.add(Lane::Main, Stream::http_in(), Some("alice"), event);
            StepEnd::Refused("error 1 (forbidden)".into())
        });
        let result = verdicts(&scenario, &tape, true);
        ["ENL-014", "ENL-005", "ENL-010", "JWT-010"].map(|row| step_verdict(&result, row).0)
    };
    use Verdict::{Fail, Inconclusive};
    assert_eq!(with(form()), [Fail; 4], "what was refused was right");
    let fault = |requirement: &str| RuleFacts {
        requirement: requirement.into(),
        grade: RuleGrade::Broken,
        why: None,
    };
    let long = FormFacts { faults: vec![fault("ENL-005")], ..form() };
    assert_eq!(with(long.clone()), [Inconclusive, Fail, Fail, Fail]);
    assert_eq!(with(FormFacts { token: None, ..long })[1..], [Fail, Inconclusive, Inconclusive]);
    assert_eq!(with(FormFacts { signature_verifies: Some(false), ..form() })[0], Inconclusive);
    let mut old = token(json!({}));
    old.checked.push(fault("JWT-010"));
    let expired = with(FormFacts { token: Some(old), ..form() });
    assert_eq!(expired, [Inconclusive, Fail, Fail, Fail]);
}

/// What a control that connects in vain, after these events, makes of a negative step: the twin, or the
/// probe behind a twin that got in.
fn kept_out(twin_got_in: bool, events: &[Event]) -> (Verdict, String) {
    let scenario = scenario(NEGATIVE);
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    let in_vain = |tape: &mut Tape, lane: Lane| {
        for event in events {
            tape.add(lane, Stream::connection(2, true), Some("alice"), event.clone());
        }
        StepEnd::Refused("error 1 (unauthenticated)".into())
    };
    tape.phase(&plan, Purpose::Twin(0), |tape, step| match step {
        0 if twin_got_in => {
            tape.login_in(Lane::Twin(0), login());
            tape.ping_answered("fence-1", Lane::Twin(0));
            StepEnd::Done
        }
        0 => in_vain(tape, Lane::Twin(0)),
        _ => StepEnd::Done,
    });
    tape.phase(&plan, Purpose::Main, |_, step| match step {
        0 => StepEnd::Refused("certificate".into()),
        _ => StepEnd::Fenced,
    });
    tape.phase(&plan, Purpose::ProbeFresh(0), |tape, step| match step {
        0 => {
            tape.enlisted_in(Lane::Probe(0));
            StepEnd::Done
        }
        _ => in_vain(tape, Lane::Probe(0)),
    });
    let (verdict, why, actual) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-006");
    (verdict, why.map_or(actual, |why| why.sentence()))
}

fn refused_login(why: &str) -> Event {
    Event::Login { facts: LoginFacts { refused: Some(why.into()), token: None, ..login() } }
}

#[test]
fn who_is_kept_out_for_its_own_login_has_not_refused_the_right_server() {
    let (verdict, why) = kept_out(false, &[refused_login("no token")]);
    assert_eq!(verdict, Verdict::Inconclusive, "{why}");
    assert!(why.contains("refused the login for what was in it"), "{why}");
    let banned = refused_login(&format!("{}: banned", LoginFacts::ON_PURPOSE));
    assert_eq!(kept_out(false, &[banned]).0, Verdict::Fail);
    assert_eq!(kept_out(false, &[]).0, Verdict::Fail);
    let broken = Event::ChannelBroken { why: "intro header".into() };
    assert_eq!(kept_out(false, &[broken]).0, Verdict::Inconclusive);
}

#[test]
fn who_once_got_in_and_does_no_more_is_damaged() {
    let (verdict, actual) = kept_out(true, &[refused_login("no token")]);
    assert_eq!(verdict, Verdict::Fail);
    assert!(actual.starts_with("damaged"), "{actual}");
}
