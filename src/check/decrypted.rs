//! What a Meta client decrypted, as fields of an observation.
//!
//! Main function: [`observed`]. It reads the recorded plaintext again, so that a judge needs nobody's
//! word for what a content was; where none was recorded, the content is a text.

use super::observation::person;
use crate::e2ee::content::{self, Content};
use crate::e2ee::padding;
use crate::evidence::EncFacts;
use crate::scenario::Kind;

/// Kind and fields: a reaction is seen as such, anything else as content.
pub(super) fn observed(
    id: &str,
    from: &str,
    text: &str,
    enc: &EncFacts,
) -> (Kind, Vec<(&'static str, String)>) {
    let from = ("from", from.to_owned());
    let mut fields = vec![("id", id.to_owned()), from.clone(), ("type", enc.kind.clone())];
    fields.extend(header(enc));
    match read(enc) {
        Some(Content::Reaction { of, emoji }) => {
            let own = ("own", of.from_me.to_string());
            let from = ("from", person(from.1.as_str()));
            (Kind::Reaction, vec![from, ("id", of.id), ("emoji", emoji), own])
        }
        Some(Content::Text { text, reply }) => {
            fields.extend([("text", text), ("kind", "text".to_owned())]);
            if let Some(quote) = reply {
                fields.push(("reply_to", quote.id));
                fields.extend(quote.author.map(|author| ("author", author)));
                fields.extend(quote.text.map(|text| ("quote", text)));
            }
            (Kind::Decrypted, fields)
        }
        Some(Content::Media(media)) => {
            let kind = media.kind.map_or("media", |kind| kind.word());
            fields.push(("kind", kind.to_owned()));
            fields.extend(media.caption.map(|caption| ("text", caption)));
            (Kind::Decrypted, fields)
        }
        Some(other) => {
            fields.push(("kind", word(&other).to_owned()));
            (Kind::Decrypted, fields)
        }
        None => {
            fields.extend([("text", text.to_owned()), ("kind", "text".to_owned())]);
            (Kind::Decrypted, fields)
        }
    }
}

/// What anybody can read of the ratchet (`wire.md` §5.2), and which session it was.
fn header(enc: &EncFacts) -> Vec<(&'static str, String)> {
    let said = |name: &str| match enc.header.get(name)? {
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let fields = ["ratchet_key", "counter", "previous_counter"];
    let fields = fields.into_iter().filter_map(|name| Some((name, said(name)?)));
    fields.chain(enc.session.clone().map(|session| ("session", session))).collect()
}

fn read(enc: &EncFacts) -> Option<Content> {
    let padded = enc.plaintext.as_ref()?.bytes()?;
    content::read(padding::strip(&padded).ok()?).ok()
}

fn word(content: &Content) -> &'static str {
    match content {
        Content::Text { .. } => "text",
        Content::Reaction { .. } => "reaction",
        Content::Revoke(_) => "revoke",
        Content::OwnDevices => "own-devices",
        Content::Media(_) => "media",
        Content::Unknown => "unknown",
    }
}
