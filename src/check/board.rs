//! The inboxes of one lane: what was observed, and what is still unconsumed.
//!
//! Each observation point (place and kind) keeps one inbox; an expectation takes the oldest match
//! that nobody took (`interfaces.md` §2).

use std::collections::BTreeMap;

use serde_json::Value;

use super::signatures::Signatures;
use super::thief::Thieves;
use super::{decrypted, fields, media, published};
use crate::diff::Diff;
use crate::evidence::{Direction, Entry, EntryId, Event, LoginFacts, Look};
use crate::scenario::kinds::filling;
use crate::scenario::{Action, Expect, Kind, Matching, Scenario, Scope, Template};
use crate::spec::Profile;
use crate::wire::{Content, Jid, Node, binary};

/// Observations and values of one lane.
pub struct Board<'a> {
    scenario: &'a Scenario,
    profile: &'a Profile,
    bound: BTreeMap<String, String>,
    items: Vec<Item>,
    thieves: Option<Thieves>,
    signatures: Signatures,
    /// Number of items when the last `send` or `act` began.
    mark: usize,
}

struct Item {
    entry: EntryId,
    at: String,
    kind: Kind,
    body: Body,
    consumed: bool,
}

enum Body {
    Stanza(Node),
    Fields(Vec<(&'static str, String)>),
}

/// The best candidate that did not match, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    pub entry: EntryId,
    pub actual: String,
    pub why: String,
    pub diff: Diff,
}

impl<'a> Board<'a> {
    /// An empty board; `bound` values come from the transcript.
    pub fn new(scenario: &'a Scenario, profile: &'a Profile) -> Self {
        let bound = BTreeMap::new();
        let steals = scenario.steps.iter().any(|s| matches!(s.action, Action::Compromise(_)));
        let thieves = steals.then(Thieves::default);
        let signatures = Signatures::default();
        Self { scenario, profile, bound, items: Vec::new(), thieves, signatures, mark: 0 }
    }

    /// Takes in an entry of this lane.
    pub fn observe(&mut self, entry: &Entry) {
        if let Event::Bound { name, value } = &entry.event {
            self.bound.insert(name.clone(), value.clone());
        }
        self.follow_thieves(entry);
        self.find_signature(entry);
        for rule in published::rules(&entry.event) {
            let (at, entry) = ("meta".to_owned(), entry.id.clone());
            let body = Body::Fields(rule);
            self.items.push(Item { entry, at, kind: Kind::Rule, body, consumed: false });
        }
        for (at, kind, mut body) in observation(entry).into_iter().chain(failure(entry)) {
            if let (Kind::Fetched, Body::Fields(fields)) = (kind, &mut body) {
                fields.push(("times", (self.fetched(fields) + 1).to_string()));
            }
            if let (Kind::Stubbed, Body::Fields(fields)) = (kind, &mut body) {
                fields.push(("times", (self.stubbed(fields) + 1).to_string()));
            }
            if let (Kind::Decrypted, Body::Fields(fields)) = (kind, &mut body) {
                fields.push(("times", (self.decrypted(&at, fields) + 1).to_string()));
            }
            let entry = entry.id.clone();
            self.items.push(Item { entry, at, kind, body, consumed: false });
        }
    }

