//! The ways to reach an implementation under test, and how an instance starts by each.
//!
//! Main type: [`Adapter`]. It says how to get at the driver's line; what is said there is the same
//! for all. An adapter that the harness did not start is never stopped by it: somebody may have it
//! in a debugger.

use std::fmt;
use std::io::{BufReader, IsTerminal as _};
use std::path::PathBuf;

use tokio::sync::mpsc;

use super::instance::{Instance, Options};
use super::manual::{self, Held};
use super::program::Program;
use super::start::{StartError, StartFault};
use super::{Instances, silent};
use crate::driver::session::UploadOffer;
use crate::driver::{Incoming, Seat};
use crate::net::dial::{Place, dial};

/// Users of a shared instance where the file does not say: the example of `interfaces.md` §5.
pub const ACCOUNTS_DEFAULT: u64 = 64;

/// How to reach the driver.
#[derive(Clone, Debug)]
pub enum Adapter {
    Spawn(Spawn),
    /// It runs already, and listens.
    Attach(Address),
    /// A person at this terminal, who holds the implementation.
    Manual(Held),
    /// There is no driver: what the wire shows must do.
    None(Server),
}

/// A program to start.
#[derive(Clone, Debug)]
pub struct Spawn {
    pub program: Program,
    pub instances: Instances,
    /// Users that one instance carries before the next one starts; at least 1.
    pub max_accounts: u64,
    /// Files whose digest stands for the implementation in a certificate.
    pub digest_of: Vec<PathBuf>,
}

impl Spawn {
    /// A program with nothing said about its instances.
    pub fn of(program: Program) -> Self {
        let instances = Instances::default();
        Self { program, instances, max_accounts: ACCOUNTS_DEFAULT, digest_of: Vec::new() }
    }
}

/// Where an adapter listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `host:port`.
    Tcp(String),
    Unix(PathBuf),
}

/// What the file says of a server that has no driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub name: String,
    pub version: String,
    pub played: Played,
}

/// What somebody without a driver is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Played {
    /// The third party's server.
    Server {
        base_url: String,
        /// The authorities of its certificates, in PEM.
        tls_ca: Option<String>,
        media: Option<Prepared>,
        /// How one of its users stores files there.
        upload: Option<UploadOffer>,
    },
    /// Meta's media proxy.
    Proxy {
        /// Where its readers ask.
        url: String,
        /// Where it was told to find the third party's files.
        upstream: Upstream,
    },
}

/// A file that a server without a driver serves already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What stands behind the base URL and a slash.
    pub reference: String,
    /// A copy of it on this machine, where somebody named one.
    pub file: Option<PathBuf>,
}

/// A plain HTTP address of this machine at which the harness is to listen, because a proxy that cannot be
/// configured asks there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub port: u16,
    /// With a slash at its beginning and none at its end; empty where there is none.
    pub path: String,
}

/// An address at which nobody can listen; the user's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnusablePlace(pub String);

impl std::str::FromStr for Upstream {
    type Err = UnusablePlace;

    fn from_str(text: &str) -> Result<Self, UnusablePlace> {
        let refused = |why: &str| UnusablePlace(format!("`{text}` {why}"));
        let rest = text.strip_prefix("http://").ok_or_else(|| refused("is no plain http"))?;
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = place.rsplit_once(':').ok_or_else(|| refused("names no port"))?;
        if !matches!(host, "localhost" | "127.0.0.1") {
            return Err(refused("is not on this machine"));
        }
        let port = port.parse().ok().filter(|port| *port > 0);
        let port = port.ok_or_else(|| refused("names no port"))?;
        Ok(Self { port, path: path.trim_end_matches('/').to_owned() })
    }
}

impl Server {
    /// The seat that it takes.
    pub fn seat(&self) -> Seat {
        match self.played {
            Played::Server { .. } => Seat::ThirdPartyServer,
            Played::Proxy { .. } => Seat::MediaProxy,
        }
    }
}

/// An address that is none; the user's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address of an adapter; write `tcp:HOST:PORT` or `unix:PATH`")]
pub struct NoAddress(pub String);

