//! The program as a user meets it: its commands, exit codes and words.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder that is removed at the end of the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

fn counterpart(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_counterpart")).args(args).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn report(dir: &str) -> Value {
    let text = std::fs::read_to_string(Path::new(dir).join("latest/report.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The report without what may differ between runs.
fn stable(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, _)| name != "volatile");
            kept.map(|(name, value)| (name, stable(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(stable).collect(),
        other => other,
    }
}

/// Where a server is called, or the line is spoilt, at the pace of the real clock, how often it is
/// looked at before a case ends is a matter of chance; what is decided is not. Of these cases the
/// evidence is left out.
fn on_real_time(mut report: Value) -> Value {
    let of_pace = [
        "m3.3/push-",
        "m3.3/unreadable-push",
        "m3.3/invented-key-",
        "m3.3/garbage-",
        "http/keys-are-fetched-",
    ];
    for case in report["cases"].as_array_mut().unwrap() {
        if of_pace.iter().any(|begin| case["id"].as_str().unwrap().starts_with(begin)) {
            for check in case["checks"].as_array_mut().unwrap() {
                check.as_object_mut().unwrap().remove("findings");
            }
        }
    }
    report
}

/// Cases in which a client comes back or tries again by the real clock: what meets that moment has other
/// numbers each time.
const BY_ITSELF: &[&str] = &[
    "m2/comes-back-",
    "m2/end-of-a-stream-",
    "m2/passing-stream-error-",
    "m2/stream-that-ends-",
    "m3.2/lost-send-",
    "m3.2/text-survives-",
    "m4.1/broken-",
    "m4.1/host-that-asks-",
];
/// Others that may meet the real clock in another moment.
const RENUMBERED_MAX: usize = 4;

/// Takes the evidence out of cases in which entries have other numbers, and names them.
fn take_renumbered(first: &mut Value, second: &mut Value) -> Vec<String> {
    let cases = |report: &mut Value| report["cases"].as_array_mut().unwrap().len();
    assert_eq!(cases(first), cases(second));
    let pairs = first["cases"].as_array_mut().unwrap().iter_mut();
    let pairs = pairs.zip(second["cases"].as_array_mut().unwrap());
    let differing = pairs.filter(|(one, other)| first_difference(one, other, "").is_some());
    let without_evidence = |case: &mut Value| {
        for check in case["checks"].as_array_mut().unwrap() {
            for finding in check["findings"].as_array_mut().into_iter().flatten() {
                finding.as_object_mut().unwrap().remove("evidence");
            }
        }
    };
    let named = differing.map(|(one, other)| {
        without_evidence(one);
        without_evidence(other);
        one["id"].as_str().unwrap().to_owned()
    });
    named.collect()
}

/// The path of the first member in which two reports differ, with both values.
fn first_difference(a: &Value, b: &Value, path: &str) -> Option<String> {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) if x.len() == y.len() => {
            x.iter().find_map(|(k, v)| {
                first_difference(v, y.get(k).unwrap_or(&Value::Null), &format!("{path}/{k}"))
            })
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            let pairs = x.iter().zip(y).enumerate();
            pairs.into_iter().find_map(|(n, (v, w))| first_difference(v, w, &format!("{path}/{n}")))
        }
        _ => (a != b).then(|| format!("{path}: {a:.300} and {b:.300}")),
    }
}

/// No private half of a key reaches the log, even where the subject publishes it.
#[test]
fn a_private_key_that_the_subject_leaks_is_not_recorded() {
    let dir = Scratch::new("leak");
    let iut = "reference:third-party?quirk=jwks-publishes-private-key";
    let (ran, folder) = run_in(&dir, "a", &["--iut", iut, "m1/publishes-its-signing-keys"]);
    assert_eq!(code(&ran), 1, "{}", err(&ran));
    let log = std::fs::read_to_string(format!("{folder}/latest/events.jsonl")).unwrap();
    let bodies = log.lines().filter(|line| line.contains("\"responded\""));
    let bodies: Vec<Vec<u8>> = bodies
        .map(|line| {
            let entry: Value = serde_json::from_str(line).unwrap();
            let b64 = entry["event"]["body"]["b64"].as_str().unwrap().to_owned();
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, b64).unwrap()
        })
        .collect();
    assert!(!bodies.is_empty());
    for body in bodies {
        let set: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(set["keys"][0]["d"], "(withheld)");
    }
}

