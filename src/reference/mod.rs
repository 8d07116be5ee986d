//! The bundled implementation under test: a third party, client and server, as a process of its own.
//!
//! [`third_party::run`] speaks the driver protocol over the standard streams; [`controls`] are the
//! two processes that are no implementation at all. It is wired from the roles, the sockets and the
//! driver's adapter end, and shares nothing with the harness at run time, so that a verdict on it
//! rests on what any other adapter would show too. A quirk makes it wrong in one way.

pub mod controls;
mod files;
pub mod listen;
mod operation;
mod proxy;
mod seats;
mod state;
mod stdio;
mod surface;
#[cfg(test)]
mod tests;
pub mod third_party;
mod traffic;
mod translate;
mod weakness;

use serde_json::{Map, Value, json};

use crate::driver::Seat;
use crate::driver::session::{Hello, Identity};

/// What the reference is in a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The third party, and Meta's proxy before it as well.
    #[default]
    ThirdParty,
    /// Meta's media proxy alone.
    MediaProxy,
}

impl Part {
    /// The seats that it takes.
    fn seats(self) -> &'static [Seat] {
        match self {
            Self::ThirdParty => &[Seat::ThirdPartyClient, Seat::ThirdPartyServer, Seat::MediaProxy],
            Self::MediaProxy => &[Seat::MediaProxy],
        }
    }

    /// The word that stands behind `reference:`.
    fn word(self) -> &'static str {
        match self {
            Self::ThirdParty => "third-party",
            Self::MediaProxy => "media-proxy",
        }
    }
}

/// What the chat connection runs over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Transport {
    #[default]
    Tcp,
    #[value(name = "ws")]
    WebSocket,
}

/// The answer to `hello`; capabilities that are not stated have their defaults.
fn hello(name: String, part: Part, capabilities: Map<String, Value>) -> Value {
    let hello = Hello {
        driver: crate::driver::message::VERSION.to_owned(),
        iut: Identity { name, version: env!("CARGO_PKG_VERSION").to_owned() },
        seats: part.seats().to_vec(),
        capabilities,
    };
    json!(hello)
}
