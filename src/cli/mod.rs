//! The command line: one file a verb.
//!
//! A verb turns arguments into calls of the library and results into text and an [`Exit`]. Errors
//! of the user's go to standard error; what a verb is asked for goes to standard output.

mod doctor;
mod driver_check;
mod init;
mod judge;
mod lint;
mod live;
mod quirks;
mod reference;
mod run;
mod schema;
mod serve;
mod source;

use std::path::PathBuf;
use std::pin::Pin;

use clap::{Parser, Subcommand};

use crate::verdict::Exit;

/// Plays your counterpart: conformance tests for messaging interoperability under the EU Digital
/// Markets Act.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

/// What only the process knows.
#[derive(Clone, Debug)]
pub struct World {
    /// This program, to be started again as the bundled reference.
    pub program: PathBuf,
    /// Somebody watches standard error.
    pub interactive: bool,
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
    /// Run the faulty variants of the reference: every check must be seen to fail
    Quirks(quirks::Args),
    /// Be Meta's side for a client that is being written, and tell all that happens
    Serve(serve::Args),
    /// Print a JSON Schema for editors
    Schema(schema::Args),
    /// Be the bundled implementation under test, speaking the driver protocol on stdin and stdout
    Reference(reference::Args),
}

/// Carries out a command line.
///
/// The future is boxed, so that it is compiled once, with the library, and not again in each
/// program that awaits it.
pub fn execute(cli: Cli, world: &World) -> Pin<Box<dyn Future<Output = Exit> + '_>> {
    Box::pin(carry_out(cli, world))
}

async fn carry_out(cli: Cli, world: &World) -> Exit {
    match cli.verb {
        Verb::Run(args) => run::execute(args, world).await,
        Verb::Lint(args) => lint::execute(&args),
        Verb::DriverCheck(args) => driver_check::execute(args, world).await,
        Verb::Doctor(args) => doctor::execute(args, world).await,
        Verb::Init(args) => init::execute(&args),
        Verb::Judge(args) => judge::execute(&args),
        Verb::Quirks(args) => quirks::execute(args, world).await,
        Verb::Serve(args) => serve::execute(args).await,
        Verb::Schema(args) => schema::execute(&args),
        Verb::Reference(args) => reference::execute(args).await,
    }
}

/// Tells the user of an error that ends the command.
fn fail(exit: Exit, error: &dyn std::fmt::Display) -> Exit {
    let text = error.to_string();
    // Diagnostics bring their own heading.
    if text.starts_with("error") {
        eprintln!("{text}")
    } else {
        eprintln!("error: {text}")
    }
    exit
}
