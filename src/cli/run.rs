//! `run`: the main job.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::live::Live;
use super::source::{Sources, target};
use super::{World, fail};
use crate::clock::UnixMs;
use crate::iut::{Address, Pause};
use crate::report;
use crate::run::{Place, RunError, RunOptions, Selection, Target, harness_failed, run_all, select};
use crate::scenario::Case;
use crate::seed::Seed;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids of scenarios or cases, `*` for any text; all if none is given
    ids: Vec<String>,
    /// The implementation under test: `reference:third-party[?quirk=ID]` or an IUT file
    #[arg(long, value_name = "[SEAT=]REF", default_value = "reference:third-party")]
    iut: String,
    /// Talk to an adapter that runs already and never start one: `tcp:HOST:PORT` or `unix:PATH`
    #[arg(long, value_name = "ADDRESS")]
    attach: Option<Address>,
    /// Switch timeouts off, and wait after each start until you have attached a debugger
    #[arg(long)]
    wait_for_debugger: bool,
    #[command(flatten)]
    sources: Sources,
    /// Only scenarios of this milestone, e.g. `M3`
    #[arg(long, value_name = "M")]
    milestone: Vec<String>,
    /// Only scenarios that cover this requirement, e.g. `ENC-002` or `NOI-*`
    #[arg(long, value_name = "ID")]
    requirement: Vec<String>,
    /// Also run what is tagged `slow`
    #[arg(long)]
    slow: bool,
    /// Everything random follows from it; drawn from the clock where it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// Cases at a time
    #[arg(long, value_name = "N", default_value_t = 8)]
    jobs: usize,
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

pub async fn execute(args: Args, world: &World) -> Exit {
    let (cases, options, again) = match prepare(&args, world) {
        Ok(prepared) => prepared,
        Err(error) => return fail(Exit::Usage, &error),
    };
    let (profile, out, run_id) =
        (options.profile.clone(), options.out.clone(), options.run_id.clone());
    let live = Arc::new(Live::new(world.interactive));
    let ran = tokio::select! {
        ran = run_all(cases, options, Arc::clone(&live) as Arc<_>) => ran,
        _ = tokio::signal::ctrl_c() => {
            live.end();
            let log = out.join("events.jsonl");
            let hint = format!("interrupted; `judge {}` tells what was decided", log.display());
            return fail(Exit::Interrupted, &hint);
        }
    };
    live.end();
    let ran = match ran {
        Ok(ran) => ran,
        Err(
            error @ (RunError::NotStarted(_) | RunError::DeadStarts(_) | RunError::Capabilities(_)),
        ) => {
            return fail(Exit::Invalid, &error);
        }
        Err(error) => return fail(Exit::Usage, &error),
    };
    let harness_error = harness_failed(&ran.cases);
    let report = report::assemble(&ran.header, &profile, ran.cases, UnixMs::now().0);
    print!("{}", report::terminal(&report, &again));
    if let Err(error) = write(&out, &args.out, &run_id, &report::json(&report)) {
        return fail(Exit::Usage, &format!("cannot write the report: {error}"));
    }
    println!("report     {}", out.join("report.json").display());
    Exit::of(report.outcome, harness_error)
}

fn prepare(args: &Args, world: &World) -> Result<(Vec<Case>, RunOptions, String), String> {
    let profile = args.sources.profile().map_err(|error| error.to_string())?;
    let cases = selected(args)?;
    let now = UnixMs::now();
    let seed = Seed(args.seed.unwrap_or(now.0 % 1_000_000));
    let target = driven(target(&args.iut, world)?, args);
    let run_id = format!("{}-{}", now.0, seed.0);
    let out = args.out.join(&run_id);
    std::fs::create_dir_all(&out)
        .map_err(|error| format!("cannot create {}: {error}", out.display()))?;
    let again = again(args, seed);
    let options = RunOptions {
        target,
        profile,
        seed,
        jobs: args.jobs,
        run_id,
        out,
        place: place(args)?,
        again: again.clone(),
    };
    Ok((cases, options, again))
}

/// Where to listen; a user whose machine others can then reach is told what that means.
fn place(args: &Args) -> Result<Place, String> {
    let place =
        Place::new(args.bind, args.advertise.as_deref()).map_err(|error| error.to_string())?;
    if !place.is_local() {
        eprintln!(
            "warning: others on the network of {} can connect while this runs. Keys are drawn from \
             the operating system, so two runs of one seed differ; the RSA keys of tokens are \
             published test keys.",
            args.bind
        );
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
    eprintln!(
        "the adapter is process {process}; attach to it (gdb -p {process}), then press Enter"
    );
    let read = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    // Without a line there is nobody to wait for.
    let _ = read.await;
}

fn selected(args: &Args) -> Result<Vec<Case>, String> {
    let cases = args.sources.cases().map_err(|error| error.to_string())?;
    let ids: Vec<String> = cases.iter().map(Case::id).collect();
    let selection = Selection {
        ids: args.ids.clone(),
        milestones: args.milestone.clone(),
        requirements: args.requirement.clone(),
        slow: args.slow,
    };
    let (cases, unmatched) = select(cases, &selection);
    if let Some(word) = unmatched.first() {
        let hint = crate::span::nearest(word, ids.iter().map(String::as_str));
        let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(format!("nothing matches `{word}`{hint}"));
    }
    if cases.is_empty() {
        return Err("no case is left to run; `slow` ones need --slow".into());
    }
    Ok(cases)
}

/// The command that runs a case of this run again, but for the case's id.
fn again(args: &Args, seed: Seed) -> String {
    let mut words = vec!["counterpart run".to_owned()];
    if args.iut != "reference:third-party" {
        words.push(format!("--iut '{}'", args.iut));
    }
    if args.sources.profile != "whatsapp-1.0.3" {
        words.push(format!("--profile {}", args.sources.profile));
    }
    if let Some(dir) = &args.sources.scenarios {
        words.push(format!("--scenarios {}", dir.display()));
    }
    if !args.bind.is_loopback() {
        words.push(format!("--bind {}", args.bind));
    }
    if let Some(host) = &args.advertise {
        words.push(format!("--advertise {host}"));
    }
    if let Some(address) = &args.attach {
        words.push(format!("--attach '{address}'"));
    }
    words.push(format!("--seed {}", seed.0));
    words.join(" ")
}

/// Writes the report and points `latest` to it.
fn write(out: &Path, all: &Path, run_id: &str, json: &str) -> std::io::Result<()> {
    std::fs::write(out.join("report.json"), json)?;
    let latest = all.join("latest");
    match std::fs::remove_file(&latest) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(run_id, latest)
}
