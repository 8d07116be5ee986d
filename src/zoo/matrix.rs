//! Runs each quirk against the scenarios that should see it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use super::rows::{BrokenRow, rows};
use crate::evidence::RunHeader;
use crate::role::quirk::{self, Expect, Fault, Quirk};
use crate::run::{Observer, Place, RunError, RunOptions, RunReport, Target, run_all};
use crate::scenario::Case;
use crate::seed::Seed;
use crate::spec::Profile;
use crate::verdict::{CaseResult, Verdict};

/// What became of a quirk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its requirement was found broken, as expected.
    Killed,
    /// All that names it stayed green.
    Survived,
    /// No scenario names it.
    Inert,
    /// Something was red, but not its requirement.
    WrongRequirement,
}

impl Status {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Survived => "survived",
            Self::Inert => "inert",
            Self::WrongRequirement => "wrong requirement",
        }
    }

    /// The word in progress: whatever is not as it should be stands out.
    fn shout(self) -> String {
        if self == Self::Killed { self.word().to_owned() } else { self.word().to_uppercase() }
    }
}

/// One quirk's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Killed {
    pub id: &'static str,
    pub seat: &'static str,
    pub source: &'static str,
    pub expect: &'static str,
    pub requirement: &'static str,
    /// The profile under which it was hunted, where that is not the hunt's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<&'static str>,
    /// Scenarios whose `proves` names it.
    pub named: Vec<String>,
    /// Cases that found it.
    pub killed_by: Vec<String>,
    pub status: Status,
}

/// One control's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    pub id: &'static str,
    /// Checks that it passed; must be empty.
    pub passed_checks: Vec<String>,
}

/// The whole matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KillMatrix {
    pub schema: u32,
    pub seed: u64,
    pub quirks: Vec<Killed>,
    pub controls: Vec<Control>,
    /// Every row of the catalogue with the quirks that break it.
    pub rows: Vec<BrokenRow>,
}

impl KillMatrix {
    /// True if every quirk was killed and no control passed anything.
    pub fn is_sound(&self) -> bool {
        let killed = |quirk: &Killed| quirk.status == Status::Killed;
        let empty = |control: &Control| control.passed_checks.is_empty();
        self.quirks.iter().all(killed) && self.controls.iter().all(empty)
    }
}

/// What a hunt depends on.
pub struct ZooOptions {
    /// Makes the bundled reference with this quirk.
    pub target: Box<dyn Fn(&str) -> Target + Send + Sync>,
    pub profile: Profile,
    pub seed: Seed,
    pub jobs: usize,
    /// Quirks at a time.
    pub side_by_side: usize,
    /// Event logs go to one folder a quirk.
    pub out: PathBuf,
    /// Only these quirks; all if empty.
    pub only: Vec<String>,
    /// Each quirk runs against every scenario, not only against those that name it: `killed_by`
    /// then holds whatever sees it. Takes hours.
    pub everything: bool,
}

