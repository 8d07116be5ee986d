//! `explain`: everything that is known of a name.
//!
//! One file a kind of name. A word may be of several kinds (`noise.patterns` is a profile value and
//! a capability); then all are told. A word of no kind is an error with the nearest one.

mod driver;
mod guarantee;
mod language;
mod requirement;
mod scenario;
mod words;

use super::source::Sources;
use super::{World, fail};
use crate::cli::stdout;
use crate::report::{Ink, Page};
use crate::role::quirk;
use crate::scenario::Case;
use crate::span::nearest;
use crate::spec::{Catalogue, Profile, capability, key};
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A requirement, guarantee, scenario, case, quirk, form that a client writes, verdict, basis, profile
    /// key, capability, operation of the driver, hook, endpoint, word of a scenario, error class, milestone,
    /// area, profile or exit code
    id: String,
    #[command(flatten)]
    sources: Sources,
}

/// What an explanation may draw on.
struct Known {
    cases: Vec<Case>,
    profile: Profile,
}

/// Tells what it knows of a word; false if the word is not of its kind.
type Explain = fn(&str, &Known, &mut Page) -> bool;

const KINDS: &[Explain] = &[
    requirement::explain,
    guarantee::explain,
    scenario::explain,
    words::quirk,
    words::form,
    words::control,
    words::verdict,
    words::outcome,
    words::basis,
    words::profile_key,
    words::capability,
    driver::operation,
    driver::capabilities,
    language::key,
    language::word,
    words::error_class,
    words::milestone,
    words::exit_code,
    words::area,
    words::profile,
];

pub fn execute(args: &Args, world: &World) -> Exit {
    let known = args
        .sources
        .profile()
        .and_then(|profile| Ok(Known { cases: args.sources.cases()?, profile }));
    let known = match known {
        Ok(known) => known,
        Err(error) => return fail(Exit::Usage, &error),
    };
    let mut page = Page::new(world.look);
    let mut tell = |word: &str| KINDS.iter().filter(|tell| tell(word, &known, &mut page)).count();
    // `enc-009` is a name too where nothing else is called so.
    if tell(&args.id) == 0 && tell(&args.id.to_uppercase()) == 0 {
        return fail(Exit::Usage, &unknown(&args.id, &known));
    }
    stdout::text(page.finish());
    Exit::Good
}

fn unknown(word: &str, known: &Known) -> String {
    let cases: Vec<String> = known.cases.iter().map(Case::id).collect();
    let guarantees = guarantee::words();
    let forms = words::forms();
    let names = Catalogue::builtin()
        .ids()
        .chain(known.cases.iter().map(|case| case.scenario.id.as_str()))
        .chain(cases.iter().map(String::as_str))
        .chain(quirk::all().map(|quirk| quirk.id))
        .chain(key::names())
        .chain(capability::names())
        .chain(guarantees.iter().map(String::as_str))
        .chain(words::all())
        .chain(driver::words())
        .chain(language::words())
        .chain(forms.iter().map(String::as_str));
    let hint = nearest(word, names).map(|near| format!("; did you mean `{near}`?"));
    let list = "; see `counterpart list requirements`, `list scenarios`, `list quirks`";
    format!("nothing is called `{word}`{}", hint.unwrap_or_else(|| list.to_owned()))
}

/// The first line of an explanation; those after the first are set apart.
fn heading(page: &mut Page, kind: &str, name: &str) {
    if !page.is_empty() {
        page.gap();
    }
    page.line(format!("{kind} {}", page.ink(Ink::Bold, name)));
}

/// The scenarios, each once, for which a test holds.
fn scenarios_where(known: &Known, test: impl Fn(&Case) -> bool) -> Vec<String> {
    let found = known.cases.iter().filter(|case| test(case));
    let mut ids: Vec<String> = found.map(|case| case.scenario.id.clone()).collect();
    ids.dedup();
    ids
}

/// A list under a name, or a word that there is none.
fn listed(page: &mut Page, name: &str, items: &[String], none: &str) {
    match items {
        [] => page.field(2, name, none),
        [first, rest @ ..] => {
            page.field(2, name, first);
            rest.iter().for_each(|item| page.field(2, "", item));
        }
    }
}
