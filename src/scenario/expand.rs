//! From a scenario with a matrix to its cases.
//!
//! Main type: [`Case`], one combination of values. A choice replaces `${axis}` in the texts of
//! `vars` and `steps` before they are read, so that it may also stand where the model has no
//! template, as in `mutate: { bundle_signature: "${fault}" }`; nobody downstream knows of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::model::Scenario;
use super::parse::parse_choice;
use crate::limits::MATRIX_CASES_MAX;
use crate::span::{Diagnostic, Source};
use crate::spec::problems::Problems;
use crate::spec::yaml::{Entry, Value, Yaml};

/// One value for each name of the matrix, sorted by name.
pub type Choice = BTreeMap<String, String>;

/// A scenario for one choice of its matrix.
#[derive(Clone, Debug)]
pub struct Case {
    pub scenario: Arc<Scenario>,
    pub choice: Choice,
}

impl Case {
    /// Reads a case again from what a transcript holds: the text and the choice.
    ///
    /// # Errors
    /// The places where the text is no scenario, or cannot be one with this choice.
    pub fn recorded(id: &str, source: &Source, choice: &Choice) -> Result<Self, Vec<Diagnostic>> {
        let tree = Arc::new(Yaml::parse(source).map_err(|error| vec![error])?);
        let scenario = Arc::new(parse_choice(id, source, &tree, choice)?);
        Ok(Self { scenario, choice: choice.clone() })
    }

    /// The case without [`Scenario::tree`]: only lint asks where in the file something stands, and
    /// hundreds of cases do without.
    pub fn without_places(self) -> Self {
        let mut scenario = self.scenario;
        Arc::make_mut(&mut scenario).tree = Arc::default();
        Self { scenario, ..self }
    }

    /// The id: that of the scenario, and `[name=value,…]` where there is a matrix.
    pub fn id(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.scenario.id)?;
        if self.choice.is_empty() {
            return Ok(());
        }
        let pairs: Vec<String> = self.choice.iter().map(|(k, v)| format!("{k}={v}")).collect();
        write!(f, "[{}]", pairs.join(","))
    }
}

/// Makes the cases of a scenario, in the order of its values.
///
/// # Errors
/// The mistakes that a choice brings in; none for a scenario that `parse` has returned.
pub fn expand(scenario: &Scenario) -> Result<Vec<Case>, Vec<Diagnostic>> {
    if scenario.matrix.is_empty() {
        let scenario = Arc::new(scenario.clone());
        return Ok(vec![Case { scenario, choice: Choice::new() }]);
    }
    let mut cases = Vec::new();
    let mut problems = Problems::new(&scenario.source);
    for choice in choices(&scenario.matrix) {
        match parse_choice(&scenario.id, &scenario.source, &scenario.tree, &choice) {
            Ok(chosen) => cases.push(Case { scenario: Arc::new(chosen), choice }),
            Err(list) => list.into_iter().for_each(|error| problems.push(error)),
        }
    }
    problems.finish(Some(cases))
}

/// The choice of each first value.
pub(super) fn first_choice(matrix: &BTreeMap<String, Vec<String>>) -> Choice {
    let firsts = matrix.iter().filter_map(|(name, values)| Some((name, values.first()?)));
    firsts.map(|(name, value)| (name.clone(), value.clone())).collect()
}

pub(super) fn refuse_too_many(
    problems: &mut Problems,
    node: &Yaml,
    matrix: &BTreeMap<String, Vec<String>>,
) {
    let count = matrix.values().fold(1usize, |count, values| count.saturating_mul(values.len()));
    if count > MATRIX_CASES_MAX {
        problems.add(node.anchor(), format!("{count} cases are more than {MATRIX_CASES_MAX}"));
    }
}

fn choices(matrix: &BTreeMap<String, Vec<String>>) -> Vec<Choice> {
    let mut choices = vec![Choice::new()];
    for (name, values) in matrix {
        let with = |choice: &Choice, value: &String| {
            let mut choice = choice.clone();
            choice.insert(name.clone(), value.clone());
            choice
        };
        choices = choices
            .iter()
            .flat_map(|choice| values.iter().map(move |value| with(choice, value)))
            .collect();
    }
    choices
}

/// The tree with the values of a choice in `vars` and `steps`.
pub(super) fn chosen(tree: &Yaml, choice: &Choice) -> Yaml {
    let mut tree = tree.clone();
    if choice.is_empty() {
        return tree;
    }
    if let Value::Map(entries) = &mut tree.value {
        for entry in entries.iter_mut().filter(|entry| is_chosen(entry)) {
            replace(&mut entry.value, choice);
        }
    }
    tree
}

fn is_chosen(entry: &Entry) -> bool {
    matches!(entry.key.as_str(), "vars" | "steps")
}

