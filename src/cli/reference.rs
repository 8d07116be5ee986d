//! `reference`: this program as a subject.

use super::fail;
use crate::reference::{Transport, controls, third_party};
use crate::role::quirk;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which implementation to be
    #[arg(value_parser = ["third-party"])]
    which: String,
    /// Misbehave in this way; see `counterpart quirks --list`
    #[arg(long, value_name = "ID")]
    quirk: Option<String>,
    /// How to reach the chat server
    #[arg(long, value_enum, default_value_t = Transport::Tcp)]
    transport: Transport,
}

pub async fn execute(args: Args) -> Exit {
    let quirk = match args.quirk.as_deref() {
        None => None,
        Some("dead") => return controls::dead().await,
        Some("echo") => return controls::echo().await,
        Some(id) => match quirk::find(id) {
            Some(quirk) => Some(quirk),
            None => return fail(Exit::Usage, &format!("there is no quirk `{id}`")),
        },
    };
    third_party::run(third_party::Options { quirk, transport: args.transport }).await
}
