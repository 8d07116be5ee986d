//! What is known of a peer before a message is tried: to restore it, and to say why it failed.
//!
//! The session layer's errors do not say which rule was broken, or say it in one word for several;
//! together with the state from before, the rule is found.

use std::sync::Arc;

use wacore_libsignal::protocol::{IdentityKey, SessionRecord, SignalProtocolError, consts};

use super::envelope::{Envelope, PreKeyEnvelope};
use super::error::E2eeError;
use super::party::{Address, EncType};
use super::x3dh_v3::public;

/// What is known of a peer before a message is tried.
pub(super) struct Before {
    pub record: Option<Arc<SessionRecord>>,
    pub identity: Option<IdentityKey>,
}

impl Before {
    /// The peer's identity in the session that this base key names.
    pub(super) fn identity_of_session(&self, base_key: &[u8; 32]) -> Option<[u8; 32]> {
        let base_key = public(base_key).serialize();
        let record = self.record.as_ref()?;
        let archived = record.previous_session_states().flatten();
        let mut states = record.session_state().cloned().into_iter().chain(archived);
        let state = states.find(|state| state.alice_base_key() == base_key)?;
        let identity = state.remote_identity_key().ok()??;
        identity.public_key().public_key_bytes().try_into().ok()
    }

    /// Names the rule behind an error of the session layer.
    pub(super) fn explain(
        &self,
        error: E2eeError,
        peer: &Address,
        message: &Envelope,
        first: Option<&PreKeyEnvelope>,
    ) -> E2eeError {
        use SignalProtocolError as Cause;
        let E2eeError::Library(cause) = error else {
            return error;
        };
        let kind = if first.is_some() { EncType::PkMsg } else { EncType::Msg };
        let one_time_id = first.and_then(|first| first.one_time_id);
        match (cause, one_time_id, first) {
            (Cause::SessionNotFound(_), ..) => E2eeError::NoSession(peer.clone()),
            (Cause::InvalidPreKeyId, Some(id), _) => E2eeError::UnknownOneTimePrekey(id),
            (Cause::InvalidSignedPreKeyId, _, Some(first)) => {
                E2eeError::UnknownSignedPrekey(first.signed_prekey_id)
            }
            (Cause::UntrustedIdentity(_), ..) => E2eeError::IdentityChanged(peer.clone()),
            (Cause::DuplicatedMessage(_, counter), ..) => E2eeError::Duplicate { counter },
            (Cause::BadMac(_), ..) => E2eeError::BadMac(kind),
            (Cause::InvalidMessage(..), ..) => self.undecryptable(kind, message),
            (cause, ..) => E2eeError::Library(cause),
        }
    }

    /// Tells a jump beyond the limit (`wire.md` §5.5) from what else does not decrypt.
    fn undecryptable(&self, kind: EncType, message: &Envelope) -> E2eeError {
        let state = self.record.as_deref().and_then(SessionRecord::session_state);
        let chain = state.and_then(|state| {
            state.get_receiver_chain_key(&public(&message.ratchet_key)).ok().flatten()
        });
        let next = chain.map_or(0, |chain| chain.index());
        let jump = message.counter.saturating_sub(next);
        if usize::try_from(jump).is_ok_and(|jump| jump > consts::MAX_FORWARD_JUMPS) {
            return E2eeError::TooFarAhead { counter: message.counter, next };
        }
        E2eeError::Undecryptable(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::pair::{Pair, address, rewrite};
    use crate::e2ee::party::Ciphertext;

    #[test]
    fn a_jump_beyond_the_limit_is_named() {
        let mut pair = Pair::settled(true);
        let near = pair.alice_writes("near");
        for _ in 0..consts::MAX_FORWARD_JUMPS {
            pair.alice_writes("lost");
        }
        let far = pair.alice_writes("far");
        let refused = pair.bob_reads(&far);
        let named = matches!(refused, Err(E2eeError::TooFarAhead { counter: 2001, next: 0 }));
        assert!(named, "{refused:?}");
        assert_eq!(pair.bob_reads(&near).unwrap(), "near");
        assert_eq!(pair.bob_reads(&far).unwrap(), "far");
    }

    #[test]
    fn other_versions_are_refused_and_newer_low_nibbles_are_not() {
        let mut pair = Pair::new(true);
        let mut opening = pair.alice_writes("opening");
        opening.bytes[0] = 0x44;
        let refused = pair.bob_reads(&opening);
        assert!(matches!(refused, Err(E2eeError::Version { expected: 3, found: 4 })));
        opening.bytes[0] = 0x23;
        assert!(matches!(pair.bob_reads(&opening), Err(E2eeError::Envelope(_))));
        opening.bytes[0] = 0x34;
        assert_eq!(pair.bob_reads(&opening).unwrap(), "opening");
    }

    #[test]
    fn unknown_prekeys_and_sessions_are_named() {
        let mut pair = Pair::new(true);
        let opening = pair.alice_writes("opening");
        let other = rewrite(&opening, |outer| outer.signed_pre_key_id = Some(0));
        assert!(matches!(pair.bob_reads(&other), Err(E2eeError::UnknownSignedPrekey(0))));
        let other = rewrite(&opening, |outer| outer.pre_key_id = Some(0));
        assert!(matches!(pair.bob_reads(&other), Err(E2eeError::UnknownOneTimePrekey(0))));
        let inner = PreKeyEnvelope::parse(&opening.bytes).unwrap().message_bytes;
        let later = Ciphertext { kind: EncType::Msg, bytes: inner };
        let refused = pair.bob_reads(&later);
        assert!(matches!(refused, Err(E2eeError::NoSession(peer)) if peer == address("alice")));
    }
}
