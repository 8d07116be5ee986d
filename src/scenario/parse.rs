//! From the text of a scenario to its model.
//!
//! Main function: [`parse`]. It refuses what has the wrong form; what is well-formed and cannot
//! work is left to `lint`. All mistakes are collected before it gives up. With a matrix the steps
//! depend on the choice, so every choice is read once here, and those of the first one stand in
//! the result.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::expand::{self, Choice};
use super::kinds::MILESTONES;
use super::model::{Actor, Observable, Plays, Scenario, Seen};
use super::needs::Needs;
use super::shape::{self, Shape};
use super::steps::read_steps;
use super::stub::{Stub, read_stubs};
use super::template::Template;
use crate::span::{Diagnostic, Source, Span};
use crate::spec::problems::{Fields, Problems};
use crate::spec::yaml::{Value, Yaml};
use crate::wire::EncodeAs;

/// Reads a scenario. `id` is its path below `scenarios/` without `.yaml`.
///
/// # Errors
/// Every place where the file has not the form of a scenario, in order.
pub fn parse(id: &str, source: &Source) -> Result<Scenario, Vec<Diagnostic>> {
    let tree = Arc::new(Yaml::parse(source).map_err(|error| vec![error])?);
    let first = expand::first_choice(&read_matrix(&mut Problems::new(source), &tree));
    let scenario = parse_choice(id, source, &tree, &first)?;
    if !scenario.matrix.is_empty() {
        expand::expand(&scenario)?;
    }
    Ok(scenario)
}

/// Reads the scenario for one choice of its matrix; `tree` is the file as it was written.
pub(super) fn parse_choice(
    id: &str,
    source: &Source,
    tree: &Arc<Yaml>,
    choice: &Choice,
) -> Result<Scenario, Vec<Diagnostic>> {
    let chosen = expand::chosen(tree, choice);
    let mut problems = Problems::new(source);
    let scenario = read_scenario(&mut problems, id, tree, &chosen, choice);
    problems.finish(scenario)
}

fn read_scenario(
    problems: &mut Problems,
    id: &str,
    written: &Arc<Yaml>,
    chosen: &Yaml,
    choice: &Choice,
) -> Option<Scenario> {
    let top = fields(problems, chosen, &shape::SCENARIO)?;
    read_version(problems, top);
    let title = line(problems, top, "title");
    let why = line(problems, top, "why");
    let milestone = read_milestone(problems, top);
    let mut texts = |key: &str| {
        top.get(key).map(|node| problems.texts(node, &format!("`{key}`"))).unwrap_or_default()
    };
    let (covers, proves, tags) = (texts("covers"), texts("proves"), texts("tags"));
    let needs = top.get("needs").and_then(|node| read_needs(problems, node));
    let vars = top.get("vars").map(|node| read_vars(problems, node)).unwrap_or_default();
    let actors = top.get("actors").map(|node| read_actors(problems, node)).unwrap_or_default();
    let mut steps = top.get("steps").map(|node| read_steps(problems, node)).unwrap_or_default();
    let http = top.get("http").map(|node| read_stubs(problems, node)).unwrap_or_default();
    steps.extend(http.iter().flat_map(Stub::steps));
    let observed = top.get("must_observe").map(|node| read_observables(problems, node));
    Some(Scenario {
        id: id.to_owned(),
        title: title?,
        why: why?,
        milestone: milestone?,
        covers,
        proves,
        needs,
        tags,
        matrix: read_matrix(problems, written),
        actors,
        vars,
        http,
        steps,
        must_observe: observed?,
        encoding: encoding(choice),
        source: problems.source().clone(),
        tree: Arc::clone(written),
    })
}

/// Reads a mapping of a known shape.
pub(super) fn fields<'y>(
    problems: &mut Problems,
    node: &'y Yaml,
    shape: &Shape,
) -> Option<Fields<'y>> {
    problems.fields(node, shape.name, &shape.known(), &shape.required())
}

fn read_version(problems: &mut Problems, top: Fields<'_>) {
    let Some(node) = top.get("schema") else { return };
    if problems.number(node, "`schema`").is_some_and(|version| version != 1) {
        problems.add(node.span, "this version reads `schema: 1` only");
    }
}

/// A text that says something.
fn line(problems: &mut Problems, top: Fields<'_>, key: &str) -> Option<String> {
    let node = top.get(key)?;
    let text = problems.text(node, &format!("`{key}`"))?;
    if text.trim().is_empty() {
        problems.add(node.span, format!("`{key}` is empty"));
    }
    Some(text.trim().to_owned())
}

fn read_milestone(problems: &mut Problems, top: Fields<'_>) -> Option<String> {
    let known: Vec<(&str, &str)> = MILESTONES.iter().map(|word| (*word, *word)).collect();
    problems.word(top.get("milestone")?, "milestone", &known).map(str::to_owned)
}

fn read_needs(problems: &mut Problems, node: &Yaml) -> Option<Needs> {
    let text = problems.text(node, "`needs`")?;
    Needs::parse(text)
        .map_err(|error| {
            let span = node.within(problems.source(), error.range.clone());
            problem(problems, span, error.to_string(), error.rule.help());
        })
        .ok()
}

/// Adds an error that may have advice.
pub(super) fn problem(problems: &mut Problems, span: Span, message: String, help: Option<String>) {
    match help {
        Some(help) => problems.advise(span, message, help),
        None => problems.add(span, message),
    }
}

