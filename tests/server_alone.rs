//! A third party's server that is judged alone: the client is lent to it by the harness.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn run(name: &str, iut: &str, args: &[&str]) -> (Output, Value) {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("server-alone-{name}"));
    let _ = std::fs::remove_dir_all(&out);
    let folder = out.display().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .args(["run", "--seed", "7", "--out", &folder, "--iut", iut])
        .args(args)
        .output()
        .unwrap();
    let text = std::fs::read_to_string(out.join("latest/report.json")).unwrap();
    (output, serde_json::from_str(&text).unwrap())
}

/// The verdicts that each row got.
fn rows(report: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let mut rows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let cases = report["cases"].as_array().unwrap();
    for check in cases.iter().flat_map(|case| case["checks"].as_array().unwrap()) {
        let of = |name: &str| check[name].as_str().unwrap().to_owned();
        rows.entry(of("requirement")).or_default().insert(of("verdict"));
    }
    rows
}

const SERVER: &str = "third-party-server=reference:third-party";

#[test]
fn tokens_keys_and_answers_to_pushes_of_a_server_are_judged_without_its_clients() {
    let areas = ["--area", "JWT", "--area", "JWK", "--area", "PSH"];
    let (output, report) = run("sound", SERVER, &areas);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(report["outcome"], "conformant");
    let rows = rows(&report);
    let open: Vec<&str> = rows
        .iter()
        .filter(|(row, got)| {
            ["JWT-", "JWK-", "PSH-"].iter().any(|area| row.starts_with(area))
                && !got.contains("pass")
        })
        .map(|(row, _)| row.as_str())
        .collect();
    // Rows of a client, what a wake leads to, and ES256, of which the profile knows no token.
    let clients = ["JWT-002", "JWT-018", "JWT-019", "JWT-024", "PSH-007", "PSH-010", "PSH-015"];
    assert_eq!(open, clients);
    // The lent client's own doings are nobody's verdict.
    let decided = |row: &&String| rows[*row].iter().any(|verdict| verdict == "pass");
    let own = ["ENL-", "NOI-", "STZ-", "PRE-", "ENC-", "MSG-", "RCP-"];
    let of_client: Vec<&String> = rows
        .keys()
        .filter(decided)
        .filter(|row| own.iter().any(|area| row.starts_with(area)))
        .collect();
    assert_eq!(of_client, ["ENL-021"], "which binds the server that names its users");
}

#[test]
fn faults_of_a_server_are_found_without_its_clients() {
    for (quirk, scenario, row, verdict) in [
        ("jwt-made-with-hmac", "m1/tokens-keep-to-the-rules-of-their-kind", "JWT-004", "fail"),
        ("jwt-dates-as-text", "m1/tokens-keep-to-the-rules-of-their-kind", "JWT-013", "fail"),
        ("jwt-names-another-user", "m1/token-names-the-user-who-enlists", "JWT-007", "fail"),
        ("jwt-for-a-disabled-user", "m1/disabled-user-gets-no-token", "JWT-025", "fail"),
        ("jwks-swap-without-overlap", "m1/signing-key-changes-without-a-gap", "JWK-011", "warn"),
        ("jwks-cached-until-restart", "m3.3/push-keys-are-fetched-anew-*", "JWK-012", "fail"),
        ("push-is-answered-202", "m3.3/push-wakes-the-client-*", "PSH-003", "fail"),
        ("push-user-oracle", "m3.3/push-for-nobody-tells-nothing", "PSH-011", "warn"),
        ("push-overload-fails", "m3.3/burst-of-pushes-is-one-wake", "PSH-013", "warn"),
    ] {
        let (_, report) = run(quirk, &format!("{SERVER}?quirk={quirk}"), &[scenario]);
        let rows = rows(&report);
        let got = rows.get(row).unwrap_or_else(|| panic!("{quirk}: {row} has no verdict"));
        assert!(got.contains(verdict), "{quirk}: {row} {got:?}");
    }
}

/// What was asked for and not decided is no conformity.
#[test]
fn an_area_of_which_nothing_was_decided_makes_the_run_incomplete() {
    let client = "third-party-client=reference:third-party";
    let (output, report) = run("undecided", client, &["--area", "JWK", "--area", "JWT"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert_eq!(report["outcome"], "incomplete");
    let gap = "JWK-* (the subject does not play the seat third-party-server)";
    assert_eq!(report["undecided"], serde_json::json!([gap]));
    assert!(text.contains("undecided  asked for, and no row of it was decided: JWK-*"), "{text}");
}

/// The other way round: tokens and pushes are the harness's, and the driver wakes the client.
#[test]
fn a_client_without_a_server_is_woken_by_its_driver() {
    let client = "third-party-client=reference:third-party";
    let pushes = ["m3.3/push-wakes-*", "m3.3/burst-of-*", "m1/token*"];
    let (output, report) = run("woken", client, &pushes);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let of_client = rows(&report);
    for row in ["PSH-007", "PSH-010", "MSG-014"] {
        assert_eq!(of_client[row], BTreeSet::from(["pass".to_owned()]), "{row}");
    }
    for (row, got) in &of_client {
        let of_server = (row.starts_with("JWT-0") && row != "JWT-002" && row != "JWT-024")
            || ["PSH-001", "PSH-003", "PSH-013"].contains(&row.as_str());
        assert!(!of_server || !got.contains("pass"), "{row} is no row of a client: {got:?}");
    }
    let faulty = format!("{client}?quirk=mailbox-message-dropped");
    let (_, report) = run("not-drained", &faulty, &pushes[..1]);
    assert!(rows(&report)["MSG-014"].contains("fail"));
    let faulty = format!("{client}?quirk=push-repeat-not-idempotent");
    let (_, report) = run("repeated", &faulty, &pushes[1..2]);
    assert!(rows(&report)["PSH-010"].contains("warn"));
}