/// Runs with output in a folder of its own.
fn run_in(dir: &Scratch, name: &str, args: &[&str]) -> (Output, String) {
    let folder = dir.path(name);
    let mut all = vec!["run", "--seed", "7", "--out", &folder];
    all.extend(args);
    (counterpart(&all), folder)
}

#[test]
fn the_reference_passes_every_scenario_and_the_log_gives_the_same_verdicts() {
    let dir = Scratch::new("suite");
    let (first, folder) = run_in(&dir, "a", &[]);
    assert_eq!(code(&first), 0, "{}", out(&first));
    let cases = report(&folder)["cases"].as_array().unwrap().clone();
    assert!(cases.len() >= 430, "{} cases", cases.len());
    let other: Vec<_> = cases.iter().filter(|case| case["verdict"] != "pass").collect();
    // The profile leaves open where a version stands, its frames cannot be too long, its tokens are
    // RS256 and its bundles without KEM prekeys; the reference speaks Signal's protocol.
    let es256 = "m3.3/push-token-has-a-real-es256-signature";
    let open = [
        ("guarantees/another-protocol-", 4, "not_applicable"),
        ("m2/frame-that-is-too-long-closes-the-channel", 1, "not_testable"),
        ("m2/refused-version-is-final", 1, "not_testable"),
        ("m2/states-its-protocol-version", 1, "not_testable"),
        (es256, 3, "not_testable"),
        ("m3.2/bundle-without-a-sound-kem-prekey-gets-no-message", 2, "not_testable"),
    ];
    for (id, count, verdict) in open {
        let of = |case: &&&Value| case["id"].as_str().is_some_and(|name| name.starts_with(id));
        let found = other.iter().filter(of).filter(|case| case["verdict"] == verdict).count();
        assert_eq!(found, count, "{id}: {other:#?}");
    }
    assert_eq!(other.len(), 12, "{other:#?}");
    let log = format!("{folder}/latest/events.jsonl");
    let judged = counterpart(&["judge", &log]);
    assert_eq!(code(&judged), 0, "{}", err(&judged));
    assert!(out(&judged).contains("all as in"), "{}", out(&judged));
    let (second, again) = run_in(&dir, "b", &["--jobs", "2"]);
    assert_eq!(code(&second), 0);
    let (first, second) = (stable(report(&folder)), stable(report(&again)));
    let (mut first, mut second) = (on_real_time(first), on_real_time(second));
    let mut renumbered = take_renumbered(&mut first, &mut second);
    renumbered.retain(|id| !BY_ITSELF.iter().any(|begin| id.starts_with(begin)));
    assert!(renumbered.len() <= RENUMBERED_MAX, "{renumbered:?}");
    assert_eq!(first_difference(&first, &second, ""), None, "one seed, one report");
}

