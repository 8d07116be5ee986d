//! Files in both directions, as fields of an observation.

use crate::evidence::{Event, MediaFacts};

/// What the user of the implementation has of a file.
pub(super) fn seen(event: &Event) -> Vec<(&'static str, String)> {
    let Event::FileSeen { id, state, file, name, kind, caption } = event else { return Vec::new() };
    let mut fields = vec![("id", id.clone()), ("state", state.clone()), ("file", file.clone())];
    fields.extend(name.clone().map(|name| ("name", name)));
    fields.extend(kind.clone().map(|kind| ("kind", kind)));
    fields.extend(caption.clone().map(|caption| ("caption", caption)));
    fields
}

/// What a Meta client made of a third party's file.
pub(super) fn downloaded(id: &str, from: &str, facts: &MediaFacts) -> Vec<(&'static str, String)> {
    let facts = facts.clone();
    let mut fields = vec![("id", id.to_owned()), ("from", from.to_owned())];
    fields.extend([("state", facts.state), ("kind", facts.kind), ("path", facts.path)]);
    let further = [
        ("reference", facts.reference),
        ("status", facts.status.map(|status| status.to_string())),
        ("mimetype", facts.mimetype),
        ("caption", facts.caption),
        ("name", facts.file_name),
        ("bytes", facts.len.map(|len| len.to_string())),
        ("sidecar", facts.sidecar),
    ];
    fields.extend(further.into_iter().filter_map(|(name, value)| Some((name, value?))));
    fields
}
