//! HTTP for whoever asks: one handler for all methods and paths, answered by the session.
//!
//! axum serves HTTP/1.1 and HTTP/2 on one port and runs its connections in tasks of its own. Those
//! would outlive the `Net`, so every accepted stream is tethered: it fails when the `Net` is gone.

pub(super) mod tethered;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use http_body_util::BodyExt;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::http::{HttpRequest, HttpResponse};
use crate::limits::{HTTP_BODY_BYTES_MAX, HTTP_DISCARD_BYTES_MAX};
use crate::net::fetch::with_causes;
use crate::net::shared::{Answer, Shared};
use crate::net::tls::stream::Stream;
use crate::net::tls::{self, Authority, old};
use tethered::{Alive, Idle, Tethered};

use crate::net::{ExchangeId, HttpVersion, NetEvent, delivery, naive, sockets};

/// How a listener does HTTP.
#[derive(Clone, Default)]
pub struct Manner {
    /// Whose certificate it shows; without one it speaks plain HTTP.
    pub authority: Option<Arc<Authority>>,
    /// What it does wrong on purpose.
    pub fault: Option<ServerFault>,
}

/// Deliberate faults of an HTTP server that only its lowest layers can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerFault {
    /// Only HTTP/1.1 is spoken.
    NoHttp2,
    /// One connection is served after another.
    OneAtATime,
    /// What the first read gives is the whole body.
    BodyInOneRead,
    /// Only HTTP/2 is spoken.
    NoHttp1,
    /// Nothing newer than TLS 1.2.
    NoTls13,
    /// Nothing older than TLS 1.3.
    NoTls12,
    /// TLS 1.0 and 1.1 are negotiated with who asks for them.
    OldTls,
    /// A request without `Host` is served.
    NoHostServed,
    /// A request with two `Host`s is served.
    TwoHostsServed,
    /// `Transfer-Encoding` beside `Content-Length` is read, and the connection stays open.
    BothFramingsKept,
    /// `Content-Length` is read, whatever else says how long the body is.
    LengthWins,
    /// Of several `Content-Length`s the first is read.
    FirstLengthWins,
    /// A `Content-Length` that is no number counts as none.
    OddLengthIsNone,
    /// A body over the bound is answered 500.
    LargeBodyFails,
}

impl ServerFault {
    /// True for what no library can be made to do: the requests are read by hand then.
    fn is_naive(self) -> bool {
        matches!(
            self,
            Self::LengthWins
                | Self::FirstLengthWins
                | Self::BodyInOneRead
                | Self::OddLengthIsNone
                | Self::BothFramingsKept
        )
    }
}

pub(super) async fn listen(
    shared: &Arc<Shared>,
    port: u16,
    manner: Manner,
) -> io::Result<SocketAddr> {
    let (listener, address) = sockets::bind(shared, port).await?;
    let service = Service { shared: Arc::clone(shared), listener: address, fault: manner.fault };
    let (ready, accepted) = mpsc::channel(1);
    let turns = Arc::new(Semaphore::new(1));
    let door = Arc::new(Door { service: service.clone(), manner, ready, turns });
    let accepting = Arc::clone(shared);
    shared.spawn(async move {
        loop {
            let (stream, place) = sockets::accept(&accepting, &listener).await;
            let door = Arc::clone(&door);
            // A handshake that takes its time must not keep others out.
            accepting.spawn(async move { door.admit(stream, place).await });
        }
    });
    let router = Router::new().fallback(handle).with_state(service);
    let admitted = Admitted { accepted, address };
    shared.spawn(async move {
        // It only ends with the listener, and this one never does.
        let _ = axum::serve(admitted, router.into_make_service_with_connect_info::<Line>()).await;
    });
    Ok(address)
}

/// Where connections become HTTP.
struct Door {
    service: Service,
    manner: Manner,
    ready: mpsc::Sender<(Tethered, SocketAddr)>,
    /// For a fault: whose turn it is.
    turns: Arc<Semaphore>,
}

