//! Rules about `${…}`: what it names exists, earlier, and what is sent has a value.

use std::collections::BTreeSet;

use super::super::kinds::{ACTOR_FIELDS, CANARY, FILL, HONEYPOT, PROFILE, filling};
use super::super::model::{Act, Action, Expect, Kind, Matching, Payload, Scenario, Send, Step};
use super::super::operations;
use super::super::pattern::Pattern;
use super::super::template::{Reference, Template};
use super::names::labels;
use crate::limits::FILL_CHARS_MAX;
use crate::span::Span;
use crate::spec::key::{self, Form};
use crate::spec::problems::{Problems, listed};

/// A template or pattern where it stands.
enum Text<'s> {
    /// Is rendered: a matcher has no value.
    Sent(&'s Template),
    /// Is compared.
    Matched(&'s Template),
    SentStanza(&'s Pattern),
    MatchedStanza(&'s Pattern),
}

impl Text<'_> {
    fn references(&self) -> Vec<Reference> {
        match self {
            Text::Sent(template) | Text::Matched(template) => {
                template.references().cloned().collect()
            }
            Text::SentStanza(pattern) | Text::MatchedStanza(pattern) => pattern.references(),
        }
    }
}

impl Step {
    /// The paths of all values that it needs.
    pub fn references(&self) -> Vec<String> {
        let references = texts(self).into_iter().flat_map(|(_, text)| text.references());
        let within = match &self.action {
            Action::Expect(expect) | Action::ExpectNone(expect) => expect.within_key,
            _ => None,
        };
        let within = within.map(|key| format!("{PROFILE}.{key}"));
        references.map(|reference| reference.path).chain(within).collect()
    }
}

pub(super) fn lint(problems: &mut Problems, scenario: &Scenario) {
    for (n, (name, template)) in scenario.vars.iter().enumerate() {
        let known = Known { scenario, vars: n, steps: 0 };
        lint_text(problems, &known, &format!("vars/{name}"), &Text::Sent(template));
    }
    for (n, step) in scenario.steps.iter().enumerate() {
        let known = Known { scenario, vars: scenario.vars.len(), steps: n };
        for (path, text) in texts(step) {
            let path = format!("steps/{n}/{}/{path}", step.action.verb());
            lint_text(problems, &known, &path, &text);
        }
        lint_response(problems, &known, n, step);
    }
}

/// The first words of all references.
pub(super) fn roots(scenario: &Scenario) -> BTreeSet<String> {
    let in_vars = scenario.vars.iter().map(|(_, template)| Text::Sent(template));
    let in_steps = scenario.steps.iter().flat_map(texts).map(|(_, text)| text);
    in_vars.chain(in_steps).flat_map(|text| text.references()).map(|r| root(&r.path)).collect()
}

fn root(path: &str) -> String {
    path.split('.').next().unwrap_or_default().to_owned()
}

/// The texts of a step with their paths below it.
fn texts(step: &Step) -> Vec<(String, Text<'_>)> {
    match &step.action {
        Action::Act(act) => act_texts(act),
        Action::Send(send) => send_texts(send),
        Action::Expect(expect) | Action::ExpectNone(expect) => expect_texts(expect),
        Action::Fault(_) | Action::Advance(_) | Action::Compromise(_) => Vec::new(),
    }
}

fn act_texts(act: &Act) -> Vec<(String, Text<'_>)> {
    let known = operations::find(&act.operation).map_or(&[][..], |operation| operation.params);
    let params = act.params.iter().map(|(name, template)| {
        let key = known.iter().find(|param| param.name == name).map_or(name.as_str(), |p| p.key);
        (key.to_owned(), Text::Sent(template))
    });
    params.collect()
}

fn send_texts(send: &Send) -> Vec<(String, Text<'_>)> {
    let text = match &send.payload {
        Payload::Text(template) | Payload::Blocks(template) => Some(Text::Sent(template)),
        Payload::Stanza(pattern) => Some(Text::SentStanza(pattern)),
        Payload::Media(said) => {
            let path = |name: &str| format!("media/{name}");
            return said.iter().map(|(name, text)| (path(name), Text::Sent(text))).collect();
        }
        Payload::Content(said) => {
            let path = |name: &str| format!("content/{}/{name}", said.kind.word());
            let fields = said.fields.iter();
            return fields.map(|(name, text)| (path(name), Text::Sent(text))).collect();
        }
        _ => None,
    };
    let with = send.with.as_ref().map(|with| ("with".to_owned(), Text::SentStanza(with)));
    text.map(|text| (send.payload.word().to_owned(), text)).into_iter().chain(with).collect()
}

fn expect_texts(expect: &Expect) -> Vec<(String, Text<'_>)> {
    let word = expect.kind.word();
    match &expect.matching {
        Matching::Stanza(pattern) => vec![(word.to_owned(), Text::MatchedStanza(pattern))],
        Matching::Fields(fields) => fields
            .iter()
            .map(|(name, template)| (format!("{word}/{name}"), Text::Matched(template)))
            .collect(),
    }
}

fn lint_text(problems: &mut Problems, known: &Known<'_>, path: &str, text: &Text<'_>) {
    let node = known.scenario.tree.find(path);
    let whole = known.scenario.tree.place(path);
    let source = problems.source().clone();
    let within = |range: std::ops::Range<usize>, expected: &str| {
        let span = node.map_or(whole, |node| node.within(&source, range));
        // A choice of the matrix may have moved what follows it.
        let found = source.text.get(span.start..span.end);
        if expected.is_empty() || found == Some(expected) { span } else { whole }
    };
    match text {
        Text::Sent(template) if template.has_matchers() => {
            problems.add(whole, "a matcher has no value that could be sent");
        }
        Text::SentStanza(pattern) => {
            if let Some((range, why)) = pattern.unsendable() {
                problems.add(within(range, ""), why);
            }
        }
        _ => {}
    }
    for reference in text.references() {
        let span = within(reference.range, &format!("${{{}}}", reference.path));
        known.lint(problems, span, &reference.path);
    }
}

/// What may be referred to at one place of the file.
struct Known<'s> {
    scenario: &'s Scenario,
    /// How many variables stand before it.
    vars: usize,
    /// How many steps stand before it.
    steps: usize,
}

impl Known<'_> {
    fn lint(&self, problems: &mut Problems, span: Span, path: &str) {
        if let Some(key) = path.strip_prefix("profile.") {
            return lint_profile(problems, span, key);
        }
        let (root, field) = path.split_once('.').map_or((path, None), |(r, f)| (r, Some(f)));
        let vars = || self.scenario.vars.iter().map(|(name, _)| name.as_str());
        if [CANARY, HONEYPOT].contains(&root) || vars().take(self.vars).any(|name| name == root) {
            if field.is_some() {
                problems.add(span, format!("`{root}` is a text and has no fields"));
            }
        } else if root == FILL {
            if field.and_then(filling).is_none() {
                let message =
                    format!("`{path}` is no number of characters, at most {FILL_CHARS_MAX}");
                problems.add(span, message);
            }
        } else if self.scenario.actors.iter().any(|(name, _)| name == root) {
            self.lint_field(problems, span, "an actor", root, field, ACTOR_FIELDS);
        } else if self.scenario.http.iter().any(|stub| stub.name == root) {
            self.lint_field(problems, span, "a stub", root, field, &["url"]);
        } else if let Some((n, _)) = labels(self.scenario).find(|(_, label)| *label == root) {
            self.lint_label(problems, span, n, root, field);
        } else if vars().any(|name| name == root) {
            problems.add(span, format!("the variable `{root}` stands further down"));
        } else {
            self.unknown(problems, span, root);
        }
    }

    fn lint_label(
        &self,
        problems: &mut Problems,
        span: Span,
        n: usize,
        label: &str,
        field: Option<&str>,
    ) {
        if n >= self.steps {
            problems.add(span, format!("`{label}` is the label of a later step"));
            return;
        }
        match fields(&self.scenario.steps[n].action) {
            // A stanza has the attributes that the other side gave it.
            None if field.is_some() => {}
            None => problems.add(span, format!("`{label}` is a stanza; name an attribute of it")),
            Some(known) => self.lint_field(problems, span, "a label", label, field, known),
        }
    }

    fn lint_field(
        &self,
        problems: &mut Problems,
        span: Span,
        what: &str,
        name: &str,
        field: Option<&str>,
        known: &[&str],
    ) {
        match field {
            Some(field) if known.contains(&field) => {}
            _ if known.is_empty() => {
                problems.add(span, format!("`{name}` is {what} with nothing to refer to"));
            }
            Some(field) => {
                problems.unknown(span, "field", field, known);
            }
            None => {
                let message = format!("`{name}` is {what}; name a field of it");
                problems.advise(span, message, listed("one of", known));
            }
        }
    }

    fn unknown(&self, problems: &mut Problems, span: Span, root: &str) {
        let actors = self.scenario.actors.iter().map(|(name, _)| name.as_str());
        let vars = self.scenario.vars.iter().map(|(name, _)| name.as_str());
        let labels = labels(self.scenario).map(|(_, label)| label);
        let stubs = self.scenario.http.iter().map(|stub| stub.name.as_str());
        let known: Vec<&str> = actors
            .chain(vars)
            .chain(stubs)
            .chain(labels)
            .chain([CANARY, HONEYPOT, PROFILE])
            .collect();
        problems.unknown(span, "reference", root, &known);
    }
}

