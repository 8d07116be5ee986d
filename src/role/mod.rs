//! The parties of the protocol as sans-I/O state machines: bytes and time in, bytes and events out.
//!
//! A role never asks for the time, a socket or the operating system. Whoever drives it feeds
//! [`Input`]s and carries out [`Output`]s in order; an [`Output::Record`] comes before the bytes
//! that it explains, so a transcript is complete even if acting on them fails. Meta's side is
//! [`meta::Meta`]; the reference third party is [`third_party_client`] and [`third_party_server`]. A
//! media proxy under test stands between [`proxy_ends`]; [`media_proxy`] is the reference's.

pub mod media_proxy;
pub mod meta;
pub mod proxy_ends;
pub mod quirk;
pub mod signal;
pub mod third_party_client;
pub mod third_party_server;

use crate::clock::UnixMs;
use crate::evidence::{Event, Lane, Stream};
use crate::http::{Delivery, HttpRequest, HttpResponse};

/// A connection, as named by whoever owns the sockets.
pub type ConnId = u64;
/// An HTTP request that came in, as named by whoever owns the sockets.
pub type RequestId = u64;
/// An HTTP request that a role sends, as named by the role.
pub type FetchId = u64;

/// What happens to a role.
#[derive(Debug)]
pub enum Input {
    /// Somebody connected.
    Accepted {
        conn: ConnId,
        websocket: bool,
    },
    /// A connection that the role asked for is open.
    Opened {
        conn: ConnId,
    },
    Bytes {
        conn: ConnId,
        bytes: Vec<u8>,
    },
    /// The other end is gone; `error` says if it was no clean close.
    Closed {
        conn: ConnId,
        error: Option<String>,
    },
    Request {
        id: RequestId,
        request: HttpRequest,
    },
    Response {
        id: FetchId,
        result: Result<HttpResponse, String>,
    },
    /// The moment of the last [`Output::WakeAt`] has come.
    Wake,
}

/// What a role wants done, in this order.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Goes into the transcript.
    Record(Box<Record>),
    Send {
        conn: ConnId,
        bytes: Vec<u8>,
    },
    Close {
        conn: ConnId,
    },
    Respond {
        id: RequestId,
        response: HttpResponse,
    },
    /// The connection of a request breaks off before its answer is there.
    Lose {
        id: RequestId,
    },
    /// An HTTP request to an absolute URL.
    Fetch {
        id: FetchId,
        url: String,
        request: HttpRequest,
    },
    /// The same for a file, whose body has at most so many bytes; by HTTP/2 alone, or by HTTP/1.1.
    Download {
        id: FetchId,
        url: String,
        request: HttpRequest,
        bytes_max: usize,
        http2: bool,
    },
    /// An answer whose body does not simply travel.
    Deliver {
        id: RequestId,
        response: HttpResponse,
        how: Delivery,
    },
    /// The answer to a request is what a server answers to this one, while it comes.
    Relay {
        id: RequestId,
        url: String,
        request: HttpRequest,
    },
    /// Requests for this path are this role's, where several stand behind one address.
    Claim {
        path: String,
    },
    WakeAt(UnixMs),
}

/// An event with its place in the transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub stream: Stream,
    pub lane: Lane,
    pub actor: Option<String>,
    pub event: Event,
}

/// A party of the protocol.
pub trait Role {
    /// Takes in what happened.
    fn handle(&mut self, now: UnixMs, input: Input);
    /// Gives the next thing to do, if there is one.
    fn poll(&mut self) -> Option<Output>;
}
