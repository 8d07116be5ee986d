//! What was told once: the same finding in many cases is told in full in the first of them.
//!
//! Main type: [`Alike`], which knows of each red check in which cases its like stands. Findings are
//! alike that say the same of the same requirement; ids in their texts may differ.

use std::collections::{BTreeMap, BTreeSet};

use crate::verdict::{CaseResult, CheckResult, Finding, NotDecided, Text, Verdict};

/// Cases that are named of those that are left out.
const NAMED_MAX: usize = 3;
/// A word with a digit that is so long is an id, a digest or a key.
const ID_CHARS_MIN: usize = 8;

/// The red checks of a report by their likeness, with their cases in the order of the report.
pub(super) struct Alike<'a> {
    cases: BTreeMap<String, Vec<&'a str>>,
}

impl<'a> Alike<'a> {
    /// All of these cases, which stand in one text.
    pub(super) fn of(cases: impl IntoIterator<Item = &'a CaseResult>) -> Self {
        let mut by_likeness = BTreeMap::<String, Vec<&str>>::new();
        for case in cases {
            let kinds: BTreeSet<String> =
                shown(case).into_iter().map(|check| likeness(case, check)).collect();
            for kind in kinds {
                by_likeness.entry(kind).or_default().push(&case.id);
            }
        }
        Self { cases: by_likeness }
    }

    /// The earlier case that tells of it in full, if there is one.
    pub(super) fn told_in(&self, case: &CaseResult, check: &CheckResult) -> Option<&'a str> {
        let first = self.cases.get(&likeness(case, check))?.first().copied()?;
        (first != case.id).then_some(first)
    }

    /// The other cases that have any of these, in a sentence.
    pub(super) fn elsewhere(&self, case: &CaseResult, checks: &[&CheckResult]) -> Option<String> {
        let cases = checks.iter().filter_map(|check| self.cases.get(&likeness(case, check)));
        let others = cases.flatten().copied().filter(|id| *id != case.id);
        // By text, which is the order of a report.
        let others: Vec<&str> = others.collect::<BTreeSet<_>>().into_iter().collect();
        let named = others[..others.len().min(NAMED_MAX)].join(", ");
        let more = match others.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        match others.len() {
            0 => None,
            1 => Some(format!("the same in 1 other case: {named}")),
            n => Some(format!("the same in {n} other cases: {named}{more}")),
        }
    }
}

/// The red checks that are told. That a row was not reached says nothing beside its failure.
pub(super) fn shown(case: &CaseResult) -> Vec<&CheckResult> {
    let found = |row: &CheckResult| {
        let same = case.checks.iter().filter(|check| check.requirement == row.requirement);
        same.into_iter().any(|check| matches!(check.verdict, Verdict::Fail | Verdict::Warn))
    };
    let not_reached = |check: &CheckResult| {
        check.verdict == Verdict::Inconclusive
            && (check.behind.is_some()
                || matches!(check.not_decided, Some(NotDecided::Precondition(_))))
    };
    let red = case.checks.iter().filter(|check| check.is_red());
    red.filter(|check| !(not_reached(check) && found(check))).collect()
}

/// The checks that are told together: rows that one observation decides, and one row that several
/// decide alike.
pub(super) fn groups<'a>(checks: &[&'a CheckResult]) -> Vec<Vec<&'a CheckResult>> {
    let mut groups: Vec<Vec<&CheckResult>> = Vec::new();
    for check in checks {
        match groups.iter_mut().find(|group| same_finding(group[0], check)) {
            Some(group) => group.push(check),
            None => groups.push(vec![check]),
        }
    }
    let mut merged: Vec<Vec<&CheckResult>> = Vec::new();
    for group in groups {
        match merged.iter_mut().find(|known| same_rows(known, &group)) {
            Some(known) => known.extend(group),
            None => merged.push(group),
        }
    }
    // The order of the rows stays that of their first checks.
    for group in &mut merged {
        group.sort_by(|a, b| a.requirement.cmp(&b.requirement));
    }
    merged
}

fn same_end(a: &CheckResult, b: &CheckResult) -> bool {
    a.verdict == b.verdict && a.known == b.known && a.not_decided == b.not_decided
}

fn same_finding(a: &CheckResult, b: &CheckResult) -> bool {
    same_end(a, b) && a.findings == b.findings
}

fn same_rows(a: &[&CheckResult], b: &[&CheckResult]) -> bool {
    let rows = |group: &[&CheckResult]| -> BTreeSet<String> {
        group.iter().map(|check| check.requirement.to_string()).collect()
    };
    same_end(a[0], b[0]) && rows(a) == rows(b)
}

/// The passive check that says the same in words: a step that waits for how a rule came out repeats
/// what the check says of the same entry.
pub(super) fn in_words<'a>(case: &'a CaseResult, check: &CheckResult) -> Option<&'a CheckResult> {
    let by_step = |check: &CheckResult| check.id.starts_with("step-");
    if !by_step(check) || check.findings.is_empty() {
        return None;
    }
    let mut others = case.checks.iter().filter(|other| {
        !by_step(other)
            && other.requirement == check.requirement
            && (other.verdict, other.known) == (check.verdict, check.known)
    });
    others.find(|other| check.findings.iter().all(|finding| repeats(finding, other)))
}

fn repeats(finding: &Finding, passive: &CheckResult) -> bool {
    let of_rule = finding.expected.contains("rule: {");
    let of_entry = |id: &Text| passive.findings.iter().any(|told| told.evidence.contains(id));
    of_rule && finding.evidence.first().is_some_and(of_entry)
}

/// What two checks of different cases have in common where they say the same.
fn likeness(case: &CaseResult, check: &CheckResult) -> String {
    let check = in_words(case, check).unwrap_or(check);
    let by_step = check.id.starts_with("step-");
    let mut words = vec![check.verdict.word().to_owned(), check.known.to_string()];
    words.push(check.requirement.to_string());
    if !by_step {
        words.push(check.id.to_string());
    } else if check.findings.is_empty() {
        // Where a step stopped says something of its scenario alone.
        words.extend([case.scenario.clone(), check.id.to_string()]);
    }
    words.extend(check.not_decided.as_ref().map(|why| without_ids(&why.sentence())));
    for finding in &check.findings {
        words.extend(by_step.then(|| without_ids(&finding.expected)));
        words.push(without_ids(&finding.actual));
    }
    words.join("\n")
}

fn without_ids(text: &str) -> String {
    let inside = |c: char| c.is_alphanumeric() || "-_+=".contains(c);
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let is_id = word.chars().count() >= ID_CHARS_MIN && word.contains(char::is_numeric);
        out.push_str(if is_id { "#" } else { word });
        let gap = after.find(inside).unwrap_or(after.len());
        out.push_str(&after[..gap]);
        rest = &after[gap..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_do_not_make_a_difference_and_numbers_do() {
        let one = without_ids("<ack id=\"3EB0AD2346041EC2462173\"/> (401)");
        assert_eq!(one, without_ids("<ack id=\"3EB0AD2346041EC2462999\"/> (401)"));
        assert_ne!(one, without_ids("<ack id=\"3EB0AD2346041EC2462999\"/> (404)"));
        assert_eq!(without_ids("é 1-64249329189078@interop, 30 days"), "é #@interop, 30 days");
    }
}
