//! The closed words: quirks, verdicts, bases, profile keys, capabilities, classes, milestones.

use std::collections::BTreeSet;

use super::driver::asks;
use super::{Known, heading, listed, scenarios_where};
use crate::check;
use crate::driver::{ErrorClass, operation};
use crate::report::{MILESTONES, Page};
use crate::role::quirk as zoo;
use crate::scenario::{Case, Needs};
use crate::spec::profile::{BUILTIN, OVERLAYS};
use crate::spec::{Basis, Catalogue, Profile, capability as ics, key, why_fixed};

const VERDICTS: &[(&str, &str)] = &[
    (
        "pass",
        "The property was exercised and held. A negative step passes only if its twin, the same exchange without the one declared difference, was accepted and a probe showed that the implementation still works.",
    ),
    ("warn", "A SHOULD was broken. The run stays conformant, with warnings."),
    ("fail", "A MUST was broken. The run is nonconformant."),
    (
        "inconclusive",
        "Neither shown to hold nor shown to be broken: an earlier step did not come about, an absence could not be shown, or the rule rests on a profile value that is merely assumed. The run is incomplete.",
    ),
    (
        "not_applicable",
        "A declared capability or the profile rules the row out. It is part of the run's scope and never green.",
    ),
    (
        "not_testable",
        "Out of reach: the row cannot be seen from outside, a seat is not under test, or a hook is declared absent. It is part of the run's scope and never green.",
    ),
    (
        "driver_error",
        "The adapter broke the driver protocol, so nothing that it says can be trusted. The run is invalid.",
    ),
    (
        "harness_error",
        "The harness failed. Nothing is known of the implementation, and the run is invalid.",
    ),
];

const OUTCOMES: &[(&str, &str)] = &[
    ("conformant", "Everything that was executed passed. Exit code 0."),
    ("conformant_with_warnings", "Nothing failed; a SHOULD was broken. Exit code 0."),
    ("nonconformant", "A MUST was broken. Exit code 1."),
    ("incomplete", "Nothing failed, but something could not be decided. Exit code 3."),
    (
        "invalid",
        "The driver lies, the implementation never started, nothing was executed, or the harness failed. Exit code 4, or 2 where it was the harness.",
    ),
];

const EXITS: &[(&str, &str)] = &[
    ("0", "Good."),
    ("1", "Nonconformant, a finding, or a mismatch."),
    ("2", "A usage error, or an error of the harness."),
    ("3", "Incomplete: something could not be decided."),
    ("4", "Invalid: the driver lies, the implementation never started, or nothing was executed."),
    ("130", "Interrupted; what was decided by then is in the report."),
];

const BASES: &[(Basis, &str)] = &[
    (Basis::Law, "the text of the DMA or the GDPR says so"),
    (Basis::Stated, "Meta says so in public"),
    (Basis::Standard, "a standard that the design uses says so"),
    (Basis::Example, "one of Meta's public examples shows it"),
    (Basis::Observed, "open clients of the same protocol behave so"),
    (Basis::Profile, "our own decision"),
    (
        Basis::Assumed,
        "nobody outside Meta knows; a failure that rests on it is at most inconclusive",
    ),
];

const CLASSES: &[&str] = &[
    "the request or what it carries cannot be read",
    "a token or a signature is missing or wrong",
    "known, and not allowed to do this",
    "seen before",
    "there is no such thing",
    "a size, a rate or a number is exceeded",
    "the version is not spoken",
    "the other side cannot be reached or has no room now",
    "a defect of the implementation itself",
];

/// The words of this file, for suggestions.
pub(super) fn all() -> Vec<&'static str> {
    let pairs = [VERDICTS, OUTCOMES].into_iter().flatten().map(|(word, _)| *word);
    let bases = Basis::ALL.iter().map(|(_, word)| *word);
    let classes = ErrorClass::WORDS.iter().copied();
    let controls = zoo::CONTROLS.iter().map(|control| control.id);
    let profiles = BUILTIN.iter().chain(OVERLAYS).map(|(name, _)| *name);
    pairs.chain(bases).chain(classes).chain(controls).chain(profiles).collect()
}

/// What a basis means, in a few words.
pub(super) fn of_basis(basis: Basis) -> &'static str {
    BASES.iter().find(|(one, _)| *one == basis).map_or("", |(_, text)| text)
}

fn told(page: &mut Page, kind: &str, table: &[(&str, &str)], word: &str) -> bool {
    let Some((name, text)) = table.iter().find(|(name, _)| *name == word) else { return false };
    heading(page, kind, name);
    page.fill(2, text);
    true
}

pub(super) fn verdict(word: &str, _: &Known, page: &mut Page) -> bool {
    told(page, "verdict", VERDICTS, word)
}

pub(super) fn outcome(word: &str, _: &Known, page: &mut Page) -> bool {
    told(page, "outcome", OUTCOMES, word)
}

