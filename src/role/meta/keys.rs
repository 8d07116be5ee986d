//! The prekey service (`wire.md` §4.4).

use std::collections::{BTreeSet, VecDeque};

use wacore_libsignal::core::curve::KeyPair;

use super::Meta;
use crate::evidence::{Event, Lane, Stream};
use crate::limits::PREKEYS_KEPT_MAX;
use crate::role::ConnId;
use crate::scenario::SignatureFault;
use crate::seed::Rng;
use crate::stanza::iq;
use crate::stanza::prekeys::{self, Key, SignedKey, Upload, UserBundle, fetched_users};
use crate::wire::{AttrValue, Jid, Node};
use rand::Rng as _;

impl Meta {
    /// Answers an iq of the namespace `encrypt`.
    pub(super) fn key_service(&mut self, conn: ConnId, account: usize, stanza: &Node) -> Node {
        let is_set = stanza.text("type").as_deref() == Some("set");
        if let (true, Some(rotate)) = (is_set, stanza.find("rotate")) {
            return self.rotated(account, stanza, rotate);
        }
        if is_set {
            return self.upload(account, stanza);
        }
        let ok = iq::server_result(stanza);
        if stanza.find("count").is_some() {
            let count = self.accounts[account].keys.as_ref().map_or(0, |keys| keys.one_time.len());
            return ok.child(Node::new("count").attr("value", count.to_string()));
        }
        if stanza.find("digest").is_some() {
            return self.digest(account, stanza);
        }
        match stanza.find("key") {
            Some(key) => {
                let users = fetched_users(key);
                let users: Vec<Node> = users.iter().map(|user| self.user(conn, user)).collect();
                ok.child(Node::new("list").children(users))
            }
            None => ok,
        }
    }

    fn upload(&mut self, account: usize, stanza: &Node) -> Node {
        match Upload::from_iq(stanza, self.profile.text("prekeys.kem_element")) {
            Ok(upload) => {
                let mut keys = super::account::Keys::from(upload);
                let one_time = keys.one_time.clone();
                let before = self.accounts[account].keys.as_ref().map(|old| old.signed.clone());
                // A refill adds to the stock; the rest replaces what there was.
                if let Some(old) = self.accounts[account].keys.take()
                    && old.identity == keys.identity
                {
                    let known: BTreeSet<u32> = keys.one_time.iter().map(|key| key.id).collect();
                    let kept = old.one_time.into_iter().filter(|key| !known.contains(&key.id));
                    keys.one_time = kept.chain(keys.one_time).take(PREKEYS_KEPT_MAX).collect();
                }
                let (stock, signed) = (keys.one_time.len(), keys.signed.clone());
                self.accounts[account].keys = Some(keys);
                self.published(account, before.as_ref(), &signed, one_time, stock);
                iq::server_result(stanza)
            }
            Err(_) => iq::server_error(stanza, 400, "bad-request"),
        }
    }

    /// A new signed prekey (`wire.md` §4.4); who has published nothing has nothing to replace.
    fn rotated(&mut self, account: usize, stanza: &Node, rotate: &Node) -> Node {
        let Ok(signed) = prekeys::read_rotation(rotate) else {
            return iq::server_error(stanza, 400, "bad-request");
        };
        let Some(keys) = &mut self.accounts[account].keys else {
            return iq::server_error(stanza, 404, "item-not-found");
        };
        let before = std::mem::replace(&mut keys.signed, signed.clone());
        let stock = keys.one_time.len();
        self.published(account, Some(&before), &signed, VecDeque::new(), stock);
        iq::server_result(stanza)
    }

    /// Records what a client published, as facts: only here is known what was there before.
    fn published(
        &mut self,
        account: usize,
        before: Option<&SignedKey>,
        signed: &SignedKey,
        one_time: VecDeque<Key>,
        stock: usize,
    ) {
        let published = &mut self.accounts[account].published;
        published.told &= one_time.is_empty();
        let event = Event::Published {
            signed_id: signed.id,
            rotated: before.is_some_and(|old| old.id != signed.id && old.value != signed.value),
            one_time: one_time.len(),
            repeated: published.add(&one_time),
            stock,
        };
        self.record_for(account, Stream::published(), event);
    }

    /// Hands keys to strangers until so few one-time prekeys are left.
    ///
    /// # Errors
    /// The user is unknown, or has not more than that.
    pub fn drain(&mut self, lane: Lane, to: &str, left: usize) -> Result<(), String> {
        let account = self.account_index(lane, to).ok_or(format!("{to} is unknown"))?;
        let stock = |meta: &Self| {
            meta.accounts[account].keys.as_ref().map_or(0, |keys| keys.one_time.len())
        };
        if stock(self) <= left {
            return Err(format!("{to} has {} one-time prekeys at the server", stock(self)));
        }
        while stock(self) > left {
            let _ = self.take_bundle(account);
        }
        Ok(())
    }

