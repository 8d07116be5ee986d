//! Rules about negative steps: each has an accepted twin, or an implementation that refuses
//! everything would pass (`interfaces.md` §2).

use super::super::{Action, Expect, Matching, Mutation, Payload, Scenario, Step, Twin};
use super::names::labels;
use crate::spec::problems::Problems;

pub(super) fn lint(problems: &mut Problems, scenario: &Scenario) {
    for (n, step) in scenario.steps.iter().enumerate() {
        lint_declared(problems, scenario, n, step);
        lint_mutation(problems, scenario, n, step);
        if let Some(of) = replayed(step) {
            let forged = matches!(mutation(step), Some(Mutation::Ciphertext(_)));
            lint_replay(problems, scenario, n, of, forged);
        }
    }
}

fn mutation(step: &Step) -> Option<&Mutation> {
    match &step.action {
        Action::Act(act) => act.mutate.as_ref(),
        Action::Send(send) => send.mutate.as_ref(),
        Action::Expect(_)
        | Action::ExpectNone(_)
        | Action::Fault(_)
        | Action::Advance(_)
        | Action::Compromise(_) => None,
    }
}

fn replayed(step: &Step) -> Option<&str> {
    match &step.action {
        Action::Send(send) => match &send.payload {
            Payload::Replay { of, .. } => Some(of),
            _ => None,
        },
        _ => None,
    }
}

fn lint_declared(problems: &mut Problems, scenario: &Scenario, n: usize, step: &Step) {
    let path = format!("steps/{n}/{}", step.action.verb());
    let mutated = mutation(step).is_some_and(|mutation| !mutation.is_legal());
    let replays = replayed(step).is_some();
    let key = if replays { "replay" } else { "mutate" };
    let forged = matches!(mutation(step), Some(Mutation::Ciphertext(_)));
    if mutated && replays && !forged {
        let span = scenario.tree.key_place(&format!("{path}/mutate"));
        problems.add(span, "a replay is the one difference, it cannot be mutated too");
    }
    let twin_path = format!("{path}/negative/twin");
    match step.negative {
        None if mutated || replays => {
            let span = scenario.tree.key_place(&format!("{path}/{key}"));
            let help = "add `negative: { twin: …, after: … }`";
            problems.advise(span, "a negative step without a positive twin", help);
        }
        Some(_) if !mutated && !replays => {
            let span = scenario.tree.key_place(&format!("{path}/negative"));
            let help = "only a step with `mutate` or `replay` has a twin without them";
            problems.advise(span, "nothing is negative about this step", help);
        }
        Some(negative) if replays != (negative.twin == Twin::Order) => {
            let message = match replays {
                true => "the twin of a replay is the earlier step: `twin: order`",
                false => "`twin: order` belongs to a replay",
            };
            problems.add(scenario.tree.place(&twin_path), message);
        }
        _ => {}
    }
}

fn lint_mutation(problems: &mut Problems, scenario: &Scenario, n: usize, step: &Step) {
    let Some(mutation) = mutation(step) else { return };
    let fits = match (mutation, &step.action) {
        (
            Mutation::ServerChain(_)
            | Mutation::ServerHello(_)
            | Mutation::ServerLogin(_)
            | Mutation::OfflineCount(_),
            Action::Act(act),
        ) => act.operation == "connect",
        (Mutation::Frame(_) | Mutation::Bytes(_), Action::Send(send)) => {
            matches!(send.payload, Payload::Stanza(_))
        }
        (
            Mutation::BundleSignature(_) | Mutation::BundleError(_) | Mutation::Bundle(_),
            Action::Act(act),
        ) => act.operation == "send_text",
        (Mutation::BundleSignature(_), Action::Send(send)) => {
            matches!(send.payload, Payload::AskAgain { keys: true, .. })
        }
        (Mutation::Prekey(_), Action::Send(send)) => matches!(send.payload, Payload::Text(_)),
        (
            Mutation::EnlistmentReason(_)
            | Mutation::EnlistmentAnswer(_)
            | Mutation::Tls(_)
            | Mutation::LoginDigits(_),
            Action::Act(act),
        ) => act.operation == "enlist",
        (Mutation::Content(_), Action::Send(send)) => matches!(send.payload, Payload::Text(_)),
        (Mutation::PushToken(_) | Mutation::PushBody(_), Action::Send(send)) => {
            matches!(send.payload, Payload::Push { .. })
        }
        (Mutation::Media(_) | Mutation::Host(_), Action::Send(send)) => {
            matches!(send.payload, Payload::Media(_))
        }
        (Mutation::Ciphertext(_), Action::Send(send)) => {
            matches!(send.payload, Payload::Replay { .. })
        }
        (Mutation::Sender(_), Action::Send(send)) => matches!(send.payload, Payload::Text(_)),
        (Mutation::Time(_) | Mutation::Device(_), Action::Send(send)) => {
            matches!(send.payload, Payload::Text(_) | Payload::Content(_))
        }
        _ => false,
    };
    if !fits {
        let path = format!("steps/{n}/{}/mutate", step.action.verb());
        let (key, belongs) = belongs(mutation);
        problems.add(scenario.tree.place(&path), format!("`{key}` belongs to {belongs}"));
    }
}