/// `${profile.ping.client_xmlns}`: a value of the profile that is a single text.
fn lint_profile(problems: &mut Problems, span: Span, key: &str) {
    match key::find(key) {
        None => problems.unknown(span, "profile key", key, &key::names()),
        Some(known) if matches!(known.form, Form::Texts | Form::Words(_)) => {
            problems.add(span, format!("`{key}` is a list and no text"));
        }
        Some(_) => {}
    }
}

/// What later steps may ask of a step; `None` for a stanza, whose attributes are open.
fn fields(action: &Action) -> Option<&'static [&'static str]> {
    match action {
        Action::Act(act) => {
            Some(operations::find(&act.operation).map_or(&[], |operation| operation.results))
        }
        Action::Send(send) => Some(match send.payload {
            Payload::Text(_) | Payload::Content(_) | Payload::Stanza(_) => &["id"],
            Payload::Media(_) => &["id", "path"],
            Payload::Replay { .. } => &["id", "replay_of"],
            Payload::Relay { .. } => &["id"],
            Payload::Release { .. } | Payload::AskAgain { .. } | Payload::Resend { .. } => &["id"],
            Payload::Push { .. }
            | Payload::FetchKeys { .. }
            | Payload::ProbeFile { .. }
            | Payload::ProbeProxy { .. }
            | Payload::Publish(_)
            | Payload::Probe { .. }
            | Payload::Drain { .. }
            | Payload::Lose(_)
            | Payload::Unsent(_)
            | Payload::Soak(_)
            | Payload::Typing(_)
            | Payload::Blocks(_)
            | Payload::EnlistElsewhere => &[],
        }),
        Action::Expect(expect) if expect.kind == Kind::Stanza => None,
        Action::Expect(expect) => Some(expect.kind.info().fields),
        Action::ExpectNone(_) | Action::Fault(_) | Action::Advance(_) | Action::Compromise(_) => {
            Some(&[])
        }
    }
}

/// `response: { of: p1 }` names the label of an earlier request.
fn lint_response(problems: &mut Problems, known: &Known<'_>, n: usize, step: &Step) {
    let (Action::Expect(expect) | Action::ExpectNone(expect)) = &step.action else { return };
    let Matching::Fields(fields) = &expect.matching else { return };
    let of = fields.iter().find(|(name, _)| expect.kind == Kind::Response && name == "of");
    let Some((_, template)) = of else { return };
    let requests = labels(known.scenario).take_while(|(at, _)| *at < n).filter(|(at, _)| {
        matches!(
            &known.scenario.steps[*at].action,
            Action::Send(Send {
                payload: Payload::Push { .. } | Payload::FetchKeys { .. } | Payload::Probe { .. },
                ..
            })
        )
    });
    let requests: Vec<&str> = requests.map(|(_, label)| label).collect();
    if !requests.contains(&template.text()) {
        let path = format!("steps/{n}/{}/response/of", step.action.verb());
        let span = known.scenario.tree.place(&path);
        problems.unknown(span, "request", template.text(), &requests);
    }
}
