//! The `ics` of an IUT file: capabilities that its author narrows (`interfaces.md` §6).
//!
//! [`read`] checks names and forms, so that a mistake is shown at its place in the file. Whether a
//! value narrows what the adapter states is known only after `hello`; [`crate::spec::Ics`] decides.

use serde_json::{Map, Value, json};

use crate::spec::capability::{self, Capability, Form};
use crate::spec::problems::Problems;
use crate::spec::yaml::{Entry, Yaml};

/// Reads the capabilities of a file, without those that begin with `x-`; what is wrong is added to
/// the problems and left out.
pub(super) fn read(problems: &mut Problems, node: &Yaml) -> Map<String, Value> {
    let Some(map) = problems.mapping(node, "ics") else {
        return Map::new();
    };
    let stated = map.iter().filter(|entry| !entry.key.starts_with("x-"));
    stated.filter_map(|entry| read_entry(problems, entry)).collect()
}

fn read_entry(problems: &mut Problems, entry: &Entry) -> Option<(String, Value)> {
    let Some(capability) = capability::find(&entry.key) else {
        problems.unknown(entry.key_span, "capability", &entry.key, &capability::names());
        return None;
    };
    let value = read_value(problems, capability, &entry.value)?;
    Some((entry.key.clone(), value))
}

fn read_value(problems: &mut Problems, capability: &Capability, node: &Yaml) -> Option<Value> {
    let name = capability.name;
    Some(match capability.form {
        Form::Flag => json!(problems.flag(node, name)?),
        Form::Choice(known) => json!(read_word(problems, node, name, known)?),
        Form::Numbers => {
            let items = problems.items(node, name).iter();
            json!(items.filter_map(|item| problems.number(item, name)).collect::<Vec<_>>())
        }
        Form::Words(known) => {
            let items = problems.items(node, name).iter();
            json!(
                items.filter_map(|item| read_word(problems, item, name, known)).collect::<Vec<_>>()
            )
        }
    })
}

fn read_word(
    problems: &mut Problems,
    node: &Yaml,
    what: &str,
    known: &'static [&'static str],
) -> Option<&'static str> {
    let words: Vec<(&str, &str)> = known.iter().map(|word| (*word, *word)).collect();
    problems.word(node, what, &words)
}
