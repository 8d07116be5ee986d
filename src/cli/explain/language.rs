//! The words of scenarios: keys whose values are words, the words, and the endpoints of a server.

use super::{Known, heading, listed, scenarios_where};
use crate::report::Page;
use crate::scenario::Case;
use crate::scenario::shape::MUTATION;
use crate::scenario::vocabulary::{Vocabulary, all};

/// The key of a server's endpoints, which are told as what they are.
const ENDPOINT: &str = "endpoint";

pub(super) fn key(word: &str, _: &Known, page: &mut Page) -> bool {
    let vocabulary = all().into_iter().find(|one| one.key == word);
    let free = MUTATION.keys.iter().find(|spec| spec.name == word);
    match (vocabulary, free) {
        (Some(vocabulary), _) => {
            heading(page, kind(&vocabulary), vocabulary.key);
            page.fill(2, &format!("{}.", capital(vocabulary.doc)));
            page.fill(2, vocabulary.about);
            page.gap();
            for (word, doc) in &vocabulary.words {
                page.hang(&format!("  {word:<24} "), 27, doc);
            }
        }
        (None, Some(spec)) => {
            heading(page, "key of mutate", spec.name);
            page.fill(2, &format!("{}.", capital(spec.doc)));
        }
        (None, None) => return false,
    }
    true
}

pub(super) fn word(word: &str, known: &Known, page: &mut Page) -> bool {
    let mut told = false;
    for vocabulary in all() {
        let found = vocabulary.words.iter().find(|(known, _)| *known == word);
        let Some((name, doc)) = found else { continue };
        told = true;
        let kind = match vocabulary.key {
            ENDPOINT => "endpoint".to_owned(),
            key => format!("word of {key}:"),
        };
        heading(page, &kind, name);
        let says_itself = "The word says it.";
        page.fill(2, if doc.is_empty() { says_itself } else { doc });
        page.field(2, "of", &format!("`{}`: {}", vocabulary.key, vocabulary.about));
        let used = scenarios_where(known, |case| uses(case, vocabulary.key, word));
        listed(page, "used by", &used, "no scenario");
    }
    told
}

/// Everything that this page knows, for suggestions.
pub(super) fn words() -> Vec<&'static str> {
    let keys = MUTATION.keys.iter().map(|spec| spec.name);
    let of_words = all();
    let words = of_words.iter().flat_map(|one| one.words.iter().map(|(word, _)| *word));
    keys.chain(of_words.iter().map(|one| one.key)).chain(words).collect()
}

/// True if a step of a case has the word under the key: written there, or chosen by its matrix.
fn uses(case: &Case, key: &str, word: &str) -> bool {
    let chosen = case.choice.values().any(|value| value == word);
    let (text, key) = (&case.scenario.source.text, format!("{key}: "));
    case.scenario.steps.iter().any(|step| {
        let text = text.get(step.span.start..step.span.end).unwrap_or_default();
        let behind = text.split(&key).skip(1);
        behind.map(value).any(|value| value == word || chosen && value.starts_with("${"))
    })
}

/// A value up to its end.
fn value(text: &str) -> &str {
    let text = text.trim_start_matches(['"', '\'']);
    let inner = text.strip_prefix("${").map(|rest| rest.find('}').map_or(rest.len(), |at| at + 3));
    let end =
        inner.unwrap_or_else(|| text.find([',', ' ', '}', '\n', '"', '\'']).unwrap_or(text.len()));
    text.get(..end).unwrap_or(text)
}

fn kind(vocabulary: &Vocabulary) -> &'static str {
    if vocabulary.mutates { "key of mutate" } else { "key of send" }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_ends() {
        let of = ["other-type }, negative", "\"${fault}\" }", "absent", "push, of: m1"].map(value);
        assert_eq!(of, ["other-type", "${fault}", "absent", "push"]);
    }
}
