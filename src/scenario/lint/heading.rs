//! Rules about what a scenario claims: rows, quirks, milestones of proof.

use super::super::expand::mentions;
use super::super::model::{Action, Payload, Scenario, Send, Step};
use super::super::parse::ENCODING;
use crate::span::Span;
use crate::spec::Catalogue;
use crate::spec::problems::{Problems, wrapped};

pub(super) fn lint(problems: &mut Problems, scenario: &Scenario, quirks: &[&str]) {
    lint_covers(problems, scenario);
    lint_proves(problems, scenario, quirks);
    lint_matrix(problems, scenario);
    if scenario.must_observe.is_empty() {
        let help = "name an event that shows that the property was exercised, e.g. `m1.sent`";
        problems.advise(scenario.tree.place("must_observe"), "nothing must be observed", help);
    }
}

fn lint_covers(problems: &mut Problems, scenario: &Scenario) {
    let catalogue = Catalogue::builtin();
    if scenario.covers.is_empty() {
        problems.add(scenario.tree.place("covers"), "a scenario covers at least one requirement");
    }
    for (n, id) in scenario.covers.iter().enumerate() {
        let span = scenario.tree.place(&format!("covers/{n}"));
        refuse_repeated(problems, span, id, &scenario.covers[..n]);
        let Some(row) = catalogue.get(id) else {
            let ids: Vec<&str> = catalogue.ids().collect();
            problems.unknown(span, "requirement", id, &ids);
            continue;
        };
        let by_hook = row.hook.as_deref().is_some_and(|hook| uses(scenario, hook));
        if let Some(reason) = row.reason.as_deref().filter(|_| !row.observable && !by_hook) {
            let message = format!("{id} cannot be decided from outside");
            problems.advise(span, message, wrapped(reason));
        }
        if !scenario.steps.iter().any(|step| step.checks.contains(id)) {
            let help = format!("give the step that decides it `checks: [{id}]`");
            problems.advise(span, format!("no step decides {id}"), help);
        }
    }
}

/// Whether a scenario uses the hook, or asks at the endpoint, without which a row cannot be decided.
fn uses(scenario: &Scenario, hook: &str) -> bool {
    let calls = |step: &Step| match &step.action {
        Action::Act(act) => act.operation == hook,
        Action::Send(Send { payload: Payload::Probe { at, .. }, .. }) => at.word() == hook,
        _ => false,
    };
    (hook == "clock" && scenario.moves_the_clock()) || scenario.steps.iter().any(calls)
}

fn lint_proves(problems: &mut Problems, scenario: &Scenario, quirks: &[&str]) {
    if scenario.proves.is_empty() {
        let help = "name a quirk of the reference that turns it red";
        problems.advise(scenario.tree.place("proves"), "nothing shows that it can fail", help);
    }
    for (n, id) in scenario.proves.iter().enumerate() {
        let span = scenario.tree.place(&format!("proves/{n}"));
        refuse_repeated(problems, span, id, &scenario.proves[..n]);
        if !quirks.contains(&id.as_str()) {
            problems.unknown(span, "quirk", id, quirks);
        }
    }
}

fn lint_matrix(problems: &mut Problems, scenario: &Scenario) {
    for name in scenario.matrix.keys() {
        // The encoding is the runner's affair: no step need name it.
        if name != ENCODING && !mentions(&scenario.tree, name) {
            let span = scenario.tree.key_place(&format!("matrix/{name}"));
            problems.add(span, format!("no step uses `${{{name}}}`"));
        }
    }
}

fn refuse_repeated(problems: &mut Problems, span: Span, id: &str, earlier: &[String]) {
    if earlier.iter().any(|other| other == id) {
        problems.add(span, format!("`{id}` stands here twice"));
    }
}