pub(super) fn exit_code(word: &str, _: &Known, page: &mut Page) -> bool {
    told(page, "exit code", EXITS, word)
}

pub(super) fn basis(word: &str, known: &Known, page: &mut Page) -> bool {
    let Some((basis, name)) = Basis::ALL.iter().find(|(_, name)| *name == word) else {
        return false;
    };
    heading(page, "basis", name);
    page.fill(2, &format!("What a rule or a value rests on: {}.", of_basis(*basis)));
    let order: Vec<&str> = Basis::ALL.iter().map(|(_, name)| *name).collect();
    page.field(2, "strength", &order.join(" > "));
    let rows = Catalogue::builtin().iter().filter(|row| row.basis == *basis).count();
    let values = known.profile.iter().filter(|(_, value)| value.basis == *basis).count();
    let text = format!("{rows} rows, and {values} values of the profile {}", known.profile.id());
    page.field(2, "has it", &text);
    true
}

pub(super) fn quirk(word: &str, known: &Known, page: &mut Page) -> bool {
    let Some(quirk) = zoo::find(word) else { return false };
    heading(page, "quirk", quirk.id);
    page.fill(2, quirk.what);
    page.gap();
    page.field(2, "breaks", &row(quirk.requirement));
    if let Some(profile) = quirk.profile {
        page.field(2, "under", &format!("the profile {profile}"));
    }
    page.field(2, "expected", quirk.expect.word());
    page.field(2, "seat", quirk.seat);
    page.field(2, "source", quirk.source);
    let named = scenarios_where(known, |case| case.scenario.proves.iter().any(|id| id == word));
    listed(page, "found by", &named, "no scenario names it");
    let under = quirk.profile.map(|profile| format!(" --profile {profile}")).unwrap_or_default();
    let run = format!("counterpart run{under} --iut 'reference:third-party?quirk={word}'");
    let first = named.first().map(|id| format!(" {id}")).unwrap_or_default();
    page.command(2, "run", &format!("{run}{first}"));
    true
}

/// The names of all forms that a report may find a client to write.
pub(super) fn forms() -> Vec<String> {
    check::forms().into_iter().map(|(name, ..)| name).collect()
}

/// A legal form of the encoding, or of what stanzas say.
pub(super) fn form(word: &str, _: &Known, page: &mut Page) -> bool {
    let known = check::forms().into_iter().find(|(name, ..)| name == word);
    let Some((_, under, what)) = known else { return false };
    heading(page, "form", word);
    page.fill(2, &format!("What a client may write: {what}."));
    page.fill(2, "Open clients differ in it, and all of them are right: a report names it and nobody is failed. Expect that a peer may not have seen it before.");
    page.field(2, "legal under", &row(under));
    true
}

fn row(id: &str) -> String {
    let statement = Catalogue::builtin().get(id).map(|row| format!(": {}", row.statement));
    format!("{id}{}", statement.unwrap_or_default())
}

pub(super) fn control(word: &str, _: &Known, page: &mut Page) -> bool {
    let Some(control) = zoo::CONTROLS.iter().find(|control| control.id == word) else {
        return false;
    };
    heading(page, "control", control.id);
    page.fill(2, control.what);
    page.fill(2, "It is no implementation, so no check at all may pass on it.");
    true
}

pub(super) fn profile_key(word: &str, known: &Known, page: &mut Page) -> bool {
    let (Some(key), Some(value)) = (key::find(word), known.profile.get(word)) else {
        return false;
    };
    heading(page, "profile key", key.name);
    page.fill(2, key.doc);
    page.gap();
    page.field(2, "value", &format!("{} in {}", value.value, known.profile.id()));
    page.field(2, "basis", &format!("{}: {}", value.basis.word(), of_basis(value.basis)));
    page.field(2, "source", &value.source);
    let visible =
        if value.client_visible { "handed over by `configure`" } else { "the harness's own" };
    page.field(2, "visible", visible);
    let path = format!("profile.{word}");
    let used = scenarios_where(known, |case| {
        case.scenario.steps.iter().any(|step| step.references().contains(&path))
    });
    match why_fixed(word) {
        Some(why) => page.field(2, "fixed", &format!("no overlay changes it: {why}")),
        None => listed(page, "named by", &used, "no scenario; roles and checks read it"),
    }
    true
}

pub(super) fn capability(word: &str, known: &Known, page: &mut Page) -> bool {
    let Some(capability) = ics::find(word) else { return false };
    heading(page, "capability", capability.name);
    page.fill(2, capability.doc);
    if capability.hook {
        page.fill(2, "It is a hook: it serves the test alone, and rows that need it are not_testable without.");
    }
    let named = |case: &Case| case.scenario.needs.as_ref().is_some_and(|one| one.names(word));
    let needed = scenarios_where(known, |case| named(case) || needs(case, word));
    listed(page, "asked by", &needed, "no scenario");
    let rows = Catalogue::builtin().iter().filter(|row| row.when.as_deref() == Some(word));
    let mut rows: Vec<String> = rows.map(|one| row(&one.id)).collect();
    rows.extend(depending(known, word));
    listed(page, "rows", &rows, "none depends on it");
    true
}

