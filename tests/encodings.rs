//! Every case of the encoding matrix really sends something else than the canonical one, and says
//! that it meant the same.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_encoding_is_exercised_and_means_the_same() {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("encodings");
    let scenarios =
        ["m2/every-encoding-of-a-ping-is-answered", "m3.3/one-meaning-in-every-encoding"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    command.arg("run").args(scenarios).args(["--seed", "7", "--out"]).arg(&out);
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    let report = std::fs::read(out.join("latest/report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let cases = report["cases"].as_array().unwrap();
    // The run as a whole is a case too.
    let cases: Vec<&Value> = cases.iter().filter(|case| case["id"] != "run").collect();
    assert!(cases.len() > 15, "{}", cases.len());
    for case in cases {
        let checks = case["checks"].as_array().unwrap();
        let row = checks.iter().find(|check| check["requirement"] == "ROB-007");
        let canonical = case["id"].as_str().unwrap().ends_with("[encoding=canonical]");
        assert_eq!(row.map(|row| &row["verdict"]), (!canonical).then_some(&"pass".into()));
    }
}
