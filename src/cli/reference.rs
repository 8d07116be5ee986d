//! `reference`: this program as a subject.

use super::fail;
use crate::iut::Address;
use crate::reference::{Part, Transport, controls, listen, third_party};
use crate::role::quirk;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which implementation to be
    #[arg(value_enum)]
    which: Part,
    /// Misbehave in this way; see `counterpart quirks --list`
    #[arg(long, value_name = "ID")]
    quirk: Option<String>,
    /// How to reach the chat server
    #[arg(long, value_enum, default_value_t = Transport::Tcp)]
    transport: Transport,
    /// Listen here instead of speaking on stdin and stdout: `tcp:HOST:PORT` or `unix:PATH`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<Address>,
    /// Take only so many connections, one after another
    #[arg(long, value_name = "N", requires = "listen")]
    connections: Option<usize>,
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
    let options = third_party::Options { part: args.which, quirk, transport: args.transport };
    let Some(address) = args.listen else { return third_party::run(options).await };
    let listening = match &address {
        Address::Tcp(place) => listen::tcp(place, options, args.connections).await,
        Address::Unix(path) => listen::unix(path, options, args.connections).await,
    };
    match listening {
        Ok(()) => Exit::Good,
        Err(error) => fail(Exit::Usage, &format!("cannot listen on {address}: {error}")),
    }
}
