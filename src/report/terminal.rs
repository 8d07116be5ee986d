//! The table in the order of Meta's milestones, and what an engineer needs for each red case.

use std::fmt::Write as _;

use textwrap::Options;

use super::Report;
use crate::spec::Catalogue;
use crate::verdict::{CaseResult, CheckResult, Outcome, Standing, Verdict};

/// Meta's milestones (TF, milestone table) with their names.
const MILESTONES: &[(&str, &str)] = &[
    ("M1", "Enlist a user"),
    ("M2", "Noise handshake and ping"),
    ("M3.1", "Encryption"),
    ("M3.2", "Text out"),
    ("M3.3", "Push and text in"),
    ("M4.1", "Media"),
    ("M4.2", "Receipts, replies, reactions, typing"),
    ("M4.3", "Blocking"),
    ("M5", "Deletion"),
    ("M6", "Reachability"),
];
/// Width of the text; fits a terminal of 80 columns.
const WIDTH: usize = 79;

/// One line for a finished case.
pub fn case_line(case: &CaseResult) -> String {
    let verdict = case.verdict.word();
    let id = &case.id;
    format!("  {verdict:<14} {id}")
}

/// Renders the report for a terminal. `again` is the command prefix that runs a case again.
pub fn render(report: &Report, again: &str) -> String {
    let mut out = String::new();
    head(&mut out, report);
    for (milestone, name) in MILESTONES {
        let cases: Vec<_> = report.cases.iter().filter(|c| c.milestone == *milestone).collect();
        if !cases.is_empty() {
            table(&mut out, milestone, name, &cases);
        }
    }
    for case in report.cases.iter().filter(|case| case.verdict > Verdict::Pass) {
        detail(&mut out, case, again);
    }
    tail(&mut out, report);
    out
}

/// Writing to a `String` cannot fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($arg:tt)*) => {{
        let _ = writeln!($out, $($arg)*);
    }};
}

fn head(out: &mut String, report: &Report) {
    let of = |name: &str| report.iut.get(name).and_then(|v| v.as_str()).unwrap_or("?").to_owned();
    let profile = report.profile.get("id").and_then(|id| id.as_str()).unwrap_or("?");
    line!(out, "{} against {} {}", report.harness, of("name"), of("version"));
    line!(out, "profile {profile}, seed {}", report.seed);
}

fn table(out: &mut String, milestone: &str, name: &str, cases: &[&CaseResult]) {
    line!(out);
    line!(out, "{milestone:<5} {name}");
    for group in cases.chunk_by(|a, b| a.scenario == b.scenario) {
        let alike = group.iter().all(|case| case.verdict == group[0].verdict);
        if alike && group.len() > 1 {
            let verdict = group[0].verdict.word();
            line!(out, "  {verdict:<14} {} ({} cases)", group[0].scenario, group.len());
        } else {
            group.iter().for_each(|case| line!(out, "{}", case_line(case)));
        }
        wrapped(out, &group[0].title, 17);
    }
}

fn detail(out: &mut String, case: &CaseResult, again: &str) {
    line!(out);
    line!(out, "{} {}", case.verdict.word().to_uppercase(), case.id);
    wrapped(out, &case.title, 2);
    let mut red: Vec<_> =
        case.checks.iter().filter(|check| check.verdict > Verdict::Pass).collect();
    red.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    while let Some(first) = red.first().copied() {
        let (same, others): (Vec<_>, Vec<_>) =
            red.into_iter().partition(|check| alike(first, check));
        rows(out, &same);
        red = others;
    }
    if let Some(log) = &case.log {
        line!(out, "  log       {log}, in the folder of the report");
    }
    line!(out, "  again     {again} {}", quoted(&case.id));
}

/// Rows that one observation decides are told together.
fn alike(a: &CheckResult, b: &CheckResult) -> bool {
    a.verdict == b.verdict && a.not_decided == b.not_decided && a.findings == b.findings
}

fn rows(out: &mut String, checks: &[&CheckResult]) {
    line!(out);
    for check in checks {
        let row = Catalogue::builtin().get(&check.requirement);
        let level = row.map_or("", |row| row.level.word());
        let (verdict, id) = (check.verdict.word(), &check.requirement);
        line!(out, "  {verdict} {id} {level}, basis {}, {}", check.basis.word(), check.id);
        if let Some(row) = row {
            wrapped(out, &row.statement, 4);
            if let Some(source) = &row.source {
                field(out, "source", source);
            }
        }
    }
    let Some(first) = checks.first() else { return };
    if let Some(why) = &first.not_decided {
        field(out, "why", &why.sentence());
    }
    for finding in &first.findings {
        field(out, "expected", &finding.expected);
        field(out, "actual", &finding.actual);
        field(out, "evidence", &finding.evidence.join(", "));
    }
}

fn field(out: &mut String, name: &str, text: &str) {
    let head = format!("    {name:<9} ");
    let options = Options::new(WIDTH).initial_indent(&head).subsequent_indent("              ");
    let text: String = text.chars().take(1200).collect();
    line!(out, "{}", textwrap::fill(&text, options));
}

fn wrapped(out: &mut String, text: &str, indent: usize) {
    let indent = " ".repeat(indent);
    let options = Options::new(WIDTH).initial_indent(&indent).subsequent_indent(&indent);
    line!(out, "{}", textwrap::fill(text, options));
}

fn tail(out: &mut String, report: &Report) {
    line!(out);
    let count = |verdicts: &std::collections::BTreeMap<Verdict, usize>| {
        let counts = verdicts.iter().map(|(verdict, n)| format!("{n} {}", verdict.word()));
        counts.collect::<Vec<_>>().join(", ")
    };
    line!(out, "cases      {}", count(&report.summary.cases));
    line!(out, "checks     {}", count(&report.summary.checks));
    let standing = |wanted| report.coverage.iter().filter(|row| row.standing == wanted).count();
    let text = format!(
        "{} of {} requirements decided, {} not observable, {} ruled out by the profile, {} not covered by this run",
        standing(Standing::Decided),
        report.coverage.len(),
        standing(Standing::NotObservable),
        standing(Standing::NotApplicable),
        standing(Standing::NotCovered) + standing(Standing::Undecided),
    );
    labelled(out, "coverage", &text);
    if !report.conditional_on.is_empty() {
        labelled(out, "depends on", &report.conditional_on.join(", "));
    }
    line!(out, "outcome    {}", report.outcome.word());
    if report.outcome != Outcome::Invalid {
        let id = report.profile.get("id").and_then(|id| id.as_str()).unwrap_or("?");
        labelled(out, "", &format!("Self-tested against profile {id}; no approval by Meta."));
    }
}

fn labelled(out: &mut String, name: &str, text: &str) {
    let head = format!("{name:<10} ");
    let options = Options::new(WIDTH).initial_indent(&head).subsequent_indent("           ");
    line!(out, "{}", textwrap::fill(text, options));
}

/// A case id as a shell takes it.
fn quoted(id: &str) -> String {
    if id.contains(['[', ',', '*']) { format!("'{id}'") } else { id.to_owned() }
}
