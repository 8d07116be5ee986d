//! What a client uploads to the prekey service (TF Part 3; `wire.md` §4.4).

use super::{Check, Observed, View};
use crate::e2ee::KemPrekey;
use crate::evidence::{Direction, Entry, Event};
use crate::stanza::prekeys::{Upload, XMLNS};
use crate::wire::{Node, binary};

/// The profile value that says where KEM prekeys stand; null where there are none.
const KEM_ELEMENT: &str = "prekeys.kem_element";

pub struct KeyUpload;

impl Check for KeyUpload {
    fn id(&self) -> &'static str {
        "key-upload"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["PRE-001", "PRE-002", "NOI-014", "ENC-021"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let entries = view.transcript.entries();
        let kem_element = view.profile.text(KEM_ELEMENT);
        let uploads = entries.iter().filter_map(|entry| Some((entry, upload(entry)?)));
        uploads.flat_map(|(entry, node)| examine(entry, &node, kem_element, entries)).collect()
    }
}

/// The upload of keys that an entry shows.
pub(super) fn upload(entry: &Entry) -> Option<Node> {
    let Event::Stanza { direction: Direction::Received, bytes, .. } = &entry.event else {
        return None;
    };
    let node = binary::decode(&bytes.bytes()?).ok()?.node;
    let is_upload = node.tag == "iq"
        && node.text("xmlns").as_deref() == Some(XMLNS)
        && node.text("type").as_deref() == Some("set")
        && node.find("identity").is_some();
    is_upload.then_some(node)
}

fn examine(
    entry: &Entry,
    node: &Node,
    kem_element: Option<&str>,
    entries: &[Entry],
) -> Vec<Observed> {
    let sizes = "ids of 3 bytes, registration id of 4, keys of 32, signature of 64";
    let upload = match Upload::from_iq(node, kem_element) {
        Ok(upload) => upload,
        Err(error) => {
            return vec![Observed::new("PRE-002", false, sizes, error.to_string(), entry)];
        }
    };
    let signature = upload.signed.signature.as_ref().map_or(0, Vec::len);
    let actual = format!("{} one-time prekeys, signature of {signature}", upload.one_time.len());
    let mut out = vec![
        Observed::new("PRE-002", signature == 64, sizes, actual.clone(), entry),
        Observed::new("PRE-001", true, "identity, signed prekey and prekeys", actual, entry),
    ];
    out.extend(kem_element.map(|element| kem_prekey(entry, &upload, element)));
    let statics = entries.iter().filter_map(|other| match &other.event {
        Event::Login { facts } if other.actor == entry.actor && other.lane == entry.lane => {
            Some(facts.static_key.clone())
        }
        _ => None,
    });
    for key in statics {
        let others = [upload.identity, upload.signed.value];
        let mut others = others.iter().chain(upload.one_time.iter().map(|key| &key.value));
        let reused = others.any(|other| hex::encode(other) == key);
        let expected = "the Noise key is none of the Signal keys";
        let actual = if reused { "it is one of them" } else { "it is none of them" };
        out.push(Observed::new("NOI-014", !reused, expected, actual, entry));
    }
    out
}

/// ENC-021: where the profile has KEM prekeys, one is published and signed (PQX §3.2).
fn kem_prekey(entry: &Entry, upload: &Upload, element: &str) -> Observed {
    let (right, actual) = match &upload.kem {
        None => (false, "none".to_owned()),
        Some(kem) => {
            let (value, signature) = (kem.value.clone(), kem.signature.clone());
            let key = KemPrekey { id: kem.id, value, signature: signature.unwrap_or_default() };
            let signed = key.is_signed_by(&upload.identity);
            let word = if signed { "signed" } else { "not signed" };
            (signed, format!("one of {} bytes, {word} by it", key.value.len()))
        }
    };
    let expected = format!("a KEM prekey in <{element}>, signed by the identity key");
    Observed::new("ENC-021", right, expected, actual, entry).resting_on(KEM_ELEMENT)
}
