//! Which cases are run.
//!
//! Main type: [`Selection`]. The words of one kind are alternatives; of several kinds all must
//! hold; an empty kind asks for everything. A word that matches nothing is an error, because it is
//! a misspelling, and so is a selection that nothing is left of.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

use crate::scenario::Case;
use crate::scenario::kinds::MILESTONES;
use crate::span::nearest;
use crate::spec::{Catalogue, id_matches};

/// The tag of what is not in the default run.
pub const SLOW: &str = "slow";

/// What the user asked for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Ids of cases or scenarios: `*` stands for any text, `?` for a character, `{a,b}` for either.
    pub ids: Vec<String>,
    /// `M3` asks for M3.1, M3.2 and M3.3.
    pub milestones: Vec<String>,
    /// Rows that a scenario covers, `*` for any text.
    pub requirements: Vec<String>,
    /// Areas of such rows, `NOI`.
    pub areas: Vec<String>,
    pub tags: Vec<String>,
    /// Only these cases: those that failed in an earlier run.
    pub failed: Option<BTreeSet<String>>,
    /// Also run what is tagged `slow`, as `tags: [slow]` does too.
    pub slow: bool,
}

/// Why nothing, or not what was meant, would be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    #[error("`{word}` is no pattern: {why}")]
    Pattern { word: String, why: String },
    #[error("nothing matches `{word}`{}", hint(.near))]
    Id { word: String, near: Option<String> },
    #[error("no scenario belongs to the milestone `{word}`; milestones: {}", MILESTONES.join(", "))]
    Milestone { word: String },
    #[error("there is no requirement `{word}`{}", hint(.near))]
    Requirement { word: String, near: Option<String> },
    #[error("no scenario covers `{word}`")]
    Uncovered { word: String },
    #[error("no scenario covers a requirement of the area `{word}`; areas: {}", known.join(", "))]
    Area { word: String, known: Vec<String> },
    #[error("no scenario has the tag `{word}`; tags: {}", list(.known))]
    Tag { word: String, known: Vec<String> },
    #[error("nothing failed in that run, so there is nothing to run again")]
    NothingFailed,
    #[error("the cases that failed do not exist any more: {}", .0.join(", "))]
    FailedAreGone(Vec<String>),
    #[error("all that is selected is tagged `slow`; add --slow")]
    OnlySlow,
    #[error("each of these matches something, but no case matches all of them together")]
    Nothing,
}

