//! Cases in which the third party's client is the harness's own: only the server is judged.

use crate::evidence::{Event, Transcript};
use crate::scenario::Scenario;
use crate::spec::Catalogue;
use crate::verdict::{CheckResult, NotDecided, Verdict};

const WHY: &str = "the client is the harness's own here; the row is about the subject's";
const OUT_OF_SIGHT: &str =
    "the subject plays no third-party-client, which alone shows what a push wakes";
/// The subject's process and driver are judged whoever its client is.
const OF_PROCESS: &str = "ROB-";

/// True if the client was lent.
pub(super) fn is_lent(transcript: &Transcript) -> bool {
    transcript.entries().iter().any(|entry| entry.event == Event::ClientLent)
}

/// Takes back whatever would be said of the lent client.
pub(super) fn of_the_server(scenario: &Scenario, checks: Vec<CheckResult>) -> Vec<CheckResult> {
    let of_server = |check: &CheckResult| {
        let row = Catalogue::builtin().get(&check.requirement);
        check.requirement.starts_with(OF_PROCESS) || row.is_some_and(|row| row.binds_server_alone())
    };
    let covered =
        |check: &CheckResult| scenario.covers.iter().any(|row| **row == *check.requirement);
    let kept = checks.into_iter().filter(|check| of_server(check) || covered(check));
    kept.map(|check| if of_server(&check) { check } else { ruled_out(check, WHY) }).collect()
}

/// A step that shows only at a client of the subject's own.
pub(super) fn out_of_sight(check: CheckResult) -> CheckResult {
    ruled_out(check, OUT_OF_SIGHT)
}

fn ruled_out(check: CheckResult, why: &str) -> CheckResult {
    let not_decided = Some(NotDecided::RuledOut(why.to_owned()));
    CheckResult { verdict: Verdict::NotTestable, not_decided, findings: Vec::new(), ..check }
}
