//! `schema`: JSON Schemas for editors.

use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to describe
    #[arg(value_parser = ["scenario"])]
    what: String,
}

pub fn execute(_args: &Args) -> Exit {
    let schema = crate::scenario::schema();
    println!("{schema:#}");
    Exit::Good
}
