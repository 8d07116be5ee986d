//! What an engineer needs for each red case: the rule, what differs, the events around it, the
//! probable cause and the command that runs it again.

use super::alike::{Alike, groups, in_words, shown};
use super::compare;
use super::text::{Ink, Page, clean, cut};
use super::verdict_ink;
use crate::report::Report;
use crate::spec::Catalogue;
use crate::verdict::{CaseResult, CheckResult, Finding, Nearby, Surroundings, Text};

/// Entry ids that are listed of one finding.
const EVIDENCE_MAX: usize = 8;
/// Longest text of one field; the whole stands in `report.json`.
const FIELD_CHARS_MAX: usize = 1000;

/// Prints a case that is not green, but for what an earlier one says as well.
pub(super) fn case(page: &mut Page, case: &CaseResult, report: &Report, alike: &Alike<'_>) {
    let mut red = shown(case);
    red.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    let told = |check: &&CheckResult| alike.told_in(case, check).is_some();
    let (old, fresh): (Vec<_>, Vec<_>) = red.into_iter().partition(told);
    if fresh.is_empty() && !old.is_empty() {
        return;
    }
    page.gap();
    let verdict = page.ink(verdict_ink(case.verdict), &case.verdict.word().to_uppercase());
    page.line(format!("{verdict} {}", page.ink(Ink::Bold, &case.id)));
    page.fill(2, &case.title);
    as_before(page, case, &old, alike);
    let mut told = None;
    for group in groups(&fresh) {
        rows(page, case, &group, &mut told);
        alike.elsewhere(case, &group).iter().for_each(|others| page.fill(4, others));
    }
    page.gap();
    if let Some(log) = &case.log {
        page.field(2, "log", &format!("{log}, in the folder of the report"));
    }
    page.command(2, "again", &report.again_of(&case.id));
}

/// Names what an earlier case tells in full.
fn as_before(page: &mut Page, case: &CaseResult, old: &[&CheckResult], alike: &Alike<'_>) {
    if !old.is_empty() {
        page.gap();
    }
    let mut seen = Vec::new();
    for check in old {
        let known = if check.known { " (known)" } else { "" };
        let first = alike.told_in(case, check).unwrap_or_default();
        let verdict = check.verdict.word();
        let line = format!("{verdict}{known} {}, as in {first}", check.requirement);
        if !seen.contains(&line) {
            page.fill(2, &line);
            seen.push(line);
        }
    }
}

/// What was told last around a finding; it is not told again right below.
type Told = Option<(Option<Box<Surroundings>>, Option<Text>)>;

fn rows(page: &mut Page, case: &CaseResult, checks: &[&CheckResult], told: &mut Told) {
    page.gap();
    for same in checks.chunk_by(|a, b| a.requirement == b.requirement) {
        rule(page, same);
    }
    let Some(first) = checks.first() else { return };
    if let Some(why) = &first.not_decided {
        page.field(4, "why", &cut(&why.sentence(), FIELD_CHARS_MAX));
    }
    for finding in findings(case, checks) {
        show(page, case, finding, told);
    }
}

/// Each finding once.
fn findings<'a>(case: &CaseResult, checks: &[&'a CheckResult]) -> Vec<&'a Finding> {
    let mut out: Vec<&Finding> = Vec::new();
    for check in checks.iter().filter(|check| in_words(case, check).is_none()) {
        for finding in &check.findings {
            if !out.contains(&finding) {
                out.push(finding);
            }
        }
    }
    out
}

/// The requirement in words with its source; what one case decides of it in several places stands
/// together.
fn rule(page: &mut Page, checks: &[&CheckResult]) {
    let Some(check) = checks.first() else { return };
    let row = Catalogue::builtin().get(&check.requirement);
    let level = row.map_or("", |row| row.level.word());
    let known = if check.known { " (known)" } else { "" };
    let verdict = page.ink(verdict_ink(check.verdict), check.verdict.word());
    let id = page.ink(Ink::Bold, &check.requirement);
    let by: Vec<&str> = checks.iter().map(|check| check.id.as_str()).collect();
    let (basis, by) = (check.basis.word(), by.join(", "));
    page.line(format!("  {verdict}{known} {id} {level}, basis {basis}, {by}"));
    if let Some(row) = row {
        page.fill(4, &row.statement);
        // Of what was not decided, the reason says more than where the rule stands.
        if let Some(source) = row.source.as_ref().filter(|_| check.not_decided.is_none()) {
            page.field(4, "source", source);
        }
    }
}

