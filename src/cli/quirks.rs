//! `quirks`: the kill matrix.

use std::path::{Path, PathBuf};

use super::choice::Choice;
use super::complaint;
use super::source::{Sources, bundled, known_quirk};
use super::stdout;
use super::{World, at_least_one, fail};
use crate::iut::reference::Bundled;
use crate::role::quirk;
use crate::scenario::Case;
use crate::seed::Seed;
use crate::verdict::Exit;
use crate::zoo::{ZooOptions, hunt, markdown};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids of quirks and controls; all if none is given
    ids: Vec<String>,
    /// List them and do nothing
    #[arg(long)]
    list: bool,
    /// Run each quirk against every scenario, not only against those that name it (takes hours)
    #[arg(long)]
    all: bool,
    /// Print the matrix whole: `json`, or `md` for Markdown
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<Format>,
    /// The same as `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    choice: Choice,
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Cases at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = at_least_one)]
    jobs: usize,
    /// Folder for the event logs
    #[arg(long, value_name = "DIR", default_value = "reports/quirks")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Json,
    Md,
}

/// Quirks at a time: most of a hunt is waiting for what does not come.
const SIDE_BY_SIDE: usize = 16;

pub async fn execute(args: Args, world: &World) -> Exit {
    if args.list {
        list();
        return Exit::Good;
    }
    if let Some(error) = args.ids.iter().find_map(|id| known_quirk(id).err()) {
        return fail(Exit::Usage, &error);
    }
    let prepared = args.sources.profile().and_then(|profile| Ok((profile, args.sources.cases()?)));
    let prepared = prepared.map_err(|error| error.to_string());
    let prepared = prepared.and_then(|(profile, cases)| Ok((profile, chosen(&args, cases)?)));
    let (profile, (cases, only)) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return fail(Exit::Usage, &error),
    };
    let world = world.clone();
    let options = ZooOptions {
        target: Box::new(move |quirk| bundled(Bundled::ThirdParty, Some(quirk), &world)),
        profile,
        seed: Seed(args.seed),
        jobs: args.jobs,
        side_by_side: SIDE_BY_SIDE,
        out: args.out,
        only,
        everything: args.all,
    };
    let matrix = match hunt(&cases, &options, &complaint::line).await {
        Ok(matrix) => matrix,
        Err(error) => return fail(Exit::Usage, &error),
    };
    match args.format.or(args.json.then_some(Format::Json)) {
        Some(Format::Json) => match serde_json::to_string_pretty(&matrix) {
            Ok(text) => stdout::line(&text),
            Err(error) => return fail(Exit::Usage, &error),
        },
        Some(Format::Md) => stdout::text(markdown(&matrix)),
        None => stdout::line(format_args!(
            "{} of {} quirks killed",
            matrix.killed(),
            matrix.quirks.len()
        )),
    }
    if matrix.is_sound() { Exit::Good } else { Exit::Found }
}

/// The chosen cases, and the quirks to hunt: with a selection and no ids, those that it names.
fn chosen(args: &Args, cases: Vec<Case>) -> Result<(Vec<Case>, Vec<String>), String> {
    if args.choice.is_empty() {
        return Ok((cases, args.ids.clone()));
    }
    let cases = args.choice.select(cases, &[], Path::new("reports"))?;
    if !args.ids.is_empty() {
        return Ok((cases, args.ids.clone()));
    }
    let named = cases.iter().flat_map(|case| case.scenario.proves.clone());
    let controls = quirk::CONTROLS.iter().map(|control| control.id.to_owned());
    let only = named.chain(controls).collect();
    Ok((cases, only))
}

fn list() {
    for quirk in quirk::all() {
        stdout::line(format_args!("{:<36} {:<8} {}", quirk.id, quirk.requirement, quirk.what));
    }
    for control in quirk::CONTROLS {
        stdout::line(format_args!("{:<36} {:<8} {}", control.id, "control", control.what));
    }
}
