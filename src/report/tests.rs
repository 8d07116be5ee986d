//! Every format on one report.

use serde_json::json;

use super::{Report, assemble, format};
use crate::diff::{Diff, Line, Piece, Side};
use crate::evidence::RunHeader;
use crate::spec::{Basis, Profile};
use crate::verdict::baseline::{Applied, Known, Problem, Stale};
use crate::verdict::{
    CaseResult, CheckResult, Finding, Flaky, Nearby, NotDecided, Repeats, Surroundings, Theft,
    Verdict, Witness,
};

fn check(id: &str, requirement: &str, verdict: Verdict) -> CheckResult {
    CheckResult {
        id: id.into(),
        requirement: requirement.into(),
        verdict,
        basis: Basis::Stated,
        profile_key: None,
        witness: Witness::Wire,
        known: false,
        behind: None,
        not_decided: None,
        findings: vec![Finding::new("it holds", "it holds", ["m1/a#steps.1"])],
    }
}

fn case(id: &str, milestone: &str, checks: Vec<CheckResult>) -> CaseResult {
    CaseResult {
        title: format!("The title of {id} & its <sign>"),
        measures: if id == "m1/a" { vec!["2 texts became 1 length".into()] } else { Vec::new() },
        thefts: if id == "m1/a" { vec![theft()] } else { Vec::new() },
        ..CaseResult::of(id, milestone, checks)
    }
}

fn read_once() -> CheckResult {
    check("step-9", "RAT-006", Verdict::Pass)
}

fn theft() -> Theft {
    let (opened, healed_after) = (Some(1), Some(1));
    Theft { label: "theft".into(), earlier: 5, opened, round_trips: 3, healed_after }
}

fn broken() -> Finding {
    let line = |side, text: &str| Line::new(side, 0, vec![Piece::same("<ack"), Piece::other(text)]);
    let nearby = |entry: &str, what: &str, here| Nearby {
        entry: entry.into(),
        after_ms: 12,
        what: what.into(),
        here,
    };
    Finding {
        diff: Some(Box::new(Diff {
            lines: vec![line(Side::Expected, "id=\"7\"/>"), line(Side::Actual, "id=\"8\"/>")],
        })),
        cause: Some("the client counts on".into()),
        volatile: Some(Box::new(Surroundings {
            events: vec![
                nearby("c1>.4", "sent <message id=\"7\"/>", false),
                nearby("c1<.5", "received <ack id=\"8\"/>", true),
            ],
        })),
        ..Finding::new(
            "expect: at: meta stanza: '<ack id=\"7\"/>'",
            "<ack id=\"8\"/>",
            ["m3.3/b[x=1]#c1<.5"],
        )
    }
}

fn report() -> Report {
    let failing =
        CheckResult { findings: vec![broken()], ..check("step-3", "STZ-019", Verdict::Fail) };
    let undecided = CheckResult {
        not_decided: Some(NotDecided::Precondition("step in line 7 (`connect` on alice)".into())),
        findings: vec![],
        ..check("step-4", "RCP-001", Verdict::Inconclusive)
    };
    let ruled_out = CheckResult {
        not_decided: Some(NotDecided::RuledOut("capability groups".into())),
        findings: vec![],
        ..check("case", "GRP-001", Verdict::NotApplicable)
    };
    let known = CheckResult { known: true, ..failing.clone() };
    let lying = CheckResult { verdict: Verdict::DriverError, ..failing.clone() };
    let unseen = CheckResult {
        not_decided: Some(NotDecided::RuledOut("only a client of its own shows it".into())),
        findings: vec![],
        ..check("step-5", "PSH-007", Verdict::NotTestable)
    };
    let green = vec![check("tokens", "JWT-007", Verdict::Pass), read_once(), unseen];
    let same = case("m3.3/f", "M3.3", vec![by_rule(), in_words(), never_reached()]);
    let cases = vec![
        case("m1/a", "M1", green),
        case("m3.3/b[x=1]", "M3.3", vec![failing.clone(), undecided.clone()]),
        case("m3.3/b[x=2]", "M3.3", vec![known]),
        case("m3.3/c", "M3.3", vec![undecided]),
        case("m3.3/d", "M3.3", vec![ruled_out]),
        case("m3.3/e", "M3.3", vec![lying]),
        same.clone(),
        CaseResult { id: "m3.3/g".into(), scenario: "m3.3/g".into(), ..same.clone() },
        case("m3.3/h", "M3.3", same.checks.into_iter().chain([failing]).collect()),
    ];
    let header = RunHeader {
        schema: 1,
        run_id: "r".into(),
        started_ms: 1000,
        harness: "counterpart 0.0.0".into(),
        seed: 7,
        jobs: 1,
        profile: json!({}),
        iut_ref: "acme.yaml".into(),
        foreign: true,
        again: "counterpart run --iut acme.yaml --seed 7".into(),
        selection: "--milestone M2".into(),
        asked: Vec::new(),
        iut: json!({
            "name": "acme",
            "version": "2.3.1",
            "attestations": [{ "row": "ENC-020", "statement": "a dossier", "document": "a.pdf" }],
        }),
    };
    let profile = Profile::builtin("whatsapp-1.0.3").expect("it is embedded");
    let flaky = Flaky {
        case: "m1/a".into(),
        verdicts: vec![Some(Verdict::Pass), Some(Verdict::Fail)],
        checks: vec!["step-3 ENL-011".into()],
    };
    let repeats = Some(Repeats { runs: 2, flaky: vec![flaky] });
    let baseline = Some(out_of_date());
    let report = Report { repeats, baseline, ..assemble(&header, &profile, cases, 3500) };
    report.interrupted(vec!["m3.3/i".into()])
}