impl Door {
    async fn admit(&self, stream: TcpStream, place: OwnedSemaphorePermit) {
        let Ok(peer) = stream.peer_addr() else { return };
        let shared = &self.service.shared;
        let turn = match self.manner.fault {
            Some(ServerFault::OneAtATime) => Arc::clone(&self.turns).acquire_owned().await.ok(),
            _ => None,
        };
        let stream = match timeout(shared.waits.open, self.secured(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(why)) => {
                let listener = self.service.listener;
                let error = with_causes(&why);
                return shared.emit(NetEvent::Unsecured { listener, error }).await;
            }
            Err(_) => return,
        };
        let alive: Alive = Some(Box::pin(shared.stopped()));
        let idle = Idle::new(shared.waits.idle);
        let line = Line::default();
        let stream = Tethered { stream, alive, idle, line, _turn: turn, _place: place };
        match self.manner.fault {
            Some(fault) if fault.is_naive() => naive::serve(&self.service, fault, stream).await,
            // Only a listener that is gone takes no more.
            _ => drop(self.ready.send((stream, peer)).await),
        }
    }

    async fn secured(&self, stream: TcpStream) -> io::Result<Stream> {
        let Some(authority) = &self.manner.authority else { return Ok(Stream::Plain(stream)) };
        if self.manner.fault == Some(ServerFault::OldTls) {
            old::agree(&stream).await?;
        }
        let acceptor = TlsAcceptor::from(self.config(authority));
        let stream = acceptor.accept(stream).await?;
        Ok(Stream::Tls(Box::new(stream.into())))
    }

