//! ENC-004: the MAC covers both identity keys, the sender's first, in replies as well.
//!
//! Recomputed from the receiver's session as it was before, whatever the receiver itself made of the
//! message; a first message is judged by its derivation, which covers the order too.

use super::{Check, Observed, View};
use crate::e2ee::{Derivation, SessionSnapshot, diagnose_reply};
use crate::evidence::{EncFacts, Entry, Event};

pub struct IdentityBinding;

impl Check for IdentityBinding {
    fn id(&self) -> &'static str {
        "identity-binding"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["ENC-004"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        view.entries().filter_map(|entry| examine(entry, view)).collect()
    }
}

fn examine(entry: &Entry, view: &View<'_>) -> Option<Observed> {
    let enc = match &entry.event {
        Event::Decrypted { enc, .. } | Event::Undecryptable { enc, .. } => enc,
        _ => return None,
    };
    let before: SessionSnapshot = serde_json::from_value(enc.before.clone()?).ok()?;
    let initiated = began(entry, &before.view.base_key, view);
    let found = diagnose_reply(&before, initiated, &enc.bytes.bytes()?)?;
    let expected = "a MAC over both identity keys, the sender's first";
    let sound = found == Derivation::Sound;
    let actual = if sound { "it covers them".to_owned() } else { found.to_string() };
    let observed = Observed::new("ENC-004", sound, expected, actual, entry);
    Some(observed.resting_on("signal.mac_order"))
}

/// Whether the Meta client began this session: its own first messages name the base key.
fn began(entry: &Entry, base_key: &str, view: &View<'_>) -> bool {
    let names = |enc: &EncFacts| {
        enc.header.pointer("/first/base_key").and_then(|key| key.as_str()) == Some(base_key)
    };
    let same = |other: &&Entry| other.lane == entry.lane && other.actor == entry.actor;
    view.entries().filter(same).any(|other| match &other.event {
        Event::Encrypted { enc, .. } => names(enc),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Grade;
    use super::super::tests::Tape;
    use super::*;
    use crate::e2ee::{Address, Bundle, Ciphertext, EncType, Party, SignatureCheck, TextbookParty};
    use crate::evidence::Payload;
    use crate::seed::Seed;

    fn party(name: &str, derivation: Derivation) -> TextbookParty {
        TextbookParty::new(Seed(3).rng(&[name]), derivation, None)
    }

    /// A reply of the responder's, with the initiator's session as it was before.
    fn reply(derivation: Derivation) -> (SessionSnapshot, Ciphertext, Ciphertext) {
        let (mut one, mut other) = (party("one", derivation), party("other", derivation));
        let peer = Address::new("peer", 0);
        let bundle = Bundle {
            registration_id: other.registration_id(),
            identity: other.identity(),
            signed_prekey: other.signed_prekey(),
            one_time: None,
            kem: None,
        };
        one.process(&peer, &bundle, SignatureCheck::Always).unwrap();
        let first = one.encrypt(&peer, b"first").unwrap();
        other.decrypt(&peer, &first).unwrap();
        let reply = other.encrypt(&peer, b"reply").unwrap();
        (one.snapshot(&peer).unwrap(), first, reply)
    }

    fn enc(message: &Ciphertext, before: Option<&SessionSnapshot>) -> EncFacts {
        let header = crate::e2ee::envelope::summarise(message.kind, &message.bytes).unwrap();
        EncFacts {
            kind: message.kind.as_str().to_owned(),
            bytes: Payload::of(&message.bytes),
            header: json!(header),
            responder: None,
            plaintext: None,
            session: None,
            before: before.map(|before| json!(before)),
        }
    }

    #[test]
    fn the_order_in_a_reply_is_judged_without_anybodys_word() {
        use Derivation::{AssociatedDataByInitiator, AssociatedDataMissing, Sound};
        for derivation in [Sound, AssociatedDataByInitiator, AssociatedDataMissing] {
            let (before, first, reply) = reply(derivation);
            assert_eq!((first.kind, reply.kind), (EncType::PkMsg, EncType::Msg));
            let (id, to, text) = ("b".to_owned(), "a".to_owned(), "t".to_owned());
            let mut tape = Tape::default();
            tape.add(Event::Encrypted { id: id.clone(), to, text, enc: enc(&first, None) });
            let (from, content) = ("1-105@interop".to_owned(), "t".to_owned());
            let enc = enc(&reply, Some(&before));
            tape.add(Event::Decrypted { id, from, content, enc });
            let seen = tape.examined_by(&IdentityBinding);
            let grade = if derivation == Sound { Grade::Right } else { Grade::Broken };
            let grades: Vec<Grade> = seen.iter().map(|observed| observed.grade).collect();
            assert_eq!(grades, [grade], "{derivation:?}");
        }
    }
}
