//! Looks at an HTTP server as no well-behaved caller would: one TLS version, one HTTP version, raw
//! bytes (`interfaces.md` §10).
//!
//! Main types: [`Probe`] and [`Probed`]. Each probe is a connection of its own, trusts anybody unless
//! trust is its subject, and says what it saw; what that means is judged elsewhere.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::fetch::{self, Origin};
use super::reading;
use super::shared::Shared;
use super::tls::stream::Stream;
use super::tls::{H1, Trust, old};
use super::{ExchangeId, HttpVersion, NetEvent};
use crate::http::{HttpRequest, HttpResponse, LATE};
use crate::limits::{PROBE_BYTES_MAX, PROBE_QUIET_MS};

/// What is asked of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A ClientHello that offers an old version and nothing newer.
    Old(OldVersion),
    /// A handshake by this version of TLS alone.
    Tls(TlsVersion),
    /// A handshake with a server that must be trusted.
    Trusted,
    /// A request by this version of HTTP alone, named by ALPN where there is TLS.
    Request(HttpVersion, HttpRequest),
    /// These bytes where HTTP/1.1 is spoken, and then silence.
    Raw(Vec<u8>),
    /// A request whose answer is read until its body ends or has given so many bytes; the first of them
    /// are kept, the others counted.
    Read(Reading),
}

/// How a reader asks, and how much of the answer it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub request: HttpRequest,
    pub bytes: u64,
    /// HTTP/2 is offered too where there is TLS, and spoken if it is chosen.
    pub http2: bool,
    /// How long the reader waits for the answer's head, where not as long as for any other.
    pub wait: Option<Duration>,
}

impl Reading {
    /// All of the answer, by HTTP/1.1.
    pub fn whole(request: HttpRequest) -> Self {
        Self { request, bytes: u64::MAX, http2: false, wait: None }
    }
}

/// Versions that nobody may speak any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldVersion {
    Tls10,
    Tls11,
}

impl OldVersion {
    /// As they stand in a hello (RFC 4346 §6.2.1).
    pub fn bytes(self) -> [u8; 2] {
        match self {
            Self::Tls10 => [3, 1],
            Self::Tls11 => [3, 2],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

/// What a probe saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probed {
    /// The version of TLS that was agreed on.
    pub tls: Option<String>,
    /// The protocol that the server chose by ALPN.
    pub alpn: Option<String>,
    /// The answer to a request.
    pub answer: Option<HttpResponse>,
    /// What came back for raw bytes.
    pub bytes: Vec<u8>,
    /// The server ended the connection after that, or the body that was read is whole.
    pub closed: bool,
    /// How many bytes of a body were read.
    pub read: u64,
}

pub(super) fn start(shared: &Arc<Shared>, url: String, probe: Probe) -> ExchangeId {
    let id = shared.exchange();
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let wait = task.waits.fetch;
        // What is read piece by piece has a deadline for each.
        let limit = if matches!(probe, Probe::Read(..)) { Duration::MAX } else { wait };
        let result = match timeout(limit, carry_out(&task, &url, probe)).await {
            Ok(result) => result,
            Err(_) => Err(format!("{LATE} {} ms", wait.as_millis())),
        };
        task.emit(NetEvent::Probed { id, result }).await;
    });
    id
}

