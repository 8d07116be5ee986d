//! `profile`: the values on which harness and implementation agree, and what they rest on.

use std::path::PathBuf;

use serde_json::Value;

use super::source::{self, PROFILE};
use super::stdout;
use super::{World, fail};
use crate::report::{Ink, Page};
use crate::spec::{Basis, Profile, ProfileValue, key};
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show all values with basis and source; of an overlay also what it changes
    Show {
        /// An embedded profile or a file
        #[arg(default_value = PROFILE)]
        profile: String,
        /// Only what the profile changes of the one that it extends
        #[arg(long)]
        changes: bool,
        /// Print the whole profile as JSON
        #[arg(long)]
        json: bool,
    },
    /// Check a profile file and show what it changes
    Check {
        /// The file
        file: PathBuf,
    },
}

pub fn execute(args: &Args, world: &World) -> Exit {
    let shown = match &args.what {
        What::Show { profile, json: true, .. } => {
            source::profile(profile).map(|profile| format!("{:#}\n", profile.to_json()))
        }
        What::Show { profile, changes, .. } => {
            source::profile(profile).map(|it| show(&it, *changes, world))
        }
        What::Check { file } => Profile::load(file).map(|profile| check(&profile, world)),
    };
    match shown {
        Ok(text) => {
            stdout::text(&text);
            Exit::Good
        }
        Err(error) => fail(Exit::Usage, &error),
    }
}

fn show(profile: &Profile, changes: bool, world: &World) -> String {
    let mut page = Page::new(world.look);
    head(&mut page, profile);
    let base = profile.base();
    for key in key::ALL {
        let Some(value) = profile.get(key.name) else { continue };
        let before = base.as_ref().and_then(|base| base.get(key.name));
        let changed = before.is_some_and(|before| before != value);
        if changed || !changes {
            page.gap();
            one(&mut page, key, value, before.filter(|_| changed));
        }
    }
    page.gap();
    tail(&mut page, profile);
    page.finish()
}

fn check(profile: &Profile, world: &World) -> String {
    let mut page = Page::new(world.look);
    page.line(format!("{}: sound", profile.id()));
    page.finish() + &show(profile, true, world)
}

fn head(page: &mut Page, profile: &Profile) {
    let name = page.ink(Ink::Bold, profile.id());
    let over = profile.extends.as_ref().map(|base| format!(", extends {base}"));
    let frozen = if profile.frozen { ", frozen" } else { "" };
    page.line(format!("profile {name}{}{frozen}", over.unwrap_or_default()));
    page.field(2, "digest", &profile.digest());
}

fn one(page: &mut Page, key: &key::Key, value: &ProfileValue, before: Option<&ProfileValue>) {
    page.line(page.ink(Ink::Bold, key.name));
    page.fill(2, key.doc);
    page.field(2, "value", &shown(&value.value));
    if let Some(before) = before {
        let text = format!("{}, basis {}", shown(&before.value), before.basis.word());
        page.field(2, "before", &text);
    }
    let caps = if value.basis == Basis::Assumed { ": caps verdicts at inconclusive" } else { "" };
    page.field(2, "basis", &format!("{}{caps}", value.basis.word()));
    page.field(2, "source", &value.source);
    if value.client_visible {
        page.field(2, "visible", "handed to the implementation by `configure`");
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "not known: what depends on it is not_testable".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// What an engineer must know before trusting a verdict.
fn tail(page: &mut Page, profile: &Profile) {
    let named = |wanted: fn(&ProfileValue) -> bool| {
        let names = profile.iter().filter(|(_, value)| wanted(value)).map(|(name, _)| name);
        names.collect::<Vec<_>>().join(", ")
    };
    let assumed = named(|value| value.basis == Basis::Assumed && !value.value.is_null());
    let unknown = named(|value| value.value.is_null());
    for (text, names) in [
        (
            "Assumed, so what rests on them is at most inconclusive on a foreign implementation: ",
            assumed,
        ),
        ("Not known, so what depends on them is not_testable: ", unknown),
        ("Rows that do not apply: ", profile.rows_not_applicable().join(", ")),
    ] {
        if !names.is_empty() {
            page.hang("", 2, &format!("{text}{names}."));
        }
    }
}