#[test]
fn a_log_that_was_tampered_with_gives_other_verdicts() {
    let dir = Scratch::new("tampered");
    let (ran, folder) = run_in(&dir, "a", &["m1/enlists-when-the-user-opts-in"]);
    assert_eq!(code(&ran), 0, "{}", out(&ran));
    let log = format!("{folder}/latest/events.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    let without: Vec<_> =
        text.lines().filter(|line| !line.contains("\"type\":\"enlistment\"")).collect();
    assert!(without.len() < text.lines().count());
    std::fs::write(&log, without.join("\n")).unwrap();
    let judged = counterpart(&["judge", &log]);
    assert_eq!(code(&judged), 1, "{}", out(&judged));
    assert!(err(&judged).contains("differs from"), "{}", err(&judged));
}

#[test]
fn both_transports_of_the_chat_service_work() {
    let dir = Scratch::new("websocket");
    let program = env!("CARGO_BIN_EXE_counterpart");
    let yaml = format!(
        "schema: 1\nname: reference over websocket\nversion: \"1\"\n\
         seats: [third-party-client, third-party-server]\n\
         adapter:\n  spawn: {{ command: [\"{program}\", reference, third-party, --transport, ws] }}\n"
    );
    let iut = dir.file("iut.yaml", &yaml).display().to_string();
    let ids = ["m2/pings-and-answers-pings", "m3.3/text-in-is-shown-acked-and-receipted"];
    let (ran, folder) = run_in(&dir, "a", &["--iut", &iut, ids[0], ids[1]]);
    assert_eq!(code(&ran), 0, "{}{}", out(&ran), err(&ran));
    let log = std::fs::read_to_string(format!("{folder}/latest/events.jsonl")).unwrap();
    assert!(log.contains("\"websocket\":true") && !log.contains("\"websocket\":false"));
}

#[test]
fn under_the_experimental_profile_both_ends_speak_pqxdh() {
    let dir = Scratch::new("pqxdh");
    let profile = ["--profile", "experimental-pqxdh"];
    let ids = [
        "m3.1/publishes-keys-before-it-can-receive",
        "m3.2/first-text-decrypts-at-an-independent-peer",
        "m3.3/text-in-is-shown-acked-and-receipted",
        "m3.3/undecryptable-message-asks-for-a-retry",
    ];
    let (ran, folder) = run_in(&dir, "a", &[&profile[..], &ids[..]].concat());
    assert_eq!(code(&ran), 0, "{}{}", out(&ran), err(&ran));
    let log = std::fs::read_to_string(format!("{folder}/latest/events.jsonl")).unwrap();
    // 68 is 0x44: message version 4, and no message of another version.
    assert!(log.contains("\"version_byte\":68") && !log.contains("\"version_byte\":51"));
    assert!(log.contains("\"kem_id\":") && log.contains("<kskey>"));
    let report = report(&folder);
    let standing = |row: &str| {
        let rows = report["coverage"].as_array().unwrap();
        rows.iter().find(|entry| entry["requirement"] == row).unwrap()["standing"].clone()
    };
    assert_eq!([standing("ENC-003"), standing("RAT-010")], ["not_applicable"; 2]);
    assert_eq!([standing("ENC-002"), standing("ENC-021")], ["decided"; 2]);

    let iut = "reference:third-party?quirk=skips-signed-prekey-signature";
    let id = "m3.2/wrongly-signed-prekey-gets-no-message";
    let (ran, _) = run_in(&dir, "b", &[&profile[..], &["--iut", iut, id]].concat());
    assert_eq!(code(&ran), 1, "a fault is seen in version 4 too: {}", out(&ran));
}

#[test]
fn a_client_whose_server_is_not_there_gets_its_tokens_from_the_harness() {
    let dir = Scratch::new("client-only");
    let iut = "third-party-client=reference:third-party";
    let id = "m3.2/first-text-decrypts-at-an-independent-peer";
    let (ran, folder) = run_in(&dir, "a", &["--iut", iut, id]);
    assert_eq!(code(&ran), 0, "{}{}", out(&ran), err(&ran));
    let seats = &report(&folder)["iut"]["seats"];
    assert_eq!(seats, &serde_json::json!(["third-party-client"]));
    let (ran, _) = run_in(&dir, "b", &["--iut", iut, "m1/publishes-its-signing-keys"]);
    assert_eq!(code(&ran), 4, "nothing was executed: {}", out(&ran));
}

/// An IUT file for an adapter that is a shell script.
fn adapter(dir: &Scratch, script: &str) -> String {
    let yaml = "schema: 1\nname: odd\nversion: \"1\"\nseats: [third-party-client]\n\
         adapter:\n  spawn: { command: [sh, adapter.sh] }\ntimeouts_ms: { operation: 2000 }\n";
    dir.file("adapter.sh", script);
    dir.file("iut.yaml", yaml).display().to_string()
}

#[test]
fn an_adapter_that_does_not_start_makes_the_run_invalid() {
    let dir = Scratch::new("dies");
    let iut = adapter(&dir, "echo no such module >&2\nexit 3\n");
    let (ran, _) = run_in(&dir, "a", &["--iut", &iut]);
    assert_eq!(code(&ran), 4, "{}", err(&ran));
    insta::assert_snapshot!("dead-start", err(&ran));
}

#[test]
fn an_adapter_that_claims_everything_is_caught_before_the_first_case() {
    let dir = Scratch::new("liar");
    let hello = r#"{"driver":"1","iut":{"name":"liar","version":"1"},"seats":["third-party-client"],"capabilities":{}}"#;
    let script = format!(
        "read -r line\necho '{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{hello}}}'\n\
         read -r line\necho '{{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{{}}}}'\nread -r line\n"
    );
    let iut = adapter(&dir, &script);
    let (ran, _) = run_in(&dir, "a", &["--iut", &iut]);
    assert_eq!(code(&ran), 4, "{}", err(&ran));
    insta::assert_snapshot!("liar", err(&ran));
}

/// An adapter in a few lines of shell: it answers what the script's table says.
const TALKER: &str = r#"
while read -r line; do
  id=$(printf '%s' "$line" | sed 's/"id":\([0-9]*\).*/\1/; s/.*,//')
  case "$line" in
    *'"method":"hello"'*) answer='"result":{"driver":"1","iut":{"name":"odd","version":"1"},"seats":["third-party-client"],"capabilities":{}}' ;;
    *no-such-operation*) answer='"error":{"code":-32601,"message":"method not found"}' ;;
    *'"method":"configure"'*|*'"method":"account"'*|*'"method":"stop"'*) answer='"result":{}' ;;
    *) ANSWER ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,%s}\n' "$id" "$answer"
