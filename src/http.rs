//! HTTP messages as plain values, so that roles can speak HTTP without a socket, and what a network
//! does to an exchange of them.

use std::time::Duration;

/// How the reason begins why an exchange came to nothing: the other side took too long, nobody listens,
/// or there is no TLS in common.
pub const LATE: &str = "nothing within";
pub const NOBODY: &str = "cannot connect";
pub const NO_TLS: &str = "no TLS";

/// A request as it is sent or was received; bodies are bounded by whoever reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRequest {
    pub method: String,
    /// Path with query, as on the request line.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// So many spaces follow the body, made as they are sent: for bodies that are too large.
    pub padding: usize,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// How the body of an answer travels, where it does not simply travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The `Content-Length` that is stated, true or not; without it, none is.
    pub announced: Option<u64>,
    /// The body leaves in pieces of so many bytes.
    pub piece_bytes: usize,
    /// So many zeros follow the body, made as they leave: for files that are too large to be held.
    pub filler_bytes: u64,
    /// How long the answer is held back.
    pub delay: Duration,
    /// What passes between two pieces, as far as there are not too many.
    pub pause: Duration,
    pub end: Ending,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            announced: None,
            piece_bytes: usize::MAX,
            filler_bytes: 0,
            delay: Duration::ZERO,
            pause: Duration::ZERO,
            end: Ending::Whole,
        }
    }
}

/// What the network does to a request of ours and to its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strain {
    /// How long the request is held back once the connection stands.
    pub delay: Duration,
    pub sent: Flow,
    pub received: Flow,
}

/// How the bytes of one direction pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// In pieces of so many bytes, with a pause between them.
    pub piece_bytes: Option<usize>,
    /// After so many bytes it is over, in this way.
    pub stop: Option<(usize, Stop)>,
}

/// How an exchange is over before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The connection is closed.
    Closed,
    /// The connection is reset.
    Reset,
    /// Nothing passes any more, and nobody is told.
    Stalled,
}

/// What follows the last byte of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its end.
    Whole,
    /// The end of the connection.
    Broken,
    /// A reset of the connection.
    Reset,
    /// Nothing, for as long as the peer waits.
    Stalled,
}

impl HttpRequest {
    /// A request without headers or body.
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), ..Self::default() }
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl HttpResponse {
    /// An answer without headers or body.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// An answer with a JSON body.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type".into(), "application/json".into())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    /// The first header of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Adds a header.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Whether a server says by this status that it does not know who asks.
pub fn is_refusal(status: u16) -> bool {
    matches!(status, 401 | 403 | 407)
}
