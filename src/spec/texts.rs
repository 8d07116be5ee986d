//! The public texts behind the catalogue, passage by passage.
//!
//! Main type: [`Passage`]. Both texts are embedded, so that a rule can be read beside what it rests
//! on without a network. Rows cite Meta's framework by section, and these texts retell it by
//! subject, so the nearest passages are found by the words that they share with the row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::Requirement;

/// A paragraph or an item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    pub document: &'static str,
    pub heading: String,
    pub text: String,
}

const DOCUMENTS: &[(&str, &str)] = &[
    ("framework.md", include_str!("../../scenarios/requirements/framework.md")),
    ("wire.md", include_str!("../../scenarios/requirements/wire.md")),
];
const NOTES: &str = include_str!("../../scenarios/requirements/notes.md");

/// Shared words without which a passage says nothing of a row.
const SHARED_MIN: usize = 2;
/// Letters of a word that means something.
const LETTERS_MIN: usize = 5;

/// All passages, in the order of the texts.
pub fn passages() -> &'static [Passage] {
    static ALL: LazyLock<Vec<Passage>> =
        LazyLock::new(|| DOCUMENTS.iter().flat_map(|(name, text)| split(name, text)).collect());
    &ALL
}

/// The passages nearest to a row, at most `count`, the nearest first.
pub fn nearest(row: &Requirement, count: usize) -> Vec<&'static Passage> {
    let wanted = words(&format!("{} {}", row.statement, row.check));
    let rarity = rarity();
    let score = |passage: &Passage| {
        let shared: Vec<String> = words(&passage.text).intersection(&wanted).cloned().collect();
        let weight: f64 = shared.iter().filter_map(|word| rarity.get(word)).sum();
        (shared.len() >= SHARED_MIN || passage.text.contains(&row.id)).then_some(weight)
    };
    let mut scored: Vec<(f64, &Passage)> =
        passages().iter().filter_map(|passage| Some((score(passage)?, passage))).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let best = scored.first().map_or(0.0, |(weight, _)| *weight);
    let near = scored.into_iter().filter(|(weight, _)| *weight * 2.0 > best);
    near.take(count).map(|(_, passage)| passage).collect()
}

/// What the notes on the catalogue say of a row.
pub fn notes(id: &str) -> Vec<String> {
    let found = split("notes.md", NOTES).into_iter().filter(|passage| passage.text.contains(id));
    // A row of a table reads as a sentence without its rules.
    found.map(|passage| passage.text.trim_matches('|').trim().replace(" | ", "; ")).collect()
}

/// How much a word tells: the fewer passages have it, the more.
fn rarity() -> &'static BTreeMap<String, f64> {
    static RARITY: LazyLock<BTreeMap<String, f64>> = LazyLock::new(|| {
        let mut counts: BTreeMap<String, f64> = BTreeMap::new();
        for passage in passages() {
            for word in words(&passage.text) {
                *counts.entry(word).or_default() += 1.0;
            }
        }
        counts.into_iter().map(|(word, count)| (word, 1.0 / count)).collect()
    });
    &RARITY
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.filter(|word| word.chars().count() >= LETTERS_MIN).collect()
}

/// Splits a text at empty lines and at the items of lists and tables.
fn split(document: &'static str, text: &str) -> Vec<Passage> {
    let mut passages = Vec::new();
    let (mut heading, mut lines): (String, Vec<&str>) = (String::new(), Vec::new());
    let mut flush = |heading: &str, lines: &mut Vec<&str>| {
        let text = lines.join(" ").replace("**", "");
        lines.clear();
        if !text.trim().is_empty() {
            passages.push(Passage { document, heading: heading.to_owned(), text });
        }
    };
    for line in text.lines() {
        let line = line.trim();
        let item = line.starts_with("- ")
            || line.starts_with("* ")
            || line.starts_with('|')
            || is_numbered(line);
        if line.is_empty() || item || line.starts_with('#') {
            flush(&heading, &mut lines);
        }
        if let Some(title) = line.strip_prefix('#') {
            title.trim_start_matches('#').trim().clone_into(&mut heading);
        } else if !line.is_empty() {
            let bare = line.strip_prefix("- ").or_else(|| line.strip_prefix("* "));
            lines.push(bare.unwrap_or(line));
        }
    }
    flush(&heading, &mut lines);
    passages
}

fn is_numbered(line: &str) -> bool {
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    digits > 0 && line[digits..].starts_with(". ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Catalogue;

    #[test]
    fn the_texts_come_apart_into_passages() {
        assert!(passages().len() > 100, "{}", passages().len());
        assert!(passages().iter().all(|passage| !passage.heading.is_empty()));
        let enlists = "The client calls the Enlistment API";
        let found = passages().iter().find(|passage| passage.text.contains(enlists)).unwrap();
        assert_eq!(found.heading, "Identities, tokens, enlistment (milestone 1)");
        assert!(found.text.ends_with("unpadded base64url):"), "{}", found.text);
    }

    #[test]
    fn the_nearest_passages_are_about_the_row() {
        let row = |id: &str| Catalogue::builtin().get(id).unwrap();
        let push = nearest(row("PSH-004"), 2);
        assert!(push[0].text.contains("/push"), "{push:?}");
        assert!(push.len() <= 2 && nearest(row("PSH-004"), 1).len() == 1);
    }

    #[test]
    fn notes_are_found_by_their_row() {
        assert!(notes("ENC-004")[0].contains("initiator's identity key first"));
        assert_eq!(notes("XXX-001"), [""; 0]);
    }
}
