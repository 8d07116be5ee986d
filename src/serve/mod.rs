//! The counterpart alone, for somebody who writes a client: nothing is judged as a whole, and every
//! stanza, refusal and broken rule is told as it happens.
//!
//! The door is [`serve`]. A [`Host`](host::Host) wires Meta's side to sockets, as `run` does for a
//! case, but without an adapter: the subject is driven by hand. It never ends by itself, and
//! whatever a client can make grow has a bound. Roles know nothing of it; what it adds to them are
//! test users with manners ([`guests`]), faults on request ([`mischief`]) and words.

mod act;
mod advice;
mod block;
mod command;
mod greeting;
pub mod guests;
mod host;
mod journal;
mod layers;
pub mod mischief;
mod paint;
mod refusal;
mod screen;
mod witness;
mod xml;

use std::path::PathBuf;
use std::time::Duration;

use crate::net::TrustError;
use crate::run::Place;
use crate::seed::Seed;
use crate::spec::Profile;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    pub profile: Profile,
    pub seed: Seed,
    pub place: Place,
    /// Ports to listen on; 0 is any that is free.
    pub ports: Ports,
    /// The third party's own server; without one the harness stands in for it.
    pub server: Option<String>,
    /// A file of the authorities, in PEM, whose certificates it may have; those that this machine trusts
    /// where nothing is said.
    pub server_ca: Option<PathBuf>,
    /// HTTPS instead of HTTP; the authority of its certificates goes into this file.
    pub tls: Option<PathBuf>,
    pub log: Option<PathBuf>,
    /// Ends by itself after this time.
    pub lifetime: Option<Duration>,
    /// The greeting is one JSON object, and the log goes to standard error.
    pub json: bool,
    pub colour: bool,
    /// Columns of the terminal.
    pub width: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    pub chat: u16,
    pub http: u16,
}

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By `quit`, or because the time was up.
    Asked,
    /// By Ctrl-C.
    Interrupted,
}

/// Why it could not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on port {port} for {what}: {error}")]
    Listen { what: &'static str, port: u16, error: std::io::Error },
    #[error("cannot write {}: {error}", path.display())]
    Log { path: PathBuf, error: std::io::Error },
    #[error("cannot read {}: {error}", path.display())]
    Authority { path: PathBuf, error: std::io::Error },
    #[error("{}: {error}", path.display())]
    Trust { path: PathBuf, error: TrustError },
}

/// Serves until the user ends it.
///
/// # Errors
/// A port cannot be had, or the log not be written.
pub async fn serve(options: Options) -> Result<Ended, ServeError> {
    let host = host::Host::open(options).await?;
    Ok(host.run().await)
}

/// A line with a name and what it stands for, below the head of a block.
fn field(name: &str, text: impl AsRef<str>) -> paint::Line {
    labelled(4, name, text)
}

fn labelled(indent: usize, name: &str, text: impl AsRef<str>) -> paint::Line {
    let head = format!("{name:<9} ");
    let hang = indent + head.chars().count();
    paint::Line::new(indent, hang).with(paint::Ink::Faint, head).text(text)
}
