//! What a run shows that is no case's: hooks that were tried, and what befell shared instances.
//!
//! A death on a shared instance sends its cases into instances of their own. If none of them dies
//! there, nobody is to blame alone, and still the process died: that is the run's finding
//! (`interfaces.md` §3).

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::recorder::RecordError;
use super::runner::Run;
use super::session::Misfortune;
use crate::check::{RUN_CASE, Setting, judge_run};
use crate::clock::UnixMs;
use crate::evidence::{Event, Lane, Stream, Transcript, Trouble};
use crate::verdict::{CaseResult, Verdict};

/// What befell a shared instance while a case was there.
pub(super) struct Befallen {
    pub misfortune: Misfortune,
    pub case: String,
    /// It happened again when the case was alone.
    pub again: bool,
}

impl Run {
    /// What the run shows that is no case's; `None` if that is nothing.
    pub(super) async fn whole(
        &self,
        mut events: Vec<Event>,
    ) -> Result<Option<CaseResult>, RecordError> {
        events.extend(self.unreproduced());
        let mut transcript = Transcript::new(RUN_CASE);
        for event in events {
            transcript.record(UnixMs::now().0, Stream::operations(), Lane::Main, None, event);
        }
        let foreign = self.pool.target.foreign;
        let setting = Setting { profile: &self.shared.profile, foreign };
        let result = judge_run(&transcript, setting);
        if result.checks.is_empty() {
            return Ok(None);
        }
        self.log(&transcript)?;
        Ok(Some(result))
    }

    /// What befell shared instances and happened to none of their cases alone.
    fn unreproduced(&self) -> Vec<Event> {
        let all = self.misfortunes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hosts: BTreeMap<u64, Vec<&Befallen>> = BTreeMap::new();
        for one in all.iter() {
            hosts.entry(one.misfortune.host).or_default().push(one);
        }
        let open = hosts.into_values().filter(|of| !of.iter().any(|one| one.again));
        let event = |of: Vec<&Befallen>| {
            let told = |one: &&Befallen| Some((one.misfortune.kind?, one.misfortune.why.clone()));
            let (kind, detail) = of.iter().find_map(told)?;
            let mut cases: Vec<String> = of.iter().map(|one| one.case.clone()).collect();
            cases.sort();
            Some(Event::Unreproduced { kind, detail, cases })
        };
        open.filter_map(event).collect()
    }
}

/// True if a case shows by itself what befell the instance that it shared.
pub(super) fn shows(case: &CaseResult, kind: Trouble) -> bool {
    let row = match kind {
        Trouble::Died | Trouble::NotStarted => "ROB-001",
        Trouble::Hung => "ROB-002",
        Trouble::Flooded => "ROB-003",
        Trouble::Panicked => "ROB-004",
    };
    case.checks.iter().any(|check| check.requirement == row && check.verdict == Verdict::Fail)
}
