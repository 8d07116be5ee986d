//! Rules about single steps: who can do what, and what can be seen where.

use super::super::kinds::{META, Point};
use super::super::line::{Exchange, LineFault, Way, Which};
use super::super::model::{
    Act, Action, Actor, Compromise, Expect, Kind, Matching, Payload, Plays, Scenario, Send, Step,
};
use super::super::operations;
use crate::span::Span;
use crate::spec::problems::Problems;

pub(super) fn lint(problems: &mut Problems, scenario: &Scenario) {
    for (n, step) in scenario.steps.iter().enumerate() {
        let stub = scenario.http.iter().find(|stub| stub.span == step.span);
        let path = match stub {
            Some(stub) => format!("http/{}", stub.name),
            None => format!("steps/{n}/{}", step.action.verb()),
        };
        let at = Place { scenario, path };
        lint_checks(problems, &at, step);
        match &step.action {
            Action::Act(act) => {
                lint_act(problems, &at, act);
                if act.may_fail && !step.checks.is_empty() {
                    problems.add(at.of("checks"), "a step that may fail decides nothing");
                }
            }
            Action::Send(send) => {
                lint_send(problems, &at, send);
                lint_release(problems, &at, n, send);
                lint_again(problems, &at, n, send);
            }
            Action::Expect(expect) => lint_expect(problems, &at, expect),
            Action::ExpectNone(expect) => {
                lint_expect(problems, &at, expect);
                lint_cause(problems, scenario, n);
                lint_absence_is_exercised(problems, scenario, n);
            }
            Action::Fault(fault) => lint_fault(problems, &at, fault),
            Action::Advance(advance) => lint_client(problems, &at, &advance.on),
            Action::Compromise(theft) => {
                lint_theft(problems, &at, theft);
                lint_theft_is_used(problems, &at, n);
            }
        }
    }
}

/// A step with its place in the file.
struct Place<'s> {
    scenario: &'s Scenario,
    path: String,
}

impl<'s> Place<'s> {
    fn of(&self, key: &str) -> Span {
        self.scenario.tree.place(&format!("{}/{key}", self.path))
    }

    /// The actor of this name; an unknown one is an error.
    fn actor(&self, problems: &mut Problems, key: &str, name: &str) -> Option<&'s Actor> {
        let actors = &self.scenario.actors;
        let found = actors.iter().find(|(actor, _)| actor == name);
        if found.is_none() {
            let known: Vec<&str> = actors.iter().map(|(name, _)| name.as_str()).collect();
            problems.unknown(self.of(key), "actor", name, &known);
        }
        found.map(|(_, actor)| actor)
    }
}

fn lint_checks(problems: &mut Problems, at: &Place<'_>, step: &Step) {
    let covers: Vec<&str> = at.scenario.covers.iter().map(String::as_str).collect();
    for (n, id) in step.checks.iter().enumerate() {
        let span = at.of(&format!("checks/{n}"));
        if !covers.contains(&id.as_str()) {
            problems.advise(span, format!("`{id}` is not covered"), "add it to `covers`");
        }
        if step.checks[..n].contains(id) {
            problems.add(span, format!("`{id}` stands here twice"));
        }
    }
}

fn lint_act(problems: &mut Problems, at: &Place<'_>, act: &Act) {
    let Some(actor) = at.actor(problems, "on", &act.on) else { return };
    if !actor.iut {
        let help = "what the harness does by itself is a `send`";
        let message = format!("`{}` is not the implementation under test", act.on);
        problems.advise(at.of("on"), message, help);
    }
    let suits = operations::find(&act.operation).is_none_or(|found| found.suits(actor.plays));
    if !suits {
        let message = format!("a {} has no `{}`", actor.plays.word(), act.operation);
        problems.add(at.of("do"), message);
    }
}

/// The line is that of a client under test.
fn lint_client(problems: &mut Problems, at: &Place<'_>, on: &str) {
    if at.actor(problems, "on", on).is_some_and(|actor| !actor.iut) {
        problems.add(at.of("on"), format!("`{on}` is not the implementation under test"));
    }
}

fn lint_fault(problems: &mut Problems, at: &Place<'_>, fault: &LineFault) {
    let LineFault { on, kind, way, which, http } = fault;
    lint_client(problems, at, on);
    if let Some(exchange) = http {
        return lint_http_fault(problems, at, fault, *exchange);
    }
    let actors = &at.scenario.actors;
    if actors.iter().any(|(name, a)| name == on && a.plays != Plays::ThirdPartyClient) {
        problems.add(at.of("on"), format!("`{on}` has no chat connection"));
    }
    if *way == Way::Received && !kind.suits_received() {
        let help = "what a client sends can be `cut`, and it can `stall`";
        let message = format!("`{}` is done to bytes that the server sends", kind.word());
        problems.advise(at.of("way"), message, help);
    }
    if *which == Which::Next && kind.is_immediate() {
        let message = format!("`{}` happens at once, to the current connection", kind.word());
        problems.add(at.of("connection"), message);
    }
}

