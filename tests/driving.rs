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
    // And the case `run`: what was spoken is compared with what was stated.
    assert_eq!(report["cases"].as_array().unwrap().len(), 4);
    assert_eq!(case(&report, "run")["verdict"], "pass");
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

const BY_HAND: &str = "schema: 1\nname: a phone\nversion: \"1\"\nseats: [third-party-client]\n";

#[test]
fn a_person_is_needed_where_the_adapter_is_one() {
    let dir = Scratch::new("nobody-types");
    let iut = dir.file("iut.yaml", &format!("{BY_HAND}adapter: manual\n"));
    let (ran, _) = dir.run(&["--iut", &iut]);
    assert_eq!(ran.status.code(), Some(4));
    insta::assert_snapshot!("no-person", String::from_utf8(ran.stderr).unwrap());
}

#[test]
fn a_person_who_claims_what_did_not_happen_is_contradicted_by_the_wire() {
    let dir = Scratch::new("manual");
    dir.file("answers", "\n\n\n\n\n\n\n");
    let manual = format!("{BY_HAND}adapter: {{ manual: {{ answers: answers }} }}\n");
    let iut = dir.file("iut.yaml", &manual);
    let (ran, report) = dir.run(&["--iut", &iut, "m1/enlists-when-*"]);
    assert_eq!(ran.status.code(), Some(1), "{}", words(&ran));
    let report = report.unwrap();
    let red = case(&report, "m1/enlists-when-the-user-opts-in");
    assert_eq!(red["verdict"], "fail");
    let mut rows = red["checks"].as_array().unwrap().iter();
    assert!(rows.any(|row| row["requirement"] == "ROB-006" && row["verdict"] == "fail"), "{red}");
    // Nobody sees a process that could have survived.
    let mut rows = red["checks"].as_array().unwrap().iter();
    assert!(rows.all(|row| row["requirement"] != "ROB-001" && row["requirement"] != "ROB-002"));
    let asked = String::from_utf8(ran.stderr).unwrap();
    for instruction in ["> Let the third party client find", "> Set up a new user", "> As "] {
        assert!(asked.contains(instruction), "{asked}");
    }
}

/// How a process was called. For a moment after its start the system knows no arguments of it.
fn command_line(process: u32) -> String {
    const LOOKS_MAX: usize = 100_000;
    let path = format!("/proc/{process}/cmdline");
    let mut looks = (0..LOOKS_MAX).map(|_| std::fs::read(&path).unwrap());
    let known = looks.find(|bytes| !bytes.is_empty()).unwrap_or_default();
    String::from_utf8_lossy(&known).into_owned()
}

