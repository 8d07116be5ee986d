//! ENL-017: a user has one encryption identity, that of the last enlistment.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::key_upload::upload;
use super::{Check, Observed, View};
use crate::evidence::{Entry, Event, Lane};
use crate::stanza::prekeys::Upload;

pub struct IdentityInForce;

impl Check for IdentityInForce {
    fn id(&self) -> &'static str {
        "identity-in-force"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENL-017"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let mut enlisted: BTreeMap<(Lane, Option<String>), Vec<u8>> = BTreeMap::new();
        let mut out = Vec::new();
        for entry in view.entries() {
            let user = (entry.lane, entry.actor.clone());
            if let Some(identity) = in_force(entry) {
                enlisted.insert(user, identity);
            } else if let (Some(known), Some(uploaded)) = (enlisted.get(&user), uploaded(entry)) {
                let same = *known == uploaded;
                let actual = if same { "the same" } else { "another one" };
                let expected = "the identity key of the enlistment";
                out.push(Observed::new("ENL-017", same, expected, actual, entry));
            }
        }
        out
    }
}

/// The identity that an enlistment puts in force.
fn in_force(entry: &Entry) -> Option<Vec<u8>> {
    let Event::Enlistment { form, outcome, .. } = &entry.event else { return None };
    let (_, value) = form.arguments.iter().find(|(name, _)| name == "e_ident")?;
    URL_SAFE_NO_PAD.decode(value).ok().filter(|_| outcome == "ok")
}

fn uploaded(entry: &Entry) -> Option<Vec<u8>> {
    let upload = Upload::from_iq(&upload(entry)?, None).ok()?;
    Some(upload.identity.to_vec())
}
