//! Retry receipts between Meta clients and third-party users (`wire.md` §4.9).
//!
//! Main type: [`Asking`]. A Meta client asks for a message again, or sends one again, when a
//! scenario says so and never by itself: what a subject does about a message that nobody mends must
//! be seen too. It knows no bounds, because those are the subject's to keep.

use super::client::MetaClient;
use super::keys::{another_key, spoil};
use super::{Letter, Meta};
use crate::evidence::Lane;
use crate::limits::SENT_REMEMBERED_MAX;
use crate::role::signal::{Signal, for_party};
use crate::scenario::{ContentFault, Loss, SignatureFault};
use crate::seed::Rng;
use crate::stanza::prekeys::{self, UserBundle};
use crate::stanza::receipt::{self, Retry};
use crate::wire::{Jid, Node};
use rand::{Rng as _, SeedableRng as _};

/// How a message is asked for again.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Of the message.
    pub id: &'a str,
    /// Which attempt this is, as the receipt says.
    pub count: u32,
    /// With keys for a new session.
    pub keys: bool,
    /// The keys are such as nobody published, and this is wrong with their signature.
    pub signature: Option<SignatureFault>,
}

/// What a third-party user asked for again.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    id: String,
    count: u32,
    /// Keys for a new session, which serve once.
    bundle: Option<UserBundle>,
}

impl MetaClient {
    fn retry_receipt(&mut self, asking: &Asking<'_>, to: &Jid, now: u64) -> Node {
        let registration_id = self.party.registration_id();
        let retry = Retry { count: asking.count, registration_id };
        let request = receipt::retry_request(asking.id, to, &now.to_string(), &retry);
        let keys = asking.keys.then(|| {
            let mut bundle = self.bundle();
            if let Some(fault) = asking.signature {
                self.put_a_badly_signed_key(&mut bundle, fault);
            }
            prekeys::retry_keys(&bundle)
        });
        receipt::relayed(&request.children(keys), self.jid())
    }

    /// Whoever takes this signed prekey writes to somebody else, and the client cannot read it.
    fn put_a_badly_signed_key(&mut self, bundle: &mut UserBundle, fault: SignatureFault) {
        bundle.signed.value = another_key(&mut self.rng);
        let mut message = [0x05; 33];
        message[1..].copy_from_slice(&bundle.signed.value);
        bundle.signed.signature = Some(self.sign(&message));
        spoil(&mut bundle.signed, fault, &mut self.rng);
    }

    /// Remembers what the user asks for, the last request for each message.
    pub(super) fn note_retry(&mut self, id: &str, retry: &Retry, receipt: &Node) {
        let bundle = prekeys::of_retry(receipt, self.kem_element.as_deref()).and_then(Result::ok);
        self.asked.retain(|asked| asked.id != id);
        if self.asked.len() == SENT_REMEMBERED_MAX {
            self.asked.pop_front();
        }
        self.asked.push_back(Asked { id: id.to_owned(), count: retry.count, bundle });
    }

    /// All keys and sessions anew, as after a new installation.
    fn reinstall(&mut self) {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        let (version, kem_element) = (self.party.version(), self.kem_element.clone());
        self.party = Signal { version, kem_element }.party(Rng::from_seed(seed));
        (self.served, self.asked) = Default::default();
    }
}

impl Meta {
    /// A Meta client asks a third-party user for a message again.
    ///
    /// # Errors
    /// There is no such client or user.
    pub fn ask_again(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        asking: &Asking<'_>,
    ) -> Result<(), String> {
        let account = self.account_index(lane, to).ok_or(format!("{to} is unknown"))?;
        let (peer, now) = (self.accounts[account].jid.clone(), self.now.secs());
        let client = self.clients.get_mut(&(lane, from.to_owned()));
        let client = client.ok_or(format!("{from} is unknown"))?;
        let receipt = client.retry_receipt(asking, &peer, now);
        self.deliver(account, receipt);
        Ok(())
    }

    /// A Meta client sends an earlier text again under its id, encrypted anew: in a new session
    /// where the user's retry receipt has brought keys for one. `spoilt` flips a bit of the MAC.
    ///
    /// # Errors
    /// There is no such text, or it could not be encrypted.
    pub fn send_again(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        id: &str,
        spoilt: bool,
    ) -> Result<(), String> {
        let account = self.account_index(lane, to).ok_or(format!("{to} is unknown"))?;
        let peer = self.accounts[account].jid.clone();
        let key = (lane, from.to_owned());
        let client = self.clients.get_mut(&key).ok_or(format!("{from} is unknown"))?;
        let sent = client.sent.iter().find(|sent| sent.id == id);
        let letter = sent.map(|sent| sent.letter.clone()).ok_or(format!("{from} sent no {id}"))?;
        let asked = client.asked.iter_mut().find(|asked| asked.id == id);
        let (count, bundle) = asked.map_or((1, None), |asked| (asked.count, asked.bundle.take()));
        if let Some(bundle) = bundle {
            let (address, bundle) = (super::client::address(&peer.to_string()), for_party(&bundle));
            let processed = client.party.process(&address, &bundle, Default::default());
            processed.map_err(|error| format!("the keys in the retry receipt: {error}"))?;
        }
        self.ensure_session(&key, account, &peer)?;
        let fault = spoilt.then_some(ContentFault::FlippedMac);
        let mut sent = self.seal(&key, &peer, id, Letter { fault, ..letter })?;
        for child in &mut sent.content {
            *child = child.clone().attr("count", count.to_string());
        }
        self.deliver_from(lane, from, account, &sent);
        Ok(())
    }

    /// A Meta client loses its session with a user, or all its keys.
    ///
    /// # Errors
    /// There is no such client or user.
    pub fn lose_keys(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        loss: Loss,
    ) -> Result<(), String> {
        let account = self.account_index(lane, to).ok_or(format!("{to} is unknown"))?;
        let peer = self.accounts[account].jid.clone();
        let client = self.clients.get_mut(&(lane, from.to_owned()));
        let client = client.ok_or(format!("{from} is unknown"))?;
        match loss {
            Loss::Identity => client.reinstall(),
            Loss::Session => client.party.drop_session(&super::client::address(&peer.to_string())),
            Loss::Registration => {
                let other = client.party.registration_id() ^ 1;
                client.party.use_registration_id(other.max(2));
            }
        }
        Ok(())
    }
}