/// Reads a text in which `${…}` may stand.
pub(super) fn read_template(problems: &mut Problems, node: &Yaml, what: &str) -> Option<Template> {
    let text = problems.text(node, what)?;
    Template::parse(text)
        .map_err(|error| {
            let span = node.within(problems.source(), error.range.clone());
            problem(problems, span, error.to_string(), error.rule.help());
        })
        .ok()
}

fn read_vars(problems: &mut Problems, node: &Yaml) -> Vec<(String, Template)> {
    let Some(map) = problems.mapping(node, "`vars`") else { return Vec::new() };
    let mut vars = Vec::new();
    for entry in map.iter() {
        read_name(problems, &entry.key, entry.key_span);
        if let Some(template) = read_template(problems, &entry.value, "a variable") {
            vars.push((entry.key.clone(), template));
        }
    }
    vars
}

/// A name that a reference can stand for.
pub(super) fn read_name(problems: &mut Problems, name: &str, span: Span) {
    if name.contains('.') || !super::template::is_path(name) {
        problems.add(span, format!("`{name}` is no name: letters, digits, `_` and `-`"));
    }
}

fn read_actors(problems: &mut Problems, node: &Yaml) -> Vec<(String, Actor)> {
    let Some(map) = problems.mapping(node, "`actors`") else { return Vec::new() };
    let mut actors = Vec::new();
    for entry in map.iter() {
        read_name(problems, &entry.key, entry.key_span);
        if let Some(actor) = read_actor(problems, &entry.value) {
            actors.push((entry.key.clone(), actor));
        }
    }
    actors
}

fn read_actor(problems: &mut Problems, node: &Yaml) -> Option<Actor> {
    let fields = fields(problems, node, &shape::ACTOR)?;
    let iut = fields.get("iut").and_then(|node| problems.flag(node, "`iut`"));
    let plays = problems.word(fields.get("plays")?, "part", Plays::ALL)?;
    Some(Actor { plays, iut: iut.unwrap_or(false) })
}

fn read_matrix(problems: &mut Problems, tree: &Yaml) -> BTreeMap<String, Vec<String>> {
    let mut matrix = BTreeMap::new();
    let Some(node) = tree.find("matrix") else { return matrix };
    let Some(map) = problems.mapping(node, "`matrix`") else { return matrix };
    for entry in map.iter() {
        read_name(problems, &entry.key, entry.key_span);
        let values = problems.texts(&entry.value, &format!("`{}`", entry.key));
        for (n, value) in values.iter().enumerate() {
            let span = entry.value.place(&n.to_string());
            read_matrix_value(problems, span, value, &values[..n]);
            if entry.key == ENCODING {
                read_encoding(problems, span, value);
            }
        }
        if values.is_empty() {
            problems.add(entry.key_span, format!("`{}` has no values", entry.key));
        } else {
            matrix.insert(entry.key.clone(), values);
        }
    }
    expand::refuse_too_many(problems, node, &matrix);
    matrix
}

/// The axis whose value is the encoding of all that Meta's side sends.
pub(super) const ENCODING: &str = "encoding";

/// The encoding that a choice asks for.
fn encoding(choice: &Choice) -> EncodeAs {
    let named = choice.get(ENCODING).and_then(|name| EncodeAs::from_name(name));
    named.unwrap_or(EncodeAs::CANONICAL)
}

fn read_encoding(problems: &mut Problems, span: Span, name: &str) {
    if EncodeAs::from_name(name).is_none() {
        problems.unknown(span, "encoding", name, &EncodeAs::names());
    }
}

fn read_matrix_value(problems: &mut Problems, span: Span, value: &str, earlier: &[String]) {
    if earlier.iter().any(|other| other == value) {
        problems.add(span, format!("the value `{value}` stands here twice"));
    }
    // Values are part of the case id: `id[key=value,…]`.
    if value.is_empty() || value.contains(['[', ']', ',', '=']) {
        problems.add(span, format!("`{value}` cannot stand in a case id"));
    }
}

fn read_observables(problems: &mut Problems, node: &Yaml) -> Vec<Observable> {
    let mut observed = Vec::new();
    for item in problems.items(node, "`must_observe`") {
        let Some(text) = problems.text(item, "an event") else { continue };
        let Some((label, word)) = text.split_once('.') else {
            problems.advise(item.span, format!("`{text}` is no event"), "write `label.event`");
            continue;
        };
        match Seen::ALL.iter().find(|(_, known)| *known == word) {
            Some((event, _)) => {
                observed.push(Observable { label: label.to_owned(), event: *event });
            }
            None => {
                let span = item.within(problems.source(), label.len() + 1..text.len());
                problems.unknown(span, "event", word, &shape::events());
            }
        }
    }
    observed
}

/// Reads `5s`, `500ms`, `2m`, `1h`, `30d`.
pub(super) fn read_duration(problems: &mut Problems, node: &Yaml) -> Option<Duration> {
    let text = problems.text(node, "a duration")?;
    let duration = duration(text);
    match duration {
        None => problems.advise(
            node.span,
            format!("`{text}` is no duration"),
            "a whole number with its unit: 500ms, 5s, 2m, 1h, 30d",
        ),
        Some(Duration::ZERO) => problems.add(node.span, "a duration of nothing waits for nothing"),
        Some(_) => {}
    }
    duration
}

/// Reads a whole number with its unit: 500ms, 5s, 2m, 1h, 30d.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(ms).map(Duration::from_millis)
}

/// Whether a node stands for nothing but an empty mapping.
pub(super) fn is_empty_mapping(node: &Yaml) -> bool {
    matches!(&node.value, Value::Map(entries) if entries.is_empty())
}