/// True if a case says that it needs a capability, or asks for an operation that stands under it.
fn needs(case: &Case, capability: &str) -> bool {
    let named = case.scenario.needs.as_ref().is_some_and(|needs| wants(needs, capability));
    let mut operations = operation::all().filter(|one| one.capability == Some(capability));
    named || operations.any(|operation| asks(case, operation))
}

/// True where a condition asks for a capability, and not for its absence.
fn wants(needs: &Needs, capability: &str) -> bool {
    match needs {
        Needs::Has(name) | Needs::Includes(name, _) => *name == capability,
        Needs::Not(_) => false,
        Needs::All(one, other) | Needs::Any(one, other) => {
            wants(one, capability) || wants(other, capability)
        }
    }
}

/// The rows that scenarios decide which need a capability.
fn depending(known: &Known, capability: &str) -> Vec<String> {
    let covered = |with: bool| -> BTreeSet<&String> {
        let cases = known.cases.iter().filter(|case| needs(case, capability) == with);
        cases.flat_map(|case| &case.scenario.covers).collect()
    };
    let (with, without) = (covered(true), covered(false));
    let joined =
        |rows: Vec<&String>| rows.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let alone: Vec<_> = with.difference(&without).copied().collect();
    let partly: Vec<_> = with.intersection(&without).copied().collect();
    let told = [("decided with it alone", alone), ("decided without it too, in part", partly)];
    let told = told.into_iter().filter(|(_, rows)| !rows.is_empty());
    told.map(|(how, rows)| format!("{how}: {}", joined(rows))).collect()
}

pub(super) fn error_class(word: &str, _: &Known, page: &mut Page) -> bool {
    let Some(at) = ErrorClass::WORDS.iter().position(|class| *class == word) else { return false };
    heading(page, "error class", word);
    page.fill(2, &format!("An operation failed, or a user was shown an error: {}.", CLASSES[at]));
    page.fill(2, "Classes are compared, texts of errors never are.");
    true
}

pub(super) fn milestone(word: &str, known: &Known, page: &mut Page) -> bool {
    let Some((id, name)) = MILESTONES.iter().find(|(id, _)| *id == word) else { return false };
    heading(page, "milestone", id);
    page.fill(2, name);
    let scenarios = scenarios_where(known, |case| case.scenario.milestone == word);
    listed(page, "scenarios", &scenarios, "none in this version");
    true
}

pub(super) fn profile(word: &str, _: &Known, page: &mut Page) -> bool {
    let Some(profile) = Profile::builtin(word).or_else(|| Profile::overlay(word)) else {
        return false;
    };
    heading(page, "profile", profile.id());
    page.fill(2, "A set of values on which harness and implementation agree.");
    page.field(2, "values", &profile.iter().count().to_string());
    page.field(2, "shown by", &format!("counterpart profile show {word}"));
    page.field(2, "used by", &format!("counterpart run --profile {word}"));
    true
}

pub(super) fn area(word: &str, known: &Known, page: &mut Page) -> bool {
    let rows: Vec<_> = Catalogue::builtin().iter().filter(|row| row.area() == word).collect();
    if rows.is_empty() {
        return false;
    }
    heading(page, "area", word);
    for one in &rows {
        let covered = known.cases.iter().any(|case| case.scenario.covers.contains(&one.id));
        let mark = if covered { '*' } else { ' ' };
        page.hang(&format!("  {mark} {} ", one.id), 12, &one.statement);
    }
    page.fill(2, "(* is decided by a scenario of this version)");
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Outcome, Verdict};

    #[test]
    fn every_word_of_a_report_is_explained() {
        use Verdict::*;
        let verdicts =
            [NotApplicable, NotTestable, Pass, Warn, Inconclusive, Fail, DriverError, HarnessError];
        let told = |table: &[(&str, &str)], word: &str| table.iter().any(|(name, _)| *name == word);
        assert!(verdicts.iter().all(|verdict| told(VERDICTS, verdict.word())));
        let outcomes = [
            Outcome::Conformant,
            Outcome::ConformantWithWarnings,
            Outcome::Nonconformant,
            Outcome::Incomplete,
            Outcome::Invalid,
        ];
        assert!(outcomes.iter().all(|outcome| told(OUTCOMES, outcome.word())));
        assert!(Basis::ALL.iter().all(|(basis, _)| !of_basis(*basis).is_empty()));
        assert_eq!(CLASSES.len(), ErrorClass::WORDS.len());
    }
}