/// Waits for the end of its input where it asks for a debugger; the harness says whom to attach to.
#[test]
fn a_debugger_is_waited_for_after_each_start_and_nobody_is_hurried() {
    let dir = Scratch::new("debugger");
    let out = dir.path("out");
    let mut command = Command::new(PROGRAM);
    command.args(["run", "--seed", "7", "--out", &out, "--wait-for-debugger", SOME[0]]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut run = command.spawn().unwrap();
    let mut told = BufReader::new(run.stderr.take().unwrap()).lines();
    let asks = |line: &String| line.starts_with("the adapter is process ");
    let first = told.by_ref().map(Result::unwrap).find(asks).unwrap();
    let process = first.split(['s', ';']).find_map(|word| word.trim().parse::<u32>().ok());
    assert!(first.ends_with("then press Enter"), "{first}");
    let process = process.unwrap_or_else(|| panic!("{first}"));
    if Path::new("/proc/self").exists() {
        assert!(command_line(process).contains("reference"), "{first}");
    }
    assert!(run.try_wait().unwrap().is_none(), "it waits");
    drop(run.stdin.take());
    let rest: Vec<String> = told.map(Result::unwrap).collect();
    assert_eq!(run.wait().unwrap().code(), Some(0), "{rest:?}");
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

/// A shell's way to say what a program in another language does.
fn program(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_death_on_a_shared_instance_is_charged_to_the_case_that_dies_alone_too() {
    let dir = Scratch::new("death");
    let iut = dir.file(
        "iut.yaml",
        &format!(
            "schema: 1\nname: frail\nversion: \"1\"\nseats: [third-party-client, third-party-server]\n\
             adapter:\n  spawn: {{ command: [{PROGRAM}, reference, third-party, --quirk, \
             dies-on-unknown-stanza], instances: shared }}\n"
        ),
    );
    dir.file("scenarios/mine/odd.yaml", ODD);
    let mine = dir.path("scenarios");
    let args = ["--iut", &iut, "--scenarios", &mine, "mine/odd", "m2/pings-*", "m3.3/text-in-*"];
    let (ran, report) = dir.run(&args);
    let report = report.unwrap_or_else(|| panic!("{}", words(&ran)));
    let odd = case(&report, "mine/odd");
    assert_eq!((&odd["verdict"], &odd["isolated"]), (&"fail".into(), &true.into()), "{odd}");
    let rows = odd["checks"].as_array().unwrap();
    let survives = rows.iter().find(|row| row["requirement"] == "ROB-001").unwrap();
    assert_eq!((&survives["verdict"], &survives["id"]), (&"fail".into(), &"process".into()));
    for innocent in ["m2/pings-and-answers-pings", "m3.3/text-in-is-shown-acked-and-receipted"] {
        assert_eq!(case(&report, innocent)["verdict"], "pass", "{}", words(&ran));
    }
    // Only the death that happened again counts: the run as a whole has no other.
    let whole = case(&report, "run")["checks"].as_array().unwrap().clone();
    assert!(whole.iter().all(|row| row["verdict"] == "pass"), "{whole:?}");
    let log = format!("{}/latest/events.jsonl", dir.path("out"));
    let judged = program(&["judge", &log]);
    assert!(words(&judged).contains("all as in"), "{}", words(&judged));
}

#[test]
fn the_adapters_log_lies_beside_each_red_case() {
    let dir = Scratch::new("logs");
    let script = dir.file(
        "run.sh",
        &format!(
            "echo 'up and well' >&2\n\
             exec {PROGRAM} reference third-party --quirk messages-never-acked\n"
        ),
    );
    let iut = dir.file(
        "iut.yaml",
        &format!(
            "schema: 1\nname: chatty\nversion: \"1\"\nseats: [third-party-client, third-party-server]\n\
             adapter: {{ spawn: {{ command: [sh, {script}], instances: per-case }} }}\n"
        ),
    );
    let (ran, report) = dir.run(&["--iut", &iut, "m3.3/text-in-*", "m2/pings-*"]);
    let report = report.unwrap_or_else(|| panic!("{}", words(&ran)));
    let red = case(&report, "m3.3/text-in-is-shown-acked-and-receipted");
    let log = red["log"].as_str().unwrap();
    assert_eq!(log, "logs/m3.3_text-in-is-shown-acked-and-receipted.log");
    assert!(words(&ran).contains(log), "{}", words(&ran));
    let text = std::fs::read_to_string(format!("{}/latest/{log}", dir.path("out"))).unwrap();
    assert!(text.starts_with("up and well\n"), "{text}");
    assert_eq!(ran.status.code(), Some(1));
}

#[test]
fn a_machine_that_is_fit_is_told_so_and_an_adapter_that_is_not_there_is_named() {
    let dir = Scratch::new("doctor");
    let out = dir.path("reports");
    let well = program(&["doctor", "--iut", "reference:third-party", "--out", &out]);
    assert_eq!(well.status.code(), Some(0), "{}", words(&well));
    assert!(words(&well).contains("reference:third-party"), "{}", words(&well));
    let iut = dir.file(
        "iut.yaml",
        "schema: 1\nname: a\nversion: \"1\"\nseats: [third-party-client]\n\
         adapter: { spawn: { command: [no-such-adapter] } }\n",
    );
    let ill = program(&["doctor", "--iut", &iut, "--out", &out]);
    assert_eq!(ill.status.code(), Some(1));
    assert!(words(&ill).contains("no-such-adapter is not in PATH"), "{}", words(&ill));
}

/// Writes the template of a language into a folder of its own and checks its driver.
fn template(lang: &str, adapt: impl Fn(String) -> String) -> Output {
    let dir = Scratch::new(&format!("template-{lang}"));
    let folder = dir.path("adapter");
    let wrote = program(&["init", "adapter", "--lang", lang, &folder]);
    assert_eq!(wrote.status.code(), Some(0), "{}", words(&wrote));
    let again = program(&["init", "adapter", "--lang", lang, &folder]);
    assert_eq!(again.status.code(), Some(2), "what exists is left as it is");
    let iut = dir.path("adapter/iut.yaml");
    let text = std::fs::read_to_string(&iut).unwrap();
    std::fs::write(&iut, adapt(text)).unwrap();
    program(&["driver-check", "--iut", &iut])
}

/// The template of a language as a server: the seat is written where the template says.
fn as_server(lang: &str, program_file: &str) -> Output {
    let dir = Scratch::new(&format!("server-template-{lang}"));
    let folder = dir.path("adapter");
    program(&["init", "adapter", "--lang", lang, &folder]);
    let (client, server) = ("third-party-client", "third-party-server");
    for file in [program_file, "iut.yaml"] {
        let path = dir.path(&format!("adapter/{file}"));
        let text = std::fs::read_to_string(&path).unwrap();
        let seat = text.replacen(client, server, 1).replace("127.0.0.1:8080", "127.0.0.1:9");
        std::fs::write(&path, seat).unwrap();
    }
    program(&["driver-check", "--iut", &dir.path("adapter/iut.yaml")])
}

#[test]
fn the_templates_are_servers_too_once_they_say_so() {
    for (tool, lang, file) in [("python3", "python", "adapter.py"), ("node", "node", "adapter.mjs")]
    {
        if !is_there(tool) {
            continue;
        }
        let checked = as_server(lang, file);
        let told = words(&checked);
        let row = |name: &str| told.lines().find(|line| line.contains(name)).unwrap_or_default();
        assert!(row(" token ").starts_with("  open "), "{told}");
        assert!(row("upload_media").contains("not there, as declared"), "{told}");
        // Its server is yet to be written: nobody listens there, and that is all that is wrong.
        assert!(row("reach key set").starts_with("  BAD "), "{told}");
        assert!(told.contains(", 1 wrong"), "{told}");
    }
}

fn is_there(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok();
    if !there {
        eprintln!("skipped: there is no {tool}");
    }
    there
}

#[test]
fn the_template_in_python_answers_the_driver_check_at_once() {
    if !is_there("python3") {
        return;
    }
    let checked = template("python", |text| text);
    assert_eq!(checked.status.code(), Some(0), "{}", words(&checked));
    insta::assert_snapshot!("driver-check", String::from_utf8(checked.stdout).unwrap());
}

#[test]
fn the_template_for_node_answers_the_driver_check_at_once() {
    if !is_there("node") {
        return;
    }
    let checked = template("node", |text| text);
    assert_eq!(checked.status.code(), Some(0), "{}", words(&checked));
}

/// Cargo builds the template as an example of this crate.
#[test]
fn the_template_in_rust_answers_the_driver_check_at_once() {
    let example = Path::new(PROGRAM).with_file_name("examples").join("adapter-template");
    if !example.is_file() {
        eprintln!("skipped: only a plain `cargo test` builds examples");
        return;
    }
    let command = example.display().to_string();
    let checked = template("rust", |text| text.replace("cargo, run, --quiet", &command));
    assert_eq!(checked.status.code(), Some(0), "{}", words(&checked));
}

#[test]
fn the_reference_has_every_operation_that_it_owes() {
    let checked = program(&["driver-check", "--iut", "reference:third-party"]);
    let table = String::from_utf8(checked.stdout.clone()).unwrap();
    assert_eq!(checked.status.code(), Some(0), "{table}");
    assert!(table.contains(", 0 wrong"), "{table}");
    for media in ["send_media", "upload_media"] {
        let row = table.lines().find(|line| line.contains(media)).expect("it is tried");
        assert!(row.contains("answers: ") || row.contains("done: {"), "{row}");
    }
}

/// Runs `driver-check` on a client in a shell script that answers by the arms of a `case`, and ends
/// with `exit` when it is told to stop.
fn checked(name: &str, arms: &str, exit: u8) -> Output {
    let dir = Scratch::new(name);
    let iut = scripted(&dir, "third-party-client", arms, exit);
    program(&["driver-check", "--iut", &iut])
}

/// The IUT file of a shell script that answers by the arms of a `case`.
fn scripted(dir: &Scratch, seat: &str, arms: &str, exit: u8) -> String {
    let script = format!(
        r#"
while read -r line; do
  id=$(printf '%s' "$line" | sed 's/"id":\([0-9]*\).*/\1/; s/.*,//')
  case "$line" in
{arms}
    *) answer='"error":{{"code":-32601,"message":"method not found"}}' ;;
  esac
  printf '{{"jsonrpc":"2.0","id":%s,%s}}\n' "$id" "$answer"
  case "$line" in *'"method":"stop"'*) exit {exit} ;; esac
done
"#
    );
    dir.file("adapter.sh", &script);
    let file = format!(
        "schema: 1\nname: odd\nversion: \"1\"\nseats: [{seat}]\n\
         adapter: {{ spawn: {{ command: [sh, adapter.sh] }} }}\n"
    );
    dir.file("iut.yaml", &file)
}

/// What a server says of itself, and an answer to `configure`.
fn server(dir: &Scratch, configured: &str, more: &str) -> String {
    let hello = r#""driver":"1","iut":{"name":"odd","version":"1"},"seats":["third-party-server"]"#;
    let hooks = r#""capabilities":{"tls":false,"rotate_keys":true}"#;
    let arms = format!(
        r#"
    *'"method":"hello"'*) answer='"result":{{{hello},{hooks}}}' ;;
    *'"method":"configure"'*) answer='{configured}' ;;{more}
    *'"method":"account"'*|*'"method":"health"'*|*'"method":"stop"'*) answer='"result":{{}}' ;;"#
    );
    scripted(dir, "third-party-server", &arms, 0)
}

