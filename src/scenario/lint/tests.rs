use super::*;
use crate::scenario::{Action, Case, Plan, Purpose, expand, parse};
use crate::span::Source;
use crate::spec::joined;
use crate::wire::{EncodeAs, Style};

/// The example of `interfaces.md` §8, without the axis `encoding`.
const EXAMPLE: &str = r#"# yaml-language-server: $schema=../scenario.schema.json
schema: 1
title: A used message key decrypts nothing again
why: A client that keeps used keys shows a replayed text as new.
milestone: M3.3
covers: [RAT-006]
proves: [message-key-kept]
needs: "!other_protocol"
tags: []
actors:
  bob:   { plays: meta-client }
  alice: { plays: third-party-client, iut: true }
vars: { text: "hi ${canary}" }
steps:
  - act:    { on: alice, do: enlist }
  - act:    { on: alice, do: connect }
  - send:   { from: bob, to: alice, text: "${text}", as: m1 }
  - expect: { at: alice, shown: { id: "${m1.id}" }, within: 5s }
  - expect: { at: meta, stanza: '<receipt id="${m1.id}" to="${bob.jid}"/>' }
  - send:
      from: bob
      to: alice
      replay: m1
      id: new
      as: m2
      negative: { twin: order, after: same_session }
  - expect_none:
      { at: alice, shown: { text: "${text}" }, checks: [RAT-006] }
must_observe: [m1.shown, m2.sent]
"#;

const QUIRKS: &[&str] = &["message-key-kept", "signature-not-verified"];

fn diagnose(text: &str) -> String {
    let source = Source::new("m3/a.yaml", text);
    let errors = match parse("m3/a", &source) {
        Ok(scenario) => lint(&scenario, QUIRKS),
        Err(errors) => errors,
    };
    joined(&errors)
}

/// The example with something replaced, and what is said about it.
fn with(changes: &[(&str, &str)]) -> String {
    let mut text = EXAMPLE.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let said = diagnose(&text);
    // Lines of the file are as wide as their author made them.
    let mut ours = said.lines().filter(|line| !line.contains(" | "));
    assert!(ours.all(|line| line.chars().count() <= 80), "wider than 80:\n{said}");
    said
}

macro_rules! errors {
    ($($name:ident: [$($from:literal => $to:literal),+ $(,)?];)+) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), with(&[$(($from, $to)),+]));
        })+
    };
}

#[test]
fn the_example_is_sound() {
    assert_eq!(diagnose(EXAMPLE), "");
    let scenario = parse("m3/a", &Source::new("m3/a.yaml", EXAMPLE)).unwrap();
    let cases = expand(&scenario).unwrap();
    assert_eq!(cases.iter().map(Case::id).collect::<Vec<_>>(), ["m3/a"]);
    insta::assert_debug_snapshot!(scenario.steps);
}

#[test]
fn mutations_pushes_and_fetches_are_sound() {
    let text = r#"
schema: 1
title: t
why: w
milestone: M3.3
covers: [PRE-004, PSH-004, NOI-006]
proves: [signature-not-verified]
matrix: { fault: [absent, random], code: ["404", "500"] }
actors:
  bob:   { plays: meta-client }
  alice: { plays: third-party-client, iut: true }
  acme:  { plays: third-party-server, iut: true }
vars: { who: "${bob.jid}", text: "t ${who}" }
steps:
  - act: { on: alice, do: enlist, as: e }
  - act: { on: alice, do: connect, mutate: { server_chain: expired },
           negative: { twin: mutation, after: new_connection }, as: c }
  - expect_none: { at: meta, login: { account_id: "${e.login}" }, checks: [NOI-006] }
  - act: { on: alice, do: send_text, to: "${bob.jid}", text: "${text}",
           mutate: { bundle_signature: "${fault}" },
           negative: { twin: mutation, after: new_account }, checks: [PRE-004] }
  - act: { on: alice, do: send_text, to: "${bob.jid}", text: "${text}",
           mutate: { bundle_error: "${code}" },
           negative: { twin: mutation, after: new_account } }
  - send: { from: bob, to: alice, text: x, mutate: { content: clear-enc },
            negative: { twin: mutation, after: same_session } }
  - send: { from: meta, to: acme, fetch: jwks, as: f }
  - expect: { at: meta, response: { of: f, status: "200" } }
  - send: { from: meta, to: alice, push: true, mutate: { push_token: alg-none },
            negative: { twin: mutation, after: same_session }, as: p }
  - expect: { at: meta, response: { of: p, status: "${re:4[0-9]{2}}" }, checks: [PSH-004] }
  - expect_none: { at: alice, woken: {} }
  - expect: { at: meta, stanza: "<iq type='get'/>", as: q }
  - send: { from: meta, to: alice, stanza: "<iq type='result' id='${q.id}'/>" }
must_observe: [e.sent, p.sent]
"#;
    assert_eq!(diagnose(text), "");
    let scenario = parse("m3/a", &Source::new("m3/a.yaml", text)).unwrap();
    assert_eq!(expand(&scenario).unwrap().len(), 4);
}

