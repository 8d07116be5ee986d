//! What the chat server has passed on from one user of the third party to another, and may pass on in
//! another way: twice, changed, in another's name, late or not at all.
//!
//! Main function: [`Meta::relay`]. The server sees ciphertexts only, and needs to know nothing of their
//! protocol: so it can show of any protocol what Signal's own rows show of Signal's (ENC-020).

use rand::Rng as _;

use super::Meta;
use crate::evidence::{Event, Lane, Stream};
use crate::limits::SENT_REMEMBERED_MAX;
use crate::scenario::Relaying;
use crate::wire::{Content, Node};

/// A message on its way to a user.
pub(super) struct Relayed {
    pub to: usize,
    pub stanza: Node,
}

impl Meta {
    pub(super) fn note_relayed(&mut self, to: usize, stanza: Node) {
        if self.relayed.len() == SENT_REMEMBERED_MAX {
            self.relayed.pop_front();
        }
        self.relayed.push_back(Relayed { to, stanza });
    }

    /// Passes an earlier message on once more, in another way, and gives the id that it has then.
    ///
    /// # Errors
    /// There is no such message, or nobody in whose name it could come.
    pub fn relay(
        &mut self,
        lane: Lane,
        to: &str,
        of: &str,
        how: Relaying,
    ) -> Result<String, String> {
        let account = self.account_index(lane, to).ok_or(format!("{to} is unknown"))?;
        let is_it = |relayed: &&Relayed| {
            relayed.to == account && relayed.stanza.text("id").as_deref() == Some(of)
        };
        let found = self.relayed.iter().find(is_it).map(|relayed| relayed.stanza.clone());
        let mut stanza = found.ok_or(format!("no message {of} was passed on to {to}"))?;
        let what = format!("passes {of} on to {to} once more: {}", how.word());
        self.record_in(Stream::sightings(), lane, None, Event::Deviated { what });
        if how == Relaying::Lost {
            let mailbox = &mut self.accounts[account].mailbox;
            mailbox.retain(|waiting| waiting.stanza.text("id").as_deref() != Some(of));
            return Ok(of.to_owned());
        }
        let mut id = of.to_owned();
        if how != Relaying::Again {
            let mut bytes = [0; 9];
            self.rng.fill_bytes(&mut bytes);
            id = format!("3EB0{}", hex::encode_upper(bytes));
            set(&mut stanza, "id", id.as_str().into());
        }
        match how {
            Relaying::Flipped => flip_last_bits(&mut stanza),
            Relaying::FromAnother => {
                let another = self.clients.iter().find(|((of, _), _)| *of == lane);
                let (_, another) = another.ok_or("there is nobody else")?;
                let jid = another.jid().clone();
                set(&mut stanza, "from", jid.into());
            }
            Relaying::Again | Relaying::NewId | Relaying::Lost => {}
        }
        self.deliver(account, stanza);
        Ok(id)
    }
}

fn set(stanza: &mut Node, name: &str, value: crate::wire::AttrValue) {
    if let Some((_, known)) = stanza.attrs.iter_mut().find(|(key, _)| *key == name) {
        *known = value;
    }
}

/// One bit of each ciphertext: its last byte authenticates the rest in every protocol that is known.
fn flip_last_bits(stanza: &mut Node) {
    let Content::Children(children) = &mut stanza.content else { return };
    for child in children.iter_mut().filter(|child| child.tag == "enc") {
        if let Content::Bytes(bytes) = &mut child.content
            && let Some(last) = bytes.last_mut()
        {
            *last ^= 1;
        }
    }
}
