//! What a first message says of the bundle it was made from, and which secret it was made with.

use super::{Check, Observed, View};
use crate::e2ee::{Derivation, ResponderKeys, diagnose};
use crate::evidence::{Direction, EncFacts, Entry, Event};
use crate::stanza::prekeys::{self, UserBundle};
use crate::wire::{Content, Node, binary};

pub struct BundleUse;

impl Check for BundleUse {
    fn id(&self) -> &'static str {
        "bundle-use"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENC-002", "ENC-003", "ENC-004", "ENC-018", "PRE-007", "RAT-010", "RAT-012"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        view.transcript.entries().iter().flat_map(|entry| examine(entry, view)).collect()
    }
}

fn examine(entry: &Entry, view: &View<'_>) -> Vec<Observed> {
    match &entry.event {
        Event::Decrypted { enc, .. } => {
            let mut out = about(entry, enc, view);
            let kind = enc.kind.clone();
            out.push(Observed::new("ENC-002", true, "both ends derive the same keys", kind, entry));
            out
        }
        Event::Undecryptable { enc, .. } => about(entry, enc, view),
        _ => Vec::new(),
    }
}

fn about(entry: &Entry, enc: &EncFacts, view: &View<'_>) -> Vec<Observed> {
    let version = version(entry, enc, view);
    version.into_iter().chain(prekey_ids(entry, enc, view)).chain(derivation(entry, enc)).collect()
}

/// ENC-018, as far as sending shows it: the high nibble is the version; the low one is the sender's
/// newest and is free. That older versions are refused, a right one does not show.
fn version(entry: &Entry, enc: &EncFacts, view: &View<'_>) -> Option<Observed> {
    let byte = enc.header.get("version_byte")?.as_u64()?;
    let wanted = view.profile.int("signal.version").unwrap_or(3);
    let wrong = i64::try_from(byte >> 4) != Ok(wanted);
    let expected = format!("message version {wanted} in the high nibble");
    let observed = Observed::new("ENC-018", false, expected, format!("{byte:#04x}"), entry);
    wrong.then(|| observed.resting_on("signal.version"))
}

/// PRE-007: what was served must be named, or the peer derives other keys.
fn prekey_ids(entry: &Entry, enc: &EncFacts, view: &View<'_>) -> Option<Observed> {
    if enc.kind != "pkmsg" {
        return None;
    }
    let named = |name: &str| enc.header.pointer(name).and_then(serde_json::Value::as_u64);
    let (signed, one_time) = (named("/first/signed_prekey_id"), named("/first/one_time_id"));
    let offers = offers(entry, view);
    let served: Vec<u64> = offers.iter().copied().flatten().collect();
    let without = offers.is_empty() || offers.contains(&None);
    let right = signed.is_some() && one_time.map_or(without, |id| served.contains(&id));
    let expected = format!("the signed prekey's id, and the one-time prekey's among {served:?}");
    let actual = format!("signed prekey {signed:?}, one-time prekey {one_time:?}");
    Some(Observed::new("PRE-007", right, expected, actual, entry))
}

/// The one-time prekey, or that there was none, of each bundle that the sender was given for the
/// receiving client before the message: by a fetch, or in a retry receipt.
fn offers(entry: &Entry, view: &View<'_>) -> Vec<Option<u64>> {
    let before = view.transcript.entries().iter().take_while(|other| other.id != entry.id);
    let before = || before.clone().filter(|other| other.lane == entry.lane);
    let name = entry.actor.as_ref().map(|actor| format!("{actor}.jid"));
    let receiver = before().find_map(|other| match &other.event {
        Event::Bound { name: bound, value } if Some(bound) == name.as_ref() => Some(value.as_str()),
        _ => None,
    });
    let is_receiver =
        |node: &Node, attr: &str| receiver.is_none() || node.text(attr).as_deref() == receiver;
    let stanzas = before().filter_map(|other| match &other.event {
        Event::Stanza { direction: Direction::Sent, bytes, .. } => {
            Some(binary::decode(&bytes.bytes()?).ok()?.node)
        }
        _ => None,
    });
    let mut offers = Vec::new();
    for node in stanzas {
        let users = node.find("list").map(Node::kids).unwrap_or_default();
        let users = users.iter().filter(|user| is_receiver(user, "jid"));
        offers.extend(users.filter_map(|user| one_time(user, UserBundle::from_node(user, None))));
        let retry = prekeys::of_retry(&node, None).filter(|_| is_receiver(&node, "from"));
        offers.extend(retry.and_then(|bundle| one_time(node.find("keys")?, bundle)));
    }
    offers
}

/// The id of a bundle's one-time prekey, or that there is none. A bundle whose other keys are
/// malformed on purpose offers it all the same; what came of those is PRE-013's.
fn one_time<E>(node: &Node, bundle: Result<UserBundle, E>) -> Option<Option<u64>> {
    if let Ok(bundle) = bundle {
        return Some(bundle.one_time.map(|key| u64::from(key.id)));
    }
    let id = node.find("key")?.find("id")?;
    let Content::Bytes(bytes) = &id.content else { return None };
    Some(Some(bytes.iter().fold(0, |id, byte| id << 8 | u64::from(*byte))))
}

/// ENC-003: recomputed from the responder's test keys, whatever the responder itself made of it.
fn derivation(entry: &Entry, enc: &EncFacts) -> Option<Observed> {
    let keys: ResponderKeys = serde_json::from_value(enc.responder.clone()?).ok()?;
    // Where nothing fits, the MAC itself may be the fault: that says nothing about the inputs.
    let fits = diagnose(&keys, &enc.bytes.bytes()?).fits?;
    let named = fits != Derivation::OneTimePrekeyNotNamed;
    let expected = "32 x FF, DH1 to DH3 (DH4), salt of zeros, the profile's info string";
    let sound = fits == Derivation::Sound;
    named.then(|| Observed::new(row(fits), sound, expected, fits.to_string(), entry))
}

/// The row that a derivation breaks: the KDF's inputs, the associated data, or the chains.
fn row(derivation: Derivation) -> &'static str {
    match derivation {
        Derivation::AssociatedDataSwapped | Derivation::AssociatedDataMissing => "ENC-004",
        Derivation::ChainsCrossed => "RAT-012",
        Derivation::ChainConstantsSwapped => "RAT-010",
        _ => "ENC-003",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stanza::StanzaError;
    use crate::wire::xml;

    #[test]
    fn a_bundle_with_malformed_keys_offers_its_one_time_prekey_too() {
        let malformed = || {
            Err::<UserBundle, _>(StanzaError::MissingAttribute { tag: "user".into(), name: "jid" })
        };
        let user = |kids: &str| xml::parse(&format!("<user>{kids}</user>")).unwrap();
        let whole = user("<key><id cp:b64='6cEn'/><value cp:b64='AA=='/></key>");
        assert_eq!(one_time(&whole, malformed()), Some(Some(0x00e9_c127)));
        assert_eq!(one_time(&user("<identity cp:b64='AA=='/>"), malformed()), None);
    }
}
