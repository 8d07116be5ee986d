//! Cases in which one half of the third party is the harness's own: only the other half is judged.

use crate::evidence::{Event, Transcript};
use crate::scenario::Scenario;
use crate::spec::Catalogue;
use crate::verdict::{CheckResult, NotDecided, Verdict};

/// What is the harness's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lent {
    Client,
    Server,
}

/// The subject's process and driver are judged whatever else is lent to it.
const OF_PROCESS: &str = "ROB-";

/// What was lent in a case, if anything was.
pub(super) fn lent(transcript: &Transcript) -> Option<Lent> {
    transcript.entries().iter().find_map(|entry| match entry.event {
        Event::ClientLent => Some(Lent::Client),
        Event::ServerLent => Some(Lent::Server),
        _ => None,
    })
}

impl Lent {
    /// Takes back whatever would be said of what is the harness's own.
    pub(super) fn of_the_subject(
        self,
        scenario: &Scenario,
        checks: Vec<CheckResult>,
    ) -> Vec<CheckResult> {
        let covered =
            |check: &CheckResult| scenario.covers.iter().any(|row| **row == *check.requirement);
        let kept = checks.into_iter().filter(|check| self.is_judged(check) || covered(check));
        let why = match self {
            Self::Client => "the client is the harness's own here; the row is about the subject's",
            Self::Server => "the server is the harness's own here; the row is about the subject's",
        };
        kept.map(|check| if self.is_judged(&check) { check } else { ruled_out(check, why) })
            .collect()
    }

    fn is_judged(self, check: &CheckResult) -> bool {
        let row = Catalogue::builtin().get(&check.requirement);
        let of_server = row.is_some_and(|row| row.binds_server_alone());
        check.requirement.starts_with(OF_PROCESS) || of_server == (self == Self::Client)
    }
}

/// A step that shows only at a half of the third party which is not the subject's.
pub(super) fn out_of_sight(check: CheckResult, lent: Option<Lent>) -> CheckResult {
    let why = match lent {
        Some(Lent::Server) => "the subject plays no third-party-server, which alone shows it",
        _ => "the subject plays no third-party-client, which alone shows what a push wakes",
    };
    ruled_out(check, why)
}

fn ruled_out(check: CheckResult, why: &str) -> CheckResult {
    let not_decided = Some(NotDecided::RuledOut(why.to_owned()));
    CheckResult { verdict: Verdict::NotTestable, not_decided, findings: Vec::new(), ..check }
}