/// What is done to an HTTP exchange is done to its next one, and to bytes that are the harness's to send
/// or to read.
fn lint_http_fault(problems: &mut Problems, at: &Place<'_>, fault: &LineFault, exchange: Exchange) {
    let wanted = match exchange.is_with_server() {
        true => Plays::ThirdPartyServer,
        false => Plays::ThirdPartyClient,
    };
    let (on, word) = (&fault.on, exchange.word());
    if at.scenario.actors.iter().any(|(name, a)| name == on && a.plays != wanted) {
        let message = format!("`{word}` is an exchange with a {}, `{on}` is none", wanted.word());
        problems.add(at.of("on"), message);
    }
    if !fault.kind.suits_http(exchange, fault.way) {
        let message = format!("`{}` cannot be done to this end of `{word}`", fault.kind.word());
        problems.add(at.of(fault.kind.word()), message);
    }
    if fault.which == Which::Next {
        let message = format!("a fault of `{word}` meets the next exchange anyway");
        problems.add(at.of("connection"), message);
    }
}

/// What is stolen belongs to the harness: secrets of the implementation are not its to take.
fn lint_theft(problems: &mut Problems, at: &Place<'_>, theft: &Compromise) {
    let robbed = at.actor(problems, "of", &theft.of);
    if robbed.is_some_and(|actor| actor.plays != Plays::MetaClient || actor.iut) {
        let message = format!("`{}` is no Meta client of the harness", theft.of);
        problems.add(at.of("of"), message);
    }
    let with = at.actor(problems, "with", &theft.with);
    if with.is_some_and(|actor| actor.plays != Plays::ThirdPartyClient || !actor.iut) {
        let message = format!("`{}` is no client of the implementation under test", theft.with);
        problems.add(at.of("with"), message);
    }
}

/// A theft after which nobody asks what the thief reads shows nothing.
fn lint_theft_is_used(problems: &mut Problems, at: &Place<'_>, n: usize) {
    let steps = &at.scenario.steps;
    let label = steps[n].label.as_deref();
    let asks = |step: &Step| match &step.action {
        Action::Expect(Expect {
            kind: Kind::Thief, matching: Matching::Fields(fields), ..
        }) => fields.iter().any(|(name, of)| name == "of" && Some(of.text()) == label),
        _ => false,
    };
    if !steps[n..].iter().any(asks) {
        let help = "expect what it reads, e.g. `thief: { of: LABEL, healed_after: \"1\" }`";
        problems.advise(at.of("as"), "nobody asks what this thief reads", help);
    }
}

/// A thief is named by the theft.
fn lint_thief(problems: &mut Problems, at: &Place<'_>, expect: &Expect) {
    let Matching::Fields(fields) = &expect.matching else { return };
    let thefts = at.scenario.steps.iter().filter_map(|step| match &step.action {
        Action::Compromise(theft) if theft.of == expect.at => step.label.as_deref(),
        _ => None,
    });
    let known: Vec<&str> = thefts.collect();
    let named = fields.iter().find(|(name, _)| name == "of");
    match named {
        Some((_, of)) if known.contains(&of.text()) => {}
        Some((_, of)) => problems.unknown(at.of("thief/of"), "compromise", of.text(), &known),
        None => problems.add(at.of("thief"), "`thief` lacks `of`, the label of a `compromise`"),
    }
}

fn lint_send(problems: &mut Problems, at: &Place<'_>, send: &Send) {
    lint_sender(problems, at, send);
    let Some(to) = at.actor(problems, "to", &send.to) else { return };
    let wanted = match send.payload {
        Payload::FetchKeys { .. }
        | Payload::Probe { .. }
        | Payload::ProbeFile { .. }
        | Payload::Publish(_) => Plays::ThirdPartyServer,
        Payload::ProbeProxy { .. } => Plays::MediaProxy,
        _ => Plays::ThirdPartyClient,
    };
    if to.plays != wanted {
        let what = send.payload.word();
        let message = format!("`{what}` goes to a {}, `{}` is none", wanted.word(), send.to);
        problems.add(at.of("to"), message);
    }
}

/// What is released was held by an earlier step, and what is held is released.
fn lint_release(problems: &mut Problems, at: &Place<'_>, n: usize, send: &Send) {
    let held = |step: &Step| match &step.action {
        Action::Send(send) if send.hold => step.label.clone(),
        _ => None,
    };
    let steps = &at.scenario.steps;
    if let Payload::Release { of } = &send.payload {
        let known: Vec<String> = steps[..n].iter().filter_map(held).collect();
        if !known.contains(of) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            problems.unknown(at.of("release"), "held text", of, &known);
        }
    }
    if send.hold {
        let label = steps[n].label.as_deref();
        let frees = |step: &Step| match &step.action {
            Action::Send(Send { payload: Payload::Release { of }, .. }) => {
                Some(of.as_str()) == label
            }
            _ => false,
        };
        if label.is_none() || !steps[n..].iter().any(frees) {
            let help = "give it a label, and a later `send` with `release:` and that label";
            problems.advise(at.of("hold"), "nothing releases this text", help);
        }
    }
}