#[test]
fn an_encoding_is_chosen_for_a_case_or_for_a_step() {
    let text = EXAMPLE
        .replace("tags: []", "matrix: { encoding: [canonical, raw-strings] }")
        .replace("as: m1 }", "as: m1, encode: { style: list16, compressed: true } }");
    assert_eq!(diagnose(&text), "");
    let scenario = parse("m3/a", &Source::new("m3/a.yaml", text)).unwrap();
    let cases = expand(&scenario).unwrap();
    let ids: Vec<String> = cases.iter().map(Case::id).collect();
    assert_eq!(ids, ["m3/a[encoding=canonical]", "m3/a[encoding=raw-strings]"]);
    let styles: Vec<_> = cases.iter().map(|case| case.scenario.encoding.style).collect();
    assert_eq!(styles, [Style::Canonical, Style::RawStrings]);
    let Action::Send(send) = &scenario.steps[2].action else { panic!("a send") };
    assert_eq!(send.encode, Some(EncodeAs { style: Style::List16, compressed: true }));
    let purposes = |case: &Case| -> Vec<Purpose> {
        Plan::of(&case.scenario).phases.iter().map(|phase| phase.purpose).collect()
    };
    assert_eq!(purposes(&cases[0]), [Purpose::Main, Purpose::ProbeSame(5)]);
    assert_eq!(purposes(&cases[1]), [Purpose::Canonical, Purpose::Main, Purpose::ProbeSame(5)]);
}

#[test]
fn the_embedded_scenarios_are_sound() {
    for (id, source) in crate::scenario::library::Library::builtin().iter() {
        let scenario = parse(id, source).unwrap_or_else(|errors| panic!("{}", joined(&errors)));
        // Which quirks there are is not known in this room.
        let quirks: Vec<&str> = scenario.proves.iter().map(String::as_str).collect();
        assert_eq!(joined(&lint(&scenario, &quirks)), "", "{id}");
    }
}

#[test]
fn profile_values_may_be_named() {
    let profile = |key: &str| {
        with(&[("to=\"${bob.jid}\"", &format!("to=\"${{bob.jid}}\" x=\"${{profile.{key}}}\""))])
    };
    assert_eq!(profile("ping.client_xmlns"), "");
    assert!(profile("ping.client_xmln").contains("did you mean `ping.client_xmlns`?"));
    assert!(profile("noise.patterns").contains("`noise.patterns` is a list and no text"));
}

