//! From the text of a profile, laid over the one that it extends, to a complete set of values.
//!
//! Main function: `read`. It refuses unknown keys, values of another form, values without a basis,
//! and a profile that leaves keys open, so that whoever asks for a value later always finds one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use super::basis::Basis;
use super::fixed;
use super::key::{self, Form, Key};
use super::problems::{Fields, Problems};
use super::profile::{BUILTIN, Profile, ProfileValue};
use super::requirement::Catalogue;
use super::yaml::{Entry, Value, Yaml};
use super::{LoadError, id_matches, read_source};
use crate::limits::PROFILE_CHAIN_MAX;
use crate::span::{Diagnostic, Source};

/// Reads a file and those that it extends; `depth` counts them.
pub(super) fn load_at(path: &Path, depth: usize) -> Result<Profile, LoadError> {
    let source = read_source(path)?;
    read(&source, |base| match Profile::builtin(base) {
        Some(profile) => Ok(Some(profile)),
        None if depth >= PROFILE_CHAIN_MAX => Ok(None),
        None => {
            let file = path.parent().unwrap_or(Path::new(".")).join(base);
            if file.is_file() { load_at(&file, depth + 1).map(Some) } else { Ok(None) }
        }
    })
}

/// Reads one file over its base, which `extend` finds by the name in `extends`.
pub(super) fn read(
    source: &Source,
    extend: impl FnOnce(&str) -> Result<Option<Profile>, LoadError>,
) -> Result<Profile, LoadError> {
    let tree = Yaml::parse(source).map_err(invalid)?;
    let base = match tree.find("extends").map(|node| &node.value) {
        Some(Value::Scalar { text, .. }) => match extend(text)? {
            Some(base) => Some(base),
            None => return Err(invalid(unknown_base(source, &tree, text))),
        },
        _ => None,
    };
    let mut problems = Problems::new(source);
    let profile = read_profile(&mut problems, &tree, base);
    problems.finish(profile).map_err(LoadError::Invalid)
}

fn invalid(error: Diagnostic) -> LoadError {
    LoadError::Invalid(vec![error])
}

fn unknown_base(source: &Source, tree: &Yaml, base: &str) -> Diagnostic {
    let known: Vec<&str> = BUILTIN.iter().map(|(name, _)| *name).collect();
    let message = format!("no profile `{base}`, nor a file of that name that ends the chain");
    Diagnostic::new(source, tree.place("extends"), message)
        .help(format!("embedded profiles: {}", known.join(", ")))
}

fn read_profile(problems: &mut Problems, tree: &Yaml, base: Option<Profile>) -> Option<Profile> {
    let known = ["id", "extends", "frozen", "values", "rows"];
    let top = problems.fields(tree, "a profile", &known, &["id"])?;
    let id = problems.text(top.get("id")?, "id")?.to_owned();
    let frozen = top.get("frozen").and_then(|node| problems.flag(node, "frozen"));
    let extends = base.as_ref().map(|base| base.id.clone());
    let (values, rows) =
        base.map(|base| (base.values, base.rows_not_applicable)).unwrap_or_default();
    let mut profile =
        Profile { id, extends, frozen: frozen.unwrap_or(false), values, rows_not_applicable: rows };
    read_values(problems, top, Arc::make_mut(&mut profile.values));
    if let Some(rows) = top.get("rows").and_then(|node| read_rows(problems, node)) {
        profile.rows_not_applicable = rows;
    }
    refuse_gaps(problems, tree, &profile.values);
    if problems.is_empty() {
        fixed::refuse(problems, tree, &profile.values);
    }
    Some(profile)
}

fn read_values(
    problems: &mut Problems,
    top: Fields<'_>,
    into: &mut BTreeMap<String, ProfileValue>,
) {
    let Some(map) = top.get("values").and_then(|node| problems.mapping(node, "values")) else {
        return;
    };
    for entry in map.iter() {
        let Some(known) = key::find(&entry.key) else {
            problems.unknown(entry.key_span, "profile key", &entry.key, &key::names());
            continue;
        };
        if let Some(value) = read_value(problems, known, entry, into.get(&entry.key)) {
            into.insert(entry.key.clone(), value);
        }
    }
}

