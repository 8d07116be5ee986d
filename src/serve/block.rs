//! An entry as a block of lines: when, where, which way, and every layer below.
//!
//! Main functions: [`block`] for entries, [`refusal`] and [`finding`] for what they mean. The
//! vocabulary of findings is that of the report.

use super::field;
use super::layers;
use super::paint::{Ink, Line, shortened};
use super::refusal::Refusal;
use super::xml;
use crate::evidence::{
    Direction, EncFacts, Entry, Event, FormFacts, LoginFacts, Payload, RuleFacts, RuleGrade,
    TokenFacts,
};
use crate::spec::{Catalogue, Profile};
use crate::verdict::{CheckResult, Verdict};
use crate::wire::binary;

/// Shows an entry; nothing for those that are only bookkeeping.
pub fn block(entry: &Entry) -> Vec<Line> {
    let (title, body) = match &entry.event {
        Event::Accepted { websocket: true } => ("connected by WebSocket".to_owned(), Vec::new()),
        Event::Accepted { websocket: false } => ("connected by TCP".to_owned(), Vec::new()),
        Event::Intro { header, routing_bytes: 0 } => (format!("intro header {header}"), Vec::new()),
        Event::Intro { header, routing_bytes } => {
            (format!("intro header {header} behind {routing_bytes} bytes of routing"), Vec::new())
        }
        Event::Handshake { message, len, ephemeral, .. } => {
            let keys = ephemeral.iter().map(|key| field("ephemeral", key));
            (format!("handshake message {message}, {len} bytes"), keys.collect())
        }
        Event::ChannelBroken { why } => (format!("the channel is broken: {why}"), Vec::new()),
        Event::Login { facts } => login(facts),
        Event::Stanza { xml, bytes, compressed, variants, .. } => {
            stanza(xml, bytes, *compressed, variants)
        }
        Event::Undecodable { bytes, offset, rule } => {
            let bytes = bytes.bytes().map(|bytes| field("bytes", xml::bytes_in_words(&bytes)));
            (format!("a frame that is no stanza: {rule} at byte {offset}"), Vec::from_iter(bytes))
        }
        Event::Closed { by_iut, error } => (closed(*by_iut, error.as_deref()), Vec::new()),
        Event::Enlistment { method, path, form, outcome, login } => {
            let login = login.as_ref().map(|login| format!(", login {login}")).unwrap_or_default();
            (format!("{method} {path}: {outcome}{login}"), enlistment(form))
        }
        Event::StrayRequest { method, path, .. } => (format!("{method} {path}"), Vec::new()),
        Event::Requested { method, path, .. } => (format!("{method} {path}"), Vec::new()),
        Event::Responded { status, body, .. } => {
            let body = body.bytes().map(|body| field("body", readable(&body)));
            (format!("answered {status}"), Vec::from_iter(body))
        }
        Event::RequestFailed { why, .. } => (format!("no answer: {why}"), Vec::new()),
        Event::KeySet { checked } => ("the third party's key set".into(), rules(checked)),
        Event::Encrypted { id, to, text, enc } => sealed("encrypted for", id, to, text, enc),
        Event::Decrypted { id, from, content, enc } => {
            sealed("decrypted from", id, from, content, enc)
        }
        Event::Undecryptable { id, from, reason, enc } => {
            let mut body = vec![field("reason", reason)];
            body.extend(layers::lines(enc));
            (format!("could not decrypt {id} from {from}"), body)
        }
        _ => return Vec::new(),
    };
    let mut lines = vec![head(entry, &title)];
    lines.extend(body);
    lines
}

fn head(entry: &Entry, title: &str) -> Line {
    let (place, arrow) = place(entry);
    let actor = entry.actor.as_deref().filter(|actor| *actor != place);
    let actor = actor.map(|actor| format!("{} ", shortened(actor, 24))).unwrap_or_default();
    let line = Line::new(0, 4).with(Ink::Faint, time(entry.at_ms)).text(" ");
    let line = line.with(Ink::Strong, place).text(arrow).with(Ink::Strong, actor);
    line.text(shortened(title, 400))
}

