//! Which cases are run.

use crate::scenario::Case;
use crate::spec::id_matches;

/// What the user asked for; an empty list asks for everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Ids of cases or scenarios, `*` for any text.
    pub ids: Vec<String>,
    pub milestones: Vec<String>,
    pub requirements: Vec<String>,
    /// Also run what is tagged `slow`.
    pub slow: bool,
}

/// Keeps the cases that the selection asks for, and names its words that match nothing.
pub fn select(cases: Vec<Case>, selection: &Selection) -> (Vec<Case>, Vec<String>) {
    let words = [&selection.ids, &selection.milestones, &selection.requirements];
    let unmatched = words
        .iter()
        .enumerate()
        .flat_map(|(axis, words)| words.iter().map(move |word| (axis, word)))
        .filter(|(axis, word)| !cases.iter().any(|case| matches(*axis, word, case)))
        .map(|(_, word)| word.clone())
        .collect();
    let kept = cases.into_iter().filter(|case| wanted(case, selection)).collect();
    (kept, unmatched)
}

fn wanted(case: &Case, selection: &Selection) -> bool {
    let words = [&selection.ids, &selection.milestones, &selection.requirements];
    let asked = words.iter().enumerate().all(|(axis, words)| {
        words.is_empty() || words.iter().any(|word| matches(axis, word, case))
    });
    let slow = case.scenario.tags.iter().any(|tag| tag == "slow");
    asked && (!slow || selection.slow)
}

fn matches(axis: usize, word: &str, case: &Case) -> bool {
    match axis {
        0 => id_matches(word, &case.id()) || id_matches(word, &case.scenario.id),
        1 => case.scenario.milestone.starts_with(word),
        _ => case.scenario.covers.iter().any(|row| id_matches(word, row)),
    }
}