/// An address at which nobody listens.
const DEAD: &str = r#""result":{"offers":{"base_url":"http://127.0.0.1:9"}}"#;

#[test]
fn a_server_is_asked_for_what_a_server_has_and_looked_for_where_it_offers_to_be() {
    let dir = Scratch::new("check-server");
    let more = r#"
    *'"method":"token"'*'"user":"probe-1"'*) answer='"result":{"jwt":"a.b.c"}' ;;
    *'"method":"upload_media"'*)
      path=$(printf '%s' "$line" | sed 's/.*"path":"\([^"]*\)".*/\1/')
      if [ -s "$path" ]; then answer='"result":{"reference":"r1"}'
      else answer='"error":{"code":1,"message":"no such file"}'; fi ;;
    *'"method":"rotate_keys"'*'"phase":"begin"'*)
      answer='"error":{"code":1,"message":"later","data":{"class":"unavailable"}}' ;;"#;
    let iut = server(&dir, DEAD, more);
    let checked = program(&["driver-check", "--iut", &iut]);
    assert_eq!(checked.status.code(), Some(1), "{}", words(&checked));
    insta::assert_snapshot!("driver-check-server", String::from_utf8(checked.stdout).unwrap());
}

#[test]
fn where_there_is_no_driver_only_the_address_is_looked_at() {
    let dir = Scratch::new("check-none");
    let none = |address: &str| {
        let text = format!(
            "schema: 1\nname: mute\nversion: \"1\"\nseats: [third-party-server]\n\
             adapter: none\nserver: {{ base_url: \"{address}\" }}\n"
        );
        program(&["driver-check", "--iut", &dir.file("iut.yaml", &text)])
    };
    let there = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", there.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in there.incoming() {
            let mut stream = stream.unwrap();
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let page = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
            let _ = std::io::Write::write_all(&mut stream, page.as_bytes());
        }
    });
    let checked = none(&address);
    assert_eq!(checked.status.code(), Some(0), "{}", words(&checked));
    let told = words(&checked);
    assert!(told.contains("there is none") && told.contains(": 200"), "{told}");
    assert!(!told.contains("BAD") && !told.contains("The driver is sound"), "{told}");
    let dead = none("http://127.0.0.1:9");
    assert_eq!(dead.status.code(), Some(1), "{}", words(&dead));
    assert!(words(&dead).contains("BAD   reach key set"), "{}", words(&dead));
}