    fn config(&self, authority: &Authority) -> Arc<ServerConfig> {
        match self.manner.fault {
            Some(ServerFault::NoHttp1) => authority.config_of(rustls::DEFAULT_VERSIONS, &[tls::H2]),
            Some(ServerFault::NoTls13) => {
                authority.config_of(&[&rustls::version::TLS12], &[tls::H2, tls::H1])
            }
            Some(ServerFault::NoTls12) => {
                authority.config_of(&[&rustls::version::TLS13], &[tls::H2, tls::H1])
            }
            // Whoever reads requests by hand reads HTTP/1.1.
            Some(fault) if fault == ServerFault::NoHttp2 || fault.is_naive() => {
                authority.config_of(rustls::DEFAULT_VERSIONS, &[tls::H1])
            }
            _ => authority.config(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Service {
    shared: Arc<Shared>,
    listener: SocketAddr,
    fault: Option<ServerFault>,
}

/// Hands connections on to axum.
struct Admitted {
    accepted: mpsc::Receiver<(Tethered, SocketAddr)>,
    address: SocketAddr,
}

impl Listener for Admitted {
    type Io = Tethered;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Tethered, SocketAddr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // The net is gone, and with it this task.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection as an answer over it knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(Arc<AtomicBool>);

impl Line {
    /// Has the connection end by a reset, whenever it ends.
    pub fn reset(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, Admitted>> for Line {
    fn connect_info(stream: IncomingStream<'_, Admitted>) -> Self {
        stream.io().line.clone()
    }
}

async fn handle(
    State(service): State<Service>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(refusal) = refused(&parts, service.fault) {
        return refusal;
    }
    let wait = service.shared.waits.fetch;
    let body = match timeout(wait, read_body(&parts.headers, body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(StatusCode::PAYLOAD_TOO_LARGE))
            if service.fault == Some(ServerFault::LargeBodyFails) =>
        {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        Ok(Err(status)) => return status.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let version =
        if parts.version == Version::HTTP_2 { HttpVersion::Http2 } else { HttpVersion::Http1 };
    let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let headers = headers(&parts.headers);
    let request = HttpRequest { method: parts.method.to_string(), path, headers, body, padding: 0 };
    ask(&service, version, request, line).await
}

/// What a server must refuse before it looks at what is asked: a request that does not say by one
/// `Host` whom it is for (RFC 9112 §3.2). That it says in one way how long it is, hyper sees to.
fn refused(parts: &Parts, fault: Option<ServerFault>) -> Option<Response> {
    if parts.version == Version::HTTP_2 {
        return None;
    }
    let hosts = parts.headers.get_all(HOST).iter().count();
    let wrong_host = match hosts {
        0 => parts.version != Version::HTTP_10 && fault != Some(ServerFault::NoHostServed),
        1 => false,
        _ => fault != Some(ServerFault::TwoHostsServed),
    };
    wrong_host.then(|| (StatusCode::BAD_REQUEST, [(CONNECTION, "close")]).into_response())
}

/// Hands a request to the session and waits for its answer.
async fn ask(
    service: &Service,
    version: HttpVersion,
    request: HttpRequest,
    line: Line,
) -> Response {
    match hear(service, version, request, Some(line)).await {
        Heard::Answer(response) => outgoing(response),
        Heard::Made(response) => response,
        Heard::Lost => broken_off(),
        Heard::Nothing => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// What the session says to a request.
pub(super) enum Heard {
    Answer(HttpResponse),
    /// With a body that streams.
    Made(Response),
    /// The connection is to end before the answer is there.
    Lost,
    Nothing,
}

pub(super) async fn hear(
    service: &Service,
    version: HttpVersion,
    request: HttpRequest,
    line: Option<Line>,
) -> Heard {
    let Service { shared, listener, .. } = service;
    let id = shared.exchange();
    let answer = shared.await_answer(id);
    let _pending = Pending { shared, id };
    shared.emit(NetEvent::Request { id, listener: *listener, version, request }).await;
    match timeout(shared.waits.respond, answer).await {
        Ok(Ok(Answer::Whole(response))) => Heard::Answer(response),
        Ok(Ok(Answer::Faulty(response, how))) => {
            Heard::Made(delivery::outgoing(shared, response, how, line).await)
        }
        Ok(Ok(Answer::Ready(response))) => Heard::Made(response),
        Ok(Err(_)) => Heard::Lost,
        Err(_) => Heard::Nothing,
    }
}

/// An answer that breaks off after its head, and the connection with it.
fn broken_off() -> Response {
    let lost = || std::io::Error::from(io::ErrorKind::ConnectionAborted);
    let nothing = futures_util::stream::once(async move { Err::<Vec<u8>, _>(lost()) });
    Response::new(Body::from_stream(nothing))
}

/// Forgets the exchange when the handler ends, be it because the peer has left.
struct Pending<'a> {
    shared: &'a Shared,
    id: ExchangeId,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.shared.give_up(self.id);
    }
}

/// Reads a body that fits; one that does not is read on and dropped for a while, because a sender
/// that is cut off in the middle sees a reset instead of its 413.
async fn read_body(headers: &HeaderMap, mut body: Body) -> Result<Vec<u8>, StatusCode> {
    if announces_too_much(headers) && headers.contains_key(EXPECT) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let (mut kept, mut total) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
        total = total.saturating_add(data.len());
        if total > HTTP_DISCARD_BYTES_MAX {
            break;
        }
        if total <= HTTP_BODY_BYTES_MAX {
            kept.extend_from_slice(&data);
        } else {
            kept = Vec::new();
        }
    }
    if total <= HTTP_BODY_BYTES_MAX { Ok(kept) } else { Err(StatusCode::PAYLOAD_TOO_LARGE) }
}

fn announces_too_much(headers: &HeaderMap) -> bool {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    length.is_some_and(|length: u64| length > HTTP_BODY_BYTES_MAX as u64)
}

/// Copies headers; a value that is no UTF-8 keeps its readable part.
pub(super) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

/// Whether a header belongs to the framing, which is ours to write.
pub(super) fn is_framing(name: &str) -> bool {
    [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION]
        .iter()
        .any(|framing| name.eq_ignore_ascii_case(framing.as_str()))
}

fn outgoing(response: HttpResponse) -> Response {
    let mut builder = Response::builder().status(response.status);
    for (name, value) in response.headers.iter().filter(|(name, _)| !is_framing(name)) {
        builder = builder.header(name, value);
    }
    // A status or header that HTTP does not know can only come from a mistake of ours.
    builder
        .body(Body::from(response.body))
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::HTTP_BODY_BYTES_MAX;
    use crate::net::tests::{next, open};
    use crate::net::{Net, Waits};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::mpsc::Receiver;

    async fn response(events: &mut Receiver<NetEvent>) -> HttpResponse {
        match next(events).await {
            NetEvent::Response { result, .. } => result.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// Sends raw bytes and reads until the server closes.
    async fn raw(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn both_versions_carry_the_same_exchange() {
        let (net, mut events) = Net::new();
        let listener = net.listen_http().await.unwrap();
        for expected in [HttpVersion::Http1, HttpVersion::Http2] {
            let mut ask = HttpRequest::new("PUT", "").with_header("x-one", "a");
            ask.body = b"body".to_vec();
            let url = format!("http://{listener}/any/path?q=1");
            let fetched = net.fetch_by(expected, url, ask);
            let NetEvent::Request { id, listener: at, version, request } = next(&mut events).await
            else {
                panic!("a request");
            };
            assert_eq!((at, version, id), (listener, expected, fetched + 1));
            assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/any/path?q=1"));
            assert_eq!((request.header("X-One"), &request.body[..]), (Some("a"), &b"body"[..]));
            let answer = HttpResponse::json(401, &serde_json::json!({"a": 1}))
                .with_header("www-authenticate", "Bearer");
            net.respond(id, answer);
            let NetEvent::Response { id, result } = next(&mut events).await else {
                panic!("a response");
            };
            let answer = result.unwrap();
            assert_eq!((id, answer.status, &answer.body[..]), (fetched, 401, &b"{\"a\":1}"[..]));
            assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer"));
        }
    }

    #[tokio::test]
    async fn a_body_over_the_bound_is_413_and_one_at_it_is_taken() {
        let (net, mut events) = Net::new();
        let url = format!("http://{}/", net.listen_http().await.unwrap());
        for version in [HttpVersion::Http1, HttpVersion::Http2] {
            let mut request = HttpRequest::new("POST", "");
            request.body = vec![7; HTTP_BODY_BYTES_MAX + 1];
            net.fetch_by(version, url.clone(), request.clone());
            assert_eq!(response(&mut events).await.status, 413);
            request.body.pop();
            net.fetch_by(version, url.clone(), request);
            let NetEvent::Request { id, request, .. } = next(&mut events).await else {
                panic!("a request");
            };
            assert_eq!(request.body.len(), HTTP_BODY_BYTES_MAX);
            net.respond(id, HttpResponse::new(204));
            assert_eq!(response(&mut events).await.status, 204);
        }
    }

    #[tokio::test]
    async fn an_announced_oversize_body_is_refused_before_it_is_sent() {
        let (net, _events) = Net::new();
        let address = net.listen_http().await.unwrap();
        let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n";
        let answer = raw(address, format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }

    #[tokio::test]
    async fn a_request_that_nobody_answers_is_503() {
        let waits = Waits { respond: Duration::from_millis(20), ..Waits::default() };
        let (net, mut events) = Net::with_waits(waits);
        let url = format!("http://{}/", net.listen_http().await.unwrap());
        net.fetch(url, HttpRequest::new("GET", ""));
        let NetEvent::Request { id, .. } = next(&mut events).await else { panic!("a request") };
        assert_eq!(response(&mut events).await.status, 503);
        net.respond(id, HttpResponse::new(200));
    }

    #[tokio::test]
    async fn a_request_that_is_broken_off_has_no_answer() {
        let (net, mut events) = Net::new();
        let url = format!("http://{}/", net.listen_http().await.unwrap());
        for version in [HttpVersion::Http1, HttpVersion::Http2] {
            net.fetch_by(version, url.clone(), HttpRequest::new("POST", ""));
            let NetEvent::Request { id, .. } = next(&mut events).await else { panic!("a request") };
            net.lose(id);
            let NetEvent::Response { result, .. } = next(&mut events).await else {
                panic!("a response");
            };
            assert!(result.is_err(), "{result:?}");
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_408() {
        let waits = Waits { fetch: Duration::from_millis(20), ..Waits::default() };
        let (net, _events) = Net::with_waits(waits);
        let address = net.listen_http().await.unwrap();
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc";
        let answer = raw(address, head).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }

    #[tokio::test]
    async fn a_peer_that_leaves_is_no_longer_waited_for() {
        let (net, mut events) = Net::new();
        let address = net.listen_http().await.unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let NetEvent::Request { id, .. } = next(&mut events).await else { panic!("a request") };
        assert_eq!(net.shared.unanswered(), 1);
        drop(stream);
        open(async {
            while net.shared.unanswered() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        net.respond(id, HttpResponse::new(200));
    }

    #[tokio::test]
    async fn framing_and_nonsense_of_the_session_do_no_harm() {
        let (net, mut events) = Net::new();
        let url = format!("http://{}/", net.listen_http().await.unwrap());
        let wrong_length = HttpResponse { body: b"abc".to_vec(), ..HttpResponse::new(200) }
            .with_header("Content-Length", "999")
            .with_header("transfer-encoding", "chunked");
        let nonsense = [
            HttpResponse::new(20),
            HttpResponse::new(200).with_header("a b", "c"),
            HttpResponse::new(200).with_header("a", "b\r\nc: d"),
        ];
        for (answer, status) in
            [(wrong_length, 200)].into_iter().chain(nonsense.map(|answer| (answer, 500)))
        {
            net.fetch(url.clone(), HttpRequest::new("GET", ""));
            let NetEvent::Request { id, .. } = next(&mut events).await else { panic!("a request") };
            net.respond(id, answer);
            assert_eq!(response(&mut events).await.status, status);
        }
    }
}
