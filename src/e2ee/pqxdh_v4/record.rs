//! Looking into Signal's session records, and rearranging them.
//!
//! The library shows little of a session, but writes it all when it serialises a record. [`Record`]
//! reads that form: the sessions in it stay closed bytes, so that nothing of them is lost when they
//! are moved, and [`session`] opens one to look. What the library keeps for itself (the state of the
//! post-quantum ratchet) stays closed.

use libsignal_protocol::SessionRecord;
use prost::Message as _;

use crate::e2ee::compromise::{SessionSecrets, SessionSnapshot};
use crate::e2ee::error::E2eeError;
use crate::e2ee::session_view::{ReceivingView, SendingView, SessionView, raw_hex};
use crate::proto::signal;
use crate::proto::signal::session::{Chain, PendingKemPreKey, PendingPreKey};

/// A record that is opened as far as its sessions.
pub(super) struct Record(signal::SessionRecord);

impl Record {
    pub(super) fn open(record: &SessionRecord) -> Option<Self> {
        signal::SessionRecord::decode(record.serialize().ok()?.as_slice()).ok().map(Self)
    }

    pub(super) fn close(self) -> Result<SessionRecord, E2eeError> {
        Ok(SessionRecord::deserialize(&self.0.encode_to_vec())?)
    }

    pub(super) fn current(&self) -> Option<signal::Session> {
        session(self.0.current_session.as_deref()?)
    }

    /// The peer's identity in the session that this base key names.
    pub(super) fn identity_of_session(&self, base_key: &[u8; 32]) -> Option<[u8; 32]> {
        let all = self.0.current_session.iter().chain(&self.0.previous_sessions);
        let mut sessions = all.filter_map(|bytes| session(bytes));
        let found = sessions.find(|session| raw(session.base_key.as_deref()) == Some(*base_key))?;
        raw(found.remote_identity.as_deref())
    }

    /// The record with the current session of another one, which took a late message, put first
    /// into the archive in place of its older state.
    pub(super) fn archive_late(mut self, after: Self) -> Option<Self> {
        let late = after.0.current_session?;
        let base_key = session(&late)?.base_key;
        let archive = &mut self.0.previous_sessions;
        archive.retain(|bytes| session(bytes).is_none_or(|other| other.base_key != base_key));
        archive.insert(0, late);
        Some(self)
    }

    /// The current session of `fresh` on top of this record's archive, with what its first messages
    /// must name.
    pub(super) fn with_current(mut self, fresh: Self, first: &FirstHeader) -> Option<Self> {
        let mut session = fresh.0.current_session?;
        // Protobuf fields that are appended are merged into what is there.
        session.extend(first.fields().encode_to_vec());
        self.0.current_session = Some(session);
        Some(self)
    }
}

/// What an initiator's first messages name.
pub(super) struct FirstHeader {
    pub one_time_id: Option<u32>,
    pub signed_prekey_id: u32,
    pub kem_id: u32,
    /// With type byte.
    pub base_key: Vec<u8>,
    pub local_registration_id: u32,
    pub remote_registration_id: u32,
}

impl FirstHeader {
    fn fields(&self) -> signal::Session {
        signal::Session {
            pending_pre_key: Some(PendingPreKey {
                pre_key_id: self.one_time_id,
                base_key: Some(self.base_key.clone()),
                signed_pre_key_id: Some(self.signed_prekey_id.cast_signed()),
            }),
            pending_kem_pre_key: Some(PendingKemPreKey { pre_key_id: Some(self.kem_id) }),
            local_registration_id: Some(self.local_registration_id),
            remote_registration_id: Some(self.remote_registration_id),
            ..signal::Session::default()
        }
    }
}

fn session(bytes: &[u8]) -> Option<signal::Session> {
    signal::Session::decode(bytes).ok()
}

/// The key without its type byte.
fn raw(key: Option<&[u8]>) -> Option<[u8; 32]> {
    key?.split_first()?.1.try_into().ok()
}

/// Reads the current session of a record; none where the record has no current one.
pub(super) fn view(record: &SessionRecord) -> Option<SessionView> {
    let record = Record::open(record)?;
    let session = record.current()?;
    Some(SessionView {
        version: session.version.unwrap_or(0),
        peer_identity: raw_hex(session.remote_identity.as_deref()),
        peer_registration_id: session.remote_registration_id.unwrap_or(0),
        base_key: raw_hex(session.base_key.as_deref()),
        awaits_reply: session.pending_pre_key.is_some(),
        sending: session.sender_chain.as_ref().map(|chain| SendingView {
            ratchet_key: raw_hex(chain.ratchet_key.as_deref()),
            next_counter: next_counter(chain),
        }),
        previous_counter: session.previous_counter.unwrap_or(0),
        receiving: session.receiver_chains.iter().map(receiving).collect(),
        archived: record.0.previous_sessions.len(),
        pq_ratchet: session.pq_ratchet.is_some_and(|state| !state.is_empty()),
    })
}

fn receiving(chain: &Chain) -> ReceivingView {
    ReceivingView {
        ratchet_key: raw_hex(chain.ratchet_key.as_deref()),
        next_counter: next_counter(chain),
        skipped: chain.message_keys.iter().map(|key| key.index.unwrap_or(0)).collect(),
    }
}

pub(super) fn next_counter(chain: &Chain) -> u32 {
    chain.chain_key.as_ref().and_then(|key| key.index).unwrap_or(0)
}

/// The session with its secrets, as far as the library's form of a session names them: the
/// post-quantum ratchet's are not among them.
pub(super) fn snapshot(record: &SessionRecord) -> Option<SessionSnapshot> {
    let view = view(record)?;
    let session = Record::open(record)?.current()?;
    let sender = session.sender_chain.as_ref();
    let private = sender.and_then(|chain| chain.ratchet_private.as_deref());
    Some(SessionSnapshot {
        view,
        own_identity: raw_hex(session.local_identity.as_deref()),
        secrets: SessionSecrets {
            root_key: hex::encode(session.root_key.as_deref().unwrap_or_default()),
            ratchet_private: hex::encode(private.unwrap_or_default()),
            sending_chain_key: sender.map(chain_key).unwrap_or_default(),
            receiving_chain_keys: session.receiver_chains.iter().map(chain_key).collect(),
        },
    })
}

fn chain_key(chain: &Chain) -> String {
    let key = chain.chain_key.as_ref().and_then(|key| key.key.as_deref());
    hex::encode(key.unwrap_or_default())
}
