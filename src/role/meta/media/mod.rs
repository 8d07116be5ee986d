//! Media in both directions: Meta's host of what its clients send, the proxy to what third parties
//! host, and what Meta's clients make of a file (TF §5.1).
//!
//! Main type: [`Desk`], the state. `outgoing` and `host` are Meta → third party; `proxy`,
//! `download` and `judged` third party → Meta; `probe` asks a third party's media server in odd
//! ways. A Meta client fetches by the proxy's own address, over a socket as everybody does, so that
//! what a third party's server sees is what a proxy asks.

mod download;
mod guess;
mod host;
mod judged;
mod outgoing;
mod probe;
mod probe_rules;
pub mod proxy;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use outgoing::MediaOrder;
pub use probe::Stored;

use super::Meta;
use crate::e2ee::media::MediaKind;
use crate::spec::Profile;

pub(super) use download::Pending;

/// What Meta's side keeps of media.
#[derive(Default)]
pub(super) struct Desk {
    /// Files by their path, without the query.
    hosted: BTreeMap<String, host::Hosted>,
    /// Hosted files so far, to name them.
    files: u64,
    /// Media keys that third parties used.
    keys: VecDeque<Vec<u8>>,
    /// References that third parties issued.
    references: BTreeSet<String>,
    probes: BTreeMap<u64, probe::Run>,
    probed: u64,
    /// Where Meta's clients reach the proxy; empty where they fetch nothing.
    proxy_url: String,
}

impl Meta {
    /// Says where Meta's own clients reach the media proxy; without it they fetch nothing.
    pub fn set_proxy_url(&mut self, url: String) {
        self.media.proxy_url = url;
    }
}

/// The label under which the key of such a file is expanded.
fn label(profile: &Profile, kind: MediaKind) -> String {
    profile.text(kind.label_key()).unwrap_or_default().to_owned()
}

/// Length of the tag at the end of a file.
fn tag_bytes(profile: &Profile) -> usize {
    let length = profile.int("media.mac_bytes").and_then(|length| usize::try_from(length).ok());
    length.unwrap_or_default()
}