fn replace(node: &mut Yaml, choice: &Choice) {
    match &mut node.value {
        Value::Null => {}
        Value::Scalar { text, plain } => {
            let replaced = replaced(text, choice);
            // A number may be chosen too: `bundle_error: "${code}"`.
            *plain = *plain || replaced != *text;
            *text = replaced;
        }
        Value::List(items) => items.iter_mut().for_each(|item| replace(item, choice)),
        Value::Map(entries) => {
            entries.iter_mut().for_each(|entry| replace(&mut entry.value, choice));
        }
    }
}

fn replaced(text: &str, choice: &Choice) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, hole) = rest.split_at(at);
        let value = hole.find('}').and_then(|end| Some((choice.get(&hole[2..end])?, end)));
        result.push_str(before);
        match value {
            Some((value, end)) if !before.ends_with('$') => {
                result.push_str(value);
                rest = &hole[end + 1..];
            }
            _ => {
                result.push_str("${");
                rest = &hole[2..];
            }
        }
    }
    result.push_str(rest);
    result
}

/// Whether `${name}` stands anywhere in `vars` or `steps`.
pub(super) fn mentions(tree: &Yaml, name: &str) -> bool {
    let probe = Choice::from([(name.to_owned(), String::new())]);
    chosen(tree, &probe) != *tree
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::parse;

    const TEXT: &str = r#"
schema: 1
title: A message whose bundle is not signed is not sent
why: w
milestone: M3.1
covers: [PRE-004]
proves: [q]
matrix: { fault: [absent, random], n: ["1", "2"] }
actors: { alice: { plays: third-party-client, iut: true } }
vars: { text: "hi ${n} $${n} ${nn}" }
steps:
  - act: { on: alice, do: send_text, to: x, text: "${text}",
           mutate: { bundle_signature: "${fault}" }, as: m1 }
must_observe: [m1.sent]
"#;

    #[test]
    fn every_combination_is_a_case() {
        let scenario = parse("pre/x", &Source::new("x.yaml", TEXT)).unwrap();
        let cases = expand(&scenario).unwrap();
        let ids: Vec<String> = cases.iter().map(Case::id).collect();
        assert_eq!(
            ids,
            [
                "pre/x[fault=absent,n=1]",
                "pre/x[fault=absent,n=2]",
                "pre/x[fault=random,n=1]",
                "pre/x[fault=random,n=2]"
            ]
        );
        let chosen = &cases[3].scenario;
        assert_eq!(chosen.vars[0].1.text(), "hi 2 $${n} ${nn}");
        assert!(format!("{:?}", chosen.steps[0].action).contains("BundleSignature(Random)"));
        assert!(format!("{:?}", scenario.steps[0].action).contains("BundleSignature(Absent)"));
    }

    #[test]
    fn a_recorded_case_is_read_again() {
        let source = Source::new("x.yaml", TEXT);
        let scenario = parse("pre/x", &source).unwrap();
        for case in expand(&scenario).unwrap() {
            let again = Case::recorded("pre/x", &source, &case.choice).unwrap();
            assert_eq!(again.id(), case.id());
            assert_eq!(format!("{:?}", again.scenario), format!("{:?}", case.scenario));
        }
        let other = Choice::from([("fault".to_owned(), "none".to_owned())]);
        assert!(Case::recorded("pre/x", &source, &other).is_err());
    }

    #[test]
    fn without_a_matrix_there_is_one_case() {
        let text = TEXT.replace("matrix: { fault: [absent, random], n: [\"1\", \"2\"] }\n", "");
        let text = text.replace("${fault}", "absent");
        let scenario = parse("pre/x", &Source::new("x.yaml", text)).unwrap();
        let cases = expand(&scenario).unwrap();
        assert_eq!(cases.len(), 1);
        assert_eq!(cases[0].id(), "pre/x");
    }

    #[test]
    fn a_choice_that_cannot_be_read_is_shown_once() {
        let text = TEXT.replace("[absent, random]", "[absent, randm]");
        let errors = parse("pre/x", &Source::new("x.yaml", text)).unwrap_err();
        insta::assert_snapshot!(crate::spec::joined(&errors));
    }

    #[test]
    fn a_matrix_has_bounds() {
        let values: Vec<String> = (0..40).map(|n| format!("v{n}")).collect();
        let axis = format!("[{}]", values.join(", "));
        let text = TEXT.replace("[absent, random]", &axis).replace("[\"1\", \"2\"]", &axis);
        let errors = parse("pre/x", &Source::new("x.yaml", text)).unwrap_err();
        assert!(errors.iter().any(|error| error.message == "1600 cases are more than 1024"));
    }
}
