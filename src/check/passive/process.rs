//! The process and its adapter: it lives, answers, stays small, prints no defect and keeps to the
//! protocol (area ROB).
//!
//! A row passes only where the subject took part: a stanza of the counterpart's reached a client that
//! had logged in, or its key set was sound. A process that does nothing survives everything.

use std::collections::BTreeSet;

use super::{Check, Grade, Observed, View};
use crate::evidence::{Direction, Entry, Event, Growth, Lane, RuleGrade, Trouble};
use crate::spec::Profile;
use crate::verdict::Witness;

pub struct Process;

const MEMORY: &str = "robustness.memory_mib_max";
const DESCRIPTORS: &str = "robustness.descriptors_max";

impl Check for Process {
    fn id(&self) -> &'static str {
        "process"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ROB-001", "ROB-002", "ROB-003", "ROB-004", "ROB-006"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let entries = view.transcript.entries();
        let mut found: Vec<Observed> = entries.iter().filter_map(breach).collect();
        found.extend(false_claims(view));
        if let Some(took_part) = view.entries().find(|entry| takes_part(entry)) {
            let vitals = entries.iter().filter_map(|entry| vitals(entry, view.profile, took_part));
            found.extend(vitals.flatten());
            found.extend(honest(view));
        }
        found
    }
}

/// What an entry shows to be wrong.
pub fn breach(entry: &Entry) -> Option<Observed> {
    match &entry.event {
        Event::ProcessTrouble { kind, detail, shared } => {
            let observed = trouble(entry, *kind, detail);
            let grade = if *shared { Grade::Open } else { observed.grade };
            Some(Observed { grade, ..observed })
        }
        Event::DriverBreach { why } => {
            let expected = "JSON-RPC 2.0 as the driver protocol has it";
            let observed = Observed::new("ROB-006", false, expected, why.clone(), entry);
            Some(Observed { grade: Grade::DriverError, ..observed }.seen_by(Witness::Driver))
        }
        Event::Unreproduced { kind, detail, cases } => {
            let detail = format!(
                "{detail}; none of these brings it about alone (what the adapter wrote \
                    meanwhile lies in `logs` beside the report): {}",
                cases.join(", ")
            );
            Some(trouble(entry, *kind, &detail))
        }
        _ => None,
    }
}

fn trouble(entry: &Entry, kind: Trouble, detail: &str) -> Observed {
    let (row, expected) = match kind {
        Trouble::Died | Trouble::NotStarted => ("ROB-001", "the process survives"),
        Trouble::Hung => ("ROB-002", "an answer within the deadline"),
        Trouble::Flooded => ("ROB-003", "what it sends stays within bounds"),
        Trouble::Panicked => ("ROB-004", "no panic, assertion or sanitizer report"),
    };
    Observed::new(row, false, expected, detail, entry).seen_by(Witness::Process)
}

/// True for what shows that the subject takes part in the protocol.
fn takes_part(entry: &Entry) -> bool {
    match &entry.event {
        // Only what has logged in is sent stanzas.
        Event::Stanza { direction: Direction::Sent, .. } => true,
        Event::KeySet { checked } => {
            !checked.is_empty() && checked.iter().all(|rule| rule.grade != RuleGrade::Broken)
        }
        _ => false,
    }
}

/// What the end of a case shows, whose traffic began with `took_part`.
fn vitals(entry: &Entry, profile: &Profile, took_part: &Entry) -> Option<Vec<Observed>> {
    let Event::Vitals { well, log, growth } = &entry.event else { return None };
    let mut found = Vec::new();
    if *well {
        found.push(fine("ROB-001", "the process survives", "it lives", entry));
        found.push(fine("ROB-002", "an answer within the deadline", "it answers `health`", entry));
    }
    if *log {
        let expected = "no panic, assertion or sanitizer report";
        found.push(fine("ROB-004", expected, "none in its log", entry));
    }
    found.extend(growth.iter().flat_map(|growth| grown(*growth, profile, entry)));
    for observed in &mut found {
        observed.evidence.insert(0, took_part.id.clone());
    }
    Some(found)
}

fn fine(row: &'static str, expected: &str, actual: &str, entry: &Entry) -> Observed {
    Observed::new(row, true, expected, actual, entry).seen_by(Witness::Process)
}

/// Memory and descriptors against the profile's bounds. Figures differ between runs, so the words
/// have none; the log has them.
fn grown(growth: Growth, profile: &Profile, entry: &Entry) -> Vec<Observed> {
    let against = |key: &'static str, what: &str, took: u64| {
        let max = profile.int(key)?.unsigned_abs();
        let right = took <= max;
        let actual = if right { "it stays below" } else { "it takes more" };
        let observed = Observed::new(
            "ROB-003",
            right,
            format!("at most {max} {what} for a case"),
            actual,
            entry,
        );
        Some(observed.resting_on(key).seen_by(Witness::Process))
    };
    let memory = against(MEMORY, "MiB", growth.memory_mib);
    let descriptors = against(DESCRIPTORS, "descriptors", growth.descriptors);
    memory.into_iter().chain(descriptors).collect()
}

/// Successes that the adapter reports and the wire contradicts.
fn false_claims(view: &View<'_>) -> Vec<Observed> {
    let mut seen: BTreeSet<(Lane, String, &str)> = BTreeSet::new();
    let mut found = Vec::new();
    for entry in view.entries() {
        let Some(actor) = entry.actor.clone() else { continue };
        match &entry.event {
            Event::Enlistment { outcome, .. } if outcome == "ok" => {
                seen.insert((entry.lane, actor, "enlist"));
            }
            Event::Login { facts } if facts.refused.is_none() => {
                seen.insert((entry.lane, actor, "connect"));
            }
            Event::Answered { operation, outcome: Ok(_) } => {
                let (name, claim) = match operation.as_str() {
                    "enlist" if !view.profile.rules_out("ENL-001") => ("enlist", "an enlistment"),
                    "connect" => ("connect", "a connection"),
                    _ => continue,
                };
                if !seen.contains(&(entry.lane, actor, name)) {
                    let expected = "what the driver reports agrees with the wire";
                    let actual = format!("it reports {claim}, and the wire has seen none");
                    found.push(
                        Observed::new("ROB-006", false, expected, actual, entry)
                            .seen_by(Witness::Driver),
                    );
                }
            }
            _ => {}
        }
    }
    found
}

/// The nonsense operation was refused at the start; here the wire confirms what was claimed.
fn honest(view: &View<'_>) -> Option<Observed> {
    let login = view
        .entries()
        .find(|entry| matches!(&entry.event, Event::Login { facts } if facts.refused.is_none()))?;
    let expected = "what the driver reports agrees with the wire";
    let actual = "the wire has seen the logins that it reports";
    Some(Observed::new("ROB-006", true, expected, actual, login).seen_by(Witness::Driver))
}
