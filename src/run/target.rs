//! How to reach the implementation under test in a run, and what the user asked of it.
//!
//! Main type: [`Target`]: an adapter with a name, timeouts and the seats that it plays. It holds no
//! connection; [`super::pool`] starts instances of it.

use std::path::PathBuf;
use std::time::Duration;

use rand::Rng as _;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::HARNESS;
use crate::driver::{Hello, Incoming, Seat};
use crate::iut::{
    Adapter, Address, Attestation, Instance, Instances, Options, Pause, StartError, Timeouts,
};
use crate::seed::Seed;

/// Stands for "no timeout", for a debugger's sake.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// An instance that was greeted, with what it says.
pub(super) type Started = (Instance, mpsc::Receiver<Incoming>);

/// How to reach the implementation under test.
#[derive(Clone, Debug)]
pub struct Target {
    /// As the user named it.
    pub name: String,
    /// False for the bundled reference.
    pub foreign: bool,
    pub adapter: Adapter,
    pub timeouts: Timeouts,
    /// What the IUT file narrows of the stated capabilities.
    pub ics: Map<String, Value>,
    /// Empty: all seats that the adapter has.
    pub seats: Vec<Seat>,
    /// Log files beside standard error.
    pub logs: Vec<PathBuf>,
    /// What the IUT file states where nothing can be run.
    pub attestations: Vec<Attestation>,
    /// Held after each start, before anything is said.
    pub pause: Option<Pause>,
    /// The client that is lent to a server which is judged alone.
    pub lent: Option<Adapter>,
}

impl Target {
    /// The same, but reached at an adapter that runs already; what it is, only it knows.
    pub fn attached(self, address: Address) -> Self {
        let name = if self.foreign { self.name } else { address.to_string() };
        Self { name, foreign: true, adapter: Adapter::Attach(address), ..self }
    }

    /// The same; a person is not hurried.
    pub fn at_its_pace(self) -> Self {
        match self.adapter.is_manual() {
            true => Self { timeouts: Timeouts::OFF, ..self },
            false => self,
        }
    }

    /// The same, with all the time that a debugger takes.
    pub fn debugged(self, pause: Pause) -> Self {
        Self { timeouts: Timeouts::OFF, pause: Some(pause), ..self }
    }

    /// True if somebody may hold the process in a debugger.
    pub(super) fn is_debugged(&self) -> bool {
        self.timeouts.operation.is_none()
    }

    /// Starts an instance and greets it.
    pub(super) async fn start(&self, seed: Seed) -> Result<Started, StartError> {
        let options = Options {
            harness: HARNESS.into(),
            nonsense: seed.rng(&["nonsense"]).next_u32(),
            timeouts: self.timeouts,
            pause: self.pause.clone(),
        };
        self.adapter.start(&options).await
    }

    /// Starts another adapter than the subject's, and greets it.
    pub(super) async fn start_of(
        &self,
        adapter: &Adapter,
        seed: Seed,
    ) -> Result<Started, StartError> {
        let nonsense = seed.rng(&["nonsense"]).next_u32();
        let (harness, timeouts) = (HARNESS.into(), Timeouts::default());
        adapter.start(&Options { harness, nonsense, timeouts, pause: None }).await
    }

    /// The seats that the subject plays in this run.
    pub(super) fn played(&self, hello: &Hello) -> Vec<Seat> {
        let asked = |seat: &Seat| self.seats.is_empty() || self.seats.contains(seat);
        hello.seats.iter().copied().filter(asked).collect()
    }

    /// How long an operation may take.
    pub(super) fn operation_timeout(&self) -> Duration {
        self.timeouts.operation.unwrap_or(FOR_EVER)
    }

    /// True if cases may share instances.
    pub(super) fn shares(&self) -> bool {
        self.adapter.instances() == Instances::Shared
    }
}