#[test]
fn a_refused_configuration_is_the_reason_and_nothing_was_executed() {
    let dir = Scratch::new("refused-configuration");
    let refused = r#""error":{"code":1,"message":"listen EADDRINUSE"}"#;
    let iut = server(&dir, refused, "");
    let (ran, report) = dir.run(&["--iut", &iut, "--area", "JWK"]);
    assert_eq!(ran.status.code(), Some(4), "{}", words(&ran));
    let report = report.unwrap();
    assert_eq!(report["outcome"], "invalid");
    let case = case(&report, "m1/publishes-its-signing-keys");
    assert_eq!(case["verdict"], "not_testable");
    let why = "error 1: listen EADDRINUSE";
    assert_eq!(case["checks"][0]["not_decided"]["not_configured"], why);
    assert!(words(&ran).contains("`configure` was refused"), "{}", words(&ran));
}

#[test]
fn an_answer_to_configure_of_a_wrong_shape_is_a_driver_error() {
    let dir = Scratch::new("misshapen-configuration");
    let offers = r#""base_url":"http://127.0.0.1:9","upload":{"url":"http://127.0.0.1:9/u"}"#;
    let iut = server(&dir, &format!(r#""result":{{"offers":{{{offers}}}}}"#), "");
    // One with an upload, one with a client to be lent, one that asks the server alone.
    let ids = [
        "m4.1/files-are-stored-for-users-alone",
        "m3.3/push-keys-with-unknown-members-are-read",
        "m1/publishes-its-signing-keys",
    ];
    let (ran, report) = dir.run(&[&["--iut", &iut], &ids[..]].concat());
    assert_eq!(ran.status.code(), Some(4), "{}", words(&ran));
    let report = report.unwrap();
    for id in ids {
        let case = case(&report, id);
        assert_eq!(case["verdict"], "driver_error", "{case}");
        assert!(case.to_string().contains("`offers.upload.credentials` is missing"), "{case}");
    }
    let log = format!("{}/latest/events.jsonl", dir.path("out"));
    let judged = program(&["judge", &log]);
    assert!(words(&judged).contains("all as in"), "{}", words(&judged));
}

#[test]
fn a_driver_with_faults_is_told_each_of_them() {
    let arms = r#"
    *'"method":"hello"'*) answer='"result":{"driver":"1","iut":{"name":"odd","version":"1"},"seats":["third-party-client"],"capabilities":{"fingerprint":true}}' ;;
    *'"method":"configure"'*|*'"method":"account"'*|*'"method":"health"'*) answer='"result":{}' ;;
    *'"method":"enlist"'*) answer='"result":{"login":7}' ;;
    *'"method":"connect"'*) answer='"result":{}'; echo 'connecting' ;;
    *'"method":"logs"'*) answer='"result":{"lines":[]}' ;;
    *'"method":"stop"'*) answer='"result":{}' ;;"#;
    let checked = checked("faulty-driver", arms, 3);
    assert_eq!(checked.status.code(), Some(1), "{}", words(&checked));
    insta::assert_snapshot!("driver-check-faults", String::from_utf8(checked.stdout).unwrap());
}