fn show(page: &mut Page, case: &CaseResult, finding: &Finding, told: &mut Told) {
    match &finding.diff {
        Some(diff) => {
            let step = without_pattern(&without_rows(&finding.expected));
            page.field(4, "step", &cut(&step, FIELD_CHARS_MAX));
            compare::show(page, diff);
        }
        None => {
            page.field(4, "expected", &cut(&without_rows(&finding.expected), FIELD_CHARS_MAX));
            page.field(4, "actual", &cut(&finding.actual, FIELD_CHARS_MAX));
        }
    }
    page.field(4, "evidence", &evidence(case, finding));
    let context = Some((finding.volatile.clone(), finding.cause.clone()));
    if *told == context {
        page.field(4, "cause", "as above");
        return;
    }
    if let Some(around) = &finding.volatile {
        surroundings(page, around);
    }
    let none = match finding.diff {
        Some(_) => "none known: the recording does not tell more",
        None => "none known beyond what stands under `actual`",
    };
    page.field(4, "cause", finding.cause.as_deref().unwrap_or(none));
    *told = context;
}

/// A step's text without the rows that it decides, which are told above it.
fn without_rows(text: &str) -> String {
    let Some((before, rest)) = text.split_once("checks: [") else { return text.to_owned() };
    let Some((_, after)) = rest.split_once(']') else { return text.to_owned() };
    let before = before.trim_end().trim_end_matches(',');
    let after = after.trim_start_matches(',');
    format!("{before}{after}")
}

/// A step's text without the stanza, which is compared below it.
fn without_pattern(text: &str) -> String {
    let told = |quote: &str| {
        let (before, rest) = text.split_once(&format!("stanza: {quote}"))?;
        let (_, after) = rest.split_once(quote)?;
        Some(format!("{before}stanza{after}"))
    };
    told("'").or_else(|| told("\"")).unwrap_or_else(|| text.to_owned())
}

/// Entry ids, without the case's, which is the heading.
fn evidence(case: &CaseResult, finding: &Finding) -> String {
    let short = |id: &Text| {
        let own = id.strip_prefix(&case.id).and_then(|rest| rest.strip_prefix('#'));
        own.unwrap_or(id).to_owned()
    };
    let mut ids: Vec<String> = finding.evidence.iter().take(EVIDENCE_MAX).map(short).collect();
    if finding.evidence.len() > EVIDENCE_MAX {
        ids.push(format!("and {} more", finding.evidence.len() - EVIDENCE_MAX));
    }
    ids.join(", ")
}

/// One line an event; `>` marks the first that is not what was expected.
fn surroundings(page: &mut Page, around: &Surroundings) {
    page.fill(4, "events around it (> is the first that diverges):");
    let names = around.events.iter().map(|event| event.entry.chars().count());
    let name_width = names.max().unwrap_or(0);
    for event in &around.events {
        event_lines(page, event, name_width);
    }
}

/// The divergent event is told in full, those around it in one line.
fn event_lines(page: &mut Page, event: &Nearby, name_width: usize) {
    let mark = if event.here { '>' } else { ' ' };
    let name = format!("{:<name_width$}", event.entry);
    let head = format!("    {mark} {name} {:>6} ms  ", event.after_ms);
    let column = head.chars().count();
    if event.here {
        page.hang(&head, column, &event.what);
        return;
    }
    let room = page.width().saturating_sub(column).max(20);
    let what = page.ink(Ink::Dim, &cut(&clean(&event.what), room));
    page.line(format!("{head}{what}"));
}

/// A word as a shell takes it.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        assert_eq!(shell_word("m1/a"), "m1/a");
        assert_eq!(shell_word("a[b=c]"), "'a[b=c]'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
