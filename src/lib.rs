//! `counterpart` plays your counterpart: a conformance test harness for messaging interoperability
//! under the EU Digital Markets Act.
//!
//! It loads YAML scenarios, plays Meta's side of the protocol against an implementation under test
//! (IUT), records every byte and decision, and judges the recording.
//!
//! # Layout
//!
//! One idea runs through the crate: text → [`Scenario`](scenario::Scenario) →
//! [`Case`](scenario::Case) → roles play over the network against the IUT → append-only
//! [`Transcript`](evidence::Transcript) → pure [checks](check) →
//! [`Finding`](verdict::Finding)s with a requirement and evidence → [`Report`](report::Report). A
//! verdict can be reached again later from the transcript alone.
//!
//! Rooms, from the ground up; a room imports only rooms above it in this list, and only those that
//! `tests/architecture.rs` allows:
//!
//! | room | what it is about |
//! |---|---|
//! | [`limits`], [`seed`], [`clock`], [`patience`], [`span`], [`diff`], [`http`], [`proto`], [`canary`] | everybody's ground: bounds with reasons, the one PRNG, time as a value, waits that a busy machine does not use up, carets, comparisons, plain HTTP values, protobuf types, leaks in any encoding |
//! | [`wire`] | bytes ↔ node: addresses, binary encoding, frames, the XML form |
//! | [`noise`] | the encrypted channel: handshake, transport, certificate chain |
//! | [`spec`] | what must hold: catalogue, profile values with their basis, capabilities |
//! | [`e2ee`] | Signal sessions, content, padding, diagnosis of key agreements |
//! | [`stanza`] | node ↔ meaning, one file a stanza family |
//! | [`identity`] | tokens, key sets, the enlistment form |
//! | [`driver`] | the driver protocol, both ends |
//! | [`net`] | the only sockets; it knows no stanza |
//! | [`iut`] | driving the subject: spawning, watching, the IUT file |
//! | [`scenario`] | what to do: model, parsing with places, lint, plan |
//! | [`evidence`] | what happened: transcript, events, the log |
//! | [`role`] | sans-I/O peers: Meta's side, the reference third party, the quirks |
//! | [`verdict`] | what it means: verdicts, results, outcome, exit codes |
//! | [`check`] | pure functions from a transcript to findings |
//! | [`run`] | carries cases out: roles over net by a scenario |
//! | [`report`] | renders results |
//! | [`zoo`] | the kill matrix: each quirk against the scenarios that should see it |
//! | [`reference`](mod@reference) | the bundled third party as a process of its own, and the controls |
//! | [`serve`] | the counterpart alone, for somebody who writes a client: greeting, log, test users |
//! | [`cli`] | one file a verb |
//!
//! Decisions that shape the whole:
//!
//! - *Recorded first, acted on second.* Roles emit events in the transcript's own vocabulary, so
//!   `role` imports `evidence`: two vocabularies that are translated into each other drift apart.
//! - *One evaluator.* The runner asks [`check::Progress`] whether an expectation is met; the judge
//!   feeds the same type from the log. What was decided live is decided again the same way.
//! - *Twins and probes are ordinary steps.* [`scenario::Plan`] adds them; neither runner nor judge
//!   has a special case for negative tests.
//! - *Roles never touch the world.* Time, bytes and HTTP come in as values; only [`net`], [`iut`],
//!   [`run`], [`reference`](mod@reference), [`serve`] and [`cli`] know a socket, a process or the clock.
//!
//! To add a scenario, write one YAML file and name a quirk that turns it red. To add a check, add a
//! file in `check/passive` and a line in [`check::ALL`]. To add a report
//! format, add a file in `report` and a line in [`report::format::ALL`]. To add a quirk, add a line in
//! [`role::quirk`] and the one line of the role that it changes.

// `println!` panics when the reader goes away: `cli::stdout` instead.
#![warn(clippy::print_stdout)]

pub mod canary;
pub mod check;
pub mod cli;
pub mod clock;
pub mod diff;
pub mod driver;
pub mod e2ee;
pub mod evidence;
pub mod http;
pub mod identity;
pub mod iut;
pub mod limits;
pub mod net;
pub mod noise;
pub mod patience;
pub mod proto;
pub mod reference;
pub mod report;
pub mod role;
pub mod run;
pub mod scenario;
pub mod seed;
pub mod serve;
pub mod span;
pub mod spec;
pub mod stanza;
pub mod verdict;
pub mod wire;
pub mod zoo;