#[test]
fn the_self_check_hands_a_client_without_a_server_its_tokens() {
    let arms = r#"
    *'"method":"hello"'*) answer='"result":{"driver":"1","iut":{"name":"tokens","version":"1"},"seats":["third-party-client"],"capabilities":{}}' ;;
    *'"method":"enlist"'*'"token":"ey'*) answer='"result":{"login":"1-2@interop"}' ;;
    *'"method":"connect"'*'"token":"ey'*|*'"method":"configure"'*|*'"method":"account"'*) answer='"result":{}' ;;
    *'"method":"health"'*|*'"method":"stop"'*) answer='"result":{}' ;;"#;
    let told = String::from_utf8(checked("check-token", arms, 0).stdout).unwrap();
    for operation in ["enlist", "connect"] {
        let row = told.lines().find(|line| line.contains(&format!(" {operation} ")));
        assert!(row.is_some_and(|row| row.starts_with("  ok ")), "{told}");
    }
}

#[test]
fn the_next_instance_takes_over_where_the_users_of_one_are_used_up() {
    let dir = Scratch::new("max-accounts");
    let starts = dir.path("starts");
    let script = format!("echo start >> '{starts}'; exec {PROGRAM} reference third-party");
    let file = |max: u32| {
        format!(
            "schema: 1\nname: few users\nversion: \"1\"\n\
             seats: [third-party-client, third-party-server]\n\
             adapter:\n  spawn: {{ command: [sh, -c, \"{script}\"], max_accounts: {max} }}\n"
        )
    };
    let shared = ["m1/identifier-of-*", "m3.3/texts-arrive-*", "m3.3/text-in-*"];
    let started = |max: u32| {
        let _ = std::fs::remove_file(&starts);
        let iut = dir.file("iut.yaml", &file(max));
        let args = [&["--iut", &iut, "--jobs", "1"], &shared[..]].concat();
        let (ran, report) = dir.run(&args);
        let report = report.unwrap_or_else(|| panic!("{}", words(&ran)));
        assert_eq!(report["outcome"], "conformant", "{}", words(&ran));
        let cases = report["cases"].as_array().unwrap();
        let users = cases.iter().filter(|case| case["id"] != "run").count();
        (std::fs::read_to_string(&starts).unwrap().lines().count(), users)
    };
    // One start is the first greeting's.
    let (many, cases) = started(64);
    assert_eq!(many, 2, "all share one instance");
    let (few, _) = started(1);
    assert_eq!(few, 1 + cases, "each case has one user, and each user an instance");
}

