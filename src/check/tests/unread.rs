//! What a message that no Meta client can decrypt says, and what it does not.

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