impl std::str::FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        match text.split_once(':') {
            Some(("tcp", place)) if is_host_and_port(place) => Ok(Self::Tcp(place.to_owned())),
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            _ => Err(NoAddress(text.to_owned())),
        }
    }
}

/// Names are looked up when the time has come; only the port can be judged before.
pub(super) fn is_host_and_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(place) => write!(f, "tcp:{place}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Adapter {
    /// Starts an instance: one driver connection that was greeted.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn start(
        &self,
        options: &Options,
    ) -> Result<(Instance, mpsc::Receiver<Incoming>), StartError> {
        match self {
            Self::Spawn(spawn) => Instance::start(&spawn.program, options).await,
            Self::Attach(address) => attach(address, options).await,
            Self::Manual(held) => ask(held, options).await,
            Self::None(server) => {
                let (reader, writer) = silent::serve(server.clone());
                Instance::over(reader, writer, options).await
            }
        }
    }

    /// How cases share instances.
    pub fn instances(&self) -> Instances {
        match self {
            Self::Spawn(spawn) => spawn.instances,
            Self::Attach(_) | Self::Manual(_) | Self::None(_) => Instances::Shared,
        }
    }

    /// Users that one instance carries.
    pub fn max_accounts(&self) -> u64 {
        match self {
            Self::Spawn(spawn) => spawn.max_accounts,
            // The adapter that runs is the only one there is.
            Self::Attach(_) | Self::Manual(_) | Self::None(_) => u64::MAX,
        }
    }

    /// True if a person answers, at a person's pace.
    pub fn is_manual(&self) -> bool {
        matches!(self, Self::Manual(_))
    }

    /// What is served whatever is to be stored.
    pub fn prepared(&self) -> Option<&Prepared> {
        match self {
            Self::None(Server { played: Played::Server { media, .. }, .. }) => media.as_ref(),
            _ => None,
        }
    }

    /// Where a proxy that cannot be told asks for files.
    pub fn upstream(&self) -> Option<&Upstream> {
        match self {
            Self::None(Server { played: Played::Proxy { upstream, .. }, .. }) => Some(upstream),
            _ => None,
        }
    }

    /// True if the harness can always have one more instance.
    pub fn is_spawned(&self) -> bool {
        matches!(self, Self::Spawn(_))
    }
}

/// Standard output is for what a run is asked for, so a person is spoken to on standard error.
async fn ask(
    held: &Held,
    options: &Options,
) -> Result<(Instance, mpsc::Receiver<Incoming>), StartError> {
    let nobody = |fault| StartError { fault, stderr: Vec::new() };
    let output = tokio::io::stderr();
    let (reader, writer) = match &held.answers {
        Some(path) => {
            let input = std::fs::File::open(path).map_err(|error| {
                nobody(StartFault::NoAnswers { path: path.display().to_string(), error })
            })?;
            manual::serve(held.clone(), BufReader::new(input), output)
        }
        None if std::io::stdin().is_terminal() => {
            manual::serve(held.clone(), BufReader::new(std::io::stdin()), output)
        }
        None => return Err(nobody(StartFault::NoPerson)),
    };
    Instance::over(reader, writer, options).await
}

async fn attach(
    address: &Address,
    options: &Options,
) -> Result<(Instance, mpsc::Receiver<Incoming>), StartError> {
    let place = match address {
        Address::Tcp(place) => Place::Tcp(place),
        Address::Unix(path) => Place::Unix(path),
    };
    let (reader, writer) = dial(place).await.map_err(|error| StartError {
        fault: StartFault::CannotReach { address: address.to_string(), error },
        stderr: Vec::new(),
    })?;
    Instance::attached(reader, writer, options).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for text in ["tcp:127.0.0.1:7000", "tcp:localhost:1", "tcp:[::1]:7000", "unix:/tmp/a:b"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", "tcp:", "tcp:localhost", "tcp::7", "tcp:a:70000", "unix:", "a:1"] {
            let told = text.parse::<Address>().unwrap_err().to_string();
            assert!(told.contains("write `tcp:HOST:PORT` or `unix:PATH`"), "{told}");
        }
    }
}