/// The connection or user, and which way it went.
fn place(entry: &Entry) -> (String, &'static str) {
    let stream = &*entry.id.stream.0;
    let received = matches!(&entry.event, Event::Stanza { direction: Direction::Received, .. });
    if let Some(name) = stream.strip_prefix("client-") {
        return (name.to_owned(), " | ");
    }
    match stream {
        "http-in" => ("http".into(), " <- "),
        "http-out" => ("http".into(), " -> "),
        _ if stream.ends_with('<') || received => (conn(stream), " <- "),
        _ => (conn(stream), " -> "),
    }
}

fn conn(stream: &str) -> String {
    stream.trim_end_matches(['<', '>']).to_owned()
}

/// Time of day, UTC.
fn time(at_ms: u64) -> String {
    let (ms, s) = (at_ms % 1000, at_ms / 1000);
    format!("{:02}:{:02}:{:02}.{ms:03}", s / 3600 % 24, s / 60 % 60, s % 60)
}

fn stanza(
    xml: &str,
    bytes: &Payload,
    compressed: bool,
    variants: &[String],
) -> (String, Vec<Line>) {
    let whole = bytes.bytes();
    let node = whole.as_ref().and_then(|bytes| binary::decode(bytes).ok());
    let body = match node {
        Some(captured) => xml::lines(&captured.node, 4),
        None => vec![Line::new(4, 4).text(shortened(xml, 400))],
    };
    let len = match bytes {
        Payload::Digest { len, .. } => *len,
        Payload::Whole { .. } => whole.map_or(0, |bytes| bytes.len()),
    };
    let compressed = if compressed { ", compressed" } else { "" };
    let variants = match variants {
        [] => String::new(),
        some => format!(", {}", some.join(", ")),
    };
    (format!("stanza, {len} bytes{compressed}{variants}"), body)
}

fn closed(by_iut: bool, error: Option<&str>) -> String {
    match (by_iut, error) {
        (_, Some(error)) => format!("the connection is gone: {error}"),
        (true, None) => "the client closed".to_owned(),
        (false, None) => "closed by the counterpart".to_owned(),
    }
}

fn sealed(what: &str, id: &str, peer: &str, text: &str, enc: &EncFacts) -> (String, Vec<Line>) {
    let mut body = layers::lines(enc);
    body.push(field("text", shortened(text, 1000)));
    (format!("{id} {what} {peer}"), body)
}

fn login(facts: &LoginFacts) -> (String, Vec<Line>) {
    let title = match &facts.refused {
        None => format!("login accepted: {}", facts.login.as_deref().unwrap_or("?")),
        Some(why) => format!("login refused: {why}"),
    };
    let number = |value: Option<u64>| value.map_or("none".into(), |value| value.to_string());
    let mut body = vec![
        field(
            "payload",
            format!(
                "product {}, accountId {}, username {}, device {}, passive {}",
                facts.product.as_deref().unwrap_or("none"),
                number(facts.account_id),
                number(facts.username),
                number(facts.device.map(u64::from)),
                facts.passive.map_or("none".to_owned(), |passive| passive.to_string()),
            ),
        ),
        field("static", &facts.static_key),
    ];
    body.extend(facts.token.iter().flat_map(token));
    (title, body)
}

fn enlistment(form: &FormFacts) -> Vec<Line> {
    let known = form.arguments.iter().take(16);
    let mut body: Vec<Line> =
        known.map(|(name, value)| field(&shortened(name, 24), shortened(value, 100))).collect();
    let faults = form
        .faults
        .iter()
        .map(|rule| field(&rule.requirement, rule.why.clone().unwrap_or_default()));
    body.extend(faults);
    body.extend(form.token.iter().flat_map(token));
    body
}

