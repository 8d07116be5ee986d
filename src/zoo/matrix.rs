//! Runs each quirk against the scenarios that should see it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use super::rows::{BrokenRow, rows};
use crate::check::{RUN_CASE, refusals};
use crate::evidence::RunHeader;
use crate::role::quirk::{self, Demand, Expect, Fault, Quirk};
use crate::run::{Observer, Place, RunError, RunOptions, Target, run_all};
use crate::scenario::Case;
use crate::seed::Seed;
use crate::spec::Profile;
use crate::verdict::{CaseResult, CheckResult, Verdict};

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
    /// A scenario found it, and another one that names it did not.
    Unseen,
}

impl Status {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Survived => "survived",
            Self::Inert => "inert",
            Self::WrongRequirement => "wrong requirement",
            Self::Unseen => "unseen",
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
    /// Cases that found it: of each scenario the first that does, or all where everything runs.
    pub killed_by: Vec<String>,
    /// Scenarios that name it and do not find it; must be empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blind: Vec<String>,
    /// What became of the quirk where the peer has the same fault; only derivations have such a run.
    pub self_pair: Option<SelfPair>,
    pub status: Status,
}

/// What a run showed in which Meta's clients have the subject's fault (`interfaces.md` §13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfPair {
    /// Messages went both ways, and the fault was found all the same.
    Killed,
    /// Messages went both ways, and nobody noticed.
    Survived,
    /// The two did not understand each other, so that nothing was shown.
    Mute,
}

/// One control's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    pub id: &'static str,
    /// Checks that it passed and must not: all of who is no implementation, those that expect a
    /// refusal of who refuses everything.
    pub passed_checks: Vec<String>,
    /// How many checks failed.
    pub failed: usize,
    /// It is not taken for a sound subject.
    pub sound: bool,
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
    /// How many quirks were killed.
    pub fn killed(&self) -> usize {
        self.quirks.iter().filter(|quirk| quirk.status == Status::Killed).count()
    }

    /// True if every quirk was killed and no control passed anything.
    pub fn is_sound(&self) -> bool {
        let alone = |quirk: &Killed| matches!(quirk.self_pair, None | Some(SelfPair::Killed));
        let killed = |quirk: &Killed| quirk.status == Status::Killed && alone(quirk);
        self.quirks.iter().all(killed) && self.controls.iter().all(|control| control.sound)
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
    let hunts = wanted_quirks
        .enumerate()
        .map(async |(place, quirk)| (place, hunt_one(quirk, cases, options).await));
    // As they end: behind one that waits for minutes, others would wait too.
    let mut lines = stream::iter(hunts).buffer_unordered(options.side_by_side.max(1));
    let mut quirks = BTreeMap::new();
    while let Some((place, line)) = lines.next().await {
        let line = line?;
        let by = line.blind.iter().map(|name| format!(", not by {name}")).collect::<String>();
        let pair = line.self_pair.map(SelfPair::words).unwrap_or_default();
        progress(&format!("{:<18} {}{by}{pair}", line.status.shout(), line.id));
        quirks.insert(place, line);
    }
    let quirks = quirks.into_values().collect();
    let mut controls = Vec::new();
    for control in quirk::CONTROLS.iter().filter(|control| wanted(control.id)) {
        let results =
            run(control.id, cases.to_vec(), options.profile.clone(), None, options).await?;
        let control = tried(control, cases, &results);
        let word = if control.sound { "told apart" } else { "NOT TOLD APART" };
        let (failed, passed) = (control.failed, control.passed_checks.len());
        progress(&format!("{word:<18} control {}: {passed} pass, {failed} fail", control.id));
        controls.push(control);
    }
    Ok(KillMatrix { schema: 1, seed: options.seed.0, quirks, controls, rows: rows(None) })
}

