//! The checks of enlistment and connection that look at a whole case: pauses, retries, identifiers,
//! versions, announced frames.

use super::passive::upload;
use super::*;
use crate::evidence::Growth;

fn seen(scenario: &Scenario, profile: &Profile, tape: &Tape, row: &str) -> Vec<Grade> {
    let view = View { scenario, transcript: &tape.0, profile };
    let observed = ALL.iter().flat_map(|check| check.examine(&view));
    observed.filter(|observed| observed.requirement == row).map(|one| one.grade).collect()
}

fn graded(row: &str, fill: impl FnOnce(&mut Tape)) -> Vec<Grade> {
    let (scenario, profile) = (plain(), Profile::builtin("whatsapp-1.0.3").unwrap());
    let mut tape = Tape::new(&scenario);
    fill(&mut tape);
    seen(&scenario, &profile, &tape, row)
}

/// Lets the clients make dropped logins, each with these pauses in seconds.
fn comes_back(clients: &[(&str, &[u64])]) -> Vec<Grade> {
    graded("TRN-015", |tape| {
        let refused = Some("on purpose: dropped".to_owned());
        let mut all: Vec<(u64, &str)> = Vec::new();
        for (name, pauses) in clients {
            let mut at = 0;
            all.push((at, *name));
            for pause in *pauses {
                at += pause * 1000;
                all.push((at, *name));
            }
        }
        all.sort_unstable();
        let mut now = 0;
        for (at, name) in all {
            let by_ms = at - now;
            now = at;
            tape.add(Lane::Main, Stream::steps(), None, Event::ClockAdvanced { by_ms });
            let facts = LoginFacts { refused: refused.clone(), ..login() };
            let stream = Stream::connection(1, true);
            tape.add(Lane::Main, stream, Some(name), Event::Login { facts });
        }
    })
}

#[test]
fn pauses_that_do_not_grow_are_seen() {
    use Grade::{Broken, Right};
    assert_eq!(comes_back(&[("a", &[1, 2, 4, 8, 16])]), [Right]);
    assert_eq!(comes_back(&[("a", &[1, 1, 1, 1, 1, 1])]), [Broken]);
    assert_eq!(comes_back(&[("a", &[0, 5, 5, 5, 5, 5, 5])]), [Broken], "after one at once");
    assert_eq!(comes_back(&[("a", &[1, 2])]), [], "too few to tell");
}

#[test]
fn clients_that_come_back_in_step_are_seen() {
    use Grade::{Broken, Right};
    let steps: &[u64] = &[1, 2, 4, 8, 16];
    let alike = comes_back(&[("a", steps), ("b", steps), ("c", steps)]);
    assert_eq!(alike, [Right, Right, Right, Broken]);
    let apart = comes_back(&[("a", steps), ("b", &[1, 2, 4, 9, 19]), ("c", &[1, 2, 5, 9, 17])]);
    assert_eq!(apart, [Right; 4]);
}

fn enlistment(arguments: &[(&str, &str)], outcome: &str, subject: &str) -> Event {
    let pairs = arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let token = Some(token(json!({ "sub": subject })));
    let form = FormFacts { arguments: pairs.collect(), token, ..form() };
    let (method, path, outcome) = ("POST".into(), "/".into(), outcome.into());
    Event::Enlistment { method, path, form, outcome, login: None }
}

fn called(tape: &mut Tape) {
    let called = Event::Called { operation: "enlist".into(), params: json!({}) };
    tape.add(Lane::Main, Stream::operations(), Some("alice"), called);
}

#[test]
fn failed_enlistments_that_are_repeated_without_end_are_seen() {
    let fails = |times: usize, asked: usize| {
        graded("ENL-012", |tape| {
            for _ in 0..asked {
                called(tape);
                (0..times).for_each(|_| tape.wire(enlistment(&[], "unavailable", "alice")));
            }
        })
    };
    assert_eq!(fails(1, 1), [Grade::Right]);
    assert_eq!(fails(11, 1), [Grade::Right]);
    assert_eq!(fails(12, 1), [Grade::Broken]);
    assert_eq!(fails(6, 3), [Grade::Right], "the user asked each time");
    assert_eq!(graded("ENL-012", |tape| tape.wire(enlistment(&[], "ok", "alice"))), []);
}

#[test]
fn a_registration_id_that_is_none_or_changes_is_seen() {
    let ids = |ids: &'static [&'static str]| {
        graded("ENL-009", |tape| {
            ids.iter().for_each(|id| tape.wire(enlistment(&[("e_regid", id)], "ok", "alice")));
            // The upload has the id 5.
            tape.stanza(Direction::Received, &upload(1));
        })
    };
    let broken = |ids: &[Grade]| ids.iter().filter(|grade| **grade == Grade::Broken).count();
    assert_eq!(broken(&ids(&["AAAABQ"])), 0);
    assert_eq!(broken(&ids(&["AAAAAA"])), 2, "it is 0, and the upload has another");
    assert_eq!(broken(&ids(&["AABAAA"])), 2, "it has 15 bits");
    assert_eq!(broken(&ids(&["AAAABQ", "AAAABg"])), 1);
}