/// What may be shown of a token: all but itself.
fn token(token: &TokenFacts) -> Vec<Line> {
    let mut out = vec![
        field("token", format!("{} characters, SHA-256 {:.16}…", token.len, token.sha256)),
        field("", format!("header {}", shortened(&token.header.to_string(), 300))),
        field("", format!("claims {}", shortened(&token.claims.to_string(), 600))),
    ];
    out.extend(rules(&token.checked));
    out
}

/// The rules that do not hold, or that all do.
fn rules(checked: &[RuleFacts]) -> Vec<Line> {
    let wrong = checked.iter().filter(|rule| rule.grade != RuleGrade::Holds);
    let wrong: Vec<Line> =
        wrong.map(|rule| field(&rule.requirement, rule.why.clone().unwrap_or_default())).collect();
    if wrong.is_empty() && !checked.is_empty() {
        return vec![field("", format!("all {} rules hold", checked.len()))];
    }
    wrong
}

fn readable(body: &[u8]) -> String {
    match std::str::from_utf8(body) {
        Ok(text) => shortened(text, 300),
        Err(_) => xml::bytes_in_words(body),
    }
}

/// Shows why something was refused.
pub fn refusal(refusal: &Refusal, at_ms: u64, profile: &Profile) -> Vec<Line> {
    let head = Line::new(0, 4).with(Ink::Faint, time(at_ms)).text(" ");
    let mut rules = refusal.rules.iter();
    let first = rules.next();
    let title = first.map_or("no requirement of Meta's".to_owned(), |id| title(id, None));
    let mut out = vec![head.with(Ink::Bad, "refused ").text(title)];
    out.extend(first.map(|id| statement(id)).into_iter().flatten());
    out.extend(refusal.profile_key.and_then(|key| value(key, profile)));
    out.push(field("seen", shortened(&refusal.seen, 600)));
    out.push(field("to do", &refusal.advice));
    let also: Vec<&str> = rules.map(String::as_str).collect();
    if !also.is_empty() {
        out.push(field("see also", also.join(", ")));
    }
    out
}

/// Shows what a passive check found.
pub fn finding(result: &CheckResult, at_ms: u64, profile: &Profile) -> Vec<Line> {
    let ink = if result.verdict == Verdict::Fail { Ink::Bad } else { Ink::Care };
    let head = Line::new(0, 4).with(Ink::Faint, time(at_ms)).text(" ");
    let head = head.with(ink, format!("{} ", result.verdict.word()));
    let mut out = vec![head.text(title(&result.requirement, Some(result)))];
    out.extend(statement(&result.requirement));
    out.extend(result.profile_key.as_deref().and_then(|key| value(key, profile)));
    out.extend(result.not_decided.as_ref().map(|why| field("why", why.sentence())));
    for finding in &result.findings {
        out.push(field("expected", shortened(&finding.expected, 400)));
        out.push(field("actual", shortened(&finding.actual, 400)));
        out.push(field("evidence", finding.evidence.join(", ")));
    }
    out
}

/// `NOI-005 MUST, basis stated`.
fn title(id: &str, result: Option<&CheckResult>) -> String {
    let Some(row) = Catalogue::builtin().get(id) else { return id.to_owned() };
    let basis = result.map_or(row.basis, |result| result.basis);
    format!("{id} {}, basis {}", row.level.word(), basis.word())
}

fn statement(id: &str) -> Vec<Line> {
    let Some(row) = Catalogue::builtin().get(id) else { return Vec::new() };
    let mut out = vec![Line::new(4, 4).text(&row.statement)];
    out.extend(row.source.as_ref().map(|source| field("source", source)));
    out
}

fn value(key: &str, profile: &Profile) -> Option<Line> {
    let value = profile.get(key)?;
    let text = format!("{key} = {}, basis {} ({})", value.value, value.basis.word(), value.source);
    Some(field("profile", text))
}
