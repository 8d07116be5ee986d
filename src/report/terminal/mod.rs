//! The table in the order of Meta's milestones, and what an engineer needs for each red case.

mod alike;
mod compare;
mod detail;
mod text;

pub(crate) use detail::shell_word;
pub(crate) use text::cut;
pub use text::{Ink, Look, Page};

use std::collections::{BTreeMap, BTreeSet};

use self::alike::Alike;
use super::{Report, partly};
use crate::verdict::{CaseResult, Outcome, Standing, Verdict};

/// Meta's milestones (TF, milestone table) with their names.
pub const MILESTONES: &[(&str, &str)] = &[
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

/// One line for a finished case.
pub fn case_line(case: &CaseResult) -> String {
    let verdict = case.verdict.word();
    let id = &case.id;
    format!("  {verdict:<14} {id}")
}

/// Renders the report for a terminal.
pub fn render(report: &Report, look: Look) -> String {
    let mut page = Page::new(look);
    head(&mut page, report);
    for (milestone, name) in MILESTONES {
        let cases: Vec<_> = report.cases.iter().filter(|c| c.milestone == *milestone).collect();
        if !cases.is_empty() {
            table(&mut page, milestone, name, &cases);
        }
    }
    surface(&mut page, report);
    forms(&mut page, report);
    partly::render(&mut page, &report.partly_seen);
    let red = || report.cases.iter().filter(|case| case.verdict > Verdict::Pass);
    let known: Vec<&CaseResult> = red().filter(|case| is_known(case)).collect();
    let red = || red().filter(|case| !is_known(case));
    let alike = Alike::of(red());
    red().for_each(|case| detail::case(&mut page, case, report, &alike));
    known_failures(&mut page, &known);
    tail(&mut page, report);
    page.finish()
}

/// True where everything red is in the baseline: whoever wrote it there knows it.
fn is_known(case: &CaseResult) -> bool {
    let mut red = case.checks.iter().filter(|check| check.verdict > Verdict::Pass).peekable();
    red.peek().is_some() && red.all(|check| check.known)
}

fn known_failures(page: &mut Page, cases: &[&CaseResult]) {
    if cases.is_empty() {
        return;
    }
    page.gap();
    page.line("KNOWN, by the baseline; a run without it tells each in full");
    for case in cases {
        let red = case.checks.iter().filter(|check| check.verdict > Verdict::Pass);
        let rows: BTreeSet<&str> = red.map(|check| &*check.requirement).collect();
        let rows = rows.into_iter().collect::<Vec<_>>().join(", ");
        page.fill(2, &format!("{} {}: {rows}", case.verdict.word(), case.id));
    }
}

/// Renders one red case alone.
pub fn render_case(report: &Report, case: &CaseResult, look: Look) -> String {
    let mut page = Page::new(look);
    detail::case(&mut page, case, report, &Alike::of([case]));
    page.finish().trim_start().to_owned()
}

fn verdict_ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::NotApplicable | Verdict::NotTestable => Ink::Dim,
        Verdict::Pass => Ink::Good,
        Verdict::Warn | Verdict::Inconclusive => Ink::Odd,
        Verdict::Fail | Verdict::DriverError | Verdict::HarnessError => Ink::Bad,
    }
}

fn head(page: &mut Page, report: &Report) {
    let of = |name: &str| report.iut.get(name).and_then(|v| v.as_str()).unwrap_or("?").to_owned();
    let profile = report.profile.get("id").and_then(|id| id.as_str()).unwrap_or("?");
    page.hang("", 2, &format!("{} against {} {}", report.harness, of("name"), of("version")));
    page.line(format!("profile {profile}, seed {}", report.seed));
}

fn table(page: &mut Page, milestone: &str, name: &str, cases: &[&CaseResult]) {
    page.gap();
    page.line(page.ink(Ink::Bold, &format!("{milestone:<5} {name}")));
    for group in cases.chunk_by(|a, b| a.scenario == b.scenario) {
        let alike = group.iter().all(|case| case.verdict == group[0].verdict);
        if alike && group.len() > 1 {
            let id = format!("{} ({} cases)", group[0].scenario, group.len());
            row(page, group[0].verdict, &id);
        } else {
            group.iter().for_each(|case| row(page, case.verdict, &case.id));
        }
        page.fill(17, &group[0].title);
        if let Some(why) = ruled_out(group[0]) {
            page.fill(17, &format!("({why})"));
        }
        if let Some(rows) = not_testable(group) {
            page.fill(17, &rows);
        }
        for case in group {
            case.measures.iter().for_each(|measure| page.fill(17, measure));
            // Where nothing waited, the figure stands in `report.json` alone.
            let times = case.volatile.as_ref().filter(|times| times.push_to_empty_ms.is_some());
            times.iter().for_each(|times| page.fill(17, &times.sentence()));
        }
    }
}

/// What a case lacks: a seat, a capability, a hook, a value of the profile.
fn ruled_out(case: &CaseResult) -> Option<String> {
    let out = matches!(case.verdict, Verdict::NotApplicable | Verdict::NotTestable);
    let mut whys = case.checks.iter().filter_map(|check| check.not_decided.as_ref());
    whys.next().filter(|_| out).map(|why| why.sentence())
}

