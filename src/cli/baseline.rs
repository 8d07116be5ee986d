//! `baseline`: the list of known failures, made and checked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::fail;
use super::output::{LATEST, read};
use super::source::Sources;
use super::stdout;
use crate::clock::UnixMs;
use crate::report::Report;
use crate::scenario::Case;
use crate::verdict::{Accepted, Baseline, Date, Exit};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write a baseline of everything that failed in a run; what was known keeps its reason
    Update {
        /// The file to write
        file: PathBuf,
        /// Why the failures that are new in it are accepted
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Whose fault they are, or who mends them
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
        /// The last day on which they are, as `2027-01-31`
        #[arg(long, value_name = "DAY")]
        expires: Date,
        #[command(flatten)]
        of: Of,
    },
    /// Check a baseline against a run without running anything
    Check {
        /// The file to check
        file: PathBuf,
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        sources: Sources,
    },
}

#[derive(Debug, clap::Args)]
struct Of {
    /// Folder or id of the run
    #[arg(long, value_name = "RUN", default_value = LATEST)]
    run: String,
    /// Folder of the runs' output
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
}

pub fn execute(args: &Args) -> Exit {
    let result = match &args.what {
        What::Update { file, reason, owner, expires, of } => {
            let owner = owner.as_deref();
            update(file, Accepted { reason, owner, expires: *expires }, of)
        }
        What::Check { file, of, sources } => check(file, of, sources),
    };
    result.unwrap_or_else(|error| fail(Exit::Usage, &error))
}

fn report(of: &Of) -> Result<Report, String> {
    Ok(read(&of.run, &of.out)?.0)
}

fn update(file: &Path, new: Accepted<'_>, of: &Of) -> Result<Exit, String> {
    let Accepted { reason, expires, .. } = new;
    if reason.trim().is_empty() {
        return Err("the reason is empty; say why these failures are accepted".to_owned());
    }
    if expires < Date::of(UnixMs::now()) {
        return Err(format!("{expires} is past; a failure is accepted up to a day to come"));
    }
    let report = report(of)?;
    let known = match file.exists() {
        true => Baseline::load(file).map_err(|error| error.to_string())?,
        false => Baseline { name: file.display().to_string(), entries: Vec::new() },
    };
    let updated = known.updated(&report.cases, new);
    std::fs::write(file, updated.to_yaml())
        .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    stdout::line(format_args!("{}: {}", file.display(), failures(updated.entries.len())));
    Ok(Exit::Good)
}

fn failures(count: usize) -> String {
    if count == 1 { "1 known failure".to_owned() } else { format!("{count} known failures") }
}

fn check(file: &Path, of: &Of, sources: &Sources) -> Result<Exit, String> {
    let baseline = Baseline::load(file).map_err(|error| error.to_string())?;
    let cases = sources.cases().map_err(|error| error.to_string())?;
    let exists: BTreeSet<String> = cases.iter().map(Case::id).collect();
    let mut judged = report(of)?.cases;
    judged.iter_mut().flat_map(|case| &mut case.checks).for_each(|check| check.known = false);
    let applied = baseline.apply(&mut judged, &exists, Date::of(UnixMs::now()));
    stdout::line(applied.sentence());
    for stale in &applied.problems {
        stdout::line(format_args!("  {}", stale.sentence()));
    }
    Ok(if applied.problems.is_empty() { Exit::Good } else { Exit::Found })
}
