//! What a faulty client does around the decryption of a message: whose session it tries, what it makes
//! of a start that crossed its own, and what it loses.

use super::ThirdPartyClient;
use super::send::address;
use crate::e2ee::{Ciphertext, EncType};
use crate::role::quirk::Fault;
use crate::wire::Jid;

impl ThirdPartyClient {
    /// A deliberate fault: every thousandth message comes to nothing.
    pub(super) fn is_the_thousandth(&mut self) -> bool {
        self.received += 1;
        self.has(Fault::LosesOneInAThousand) && self.received.is_multiple_of(1000)
    }

    /// A deliberate fault: whichever session decrypts it, it is the named sender's.
    pub(super) fn decrypt_for_anybody(&mut self, sealed: &Ciphertext) -> Option<Vec<u8>> {
        let peers = self.threads.peers();
        peers.iter().find_map(|peer| self.party.decrypt(&address(peer), sealed).ok())
    }

    /// A deliberate fault: remembers the keys as they were before any first message.
    pub(super) fn keep_unused(&mut self, sealed: &Ciphertext) {
        let first = sealed.kind == EncType::PkMsg && self.unused.is_none();
        if first && self.has(Fault::KemPrekeyReused) {
            self.unused = Some(self.party.copy(self.rng("unused")));
        }
    }

    /// A deliberate fault: no record of which first messages a prekey has served.
    pub(super) fn decrypt_unused(&self, from: &Jid, sealed: &Ciphertext) -> Option<Vec<u8>> {
        let unused = self.unused.as_ref().filter(|_| sealed.kind == EncType::PkMsg)?;
        unused.copy(self.rng("unused again")).decrypt(&address(from), sealed).ok()
    }

    /// A deliberate fault: who began a session while this user did is never answered in one.
    pub(super) fn note_crossing(&mut self, from: &Jid, sealed: &Ciphertext) {
        if !self.has(Fault::CrossedStartForEver) || sealed.kind != EncType::PkMsg {
            return;
        }
        if self.party.inspect(&address(from)).is_some_and(|session| session.awaits_reply) {
            self.crossed.insert(from.bare());
        }
    }
}
