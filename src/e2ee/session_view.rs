//! Looking into a session: its public side for transcripts and checks, its secrets as evidence.
//!
//! [`SessionView`] has the ratchet's public keys and counters (DR §3.2) and no secret; a
//! [`SessionSnapshot`] adds the secrets. Both are read from the session layer's own projection of a
//! record, so they cannot disturb the session.

use serde::{Deserialize, Serialize};
use wacore_libsignal::protocol::{SessionChainComponents, SessionComponents, SessionRecord};

use super::compromise::{SessionSecrets, SessionSnapshot};

/// What is public about a session; keys as hex, without type byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    pub version: u32,
    pub peer_identity: String,
    pub peer_registration_id: u32,
    /// The initiator's base key, which names the session on both ends.
    pub base_key: String,
    /// Our messages still repeat the X3DH header, since no reply has come (DR §5.1).
    pub awaits_reply: bool,
    pub sending: Option<SendingView>,
    /// PN: the length of our previous sending chain as sent in headers.
    pub previous_counter: u32,
    /// The newest chain last.
    pub receiving: Vec<ReceivingView>,
    /// Older sessions with this peer, kept for late messages.
    pub archived: usize,
    /// The session mixes keys of a post-quantum ratchet into its message keys (version 4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pq_ratchet: bool,
}

/// The chain on which we send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendingView {
    pub ratchet_key: String,
    pub next_counter: u32,
}

/// A chain on which we receive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivingView {
    pub ratchet_key: String,
    pub next_counter: u32,
    /// Messages that have not come yet and whose keys are kept (MKSKIPPED).
    pub skipped: Vec<u32>,
}

/// Reads the current session of a record; none where the record has no current one.
pub(super) fn view(record: &SessionRecord) -> Option<SessionView> {
    let components = record.clone().into_components().ok()?;
    let session = components.current_session?;
    Some(SessionView {
        version: session.session_version.unwrap_or(0),
        peer_identity: raw_hex(session.remote_identity_public.as_deref()),
        peer_registration_id: session.remote_registration_id.unwrap_or(0),
        base_key: raw_hex(session.alice_base_key.as_deref()),
        awaits_reply: session.pending_pre_key.is_some(),
        sending: session.sender_chain.as_ref().map(sending),
        previous_counter: session.previous_counter.unwrap_or(0),
        receiving: receiving(&session),
        archived: components.previous_sessions.len(),
        pq_ratchet: false,
    })
}

/// Reads the current session of a record with its secrets; none where the record has no current
/// one.
pub(super) fn snapshot(record: &SessionRecord) -> Option<SessionSnapshot> {
    let view = view(record)?;
    let session = record.clone().into_components().ok()?.current_session?;
    let sender = session.sender_chain.as_ref();
    let private = sender.and_then(|chain| chain.sender_ratchet_key_private.as_deref());
    Some(SessionSnapshot {
        view,
        own_identity: raw_hex(session.local_identity_public.as_deref()),
        secrets: SessionSecrets {
            root_key: hex::encode(session.root_key.as_deref().unwrap_or_default()),
            ratchet_private: hex::encode(private.unwrap_or_default()),
            sending_chain_key: sender.map(chain_key).unwrap_or_default(),
            receiving_chain_keys: session.receiver_chains.iter().map(chain_key).collect(),
        },
    })
}

fn chain_key(chain: &SessionChainComponents) -> String {
    let key = chain.chain_key.as_ref().and_then(|key| key.key.as_deref());
    hex::encode(key.unwrap_or_default())
}

fn sending(chain: &SessionChainComponents) -> SendingView {
    SendingView {
        ratchet_key: raw_hex(chain.sender_ratchet_key.as_deref()),
        next_counter: next_counter(chain),
    }
}

fn receiving(session: &SessionComponents) -> Vec<ReceivingView> {
    let chain_view = |chain: &SessionChainComponents| ReceivingView {
        ratchet_key: raw_hex(chain.sender_ratchet_key.as_deref()),
        next_counter: next_counter(chain),
        skipped: chain.message_keys.iter().map(|key| key.index).collect(),
    };
    session.receiver_chains.iter().map(chain_view).collect()
}

fn next_counter(chain: &SessionChainComponents) -> u32 {
    chain.chain_key.as_ref().and_then(|key| key.index).unwrap_or(0)
}

/// Hex of a key without its type byte, as keys stand on stanzas.
pub(super) fn raw_hex(key: Option<&[u8]>) -> String {
    key.and_then(<[u8]>::split_first).map(|(_, raw)| hex::encode(raw)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::e2ee::pair::{Pair, address};
    use crate::e2ee::party::Party as _;

    #[test]
    fn a_session_shows_its_public_side() {
        let mut pair = Pair::settled(true);
        let messages = ["one", "two", "three"].map(|text| pair.alice_writes(text));
        pair.bob_reads(&messages[2]).unwrap();
        let alices = pair.alice.inspect(&address("bob")).unwrap();
        let bobs = pair.bob.inspect(&address("alice")).unwrap();
        assert_eq!(alices.base_key, bobs.base_key);
        assert_eq!(bobs.peer_identity, hex::encode(pair.alice.identity()));
        assert_eq!(bobs.peer_registration_id, pair.alice.registration_id());
        assert_eq!(alices.sending.as_ref().unwrap().next_counter, 3);
        let newest = bobs.receiving.last().unwrap();
        assert_eq!(newest.ratchet_key, alices.sending.unwrap().ratchet_key);
        assert_eq!((newest.next_counter, &newest.skipped[..]), (3, &[0, 1][..]));
        assert_eq!((bobs.version, bobs.archived), (3, 0));
        assert_eq!(pair.alice.inspect(&address("carol")), None);
    }
}
