//! Which handshakes a run really makes, under profiles that list other patterns or another dialect.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Runs one scenario of M2 under a profile and returns the patterns that came to their end, in order.
fn finished(profile: &str, out: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(out);
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterpart"));
    command.args(["run", "--seed", "7", "--out"]).arg(&out);
    command.arg("--profile").arg(match profile {
        "whatsapp-1.0.3" => PathBuf::from(profile),
        overlay => root.join("fixtures/profiles").join(overlay),
    });
    let output = command.arg("m2/reconnects-and-meets-a-new-server-key").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let log = std::fs::read_to_string(out.join("latest/events.jsonl")).unwrap();
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let settled = events.filter_map(|entry| {
        let event = entry.get("event")?.clone();
        (event["type"] == "settled" && event["end"] == "finished").then_some(event)
    });
    settled.map(|event| event["pattern"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn where_xx_alone_is_listed_every_handshake_is_xx() {
    assert_eq!(finished("whatsapp-1.0.3", "patterns-xx"), ["XX", "XX", "XX"]);
}

#[test]
fn where_all_are_listed_a_client_resumes_and_falls_back_from_a_stale_key() {
    assert_eq!(finished("resumption.yaml", "patterns-all"), ["XX", "IK", "XXfallback"]);
}

#[test]
fn the_standard_dialect_is_spoken_where_the_profile_says_so() {
    assert_eq!(finished("standard-dialect.yaml", "patterns-standard"), ["XX", "IK", "XXfallback"]);
}