fn belongs(mutation: &Mutation) -> (&'static str, &'static str) {
    match mutation {
        Mutation::Tls(_) => ("tls", "`do: enlist`"),
        Mutation::ServerChain(_) => ("server_chain", "`do: connect`"),
        Mutation::ServerHello(_) => ("server_hello", "`do: connect`"),
        Mutation::OfflineCount(_) => ("offline_count", "`do: connect`"),
        Mutation::Frame(_) => ("frame", "a `stanza` that is sent"),
        Mutation::Bytes(_) => ("bytes", "a `stanza` that is sent"),
        Mutation::BundleSignature(_) => {
            ("bundle_signature", "`do: send_text` and to `ask_again` with keys")
        }
        Mutation::BundleError(_) => ("bundle_error", "`do: send_text`"),
        Mutation::Bundle(_) => ("bundle", "`do: send_text`"),
        Mutation::Prekey(_) => ("prekey", "a `text` that is sent"),
        Mutation::EnlistmentReason(_) => ("enlistment_reason", "`do: enlist`"),
        Mutation::EnlistmentAnswer(_) => ("enlistment_answer", "`do: enlist`"),
        Mutation::LoginDigits(_) => ("login_digits", "`do: enlist`"),
        Mutation::ServerLogin(_) => ("server_login", "`do: connect`"),
        Mutation::Content(_) => ("content", "a `text` that is sent"),
        Mutation::PushToken(_) => ("push_token", "a `push`"),
        Mutation::PushBody(_) => ("push_body", "a `push`"),
        Mutation::Media(_) => ("media", "a `media` that is sent"),
        Mutation::Host(_) => ("host", "a `media` that is sent"),
        Mutation::Ciphertext(_) => ("ciphertext", "a `replay`"),
        Mutation::Sender(_) => ("sender", "a `text` that is sent"),
        Mutation::Time(_) => ("time", "a message that is sent"),
        Mutation::Device(_) => ("device", "a message that is sent"),
    }
}

/// The twin of a replay is the step that it repeats, and that one must have been accepted; that of a
/// forged one may be accepted later.
fn lint_replay(problems: &mut Problems, scenario: &Scenario, n: usize, of: &str, forged: bool) {
    let span = scenario.tree.place(&format!("steps/{n}/send/replay"));
    let texts: Vec<(usize, &str)> = labels(scenario)
        .take_while(|(at, _)| *at < n)
        .filter(|(at, _)| is_text(scenario, *at))
        .collect();
    let Some((origin, _)) = texts.iter().find(|(_, label)| *label == of) else {
        let known: Vec<&str> = texts.iter().map(|(_, label)| *label).collect();
        problems.unknown(span, "earlier text", of, &known);
        return;
    };
    let until = if forged { scenario.steps.len() } else { n };
    let accepted = scenario.steps[origin + 1..until].iter().any(|step| match &step.action {
        Action::Expect(expect) => speaks_of(expect, of),
        _ => false,
    });
    if !accepted {
        let message = format!("before its replay, no `expect` shows that `{of}` was accepted");
        let help =
            format!("expect something that names it, e.g. `shown: {{ id: \"${{{of}.id}}\" }}`");
        problems.advise(span, message, help);
    }
}

fn is_text(scenario: &Scenario, step: usize) -> bool {
    match &scenario.steps[step].action {
        Action::Send(send) => matches!(send.payload, Payload::Text(_)),
        _ => false,
    }
}

fn speaks_of(expect: &Expect, label: &str) -> bool {
    let names = |path: &str| path.split('.').next() == Some(label);
    match &expect.matching {
        Matching::Stanza(pattern) => pattern.references().iter().any(|r| names(&r.path)),
        Matching::Fields(fields) => fields
            .iter()
            .any(|(_, template)| template.references().any(|reference| names(&reference.path))),
    }
}
