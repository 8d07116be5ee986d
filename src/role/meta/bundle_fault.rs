//! What is odd about the keys of a bundle that the service hands out (PRE-006, PRE-013).

use wacore_libsignal::core::curve::{KeyPair, PrivateKey};

use super::Meta;
use crate::e2ee::{BASE_POINT_PRIVATE, add_orders};
use crate::evidence::{Event, Lane, Stream};
use crate::scenario::BundleFault;
use crate::stanza::prekeys::{SignedKey, UserBundle, fetched_users};
use crate::wire::{Content, Jid, Node};

/// Zero is a point of small order (RFC 7748 §6.1).
const SMALL_ORDER: [u8; 32] = [0; 32];

/// 2^255 - 10, which is 9 and no canonical form of it (RFC 7748 §5).
const NON_CANONICAL: [u8; 32] = {
    let mut bytes = [0xFF; 32];
    (bytes[0], bytes[31]) = (0xF6, 0x7F);
    bytes
};

impl Meta {
    /// The bundle of a Meta client with its oddity, as `<user>` of a fetch result.
    pub(super) fn odd_bundle(
        &mut self,
        client: &(Lane, String),
        mut bundle: UserBundle,
        fault: BundleFault,
        jid: &Jid,
    ) -> Node {
        use BundleFault as Fault;
        let signature = bundle.signed.signature.as_mut();
        match fault {
            Fault::ScalarAboveRange => signature.into_iter().for_each(|s| add_orders(s, 2)),
            Fault::ScalarUnreduced => signature.into_iter().for_each(|s| add_orders(s, 1)),
            Fault::SignedSmallOrder => self.sign_instead(client, &mut bundle, SMALL_ORDER),
            Fault::SignedNonCanonical => self.sign_instead(client, &mut bundle, NON_CANONICAL),
            Fault::OneTimeSmallOrder => put_one_time(&mut bundle, SMALL_ORDER),
            Fault::OneTimeNonCanonical => put_one_time(&mut bundle, NON_CANONICAL),
            Fault::IdentityNonCanonical => self.sign_under_the_base_point(&mut bundle),
            Fault::NoOneTime => bundle.one_time = None,
            Fault::NoKem => bundle.kem = None,
            // The end of a Kyber key is a seed, so that any bytes there are a key.
            Fault::KemOfAnother => {
                let kem = bundle.kem.as_mut().and_then(|kem| kem.value.last_mut());
                kem.into_iter().for_each(|last| *last ^= 1);
            }
            _ => {}
        }
        let mut node = bundle.to_node(jid);
        let (path, grow): (&[&str], bool) = match fault {
            Fault::IdentityShort => (&["identity"], false),
            Fault::IdentityLong => (&["identity"], true),
            Fault::SignedShort => (&["skey", "value"], false),
            Fault::SignedLong => (&["skey", "value"], true),
            Fault::OneTimeShort => (&["key", "value"], false),
            Fault::OneTimeLong => (&["key", "value"], true),
            Fault::SignatureLong => (&["skey", "signature"], true),
            _ => return node,
        };
        resize(&mut node, path, grow);
        node
    }

    /// Puts another signed prekey into the bundle, and the signature that its owner would give it.
    fn sign_instead(&mut self, client: &(Lane, String), bundle: &mut UserBundle, key: [u8; 32]) {
        let mut message = [0x05; 33];
        message[1..].copy_from_slice(&key);
        bundle.signed.value = key;
        bundle.signed.signature = self.clients.get_mut(client).map(|client| client.sign(&message));
    }
}

impl Meta {
    /// Puts the base point, as no canonical coordinate, in place of the identity key.
    fn sign_under_the_base_point(&mut self, bundle: &mut UserBundle) {
        let mut message = [0x05; 33];
        message[1..].copy_from_slice(&bundle.signed.value);
        let key = PrivateKey::deserialize(&BASE_POINT_PRIVATE).ok();
        let signature = key.and_then(|key| key.calculate_signature(&message, &mut self.rng).ok());
        bundle.identity = NON_CANONICAL;
        bundle.signed.signature = signature.map(|signature| signature.to_vec());
    }
}

impl Meta {
    /// What another user answers in the server's place to somebody who asks for a user's keys, where
    /// a step wants it: keys that are sound, and his own.
    pub(super) fn answer_of_another(&mut self, request: &Node) -> Option<Node> {
        let wanted = self.faults.bundle == Some(BundleFault::AnswerOfAnother);
        let asked = request.find("key").filter(|_| wanted)?;
        let jid: Jid = fetched_users(asked).first()?.to_string().parse().ok()?;
        let bundle = self.bundle_of_nobody();
        let what = format!("somebody else answers first, with keys of his own for {jid}");
        self.record(Stream::sightings(), None, Event::Deviated { what });
        let mallory = Jid { user: format!("{}0", jid.user).into(), ..jid.clone() };
        let id = request.text("id").map(|id| id.into_owned());
        let answer = Node::new("iq").attr("from", mallory).maybe_attr("id", id);
        let list = Node::new("list").child(bundle.to_node(&jid));
        Some(answer.attr("type", "result").child(list))
    }

    /// Keys that were made for this, properly signed.
    fn bundle_of_nobody(&mut self) -> UserBundle {
        let [identity, signed] = [(); 2].map(|()| KeyPair::generate(&mut self.rng));
        let value = public_of(&signed);
        let mut message = [0x05; 33];
        message[1..].copy_from_slice(&value);
        let signature = identity.private_key.calculate_signature(&message, &mut self.rng).ok();
        let signature = signature.map(|signature| signature.to_vec());
        UserBundle {
            registration_id: 1,
            identity: public_of(&identity),
            one_time: None,
            signed: SignedKey { id: 1, value, signature },
            kem: None,
        }
    }
}

fn public_of(pair: &KeyPair) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(pair.public_key.public_key_bytes());
    bytes
}

fn put_one_time(bundle: &mut UserBundle, key: [u8; 32]) {
    if let Some(one_time) = &mut bundle.one_time {
        one_time.value = key;
    }
}

/// Makes the bytes at a path one longer or one shorter.
fn resize(node: &mut Node, path: &[&str], grow: bool) {
    match (&mut node.content, path.split_first()) {
        (Content::Bytes(bytes), None) if grow => bytes.push(0),
        (Content::Bytes(bytes), None) => bytes.truncate(bytes.len().saturating_sub(1)),
        (Content::Children(kids), Some((tag, rest))) => {
            if let Some(kid) = kids.iter_mut().find(|kid| kid.tag.as_str() == *tag) {
                resize(kid, rest, grow);
            }
        }
        _ => {}
    }
}
