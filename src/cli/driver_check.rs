//! `driver-check`: does an adapter speak the driver protocol, before any scenario is run?

use textwrap::Options;

use super::source::{Sources, target};
use super::stdout;
use super::{World, fail};
use crate::iut::Address;
use crate::run::{NotReady, Place, Row, Shared, Standing, self_check};
use crate::seed::Seed;
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The implementation: an IUT file, or `reference:third-party[?quirk=ID]`
    #[arg(long, value_name = "[SEAT=]REF")]
    iut: String,
    /// Talk to an adapter that runs already and never start one: `tcp:HOST:PORT` or `unix:PATH`
    #[arg(long, value_name = "ADDRESS")]
    attach: Option<Address>,
    #[command(flatten)]
    sources: Sources,
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

pub async fn execute(args: Args, world: &World) -> Exit {
    let profile = match args.sources.profile() {
        Ok(profile) => profile,
        Err(error) => return fail(Exit::Usage, &error),
    };
    let target = match target(&args.iut, world) {
        Ok(target) => target,
        Err(error) => return fail(Exit::Usage, &error),
    };
    let target = match args.attach {
        Some(address) => target.attached(address),
        None => target,
    };
    let shared = Shared::unrecorded(profile, Seed(args.seed), Place::default());
    match self_check(&target, &shared).await {
        Ok(rows) => {
            stdout::text(table(&rows));
            let bad = rows.iter().any(|row| row.standing == Standing::Bad);
            if bad { Exit::Found } else { Exit::Good }
        }
        Err(error @ NotReady::Listen(_)) => fail(Exit::Usage, &error),
        Err(error) => fail(Exit::Invalid, &error),
    }
}

/// Width of the text; fits a terminal of 80 columns.
const WIDTH: usize = 79;

fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let word = match row.standing {
            Standing::Good => "ok",
            Standing::Open => "open",
            Standing::Bad => "BAD",
        };
        let head = format!("  {word:<5} {:<31} ", row.what);
        let rest = " ".repeat(head.chars().count());
        let options = Options::new(WIDTH).initial_indent(&head).subsequent_indent(&rest);
        let said: String = row.said.chars().take(600).collect();
        text.push_str(&textwrap::fill(&said.replace('\n', " "), options));
        text.push('\n');
    }
    let count = |standing| rows.iter().filter(|row| row.standing == standing).count();
    let (good, open, bad) = (count(Standing::Good), count(Standing::Open), count(Standing::Bad));
    text.push_str(&format!("\n{good} in order, {open} answered and not done, {bad} wrong\n"));
    let driven = rows.iter().any(|row| row.what == "hello");
    if open > 0 && bad == 0 && driven {
        text.push_str("The driver is sound. What is open here, scenarios will ask for.\n");
    }
    text
}