errors! {
    a_misspelt_key: ["milestone: M3.3" => "milestones: M3.3", "within: 5s" => "wihtin: 5s"];
    a_misspelt_word: ["M3.3" => "M3.4", "meta-client" => "meta-cliant", "twin: order" => "twin: ordr", "m1.shown" => "m1.shon"];
    a_duplicate_key: ["tags: []" => "tags: []\ntags: []", "id: new" => "id: new\n      id: same"];
    a_missing_key: ["title: A used message key decrypts nothing again\n" => "", "on: alice, do: connect" => "on: alice", "to: alice, text" => "text"];
    not_a_mapping: ["{ plays: meta-client }" => "meta-client", "{ on: alice, do: enlist }" => "[alice, enlist]", "[RAT-006]\nproves" => "RAT-006\nproves"];
    no_yaml: ["[m1.shown, m2.sent]" => "[m1.shown, m2.sent"];
    another_version: ["schema: 1" => "schema: 2"];
    two_verbs_in_one_step: ["  - act:    { on: alice, do: connect }" => "  - act:    { on: alice, do: connect }\n    send:   { from: bob, to: alice, text: x }\n  - {}"];
    an_unknown_operation: ["do: connect" => "do: conect"];
    a_parameter_of_another_operation: ["do: connect" => "do: connect, to: x", "do: enlist" => "do: send_text, to: x"];
    a_bad_duration: ["within: 5s" => "within: 5", "shown: { text" => "within: 0s, shown: { text"];
    a_bad_pattern: ["'<receipt id=\"${m1.id}\" to=\"${bob.jid}\"/>'" => "'<receipt id=\"${m1.id}\">'"];
    a_bad_directive: ["to=\"${bob.jid}\"/>" => "cp:abscent=\"type\"/>"];
    a_bad_template: ["\"${text}\", as" => "\"${text\", as", "{ id: \"${m1.id}\" }" => "{ id: \"${regex:x}\" }"];
    an_unknown_kind_or_field: ["shown: { id:" => "shown: { idd:", "shown: { text" => "showed: { text"];
    two_payloads: ["replay: m1" => "replay: m1\n      text: x", "text: \"${text}\", as: m1" => "as: m1, id: new"];
    an_unknown_capability: ["!other_protocol" => "!other_protocl && groups"];
    an_unknown_requirement: ["covers: [RAT-006]" => "covers: [RAT-066, RAT-006, RAT-006]"];
    a_row_that_cannot_be_observed: ["RAT-006" => "NOI-012"];
    a_row_that_nothing_decides: ["covers: [RAT-006]" => "covers: [RAT-006, RAT-005]", "checks: [RAT-006]" => "checks: [RAT-006, RAT-007]"];
    an_unknown_quirk: ["[message-key-kept]" => "[message-key-keeped]"];
    nothing_proved_or_observed: ["proves: [message-key-kept]" => "proves: []", "[m1.shown, m2.sent]" => "[]"];
    an_unknown_label: ["m2.sent" => "m3.sent", "replay: m1" => "replay: m0"];
    an_unknown_actor: ["on: alice, do: connect" => "on: alise, do: connect", "from: bob, to" => "from: bobby, to"];
    an_undefined_reference: ["\"${m1.id}\" }" => "\"${m9.id}\" }", "id=\"${m1.id}\"" => "id=\"${m2.id}\"", "${bob.jid}" => "${bob.jit}", "shown: { text: \"${text}\" }" => "shown: { text: \"${text.x} ${alice}\" }"];
    unused_names: ["text: \"${text}\", as" => "text: x, as", "text: \"${text}\" }, checks" => "text: x }, checks", "tags: []" => "tags: []\nmatrix: { n: [a, b] }", "to=\"${bob.jid}\"" => "", "  bob:" => "  carol: { plays: meta-client }\n  bob:"];
    one_name_for_two_things: ["as: m2" => "as: m1", "vars: { text" => "vars: { alice: x, text", "  bob:" => "  meta: { plays: meta-client }\n  bob:"];
    a_negative_step_without_twin: ["      negative: { twin: order, after: same_session }\n" => "", "do: connect }" => "do: connect, mutate: { server_chain: expired } }"];
    a_positive_step_declared_negative: ["do: connect }" => "do: connect, negative: { twin: time, after: new_account } }"];
    a_twin_of_the_wrong_kind: ["twin: order" => "twin: mutation", "do: connect }" => "do: connect, mutate: { push_token: expired },\n              negative: { twin: order, after: new_account } }"];
    a_replay_of_what_was_never_accepted: ["  - expect: { at: alice, shown: { id: \"${m1.id}\" }, within: 5s }\n" => "", "'<receipt id=\"${m1.id}\" to" => "'<receipt to"];
    an_absence_before_any_cause: ["steps:\n" => "steps:\n  - expect_none: { at: alice, woken: {} }\n"];
    a_theft_of_what_is_not_ours: ["  - expect_none:" => "  - compromise: { of: alice, with: bob, as: theft }\n  - expect_none:"];
    a_thief_without_a_theft: ["  - expect_none:" => "  - expect: { at: bob, thief: { of: theft } }\n  - expect: { at: bob, thief: { earlier: \"1\" } }\n  - expect_none:"];
    an_absence_that_nothing_exercised: ["checks: [RAT-006] }\n" => "checks: [RAT-006] }\n  - send: { from: bob, to: alice, text: later, as: m3 }\n", "[m1.shown, m2.sent]" => "[m3.sent]"];
    a_relay_of_what_nobody_sent: ["  - expect_none:" => "  - send: { from: meta, to: alice, relay: m1, how: agian }\n  - send: { from: meta, to: alice, relay: m1 }\n  - send: { from: meta, to: alice, relay: m1, how: again }\n  - expect_none:"];
    seen_at_the_wrong_place: ["at: alice, shown: { id" => "at: bob, shown: { id", "at: meta, stanza" => "at: alice, stanza", "at: alice, shown: { text" => "at: meta, shown: { text"];
    done_by_the_wrong_party: ["on: alice, do: enlist" => "on: bob, do: enlist", "from: bob, to: alice, text" => "from: meta, to: alice, text", "      to: alice" => "      to: bob"];
    nobody_under_test: [", iut: true" => ""];
    sending_what_only_matches: ["text: \"${text}\", as" => "text: \"${text}${any}\", as", "do: connect }" => "do: connect, token: \"${any}\" }"];
    a_deciding_step_that_may_fail: ["do: connect }" => "do: connect, may_fail: true, checks: [RAT-006] }"];
    asking_again_for_what_was_not_sent: ["      replay: m1\n      id: new" => "      ask_again: m1", "      negative: { twin: order, after: same_session }\n" => ""];
    sending_again_what_was_not_sent: ["      replay: m1\n      id: new" => "      resend: m9", "      negative: { twin: order, after: same_session }\n" => ""];
    what_belongs_to_another_payload: ["      replay: m1\n      id: new" => "      ask_again: m1\n      spoilt: true", "text: \"${text}\", as: m1" => "text: \"${text}\", as: m1, times: 3"];
    an_unknown_loss: ["      replay: m1\n      id: new" => "      lose: sesion", "      negative: { twin: order, after: same_session }\n" => "", "      as: m2\n" => "", ", m2.sent" => ""];
    an_unknown_encoding: ["tags: []" => "tags: []\nmatrix: { encoding: [canonical, raw-string] }"];
    a_bad_encode: ["as: m1 }" => "as: m1, encode: { style: list-16 } }", "      as: m2\n" => "      as: m2\n      encode: {}\n", "do: connect }" => "do: connect }\n  - send: { from: meta, to: alice, push: true, encode: { compresed: true } }"];
    a_bad_matrix: ["tags: []" => "tags: []\nmatrix: { a: [x, x], b: [], c: [\"1,2\"] }"];
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*", from in 0usize..1200, to in 0usize..1200, junk in "[{}\\[\\]:,$\"'a \n-]{0,6}") {
        let _ = diagnose(&text);
        let (from, to) = (from.min(to).min(EXAMPLE.len()), from.max(to).min(EXAMPLE.len()));
        if EXAMPLE.is_char_boundary(from) && EXAMPLE.is_char_boundary(to) {
            let _ = diagnose(&format!("{}{junk}{}", &EXAMPLE[..from], &EXAMPLE[to..]));
            let _ = diagnose(&format!("{}{junk}{}", &EXAMPLE[..from], &EXAMPLE[from..]));
        }
    }
}