/// Runs every quirk against the scenarios that name it, and every control against all scenarios.
///
/// # Errors
/// A run could not be carried out; a quirk that survives is a result, not an error.
pub async fn hunt(
    cases: &[Case],
    options: &ZooOptions,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<KillMatrix, RunError> {
    let wanted = |id: &str| options.only.is_empty() || options.only.iter().any(|only| only == id);
    let wanted_quirks = quirk::all().filter(|quirk| wanted(quirk.id));
    let hunts = wanted_quirks.map(|quirk| hunt_one(quirk, cases, options));
    let mut lines = stream::iter(hunts).buffered(options.side_by_side.max(1));
    let mut quirks = Vec::new();
    while let Some(line) = lines.next().await {
        let line = line?;
        progress(&format!("{:<18} {}", line.status.shout(), line.id));
        quirks.push(line);
    }
    let mut controls = Vec::new();
    for control in quirk::CONTROLS.iter().filter(|control| wanted(control.id)) {
        let profile = options.profile.clone();
        let report = run(control.id, cases.to_vec(), profile, options).await?;
        let passed_checks = passed(&report.cases);
        progress(&format!(
            "{:<18} control {}",
            format!("{} passed", passed_checks.len()),
            control.id
        ));
        controls.push(Control { id: control.id, passed_checks });
    }
    Ok(KillMatrix { schema: 1, seed: options.seed.0, quirks, controls, rows: rows(None) })
}

async fn hunt_one(
    quirk: &'static Quirk,
    cases: &[Case],
    options: &ZooOptions,
) -> Result<Killed, RunError> {
    let named: Vec<Case> = cases
        .iter()
        .filter(|case| case.scenario.proves.iter().any(|id| id == quirk.id))
        .cloned()
        .collect();
    let names: BTreeSet<String> = named.iter().map(|case| case.scenario.id.clone()).collect();
    let chosen = if options.everything { cases.to_vec() } else { named };
    let results = match chosen.is_empty() {
        true => Vec::new(),
        false => run(quirk.id, chosen, habitat(quirk, options), options).await?.cases,
    };
    let found: Vec<&CaseResult> = results.iter().filter(|case| finds(case, quirk)).collect();
    let by_name = found.iter().any(|case| names.contains(&case.scenario));
    let killed_by: Vec<String> = found.iter().map(|case| case.id.clone()).collect();
    let red = results.iter().any(|case| case.verdict > Verdict::Pass);
    let status = match (names.is_empty(), by_name, red) {
        (true, _, _) => Status::Inert,
        (_, true, _) => Status::Killed,
        (_, _, true) => Status::WrongRequirement,
        _ => Status::Survived,
    };
    Ok(Killed {
        id: quirk.id,
        seat: quirk.seat,
        source: quirk.source,
        expect: quirk.expect.word(),
        requirement: quirk.requirement,
        profile: quirk.profile,
        named: names.into_iter().collect(),
        killed_by,
        status,
    })
}

/// True if the case broke the quirk's requirement in the expected degree. A legal oddity must leave
/// the whole case green, and one of writing must be named.
fn finds(case: &CaseResult, quirk: &Quirk) -> bool {
    if quirk.expect == Expect::Tolerated && !(case.verdict == Verdict::Pass && names(case, quirk)) {
        return false;
    }
    let wanted = match quirk.expect {
        Expect::Fail => Verdict::Fail,
        Expect::Warn => Verdict::Warn,
        Expect::Tolerated => Verdict::Pass,
    };
    case.checks
        .iter()
        .any(|check| check.requirement == quirk.requirement && check.verdict == wanted)
}

/// True if the case says which oddity it has seen; of those that are none of writing nothing is
/// said.
fn names(case: &CaseResult, quirk: &Quirk) -> bool {
    let Fault::Writes(variant) = quirk.fault else { return true };
    let named = format!("it writes {variant}");
    let checks = case.checks.iter().filter(|check| check.requirement == quirk.requirement);
    checks.flat_map(|check| &check.findings).any(|finding| finding.actual == named)
}

fn passed(cases: &[CaseResult]) -> Vec<String> {
    let passed = cases.iter().flat_map(|case| {
        case.checks
            .iter()
            .filter(|check| check.verdict == Verdict::Pass)
            .map(|check| format!("{} {} {}", case.id, check.id, check.requirement))
    });
    passed.collect()
}

/// The profile under which a quirk shows.
fn habitat(quirk: &Quirk, options: &ZooOptions) -> Profile {
    let own = quirk.profile.and_then(|id| Profile::builtin(id).or_else(|| Profile::overlay(id)));
    own.unwrap_or_else(|| options.profile.clone())
}

async fn run(
    id: &str,
    cases: Vec<Case>,
    profile: Profile,
    options: &ZooOptions,
) -> Result<RunReport, RunError> {
    let (out, seed) = (options.out.join(id), options.seed.0);
    std::fs::create_dir_all(&out)?;
    let run = RunOptions {
        target: (options.target)(id),
        profile,
        seed: options.seed,
        jobs: options.jobs,
        run_id: id.to_owned(),
        out,
        place: Place::default(),
        again: format!("counterpart run --iut 'reference:third-party?quirk={id}' --seed {seed}"),
    };
    run_all(cases, run, Arc::new(Silent)).await
}

struct Silent;

impl Observer for Silent {
    fn begun(&self, _: &RunHeader, _: usize) {}
    fn started(&self, _: &str) {}
    fn finished(&self, _: &CaseResult) {}
}