    /// How often a peer has decrypted a message of this id and sender.
    fn decrypted(&self, at: &str, fields: &[(&'static str, String)]) -> usize {
        let named = |name: &str| fields.iter().find(|(known, _)| *known == name);
        let (Some(id), Some(from)) = (named("id"), named("from")) else { return 0 };
        let same = |item: &&Item| {
            item.kind == Kind::Decrypted
                && item.at == at
                && item.body.has(id)
                && item.body.has(from)
        };
        self.items.iter().filter(same).count()
    }

    /// What a thief reads is one observation that grows, and not one that is consumed.
    fn follow_thieves(&mut self, entry: &Entry) {
        let Some(thieves) = &mut self.thieves else { return };
        for thief in thieves.observe(entry) {
            let (at, body) = (thief.robbed().1.to_owned(), Body::Fields(thief.fields()));
            let of = ("of", thief.label.clone());
            let known = |item: &Item| item.kind == Kind::Thief && item.body.has(&of);
            if let Some(at) = self.items.iter().position(known) {
                self.items.remove(at);
                self.mark -= usize::from(at < self.mark);
            }
            let (entry, kind) = (thief.evidence.clone(), Kind::Thief);
            self.items.push(Item { entry, at, kind, body, consumed: false });
        }
    }

    fn find_signature(&mut self, entry: &Entry) {
        let Some(scanned) = self.signatures.observe(entry) else { return };
        let (Some(found), Some(at)) = (scanned.signature, entry.actor.clone()) else { return };
        let fields = vec![
            ("id", scanned.id),
            ("place", found.place),
            ("over", found.over.to_owned()),
            ("key", found.key),
        ];
        let (entry, kind) = (entry.id.clone(), Kind::Signature);
        self.items.push(Item { entry, at, kind, body: Body::Fields(fields), consumed: false });
    }

    /// How often the same was asked for before.
    fn fetched(&self, asked: &[(&'static str, String)]) -> usize {
        // Method and path; what was answered does not matter.
        let asked = &asked[..asked.len().min(2)];
        let same = |item: &&Item| match &item.body {
            Body::Fields(fields) => item.kind == Kind::Fetched && fields.starts_with(asked),
            Body::Stanza(_) => false,
        };
        self.items.iter().filter(same).count()
    }

    /// How often the same stub was asked before.
    fn stubbed(&self, asked: &[(&'static str, String)]) -> usize {
        let same = |item: &&Item| match &item.body {
            Body::Fields(fields) => item.kind == Kind::Stubbed && fields.first() == asked.first(),
            Body::Stanza(_) => false,
        };
        self.items.iter().filter(same).count()
    }

    /// From where on an absence is judged: what a stub is asked counts over the whole case.
    fn absent_from(&self, expect: &Expect) -> usize {
        if expect.kind == Kind::Stubbed { 0 } else { self.mark }
    }

    /// Remembers this moment: absences are judged from here on.
    pub fn mark(&mut self) {
        self.mark = self.items.len();
    }

    /// The oldest unconsumed match.
    pub fn find(&self, expect: &Expect) -> Option<EntryId> {
        self.position(expect, 0).map(|at| self.items[at].entry.clone())
    }

    /// A match since the mark.
    pub fn find_since_mark(&self, expect: &Expect) -> Option<(EntryId, String)> {
        let at = self.position(expect, self.absent_from(expect))?;
        Some((self.items[at].entry.clone(), self.items[at].body.show()))
    }

    /// Shows a match since the mark, which should not have come.
    pub fn unwanted(&self, expect: &Expect) -> Option<Diff> {
        let at = self.position(expect, self.absent_from(expect))?;
        Some(self.items[at].body.unexpected())
    }

    /// Shows what is expected, where nothing of its kind came.
    pub fn expected(&self, expect: &Expect) -> Diff {
        match &expect.matching {
            Matching::Stanza(pattern) => pattern.expected(self),
            Matching::Fields(wanted) => fields::expected(wanted, self),
        }
    }

    /// Consumes the oldest match and says what it was. Under a label, its attributes or fields
    /// become values: `${label.id}`.
    pub fn take(&mut self, expect: &Expect, label: Option<&str>) -> Option<(EntryId, String)> {
        let at = self.position(expect, 0)?;
        self.items[at].consumed = expect.kind != Kind::Thief;
        for (name, value) in label.map(|_| self.items[at].body.values()).into_iter().flatten() {
            self.bound.insert(format!("{}.{name}", label.unwrap_or_default()), value);
        }
        Some((self.items[at].entry.clone(), self.items[at].body.show()))
    }

    /// The unconsumed observation of the right place and kind that came nearest.
    pub fn nearest(&self, expect: &Expect) -> Option<Near> {
        if let Some(near) = self.undecryptable_instead(expect) {
            return Some(near);
        }
        let candidates = self.items.iter().filter(|item| item.is_for(expect));
        let candidates = candidates.filter(|item| !item.entry.stream.is_fence());
        let candidates = candidates.filter(|item| self.is_about(item, &expect.matching));
        let ranked = candidates.map(|item| (self.satisfied(item, &expect.matching), item));
        // A stanza that has no more than the tag in common explains nothing; of equals the last does.
        let alike = ranked.filter(|(satisfied, item)| *satisfied > 1 || item.has_fields());
        let (_, closest) = alike.max_by_key(|(satisfied, _)| *satisfied)?;
        self.near(closest, &expect.matching)
    }

    /// How another row came out, or this one elsewhere, says nothing of a rule.
    fn is_about(&self, item: &Item, matching: &Matching) -> bool {
        let (Body::Fields(seen), Matching::Fields(wanted)) = (&item.body, matching) else {
            return true;
        };
        let mut named = wanted.iter().filter(|(name, _)| name == "row" || name == "of");
        item.kind != Kind::Rule
            || named.all(|(name, template)| {
                let value = seen.iter().find(|(field, _)| field == name);
                value.is_some_and(|(_, value)| template.matches(value, self).is_ok())
            })
    }

    fn near(&self, item: &Item, matching: &Matching) -> Option<Near> {
        let why = self.mismatch(item, matching)?;
        let diff = match (&item.body, matching) {
            (Body::Stanza(node), Matching::Stanza(pattern)) => pattern.diff(node, self),
            (Body::Fields(seen), Matching::Fields(wanted)) => fields::diff(seen, wanted, self),
            _ => return None,
        };
        Some(Near { entry: item.entry.clone(), actual: item.body.show(), why, diff })
    }

    /// Why nothing can be said of a rule that a step waits for, if it was found so.
    pub fn open(&self, expect: &Expect) -> Option<String> {
        let Matching::Fields(wanted) = &expect.matching else { return None };
        let wanted = wanted.iter().filter(|(name, _)| name != "grade").cloned().collect();
        let wanted = Matching::Fields(wanted);
        let grade = ("grade", "open".to_owned());
        let items = self.items.iter().rev().filter(|item| item.is_for(expect));
        let mut open = items.filter(|item| expect.kind == Kind::Rule && item.body.has(&grade));
        let found = open.find(|item| self.mismatch(item, &wanted).is_none())?;
        let Body::Fields(seen) = &found.body else { return None };
        seen.iter().find(|(name, _)| *name == "why").map(|(_, why)| why.clone())
    }

    /// How much of what is expected an observation has; another stanza altogether has nothing.
    fn satisfied(&self, item: &Item, matching: &Matching) -> usize {
        match (&item.body, matching) {
            (Body::Stanza(node), Matching::Stanza(pattern)) => pattern
                .matches(node, self)
                .map_or_else(|mismatch| mismatch.satisfied, |()| usize::MAX),
            (Body::Fields(seen), Matching::Fields(wanted)) => {
                let fits = |(name, template): &&(String, Template)| {
                    let value = seen.iter().find(|(field, _)| field == name);
                    value.is_some_and(|(_, value)| template.matches(value, self).is_ok())
                };
                wanted.iter().filter(fits).count()
            }
            _ => 0,
        }
    }

    /// Where something should have been decrypted, what could not be is the nearest there is.
    fn undecryptable_instead(&self, expect: &Expect) -> Option<Near> {
        let is_it = |item: &&Item| item.kind == Kind::Undecryptable && item.at == expect.at;
        let item =
            self.items.iter().rev().filter(|_| expect.kind == Kind::Decrypted).find(is_it)?;
        let why = "it could not be decrypted".to_owned();
        let mut diff = self.expected(expect);
        diff.lines.extend(item.body.unexpected().lines);
        Some(Near { entry: item.entry.clone(), actual: item.body.show(), why, diff })
    }

    fn position(&self, expect: &Expect, from: usize) -> Option<usize> {
        let items = self.items.iter().enumerate().skip(from);
        items
            .filter(|(_, item)| item.is_for(expect))
            .find(|(_, item)| self.fits(item, &expect.matching))
            .map(|(at, _)| at)
    }

    /// The same as [`Self::mismatch`] without words, which most observations need not be wasted on.
    fn fits(&self, item: &Item, matching: &Matching) -> bool {
        match (&item.body, matching) {
            (Body::Stanza(node), Matching::Stanza(pattern)) => pattern.fits(node, self),
            (Body::Fields(fields), Matching::Fields(wanted)) => {
                wanted.iter().all(|(name, template)| {
                    let actual = fields.iter().find(|(field, _)| field == name);
                    let fits = |actual: &str| template.fits(actual.as_bytes(), self);
                    actual.is_some_and(|(_, actual)| fits(actual).unwrap_or(false))
                })
            }
            _ => false,
        }
    }

    fn mismatch(&self, item: &Item, matching: &Matching) -> Option<String> {
        match (&item.body, matching) {
            (Body::Stanza(node), Matching::Stanza(pattern)) => {
                pattern.matches(node, self).err().map(|mismatch| mismatch.to_string())
            }
            (Body::Fields(fields), Matching::Fields(wanted)) => {
                wanted.iter().find_map(|(name, template)| {
                    let actual = fields.iter().find(|(field, _)| field == name);
                    let Some((_, actual)) = actual else {
                        return Some(format!("`{name}` is absent"));
                    };
                    template.matches(actual, self).err().map(|why| format!("`{name}`: {why}"))
                })
            }
            _ => Some("another kind".into()),
        }
    }

    /// A value by its dotted path.
    pub fn value(&self, path: &str) -> Option<String> {
        if let Some(value) = self.bound.get(path) {
            return Some(value.clone());
        }
        if let Some(key) = path.strip_prefix("profile.") {
            return self.profile.text(key).map(str::to_owned);
        }
        if let Some(count) = path.strip_prefix("fill.") {
            return filling(count);
        }
        let (_, template) = self.scenario.vars.iter().find(|(name, _)| name == path)?;
        template.render(self).ok()
    }
}

impl Scope for Board<'_> {
    fn lookup(&self, path: &str) -> Option<String> {
        self.value(path)
    }
}

impl Item {
    fn is_for(&self, expect: &Expect) -> bool {
        // What was expected as a receipt may say as well that its message was taken.
        let takes = matches!(&expect.matching, Matching::Stanza(pattern) if pattern.is_taking());
        (!self.consumed || takes) && self.kind == expect.kind && self.at == expect.at
    }
}

impl Item {
    fn has_fields(&self) -> bool {
        matches!(self.body, Body::Fields(_))
    }
}

impl Body {
    fn has(&self, field: &(&'static str, String)) -> bool {
        matches!(self, Self::Fields(fields) if fields.contains(field))
    }

    fn values(&self) -> Vec<(String, String)> {
        match self {
            Self::Stanza(node) => {
                let attrs = node.attrs.iter();
                attrs.map(|(name, value)| (name.to_string(), value.to_string())).collect()
            }
            Self::Fields(fields) => {
                fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
            }
        }
    }

    fn unexpected(&self) -> Diff {
        match self {
            Self::Stanza(node) => crate::scenario::diff::unexpected(node),
            Self::Fields(seen) => fields::unexpected(seen),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Stanza(node) => crate::wire::xml::print(&timeless(node)),
            Self::Fields(fields) => {
                let shown = fields.iter().map(|(name, value)| format!("{name}: {value}"));
                format!("{{{}}}", shown.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The stanza without the moments in it, so that one seed gives one report.
fn timeless(node: &Node) -> Node {
    let mut node = node.clone();
    for (name, value) in &mut node.attrs {
        if *name == "t" {
            *value = "(time)".into();
        }
    }
    if let Content::Children(children) = &mut node.content {
        for child in children {
            *child = timeless(child);
        }
    }
    node
}

/// Where an entry is observed, if it is an observation at all.
fn observation(entry: &Entry) -> Option<(String, Kind, Body)> {
    let meta = |kind, fields| Some(("meta".to_owned(), kind, Body::Fields(fields)));
    let actor = || entry.actor.clone();
    match &entry.event {
        Event::Stanza { direction: Direction::Received, bytes, .. } => {
            let node = binary::decode(&bytes.bytes()?).ok()?.node;
            Some(("meta".into(), Kind::Stanza, Body::Stanza(node)))
        }
        Event::Login { facts } => meta(Kind::Login, login_fields(facts)),
        Event::Closed { by_iut: true, .. } => meta(Kind::Closed, vec![]),
        Event::Settled { fault, pattern, message, end } => {
            let mut fields = vec![("end", end.clone())];
            fields.extend(fault.clone().map(|fault| ("fault", fault)));
            fields.extend(pattern.clone().map(|pattern| ("pattern", pattern)));
            fields.extend(message.map(|message| ("message", message.to_string())));
            meta(Kind::Channel, fields)
        }
        Event::Enlistment { method, path, form, outcome, .. } => {
            let argument = |name: &str| {
                form.arguments.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            };
            let subject = form.token.as_ref().and_then(|token| token.claims.get("sub"));
            let mut fields = vec![
                ("method", method.clone()),
                ("path", path.clone()),
                ("content_type", form.content_type.clone().unwrap_or_default()),
                ("outcome", outcome.clone()),
                ("well_formed", form.faults.is_empty().to_string()),
            ];
            fields.extend(argument("authkey").map(|value| ("authkey", value)));
            fields.extend(argument("e_regid").map(|value| ("registration_id", value)));
            fields.extend(form.version.clone().map(|version| ("version", version)));
            let subject = subject.and_then(Value::as_str);
            fields.extend(subject.map(|subject| ("visible_id", subject.to_owned())));
            meta(Kind::Enlistment, fields)
        }
        Event::Published { signed_id, rotated, one_time, repeated, stock } => {
            let fields = vec![
                ("signed_id", signed_id.to_string()),
                ("rotated", rotated.to_string()),
                ("one_time", one_time.to_string()),
                ("repeated", repeated.to_string()),
                ("stock", stock.to_string()),
            ];
            meta(Kind::Published, fields)
        }
        Event::Responded { label, status, headers, body } => {
            let mut fields = vec![("status", status.to_string())];
            fields.extend(label.clone().map(|label| ("of", label)));
            let body = body.bytes().unwrap_or_default();
            fields.push(("body", String::from_utf8_lossy(&body).into_owned()));
            fields.extend(published::header_fields(headers));
            meta(Kind::Response, fields)
        }
        Event::Looked { label, probe, seen, .. } => {
            let mut fields = vec![("status", looked_status(probe, seen))];
            fields.extend(label.clone().map(|label| ("of", label)));
            meta(Kind::Response, fields)
        }
        Event::StrayRequest { method, path, .. } => {
            meta(Kind::Fetched, vec![("method", method.clone()), ("path", path.clone())])
        }
        Event::FileAsked { method, path, status, .. } => {
            let asked = vec![("method", method.clone()), ("path", path.clone())];
            let status = ("status", status.to_string());
            meta(Kind::Fetched, asked.into_iter().chain([status]).collect())
        }
        Event::StubAsked { stub, method, path } => {
            let of = [("of", stub), ("method", method), ("path", path)];
            meta(Kind::Stubbed, of.map(|(name, value)| (name, value.clone())).to_vec())
        }
        Event::FileSeen { .. } => {
            Some((actor()?, Kind::Media, Body::Fields(media::seen(&entry.event))))
        }
        Event::Downloaded { id, from, facts } => {
            let fields = media::downloaded(id, from, facts);
            Some((actor()?, Kind::Downloaded, Body::Fields(fields)))
        }
        Event::Decrypted { id, from, content, enc } => {
            let (kind, fields) = decrypted::observed(id, from, content, enc);
            Some((actor()?, kind, Body::Fields(fields)))
        }
        Event::Typing { from, on } => {
            let fields = vec![("from", person(from)), ("on", on.to_string())];
            Some((actor()?, Kind::Typing, Body::Fields(fields)))
        }
        Event::Asked { what, about } => {
            let mut fields = vec![("what", what.clone())];
            fields.extend(about.clone().map(|about| ("about", about)));
            meta(Kind::Asked, fields)
        }
        Event::Answered { operation, outcome } => {
            Some((actor()?, Kind::Answer, Body::Fields(answer(operation, outcome))))
        }
        Event::Undecryptable { id, from, reason, .. } => {
            let fields =
                vec![("id", id.clone()), ("from", from.clone()), ("reason", reason.clone())];
            Some((actor()?, Kind::Undecryptable, Body::Fields(fields)))
        }
        Event::Notified { name, params } => notified(actor()?, name, params),
        _ => None,
    }
}

/// The status of the first answer to a probe, or why there is none.
fn looked_status(probe: &str, seen: &[Look]) -> String {
    if let Some(answer) = seen.iter().find_map(|look| look.answer.as_ref()) {
        return answer.status.to_string();
    }
    match seen.iter().find_map(|look| look.failed.as_ref()) {
        Some(why) => format!("no answer ({why})"),
        None => format!("none is read of the probe {probe}"),
    }
}

/// Who is shown to a user: a person, whichever of the devices it was.
pub(super) fn person(jid: &str) -> String {
    jid.parse::<Jid>().map_or_else(|_| jid.to_owned(), |jid| jid.bare().to_string())
}

fn login_fields(facts: &LoginFacts) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("accepted", facts.refused.is_none().to_string()),
        ("static", facts.static_key.clone()),
    ];
    fields.extend(facts.product.clone().map(|product| ("product", product)));
    let user = facts.account_id.or(facts.username);
    fields.extend(user.map(|digits| ("user", digits.to_string())));
    fields.extend(facts.account_id.map(|id| ("account_id", id.to_string())));
    fields.extend(facts.username.map(|name| ("username", name.to_string())));
    fields.extend(facts.device.map(|device| ("device", device.to_string())));
    fields.extend(facts.passive.map(|passive| ("passive", passive.to_string())));
    fields.extend(facts.token.as_ref().map(|_| ("token", "present".to_owned())));
    fields.extend(facts.version.clone().map(|version| ("version", version)));
    let kid = facts.token.as_ref().and_then(|token| token.header.get("kid")?.as_str());
    fields.extend(kid.map(|kid| ("kid", kid.to_owned())));
    fields
}

/// What told the user that something failed, in whichever way.
fn failure(entry: &Entry) -> Option<(String, Kind, Body)> {
    let of = match &entry.event {
        Event::Answered { operation, outcome: Err(_) } => operation.as_str(),
        Event::Notified { name, .. } if name == "error_shown" => name,
        Event::Notified { name, params } if name == "receipt" => {
            params.get("state").filter(|state| *state == "failed").map(|_| name.as_str())?
        }
        _ => return None,
    };
    let fields = vec![("of", of.to_owned())];
    Some((entry.actor.clone()?, Kind::Failure, Body::Fields(fields)))
}

/// What an operation came to; lists of a result become texts.
fn answer(operation: &str, outcome: &Result<Value, String>) -> Vec<(&'static str, String)> {
    let word = if outcome.is_ok() { "ok" } else { "error" };
    let mut fields = vec![("of", operation.to_owned()), ("outcome", word.to_owned())];
    let Ok(result) = outcome else { return fields };
    let joined = |items: &[Value], at: &str, by: &str| {
        let texts = items.iter().filter_map(|item| item.pointer(at)?.as_str());
        texts.collect::<Vec<_>>().join(by)
    };
    if let Some(code) = result.get("fingerprint").and_then(Value::as_str) {
        fields.push(("fingerprint", code.to_owned()));
    }
    if let Some(list) = result.get("list").and_then(Value::as_array) {
        fields.push(("list", joined(list, "", " ")));
    }
    if let Some(items) = result.get("items").and_then(Value::as_array) {
        fields.push(("ids", joined(items, "/id", " ")));
        fields.push(("texts", joined(items, "/content/text", " | ")));
    }
    fields
}

fn notified(actor: String, name: &str, params: &Value) -> Option<(String, Kind, Body)> {
    let text = |pointer: &str| match params.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    };
    let pick = |wanted: &[(&'static str, &str)]| {
        let found = wanted.iter().filter_map(|(field, at)| Some((*field, text(at)?)));
        Body::Fields(found.collect())
    };
    let (kind, body) = match name {
        "message" => {
            let fields = [
                ("id", "/id"),
                ("from", "/from"),
                ("text", "/content/text"),
                ("secure", "/secure"),
                ("reply_to", "/content/reply_to"),
            ];
            (Kind::Shown, pick(&fields))
        }
        "receipt" => (Kind::Receipt, pick(&[("id", "/id"), ("state", "/state")])),
        "connection" => (Kind::Connection, pick(&[("state", "/state")])),
        "reaction" => {
            let fields = [("from", "/from"), ("id", "/id"), ("emoji", "/emoji")];
            (Kind::Reaction, pick(&fields))
        }
        "typing" => (Kind::Typing, pick(&[("from", "/from"), ("on", "/on")])),
        "notice" => (Kind::Notice, pick(&[("text", "/text")])),
        "woken" => (Kind::Woken, pick(&[])),
        "identity_changed" => (Kind::IdentityChanged, pick(&[("from", "/from")])),
        "error_shown" => (Kind::ErrorShown, pick(&[("class", "/class")])),
        _ => return None,
    };
    Some((actor, kind, body))
}