/// What a step waits for in vain, since a rule came out otherwise.
fn by_rule() -> CheckResult {
    let expected = "expect: { at: meta, rule: { row: JWT-010, grade: holds } }";
    let finding = Finding::new(expected, "{row: JWT-010, grade: warns}", ["m3.3/f#https.3"]);
    CheckResult { findings: vec![finding], ..check("step-2", "JWT-010", Verdict::Warn) }
}

/// The same in the words of a passive check.
fn in_words() -> CheckResult {
    let finding = Finding::new("a day", "30 days for 64249329189078", ["m3.3/f#https.3"]);
    CheckResult { findings: vec![finding], ..check("tokens", "JWT-010", Verdict::Warn) }
}

fn never_reached() -> CheckResult {
    let why = NotDecided::Precondition("step in line 9 (expect at meta)".into());
    let open = check("step-3", "JWT-010", Verdict::Inconclusive);
    CheckResult { not_decided: Some(why), findings: vec![], ..open }
}

fn out_of_date() -> Applied {
    let entry = Known {
        case: "m1/a".into(),
        check: Some("tokens".into()),
        requirement: "JWT-007".into(),
        reason: "ticket 12".into(),
        owner: None,
        expires: "2027-01-01".parse().expect("a day"),
    };
    let problems = vec![Stale { problem: Problem::Passes, entry }];
    Applied { file: "known.yaml".into(), known: 1, problems }
}

#[test]
fn the_text_is_golden() {
    insta::assert_snapshot!(format::find("text").unwrap().render(&report()));
}

#[test]
fn junit_is_golden_and_has_the_words_of_its_schema() {
    let text = format::find("junit").unwrap().render(&report());
    insta::assert_snapshot!(text);
    let totals = "tests=\"11\" failures=\"3\" errors=\"4\"";
    assert!(text.contains(totals), "{text}");
}

type Words = &'static [&'static str];

/// Elements of `junit-10.xsd` (jenkinsci/xunit-plugin): attributes that must be there, others that
/// may, children.
const JUNIT: &[(&str, Words, Words, Words)] = &[
    ("testsuites", &[], &["name", "time", "tests", "failures", "errors"], &["testsuite"]),
    (
        "testsuite",
        &["name", "tests", "failures", "errors"],
        &[
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
        ],
        &["testsuite", "properties", "testcase", "system-out", "system-err"],
    ),
    ("properties", &[], &[], &["property"]),
    ("property", &["name", "value"], &[], &[]),
    (
        "testcase",
        &["name"],
        &["time", "classname", "group"],
        &["skipped", "error", "failure", "system-out", "system-err"],
    ),
    ("skipped", &[], &["type", "message"], &[]),
    ("error", &[], &["type", "message"], &[]),
    ("failure", &[], &["type", "message"], &[]),
    ("system-out", &[], &[], &[]),
];

#[test]
fn junit_keeps_to_the_schema_of_strict_readers() {
    use quick_xml::events::Event;
    let text = format::find("junit").unwrap().render(&report());
    let mut reader = quick_xml::Reader::from_str(&text);
    let mut open: Vec<String> = Vec::new();
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    let mut totals = std::collections::BTreeMap::<String, usize>::new();
    loop {
        let (element, empty) = match reader.read_event().unwrap() {
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::End(_) => {
                open.pop();
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = element.name().as_ref().to_owned();
        let known = JUNIT.iter().find(|(known, ..)| *known == name);
        let (_, must, may, _) = known.unwrap_or_else(|| panic!("<{name}> is not in the schema"));
        if let Some(parent) = open.last() {
            let allowed = JUNIT.iter().find(|(known, ..)| known == parent).unwrap().3;
            assert!(allowed.contains(&name.as_str()), "<{name}> in <{parent}>");
        }
        let attributes: Vec<(String, String)> = element
            .attributes()
            .map(|attribute| {
                let attribute = attribute.unwrap();
                (attribute.key.as_ref().to_owned(), attribute.value.to_string())
            })
            .collect();
        for (key, value) in &attributes {
            let allowed = must.contains(&key.as_str()) || may.contains(&key.as_str());
            assert!(allowed, "<{name} {key}>");
            if name == "testsuite" && !["name", "time"].contains(&key.as_str()) {
                *totals.entry(key.clone()).or_default() += value.parse::<usize>().unwrap();
            }
        }
        for key in *must {
            assert!(attributes.iter().any(|(have, _)| have == key), "<{name}> lacks {key}");
        }
        *seen.entry(name.clone()).or_default() += 1;
        if !empty {
            open.push(name);
        }
    }
    for (total, element) in [
        ("tests", "testcase"),
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ] {
        assert_eq!(totals[total], seen[element], "{total}");
    }
}

#[test]
fn json_is_read_again() {
    let report = report();
    let text = format::find("json").unwrap().render(&report);
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let finding = &value["cases"][1]["checks"][0]["findings"][0];
    assert_eq!(finding["again"], "counterpart run --iut acme.yaml --seed 7 'm3.3/b[x=1]'");
    assert_eq!(finding["diff"][0]["side"], "expected");
    assert_eq!(finding["volatile"]["events"][1]["here"], true);
    assert!(value["cases"][0]["checks"][0]["findings"][0].get("again").is_none());
    let whole = "counterpart run --iut acme.yaml --seed 7 --milestone M2";
    assert_eq!(value["again"], whole);
}