done
"#;

#[test]
fn an_adapter_that_stops_answering_hangs_and_that_is_a_finding() {
    let dir = Scratch::new("hangs");
    let iut = adapter(&dir, &TALKER.replace("ANSWER", "continue"));
    let (ran, folder) = run_in(&dir, "a", &["--iut", &iut, "m1/enlists-when-the-user-opts-in"]);
    assert_eq!(code(&ran), 1, "{}{}", out(&ran), err(&ran));
    let checks = report(&folder)["cases"][0]["checks"].as_array().unwrap().clone();
    let hang = checks.iter().find(|check| check["requirement"] == "ROB-002").unwrap();
    assert_eq!((&hang["verdict"], &hang["witness"]), (&"fail".into(), &"process".into()));
    assert!(!checks.iter().any(|check| check["verdict"] == "pass"), "{checks:?}");
}

#[test]
fn an_adapter_that_dies_in_a_case_is_a_finding_with_its_last_words() {
    let dir = Scratch::new("dies-later");
    let script =
        TALKER.replace("ANSWER", "echo \"thread 'main' panicked at x.rs:1\" >&2; exit 101");
    let iut = adapter(&dir, &script);
    let (ran, folder) = run_in(&dir, "a", &["--iut", &iut, "m1/enlists-when-the-user-opts-in"]);
    assert_eq!(code(&ran), 1, "{}{}", out(&ran), err(&ran));
    let checks = report(&folder)["cases"][0]["checks"].as_array().unwrap().clone();
    for row in ["ROB-001", "ROB-004"] {
        let found = checks.iter().find(|check| check["requirement"] == row).unwrap();
        assert_eq!(found["verdict"], "fail", "{found}");
    }
}

#[test]
fn a_seat_that_the_adapter_does_not_have_is_refused() {
    let dir = Scratch::new("seat");
    let (ran, _) = run_in(&dir, "a", &["--iut", "meta=reference:third-party"]);
    assert_eq!(code(&ran), 2);
    insta::assert_snapshot!("seat", err(&ran));
}

#[test]
fn words_that_match_nothing_are_corrected() {
    let dir = Scratch::new("words");
    let (ran, _) = run_in(&dir, "a", &["m2/pings-and-answers-ping"]);
    assert_eq!(code(&ran), 2);
    insta::assert_snapshot!("unknown-scenario", err(&ran));
    let (ran, _) = run_in(&dir, "b", &["--iut", "reference:third-party?quirk=never-ping"]);
    assert_eq!(code(&ran), 2);
    insta::assert_snapshot!("unknown-quirk", err(&ran));
}