async fn hunt_one(
    quirk: &'static Quirk,
    cases: &[Case],
    options: &ZooOptions,
) -> Result<Killed, RunError> {
    let names = |case: &&Case| case.scenario.proves.iter().any(|id| id == quirk.id);
    let named: Vec<Case> = cases.iter().filter(names).cloned().collect();
    let self_pair = self_pair(quirk, &named, options).await?;
    let results = if options.everything {
        run(quirk.id, cases.to_vec(), habitat(quirk, options), None, options).await?
    } else {
        until_found(quirk, &named, options).await?
    };
    let named: BTreeSet<String> = named.into_iter().map(|case| case.scenario.id.clone()).collect();
    let found: Vec<&CaseResult> = results.iter().filter(|case| finds(case, quirk)).collect();
    // What a run shows as a whole, such as a false capability, stands under the case `run`.
    let whole = found.iter().any(|case| case.id == RUN_CASE);
    let sees = |name: &&String| whole || found.iter().any(|case| case.scenario == **name);
    let blind: Vec<String> = named.iter().filter(|name| !sees(name)).cloned().collect();
    let red = results.iter().any(|case| case.verdict > Verdict::Pass);
    let status = match (named.is_empty(), found.is_empty(), blind.is_empty(), red) {
        (true, ..) => Status::Inert,
        (_, false, true, _) => Status::Killed,
        (_, false, false, _) => Status::Unseen,
        (_, _, _, true) => Status::WrongRequirement,
        _ => Status::Survived,
    };
    Ok(Killed {
        id: quirk.id,
        seat: quirk.seat,
        source: quirk.source,
        expect: quirk.expect.word(),
        requirement: quirk.requirement,
        profile: quirk.profile,
        named: named.into_iter().collect(),
        killed_by: found.iter().map(|case| case.id.clone()).collect(),
        blind,
        self_pair,
        status,
    })
}

/// One case of each scenario, and the others of those where it did not find the quirk. What must be
/// tolerated must be so in every case.
async fn until_found(
    quirk: &'static Quirk,
    named: &[Case],
    options: &ZooOptions,
) -> Result<Vec<CaseResult>, RunError> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let profile = habitat(quirk, options);
    if quirk.expect == Expect::Tolerated {
        return run(quirk.id, named.to_vec(), profile, None, options).await;
    }
    let mut seen = BTreeSet::new();
    let (first, rest): (Vec<Case>, Vec<Case>) =
        named.iter().cloned().partition(|case| seen.insert(case.scenario.id.clone()));
    let mut results = run(quirk.id, first, profile.clone(), None, options).await?;
    let found = results.iter().filter(|case| finds(case, quirk));
    let done: BTreeSet<String> = found.map(|case| case.scenario.clone()).collect();
    let all = done.contains(RUN_CASE);
    let open = |case: &Case| !all && !done.contains(&case.scenario.id);
    let rest: Vec<Case> = rest.into_iter().filter(open).collect();
    if !rest.is_empty() {
        results.extend(run(quirk.id, rest, profile, None, options).await?);
    }
    Ok(results)
}

/// Runs a derivation quirk against Meta clients with the same fault: a pair that is consistent in
/// itself. Nothing for quirks of other kinds, and for those that no scenario names which shows both
/// directions.
async fn self_pair(
    quirk: &'static Quirk,
    named: &[Case],
    options: &ZooOptions,
) -> Result<Option<SelfPair>, RunError> {
    let shows = |case: &&Case| {
        let covers = &case.scenario.covers;
        BOTH_WAYS.iter().all(|row| covers.iter().any(|covered| covered == row))
    };
    let cases: Vec<Case> = named.iter().filter(shows).cloned().collect();
    if !quirk.is_derivation() || cases.is_empty() {
        return Ok(None);
    }
    let profile = habitat(quirk, options);
    let names: BTreeSet<String> = cases.iter().map(|case| case.scenario.id.clone()).collect();
    let results = run(quirk.id, cases, profile, Some(quirk.fault), options).await?;
    // The run as a whole is a case too.
    let results = || results.iter().filter(|case| names.contains(&case.scenario));
    let flows = |case: &CaseResult| BOTH_WAYS.iter().all(|row| passes(case, row));
    let (flow, found) = (results().all(flows), results().any(|case| finds(case, quirk)));
    Ok(Some(match (flow, found) {
        (false, _) => SelfPair::Mute,
        (true, true) => SelfPair::Killed,
        (true, false) => SelfPair::Survived,
    }))
}

