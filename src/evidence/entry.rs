//! One line of a transcript and how it is named.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Event;

/// Names an entry for good: the case, the stream within it and the number within the stream.
///
/// Numbers count per stream and per direction, so that a race between two connections changes no
/// id (`interfaces.md` §3).
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct EntryId {
    /// Shared by all entries of the case.
    pub case: Arc<str>,
    pub stream: Stream,
    pub n: u32,
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}.{}", self.case, self.stream.0, self.n)
    }
}

/// An ordered stream of events within a case.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Stream(pub Arc<str>);

impl Stream {
    /// The runner's own steps.
    pub fn steps() -> Self {
        Self("steps".into())
    }

    /// Operations of the driver with their answers.
    pub fn operations() -> Self {
        Self("ops".into())
    }

    /// What the user of an account saw.
    pub fn user(account: &str) -> Self {
        Self(format!("user-{account}").into())
    }

    /// HTTP that came in.
    pub fn http_in() -> Self {
        Self("http-in".into())
    }

    /// HTTP that the harness sent.
    pub fn http_out() -> Self {
        Self("http-out".into())
    }

    /// One direction of a chat connection: `c1<` received, `c1>` sent.
    pub fn connection(number: u64, received: bool) -> Self {
        Self(format!("c{number}{}", if received { '<' } else { '>' }).into())
    }

    /// Pings with which the harness makes sure that nothing is on its way any more, and their
    /// answers. They come as often as it takes, so they are numbered apart.
    pub fn fence(number: u64) -> Self {
        Self(format!("c{number}-fence").into())
    }

    /// True for the streams of [`Stream::fence`].
    pub fn is_fence(&self) -> bool {
        self.0.ends_with("-fence")
    }

    /// Keys that clients published at the prekey service.
    pub fn published() -> Self {
        Self("keys".into())
    }

    /// Faults of the network, armed and met.
    pub fn faults() -> Self {
        Self("faults".into())
    }

    /// Content in clear, seen where it is not recorded.
    pub fn sightings() -> Self {
        Self("sightings".into())
    }

    /// What one of Meta's clients did.
    pub fn client(name: &str) -> Self {
        Self(format!("client-{name}").into())
    }

    /// The process of the implementation under test.
    pub fn process() -> Self {
        Self("process".into())
    }
}

/// Which execution of the scenario an entry belongs to.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The scenario itself.
    #[default]
    Main,
    /// The scenario in the canonical encoding, on accounts of its own.
    Canonical,
    /// The positive twin of the n-th step, on accounts of its own.
    Twin(usize),
    /// The probe after the n-th step, on accounts of its own.
    Probe(usize),
}

/// One recorded event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    #[serde(flatten)]
    pub id: EntryId,
    pub lane: Lane,
    /// The actor whose account it concerns, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Unix milliseconds; differs between runs.
    pub at_ms: u64,
    pub event: Event,
}
