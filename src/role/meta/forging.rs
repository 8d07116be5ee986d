//! Forged messages of Meta clients, and messages that never leave them.
//!
//! Main function: [`forge`]. The Meta client made the message, so that it can also make what only a
//! peer could, such as a broken padding under a MAC that fits; sessions stay sound whatever is forged.

use super::Meta;
use super::client::{MetaClient, Sent, address};
use crate::e2ee::forgery::{Forgery, MessageOrigin, forged};
use crate::e2ee::{Ciphertext, EncType, content, padding};
use crate::evidence::Lane;
use crate::scenario::CiphertextFault;
use crate::wire::{Content, Jid};

impl MetaClient {
    /// What the next message to this user will be made with.
    pub(super) fn origin_of_next(&self, to: &Jid) -> Option<MessageOrigin> {
        let peer = address(&to.to_string());
        let snapshot = self.party.snapshot(&peer)?;
        let mut chain = [0; 32];
        hex::decode_to_slice(&snapshot.secrets.sending_chain_key, &mut chain).ok()?;
        let (sender, receiver) = (self.party.identity(), self.party.peer_identity(&peer)?);
        Some(MessageOrigin { chain, sender, receiver })
    }
}

impl Meta {
    /// A Meta client encrypts so many texts that nobody ever gets.
    ///
    /// # Errors
    /// There is no such client or user, or no session.
    pub fn write_unsent(
        &mut self,
        lane: Lane,
        from: &str,
        to: &str,
        count: usize,
    ) -> Result<(), String> {
        let account = self.account_index(lane, to).ok_or(format!("{to} is unknown"))?;
        let peer = self.accounts[account].jid.clone();
        let key = (lane, from.to_owned());
        self.ensure_session(&key, account, &peer)?;
        let client = self.clients.get_mut(&key).ok_or(format!("{from} is unknown"))?;
        let padded = padding::pad(&content::text("lost on the way"), &mut client.rng);
        let peer = address(&peer.to_string());
        for _ in 0..count {
            client.party.encrypt(&peer, &padded).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Changes one thing in the ciphertext of a message; none where it holds no ciphertext.
pub(super) fn forge(sent: &mut Sent, fault: CiphertextFault) -> Option<()> {
    let origin = sent.origin?;
    let enc = sent.content.iter_mut().find(|node| node.tag == "enc")?;
    let kind = EncType::parse(&enc.text("type")?)?;
    let sealed = Ciphertext { kind, bytes: enc.body()?.to_vec() };
    enc.content = Content::Bytes(forged(&sealed, forgery(fault), &origin)?.bytes);
    Some(())
}

fn forgery(fault: CiphertextFault) -> Forgery {
    match fault {
        CiphertextFault::Mac => Forgery::Mac,
        CiphertextFault::MacAbsent => Forgery::MacAbsent,
        CiphertextFault::MacShort => Forgery::MacShort,
        CiphertextFault::Body => Forgery::Body,
        CiphertextFault::Counter => Forgery::Counter,
        CiphertextFault::CounterFar => Forgery::CounterFar,
        CiphertextFault::PreviousCounter => Forgery::PreviousCounter,
        CiphertextFault::RatchetKey => Forgery::RatchetKey,
        CiphertextFault::SmallOrderRatchetKey => Forgery::SmallOrderRatchetKey,
        CiphertextFault::Padding => Forgery::Padding,
        CiphertextFault::IdentitiesSwapped => Forgery::IdentitiesSwapped,
        CiphertextFault::IdentitiesAbsent => Forgery::IdentitiesAbsent,
        CiphertextFault::VersionOlder => Forgery::VersionOlder,
        CiphertextFault::VersionNewer => Forgery::VersionNewer,
    }
}
