//! `run`: the main job.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::choice::Choice;
use super::live::Live;
use super::output::{self, Wanted};
use super::source::{PROFILE, Sources, target};
use super::stdout;
use super::watch::{Watch, interrupted};
use super::{World, at_least_one, complaint, fail};
use crate::clock::UnixMs;
use crate::evidence::RunHeader;
use crate::iut::{Address, Pause};
use crate::report::{self, Report, shell_word};
use crate::run::{Place, RunError, RunOptions, Target, harness_failed, run_all};
use crate::scenario::Case;
use crate::seed::Seed;
use crate::spec::Profile;
use crate::verdict::{Baseline, CaseResult, Date, Exit, Repeats};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids of scenarios or cases, `*` for any text; all if none is given
    ids: Vec<String>,
    /// The implementation under test: `reference:third-party[?quirk=ID]` or an IUT file
    #[arg(long, value_name = "[SEAT=]REF", default_value = REFERENCE)]
    iut: String,
    /// Talk to an adapter that runs already and never start one: `tcp:HOST:PORT` or `unix:PATH`
    #[arg(long, value_name = "ADDRESS")]
    attach: Option<Address>,
    /// Switch timeouts off, and wait after each start until you have attached a debugger
    #[arg(long)]
    wait_for_debugger: bool,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    choice: Choice,
    /// Everything random follows from it; drawn from the clock where it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// Cases at a time
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = at_least_one)]
    jobs: usize,
    /// Also write a report, e.g. `junit=report.xml`; may be repeated
    #[arg(long, value_name = "FORMAT=PATH")]
    report: Vec<Wanted>,
    /// Known failures, which do not count; see `counterpart baseline`
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Run all cases so many times with the same seed, and name those that do not end alike
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1000))]
    verify: Option<u16>,
    /// Wait at each absence as long as its step says, for what a client does by a timer of its own
    #[arg(long)]
    patient: bool,
    /// Listen on this address and not only for this machine, for a phone or a container
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The name or address by which the implementation reaches this machine
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// Folder for the runs' output
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
}

const REFERENCE: &str = "reference:third-party";

/// What was asked for, understood.
struct Job {
    cases: Vec<Case>,
    options: RunOptions,
    /// All cases that exist, for the baseline.
    exists: BTreeSet<String>,
    baseline: Option<Baseline>,
}

/// What a run brought, whole or not.
struct Brought {
    header: RunHeader,
    cases: Vec<CaseResult>,
    interrupted: bool,
}

/// Scenarios are read at once, before the first poll: a runtime that is made after that takes over
/// the memory of the threads that read them.
pub fn execute(mut args: Args, world: &World) -> impl Future<Output = Exit> {
    // Repeats have the seed of the first run.
    args.seed.get_or_insert_with(|| UnixMs::now().0 % 1_000_000);
    let prepared = prepare(&args, world);
    async move {
        match prepared {
            Ok(job) => run(job, &args, world).await,
            Err(error) => fail(Exit::Usage, &error),
        }
    }
}

async fn run(job: Job, args: &Args, world: &World) -> Exit {
    let (profile, out) = (job.options.profile.clone(), job.options.out.clone());
    let ids: Vec<String> = job.cases.iter().map(Case::id).collect();
    let brought = match carry_out(job.cases, job.options, world).await {
        Ok(brought) => brought,
        Err(exit) => return exit,
    };
    let (exists, baseline) = (job.exists, job.baseline);
    let mut interrupted = brought.interrupted;
    let harness_error = harness_failed(&brought.cases);
    let repeats = match args.verify.filter(|_| !interrupted) {
        None => None,
        Some(runs) => match repeated(args, world, brought.cases.clone(), runs).await {
            Ok((repeats, whole)) => {
                interrupted = !whole;
                Some(repeats)
            }
            Err(exit) => return exit,
        },
    };
    let report = concluded(brought, &profile, &ids, baseline.as_ref(), &exists);
    let report = Report { repeats, ..report };
    stdout::text(report::terminal(&report, world.look));
    if let Err(error) = output::write(&report, &out, &args.report) {
        return fail(Exit::Usage, &error);
    }
    stdout::line(format_args!("report     {}", out.join(output::REPORT).display()));
    if interrupted { Exit::Interrupted } else { exit(&report, harness_error) }
}

/// Runs everything again until it has run so many times; false where somebody ended it before.
async fn repeated(
    args: &Args,
    world: &World,
    first: Vec<CaseResult>,
    runs: u16,
) -> Result<(Repeats, bool), Exit> {
    let mut all = vec![first];
    for _ in 1..runs {
        let job = prepare(args, world).map_err(|error| fail(Exit::Usage, &error))?;
        let brought = carry_out(job.cases, job.options, world).await?;
        if brought.interrupted {
            return Ok((Repeats::compare(&all), false));
        }
        all.push(brought.cases);
    }
    Ok((Repeats::compare(&all), true))
}

