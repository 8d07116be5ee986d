//! The command line: one file a verb.
//!
//! A verb turns arguments into calls of the library and results into text and an [`Exit`]. Errors
//! of the user's go to standard error; what a verb is asked for goes to standard output.

mod baseline;
mod choice;
mod complaint;
mod doctor;
mod driver_check;
mod explain;
mod init;
mod judge;
mod lint;
mod list;
mod live;
mod output;
mod profile;
mod quirks;
mod reference;
mod report;
mod run;
mod schema;
mod serve;
mod source;
mod stdout;
mod watch;

use std::path::PathBuf;
use std::pin::Pin;

use clap::{Parser, Subcommand};

use crate::report::Look;
use crate::verdict::Exit;

/// Plays your counterpart: conformance tests for messaging interoperability under the EU Digital
/// Markets Act.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, max_term_width = 80)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

impl Cli {
    /// True for verbs that do one thing after another and need no threads: a reference process, of
    /// which a run starts many.
    pub fn is_sequential(&self) -> bool {
        matches!(self.verb, Verb::Reference(_))
    }
}

/// What only the process knows.
#[derive(Clone, Debug)]
pub struct World {
    /// This program, to be started again as the bundled reference.
    pub program: PathBuf,
    /// Somebody watches standard error.
    pub interactive: bool,
    /// How standard output is to look.
    pub look: Look,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run scenarios against an implementation under test and report the verdicts
    Run(run::Args),
    /// Check scenarios without running them
    Lint(lint::Args),
    /// Check whether an adapter speaks the driver protocol
    DriverCheck(driver_check::Args),
    /// Look whether this machine is fit for a run
    Doctor(doctor::Args),
    /// Write the first files of an adapter
    Init(init::Args),
    /// Judge a recorded event log again
    Judge(judge::Args),
    /// List scenarios, requirements, quirks and more
    List(list::Args),
    /// Tell everything that is known of a requirement, scenario, quirk or any word of a report
    Explain(explain::Args),
    /// Show or check the values of a profile
    Profile(profile::Args),
    /// Make or check a list of known failures
    Baseline(baseline::Args),
    /// Show the report of a run again, in any format
    Report(report::Args),
    /// Run the faulty variants of the reference: every check must be seen to fail
    Quirks(quirks::Args),
    /// Be Meta's side for a client that is being written, and tell all that happens
    Serve(serve::Args),
    /// Print a JSON Schema for editors
    Schema(schema::Args),
    /// Be the bundled implementation under test, speaking the driver protocol on stdin and stdout
    Reference(reference::Args),
}

/// Reads a command line.
///
/// # Errors
/// The exit code, where there is nothing to carry out: help was asked for and given, or the line
/// is not as it should be, which was told.
pub fn read(look: Look, interactive: bool) -> Result<Cli, Exit> {
    Cli::try_parse().map_err(|error| {
        if !error.use_stderr() {
            error.exit();
        }
        complaint::fit(look.columns);
        let rendered = error.render();
        let text = if interactive && look.colour {
            rendered.ansi().to_string()
        } else {
            rendered.to_string()
        };
        complaint::tell(text.trim_end());
        Exit::Usage
    })
}

/// Carries out a command line. What needs no runtime has happened before the first poll.
///
/// The future is boxed, so that it is compiled once, with the library, and not again in each
/// program that awaits it.
pub fn execute(cli: Cli, world: &World) -> Pin<Box<dyn Future<Output = Exit> + '_>> {
    complaint::fit(world.look.columns);
    let exit = match cli.verb {
        Verb::Run(args) => return Box::pin(run::execute(args, world)),
        Verb::DriverCheck(args) => return Box::pin(driver_check::execute(args, world)),
        Verb::Doctor(args) => return Box::pin(doctor::execute(args, world)),
        Verb::Quirks(args) => return Box::pin(quirks::execute(args, world)),
        Verb::Serve(args) => return Box::pin(serve::execute(args)),
        Verb::Reference(args) => return Box::pin(reference::execute(args)),
        Verb::Lint(args) => lint::execute(&args),
        Verb::Init(args) => init::execute(&args),
        Verb::Judge(args) => judge::execute(&args, world),
        Verb::List(args) => list::execute(&args, world),
        Verb::Explain(args) => explain::execute(&args, world),
        Verb::Profile(args) => profile::execute(&args, world),
        Verb::Baseline(args) => baseline::execute(&args),
        Verb::Report(args) => report::execute(&args, world),
        Verb::Schema(args) => schema::execute(&args),
    };
    Box::pin(std::future::ready(exit))
}

/// Reads how many things may happen at a time.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("nothing would ever begin; 1 is one after another".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// Tells the user of an error that ends the command.
fn fail(exit: Exit, error: &dyn std::fmt::Display) -> Exit {
    let text = error.to_string();
    // Diagnostics bring their own heading.
    let heading = if text.starts_with("error") { "" } else { "error: " };
    complaint::tell(&format!("{heading}{text}"));
    exit
}
