//! Rules about names: each means one thing, is defined before it is used, and is used.

use std::collections::BTreeMap;

use super::super::kinds::{CANARY, FILL, META, PROFILE};
use super::super::model::{Action, Payload, Plays, Scenario};
use super::references;
use crate::span::Span;
use crate::spec::problems::Problems;

pub(super) fn lint(problems: &mut Problems, scenario: &Scenario) {
    lint_unique(problems, scenario);
    lint_unused(problems, scenario);
    lint_observed(problems, scenario);
    if !scenario.actors.iter().any(|(_, actor)| actor.iut) {
        let help = "give one of them `iut: true`";
        let message = "no actor is played by the implementation under test";
        problems.advise(scenario.tree.place("actors"), message, help);
    }
}

/// Labels of steps with the number of the step.
pub(super) fn labels(scenario: &Scenario) -> impl Iterator<Item = (usize, &str)> {
    let steps = scenario.steps.iter().enumerate();
    steps.filter_map(|(n, step)| Some((n, step.label.as_deref()?)))
}

fn lint_unique(problems: &mut Problems, scenario: &Scenario) {
    let tree = &scenario.tree;
    let actors = scenario
        .actors
        .iter()
        .map(|(name, _)| (name.as_str(), "an actor", tree.key_place(&format!("actors/{name}"))));
    let axes = scenario.matrix.keys().map(|name| {
        (name.as_str(), "part of the matrix", tree.key_place(&format!("matrix/{name}")))
    });
    let vars = scenario
        .vars
        .iter()
        .map(|(name, _)| (name.as_str(), "a variable", tree.key_place(&format!("vars/{name}"))));
    let labels = labels(scenario).map(|(n, name)| {
        let verb = scenario.steps[n].action.verb();
        (name, "a label", tree.place(&format!("steps/{n}/{verb}/as")))
    });
    let mut seen: BTreeMap<&str, &str> = BTreeMap::from([
        (META, "the harness's side"),
        (CANARY, "the canary"),
        (FILL, "fillings"),
        (PROFILE, "the profile"),
    ]);
    let names: Vec<(&str, &str, Span)> = actors.chain(axes).chain(vars).chain(labels).collect();
    for (name, what, span) in names {
        if let Some(first) = seen.insert(name, what) {
            problems.add(span, format!("`{name}` is already {first}"));
        }
    }
}

fn lint_unused(problems: &mut Problems, scenario: &Scenario) {
    let used = references::roots(scenario);
    for (name, _) in &scenario.vars {
        if !used.contains(name.as_str()) {
            let span = scenario.tree.key_place(&format!("vars/{name}"));
            problems.add(span, format!("nothing uses the variable `{name}`"));
        }
    }
    for stub in scenario.http.iter().filter(|stub| !used.contains(&stub.name)) {
        // Who is never told of a host cannot ask it.
        problems.add(stub.span, format!("nothing names the stub `{}`", stub.name));
    }
    for (name, actor) in &scenario.actors {
        // A server takes part by being there: it signs tokens and takes the wake-up calls.
        let serves = actor.plays == Plays::ThirdPartyServer;
        if !serves && !used.contains(name.as_str()) && !acts(scenario, name) {
            let span = scenario.tree.key_place(&format!("actors/{name}"));
            problems.add(span, format!("nothing uses the actor `{name}`"));
        }
    }
}

fn acts(scenario: &Scenario, name: &str) -> bool {
    scenario.steps.iter().any(|step| match &step.action {
        Action::Act(act) => act.on == name,
        Action::Send(send) => send.from == name || send.to == name,
        Action::Expect(expect) | Action::ExpectNone(expect) => expect.at == name,
        Action::Fault(fault) => fault.on == name,
        Action::Advance(advance) => advance.on == name,
        Action::Compromise(theft) => theft.of == name || theft.with == name,
    })
}

fn lint_observed(problems: &mut Problems, scenario: &Scenario) {
    let known: Vec<&str> = labels(scenario).map(|(_, label)| label).collect();
    for (n, observed) in scenario.must_observe.iter().enumerate() {
        if !known.contains(&observed.label.as_str()) {
            let span = scenario.tree.place(&format!("must_observe/{n}"));
            problems.unknown(span, "label", &observed.label, &known);
        }
    }
}

impl Action {
    /// The key of the step in the file.
    pub(in crate::scenario) fn verb(&self) -> &'static str {
        match self {
            Action::Act(_) => "act",
            Action::Send(_) => "send",
            Action::Expect(_) => "expect",
            Action::ExpectNone(_) => "expect_none",
            Action::Fault(_) => "fault",
            Action::Advance(_) => "advance",
            Action::Compromise(_) => "compromise",
        }
    }
}

impl Payload {
    /// The key of the payload in the file.
    pub(in crate::scenario) fn word(&self) -> &'static str {
        match self {
            Payload::Text(_) => "text",
            Payload::Content(_) => "content",
            Payload::Media(_) => "media",
            Payload::ProbeFile { .. } => "probe_file",
            Payload::ProbeProxy { .. } => "probe_proxy",
            Payload::Typing(_) => "typing",
            Payload::Blocks(_) => "blocks",
            Payload::Stanza(_) => "stanza",
            Payload::Replay { .. } => "replay",
            Payload::Relay { .. } => "relay",
            Payload::Release { .. } => "release",
            Payload::AskAgain { .. } => "ask_again",
            Payload::Resend { .. } => "resend",
            Payload::Lose(_) => "lose",
            Payload::Unsent(_) => "unsent",
            Payload::Soak(_) => "soak",
            Payload::Drain { .. } => "drain",
            Payload::EnlistElsewhere => "enlist_elsewhere",
            Payload::Push { .. } => "push",
            Payload::FetchKeys { .. } => "fetch",
            Payload::Probe { .. } => "probe",
            Payload::Publish(_) => "publish",
        }
    }
}
