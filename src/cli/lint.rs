//! `lint`: are these scenarios sound?

use std::path::{Path, PathBuf};

use super::choice::Choice;
use super::fail;
use super::source::{Sources, all, checked};
use super::stdout;
use crate::spec::read_source;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Scenario files; without any, all bundled scenarios and those of `--scenarios`
    files: Vec<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    choice: Choice,
}

pub fn execute(args: &Args) -> Exit {
    if args.files.is_empty() {
        let cases = args.sources.cases().map_err(|error| error.to_string());
        // Without flags all are meant, slow ones too.
        let chosen = cases.and_then(|cases| match args.choice.is_empty() {
            true => Ok(cases),
            false => args.choice.select(cases, &[], Path::new("reports")),
        });
        return match chosen {
            Ok(cases) => {
                stdout::line(format_args!("{} cases, all sound", cases.len()));
                Exit::Good
            }
            Err(error) => fail(Exit::Usage, &error),
        };
    }
    let mut exit = Exit::Good;
    for file in &args.files {
        let id = file.with_extension("").to_string_lossy().into_owned();
        let result = match read_source(file) {
            Ok(source) => checked(&id, &source).map_err(|errors| all(&errors)),
            Err(error) => Err(error.to_string()),
        };
        match result {
            Ok(scenario) => stdout::line(format_args!(
                "{}: sound, {} steps",
                file.display(),
                scenario.steps.len()
            )),
            Err(error) => exit = fail(Exit::Usage, &error),
        }
    }
    exit
}
