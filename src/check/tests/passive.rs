//! The passive checks: each is seen to pass, and to fail for its own row.

use super::*;

/// Row, and whether it is right, of all that the passive checks see.
pub(super) fn passive(build: impl FnOnce(&mut Tape)) -> Vec<(&'static str, Grade)> {
    let scenario = plain();
    let mut tape = Tape::new(&scenario);
    build(&mut tape);
    let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
    let view = View { scenario: &scenario, transcript: &tape.0, profile: &profile };
    let observed = ALL.iter().flat_map(|check| check.examine(&view));
    observed.map(|observed| (observed.requirement, observed.grade)).collect()
}

#[track_caller]
pub(super) fn assert_bites(
    row: &'static str,
    sound: impl FnOnce(&mut Tape),
    faulty: impl FnOnce(&mut Tape),
) {
    let (sound, faulty) = (passive(sound), passive(faulty));
    assert!(sound.contains(&(row, Grade::Right)), "{row} did not pass: {sound:?}");
    assert!(!sound.contains(&(row, Grade::Broken)), "{row} failed: {sound:?}");
    assert!(faulty.contains(&(row, Grade::Broken)), "{row} did not fail: {faulty:?}");
}

#[test]
pub(super) fn passive_checks_say_nothing_about_what_did_not_happen() {
    assert_eq!(passive(|_| {}), vec![]);
}

#[test]
pub(super) fn passive_checks_report_only_the_rows_that_they_declare() {
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

pub(super) fn upload(identity: u8) -> Node {
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
        let (kind, fields) = crate::check::decrypted::observed(&id, &from, &content, &enc);
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
