//! JUnit XML, which every CI service reads.
//!
//! Main type: [`Junit`]. A case of ours is a test case of theirs, a milestone a suite. Their schema
//! has three words for not green: `fail` is a failure; what is no verdict about the implementation
//! (inconclusive, driver and harness errors) is an error; what was ruled out, or is known, is
//! skipped with its reason. Strict readers go by the schema of Jenkins' xUnit plugin (`junit-10.xsd`),
//! in which a test case has no properties: what was decided of each requirement stands in its output.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite};

use super::Report;
use super::format::Format;
use super::terminal::{self, Look, MILESTONES};
use crate::verdict::{CaseResult, CheckResult, Verdict};

/// The format `junit`.
pub struct Junit;

impl Format for Junit {
    fn id(&self) -> &'static str {
        "junit"
    }

    fn doc(&self) -> &'static str {
        "JUnit XML for CI services"
    }

    fn render(&self, report: &Report) -> String {
        // Writing into memory cannot fail, and what XML lacks is left out by its strings.
        let mut text = xml(report).to_string().expect("the report is written into memory");
        text.push('\n');
        without_skipped_total(text)
    }
}

/// The schema has no total of what was skipped; each suite tells its own.
fn without_skipped_total(text: String) -> String {
    let at = text.find("<testsuites ").and_then(|from| {
        let end = from + text[from..].find('>')?;
        let at = from + text[from..end].find(" skipped=\"")?;
        let value = at + " skipped=\"".len();
        Some(at..value + text[value..end].find('"')? + 1)
    });
    match at {
        Some(range) => [&text[..range.start], &text[range.end..]].concat(),
        None => text,
    }
}

fn xml(report: &Report) -> Xml {
    let mut xml = Xml::new(format!("{} {}", report.harness, word(&report.iut, "name")));
    let ms = |name: &str| report.volatile.get(name).and_then(serde_json::Value::as_u64);
    if let (Some(started), Some(ended)) = (ms("started_ms"), ms("ended_ms")) {
        xml.set_time(Duration::from_millis(ended.saturating_sub(started)));
    }
    if !report.unfinished.is_empty() {
        let mut suite = TestSuite::new("not finished");
        suite.add_test_cases(report.unfinished.iter().map(|id| {
            TestCase::new(id.as_str(), skipped("interrupted", "the run was interrupted"))
        }));
        xml.add_test_suite(suite);
    }
    if let Some(suite) = out_of_date(report) {
        xml.add_test_suite(suite);
    }
    for (milestone, name) in MILESTONES {
        let cases: Vec<_> = report.cases.iter().filter(|c| c.milestone == *milestone).collect();
        if !cases.is_empty() {
            xml.add_test_suite(suite(report, &format!("{milestone} {name}"), &cases));
        }
    }
    xml
}

/// Entries of the baseline that must go: each fails the run.
fn out_of_date(report: &Report) -> Option<TestSuite> {
    let known = report.baseline.as_ref().filter(|known| !known.problems.is_empty())?;
    let mut suite = TestSuite::new("baseline");
    suite.add_test_cases(known.problems.iter().map(|stale| {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(stale.word());
        status.set_message(stale.sentence());
        status.set_description(format!("{}: {}", known.file, stale.sentence()));
        let entry = &stale.entry;
        let mut test = TestCase::new(format!("{} {}", entry.case, entry.requirement), status);
        test.set_classname("baseline");
        test
    }));
    Some(suite)
}

fn word<'a>(value: &'a serde_json::Value, name: &str) -> &'a str {
    value.get(name).and_then(|value| value.as_str()).unwrap_or("?")
}

fn suite(report: &Report, name: &str, cases: &[&CaseResult]) -> TestSuite {
    let mut suite = TestSuite::new(name);
    suite.add_property(("profile", word(&report.profile, "id")));
    suite.add_property(("seed", report.seed.to_string().as_str()));
    suite.add_property(("iut", word(&report.iut, "ref")));
    suite.add_property(("outcome", report.outcome.word()));
    for condition in &report.conditional_on {
        suite.add_property(("depends on", condition.as_str()));
    }
    suite.add_test_cases(cases.iter().map(|case| test_case(report, case)));
    suite
}

fn test_case(report: &Report, case: &CaseResult) -> TestCase {
    let mut test = TestCase::new(case.id.as_str(), status(report, case));
    test.set_classname(case.scenario.replace('/', "."));
    let mut output = case.checks.iter().map(decided).collect::<Vec<_>>().join("\n");
    if case.verdict > Verdict::Pass {
        output = format!("{output}\n\n{}", terminal::render_case(report, case, Look::default()));
    }
    if !output.is_empty() {
        test.set_system_out(output);
    }
    test
}

fn decided(check: &CheckResult) -> String {
    let known = if check.known { " (known)" } else { "" };
    let (row, verdict) = (&check.requirement, check.verdict.word());
    let key = check.profile_key.as_ref().map(|key| format!(", value {key}")).unwrap_or_default();
    format!("{verdict}{known} {row}, basis {}{key}, {}", check.basis.word(), check.id)
}

fn status(report: &Report, case: &CaseResult) -> TestCaseStatus {
    let red = case.checks.iter().filter(|check| check.is_red() && !check.known);
    let worst = red.clone().map(|check| check.verdict).max();
    let kind = match worst {
        None if case.verdict.executed() && case.checks.iter().any(|check| check.known) => {
            return skipped("known", &rows(case.checks.iter().filter(|check| check.known)));
        }
        None if case.verdict.executed() => return TestCaseStatus::success(),
        None => return skipped(case.verdict.word(), &reasons(case)),
        // A broken SHOULD fails nobody; the requirement's property and the output say it.
        Some(Verdict::Warn) => return TestCaseStatus::success(),
        Some(Verdict::Fail) => NonSuccessKind::Failure,
        Some(_) => NonSuccessKind::Error,
    };
    let worst = worst.unwrap_or(case.verdict);
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(worst.word());
    status.set_message(rows(red.filter(|check| check.verdict == worst)));
    status.set_description(terminal::render_case(report, case, Look::default()));
    status
}

fn skipped(ty: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_type(ty);
    status.set_message(message);
    status
}

fn rows<'a>(checks: impl Iterator<Item = &'a CheckResult>) -> String {
    let told = checks.map(|check| {
        let row = crate::spec::Catalogue::builtin().get(&check.requirement);
        let statement = row.map_or("", |row| row.statement.as_str());
        format!("{}: {statement}", check.requirement)
    });
    told.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("; ")
}

fn reasons(case: &CaseResult) -> String {
    let reasons = case.checks.iter().filter_map(|check| check.not_decided.as_ref());
    let reasons: std::collections::BTreeSet<String> = reasons.map(|why| why.sentence()).collect();
    if reasons.is_empty() {
        return "no check was executed".to_owned();
    }
    reasons.into_iter().collect::<Vec<_>>().join("; ")
}
