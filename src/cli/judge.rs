//! `judge`: the same verdicts again, from the log alone.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::stdout;
use super::{World, fail};
use crate::check::{RUN_CASE, Setting, judge, judge_run};
use crate::evidence::{Event, RunHeader, Transcript, read_log};
use crate::report::{self, Report};
use crate::scenario::Case;
use crate::span::Source;
use crate::spec::Profile;
use crate::verdict::{CaseResult, Exit};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The log of a run; `report.json` beside it is compared where there is one
    log: PathBuf,
}

pub fn execute(args: &Args, world: &World) -> Exit {
    let (header, profile, cases) = match again(&args.log) {
        Ok(judged) => judged,
        Err(error) => return fail(Exit::Usage, &error),
    };
    let report = report::assemble(&header, &profile, cases, header.started_ms);
    stdout::text(report::terminal(&report, world.look));
    match compare(&report, &args.log) {
        Ok(None) => Exit::of(report.outcome, crate::run::harness_failed(&report.cases)),
        Ok(Some(difference)) => fail(Exit::Found, &difference),
        Err(error) => fail(Exit::Usage, &error),
    }
}

type Judged = (RunHeader, Profile, Vec<CaseResult>);

fn again(path: &Path) -> Result<Judged, String> {
    let file =
        File::open(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let (header, transcripts) =
        read_log(BufReader::new(file)).map_err(|error| format!("{}: {error}", path.display()))?;
    let profile = Profile::from_json(&header.profile)
        .map_err(|error| format!("the profile in the log: {error}"))?;
    let setting = Setting { profile: &profile, foreign: header.foreign };
    let cases = transcripts.iter().map(|transcript| {
        if transcript.case() == RUN_CASE {
            return Ok(judge_run(transcript, setting));
        }
        let case = recorded_case(transcript)?;
        Ok(judge(&case.scenario, transcript, setting))
    });
    let cases = cases.collect::<Result<Vec<_>, String>>()?;
    Ok((header, profile, cases))
}

/// The case as it was recorded: no file is needed to judge a log.
fn recorded_case(transcript: &Transcript) -> Result<Case, String> {
    let begun = transcript.entries().iter().find_map(|entry| match &entry.event {
        Event::CaseBegun { scenario, text, choice, .. }
        | Event::CaseSkipped { scenario, text, choice, .. } => Some((scenario, text, choice)),
        _ => None,
    });
    let id = transcript.case();
    let (scenario, text, choice) = begun.ok_or(format!("{id}: the log lacks its beginning"))?;
    let source = Source::new(format!("{scenario}.yaml"), text.as_str());
    Case::recorded(scenario, &source, choice)
        .map_err(|errors| format!("{id}: {}", crate::spec::joined(&errors)))
}

fn compare(report: &Report, log: &Path) -> Result<Option<String>, String> {
    let path = log.with_file_name("report.json");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
    let mut recorded: Report =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    // Where an adapter's log lies is no verdict.
    recorded.cases.iter_mut().for_each(|case| case.log = None);
    // What somebody knows of is no part of a judgement, and what was not finished not of the log.
    let checks = recorded.cases.iter_mut().flat_map(|case| &mut case.checks);
    checks.for_each(|check| check.known = false);
    let outcome = recorded.baseline.is_none() && recorded.unfinished.is_empty();
    if recorded.cases == report.cases && (!outcome || recorded.outcome == report.outcome) {
        stdout::line(format_args!(
            "judged     {} cases, all as in {}",
            report.cases.len(),
            path.display()
        ));
        return Ok(None);
    }
    let differing = report.cases.iter().find(|case| !recorded.cases.contains(case));
    let id = differing.map_or("the outcome", |case| case.id.as_str());
    Ok(Some(format!("judged again, {id} differs from {}", path.display())))
}