#[test]
fn an_upload_under_another_identity_than_the_enlisted_one_is_seen() {
    let ident = |byte: u8| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode([byte; 32])
    };
    let uploads = |outcome: &'static str, enlisted: u8, uploaded: u8| {
        graded("ENL-017", |tape| {
            tape.wire(enlistment(&[("e_ident", &ident(enlisted))], outcome, "alice"));
            tape.stanza(Direction::Received, &upload(uploaded));
        })
    };
    assert_eq!(uploads("ok", 1, 1), [Grade::Right]);
    assert_eq!(uploads("ok", 1, 2), [Grade::Broken]);
    assert_eq!(uploads("bad_integrator", 1, 2), []);
}

#[test]
fn identifiers_that_change_or_are_shared_are_seen() {
    let tokens = |tokens: &'static [(&'static str, &'static str)]| {
        graded("ENL-021", |tape| {
            for (actor, subject) in tokens {
                let event = enlistment(&[], "ok", subject);
                tape.add(Lane::Main, Stream::http_in(), Some(actor), event);
            }
        })
    };
    use Grade::{Broken, Right};
    assert_eq!(tokens(&[("alice", "a")]), [], "one token shows nothing");
    assert_eq!(tokens(&[("alice", "a"), ("alice", "a")]), [Right]);
    assert_eq!(tokens(&[("alice", "a"), ("alice", "b")]), [Broken]);
    assert_eq!(tokens(&[("alice", "a"), ("carol", "c")]), [Right]);
    assert_eq!(tokens(&[("alice", "a"), ("carol", "a")]), [Broken]);
}

#[test]
fn another_intro_header_is_seen() {
    let begins = |header: &str| {
        let (header, routing_bytes) = (header.to_owned(), 0);
        graded("TRN-016", |tape| tape.wire(Event::Intro { header, routing_bytes }))
    };
    assert_eq!(begins("57410603"), [Grade::Right]);
    assert_eq!(begins("00002812"), [Grade::Broken]);
}

#[test]
fn a_version_is_missed_only_where_the_profile_says_where_it_stands() {
    let stated = |profile: &Profile, version: Option<&str>| {
        let scenario = plain();
        let mut tape = Tape::new(&scenario);
        let version = version.map(str::to_owned);
        tape.login_in(Lane::Main, LoginFacts { version, ..login() });
        seen(&scenario, profile, &tape, "TRN-012")
    };
    let usual = Profile::builtin("whatsapp-1.0.3").unwrap();
    let versioned = Profile::overlay("versioned").unwrap();
    assert_eq!(stated(&usual, None), []);
    assert_eq!(stated(&versioned, Some("1.0.3")), [Grade::Right]);
    assert_eq!(stated(&versioned, Some("1.0.2")), [Grade::Broken]);
    assert_eq!(stated(&versioned, None), [Grade::Broken]);
}

#[test]
fn memory_for_frames_that_were_only_announced_is_seen() {
    let took = |announced: usize, memory_mib: u64| {
        let step = "  - fault: { on: alice, announce: longest }\n".repeat(announced);
        let text = POSITIVE.replace("must_observe", &format!("{step}must_observe"));
        let (scenario, profile) = (scenario(&text), Profile::builtin("whatsapp-1.0.3").unwrap());
        let mut tape = Tape::new(&scenario);
        for fault in 1..=announced {
            let fault = u32::try_from(fault).unwrap();
            let event = Event::FaultTook { fault, label: None, what: String::new() };
            tape.add(Lane::Main, Stream::faults(), None, event);
        }
        let growth = Some(Growth { memory_mib, descriptors: 0 });
        tape.wire(Event::Vitals { well: true, log: true, growth });
        seen(&scenario, &profile, &tape, "TRN-018")
    };
    assert_eq!(took(4, 12), [Grade::Right]);
    assert_eq!(took(4, 60), [Grade::Broken]);
    assert_eq!(took(1, 60), [], "too little to tell from ordinary growth");
}

#[test]
fn a_large_identifier_is_compared_in_full() {
    let names = |account_id: u64| {
        let login_text = Some("1-9007199254740993@interop".to_owned());
        let facts = LoginFacts { account_id: Some(account_id), login: login_text, ..login() };
        graded("ENL-014", |tape| tape.login_in(Lane::Main, facts))
    };
    assert_eq!(names(9_007_199_254_740_993), [Grade::Right]);
    assert_eq!(names(9_007_199_254_740_992), [Grade::Broken]);
    assert_eq!(graded("ENL-014", |tape| tape.login_in(Lane::Main, login())), []);
}

#[test]
fn what_only_warns_stands_though_nothing_was_probed_behind_it() {
    let scenario = scenario(&NEGATIVE.replace("NOI-006", "NOI-020"));
    let plan = Plan::of(&scenario);
    let mut tape = Tape::new(&scenario);
    tape.phase(&plan, Purpose::Twin(0), |tape, step| {
        if step == 0 {
            tape.login_in(Lane::Twin(0), login());
            tape.ping_answered("fence-1", Lane::Twin(0));
        }
        StepEnd::Done
    });
    tape.phase(&plan, Purpose::Main, |tape, step| match step {
        0 => StepEnd::Refused("certificate".into()),
        _ => {
            tape.login_in(Lane::Main, login());
            StepEnd::Fenced
        }
    });
    let (verdict, why, _) = step_verdict(&verdicts(&scenario, &tape, true), "NOI-020");
    assert_eq!((verdict, why), (Verdict::Warn, None));
}
