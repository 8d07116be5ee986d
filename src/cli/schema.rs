//! `schema`: JSON Schemas of everything that is read or written.
//!
//! Each comes from what really reads or writes: the Rust types of reports and events, the
//! registries of scenarios, of the driver protocol and of profile keys.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::driver;
use crate::iut;
use crate::report::Report;
use crate::verdict::Exit;
use crate::{evidence, scenario, spec, verdict};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to describe
    #[arg(value_enum)]
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// `report.json`
    Report,
    /// A line of the driver protocol, from either end
    Driver,
    /// The file that describes an implementation under test
    Iut,
    /// A line of `events.jsonl`
    Events,
    /// A scenario file
    Scenario,
    /// A profile file
    Profile,
    /// A file of known failures
    Baseline,
}

pub fn execute(args: &Args) -> Exit {
    // Whoever reads only the beginning has what they wanted.
    let _ = writeln!(std::io::stdout(), "{:#}", schema(args.what));
    Exit::Good
}

fn schema(what: What) -> Value {
    match what {
        What::Report => evidence::written::<Report>("counterpart report"),
        What::Driver => driver::schema(),
        What::Iut => iut::schema(),
        What::Events => evidence::schema(),
        What::Scenario => scenario::schema(),
        What::Profile => spec::profile_schema(),
        What::Baseline => baseline(),
    }
}

fn baseline() -> Value {
    let mut schema = evidence::written::<verdict::baseline::File>("counterpart baseline");
    schema["additionalProperties"] = json!(false);
    schema
}