const SOUND: &str = "\
schema: 1
title: A server ping is answered
why: Because a dead connection should be noticed.
milestone: M2
covers: [TRN-014]
proves: [server-ping-ignored]
actors:
  alice: { plays: third-party-client, iut: true }
steps:
  - act: { on: alice, do: enlist }
  - act: { on: alice, do: connect }
  - send: { from: meta, to: alice, stanza: '<iq id=\"p1\" type=\"get\" xmlns=\"urn:xmpp:ping\"/>', as: p1 }
  - expect: { at: meta, stanza: '<iq id=\"${p1.id}\" type=\"result\"/>', checks: [TRN-014] }
must_observe: [p1.sent]
";

/// Lints a text and gives what was said, with the folder cut off.
fn linted(name: &str, text: &str) -> (i32, String) {
    let dir = Scratch::new(&format!("lint-{name}"));
    let file = dir.file("scenario.yaml", text).display().to_string();
    let output = counterpart(&["lint", &file]);
    let folder = format!("{}/", dir.0.display());
    (code(&output), err(&output).replace(&folder, ""))
}

#[test]
fn what_cannot_work_is_refused_with_its_place_and_advice() {
    assert_eq!(linted("sound", SOUND).0, 0, "{}", linted("sound", SOUND).1);
    let negative = "stanza: '<iq id=\"${p1.id}\" type=\"result\"/>', checks";
    let wrong = [
        ("typo", SOUND.replace("  - expect:", "  - exepct:")),
        ("unknown-requirement", SOUND.replace("covers: [TRN-014]", "covers: [TRN-041]")),
        ("duplicate-key", SOUND.replace("milestone: M2", "milestone: M2\nmilestone: M1")),
        (
            "negative-without-twin",
            SOUND.replace("do: connect }", "do: connect, mutate: { server_chain: foreign-root } }"),
        ),
        ("unknown-quirk", SOUND.replace("server-ping-ignored", "server-ping-ignord")),
        ("bad-pattern", SOUND.replace(negative, "stanza: '<iq id=>', checks")),
    ];
    for (name, text) in wrong {
        assert_ne!(text, SOUND, "{name} changes nothing");
        let (code, said) = linted(name, &text);
        assert_eq!(code, 2, "{name}: {said}");
        insta::assert_snapshot!(format!("lint-{name}"), said);
    }
}

#[test]
fn a_scenario_of_ones_own_is_run() {
    let dir = Scratch::new("own");
    dir.file("scenarios/mine/ping.yaml", SOUND);
    let (ran, folder) = run_in(&dir, "a", &["--scenarios", &dir.path("scenarios"), "mine/ping"]);
    assert_eq!(code(&ran), 0, "{}{}", out(&ran), err(&ran));
    assert_eq!(report(&folder)["cases"][0]["id"], "mine/ping");
}

#[test]
fn the_schema_names_every_step() {
    let schema: Value =
        serde_json::from_slice(&counterpart(&["schema", "scenario"]).stdout).unwrap();
    let text = schema.to_string();
    for word in ["expect_none", "must_observe", "server_chain", "within"] {
        assert!(text.contains(word), "{word}");
    }
}

#[test]
fn what_a_timer_does_is_seen_by_who_waits() {
    let iut = "reference:third-party?quirk=receipts-collected-unread";
    let case = "m3.3/undecryptable-message-asks-for-a-retry";
    let scratch = Scratch::new("patience");
    let of = |name: &str, more: &[&str]| {
        let out = scratch.path(name);
        let mut args = vec!["run", case, "--iut", iut, "--seed", "7", "--out", &out];
        args.extend(more);
        code(&counterpart(&args))
    };
    assert_eq!(of("at-once", &[]), 0, "an absence ends when all was read");
    assert_eq!(of("patient", &["--patient"]), 1);
}
