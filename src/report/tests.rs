//! Every format on one report.

use serde_json::json;

use super::{Report, assemble, format};
use crate::diff::{Diff, Line, Piece, Side};
use crate::evidence::RunHeader;
use crate::spec::{Basis, Profile};
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
        not_decided: None,
        findings: vec![Finding::new("it holds", "it holds", vec!["m1/a#steps.1".into()])],
    }
}

fn case(id: &str, milestone: &str, checks: Vec<CheckResult>) -> CaseResult {
    CaseResult {
        id: id.into(),
        scenario: id.split('[').next().unwrap().into(),
        title: format!("The title of {id} & its <sign>"),
        milestone: milestone.into(),
        verdict: CaseResult::worst(&checks),
        isolated: false,
        log: None,
        measures: if id == "m1/a" { vec!["2 texts became 1 length".into()] } else { Vec::new() },
        thefts: if id == "m1/a" { vec![theft()] } else { Vec::new() },
        checks,
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
        diff: Some(Diff {
            lines: vec![line(Side::Expected, "id=\"7\"/>"), line(Side::Actual, "id=\"8\"/>")],
        }),
        cause: Some("the client counts on".into()),
        volatile: Some(Surroundings {
            events: vec![
                nearby("c1>.4", "sent <message id=\"7\"/>", false),
                nearby("c1<.5", "received <ack id=\"8\"/>", true),
            ],
        }),
        ..Finding::new(
            "expect: at: meta stanza: '<ack id=\"7\"/>'",
            "<ack id=\"8\"/>",
            vec!["m3.3/b[x=1]#c1<.5".into()],
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
    let cases = vec![
        case("m1/a", "M1", vec![check("tokens", "JWT-007", Verdict::Pass), read_once()]),
        case("m3.3/b[x=1]", "M3.3", vec![failing, undecided.clone()]),
        case("m3.3/b[x=2]", "M3.3", vec![known]),
        case("m3.3/c", "M3.3", vec![undecided]),
        case("m3.3/d", "M3.3", vec![ruled_out]),
        case("m3.3/e", "M3.3", vec![lying]),
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
    let report = Report { repeats, ..assemble(&header, &profile, cases, 3500) };
    report.interrupted(vec!["m3.3/f".into()])
}

#[test]
fn the_text_is_golden() {
    insta::assert_snapshot!(format::find("text").unwrap().render(&report()));
}

#[test]
fn junit_is_golden_and_has_the_words_of_its_schema() {
    let text = format::find("junit").unwrap().render(&report());
    insta::assert_snapshot!(text);
    let totals = "tests=\"7\" skipped=\"3\" failures=\"1\" errors=\"2\"";
    assert!(text.contains(totals), "{text}");
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
}