/// What is asked for again was sent by the implementation, what is sent again by the Meta client.
fn lint_again(problems: &mut Problems, at: &Place<'_>, n: usize, send: &Send) {
    let by_iut =
        |step: &Step| matches!(&step.action, Action::Act(act) if act.operation == "send_text");
    let by_meta = |step: &Step| match &step.action {
        Action::Send(earlier) => {
            matches!(earlier.payload, Payload::Text(_)) && earlier.from == send.from
        }
        _ => false,
    };
    let steps = at.scenario.steps[..n].iter();
    let stores = |step: &Step| match &step.action {
        Action::Act(act) => matches!(act.operation.as_str(), "send_media" | "upload_media"),
        _ => false,
    };
    if let Payload::ProbeFile { of, .. } | Payload::Probe { of: Some(of), .. } = &send.payload {
        let known: Vec<&str> =
            steps.filter(|s| stores(s)).filter_map(|step| step.label.as_deref()).collect();
        if !known.contains(&of.as_str()) {
            problems.unknown(at.of("of"), "stored file", of, &known);
        }
        return;
    }
    let (of, what, known): (_, _, Vec<&Step>) = match &send.payload {
        Payload::AskAgain { of, .. } | Payload::Relay { of, .. } => {
            (of, "`send_text`", steps.filter(|s| by_iut(s)).collect())
        }
        Payload::Resend { of, .. } => (of, "earlier text", steps.filter(|s| by_meta(s)).collect()),
        _ => return,
    };
    let known: Vec<&str> = known.iter().filter_map(|step| step.label.as_deref()).collect();
    if !known.contains(&of.as_str()) {
        problems.unknown(at.of(send.payload.word()), what, of, &known);
    }
}

fn lint_sender(problems: &mut Problems, at: &Place<'_>, send: &Send) {
    let what = send.payload.word();
    let by_client = matches!(
        send.payload,
        Payload::Text(_)
            | Payload::Content(_)
            | Payload::Media(_)
            | Payload::Typing(_)
            | Payload::Replay { .. }
            | Payload::Release { .. }
            | Payload::AskAgain { .. }
            | Payload::Resend { .. }
            | Payload::Lose(_)
            | Payload::Unsent(_)
            | Payload::Soak(_)
    );
    match (by_client, send.from == META) {
        (false, true) => {}
        (false, false) => problems.add(at.of("from"), format!("`{what}` is sent by `meta`")),
        (true, true) => problems.add(at.of("from"), format!("`{what}` is sent by a Meta client")),
        (true, false) => {
            let from = at.actor(problems, "from", &send.from);
            if from.is_some_and(|actor| actor.plays != Plays::MetaClient || actor.iut) {
                let message = format!("`{}` is no Meta client of the harness", send.from);
                problems.add(at.of("from"), message);
            }
        }
    }
}

fn lint_expect(problems: &mut Problems, at: &Place<'_>, expect: &Expect) {
    if expect.kind == Kind::Thief {
        lint_thief(problems, at, expect);
    }
    let info = expect.kind.info();
    let fits = if expect.at == META {
        info.point == Point::Meta
    } else {
        let Some(actor) = at.actor(problems, "at", &expect.at) else { return };
        match info.point {
            Point::Meta => false,
            Point::MetaClient => actor.plays == Plays::MetaClient && !actor.iut,
            Point::Iut => actor.iut,
            Point::User => actor.iut || actor.plays == Plays::MetaClient,
        }
    };
    if !fits {
        let seen = match info.point {
            Point::Meta => "`meta`",
            Point::MetaClient => "a Meta client",
            Point::Iut => "the implementation",
            Point::User => "a user's client",
        };
        let message = format!("`{}` is seen at {seen}, not at `{}`", info.word, expect.at);
        problems.add(at.of("at"), message);
    }
}

/// An absence that decides a row counts only where something that could have caused it was seen: what
/// must be observed names a step before it.
fn lint_absence_is_exercised(problems: &mut Problems, scenario: &Scenario, n: usize) {
    let before =
        |label: &str| scenario.steps[..n].iter().any(|step| step.label.as_deref() == Some(label));
    let exercised = scenario.must_observe.iter().any(|seen| before(&seen.label));
    if !scenario.steps[n].checks.is_empty() && !scenario.must_observe.is_empty() && !exercised {
        let help = "name an event of a step before it in `must_observe`";
        let span = scenario.tree.key_place(&format!("steps/{n}/expect_none"));
        problems.advise(span, "nothing shows that this absence was exercised", help);
    }
}

/// An absence before anything happened is true of every implementation.
fn lint_cause(problems: &mut Problems, scenario: &Scenario, n: usize) {
    let mut before = scenario.steps[..n].iter();
    if !before.any(|step| step.action.causes()) {
        let help = "an `act` or `send` before it must be able to cause what is not expected";
        let span = scenario.tree.key_place(&format!("steps/{n}/expect_none"));
        problems.advise(span, "this expectation cannot fail", help);
    }
}
