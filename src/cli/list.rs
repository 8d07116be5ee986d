//! `list`: what there is, for people and for scripts.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::choice::Choice;
use super::source::Sources;
use super::stdout;
use super::{World, fail};
use crate::report::{MILESTONES, Page, format};
use crate::role::quirk;
use crate::scenario::Case;
use crate::spec::{Catalogue, Profile, Requirement, capability, id_matches, profile};
use crate::verdict::Exit;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to list
    #[arg(value_enum, default_value_t = What::Scenarios)]
    what: What,
    /// Ids of scenarios or cases, `*` for any text
    ids: Vec<String>,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    choice: Choice,
    /// `json` prints one array, for scripts
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
    /// Folder of the runs' output, for `--failed`
    #[arg(long, value_name = "DIR", default_value = "reports")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    Scenarios,
    Cases,
    Requirements,
    Quirks,
    Profiles,
    Milestones,
    Capabilities,
    Formats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    Text,
    Json,
}

/// One line of a list.
struct Item {
    id: String,
    /// A few words in a column of their own.
    note: String,
    text: String,
    json: Value,
}

pub fn execute(args: &Args, world: &World) -> Exit {
    let items = match items(args) {
        Ok(items) => items,
        Err(error) => return fail(Exit::Usage, &error),
    };
    match args.format {
        Form::Json => {
            let all: Vec<&Value> = items.iter().map(|item| &item.json).collect();
            stdout::line(format_args!("{:#}", json!(all)));
        }
        Form::Text => stdout::text(text(&items, world)),
    }
    Exit::Good
}

fn items(args: &Args) -> Result<Vec<Item>, String> {
    Ok(match args.what {
        What::Scenarios => scenarios(&chosen(args)?),
        What::Cases => chosen(args)?.iter().map(case).collect(),
        What::Requirements => requirements(args)?,
        What::Quirks => quirks(args)?,
        What::Profiles => profile::BUILTIN.iter().filter_map(|(id, _)| one_profile(id)).collect(),
        What::Milestones => milestones(&chosen(args)?),
        What::Capabilities => capability::ALL.iter().map(one_capability).collect(),
        What::Formats => format::ALL.iter().map(|one| plain(one.id(), one.doc())).collect(),
    })
}

/// A list shows slow ones too, unless a flag asks for less.
fn chosen(args: &Args) -> Result<Vec<Case>, String> {
    let cases = args.sources.cases().map_err(|error| error.to_string())?;
    let choice = Choice { slow: true, ..args.choice.clone() };
    choice.select(cases, &args.ids, &args.out)
}

fn plain(id: &str, text: &str) -> Item {
    let json = json!({ "id": id, "text": text });
    Item { id: id.to_owned(), note: String::new(), text: text.to_owned(), json }
}

fn scenarios(cases: &[Case]) -> Vec<Item> {
    let groups = cases.chunk_by(|a, b| a.scenario.id == b.scenario.id);
    groups
        .map(|group| {
            let scenario = &group[0].scenario;
            let slow =
                if scenario.tags.is_empty() { String::new() } else { scenario.tags.join(" ") };
            let count =
                if group.len() == 1 { String::new() } else { format!("{} cases ", group.len()) };
            Item {
                id: scenario.id.clone(),
                note: format!("{count}{slow}").trim().to_owned(),
                text: scenario.title.clone(),
                json: json!({
                    "id": scenario.id,
                    "title": scenario.title,
                    "milestone": scenario.milestone,
                    "covers": scenario.covers,
                    "proves": scenario.proves,
                    "tags": scenario.tags,
                    "cases": group.iter().map(Case::id).collect::<Vec<_>>(),
                }),
            }
        })
        .collect()
}

fn case(case: &Case) -> Item {
    let scenario = &case.scenario;
    Item {
        id: case.id(),
        note: String::new(),
        text: String::new(),
        json: json!({
            "id": case.id(),
            "scenario": scenario.id,
            "milestone": scenario.milestone,
            "choice": case.choice,
        }),
    }
}

/// Rows of the catalogue; with flags those that the chosen scenarios cover.
fn requirements(args: &Args) -> Result<Vec<Item>, String> {
    let all = args.sources.cases().map_err(|error| error.to_string())?;
    let by_scenario = !args.choice.milestone.is_empty()
        || !args.choice.tag.is_empty()
        || args.choice.failed.is_some()
        || !args.ids.is_empty();
    let cases = if by_scenario { chosen(args)? } else { all };
    let covering = |row: &Requirement| -> BTreeSet<&str> {
        let covering = cases.iter().filter(|case| case.scenario.covers.contains(&row.id));
        covering.map(|case| case.scenario.id.as_str()).collect()
    };
    let any = |words: &[String], test: &dyn Fn(&String) -> bool| {
        words.is_empty() || words.iter().any(test)
    };
    let rows = Catalogue::builtin().iter().filter(|row| {
        any(&args.choice.requirement, &|word| id_matches(word, &row.id))
            && any(&args.choice.area, &|word| word == row.area())
            && (!by_scenario || !covering(row).is_empty())
    });
    let items: Vec<Item> = rows.map(|row| requirement(row, &covering(row))).collect();
    if items.is_empty() {
        return Err("no row of the catalogue is selected by these flags".to_owned());
    }
    Ok(items)
}

