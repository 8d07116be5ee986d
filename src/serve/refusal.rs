//! Why Meta's side refused or closed: the rule behind it, what was seen, what to do.
//!
//! Main type: [`Explainer`]. It follows the entries, since the same broken channel means one thing
//! before the handshake and another after it. It decides nothing: the refusal has happened, and
//! the words come from the catalogue.

use std::collections::BTreeMap;

use super::advice;
use crate::evidence::{Direction, Entry, Event, FormFacts, LoginFacts, RuleGrade, TokenFacts};
use crate::stanza::iq::Iq;
use crate::stanza::message::Message;
use crate::stanza::prekeys::{Upload, XMLNS};
use crate::wire::{Node, binary};

/// One refusal in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The requirement by which it was refused, then others to look at.
    pub rules: Vec<String>,
    /// The profile value that decides, where one does.
    pub profile_key: Option<&'static str>,
    pub seen: String,
    pub advice: String,
}

impl Refusal {
    pub(super) fn new(rule: &str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        let rules = if rule.is_empty() { Vec::new() } else { vec![rule.to_owned()] };
        Self { rules, profile_key: None, seen: seen.into(), advice: advice.into() }
    }

    fn and(mut self, rules: &[&str]) -> Self {
        self.rules.extend(rules.iter().map(|rule| (*rule).to_owned()));
        self
    }

    fn resting_on(self, key: &'static str) -> Self {
        Self { profile_key: Some(key), ..self }
    }
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Intro,
    Hello,
    Finish,
    Open,
}

/// What is remembered of a connection.
#[derive(Default)]
struct Known {
    stage: Stage,
    /// What is wrong with the last stanza that came.
    fault: Option<String>,
}

/// Explains entries one after the other.
pub struct Explainer {
    conns: BTreeMap<String, Known>,
    /// The paths that are served.
    paths: Vec<String>,
    /// The element that holds a KEM prekey.
    kem: Option<String>,
}

impl Explainer {
    /// Knows the paths that are served, and the element in which KEM prekeys travel.
    pub fn new(paths: Vec<String>, kem: Option<String>) -> Self {
        Self { conns: BTreeMap::new(), paths, kem }
    }

    /// Takes in an entry; says why, if it is a refusal.
    pub fn explain(&mut self, entry: &Entry) -> Vec<Refusal> {
        let name = entry.id.stream.0.trim_end_matches(['<', '>']).to_owned();
        match &entry.event {
            Event::Accepted { .. } => {
                self.conns.insert(name, Known::default());
                Vec::new()
            }
            Event::Intro { .. } => self.reach(&name, Stage::Hello),
            Event::Handshake { direction: Direction::Sent, .. } => self.reach(&name, Stage::Finish),
            Event::Login { facts } => {
                self.reach(&name, Stage::Open);
                login(facts)
            }
            Event::ChannelBroken { why } => {
                let stage = self.conns.get(&name).map(|known| known.stage).unwrap_or_default();
                vec![broken(stage, why)]
            }
            Event::Closed { error, .. } => {
                self.conns.remove(&name);
                error.iter().filter_map(|error| lost(error)).collect()
            }
            Event::Stanza { direction, bytes, .. } => {
                let node = bytes.bytes().and_then(|bytes| binary::decode(&bytes).ok());
                let Some(node) = node.map(|captured| captured.node) else { return Vec::new() };
                match direction {
                    Direction::Received => {
                        if let Some(known) = self.conns.get_mut(&name) {
                            known.fault = fault(&node, self.kem.as_deref());
                        }
                        Vec::new()
                    }
                    Direction::Sent => {
                        let known = self.conns.get(&name);
                        refusing(&node, known.and_then(|known| known.fault.as_deref()))
                    }
                }
            }
            Event::StrayRequest { method, path, .. } if !self.paths.contains(path) => {
                let seen = format!("{method} {path}: 404");
                let served = format!("{} {}.", advice::PATHS, self.paths.join(", "));
                vec![Refusal::new("", seen, served)]
            }
            event => simple(event),
        }
    }

    fn reach(&mut self, name: &str, stage: Stage) -> Vec<Refusal> {
        if let Some(known) = self.conns.get_mut(name) {
            known.stage = stage;
        }
        Vec::new()
    }
}

fn simple(event: &Event) -> Vec<Refusal> {
    match event {
        Event::Enlistment { method, form, outcome, .. } if outcome != "ok" => {
            enlistment(method, form, outcome)
        }
        Event::Undecodable { offset, rule, .. } => {
            let seen = format!("{rule} (byte {offset} of the stanza)");
            vec![Refusal::new("STZ-003", seen, advice::CODEC).and(&["STZ-008"])]
        }
        Event::Undecryptable { reason, enc, .. } => {
            let seen = format!("{}: {reason}", enc.kind);
            vec![Refusal::new("ENC-002", seen, advice::decryption(reason))]
        }
        _ => Vec::new(),
    }
}

fn broken(stage: Stage, why: &str) -> Refusal {
    match stage {
        _ if why.starts_with("no login") => Refusal::new("NOI-020", why, advice::HALF_OPEN),
        _ if why.contains("frame is longer") => Refusal::new("TRN-018", why, advice::FRAMES),
        Stage::Intro | Stage::Hello if why.starts_with("intro header") => {
            Refusal::new("TRN-016", why, advice::INTRO).resting_on("noise.prologue_hex")
        }
        Stage::Intro => Refusal::new("TRN-016", why, advice::INTRO),
        Stage::Hello => Refusal::new("NOI-002", why, advice::HELLO).and(&["TRN-016"]),
        Stage::Finish => Refusal::new("NOI-009", why, advice::FINISH).and(&["NOI-002", "NOI-003"]),
        Stage::Open => Refusal::new("NOI-010", why, advice::FRAME).and(&["NOI-011", "NOI-015"]),
    }
}