async fn carry_out(shared: &Arc<Shared>, url: &str, probe: Probe) -> Result<Probed, String> {
    let origin = Origin::of(url)?;
    let anybody = Trust::anybody();
    match probe {
        Probe::Old(version) => {
            let mut stream = origin.connect().await?;
            let hello = old::hello(version, &origin.host);
            stream.write_all(&hello).await.map_err(|error| error.to_string())?;
            let (bytes, closed) = until_quiet(&mut Stream::Plain(stream), is_agreement).await;
            let tls = old::reading(&bytes).map(named);
            Ok(Probed { tls, bytes, closed, ..Probed::default() })
        }
        Probe::Tls(version) => {
            let versions = match version {
                TlsVersion::Tls12 => [&rustls::version::TLS12],
                TlsVersion::Tls13 => [&rustls::version::TLS13],
            };
            let stream = origin.dial(&anybody, &versions, &[]).await?;
            Ok(agreed(&stream))
        }
        Probe::Trusted => {
            let trust = shared.trust();
            let stream = origin.dial(&trust, rustls::DEFAULT_VERSIONS, &[]).await?;
            Ok(agreed(&stream))
        }
        Probe::Request(version, request) => {
            let stream = fetch::dial(&origin, version, &anybody).await?;
            let seen = agreed(&stream);
            let answer = fetch::over(shared, stream, version, &origin, request).await?;
            Ok(Probed { answer: Some(answer), ..seen })
        }
        Probe::Read(reading) => reading::read(shared, &origin, reading).await,
        Probe::Raw(bytes) => {
            let mut stream = origin.dial(&anybody, rustls::DEFAULT_VERSIONS, &[H1]).await?;
            let seen = agreed(&stream);
            // Who has heard enough may stop reading; what it says is what counts.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            let (bytes, closed) = until_quiet(&mut stream, |_| false).await;
            Ok(Probed { bytes, closed, ..seen })
        }
    }
}

fn is_agreement(bytes: &[u8]) -> bool {
    old::reading(bytes).is_some() || bytes.first() == Some(&21)
}

fn named([major, minor]: [u8; 2]) -> String {
    match [major, minor] {
        [3, 0] => "SSL 3.0".to_owned(),
        [3, minor] => format!("TLS 1.{}", minor - 1),
        _ => format!("version {major}.{minor}"),
    }
}

fn agreed(stream: &Stream) -> Probed {
    let Stream::Tls(stream) = stream else { return Probed::default() };
    let (_, session) = stream.get_ref();
    let tls = session.protocol_version().and_then(|version| version.as_str()).map(|name| {
        name.strip_prefix("TLSv")
            .map_or_else(|| name.to_owned(), |v| format!("TLS {}", v.replace('_', ".")))
    });
    let alpn = session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
    Probed { tls, alpn, ..Probed::default() }
}

