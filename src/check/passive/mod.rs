//! Checks that look at every transcript, whatever the scenario is about.
//!
//! One file a check. A check reports only what was exercised: a transcript without a handshake
//! says nothing about handshakes. The requirement's level turns `Broken` into fail or warn.

mod addressing;
mod announced_frames;
mod bundle_use;
mod convergence;
mod deniability;
mod early_data;
mod enlistment_form;
mod enlistment_retries;
mod ephemeral_keys;
mod file_requests;
pub mod forms;
mod fresh_ciphertexts;
mod http_surface;
mod identifiers;
mod identity_binding;
mod identity_in_force;
mod in_order;
mod intro_header;
mod iq_form;
mod key_reuse;
mod key_upload;
mod login_payload;
mod media;
mod message_counters;
mod message_ids;
mod names;
mod one_identity;
mod one_meaning;
mod one_reaction;
mod padding;
mod plaintext;
pub(super) mod process;
mod push_payloads;
mod ratchet_turns;
mod reachability;
mod reconnects;
mod registration_id;
mod sent_once;
mod server_answers;
mod soak;
mod stanza_codec;
mod stated_version;
#[cfg(test)]
mod tests;
mod token_in_url;
mod tokens;
mod writings;

use crate::evidence::{Entry, EntryId, Transcript};
use crate::scenario::Scenario;
use crate::spec::Profile;
use crate::verdict::Witness;

/// What a check may look at.
pub struct View<'a> {
    pub scenario: &'a Scenario,
    pub transcript: &'a Transcript,
    pub profile: &'a Profile,
}

impl View<'_> {
    /// The entries that are the subject's doing; pings of the harness's own are left out.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        self.transcript.entries().iter().filter(|entry| !entry.id.stream.is_fence())
    }
}

/// What was seen of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    Right,
    Broken,
    /// The half of a mixed row that only warns (the row's `why`).
    Warned,
    /// It was seen, and may be another case's doing.
    Open,
    /// A breach of the driver protocol.
    DriverError,
}

/// One observation about one requirement.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    pub requirement: &'static str,
    pub grade: Grade,
    pub expected: String,
    pub actual: String,
    pub evidence: Vec<EntryId>,
    /// The profile value that decides, where one does.
    pub profile_key: Option<&'static str>,
    pub witness: Witness,
}

impl Observed {
    /// An observation on the wire.
    pub(super) fn new(
        requirement: &'static str,
        right: bool,
        expected: impl Into<String>,
        actual: impl Into<String>,
        evidence: &Entry,
    ) -> Self {
        Self {
            requirement,
            grade: if right { Grade::Right } else { Grade::Broken },
            expected: expected.into(),
            actual: actual.into(),
            evidence: vec![evidence.id.clone()],
            profile_key: None,
            witness: Witness::Wire,
        }
    }

    /// True if it says the same of the same rule, whatever it was seen on.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let what = |of: &Self| (of.requirement, of.grade, of.profile_key, of.witness);
        what(self) == what(other) && self.expected == other.expected
    }

    fn resting_on(self, key: &'static str) -> Self {
        Self { profile_key: Some(key), ..self }
    }

    fn seen_by(self, witness: Witness) -> Self {
        Self { witness, ..self }
    }
}

/// A rule, or a few that are judged on the same evidence.
pub trait Check: Sync {
    /// Stable name; part of a result's identity.
    fn id(&self) -> &'static str;
    /// The rows that it may report on.
    fn requirements(&self) -> &'static [&'static str];
    /// Looks at a transcript.
    fn examine(&self, view: &View<'_>) -> Vec<Observed>;
}

/// Every passive check.
pub static ALL: &[&dyn Check] = &[
    &addressing::Addressing,
    &announced_frames::AnnouncedFrames,
    &bundle_use::BundleUse,
    &convergence::Convergence,
    &deniability::Deniability,
    &early_data::EarlyData,
    &enlistment_form::EnlistmentForm,
    &enlistment_retries::EnlistmentRetries,
    &ephemeral_keys::EphemeralKeys,
    &file_requests::FileRequests,
    &forms::Forms,
    &fresh_ciphertexts::FreshCiphertexts,
    &http_surface::HttpSurface,
    &in_order::InOrder,
    &identifiers::Identifiers,
    &identity_binding::IdentityBinding,
    &identity_in_force::IdentityInForce,
    &intro_header::IntroHeader,
    &iq_form::IqForm,
    &key_reuse::KeyReuse,
    &key_upload::KeyUpload,
    &login_payload::LoginPayload,
    &media::Media,
    &message_counters::MessageCounters,
    &message_ids::MessageIds,
    &names::Names,
    &one_identity::OneIdentity,
    &one_meaning::OneMeaning,
    &one_reaction::OneReaction,
    &padding::Padding,
    &plaintext::Plaintext,
    &process::Process,
    &push_payloads::PushPayloads,
    &ratchet_turns::RatchetTurns,
    &reachability::Reachability,
    &reconnects::Reconnects,
    &registration_id::RegistrationId,
    &sent_once::SentOnce,
    &server_answers::ServerAnswers,
    &soak::Soak,
    &stanza_codec::StanzaCodec,
    &stated_version::StatedVersion,
    &token_in_url::TokenInUrl,
    &tokens::Tokens,
];
