//! The flags by which all verbs choose scenarios, in one place.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;

use super::output::{LATEST, read};
use crate::report::shell_word;
use crate::run::{Selection, select};
use crate::scenario::Case;
use crate::verdict::CheckResult;

/// Which scenarios. Words of one flag are alternatives, flags must all hold.
#[derive(Clone, Debug, Default, Args)]
#[command(
    next_help_heading = "Selection (words of one flag are alternatives, flags must all hold)"
)]
pub struct Choice {
    /// Only scenarios of this milestone; `M3` stands for M3.1, M3.2 and M3.3
    #[arg(long, value_name = "M")]
    pub milestone: Vec<String>,
    /// Only scenarios that cover this requirement, e.g. `ENC-002` or `NOI-*`
    #[arg(long, value_name = "ID")]
    pub requirement: Vec<String>,
    /// Only scenarios that cover a requirement of this area, e.g. `NOI`
    #[arg(long, value_name = "AREA")]
    pub area: Vec<String>,
    /// Only scenarios with this tag
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Only cases with a failure that nobody knows of in this run, by default the latest one
    #[arg(
        long,
        value_name = "RUN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = LATEST
    )]
    pub failed: Option<String>,
    /// Also what is tagged `slow`
    #[arg(long)]
    pub slow: bool,
}

impl Choice {
    /// True where no flag was given.
    pub fn is_empty(&self) -> bool {
        let lists = [&self.milestone, &self.requirement, &self.area, &self.tag];
        lists.iter().all(|list| list.is_empty()) && self.failed.is_none()
    }

    /// The rows that are asked for, as patterns of their ids.
    pub fn asked(&self) -> Vec<String> {
        let areas = self.area.iter().map(|area| format!("{area}-*"));
        areas.chain(self.requirement.iter().cloned()).collect()
    }

    /// The same choice as words for a shell.
    pub fn words(&self, ids: &[String]) -> String {
        let flags = [
            ("--milestone", &self.milestone),
            ("--requirement", &self.requirement),
            ("--area", &self.area),
            ("--tag", &self.tag),
        ];
        let flags = flags.into_iter().flat_map(|(flag, words)| {
            words.iter().map(move |word| format!("{flag} {}", shell_word(word)))
        });
        let failed = self.failed.iter().map(|run| format!("--failed={}", shell_word(run)));
        let slow = self.slow.then(|| "--slow".to_owned());
        let ids = ids.iter().map(|id| shell_word(id));
        flags.chain(failed).chain(slow).chain(ids).collect::<Vec<_>>().join(" ")
    }

    /// Keeps the cases that are asked for; `out` is the folder with earlier runs.
    ///
    /// # Errors
    /// In words: what matches nothing, or which report cannot be read.
    pub fn select(
        &self,
        cases: Vec<Case>,
        ids: &[String],
        out: &Path,
    ) -> Result<Vec<Case>, String> {
        let failed = self.failed.as_ref().map(|run| failed(run, out)).transpose()?;
        let selection = Selection {
            ids: ids.to_vec(),
            milestones: self.milestone.clone(),
            requirements: self.requirement.clone(),
            areas: self.area.clone(),
            tags: self.tag.clone(),
            failed,
            slow: self.slow,
        };
        select(cases, &selection).map_err(|error| error.to_string())
    }
}

/// The cases with a check that is red and not known, and those that were not finished.
fn failed(run: &str, out: &Path) -> Result<BTreeSet<String>, String> {
    let (report, _) = read(run, out)?;
    let red = |check: &CheckResult| check.is_red() && !check.known;
    let cases = report.cases.iter().filter(|case| case.checks.iter().any(red));
    Ok(cases.map(|case| case.id.clone()).chain(report.unfinished.iter().cloned()).collect())
}
