//! The kill matrix for the first six faults and both controls; `counterpart quirks` runs them all.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const QUIRKS: &[(&str, &str)] = &[
    ("noise-cert-signatures-not-checked", "NOI-006"),
    ("signature-checked-only-if-present", "PRE-005"),
    ("authkey-differs-from-noise-key", "NOI-005"),
    ("plaintext-fallback-on-failure", "ENC-001"),
    ("kdf-info-has-local-registration-id", "ENC-003"),
    ("messages-never-acked", "STZ-019"),
];

#[test]
fn each_fault_is_found_for_its_requirement_and_the_controls_pass_nothing() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quirks");
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    command.args(["quirks", "--json", "--out"]).arg(&out);
    command.args(QUIRKS.iter().map(|(id, _)| id)).args(["dead", "echo"]);
    let output = command.output().unwrap();
    let matrix: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = matrix["quirks"].as_array().unwrap();
    assert_eq!(lines.len(), QUIRKS.len());
    for (id, requirement) in QUIRKS {
        let line = lines.iter().find(|line| line["id"] == *id).unwrap();
        assert_eq!(line["status"], "killed", "{line}");
        assert_eq!(line["requirement"], *requirement);
        let pair = if id.starts_with("kdf-") { Value::from("killed") } else { Value::Null };
        assert_eq!(line["self_pair"], pair, "{line}");
    }
    let controls = matrix["controls"].as_array().unwrap();
    for control in controls {
        assert_eq!(control["passed_checks"], Value::Array(vec![]), "{control}");
        assert_eq!(control["sound"], true, "{control}");
    }
    assert_eq!(controls.len(), 2);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn who_takes_everything_and_who_refuses_everything_are_told_from_a_sound_one() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("extremes");
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    command.args(["quirks", "--json", "--out"]).arg(&out);
    // Chains, signatures and pushes; all scenarios are tried in continuous integration.
    let rows = ["NOI-006", "PRE-004", "PSH-004"];
    command.args(rows.iter().flat_map(|row| ["--requirement", row]));
    let output = command.args(["accept-all", "reject-all"]).output().unwrap();
    let matrix: Value = serde_json::from_slice(&output.stdout).unwrap();
    for control in matrix["controls"].as_array().unwrap() {
        assert_eq!(control["sound"], true, "{control}");
        assert!(control["failed"].as_u64().unwrap() > 0, "{control}");
    }
    assert_eq!(output.status.code(), Some(0));
}
