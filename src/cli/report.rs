//! `report`: a run's report again, in another format.

use std::path::PathBuf;

use super::output::{LATEST, found, read};
use super::stdout;
use super::{World, fail};
use crate::report;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder or id of a run, or its `report.json`
    #[arg(default_value = LATEST)]
    run: String,
    /// `text`, `json`, `junit`, …; see `counterpart list formats`
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: String,
    /// Folder of the runs' output
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
}

pub fn execute(args: &Args, world: &World) -> Exit {
    let rendered = found(&args.format).and_then(|format| {
        let (report, _) = read(&args.run, &args.out)?;
        // Whoever reads in a terminal has its width and colours.
        let text = match format.id() {
            "text" => report::terminal(&report, world.look),
            _ => format.render(&report),
        };
        Ok(text)
    });
    match rendered {
        Ok(text) => {
            stdout::text(&text);
            Exit::Good
        }
        Err(error) => fail(Exit::Usage, &error),
    }
}