/// The rows of which cases with a verdict say nothing all the same.
fn not_testable(cases: &[&CaseResult]) -> Option<String> {
    let decides = |case: &CaseResult, row: &str| {
        let mut of_row = case.checks.iter().filter(|check| check.requirement == row);
        of_row.any(|check| check.verdict != Verdict::NotTestable)
    };
    let with_verdict = cases.iter().filter(|case| case.verdict.executed());
    let open = with_verdict.flat_map(|case| {
        let rows = case.checks.iter().map(|check| check.requirement.as_str());
        rows.filter(|row| !decides(case, row))
    });
    let rows: BTreeSet<&str> = open.collect();
    let rows = rows.into_iter().collect::<Vec<_>>().join(", ");
    (!rows.is_empty()).then(|| format!("({rows} not testable)"))
}

/// The third party's HTTP, endpoint by endpoint: how many rows came out how, and which are red.
fn surface(page: &mut Page, report: &Report) {
    if report.http.is_empty() {
        return;
    }
    page.gap();
    page.line(page.ink(Ink::Bold, "HTTP by endpoint"));
    for endpoint in &report.http {
        let mut by_verdict: BTreeMap<Verdict, Vec<&str>> = BTreeMap::new();
        for (row, verdict) in &endpoint.rows {
            by_verdict.entry(*verdict).or_default().push(row);
        }
        let told = by_verdict.iter().map(|(verdict, rows)| match verdict {
            Verdict::Pass => format!("{} {}", rows.len(), verdict.word()),
            _ => format!("{} {} ({})", rows.len(), verdict.word(), rows.join(", ")),
        });
        let told = told.collect::<Vec<_>>().join(", ");
        page.hang(&format!("  {:<14} ", endpoint.endpoint), 17, &told);
    }
}

/// The legal forms in which open clients differ and that this one writes.
fn forms(page: &mut Page, report: &Report) {
    const WRITES: &str = "it writes ";
    let checks = report.cases.iter().flat_map(|case| &case.checks);
    let findings = checks.filter(|check| check.verdict == Verdict::Pass);
    let findings = findings.flat_map(|check| &check.findings);
    let names = findings.filter_map(|finding| finding.actual.strip_prefix(WRITES));
    let names: BTreeSet<&str> = names.collect();
    if names.is_empty() {
        return;
    }
    page.gap();
    page.line(page.ink(Ink::Bold, "Legal forms that open clients differ in, and this one writes"));
    page.fill(2, &names.into_iter().collect::<Vec<_>>().join(", "));
    page.fill(2, "(`counterpart explain NAME` says what each is)");
}

fn row(page: &mut Page, verdict: Verdict, id: &str) {
    let word = page.ink(verdict_ink(verdict), &format!("{:<14}", verdict.word()));
    page.line(format!("  {word} {id}"));
}

fn tail(page: &mut Page, report: &Report) {
    page.gap();
    let count = |verdicts: &BTreeMap<Verdict, usize>| {
        let counts = verdicts.iter().map(|(verdict, n)| format!("{n} {}", verdict.word()));
        counts.collect::<Vec<_>>().join(", ")
    };
    labelled(page, "cases", &count(&report.summary.cases));
    labelled(page, "checks", &count(&report.summary.checks));
    labelled(page, "coverage", &coverage(report));
    if !report.conditional_on.is_empty() {
        labelled(page, "depends on", &report.conditional_on.join(", "));
    }
    if !report.unfinished.is_empty() {
        let text =
            format!("the run was interrupted; not finished: {}", report.unfinished.join(", "));
        labelled(page, "unfinished", &text);
    }
    for (n, gap) in report.undecided.iter().enumerate() {
        let label = if n == 0 { "undecided" } else { "" };
        labelled(page, label, &format!("asked for, and no row of it was decided: {gap}"));
    }
    if let Some(baseline) = &report.baseline {
        labelled(page, "baseline", &baseline.sentence());
        for problem in &baseline.problems {
            labelled(page, "", &problem.sentence());
        }
    }
    for (n, attested) in report.attestations.iter().enumerate() {
        let label = if n == 0 { "attested" } else { "" };
        let document = attested.document.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
        let text =
            format!("{}: {}{document}; stated, not tested", attested.row, attested.statement);
        labelled(page, label, &text);
    }
    if let Some(repeats) = &report.repeats {
        labelled(page, "repeated", &repeats.sentence());
        for flaky in &repeats.flaky {
            labelled(page, "", &flaky.sentence());
        }
    }
    labelled(page, "outcome", &outcome(report));
    if report.outcome != Outcome::Invalid {
        let id = report.profile.get("id").and_then(|id| id.as_str()).unwrap_or("?");
        labelled(page, "", &format!("Self-tested against profile {id}; no approval by Meta."));
    }
}

/// A baseline that is out of date fails a run whatever the outcome is, so it is told beside it.
fn outcome(report: &Report) -> String {
    let word = report.outcome.word();
    let good = matches!(report.outcome, Outcome::Conformant | Outcome::ConformantWithWarnings);
    let and = if good { "but" } else { "and" };
    match report.baseline.as_ref().map_or(0, |known| known.problems.len()) {
        0 => word.to_owned(),
        1 => format!("{word}, {and} the baseline is out of date: 1 entry"),
        n => format!("{word}, {and} the baseline is out of date: {n} entries"),
    }
}

fn coverage(report: &Report) -> String {
    let standing = |wanted| report.coverage.iter().filter(|row| row.standing == wanted).count();
    format!(
        "{} of {} requirements decided, {} not observable, {} ruled out by the profile, {} not \
         covered by this run",
        standing(Standing::Decided),
        report.coverage.len(),
        standing(Standing::NotObservable),
        standing(Standing::NotApplicable),
        standing(Standing::NotCovered) + standing(Standing::Undecided),
    )
}

fn labelled(page: &mut Page, name: &str, text: &str) {
    page.hang(&format!("{name:<10} "), 11, text);
}
