//! The verbs around a run, as a user meets them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn counterpart(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .args(args)
        .env("COLUMNS", "80")
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn good(args: &[&str]) -> String {
    let output = counterpart(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}{}", out(&output), err(&output));
    let text = out(&output);
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() >= 80).collect();
    // A path or an id that is longer than a line is not broken.
    let broken = |line: &&&str| line.split_whitespace().all(|word| word.chars().count() < 50);
    let json = args.iter().any(|arg| *arg == "json" || *arg == "--json" || *arg == "junit");
    assert!(json || wide.iter().filter(broken).count() == 0, "{args:?}: {wide:#?}");
    text
}

/// A usage error: exit code 2, nothing on standard output.
fn refused(args: &[&str]) -> String {
    let output = counterpart(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}{}", out(&output), err(&output));
    assert_eq!(out(&output), "", "{args:?}");
    err(&output)
}

/// A sentence in one line: where it was broken depends on how long a path in it is.
fn unbroken(said: &str) -> String {
    said.replace("\n  ", " ")
}

fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tools-{name}"));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn lists_name_what_there_is() {
    // What is likely to grow is not golden.
    let m2 = good(&["list", "scenarios", "--milestone", "M2"]);
    assert!(m2.contains("m2/pings-and-answers-pings\n    Pings go both ways"), "{m2}");
    assert!(!m2.contains("m1/"), "{m2}");
    let cases = good(&["list", "cases", "m2/unproven*"]);
    assert!(cases.starts_with("m2/unproven-server-gets-no-login[fault="), "{cases}");
    let rows = good(&["list", "requirements", "--area", "PSH"]);
    assert!(rows.starts_with("PSH-001  MUST    Partner exposes"), "{rows}");
    assert!(rows.lines().all(|line| line.starts_with("PSH-") || line.starts_with("  ")), "{rows}");
    let quirks = good(&["list", "quirks", "--requirement", "PSH-007"]);
    assert!(quirks.contains("push-answers-but-never-wakes") && !quirks.contains("echo"));
    let capabilities = good(&["list", "capabilities"]);
    assert!(capabilities.contains("hook  dies at once"), "{capabilities}");
    insta::assert_snapshot!("list-formats", good(&["list", "formats"]));
    for what in ["profiles", "milestones", "quirks", "requirements", "scenarios", "cases"] {
        let json: Value = serde_json::from_str(&good(&["list", what, "--format", "json"])).unwrap();
        let items = json.as_array().unwrap();
        assert!(items.len() >= 2 && items.iter().all(|item| item["id"].is_string()), "{what}");
    }
}

#[test]
fn explanations_tell_what_is_known() {
    let row = good(&["explain", "PSH-004"]);
    for part in [
        "requirement PSH-004\n  Partner verifies the Bearer JWT",
        "\n  level     MUST: breaking it is a fail\n",
        "\n  basis     stated: Meta says so in public\n",
        "\n            TF: WhatsApp: Overview of the Technical Framework",
        "push-any-signature-accepted\n",
        "\n  note      PSH-004 is `stated`",
        "\n  Nearest in framework.md, \"Messaging (milestone 3)\":\n",
    ] {
        assert!(row.contains(part), "{part}: {row}");
    }
    insta::assert_snapshot!(
        "explain-case",
        good(&["explain", "m2/unproven-server-gets-no-login[fault=foreign-root]"])
    );
    insta::assert_snapshot!(
        "explain-scenario",
        good(&["explain", "m3.2/first-text-decrypts-at-an-independent-peer"])
    );
    insta::assert_snapshot!("explain-quirk", good(&["explain", "message-key-kept"]));
    let both = good(&["explain", "noise.patterns"]);
    assert!(both.contains("profile key noise.patterns\n") && both.contains("\ncapability noise"));
    for word in ["inconclusive", "incomplete", "assumed", "replay", "M3.2", "130", "dead", "tls"] {
        assert!(good(&["explain", word]).lines().count() >= 2, "{word}");
    }
    for id in ["NOI-006", "ENC-003", "STZ-019", "ROB-001", "GRP-001", "JWT-007"] {
        assert!(good(&["explain", id]).contains("level"), "{id}");
    }
    let told: [(&str, &[&str]); 8] = [
        ("hello", &["operation hello", "result driver: a string"]),
        ("rotate_keys", &["hook rotate_keys", "decided with it alone: JWK-010, JWK-011"]),
        ("set_account_state", &["decided with it alone: JWT-025", "PSH-011"]),
        ("media.send", &["stores them for its users (`upload_media`)"]),
        ("push", &["endpoint push"]),
        ("capabilities", &["hook: moves its clock (`advance_clock`)"]),
        ("push_token", &["key of mutate push_token", "other-type `typ` of another kind"]),
        ("dates-as-text", &["word of push_token: dates-as-text"]),
    ];
    for (word, parts) in told {
        let page = good(&["explain", word]);
        let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(parts.iter().all(|part| flat.contains(part)), "{word}: {page}");
    }
    insta::assert_snapshot!("explain-operation", good(&["explain", "token"]));
    insta::assert_snapshot!("explain-word", good(&["explain", "other-type"]));
    insta::assert_snapshot!("explain-unknown", refused(&["explain", "PSH-0004"]));
    insta::assert_snapshot!("explain-nonsense", refused(&["explain", "zzzzzzzzzzz"]));
}

