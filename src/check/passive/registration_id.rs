//! ENL-009: the registration id is one of the Signal Protocol's, and that of the installation.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::key_upload::upload;
use super::{Check, Observed, View};
use crate::evidence::{Entry, Event, Lane};
use crate::stanza::prekeys::Upload;
use crate::wire::Jid;

pub struct RegistrationId;

/// libsignal draws 14 bits that are not all zero.
const LARGEST: u32 = 0x3FFF;

impl Check for RegistrationId {
    fn id(&self) -> &'static str {
        "registration-id"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENL-009"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let mut first: BTreeMap<(Lane, Option<String>), u32> = BTreeMap::new();
        let mut users: BTreeMap<(Lane, String), u32> = BTreeMap::new();
        let mut out = Vec::new();
        for entry in view.entries() {
            if is_deletion(entry) {
                // Who had all deleted begins anew, with other keys or with the same.
                first.remove(&(entry.lane, entry.actor.clone()));
            }
            if let (Event::Enlistment { login: Some(login), .. }, Some(id)) =
                (&entry.event, enlisted(entry))
            {
                users.insert((entry.lane, user(login)), id);
            }
            if let Event::Decrypted { from, enc, .. } = &entry.event
                && let Some(named) = enc.header.pointer("/first/registration_id")
                && let Some(known) = users.get(&(entry.lane, user(from)))
            {
                let expected = "the registration id of the enlistment, in a first message too";
                let right = named.as_u64() == Some(u64::from(*known));
                let actual = if right { "the same" } else { "another one" };
                out.push(Observed::new("ENL-009", right, expected, actual, entry));
            }
            let Some(id) = enlisted(entry).or_else(|| uploaded(entry)) else { continue };
            let in_range = (1..=LARGEST).contains(&id);
            let actual = if in_range { "it is one".to_owned() } else { format!("it is {id}") };
            let expected = format!("a number from 1 to {LARGEST}");
            out.push(Observed::new("ENL-009", in_range, expected, actual, entry));
            let known = *first.entry((entry.lane, entry.actor.clone())).or_insert(id);
            let actual = if known == id { "the same" } else { "another one" };
            let expected = "the registration id of the first enlistment";
            out.push(Observed::new("ENL-009", known == id, expected, actual, entry));
        }
        out
    }
}

/// The user of an address, whatever the device.
fn user(jid: &str) -> String {
    jid.parse::<Jid>().map_or_else(|_| jid.to_owned(), |jid| jid.user.to_string())
}

fn is_deletion(entry: &Entry) -> bool {
    matches!(&entry.event, Event::Asked { what, .. } if what == "deletion")
}

fn enlisted(entry: &Entry) -> Option<u32> {
    let Event::Enlistment { form, .. } = &entry.event else { return None };
    let (_, value) = form.arguments.iter().find(|(name, _)| name == "e_regid")?;
    let bytes: [u8; 4] = URL_SAFE_NO_PAD.decode(value).ok()?.try_into().ok()?;
    Some(u32::from_be_bytes(bytes))
}

fn uploaded(entry: &Entry) -> Option<u32> {
    let upload = Upload::from_iq(&upload(entry)?, None).ok()?;
    Some(upload.registration_id)
}
