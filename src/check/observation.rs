//! What an entry of the log shows, and where: the observations that expectations are compared with.
//!
//! Main function: [`observation`]. What a user or an operation says of a failure is one of its own
//! ([`failure`]), whichever way it was said.

use serde_json::Value;

use super::{decrypted, fields, media, published};
use crate::diff::Diff;
use crate::evidence::{Direction, Entry, Event, LoginFacts, Look};
use crate::scenario::Kind;
use crate::wire::{Content, Jid, Node, binary};

/// What was seen: a stanza, or named values.
pub(super) enum Body {
    Stanza(Node),
    Fields(Vec<(&'static str, String)>),
}

impl Body {
    pub fn has(&self, field: &(&'static str, String)) -> bool {
        matches!(self, Self::Fields(fields) if fields.contains(field))
    }

    pub fn values(&self) -> Vec<(String, String)> {
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

    pub fn unexpected(&self) -> Diff {
        match self {
            Self::Stanza(node) => crate::scenario::diff::unexpected(node),
            Self::Fields(seen) => fields::unexpected(seen),
        }
    }

    pub fn show(&self) -> String {
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
pub(super) fn observation(entry: &Entry) -> Option<(String, Kind, Body)> {
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
pub(super) fn failure(entry: &Entry) -> Option<(String, Kind, Body)> {
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
