//! How a row's result is graded: the catalogue's level, the cap by basis, what was not decided.

use super::Setting;
use crate::evidence::{Event, Transcript};
use crate::http::is_refusal;
use crate::spec::{Basis, Catalogue, Level};
use crate::verdict::{CheckResult, Finding, NotDecided, Verdict, Witness};

pub(super) fn result(id: &str, row: &str, verdict: Verdict) -> CheckResult {
    let basis = Catalogue::builtin().get(row).map_or(Basis::Profile, |row| row.basis);
    CheckResult {
        id: id.into(),
        requirement: row.into(),
        verdict,
        basis,
        profile_key: None,
        witness: Witness::Wire,
        known: false,
        behind: None,
        not_decided: None,
        findings: Vec::new(),
    }
}

/// Areas whose rows show only through messages that were encrypted and decrypted.
const ENCRYPTED: [&str; 5] = ["ENC-", "RAT-", "PRE-", "MSG-", "RCP-"];

/// Where the profile only assumes the version of the Signal Protocol, nothing that travels in its
/// messages can fail a subject that speaks another one.
pub(super) fn resting_on_signal(check: CheckResult, setting: Setting<'_>) -> CheckResult {
    const KEY: &str = "signal.version";
    let encrypted = ENCRYPTED.iter().any(|area| check.requirement.starts_with(area));
    if !encrypted || setting.profile.basis(KEY) != Some(Basis::Assumed) {
        return check;
    }
    let profile_key = check.profile_key.or_else(|| Some(KEY.into()));
    CheckResult { basis: Basis::Assumed, profile_key, ..check }
}

/// Areas whose rows show only in files that Meta's proxy was given.
const OF_FILES: [&str; 3] = ["MED-", "MPX-", "MSG-006"];

/// Whether a store of files said that it does not know who asks.
pub(super) fn store_asks_who(transcript: &Transcript) -> bool {
    transcript.entries().iter().any(|entry| match &entry.event {
        Event::Downloaded { facts, .. } => facts.status.is_some_and(is_refusal),
        Event::MediaProbed { refused, .. } => refused.is_some(),
        _ => false,
    })
}

/// How Meta's proxy shows who it is at a store is not public: where that is assumed, a store that asks
/// for something else fails nothing that its files would have shown.
pub(super) fn resting_on_auth(check: CheckResult, setting: Setting<'_>) -> CheckResult {
    const KEY: &str = "media.download_auth";
    let of_files = OF_FILES.iter().any(|area| check.requirement.starts_with(area));
    let assumed = setting.profile.basis(KEY) == Some(Basis::Assumed);
    if !of_files || !assumed || check.verdict <= Verdict::Inconclusive {
        return check;
    }
    let rests = CheckResult { basis: Basis::Assumed, profile_key: Some(KEY.into()), ..check };
    cap(rests, false, setting.foreign)
}

pub(super) fn undecided(check: CheckResult, why: NotDecided) -> CheckResult {
    CheckResult { verdict: Verdict::Inconclusive, not_decided: Some(why), ..check }
}

/// Grades a broken rule by the catalogue's level and caps it by the basis (`interfaces.md` §1).
pub(super) fn broken(
    check: CheckResult,
    finding: Finding,
    invariant: bool,
    setting: Setting<'_>,
) -> CheckResult {
    let level = Catalogue::builtin().get(&check.requirement).map_or(Level::Must, |row| row.level);
    let verdict = match level {
        Level::Must => Verdict::Fail,
        Level::Should => Verdict::Warn,
        Level::May => Verdict::Pass,
    };
    let check = CheckResult { verdict, not_decided: None, findings: vec![finding], ..check };
    cap(check, invariant, setting.foreign)
}

/// A word of the adapter that the wire contradicts, or a missing operation, fails the row under
/// test whatever its level (`interfaces.md` §1, §6).
pub(super) fn contradicted(check: CheckResult, finding: Finding) -> CheckResult {
    let verdict = Verdict::Fail;
    CheckResult { verdict, not_decided: None, findings: vec![finding], ..check }
}

/// Nobody is failed for refusing our guess about what Meta keeps unpublished.
pub(super) fn cap(check: CheckResult, invariant: bool, foreign: bool) -> CheckResult {
    let capped = foreign && !invariant && check.basis == Basis::Assumed;
    if !capped || check.verdict <= Verdict::Inconclusive {
        return check;
    }
    let key = check.profile_key.clone().unwrap_or_else(|| check.requirement.clone());
    undecided(check, NotDecided::Assumed(key.to_string()))
}
