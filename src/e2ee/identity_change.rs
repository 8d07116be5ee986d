//! When a peer's identity key changes (`wire.md` §5.7, ENC-012, PRE-015).
//!
//! A new identity opens a new session and is reported. A late message of the replaced one is still
//! read, but brings neither that identity nor its session back: the session layer alone would
//! promote both, and the next message would go to keys that nobody has any more.

use std::sync::Arc;

use wacore_libsignal::protocol::{ProtocolAddress, SessionRecord};

use super::before::Before;
use super::party::Address;
use super::x3dh_v3::X3dhParty;

impl X3dhParty {
    /// Reports a new identity. Where the message belonged to a session that existed, the other
    /// identity is an older one: the message was late, and the newer session stays the one for
    /// sending (PRE-015).
    pub(super) fn settle_identity(
        &mut self,
        peer: &Address,
        address: &ProtocolAddress,
        before: Before,
        opens: bool,
    ) {
        let now = self.stores.identities.known.get(address).copied();
        let changed = before.identity.is_some() && before.identity != now;
        self.report_change(peer, changed && opens);
        if changed && !opens {
            self.keep_newer(address, before);
        }
    }

    fn keep_newer(&mut self, address: &ProtocolAddress, before: Before) {
        let after = self.stores.sessions.0.get(address).cloned();
        let both = before.record.zip(after);
        let merged = both.and_then(|(old, new)| {
            archive_late(Arc::unwrap_or_clone(old), Arc::unwrap_or_clone(new))
        });
        if let Some(record) = merged {
            self.stores.sessions.save(address, record);
        }
        if let Some(identity) = before.identity {
            self.stores.identities.save(address, identity);
        }
    }
}

/// The record as it was, with the session that took the late message updated in the archive.
fn archive_late(before: SessionRecord, after: SessionRecord) -> Option<SessionRecord> {
    let late = after.into_components().ok()?.current_session?;
    let mut components = before.into_components().ok()?;
    let archive = &mut components.previous_sessions;
    archive.retain(|session| session.alice_base_key != late.alice_base_key);
    archive.insert(0, late);
    SessionRecord::from_components(components).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::error::E2eeError;
    use crate::e2ee::pair::{Pair, address, bundle, party, read, rewrite};
    use crate::e2ee::party::{Ciphertext, Party as _, SignatureCheck};

    #[test]
    fn a_first_message_cannot_rename_the_session_that_it_belongs_to() {
        let mut pair = Pair::new(true);
        let [opening, repeat] = ["opening", "repeat"].map(|text| pair.alice_writes(text));
        pair.bob_reads(&opening).unwrap();
        let eve = party("eve").identity();
        let renamed =
            rewrite(&repeat, |outer| outer.identity_key = Some([&[5][..], &eve].concat()));
        assert!(matches!(pair.bob_reads(&renamed), Err(E2eeError::ForeignIdentity)));
        assert_eq!(pair.bob.peer_identity(&address("alice")), Some(pair.alice.identity()));
        assert_eq!(pair.bob_reads(&repeat).unwrap(), "repeat");
    }

    /// Alice gets a new identity and opens a session with Bob, who has one with the old Alice.
    fn reinstalled(pair: &mut Pair) -> (X3dhParty, Ciphertext) {
        let mut alice = party("alice, reinstalled");
        let bundle = bundle(&mut pair.bob, true);
        alice.process(&address("bob"), &bundle, SignatureCheck::Always).unwrap();
        let opening = alice.encrypt(&address("bob"), b"it is me").unwrap();
        (alice, opening)
    }

    #[test]
    fn a_new_identity_is_reported_or_refused() {
        let mut pair = Pair::settled(true);
        let alice = address("alice");
        assert!(!pair.bob.identity_changed(&alice));
        let (new_alice, opening) = reinstalled(&mut pair);
        pair.bob.trust_new_identities(false);
        let refused = pair.bob_reads(&opening);
        assert!(matches!(refused, Err(E2eeError::IdentityChanged(peer)) if peer == alice));
        assert_eq!(pair.bob.peer_identity(&alice), Some(pair.alice.identity()));

        pair.bob.trust_new_identities(true);
        assert_eq!(pair.bob_reads(&opening).unwrap(), "it is me");
        assert!(pair.bob.identity_changed(&alice));
        assert_eq!(pair.bob.peer_identity(&alice), Some(new_alice.identity()));
    }

    #[test]
    fn a_late_message_does_not_bring_a_replaced_identity_back() {
        let mut pair = Pair::settled(true);
        let late = ["late", "later"].map(|text| pair.alice_writes(text));
        let (mut new_alice, opening) = reinstalled(&mut pair);
        pair.bob_reads(&opening).unwrap();
        for (message, text) in late.iter().zip(["late", "later"]) {
            assert_eq!(pair.bob_reads(message).unwrap(), text);
            assert!(!pair.bob.identity_changed(&address("alice")));
            assert_eq!(pair.bob.peer_identity(&address("alice")), Some(new_alice.identity()));
            assert!(matches!(pair.bob_reads(message), Err(E2eeError::Duplicate { .. })));
        }
        let reply = pair.bob_writes("to the new one");
        assert_eq!(read(&mut new_alice, "bob", &reply).unwrap(), "to the new one");
    }
}
