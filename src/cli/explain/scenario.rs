//! A scenario or a case: why it exists, what happens in it, what it decides.

use super::{Known, heading, listed};
use crate::report::{Page, shell_word};
use crate::scenario::{
    Act, Action, Case, Expect, Matching, Mutation, Payload, Scenario, Send, Step,
};

pub(super) fn explain(word: &str, known: &Known, page: &mut Page) -> bool {
    let cases: Vec<&Case> =
        known.cases.iter().filter(|case| case.scenario.id == word || case.id() == word).collect();
    let Some(first) = cases.first() else { return false };
    let scenario = &first.scenario;
    let kind = if first.id() == word && !first.choice.is_empty() { "case" } else { "scenario" };
    heading(page, kind, word);
    page.fill(2, &scenario.title);
    page.gap();
    page.field(2, "why", &scenario.why);
    page.field(2, "milestone", &scenario.milestone);
    page.field(2, "covers", &scenario.covers.join(", "));
    page.field(2, "quirks", &scenario.proves.join(", "));
    if !scenario.tags.is_empty() {
        page.field(2, "tags", &scenario.tags.join(", "));
    }
    if cases.len() > 1 {
        let ids: Vec<String> = cases.iter().map(|case| case.id()).collect();
        listed(page, "cases", &ids, "");
    }
    page.field(2, "file", &scenario.source.name);
    page.gap();
    steps(page, scenario);
    page.gap();
    page.command(2, "run", &format!("counterpart run {}", shell_word(word)));
    true
}

fn steps(page: &mut Page, scenario: &Scenario) {
    for (name, actor) in &scenario.actors {
        let who = if actor.iut { "the implementation under test" } else { "the harness" };
        page.fill(2, &format!("{name}: {}, played by {who}", actor.plays.word()));
    }
    for (number, step) in scenario.steps.iter().enumerate() {
        let head = format!("  {:>2}. ", number + 1);
        page.hang(&head, 6, &in_words(step));
        if !step.checks.is_empty() {
            page.fill(6, &format!("This decides {}.", step.checks.join(", ")));
        }
        if let Some(negative) = step.negative {
            page.fill(
                6,
                &format!(
                    "This is a negative step: it counts only if the same without its difference is \
                 accepted (twin: {}) and the implementation still works afterwards (probe: {}).",
                    negative.twin.word(),
                    negative.after.word().replace('_', " ")
                ),
            );
        }
    }
    let seen = scenario.must_observe.iter();
    let seen: Vec<String> = seen.map(|one| format!("{}.{}", one.label, one.event.word())).collect();
    page.fill(2, &format!("Nothing passes unless this was seen: {}.", seen.join(", ")));
}

fn in_words(step: &Step) -> String {
    let label = step.label.as_ref().map(|label| format!(" (called {label})")).unwrap_or_default();
    match &step.action {
        Action::Act(act) => format!("{}{label}", acted(act)),
        Action::Send(send) => format!("{}{label}", sent(send)),
        Action::Fault(fault) => format!(
            "The network misbehaves on the {} connection of {}: {}{label}.",
            fault.which.word(),
            fault.on,
            fault.kind.word()
        ),
        Action::Advance(advance) => {
            format!(
                "{} ms pass for {} and for Meta's side{label}.",
                advance.by.as_millis(),
                advance.on
            )
        }
        Action::Compromise(theft) => format!(
            "Somebody steals the keys of {} and its session with {}, and nobody notices{label}.",
            theft.of, theft.with
        ),
        Action::Expect(expect) => format!("Expected {}{label}.", expected(expect)),
        Action::ExpectNone(expect) => format!("Not expected {}{label}.", unexpected(expect)),
    }
}

fn acted(act: &Act) -> String {
    let params: Vec<String> =
        act.params.iter().map(|(name, value)| format!("{name} `{}`", value.text())).collect();
    let with =
        if params.is_empty() { String::new() } else { format!(" with {}", params.join(", ")) };
    let fault = act.mutate.as_ref().map(|m| format!(", while {}", fault(m))).unwrap_or_default();
    let free = if act.may_fail { "; it may fail" } else { "" };
    format!("{} is asked to `{}`{with}{fault}{free}.", act.on, act.operation)
}