    /// Tells a client once that its stock is low, until it uploads (`wire.md` §4.4).
    fn tell_of_low_stock(&mut self, account: usize, left: usize) {
        let low = self.profile.int("prekeys.low_stock").unwrap_or_default();
        let published = &mut self.accounts[account].published;
        if published.told || !published.any() || left >= usize::try_from(low).unwrap_or_default() {
            return;
        }
        published.told = true;
        published.notices += 1;
        let id = format!("low-stock-{}", published.notices);
        let notice = prekeys::low_stock(&id, self.now.secs(), left);
        self.deliver(account, notice);
    }

    /// What the service holds, so that a client sees whether it must upload again.
    fn digest(&self, account: usize, stanza: &Node) -> Node {
        let Some(keys) = &self.accounts[account].keys else {
            return iq::server_error(stanza, 404, "item-not-found");
        };
        let id = |id: u32| Node::new("id").bytes(&id.to_be_bytes()[1..]);
        let signed = UserBundle {
            registration_id: keys.registration_id,
            identity: keys.identity,
            one_time: None,
            signed: keys.signed.clone(),
            kem: keys.kem.clone(),
        };
        let digest = signed.to_node(&Jid::server());
        let list = Node::new("list").children(keys.one_time.iter().map(|key| id(key.id)));
        let digest = Node::new("digest").children(digest.kids().to_vec()).child(list);
        iq::server_result(stanza).child(digest)
    }

    fn user(&mut self, _conn: ConnId, user: &AttrValue) -> Node {
        let text = user.to_string();
        let Ok(jid) = text.parse::<Jid>() else {
            return failed(user, 400, "bad-request");
        };
        if let Some(code) = self.faults.bundle_error {
            return failed(user, code, iq::error_text(code));
        }
        let client = self.client_by_jid(&jid);
        let manners = client.as_ref().and_then(|key| self.clients.get(key));
        let manners = manners.map(super::MetaClient::manners).unwrap_or_default();
        if let Some(code) = manners.bundle_error {
            return failed(user, code, iq::error_text(code));
        }
        let bundle = match client.clone() {
            Some(key) => self.clients.get_mut(&key).map(super::MetaClient::bundle),
            None => self.account_by_jid(&jid).and_then(|account| self.take_bundle(account)),
        };
        match bundle {
            Some(mut bundle) => {
                let fault = self.faults.bundle_signature.or(manners.bundle_signature);
                if let Some(fault) = fault {
                    spoil(&mut bundle.signed, fault, &mut self.rng);
                }
                match (self.faults.bundle, client) {
                    (Some(fault), Some(client)) => self.odd_bundle(&client, bundle, fault, &jid),
                    _ => bundle.to_node(&jid),
                }
            }
            None => failed(user, 404, "item-not-found"),
        }
    }

    /// A bundle with the next one-time prekey, which is handed out at most once (PRE-009).
    pub(super) fn take_bundle(&mut self, account: usize) -> Option<UserBundle> {
        let keys = self.accounts[account].keys.as_mut()?;
        let bundle = UserBundle {
            registration_id: keys.registration_id,
            identity: keys.identity,
            one_time: keys.one_time.pop_front(),
            signed: keys.signed.clone(),
            kem: keys.kem.clone(),
        };
        let left = keys.one_time.len();
        self.accounts[account].served = Some(bundle.clone());
        self.tell_of_low_stock(account, left);
        Some(bundle)
    }
}

fn failed(user: &AttrValue, code: u16, text: &str) -> Node {
    Node::new("user").attr("jid", user.clone()).child(iq::error_child(code, text))
}

/// A public key whose private half nobody keeps.
pub(super) fn another_key(rng: &mut Rng) -> [u8; 32] {
    KeyPair::generate(rng).public_key.public_key_bytes().try_into().expect("32 bytes")
}

/// The signature of a prekey by this key.
fn signed_by(key: &KeyPair, prekey: [u8; 32], rng: &mut Rng) -> Option<Vec<u8>> {
    let mut bytes = [0x05; 33];
    bytes[1..].copy_from_slice(&prekey);
    key.calculate_signature(&bytes, rng).ok().map(|signature| signature.to_vec())
}

/// Puts a fault in place of the signature (PRE-004, PRE-005).
pub(super) fn spoil(signed: &mut SignedKey, fault: SignatureFault, rng: &mut Rng) {
    let mut random = vec![0; 64];
    rng.fill_bytes(&mut random);
    // XEdDSA clears the top bits of s; keep the form plausible.
    random[63] &= 0x1F;
    let genuine = signed.signature.take();
    signed.signature = match fault {
        SignatureFault::Absent => None,
        SignatureFault::Empty => Some(Vec::new()),
        SignatureFault::Random => Some(random),
        SignatureFault::FlippedBit => genuine.map(|mut signature| {
            signature[0] ^= 1;
            signature
        }),
        SignatureFault::OtherIdentity => signed_by(&KeyPair::generate(rng), signed.value, rng),
        SignatureFault::PrekeyItself => {
            let pair = KeyPair::generate(rng);
            signed.value = pair.public_key.public_key_bytes().try_into().expect("32 bytes");
            signed_by(&pair, signed.value, rng)
        }
        SignatureFault::Short => genuine.map(|signature| signature[..63].to_vec()),
    };
}
