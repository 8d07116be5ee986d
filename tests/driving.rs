//! Every way of driving an implementation: attached, shared, one after another, dead.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_counterpart");

/// A folder of a test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("driving").join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::create_dir_all(self.0.join(name).parent().unwrap()).unwrap();
        std::fs::write(self.0.join(name), text).unwrap();
        self.path(name)
    }

    /// Runs with seed 7 and output in the folder; the report is there unless the run broke off.
    fn run(&self, args: &[&str]) -> (Output, Option<Value>) {
        let out = self.path("out");
        let mut command = Command::new(PROGRAM);
        command.args(["run", "--seed", "7", "--out", &out]).args(args).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = std::fs::read_to_string(format!("{out}/latest/report.json")).ok();
        (output, text.map(|text| serde_json::from_str(&text).unwrap()))
    }
}

/// The reference as an adapter that runs by itself; it ends with the test.
struct Listening {
    process: Child,
    address: String,
}

impl Listening {
    fn on(address: &str, more: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args(["reference", "third-party", "--listen", address]).args(more);
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { process, address }
    }

    fn lives(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn words(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn case<'a>(report: &'a Value, id: &str) -> &'a Value {
    let mut cases = report["cases"].as_array().unwrap().iter();
    cases.find(|case| case["id"] == id).unwrap_or_else(|| panic!("no case {id}"))
}

const CHAIN: &str = "m2/unproven-server-gets-no-login[fault=foreign-root]";
const SOME: &[&str] = &["m2/pings-and-answers-pings", "m3.3/text-in-*", CHAIN];

#[test]
fn an_adapter_that_runs_already_is_attached_to_and_left_alone() {
    let dir = Scratch::new("tcp");
    let mut adapter = Listening::on("tcp:127.0.0.1:0", &[]);
    let (ran, report) = dir.run(&[&["--attach", &adapter.address], SOME].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", words(&ran));
    let report = report.unwrap();
    assert_eq!(report["cases"].as_array().unwrap().len(), 3);
    assert_eq!(report["iut"]["foreign"], true);
    assert!(adapter.lives(), "the harness did not start it and must not stop it");
    let (again, _) = dir.run(&["--attach", &adapter.address, SOME[0]]);
    assert_eq!(again.status.code(), Some(0), "{}", words(&again));
}

#[test]
fn an_adapter_with_one_connection_serves_one_case_after_another() {
    let dir = Scratch::new("unix");
    // A socket's path is short by nature.
    let socket = std::env::temp_dir().join(format!("cp-{}", std::process::id()));
    let address = format!("unix:{}", socket.display());
    let _adapter = Listening::on(&address, &["--connections", "1"]);
    let iut = dir.file(
        "iut.yaml",
        &format!(
            "schema: 1\nname: one\nversion: \"1\"\nseats: [third-party-client, third-party-server]\n\
             adapter: {{ attach: {{ unix: \"{}\" }} }}\ntimeouts_ms: {{ start: 1000 }}\n",
            socket.display()
        ),
    );
    let mine = dir.path("scenarios");
    dir.file("scenarios/mine/alone.yaml", &ODD.replace("tags: []", "tags: [hostile]"));
    let args = ["--iut", &iut, "--scenarios", &mine, "mine/alone"];
    let (ran, report) = dir.run(&[&args, SOME].concat());
    let report = report.unwrap_or_else(|| panic!("{}", words(&ran)));
    assert_eq!(case(&report, CHAIN)["verdict"], "pass", "{}", words(&ran));
    // What needs a process of its own is out of reach there.
    let alone = case(&report, "mine/alone");
    assert_eq!(alone["verdict"], "not_testable");
    let why = alone["checks"][0]["not_decided"]["ruled_out"].as_str().unwrap();
    assert!(why.starts_with("instance: "), "{why}");
    assert_eq!(ran.status.code(), Some(0), "{}", words(&ran));
    let _ = std::fs::remove_file(socket);
}

#[test]
fn where_no_adapter_listens_the_user_is_told() {
    let dir = Scratch::new("nobody");
    let (ran, _) = dir.run(&["--attach", "unix:/nowhere/adapter.sock"]);
    assert_eq!(ran.status.code(), Some(4));
    insta::assert_snapshot!("nobody-listens", String::from_utf8(ran.stderr).unwrap());
    let (ran, _) = dir.run(&["--attach", "localhost"]);
    assert_eq!(ran.status.code(), Some(2));
    insta::assert_snapshot!("no-address", String::from_utf8(ran.stderr).unwrap());
}

/// Starts once, to say hello, and never again.
const DYING: &str = r#"
if [ -e started ]; then echo 'no licence is left' >&2; exit 3; fi
touch started
read -r line
echo '{"jsonrpc":"2.0","id":1,"result":{"driver":"1","iut":{"name":"odd","version":"1"},"seats":["third-party-client"],"capabilities":{}}}'
read -r line
echo '{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"method not found"}}'
read -r line
"#;

#[test]
fn three_dead_starts_in_a_row_end_the_run() {
    let dir = Scratch::new("breaker");
    dir.file("adapter.sh", DYING);
    let iut = dir.file(
        "iut.yaml",
        "schema: 1\nname: odd\nversion: \"1\"\nseats: [third-party-client]\n\
         adapter: { spawn: { command: [sh, adapter.sh] } }\n",
    );
    let (ran, report) = dir.run(&["--iut", &iut, "--jobs", "1"]);
    assert_eq!(ran.status.code(), Some(4), "{}", words(&ran));
    assert!(report.is_none());
    let told = String::from_utf8(ran.stderr).unwrap();
    let error = told.find("error: ").unwrap();
    insta::assert_snapshot!("dead-starts", &told[error..]);
}

#[test]
fn a_server_without_a_driver_is_tested_as_far_as_the_wire_shows_it() {
    let dir = Scratch::new("none");
    let iut = dir.file(
        "iut.yaml",
        "schema: 1\nname: mute\nversion: \"1\"\nseats: [third-party-server]\n\
         adapter: none\nserver: { base_url: \"http://127.0.0.1:9\" }\n",
    );
    let args = ["--iut", &iut, "m1/publishes-its-signing-keys", "m2/pings-and-answers-pings"];
    let (ran, report) = dir.run(&args);
    let report = report.unwrap_or_else(|| panic!("{}", words(&ran)));
    // Nobody listens on the discard port: the key set is not there, and that is seen.
    assert_eq!(case(&report, "m1/publishes-its-signing-keys")["verdict"], "fail");
    assert_eq!(case(&report, "m2/pings-and-answers-pings")["verdict"], "not_testable");
    assert_eq!(ran.status.code(), Some(1), "{}", words(&ran));
}

/// A stanza that no client knows, and a ping that one should still answer.
const ODD: &str = "\
schema: 1
title: An unknown stanza is ignored
why: Because servers learn new ones.
milestone: M2
covers: [TRN-014]
proves: [server-ping-ignored]
tags: []
actors:
  alice: { plays: third-party-client, iut: true }
steps:
  - act: { on: alice, do: enlist }
  - act: { on: alice, do: connect }
  - send: { from: meta, to: alice, stanza: '<odd id=\"o1\"/>', as: o1 }
  - send: { from: meta, to: alice, stanza: '<iq id=\"p1\" type=\"get\" xmlns=\"urn:xmpp:ping\"/>', as: p1 }
  - expect: { at: meta, stanza: '<iq id=\"${p1.id}\" type=\"result\"/>', checks: [TRN-014] }
must_observe: [p1.sent]
";
