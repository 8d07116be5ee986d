//! What a user sees of failures of different kinds: each is golden, but for what chance decides.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn run(name: &str, args: &[&str]) -> (Output, Value) {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("diagnostics-{name}"));
    let _ = std::fs::remove_dir_all(&out);
    let folder = out.display().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .args(["run", "--seed", "7", "--out", &folder])
        .args(args)
        .env("COLUMNS", "80")
        .output()
        .unwrap();
    let text = std::fs::read_to_string(out.join("latest/report.json")).unwrap();
    (output, serde_json::from_str(&text).unwrap())
}

/// The part of the terminal's text about red cases. The events around a finding come in an order
/// that chance decides, so they are checked and left out.
fn told(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let from = text.find("\nFAIL ").expect("a case has failed") + 1;
    let to = text.find("\ncases ").unwrap();
    let mut lines = Vec::new();
    let mut events: Option<Vec<&str>> = None;
    for line in text[from..to].lines() {
        let starts = line.starts_with("    events around it");
        match &mut events {
            Some(block) if line.starts_with("    cause") => {
                let here = block.iter().filter(|line| line.starts_with("    > ")).count();
                assert_eq!(here, 1, "{block:#?}");
                events = None;
                lines.push(line);
            }
            Some(block) => block.push(line),
            None if starts => events = Some(Vec::new()),
            None => lines.push(line),
        }
        assert!(line.chars().count() < 80, "wider than a terminal: {line}");
    }
    lines.join("\n")
}

/// Kinds of failure, each by a fault of the reference and the case that finds it.
const KINDS: &[(&str, &str, &str)] = &[
    ("missing-stanza", "messages-never-acked", "m3.3/text-in-is-shown-acked-and-receipted"),
    (
        "unwanted-login",
        "noise-cert-signatures-not-checked",
        "m2/unproven-server-gets-no-login[fault=foreign-root]",
    ),
    (
        "other-keys",
        "kdf-info-has-local-registration-id",
        "m3.2/first-text-decrypts-at-an-independent-peer",
    ),
    ("keys-of-another", "iq-reply-from-anyone", "m3.2/keys-from-another-user-are-not-taken"),
    ("published-secret", "jwks-publishes-private-key", "m1/publishes-its-signing-keys"),
    ("refused-login", "login-without-token", "m2/logs-in-with-the-enlisted-key-and-a-token"),
    ("false-success", "enlist-treats-http-200-as-success", "m1/failed-enlistment-opens-no-chat"),
    ("silent-ping", "server-ping-ignored", "m2/pings-and-answers-pings"),
    (
        "no-wake",
        "push-answers-but-never-wakes",
        "m3.3/push-wakes-the-client-and-the-mailbox-drains",
    ),
    ("shown-twice", "duplicate-id-shown-twice", "m3.3/redelivered-message-is-shown-once"),
    (
        "clear-text",
        "clear-body-shown-as-encrypted",
        "m3.3/clear-text-is-not-shown[content=clear-body]",
    ),
    ("unread-receipt", "delivered-before-decrypt", "m3.3/undecryptable-message-asks-for-a-retry"),
    ("unpadded", "padding-absent", "m3.2/first-text-decrypts-at-an-independent-peer"),
    ("no-fetch", "voice-not-shown", "m4.1/file-in-is-fetched-checked-and-shown[kind=voice]"),
    ("wrong-intro", "intro-header-left-out", "m2/pings-and-answers-pings"),
    ("no-prekeys", "prekeys-never-uploaded", "m3.1/publishes-keys-before-it-can-receive"),
];

#[test]
fn each_kind_of_failure_is_told_so_that_an_engineer_can_act() {
    std::thread::scope(|scope| {
        let runs: Vec<_> = KINDS
            .iter()
            .map(|(kind, quirk, case)| {
                let iut = format!("reference:third-party?quirk={quirk}");
                scope.spawn(move || (kind, case, run(kind, &["--iut", &iut, case])))
            })
            .collect();
        for handle in runs {
            let (kind, case, (output, report)) = handle.join().unwrap();
            assert_eq!(output.status.code(), Some(1), "{kind}");
            insta::assert_snapshot!(*kind, told(&output));
            complete(&report, case);
        }
    });
}

/// Every red finding carries the command that runs it again and names its entries.
fn complete(report: &Value, case: &str) {
    let checks = report["cases"][0]["checks"].as_array().unwrap();
    let red = checks.iter().filter(|check| check["verdict"] == "fail");
    let findings: Vec<&Value> =
        red.flat_map(|check| check["findings"].as_array().unwrap()).collect();
    assert!(!findings.is_empty(), "{case}");
    for finding in findings {
        assert!(finding["again"].as_str().unwrap().contains(case), "{finding}");
        let first = finding["evidence"][0].as_str().unwrap();
        let events = finding["volatile"]["events"].as_array().unwrap();
        let here = events.iter().find(|event| event["here"] == true).unwrap();
        assert!(first.ends_with(here["entry"].as_str().unwrap()), "{finding}");
    }
}

#[test]
fn the_command_of_a_finding_runs_the_case_again() {
    let iut = "reference:third-party?quirk=jwks-publishes-private-key";
    let (_, report) = run("again", &["--iut", iut, "m1/publishes-its-signing-keys"]);
    let failed = |check: &&Value| check["verdict"] == "fail";
    let check = report["cases"][0]["checks"].as_array().unwrap().iter().find(failed).unwrap();
    let again = check["findings"][0]["again"].as_str().unwrap();
    let program = env!("CARGO_BIN_EXE_counterpart");
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnostics-again-2");
    let command =
        format!("{} --out '{}'", again.replacen("counterpart", program, 1), out.display());
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_narrow_terminal_and_one_without_colours_are_respected() {
    let iut = "reference:third-party?quirk=server-ping-ignored";
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("diagnostics-narrow");
    let folder = out.display().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .args(["run", "--seed", "7", "--out", &folder, "--iut", iut, "m2/pings-and-answers-pings"])
        .env("COLUMNS", "60")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\u{1b}'), "no colours where nobody watches");
    let report = text.lines().filter(|line| !line.starts_with("report "));
    for line in report {
        let long_word = line.split_whitespace().any(|word| word.chars().count() > 40);
        assert!(line.chars().count() < 60 || long_word, "{line}");
    }
}