fn requirement(row: &Requirement, covered_by: &BTreeSet<&str>) -> Item {
    Item {
        id: row.id.clone(),
        note: row.level.word().to_owned(),
        text: row.statement.clone(),
        json: json!({
            "id": row.id,
            "level": row.level,
            "basis": row.basis,
            "statement": row.statement,
            "source": row.source,
            "observable": row.observable,
            "covered_by": covered_by,
        }),
    }
}

/// Quirks; with flags those that the chosen scenarios prove.
fn quirks(args: &Args) -> Result<Vec<Item>, String> {
    let cases = chosen(args)?;
    let named = |id: &str| -> BTreeSet<&str> {
        let naming = cases.iter().filter(|case| case.scenario.proves.iter().any(|p| p == id));
        naming.map(|case| case.scenario.id.as_str()).collect()
    };
    let all = args.choice.is_empty() && args.ids.is_empty();
    let quirks = quirk::all().filter(|quirk| all || !named(quirk.id).is_empty());
    let quirks = quirks.map(|quirk| Item {
        id: quirk.id.to_owned(),
        note: quirk.requirement.to_owned(),
        text: quirk.what.to_owned(),
        json: json!({
            "id": quirk.id,
            "requirement": quirk.requirement,
            "seat": quirk.seat,
            "expect": quirk.expect.word(),
            "source": quirk.source,
            "what": quirk.what,
            "named_by": named(quirk.id),
        }),
    });
    let controls = quirk::CONTROLS
        .iter()
        .filter(|_| all)
        .map(|control| Item { note: "control".to_owned(), ..plain(control.id, control.what) });
    Ok(quirks.chain(controls).collect())
}

fn one_profile(id: &str) -> Option<Item> {
    let profile = Profile::builtin(id)?;
    let over = profile.extends.as_ref().map(|base| format!("extends {base}"));
    let assumed = profile.iter().filter(|(_, value)| value.basis == crate::spec::Basis::Assumed);
    let (all, assumed) = (profile.iter().count(), assumed.count());
    Some(Item {
        id: id.to_owned(),
        note: over.clone().unwrap_or_default(),
        text: format!("{all} values, {assumed} of them assumed"),
        json: json!({
            "id": id, "extends": profile.extends, "frozen": profile.frozen,
            "values": all, "assumed": assumed, "digest": profile.digest(),
        }),
    })
}

fn milestones(cases: &[Case]) -> Vec<Item> {
    let count = |id: &str| cases.iter().filter(|case| case.scenario.milestone == id).count();
    let items = MILESTONES.iter().map(|(id, name)| Item {
        note: match count(id) {
            1 => "1 case".to_owned(),
            n => format!("{n} cases"),
        },
        json: json!({ "id": id, "name": name, "cases": count(id) }),
        ..plain(id, name)
    });
    items.collect()
}

fn one_capability(capability: &capability::Capability) -> Item {
    let hook = if capability.hook { "hook" } else { "" };
    Item {
        note: hook.to_owned(),
        json: json!({ "id": capability.name, "hook": capability.hook, "doc": capability.doc }),
        ..plain(capability.name, capability.doc)
    }
}

/// Longest id beside which its text stands; longer ones have it below.
const BESIDE_MAX: usize = 28;

fn text(items: &[Item], world: &World) -> String {
    let width = |of: fn(&Item) -> &String| {
        items.iter().map(|item| of(item).chars().count()).max().unwrap_or(0)
    };
    let (ids, notes) = (width(|item| &item.id), width(|item| &item.note));
    let mut page = Page::new(world.look);
    for item in items {
        let note = if notes == 0 { String::new() } else { format!("{:<notes$}  ", item.note) };
        if item.text.is_empty() {
            page.line(&item.id);
        } else if ids <= BESIDE_MAX {
            let head = format!("{:<ids$}  {note}", item.id);
            page.hang(&head, head.chars().count(), &item.text);
        } else {
            let note =
                if item.note.is_empty() { String::new() } else { format!(" ({})", item.note) };
            page.line(format!("{}{note}", item.id));
            page.fill(4, &item.text);
        }
    }
    page.finish()
}