fn read_value(
    problems: &mut Problems,
    key: &Key,
    entry: &Entry,
    base: Option<&ProfileValue>,
) -> Option<ProfileValue> {
    let known = ["value", "basis", "source", "client_visible"];
    let fields = problems.fields(&entry.value, key.name, &known, &known[..3])?;
    let basis = fields.get("basis").and_then(|node| problems.word(node, "basis", Basis::ALL));
    let source = fields.get("source").and_then(|node| problems.text(node, "source"));
    let visible = match fields.get("client_visible") {
        Some(node) => problems.flag(node, "client_visible")?,
        None => base.is_some_and(|base| base.client_visible),
    };
    let value = read_form(problems, key, fields.get("value")?)?;
    Some(ProfileValue {
        digits: value.as_i64().map(|number| number.to_string()),
        value,
        basis: basis?,
        source: source?.to_owned(),
        client_visible: visible,
    })
}

fn read_form(problems: &mut Problems, key: &Key, node: &Yaml) -> Option<Json> {
    if node.value == Value::Null {
        return Some(Json::Null);
    }
    match key.form {
        Form::Text => problems.text(node, key.name).map(Json::from),
        Form::Number => read_number(problems, key, node),
        Form::OneOf(numbers) => read_one_of(problems, key, node, numbers),
        Form::Hex => read_hex(problems, key, node),
        Form::Choice(words) => read_word(problems, key, node, words),
        Form::Texts => Some(Json::from(problems.texts(node, key.name))),
        Form::Words(words) => {
            let items = problems.items(node, key.name).iter();
            items.map(|item| read_word(problems, key, item, words)).collect()
        }
    }
}

fn read_number(problems: &mut Problems, key: &Key, node: &Yaml) -> Option<Json> {
    let number = i64::try_from(problems.number(node, key.name)?);
    if number.is_err() {
        problems.add(node.span, format!("{} is too large a number", key.name));
    }
    number.ok().map(Json::from)
}

fn read_one_of(problems: &mut Problems, key: &Key, node: &Yaml, known: &[u64]) -> Option<Json> {
    let number = problems.number(node, key.name)?;
    if !known.contains(&number) {
        let known: Vec<String> = known.iter().map(u64::to_string).collect();
        problems.add(node.span, format!("{} is one of {}", key.name, known.join(", ")));
        return None;
    }
    Some(Json::from(number))
}

fn read_word(problems: &mut Problems, key: &Key, node: &Yaml, words: &[&str]) -> Option<Json> {
    let known: Vec<(&str, &str)> = words.iter().map(|word| (*word, *word)).collect();
    problems.word(node, key.name, &known).map(Json::from)
}

fn read_hex(problems: &mut Problems, key: &Key, node: &Yaml) -> Option<Json> {
    let text = problems.text(node, key.name)?;
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        problems.add(node.span, format!("{} is an even number of hexadecimal digits", key.name));
        return None;
    }
    Some(Json::from(text.to_ascii_lowercase()))
}

fn read_rows(problems: &mut Problems, node: &Yaml) -> Option<Vec<String>> {
    let fields = problems.fields(node, "rows", &["not_applicable"], &[])?;
    let list = fields.get("not_applicable")?;
    for item in problems.items(list, "not_applicable") {
        let Some(pattern) = problems.text(item, "a row") else { continue };
        if !Catalogue::builtin_ids().any(|id| id_matches(pattern, id)) {
            problems.add(item.span, format!("`{pattern}` names no row of the catalogue"));
        }
    }
    Some(problems.texts(list, "not_applicable"))
}

/// A profile is complete: what it does not say itself, the one that it extends must say.
fn refuse_gaps(problems: &mut Problems, tree: &Yaml, values: &BTreeMap<String, ProfileValue>) {
    let missing = key::names().into_iter().filter(|name| !values.contains_key(*name));
    let missing: Vec<&str> = missing.collect();
    if let [first, rest @ ..] = missing.as_slice()
        && problems.is_empty()
    {
        let message = format!("the profile lacks `{first}` and {} further keys", rest.len());
        let help = "start from a complete one with `extends: whatsapp-1.0.3`";
        problems.advise(tree.place("id"), message, help);
    }
}