fn lost(error: &str) -> Option<Refusal> {
    if error.contains("does not read") || error.contains("did not read") {
        Some(Refusal::new("", error, advice::NOT_READING))
    } else if error.contains("nothing was sent") {
        Some(Refusal::new("TRN-016", error, advice::HALF_OPEN))
    } else if error.contains("WebSocket") {
        Some(Refusal::new("", error, advice::WEBSOCKET))
    } else {
        None
    }
}

fn login(facts: &LoginFacts) -> Vec<Refusal> {
    let Some(why) = &facts.refused else { return Vec::new() };
    if why.contains("ClientPayload") {
        return vec![Refusal::new("NOI-008", why, advice::PAYLOAD)];
    }
    if why.contains("product") {
        let seen = format!("product {}", facts.product.as_deref().unwrap_or("not set"));
        return vec![Refusal::new("NOI-008", seen, advice::PRODUCT).resting_on("login.product")];
    }
    if why.contains("enlisted") || why.contains("no such account") {
        let account = facts.account_id.or(facts.username);
        let account = account.map_or("no account named".to_owned(), |id| format!("account {id}"));
        let known = facts.login.as_ref().map_or("unknown here", |_| "known, but not enlisted");
        let seen = format!("{account}: {known}");
        return vec![Refusal::new("ENL-015", seen, advice::ENLIST).resting_on("login.account_id")];
    }
    if why.contains("static key") {
        let authkey = facts.authkey.as_deref().unwrap_or("another");
        let seen = format!("static key {}, where {authkey} was given before", facts.static_key);
        return vec![Refusal::new("NOI-005", seen, advice::STATIC_KEY)];
    }
    match &facts.token {
        None => vec![Refusal::new("NOI-008", "no token", advice::NO_TOKEN)],
        Some(token) => token_refused(token),
    }
}

/// Every rule that the token breaks; if it breaks none, its signature is nobody's.
fn token_refused(token: &TokenFacts) -> Vec<Refusal> {
    let broken = token.checked.iter().filter(|rule| rule.grade == RuleGrade::Broken);
    let mut out: Vec<Refusal> = broken
        .map(|rule| {
            let seen = rule.why.clone().unwrap_or_default();
            Refusal::new(&rule.requirement, seen, advice::token(&rule.requirement))
        })
        .collect();
    if out.is_empty() {
        out.push(Refusal::new("JWT-006", "the token does not verify", advice::token("JWT-006")));
    }
    out
}

fn enlistment(method: &str, form: &FormFacts, outcome: &str) -> Vec<Refusal> {
    let mut out = Vec::new();
    if method != "POST" {
        out.push(Refusal::new("ENL-001", format!("HTTP {method}"), advice::POST));
    }
    out.extend(form.faults.iter().map(|rule| {
        let seen = rule.why.clone().unwrap_or_default();
        Refusal::new(&rule.requirement, seen, advice::form(&rule.requirement))
    }));
    if form.signature_verifies == Some(false) {
        out.push(Refusal::new("ENL-008", "e_skey_sig does not verify", advice::form("ENL-008")));
    }
    if let Some(token) = &form.token {
        let broken = |rule: &crate::evidence::RuleFacts| rule.grade == RuleGrade::Broken;
        if token.checked.iter().any(broken) {
            out.extend(token_refused(token));
        }
    }
    if out.is_empty() {
        let seen = format!("status fail, reason {outcome}");
        out.push(Refusal::new("ENL-010", seen, advice::NO_USER));
    }
    out
}

/// What is wrong with a stanza that came.
fn fault(node: &Node, kem: Option<&str>) -> Option<String> {
    let is_upload = node.text("xmlns").as_deref() == Some(XMLNS)
        && node.text("type").as_deref() == Some("set")
        && node.find("rotate").is_none();
    match node.tag.as_str() {
        "message" => Message::sent(node).err().map(|error| error.to_string()),
        "iq" if is_upload => Upload::from_iq(node, kem).err().map(|error| error.to_string()),
        "iq" => Iq::from_node(node).err().map(|error| error.to_string()),
        _ => None,
    }
}

/// A stanza of Meta's that refuses something.
fn refusing(node: &Node, fault: Option<&str>) -> Vec<Refusal> {
    let seen = |what: &str| fault.map_or_else(|| what.to_owned(), str::to_owned);
    match node.tag.as_str() {
        "ack" => node.text("error").map_or_else(Vec::new, |code| {
            let seen = seen(&format!("error {code}"));
            vec![Refusal::new("MSG-001", seen, advice::MESSAGE)]
        }),
        "iq" if node.text("type").as_deref() == Some("error") => {
            let seen = seen("the request makes no sense");
            match seen.contains("key") || seen.contains("registration") || seen.contains("identity")
            {
                true => vec![Refusal::new("PRE-002", seen, advice::UPLOAD)],
                false => vec![Refusal::new("STZ-010", seen, advice::IQ).and(&["STZ-009"])],
            }
        }
        "iq" => {
            let users = node.find("list").map(Node::kids).unwrap_or_default().iter();
            let failed = users.filter(|user| user.tag == "user" && user.find("error").is_some());
            failed.take(3).map(no_bundle).collect()
        }
        "stream:error" if node.find("conflict").is_some() => {
            vec![Refusal::new("TRN-011", "the same account logged in again", advice::REPLACED)]
        }
        _ => Vec::new(),
    }
}

fn no_bundle(user: &Node) -> Refusal {
    let jid = user.text("jid").unwrap_or_default();
    let code = user.find("error").and_then(|error| error.text("code")).unwrap_or_default();
    Refusal::new("PRE-003", format!("{jid}: error {code}"), advice::NO_BUNDLE)
}
