//! Forms in which open clients contradict each other (`wire.md` §10.1): all are right, each is named.
//!
//! Main table: [`FORMS`]. Forms of the encoding are named by `stanza_codec`; here are those of what
//! stanzas, paddings and requests say. Nothing here ever fails.

use super::{Check, Observed, View};
use crate::evidence::{Direction, Entry, Event};
use crate::stanza::prekeys::has_type_byte;
use crate::wire::{Node, Variant, binary};

/// A form with the row that it is legal under, and what it is in words.
pub struct Form {
    pub name: &'static str,
    pub row: &'static str,
    pub what: &'static str,
}

const fn form(name: &'static str, row: &'static str, what: &'static str) -> Form {
    Form { name, row, what }
}

/// Every such form.
pub const FORMS: &[Form] = &[
    form(
        "retry-keys-with-type-byte",
        "RCP-008",
        "keys of a retry receipt as 33 bytes, with their type",
    ),
    form("retry-for-no-known-reason", "RCP-008", "a retry receipt whose reason is 0"),
    form("ping-with-child", "STZ-010", "a ping with a `<ping/>` inside"),
    form("ack-with-type", "STZ-019", "the type of a message in its ack"),
    form("ack-with-from", "STZ-019", "the own address in an ack"),
    form("phash", "STZ-003", "a hash of the recipient's devices beside a message"),
    form("phash-url-safe", "STZ-003", "the same in the alphabet of URLs"),
    form("phash-of-other-length", "STZ-003", "the same with more or less than 8 characters"),
    form("padding-of-16", "MSG-020", "16 bytes of padding, where others write 15 at most"),
    form("media-query", "MED-018", "hash and kind of a file in the query of its URL"),
    form("media-query-with-token", "MED-018", "a token in the query of a file's URL"),
];

/// Every form that a report may name, those of the encoding among them: name, row, and what it is.
pub fn forms() -> Vec<(String, &'static str, &'static str)> {
    let of_bytes = Variant::ALL.into_iter().map(|one| (one.to_string(), "STZ-003", one.what()));
    of_bytes.chain(FORMS.iter().map(|form| (form.name.to_owned(), form.row, form.what))).collect()
}

pub struct Forms;

impl Check for Forms {
    fn id(&self) -> &'static str {
        crate::verdict::FORMS
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["RCP-008", "STZ-010", "STZ-019", "STZ-003", "MSG-020", "MED-018"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let ping = view.profile.text("ping.client_xmlns").unwrap_or_default();
        view.entries()
            .flat_map(|entry| {
                let names = seen(entry, ping).into_iter();
                names.filter_map(|name| observed(name, entry)).collect::<Vec<_>>()
            })
            .collect()
    }
}

fn observed(name: &str, entry: &Entry) -> Option<Observed> {
    let form = FORMS.iter().find(|form| form.name == name)?;
    let expected = format!("any legal form: {}", form.what);
    Some(Observed::new(form.row, true, expected, format!("it writes {name}"), entry))
}

fn seen(entry: &Entry, ping: &str) -> Vec<&'static str> {
    match &entry.event {
        Event::Stanza { direction: Direction::Received, bytes, .. } => {
            let node = bytes.bytes().and_then(|bytes| binary::decode(&bytes).ok());
            node.map_or_else(Vec::new, |captured| of_stanza(&captured.node, ping))
        }
        Event::Decrypted { enc, .. } => {
            let plain = enc.plaintext.as_ref().and_then(crate::evidence::Payload::bytes);
            let longest = plain.is_some_and(|plain| plain.last() == Some(&16));
            longest.then_some("padding-of-16").into_iter().collect()
        }
        Event::FileAsked { query, .. } => of_query(query),
        _ => Vec::new(),
    }
}

fn of_stanza(node: &Node, ping: &str) -> Vec<&'static str> {
    let is = |name: &str, value: &str| node.text(name).as_deref() == Some(value);
    let has = |name: &str| node.text(name).is_some();
    let mut names = Vec::new();
    let mut name = |shown: bool, name: &'static str| names.extend(shown.then_some(name));
    match node.tag.as_str() {
        "receipt" if is("type", "retry") => {
            let retry = node.find("retry").and_then(|retry| retry.text("error"));
            name(node.find("keys").is_some_and(has_type_byte), "retry-keys-with-type-byte");
            name(retry.as_deref() == Some("0"), "retry-for-no-known-reason");
        }
        "iq" if is("xmlns", ping) && is("type", "get") => {
            name(node.find("ping").is_some(), "ping-with-child");
        }
        "ack" if is("class", "message") => {
            name(has("type"), "ack-with-type");
            name(has("from"), "ack-with-from");
        }
        "message" => {
            if let Some(phash) = node.text("phash") {
                let hash = phash.strip_prefix("2:").unwrap_or(&phash);
                name(true, "phash");
                name(hash.contains(['-', '_']), "phash-url-safe");
                name(hash.len() != 8, "phash-of-other-length");
            }
        }
        _ => {}
    }
    names
}

fn of_query(query: &[String]) -> Vec<&'static str> {
    let has = |name: &str| query.iter().any(|known| known == name);
    let shown = [("media-query", has("mms-type")), ("media-query-with-token", has("token"))];
    shown.into_iter().filter(|(_, shown)| *shown).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::tests::Tape;
    use super::*;
    use crate::spec::Catalogue;

    #[test]
    fn forms_that_clients_contradict_each_other_in_are_right_and_named() {
        let mut tape = Tape::default();
        for stanza in [
            "<receipt type='retry'><retry error='0'/></receipt>",
            "<iq type='get' xmlns='w:p'><ping/></iq>",
            "<iq type='get' xmlns='w:p'/>",
            "<ack class='message' type='text' from='1@s.whatsapp.net'/>",
            "<ack class='receipt' type='read'/>",
            "<message phash='2:kgVuVtZv'/>",
            "<message phash='2:kgVu-tZ_v'/>",
        ] {
            tape.received(stanza);
        }
        let query = ["hash", "mms-type"].map(str::to_owned).to_vec();
        let (method, path) = ("GET".to_owned(), "/v/t1".to_owned());
        tape.add(Event::FileAsked { method, path, status: 200, query });
        let observed = tape.examined_by(&Forms);
        assert!(observed.iter().all(|observed| observed.grade == Grade::Right));
        let names: Vec<&str> =
            observed.iter().filter_map(|o| o.actual.strip_prefix("it writes ")).collect();
        insta::assert_snapshot!(names.join(", "), @"retry-for-no-known-reason, ping-with-child, ack-with-type, ack-with-from, phash, phash, phash-url-safe, phash-of-other-length, media-query");
    }

    #[test]
    fn every_form_is_legal_under_a_row() {
        for form in FORMS {
            assert!(Catalogue::builtin().get(form.row).is_some(), "{}", form.name);
            assert!(Forms.requirements().contains(&form.row), "{}", form.name);
        }
    }
}
