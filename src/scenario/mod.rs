//! What to do: scenarios from YAML to typed steps, with every mistake shown at its place.
//!
//! Main types: [`Scenario`] and [`Case`]. Text becomes a tree with places, the tree a scenario;
//! `lint` judges whether it can work, `expand` makes the cases, `plan` adds twins and probes. The
//! room runs nothing. What may be written stands in three registries (`shape`, `kinds`,
//! `operations`), from which reader, lint and JSON Schema are fed alike.

mod ciphertext;
pub mod compare;
pub mod diff;
pub mod expand;
mod key_faults;
pub mod kinds;
pub mod library;
pub mod line;
pub mod lint;
mod matcher;
mod media_faults;
pub mod model;
pub mod mutation;
pub mod needs;
pub mod operations;
pub mod parse;
pub mod pattern;
pub mod plan;
mod probe;
mod push;
mod question;
pub mod said;
pub mod schema;
pub mod shape;
mod steps;
mod stub;
pub mod template;
pub mod vocabulary;
mod words;

pub use ciphertext::CiphertextFault;
pub use compare::Mismatch;
pub use expand::{Case, expand};
pub use key_faults::{BundleFault, Loss, PrekeyFault};
pub use line::{Advance, Amount, End, Exchange, FaultKind, Length, LineFault, Way, Which};
pub use lint::lint;
pub use media_faults::{FileProbe, HostFault, MediaFault, ProxyProbe};
pub use model::*;
pub use mutation::*;
pub use needs::Needs;
pub use parse::parse;
pub use pattern::Pattern;
pub use plan::{IMPLICIT_PEER, Part, Phase, Plan, PlannedStep, Purpose};
pub use probe::{Endpoint, ProbeKind};
pub use push::{BodyFault, PushKeys, TokenFault};
pub use said::{Said, SaidKind};
pub use schema::schema;
pub use stub::{Stub, Then, When};
pub use template::{Scope, Template};