#[test]
fn a_selection_that_selects_nothing_is_a_usage_error() {
    let dir = folder("selection");
    let none = text(&dir);
    let wrong: &[&[&str]] = &[
        &["m2/pings-and-answers-ping"],
        &["--milestone", "M7"],
        &["--requirement", "NOI-066"],
        &["--area", "noi"],
        &["--tag", "fast"],
        &["--milestone", "M1", "--area", "NOI"],
        &["--failed"],
    ];
    let said: Vec<String> = wrong
        .iter()
        .map(|args| {
            let all: Vec<&str> = [&["run", "--out", &none][..], args].concat();
            let said = refused(&all).replace(&none, "OUT");
            // The areas and tags that there are will be more.
            said.split("; tags:")
                .next()
                .unwrap()
                .split("; areas:")
                .next()
                .unwrap()
                .trim_end()
                .to_owned()
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn what_failed_is_selected_again() {
    let dir = folder("failed");
    let all = text(&dir);
    let iut = "reference:third-party?quirk=server-ping-ignored";
    let ran =
        counterpart(&["run", "--seed", "7", "--out", &all, "--iut", iut, "m2/pings-and*", "m1/p*"]);
    assert_eq!(ran.status.code(), Some(1));
    let chosen = good(&["list", "cases", "--failed", "--out", &all]);
    assert_eq!(chosen, "m2/pings-and-answers-pings\n");
    let ran = counterpart(&["run", "--seed", "7", "--out", &all, "--failed"]);
    assert_eq!(ran.status.code(), Some(0), "the reference is right: {}", out(&ran));
    let none = unbroken(&refused(&["run", "--out", &all, "--failed"]));
    assert!(none.contains("nothing failed"), "{none}");
}

#[test]
fn reports_of_other_formats_are_written_and_rendered_again() {
    let dir = folder("formats");
    let (all, junit) = (text(&dir), dir.join("deep/junit.xml"));
    let iut = "reference:third-party?quirk=jwks-publishes-private-key";
    let wanted = format!("junit={}", junit.display());
    let ran = counterpart(&[
        "run", "--seed", "7", "--out", &all, "--iut", iut, "--report", &wanted, "m1/p*",
    ]);
    assert_eq!(ran.status.code(), Some(1));
    let written = std::fs::read_to_string(&junit).unwrap();
    assert!(written.contains("failures=\"1\""), "{written}");
    assert!(written.contains("JWK-005"), "{written}");
    assert_eq!(good(&["report", "--out", &all, "--format", "junit"]), written);
    let shown = good(&["report", "--out", &all]);
    assert!(out(&ran).starts_with(&shown), "{shown}");
    let json = good(&["report", &text(&dir.join("latest")), "--format", "json"]);
    assert_eq!(json, std::fs::read_to_string(dir.join("latest/report.json")).unwrap());
    insta::assert_snapshot!("format-unknown", refused(&["report", "--format", "junti"]));
    let said = refused(&["run", "--report", "xml"]);
    assert!(said.contains("FORMAT=PATH"), "{said}");
}

#[test]
fn an_interrupted_run_leaves_its_reports_behind() {
    let dir = folder("interrupted");
    let (all, junit) = (text(&dir), dir.join("junit.xml"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .args(["run", "--seed", "7", "--jobs", "1", "--out", &all])
        .args(["--report", &format!("junit={}", junit.display())])
        .stderr(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut lines = std::io::BufRead::lines(stderr);
    // The first finished case.
    assert!(lines.any(|line| line.unwrap().contains("pass")));
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let report = std::fs::read_to_string(dir.join("latest/report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert!(!report["cases"].as_array().unwrap().is_empty());
    assert!(report["unfinished"].as_array().unwrap().len() > 5);
    assert_eq!(report["outcome"], "incomplete");
    assert!(std::fs::read_to_string(&junit).unwrap().contains("the run was interrupted"));
}

#[test]
fn a_baseline_takes_known_failures_out_of_the_count() {
    let dir = folder("baseline");
    let (all, file) = (text(&dir), text(&dir.join("known.yaml")));
    let iut = "reference:third-party?quirk=server-ping-ignored";
    let run = |iut: &str, more: &[&str]| {
        let base = ["run", "--seed", "7", "--out", &all, "--iut", iut, "m2/pings-and*"];
        counterpart(&[&base[..], more].concat())
    };
    assert_eq!(run(iut, &[]).status.code(), Some(1));
    let day = "2999-12-31";
    let update = ["baseline", "update", &file, "--reason", "ticket 12", "--expires", day];
    good(&[&update[..], &["--out", &all]].concat());
    let known = run(iut, &["--baseline", &file]);
    assert_eq!(known.status.code(), Some(0), "{}", out(&known));
    assert!(out(&known).contains("known failure"), "{}", out(&known));
    let judged = counterpart(&["judge", &text(&dir.join("latest/events.jsonl"))]);
    assert!(out(&judged).contains("all as in"), "{}{}", out(&judged), err(&judged));
    assert!(good(&["baseline", "check", &file, "--out", &all]).contains("1 known failure"));
    let fixed = run("reference:third-party", &["--baseline", &file]);
    assert_eq!(fixed.status.code(), Some(1), "an entry that passes fails the run");
    // Lines break where they are full.
    let said = |output: &Output| out(output).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said(&fixed).contains("does not fail any more"), "{}", out(&fixed));
    let stale = std::fs::read_to_string(&file).unwrap().replace(day, "2020-01-01");
    std::fs::write(&file, stale).unwrap();
    let expired = run(iut, &["--baseline", &file]);
    assert_eq!(expired.status.code(), Some(1));
    assert!(said(&expired).contains("has expired on 2020-01-01"), "{}", out(&expired));
}

#[test]
fn profiles_are_shown_and_checked() {
    let dir = folder("profile");
    let file = dir.join("acme.yaml");
    let overlay = "id: acme\nextends: whatsapp-1.0.3\nvalues:\n  push.path: { value: /wake, basis: \
                   stated, source: partner documentation }\n";
    std::fs::write(&file, overlay).unwrap();
    let checked = good(&["profile", "check", &text(&file)]);
    assert!(
        checked.starts_with("acme: sound\nprofile acme, extends whatsapp-1.0.3\n"),
        "{checked}"
    );
    assert!(checked.contains("value     /wake\n  before    /push, basis stated\n"), "{checked}");
    assert!(!checked.contains("\nnoise.dialect\n"), "only what is changed: {checked}");
    let whole = good(&["profile", "show"]);
    assert!(whole.contains("noise.prologue_hex") && whole.contains("caps verdicts"), "{whole}");
    assert!(good(&["profile", "show", "consumer", "--changes"]).contains("before"));
    let json: Value = serde_json::from_str(&good(&["profile", "show", "--json"])).unwrap();
    assert_eq!(json["id"], "whatsapp-1.0.3");
    std::fs::write(&file, overlay.replace("push.path", "push.pth")).unwrap();
    let said = refused(&["profile", "check", &text(&file)]).replace(&text(&dir), "DIR");
    insta::assert_snapshot!("profile-mistake", said);
    let said = unbroken(&refused(&["run", "--profile", "whatsap-1.0.3"]));
    assert!(said.contains("did you mean `whatsapp-1.0.3`?"), "{said}");
}

/// The claim that names the user is our guess, so nobody fails by it; a partner who was told by Meta
/// writes that into an overlay, and the same tokens fail.
#[test]
fn what_a_partner_was_told_lifts_the_cap_of_a_guess() {
    let dir = folder("overlay");
    let program = env!("CARGO_BIN_EXE_counterpart");
    let iut = dir.join("iut.yaml");
    let file = format!(
        "schema: 1\nname: acme\nversion: \"1\"\nseats: [third-party-client, third-party-server]\n\
         adapter:\n  spawn: {{ command: [\"{program}\", reference, third-party, --quirk, \
         jwt-names-another-user] }}\n"
    );
    std::fs::write(&iut, file).unwrap();
    let overlay = dir.join("told.yaml");
    let told = "id: told\nextends: whatsapp-1.0.3\nvalues:\n  jwt.subject_claim: { value: sub, basis: \
                stated, client_visible: true, source: partner documentation }\n";
    std::fs::write(&overlay, told).unwrap();
    let verdict = |profile: &str| {
        let all = text(&dir.join("reports"));
        let id = "m1/enlists-when-the-user-opts-in";
        let args = ["run", "--seed", "7", "--out", &all, "--iut", &text(&iut)];
        let ran = counterpart(&[&args[..], &["--profile", profile, id]].concat());
        let report = std::fs::read_to_string(dir.join("reports/latest/report.json")).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        let cases = report["cases"].as_array().unwrap();
        let checks = cases.iter().flat_map(|case| case["checks"].as_array().unwrap());
        let row = checks.filter(|check| check["requirement"] == "JWT-007");
        let worst: Vec<Value> = row.map(|check| check["verdict"].clone()).collect();
        (worst, ran.status.code(), out(&ran))
    };
    let (guessed, code, said) = verdict("whatsapp-1.0.3");
    assert_eq!((guessed, code), (vec!["inconclusive".into()], Some(3)), "{said}");
    assert!(said.contains("jwt.subject_claim"), "the report says what it rests on: {said}");
    let (known, code, said) = verdict(&text(&overlay));
    assert_eq!((known, code), (vec!["fail".into()], Some(1)), "{said}");
}

#[test]
fn another_address_is_listened_on_and_told_to_the_subject() {
    let dir = folder("bind");
    let all = text(&dir);
    let id = "m2/pings-and-answers-pings";
    let ran = counterpart(&["run", "--seed", "7", "--out", &all, "--bind", "127.0.0.2", id]);
    assert_eq!(ran.status.code(), Some(0), "{}{}", out(&ran), err(&ran));
    let log = std::fs::read_to_string(dir.join("latest/events.jsonl")).unwrap();
    assert!(log.contains("ws://127.0.0.2:") && !log.contains("ws://127.0.0.1:"));
    let open = counterpart(&[
        "run",
        "--seed",
        "7",
        "--out",
        &all,
        "--bind",
        "0.0.0.0",
        "--advertise",
        "127.0.0.1",
        id,
    ]);
    assert_eq!(open.status.code(), Some(0), "{}{}", out(&open), err(&open));
    insta::assert_snapshot!("bind-warning", err(&open).split("seed").next().unwrap());
    insta::assert_snapshot!(
        "bind-everywhere",
        refused(&["run", "--out", &all, "--bind", "0.0.0.0"])
    );
    let said = refused(&["run", "--out", &all, "--bind", "192.0.2.1", id]);
    assert!(said.contains("cannot listen on 192.0.2.1"), "{said}");
    let said = refused(&["run", "--out", &all, "--bind", "::", "--advertise", "http://x"]);
    assert!(said.contains("without scheme and port"), "{said}");
}

#[test]
fn a_folder_of_scenarios_adds_and_replaces() {
    let dir = folder("scenarios");
    let bundled =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/m2/pings-and-answers-pings.yaml");
    let original = std::fs::read_to_string(&bundled).unwrap();
    let title = original.lines().find(|line| line.starts_with("title:")).unwrap();
    std::fs::create_dir_all(dir.join("m2")).unwrap();
    let replaced = original.replace(title, "title: My own pings");
    std::fs::write(dir.join("m2/pings-and-answers-pings.yaml"), &replaced).unwrap();
    std::fs::write(dir.join("m2/mine.yaml"), &replaced).unwrap();
    let with = text(&dir);
    let list = good(&["list", "scenarios", "m2/pings*", "m2/mine", "--scenarios", &with]);
    assert_eq!(list.matches("My own pings").count(), 2, "{list}");
    let whole: Value =
        serde_json::from_str(&good(&["list", "--scenarios", &with, "--format", "json"])).unwrap();
    let bundled: Value = serde_json::from_str(&good(&["list", "--format", "json"])).unwrap();
    assert_eq!(whole.as_array().unwrap().len(), bundled.as_array().unwrap().len() + 1);
    std::fs::write(dir.join("m2/mine.yaml"), replaced.replace("milestone: M2", "milestone: M22"))
        .unwrap();
    let said = refused(&["run", "--scenarios", &with]).replace(&with, "DIR");
    insta::assert_snapshot!("scenarios-mistake", said);
    let gone = text(&dir.join("gone"));
    let said = unbroken(&refused(&["lint", "--scenarios", &gone])).replace(&with, "DIR");
    insta::assert_snapshot!("scenarios-gone", said);
    let empty = dir.join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let said = unbroken(&refused(&["run", "--scenarios", &text(&empty)]));
    assert!(said.contains("holds no scenario"), "{said}");
}

/// What a user gets wrong on the command line, each with what it is about.
const MISTAKES: &[&[&str]] = &[
    &["run", "--iut", "empty.yaml"],
    &["run", "--iut", "missing.yaml"],
    &["run", "--iut", "reference:foo"],
    &["run", "--iut", "ill.yaml"],
    &["run", "--attach", "nowhere"],
    &["run", "--attach", "tcp:127.0.0.1"],
    &["run", "--jobs", "0"],
    &["run", "--jobs", "many"],
    &["run", "--seed", "x"],
    &["run", "--profile", "nosuch"],
    &["run", "--profile", "ill.yaml"],
    &["run", "--report", "nothing=x"],
    &["run", "--report", "junit"],
    &["run", "--baseline", "missing.yaml"],
    &["run", "--scenarios", "missing"],
    &["run", "--milestone", "M9"],
    &["run", "--no-such-flag"],
    &["profile", "show", "nosuch"],
    &["profile", "check", "missing.yaml"],
    &["report", "nosuchrun"],
    &["judge", "missing.jsonl"],
    &["explain", "enc-9999"],
    &["quirks", "nosuch"],
    &["schema", "nosuch"],
    &["lint", "missing.yaml"],
    &["init", "adapter", "--lang", "python", "taken"],
    &["init", "adapter", "--lang", "cobol", "new"],
    &["baseline", "check", "missing.yaml"],
    &["serve", "--iut", "missing.yaml"],
    &["serve", "--server", "https://localhost:1", "--server-ca", "empty.yaml"],
    &["nosuch"],
];

#[test]
fn each_mistake_on_the_command_line_is_told_in_words() {
    let dir = folder("mistakes");
    std::fs::write(dir.join("empty.yaml"), "").unwrap();
    std::fs::write(dir.join("ill.yaml"), "schema: 1\nseats [\n").unwrap();
    std::fs::create_dir(dir.join("taken")).unwrap();
    std::fs::write(dir.join("taken/iut.yaml"), "mine").unwrap();
    let mut told = String::new();
    for args in MISTAKES {
        let output = Command::new(env!("CARGO_BIN_EXE_counterpart"))
            .args(*args)
            .current_dir(&dir)
            .env("COLUMNS", "80")
            .output()
            .unwrap();
        let code = output.status.code();
        assert_eq!(code, Some(2), "{args:?}: {}", err(&output));
        assert_eq!(out(&output), "", "{args:?}");
        let words = err(&output);
        told += &format!("$ counterpart {}\n{}\n\n", args.join(" "), words.trim_end());
    }
    assert_eq!(std::fs::read_to_string(dir.join("taken/iut.yaml")).unwrap(), "mine");
    insta::assert_snapshot!("mistakes", told);
}