/// Rows whose steps show that a text came out as it was written, in either direction.
const BOTH_WAYS: [&str; 2] = ["MSG-001", "MSG-002"];

fn passes(case: &CaseResult, row: &str) -> bool {
    let mut of_row = case.checks.iter().filter(|check| check.requirement == row).peekable();
    of_row.peek().is_some() && of_row.all(|check| check.verdict == Verdict::Pass)
}

impl SelfPair {
    /// What stands behind the quirk's own status.
    pub fn words(self) -> &'static str {
        match self {
            Self::Killed => ", also as a self pair",
            Self::Survived => ", SURVIVED as a self pair",
            Self::Mute => ", MUTE as a self pair",
        }
    }
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

/// True if the case says which oddity it has seen; of some nothing is said.
fn names(case: &CaseResult, quirk: &Quirk) -> bool {
    let named = match quirk.fault {
        Fault::Writes(variant) => format!("it writes {variant}"),
        Fault::MediaAsksWhoReads => "the file itself cannot be had: status 401".to_owned(),
        Fault::MediaTokenNotAskedFor => "without credentials: status 200".to_owned(),
        _ => return true,
    };
    let checks = case.checks.iter().filter(|check| check.requirement == quirk.requirement);
    checks.flat_map(|check| &check.findings).any(|finding| finding.actual == named)
}

/// What a control came to.
fn tried(control: &quirk::Control, cases: &[Case], results: &[CaseResult]) -> Control {
    let refusals: BTreeMap<String, BTreeSet<(String, String)>> =
        cases.iter().map(|case| (case.id(), refusals(&case.scenario))).collect();
    let forbidden = |case: &CaseResult, check: &CheckResult| match control.demand {
        Demand::PassesNothing => true,
        Demand::ToldApart => false,
        Demand::RefusesInVain => refusals.get(&case.id).is_some_and(|rows| {
            rows.contains(&(check.id.to_string(), check.requirement.to_string()))
        }),
    };
    let checks = || results.iter().flat_map(|case| case.checks.iter().map(move |c| (case, c)));
    let passed = checks().filter(|(_, check)| check.verdict == Verdict::Pass);
    let passed_checks: Vec<String> = passed
        .filter(|(case, check)| forbidden(case, check))
        .map(|(case, check)| format!("{} {} {}", case.id, check.id, check.requirement))
        .collect();
    let failed = checks().filter(|(_, check)| check.verdict == Verdict::Fail).count();
    let told = failed > 0 || control.demand == Demand::PassesNothing;
    Control { id: control.id, sound: told && passed_checks.is_empty(), passed_checks, failed }
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
    peer_fault: Option<Fault>,
    options: &ZooOptions,
) -> Result<Vec<CaseResult>, RunError> {
    let folder = peer_fault.map_or(id.to_owned(), |_| format!("{id}-self-pair"));
    let (out, seed) = (options.out.join(folder), options.seed.0);
    std::fs::create_dir_all(&out)?;
    let patient = quirk::find(id).is_some_and(|quirk| quirk.patient);
    let slowly = if patient { " --patient" } else { "" };
    let run = RunOptions {
        target: (options.target)(id),
        profile,
        seed: options.seed,
        jobs: options.jobs,
        run_id: id.to_owned(),
        out,
        place: Place::default(),
        peer_fault,
        patient,
        again: format!(
            "counterpart run{slowly} --iut 'reference:third-party?quirk={id}' --seed {seed}"
        ),
        selection: String::new(),
        asked: Vec::new(),
    };
    Ok(run_all(cases, run, Arc::new(Silent)).await?.into_cases())
}

struct Silent;

impl Observer for Silent {
    fn begun(&self, _: &RunHeader, _: usize) {}
    fn started(&self, _: &str) {}
    fn finished(&self, _: &Arc<CaseResult>) {}
}