#[test]
fn a_program_that_keeps_its_state_in_its_folder_is_killed_from_outside() {
    let scratch = Scratch::new("killed");
    let file = |name: &str, ics: &str| {
        scratch.file(
            name,
            &format!(
                "schema: 1\nname: acme\nversion: \"1\"\n\
                 seats: [third-party-client, third-party-server]\n\
                 adapter:\n  spawn: {{ command: [{PROGRAM}, reference, third-party] }}\n{ics}"
            ),
        )
    };
    // What the harness did, or was told, instead.
    let ends = |iut: &str| {
        let id = "m3.3/restart-keeps-sessions-and-reuses-no-key[how=kill]";
        let (output, _) = scratch.run(&["--iut", iut, id]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        let events = std::fs::read_to_string(scratch.path("out/latest/events.jsonl")).unwrap();
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let answers = events
            .map(|entry| entry["event"].clone())
            .filter(|event| event["type"] == "answered" && event["operation"] == "kill");
        answers.map(|event| event["outcome"]["Ok"].to_string()).collect::<Vec<_>>()
    };
    let killed = r#"{"process":"signal 9 (SIGKILL); another one was started"}"#;
    assert_eq!(ends(&file("durable.yaml", "")), [killed]);
    assert_eq!(ends(&file("asked.yaml", "ics: { state_dir: false }\n")), ["{}"]);
}

#[test]
fn what_users_wrote_is_found_in_a_folder_of_logs_that_is_handed_over() {
    let scratch = Scratch::new("log-folder");
    let verdict = |quirk: &str, name: &str| {
        scratch.file(&format!("{name}/logs/today.log"), "");
        let log = scratch.path(&format!("{name}/logs/today.log"));
        // Standard error goes into the folder, as a client's log does.
        let script = format!("exec {PROGRAM} reference third-party {quirk} 2>>{log}");
        let file = scratch.file(
            &format!("{name}/iut.yaml"),
            &format!(
                "schema: 1\nname: acme\nversion: \"1\"\n\
                 seats: [third-party-client, third-party-server]\n\
                 adapter: {{ spawn: {{ command: [sh, -c, \"{script}\"] }} }}\nlogs: [logs]\n"
            ),
        );
        let id = "guarantees/texts-are-seen-nowhere-but-at-their-ends";
        let (output, report) = scratch.run(&["--iut", &file, id]);
        let report = report.unwrap_or_else(|| panic!("{}", words(&output)));
        let checks = case(&report, id)["checks"].as_array().unwrap().clone();
        let row = checks.iter().find(|check| check["requirement"] == "PRV-008").cloned();
        row.map(|row| (row["verdict"].clone(), row["findings"][0]["actual"].to_string()))
    };
    let (leaks, what) = verdict("--quirk text-in-the-log-as-a-dump", "leaky").unwrap();
    assert_eq!(leaks, "fail");
    assert!(what.contains("the log today.log"), "{what}");
    // A sound one writes nothing, so that nothing was searched.
    assert_eq!(verdict("", "sound"), None);
}