fn hint(near: &Option<String>) -> String {
    near.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

fn list(known: &[String]) -> String {
    if known.is_empty() { "there are none".to_owned() } else { known.join(", ") }
}

/// Keeps the cases that the selection asks for, in their order.
///
/// # Errors
/// See [`SelectError`].
pub fn select(cases: Vec<Case>, selection: &Selection) -> Result<Vec<Case>, SelectError> {
    let globs = selection.ids.iter().map(|word| glob(word)).collect::<Result<Vec<_>, _>>()?;
    refuse_misspelt(&cases, selection, &globs)?;
    let asked: Vec<Case> =
        cases.into_iter().filter(|case| wanted(case, selection, &globs)).collect();
    if asked.is_empty() {
        return Err(SelectError::Nothing);
    }
    let slow = selection.slow || selection.tags.iter().any(|tag| tag == SLOW);
    let kept: Vec<Case> = asked.into_iter().filter(|case| slow || !is_slow(case)).collect();
    if kept.is_empty() { Err(SelectError::OnlySlow) } else { Ok(kept) }
}

/// A pattern of ids. Brackets stand for themselves: the ids of cases have them.
fn glob(word: &str) -> Result<(String, GlobMatcher), SelectError> {
    let escaped: String = word
        .chars()
        .map(|c| match c {
            '[' => "[[]".to_owned(),
            ']' => "[]]".to_owned(),
            other => other.to_string(),
        })
        .collect();
    let glob = GlobBuilder::new(&escaped).literal_separator(false).build();
    match glob {
        Ok(glob) => Ok((word.to_owned(), glob.compile_matcher())),
        Err(error) => {
            Err(SelectError::Pattern { word: word.to_owned(), why: error.kind().to_string() })
        }
    }
}

fn fits(glob: &GlobMatcher, case: &Case) -> bool {
    glob.is_match(case.id()) || glob.is_match(&case.scenario.id)
}

fn is_slow(case: &Case) -> bool {
    case.scenario.tags.iter().any(|tag| tag == SLOW)
}

fn of_milestone(word: &str, case: &Case) -> bool {
    let rest = case.scenario.milestone.strip_prefix(word);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn covers(case: &Case, test: impl Fn(&str) -> bool) -> bool {
    case.scenario.covers.iter().any(|row| test(row))
}

fn area(row: &str) -> &str {
    row.split_once('-').map_or(row, |(area, _)| area)
}

fn wanted(case: &Case, selection: &Selection, globs: &[(String, GlobMatcher)]) -> bool {
    let Selection { milestones, requirements, areas, tags, failed, .. } = selection;
    let any = |words: &[String], test: &dyn Fn(&str) -> bool| {
        words.is_empty() || words.iter().any(|word| test(word))
    };
    (globs.is_empty() || globs.iter().any(|(_, glob)| fits(glob, case)))
        && any(milestones, &|word| of_milestone(word, case))
        && any(requirements, &|word| covers(case, |row| id_matches(word, row)))
        && any(areas, &|word| covers(case, |row| area(row) == word))
        && any(tags, &|word| case.scenario.tags.iter().any(|tag| tag == word))
        && failed.as_ref().is_none_or(|failed| failed.contains(&case.id()))
}

fn refuse_misspelt(
    cases: &[Case],
    selection: &Selection,
    globs: &[(String, GlobMatcher)],
) -> Result<(), SelectError> {
    if let Some((word, _)) = globs.iter().find(|(_, glob)| !cases.iter().any(|c| fits(glob, c))) {
        let ids: Vec<String> = cases.iter().map(Case::id).collect();
        let scenarios = cases.iter().map(|case| case.scenario.id.as_str());
        let near = nearest(word, ids.iter().map(String::as_str).chain(scenarios));
        return Err(SelectError::Id { word: word.clone(), near: near.map(str::to_owned) });
    }
    let nobody = |test: &dyn Fn(&Case) -> bool| !cases.iter().any(test);
    if let Some(word) = selection.milestones.iter().find(|w| nobody(&|c| of_milestone(w, c))) {
        return Err(SelectError::Milestone { word: word.clone() });
    }
    let uncovered = |word: &str| nobody(&|case| covers(case, |row| id_matches(word, row)));
    if let Some(word) = selection.requirements.iter().find(|word| uncovered(word)) {
        return Err(no_requirement(word));
    }
    let strange = |word: &str| nobody(&|case| covers(case, |row| area(row) == word));
    if let Some(word) = selection.areas.iter().find(|word| strange(word)) {
        let known: BTreeSet<String> = cases
            .iter()
            .flat_map(|case| &case.scenario.covers)
            .map(|row| area(row).to_owned())
            .collect();
        return Err(SelectError::Area { word: word.clone(), known: known.into_iter().collect() });
    }
    let untagged = |word: &String| nobody(&|case| case.scenario.tags.contains(word));
    if let Some(word) = selection.tags.iter().find(|word| untagged(word)) {
        let known: BTreeSet<String> =
            cases.iter().flat_map(|case| case.scenario.tags.clone()).collect();
        return Err(SelectError::Tag { word: word.clone(), known: known.into_iter().collect() });
    }
    refuse_gone(cases, selection.failed.as_ref())
}

fn no_requirement(word: &str) -> SelectError {
    let catalogue = Catalogue::builtin();
    let word = word.to_owned();
    if catalogue.ids().any(|id| id_matches(&word, id)) {
        return SelectError::Uncovered { word };
    }
    let near = nearest(&word, catalogue.ids()).map(str::to_owned);
    SelectError::Requirement { word, near }
}

fn refuse_gone(cases: &[Case], failed: Option<&BTreeSet<String>>) -> Result<(), SelectError> {
    let Some(failed) = failed else { return Ok(()) };
    if failed.is_empty() {
        return Err(SelectError::NothingFailed);
    }
    if cases.iter().any(|case| failed.contains(&case.id())) {
        return Ok(());
    }
    Err(SelectError::FailedAreGone(failed.iter().cloned().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{expand, parse};
    use crate::span::Source;

    fn case(id: &str, milestone: &str, row: &str, tags: &str, matrix: &str) -> Vec<Case> {
        let text = format!(
            "schema: 1\ntitle: t\nwhy: w\nmilestone: {milestone}\ncovers: [{row}]\nproves: [q]\n\
             tags: [{tags}]\n{matrix}actors: {{ alice: {{ plays: third-party-client, iut: true }} }}\n\
             vars: {{ x: \"${{fault}}\" }}\n\
             steps:\n  - act: {{ on: alice, do: connect, as: c1, checks: [{row}] }}\n\
             must_observe: [c1.sent]\n"
        );
        let text =
            if matrix.is_empty() { text.replace("vars: { x: \"${fault}\" }\n", "") } else { text };
        let scenario = parse(id, &Source::new(id, text)).unwrap();
        expand(&scenario).unwrap()
    }

    fn cases() -> Vec<Case> {
        [
            case("m1/a", "M1", "ENL-001", "", ""),
            case("m2/b", "M2", "NOI-006", "", "matrix: { fault: [one, two] }\n"),
            case("m3.1/c", "M3.1", "PRE-001", "slow, keys", ""),
            case("m3.3/d", "M3.3", "STZ-019", "keys", ""),
        ]
        .concat()
    }

    fn ids(selection: Selection) -> Vec<String> {
        select(cases(), &selection).unwrap().iter().map(Case::id).collect()
    }

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn nothing_asked_for_is_everything_but_slow() {
        let all = ids(Selection::default());
        assert_eq!(all, ["m1/a", "m2/b[fault=one]", "m2/b[fault=two]", "m3.3/d"]);
        assert_eq!(ids(Selection { slow: true, ..Selection::default() }).len(), 5);
    }

    #[test]
    fn ids_are_patterns_of_cases_and_scenarios() {
        let of = |list: &[&str]| ids(Selection { ids: words(list), ..Selection::default() });
        assert_eq!(of(&["m2/b"]).len(), 2);
        assert_eq!(of(&["m2/b[fault=two]"]), ["m2/b[fault=two]"]);
        assert_eq!(of(&["*one*", "m1/?"]), ["m1/a", "m2/b[fault=one]"]);
        assert_eq!(of(&["{m1,m3.3}/*"]), ["m1/a", "m3.3/d"]);
    }

    #[test]
    fn words_of_a_kind_are_alternatives_and_kinds_must_all_hold() {
        let milestones = |list: &[&str]| {
            ids(Selection { milestones: words(list), slow: true, ..Selection::default() })
        };
        assert_eq!(milestones(&["M3"]), ["m3.1/c", "m3.3/d"]);
        assert_eq!(milestones(&["M1", "M3.3"]), ["m1/a", "m3.3/d"]);
        let tagged = Selection { tags: words(&["slow"]), ..Selection::default() };
        assert_eq!(ids(tagged), ["m3.1/c"], "the tag itself asks for it");
        let area = Selection { areas: words(&["NOI", "STZ"]), ..Selection::default() };
        assert_eq!(ids(area.clone()).len(), 3);
        assert_eq!(ids(Selection { milestones: words(&["M3"]), ..area }), ["m3.3/d"]);
        let rows = Selection { requirements: words(&["NOI-*", "ENL-001"]), ..Selection::default() };
        assert_eq!(ids(rows).len(), 3);
        let failed = Some(["m1/a", "gone"].map(str::to_owned).into());
        assert_eq!(ids(Selection { failed, ..Selection::default() }), ["m1/a"]);
    }

    #[test]
    fn what_matches_nothing_is_told_with_advice() {
        let none = Selection::default;
        let wrong = [
            Selection { ids: words(&["m2/bb"]), ..none() },
            Selection { ids: words(&["m1/{a"]), ..none() },
            Selection { milestones: words(&["M9"]), ..none() },
            Selection { milestones: words(&["M"]), ..none() },
            Selection { requirements: words(&["NOI-066"]), ..none() },
            Selection { requirements: words(&["NOI-013"]), ..none() },
            Selection { areas: words(&["noi"]), ..none() },
            Selection { tags: words(&["slwo"]), ..none() },
            Selection { failed: Some(BTreeSet::new()), ..none() },
            Selection { failed: Some(["gone".to_owned()].into()), ..none() },
            Selection { ids: words(&["m3.1/c"]), ..none() },
            Selection { milestones: words(&["M1"]), areas: words(&["NOI"]), ..none() },
        ];
        let said: Vec<String> =
            wrong.iter().map(|it| select(cases(), it).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(said.join("\n"));
    }
}