/// Reads until the peer closes, has said enough, or says nothing for a while; true if it closed.
async fn until_quiet(stream: &mut Stream, enough: impl Fn(&[u8]) -> bool) -> (Vec<u8>, bool) {
    let quiet = Duration::from_millis(PROBE_QUIET_MS);
    let (mut all, mut buffer) = (Vec::new(), vec![0; 4096]);
    while all.len() < PROBE_BYTES_MAX && !enough(&all) {
        match timeout(quiet, stream.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => return (all, true),
            Ok(Ok(count)) => all.extend_from_slice(&buffer[..count]),
            Err(_) => return (all, false),
        }
    }
    (all, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::next;
    use crate::net::{Authority, Manner, Net, ServerFault};

    /// What a server of this fault shows to a probe; requests are answered with their path.
    async fn seen(fault: Option<ServerFault>, probe: Probe) -> Result<Probed, String> {
        let authority = Arc::new(Authority::new(["localhost"]).unwrap());
        let (net, mut events) = Net::new();
        net.trust(Trust::in_pem(authority.pem()).unwrap());
        let manner = Manner { authority: Some(authority), fault };
        let address = net.listen_http_as(0, manner).await.unwrap();
        let url = format!("https://localhost:{}/a?b", address.port());
        let probed = net.probe(url, probe);
        loop {
            match next(&mut events).await {
                NetEvent::Request { id, request, .. } => {
                    net.respond(
                        id,
                        HttpResponse { body: request.path.into(), ..HttpResponse::new(200) },
                    );
                }
                NetEvent::Probed { id, result } => {
                    assert_eq!(id, probed);
                    return result;
                }
                _ => {}
            }
        }
    }

    fn raw(text: &str) -> Probe {
        Probe::Raw(text.replace('\n', "\r\n").into_bytes())
    }

    async fn said(fault: Option<ServerFault>, text: &str) -> (String, bool) {
        let probed = seen(fault, raw(text)).await.unwrap();
        (String::from_utf8(probed.bytes).unwrap(), probed.closed)
    }

    #[tokio::test]
    async fn versions_of_tls_are_seen_one_by_one() {
        let tls =
            async |fault, version| seen(fault, Probe::Tls(version)).await.map(|seen| seen.tls);
        let agreed = |name: &str| Ok(Some(name.to_owned()));
        assert_eq!(tls(None, TlsVersion::Tls13).await, agreed("TLS 1.3"));
        assert_eq!(tls(None, TlsVersion::Tls12).await, agreed("TLS 1.2"));
        assert!(tls(Some(ServerFault::NoTls13), TlsVersion::Tls13).await.is_err());
        assert!(tls(Some(ServerFault::NoTls12), TlsVersion::Tls12).await.is_err());
        for (version, name) in [(OldVersion::Tls10, "TLS 1.0"), (OldVersion::Tls11, "TLS 1.1")] {
            let refused = seen(None, Probe::Old(version)).await.unwrap();
            assert_eq!((refused.tls, refused.bytes.first()), (None, Some(&21)));
            let agreed = seen(Some(ServerFault::OldTls), Probe::Old(version)).await.unwrap();
            assert_eq!(agreed.tls.as_deref(), Some(name));
        }
    }

    #[tokio::test]
    async fn versions_of_http_are_seen_one_by_one() {
        let get = || HttpRequest::new("GET", "/a?b");
        for (version, alpn) in [(HttpVersion::Http1, "http/1.1"), (HttpVersion::Http2, "h2")] {
            let seen = seen(None, Probe::Request(version, get())).await.unwrap();
            let answer = seen.answer.unwrap();
            assert_eq!((seen.alpn.as_deref(), &answer.body[..]), (Some(alpn), &b"/a?b"[..]));
        }
        let no_h2 = Probe::Request(HttpVersion::Http2, get());
        assert!(seen(Some(ServerFault::NoHttp2), no_h2).await.is_err());
        let no_h1 = Probe::Request(HttpVersion::Http1, get());
        assert!(seen(Some(ServerFault::NoHttp1), no_h1).await.is_err());
    }

    #[tokio::test]
    async fn a_request_says_once_whom_it_is_for() {
        let (none, two) = ("GET / HTTP/1.1\n\n", "GET / HTTP/1.1\nHost: a\nHost: b\n\n");
        for text in [none, two] {
            let (answer, closed) = said(None, text).await;
            assert!(answer.starts_with("HTTP/1.1 400 ") && closed, "{answer}");
        }
        for (fault, text) in [(ServerFault::NoHostServed, none), (ServerFault::TwoHostsServed, two)]
        {
            assert!(said(Some(fault), text).await.0.starts_with("HTTP/1.1 200 "), "{fault:?}");
        }
    }

    #[tokio::test]
    async fn a_body_has_one_length() {
        let both = "POST /1 HTTP/1.1\nHost: a\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n\
                    GET /2 HTTP/1.1\nHost: a\n\n";
        let two = "POST /1 HTTP/1.1\nHost: a\nContent-Length: 0\nContent-Length: 4\n\nGET /2 HTTP/1.1\nHost: a\n\n";
        let odd = "POST /1 HTTP/1.1\nHost: a\nContent-Length: +0x\n\nGET /2 HTTP/1.1\nHost: a\n\n";
        // Read by Transfer-Encoding alone, and then closed (RFC 9112 §6.1).
        let (answer, closed) = said(None, both).await;
        assert!(answer.ends_with("/1") && closed, "{answer}");
        for text in [two, odd] {
            let (answer, closed) = said(None, text).await;
            assert!(answer.starts_with("HTTP/1.1 400 ") && closed, "{answer}");
            assert!(!answer.contains("/2"), "{answer}");
        }
        for (fault, text) in [
            (ServerFault::BothFramingsKept, both),
            (ServerFault::LengthWins, both),
            (ServerFault::FirstLengthWins, two),
            (ServerFault::OddLengthIsNone, odd),
        ] {
            let (answer, closed) = said(Some(fault), text).await;
            assert!(answer.ends_with("/2") && !closed, "{fault:?}: {answer}");
        }
    }
}