/// Runs until the end or until somebody ends it; what was decided by then is kept.
async fn carry_out(cases: Vec<Case>, options: RunOptions, world: &World) -> Result<Brought, Exit> {
    // A bar would draw over what a person is asked.
    let watched = world.interactive && !options.target.adapter.is_manual();
    let watch = Arc::new(Watch::new(Live::new(watched)));
    let ran = tokio::select! {
        ran = run_all(cases, options, Arc::clone(&watch) as Arc<_>) => Some(ran),
        () = interrupted() => None,
    };
    watch.end();
    match ran {
        Some(Ok(ran)) => {
            drop(watch);
            let header = ran.header.clone();
            Ok(Brought { header, cases: ran.into_cases(), interrupted: false })
        }
        Some(Err(
            error @ (RunError::NotStarted(_) | RunError::DeadStarts(_) | RunError::Capabilities(_)),
        )) => Err(fail(Exit::Invalid, &error)),
        Some(Err(error)) => Err(fail(Exit::Usage, &error)),
        None => match watch.so_far() {
            Some((header, cases)) => Ok(Brought { header, cases, interrupted: true }),
            None => Err(fail(Exit::Interrupted, &"interrupted before the subject had said hello")),
        },
    }
}

fn concluded(
    brought: Brought,
    profile: &Profile,
    ids: &[String],
    baseline: Option<&Baseline>,
    exists: &BTreeSet<String>,
) -> Report {
    let Brought { header, mut cases, .. } = brought;
    let now = UnixMs::now();
    let applied = baseline.map(|known| known.apply(&mut cases, exists, Date::of(now)));
    let finished: BTreeSet<&String> = cases.iter().map(|case| &case.id).collect();
    let unfinished: Vec<String> = ids.iter().filter(|id| !finished.contains(id)).cloned().collect();
    let report = report::assemble(&header, profile, cases, now.0).interrupted(unfinished);
    Report { baseline: applied, ..report }
}

/// A baseline with entries that must go is a finding, whatever the outcome, and so is a flaky case.
fn exit(report: &Report, harness_error: bool) -> Exit {
    let exit = Exit::of(report.outcome, harness_error);
    let stale = report.baseline.as_ref().is_some_and(|known| !known.problems.is_empty());
    let flaky = report.repeats.as_ref().is_some_and(|repeats| !repeats.flaky.is_empty());
    if (stale || flaky) && matches!(exit, Exit::Good | Exit::Incomplete) {
        Exit::Found
    } else {
        exit
    }
}

fn prepare(args: &Args, world: &World) -> Result<Job, String> {
    let profile = args.sources.profile().map_err(|error| error.to_string())?;
    let cases = args.sources.cases().map_err(|error| error.to_string())?;
    let exists = cases.iter().map(Case::id).collect();
    let cases = args.choice.select(cases, &args.ids, &args.out)?;
    let baseline = args.baseline.as_deref().map(Baseline::load).transpose();
    let baseline = baseline.map_err(|error| error.to_string())?;
    let now = UnixMs::now();
    let seed = Seed(args.seed.unwrap_or(now.0 % 1_000_000));
    let target = driven(target(&args.iut, world)?, args).at_its_pace();
    let place = place(args)?;
    let run_id = format!("{}-{}", now.0, seed.0);
    let out = args.out.join(&run_id);
    std::fs::create_dir_all(&out)
        .map_err(|error| format!("cannot create {}: {error}", out.display()))?;
    let again = again(args, seed);
    let selection = args.choice.words(&args.ids);
    let options = RunOptions {
        target,
        profile,
        seed,
        jobs: args.jobs,
        run_id,
        out,
        place,
        peer_fault: None,
        patient: args.patient,
        again,
        selection,
        asked: args.choice.asked(),
    };
    Ok(Job { cases, options, exists, baseline })
}

/// Where to listen; a user whose machine others can then reach is told what that means.
fn place(args: &Args) -> Result<Place, String> {
    let place =
        Place::new(args.bind, args.advertise.as_deref()).map_err(|error| error.to_string())?;
    if !place.is_local() {
        complaint::tell(&format!(
            "warning: others on the network of {} can connect while this runs. Keys are drawn from \
             the operating system, so two runs of one seed differ; the RSA keys of tokens are \
             published test keys.",
            args.bind
        ));
    }
    Ok(place)
}

/// The target as the options about driving have it.
fn driven(target: Target, args: &Args) -> Target {
    let target = match &args.attach {
        Some(address) => target.attached(address.clone()),
        None => target,
    };
    match args.wait_for_debugger {
        true => target.debugged(Pause::new(debugger)),
        false => target,
    }
}

/// Waits for Enter, or for the end of the input where nobody can press it.
async fn debugger(process: u32) {
    complaint::line(&format!(
        "the adapter is process {process}; attach to it (gdb -p {process}), then press Enter"
    ));
    let read = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    // Without a line there is nobody to wait for.
    let _ = read.await;
}

/// The command that runs a case of this run again, but for the case's id.
fn again(args: &Args, seed: Seed) -> String {
    let mut words = vec!["counterpart run".to_owned()];
    let mut option = |name: &str, value: &str| words.push(format!("{name} {}", shell_word(value)));
    if args.iut != REFERENCE {
        option("--iut", &args.iut);
    }
    if args.sources.profile != PROFILE {
        option("--profile", &args.sources.profile);
    }
    if args.patient {
        words.push("--patient".to_owned());
    }
    let mut option = |name: &str, value: &str| words.push(format!("{name} {}", shell_word(value)));
    if let Some(dir) = &args.sources.scenarios {
        option("--scenarios", &dir.to_string_lossy());
    }
    if args.bind.to_string() != "127.0.0.1" {
        option("--bind", &args.bind.to_string());
    }
    if let Some(host) = &args.advertise {
        option("--advertise", host);
    }
    if let Some(address) = &args.attach {
        option("--attach", &address.to_string());
    }
    option("--seed", &seed.0.to_string());
    words.join(" ")
}