fn sent(send: &Send) -> String {
    let what = match &send.payload {
        Payload::Text(text) => format!("the encrypted text `{}`", text.text()),
        Payload::Typing(true) => "a typing indicator".to_owned(),
        Payload::Typing(false) => "the end of a typing indicator".to_owned(),
        Payload::Blocks(jid) => format!("nothing, but has {} on its blocklist", jid.text()),
        Payload::Content(said) => {
            let fields = said.fields.iter();
            let fields = fields.map(|(name, text)| format!("{name} `{}`", text.text()));
            format!(
                "the encrypted {} ({})",
                said.kind.word(),
                fields.collect::<Vec<_>>().join(", ")
            )
        }
        Payload::Stanza(pattern) => format!("the stanza {}", pattern.text()),
        Payload::Replay { of, same_id: true } => format!("{of} once more, under the same id"),
        Payload::Replay { of, same_id: false } => {
            format!("the ciphertext of {of} once more, under a new id")
        }
        Payload::Relay { of, how } => format!("{of}, passed on in another way: {}", how.word()),
        Payload::Release { of } => format!("{of}, which was held back"),
        Payload::AskAgain { of, count, keys, times } => {
            let keys = if *keys { " and keys for a new session" } else { "" };
            format!("{times} times a request for {of} once more, with count {count}{keys}")
        }
        Payload::Resend { of, spoilt, times } => {
            let spoilt = if *spoilt { ", with a flipped bit in its MAC" } else { "" };
            format!("{times} times {of}, encrypted anew under its id{spoilt}")
        }
        Payload::Lose(loss) => {
            return format!("{} loses its {} with {}.", send.from, loss.word(), send.to);
        }
        Payload::Unsent(count) => {
            return format!("{} writes {count} texts to {} that get lost.", send.from, send.to);
        }
        Payload::Soak(rounds) => {
            return format!("{} and {} exchange {rounds} texts each way.", send.from, send.to);
        }
        Payload::Drain { left } => {
            format!("strangers who fetch keys until {left} one-time prekeys are left")
        }
        Payload::Media(said) => {
            let said = said.iter().map(|(name, text)| format!("{name} `{}`", text.text()));
            format!("a file: {}", said.collect::<Vec<_>>().join(", "))
        }
        Payload::ProbeFile { probe, of, http2 } => {
            let by = if *http2 { ", by HTTP/2" } else { "" };
            format!("odd requests for the file that {of} stored: {}{by}", probe.word())
        }
        Payload::ProbeProxy { probe, .. } => {
            format!("readers, and is the third party behind it: {}", probe.word())
        }
        Payload::EnlistElsewhere => "word that another device of the user has enlisted".to_owned(),
        Payload::Push { times: 1 } => "a push".to_owned(),
        Payload::Push { times } => format!("{times} pushes at once"),
        Payload::FetchKeys { times: 1, head: false } => "a request for its key set".to_owned(),
        Payload::FetchKeys { times, head: false } => format!("{times} requests for its key set"),
        Payload::FetchKeys { times, head: true } => format!("HEAD for its key set, {times} times"),
        Payload::Probe { kind, at, .. } => {
            format!("the probe `{}`, at its endpoint {}", kind.word(), at.word())
        }
        Payload::Publish(keys) => format!("push keys by being published anew: {}", keys.word()),
    };
    let fault = send.mutate.as_ref().map(|m| format!(", while {}", fault(m))).unwrap_or_default();
    let held = if send.hold { ", and holds it back for now" } else { "" };
    format!("{} sends {} {what}{fault}{held}.", send.from, send.to)
}

fn fault(mutation: &Mutation) -> String {
    match mutation {
        Mutation::Tls(word) => {
            format!("Meta's HTTP services show a certificate that is {}", word.word())
        }
        Mutation::ServerChain(fault) => {
            format!("the chat server shows a certificate chain with the fault {}", fault.word())
        }
        Mutation::ServerHello(fault) => {
            format!("the chat server's handshake message has the oddity {}", fault.word())
        }
        Mutation::OfflineCount(count) => format!("the server announces {count} messages"),
        Mutation::Bytes(fault) => format!("its bytes have the fault {}", fault.word()),
        Mutation::Frame(fault) => format!("its frame has the fault {}", fault.word()),
        Mutation::BundleSignature(fault) => {
            format!("the served bundle has a signature with the fault {}", fault.word())
        }
        Mutation::BundleError(code) => format!("the bundle fetch is answered with error {code}"),
        Mutation::Bundle(fault) => {
            format!("the served bundle has keys with the oddity {}", fault.word())
        }
        Mutation::Prekey(fault) => {
            format!("its session is made with the one-time prekey: {}", fault.word())
        }
        Mutation::EnlistmentReason(reason) => {
            format!("the enlistment API fails with the reason `{reason}`")
        }
        Mutation::EnlistmentAnswer(answer) => {
            format!("the enlistment API answers with the oddity {}", answer.word())
        }
        Mutation::LoginDigits(digits) => {
            format!("the user gets the internal identifier with the number {digits}")
        }
        Mutation::ServerLogin(fault) => {
            format!("the chat server does to the login: {}", fault.word())
        }
        Mutation::Content(fault) => format!("its content has the fault {}", fault.word()),
        Mutation::PushToken(fault) => format!("its token has the fault {}", fault.word()),
        Mutation::PushBody(fault) => format!("its body has the oddity {}", fault.word()),
        Mutation::Media(fault) => {
            format!("the message or its file has the oddity {}", fault.word())
        }
        Mutation::Host(fault) => format!("the media host does this: {}", fault.word()),
        Mutation::Ciphertext(fault) => format!("its ciphertext is changed: {}", fault.word()),
        Mutation::Sender(name) => format!("it says that it is from {name}"),
        Mutation::Time(fault) => format!("its time is {}", fault.word()),
        Mutation::Device(device) => format!("it comes from the sender's device {device}"),
    }
}

fn expected(expect: &Expect) -> String {
    what(expect, &format!("within {}", within(expect)))
}

/// An absence ends when all that was sent has been read, or lasts as long as it says.
fn unexpected(expect: &Expect) -> String {
    let until = format!("until all was read (with --patient: {})", within(expect));
    what(expect, &until)
}

fn within(expect: &Expect) -> String {
    match expect.within_key {
        Some(key) => format!("`{key}` seconds"),
        None => format!("{} ms", expect.within.as_millis()),
    }
}

fn what(expect: &Expect, when: &str) -> String {
    let what = match &expect.matching {
        Matching::Stanza(pattern) => pattern.text().to_owned(),
        Matching::Fields(fields) if fields.is_empty() => String::new(),
        Matching::Fields(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name} `{}`", value.text()));
            format!("with {}", fields.collect::<Vec<_>>().join(", "))
        }
    };
    // Behind a semicolon stands what its fields are.
    let doc = expect.kind.info().doc.split(';').next().unwrap_or_default();
    let text = format!("at {} {when}: {doc} {what}", expect.at);
    text.trim_end().to_owned()
}
