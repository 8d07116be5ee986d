//! The only sockets: raw TCP, WebSocket and HTTP, turned into events and commands.
//!
//! Main types: [`Net`] and [`NetEvent`]. It moves bytes and HTTP messages and knows no frame, no
//! stanza and no token. Commands return at once and never fail: whatever comes of them, good or
//! bad, is an event, so that there is one order of things to record. It binds 127.0.0.1 unless the
//! user says otherwise, and all tasks end when the [`Net`] is dropped, so a case cannot leak into the next.

mod connection;
mod delivery;
pub mod dial;
pub mod doubles;
mod fetch;
pub mod memory;
mod naive;
mod padded;
pub mod probe;
mod reading;
mod relay;
mod serve;
mod shared;
mod sockets;
mod strained;
mod tcp;
pub mod tls;
mod websocket;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::http::{Delivery, HttpRequest, HttpResponse, Strain};
use crate::limits::{
    CLOSE_WAIT_MS_MAX, FETCH_WAIT_MS_MAX, FIRST_BYTE_WAIT_MS_MAX, HTTP_BODY_BYTES_MAX,
    HTTP_IDLE_MS_MAX, OPEN_WAIT_MS_MAX, QUEUE_EVENTS_MAX, RELAY_WAIT_MS_MAX, RESPOND_WAIT_MS_MAX,
    STRAINED_WAIT_MS_MAX,
};
use shared::{Answer, Item, Shared};
use strained::Network;

pub use relay::Head;

pub use probe::{Probe, Probed, Reading};
pub use serve::{Manner, ServerFault};
pub use tls::{Authority, Trust, TrustError};

/// Names a connection within one [`Net`]; counted from 1.
pub type ConnId = u64;
/// Names an HTTP exchange within one [`Net`], of either direction; counted from 1.
pub type ExchangeId = u64;

/// What a chat connection runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    WebSocket,
}

/// The HTTP versions that are spoken, with and without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    Http1,
    Http2,
}

/// What happened on a socket; the events of one connection come in order.
///
/// A connection that was `Accepted` or `Opened` is `Closed` exactly once, whoever closed it, and
/// nothing is heard of it afterwards.
#[derive(Debug, PartialEq)]
pub enum NetEvent {
    /// Somebody connected to `listener` and sent a first byte, which tells the kind.
    Accepted { conn: ConnId, kind: Kind, listener: SocketAddr },
    /// A connection of ours is open.
    Opened { conn: ConnId },
    /// A connection of ours did not come about; no `Closed` follows.
    OpenFailed { conn: ConnId, error: String },
    /// Up to 64 KiB of the stream; borders of writes and messages mean nothing (`wire.md` §1.1).
    Bytes { conn: ConnId, bytes: Vec<u8> },
    /// The connection is gone; `error` is `None` after an orderly close by either side.
    Closed { conn: ConnId, error: Option<String> },
    /// Somebody asks; [`Net::respond`] answers.
    Request { id: ExchangeId, listener: SocketAddr, version: HttpVersion, request: HttpRequest },
    /// The answer to [`Net::fetch`], or why there is none.
    Response { id: ExchangeId, result: Result<HttpResponse, String> },
    /// What [`Net::probe`] saw, or why it saw nothing.
    Probed { id: ExchangeId, result: Result<Probed, String> },
    /// Somebody who connected to `listener` did not come to TLS, e.g. because it trusts nobody there.
    Unsecured { listener: SocketAddr, error: String },
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
struct Waits {
    first_byte: Duration,
    idle: Duration,
    open: Duration,
    respond: Duration,
    fetch: Duration,
    strained: Duration,
    relay: Duration,
    close: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_millis(FIRST_BYTE_WAIT_MS_MAX),
            idle: Duration::from_millis(HTTP_IDLE_MS_MAX),
            open: Duration::from_millis(OPEN_WAIT_MS_MAX),
            respond: Duration::from_millis(RESPOND_WAIT_MS_MAX),
            fetch: Duration::from_millis(FETCH_WAIT_MS_MAX),
            strained: Duration::from_millis(STRAINED_WAIT_MS_MAX),
            relay: Duration::from_millis(RELAY_WAIT_MS_MAX),
            close: Duration::from_millis(CLOSE_WAIT_MS_MAX),
        }
    }
}

/// All sockets of a session.
pub struct Net {
    shared: Arc<Shared>,
    /// Dropping it is what ends every task.
    _alive: watch::Sender<()>,
}

impl Net {
    /// Starts without any socket; events come out of the receiver.
    ///
    /// The queue is bounded: a session that does not take its events stops the reading of sockets.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn new() -> (Self, mpsc::Receiver<NetEvent>) {
        Self::bound_to(Ipv4Addr::LOCALHOST.into())
    }

    /// Does the same, to listen on this address and not only for this machine.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn bound_to(bind: IpAddr) -> (Self, mpsc::Receiver<NetEvent>) {
        Self::with(bind, Waits::default())
    }

    #[cfg(test)]
    fn with_waits(waits: Waits) -> (Self, mpsc::Receiver<NetEvent>) {
        Self::with(Ipv4Addr::LOCALHOST.into(), waits)
    }

    fn with(bind: IpAddr, waits: Waits) -> (Self, mpsc::Receiver<NetEvent>) {
        let (events, receiver) = mpsc::channel(QUEUE_EVENTS_MAX);
        let (alive, stop) = watch::channel(());
        (Self { shared: Arc::new(Shared::new(events, stop, bind, waits)), _alive: alive }, receiver)
    }

    /// Listens for chat connections on a free port: raw TCP, and WebSocket at any path.
    ///
    /// # Errors
    /// The operating system gives no port.
    pub async fn listen_chat(&self) -> io::Result<SocketAddr> {
        self.listen_chat_at(0).await
    }

    /// Does the same on a port of the caller's; 0 is any that is free.
    ///
    /// # Errors
    /// The port is taken, or not for this user.
    pub async fn listen_chat_at(&self, port: u16) -> io::Result<SocketAddr> {
        sockets::listen_chat(&self.shared, port).await
    }

    /// Listens for HTTP/1.1 and HTTP/2 on a free port, for all methods and paths.
    ///
    /// A body over 1 MiB is answered 413, and a request that nobody answers within 30 s is 503.
    ///
    /// # Errors
    /// The operating system gives no port.
    pub async fn listen_http(&self) -> io::Result<SocketAddr> {
        self.listen_http_at(0).await
    }

    /// Does the same on a port of the caller's; 0 is any that is free.
    ///
    /// # Errors
    /// The port is taken, or not for this user.
    pub async fn listen_http_at(&self, port: u16) -> io::Result<SocketAddr> {
        self.listen_http_as(port, Manner::default()).await
    }

    /// Does the same over TLS, where an authority is given, and with a fault, where there is one.
    ///
    /// # Errors
    /// The port is taken, or not for this user.
    pub async fn listen_http_as(&self, port: u16, manner: Manner) -> io::Result<SocketAddr> {
        serve::listen(&self.shared, port, manner).await
    }

    /// Says whom calls of ours trust from now on; without it, whom this machine trusts.
    pub fn trust(&self, trust: Trust) {
        self.shared.set_trust(trust);
    }

    /// Looks at the server behind a URL in one odd way, on a connection of its own.
    pub fn probe(&self, url: impl Into<String>, probe: Probe) -> ExchangeId {
        probe::start(&self.shared, url.into(), probe)
    }

    /// Opens a raw TCP connection; what is sent before it is open waits for it.
    pub fn open_tcp(&self, addr: SocketAddr) -> ConnId {
        sockets::open_tcp(&self.shared, addr)
    }

    /// Opens a WebSocket connection to a `ws://` URL.
    pub fn open_websocket(&self, url: impl Into<String>) -> ConnId {
        sockets::open_websocket(&self.shared, url.into())
    }

    /// Queues bytes: one write on TCP, one binary message on a WebSocket.
    ///
    /// A peer that lets more than 32 MiB pile up loses the connection, with an error.
    /// Nothing is sent on a connection that is closed or unknown.
    pub fn send(&self, conn: ConnId, bytes: Vec<u8>) {
        self.shared.enqueue(conn, Item::Bytes(bytes));
    }

    /// Lets so much time pass between what was queued before and what is queued after.
    pub fn pause(&self, conn: ConnId, wait: Duration) {
        self.shared.enqueue(conn, Item::Pause(wait));
    }

    /// Says, once everything queued has left, that nothing more comes, and goes on listening.
    ///
    /// What is sent afterwards is dropped. On a WebSocket it is the close frame.
    pub fn half_close(&self, conn: ConnId) {
        self.shared.enqueue(conn, Item::HalfClose);
    }

    /// Resets a connection once everything queued was handed to the system: the peer gets an RST,
    /// and may lose what it has not read. Its `Closed` has an error.
    pub fn reset(&self, conn: ConnId) {
        self.shared.enqueue(conn, Item::Reset);
    }

    /// Closes a connection once everything queued has left; what comes in after that is dropped.
    ///
    /// A peer that keeps us waiting for 5 s is cut off, with an error.
    pub fn close(&self, conn: ConnId) {
        self.shared.forget(conn);
    }

    /// Answers a request; one that was given up meanwhile gets nothing.
    ///
    /// Framing is not the session's: `Content-Length`, `Transfer-Encoding` and `Connection` are
    /// left out and set as the body demands.
    pub fn respond(&self, id: ExchangeId, response: HttpResponse) {
        self.shared.answer(id, Answer::Whole(response));
    }

    /// Answers a request with a body that does not simply travel.
    pub fn deliver(&self, id: ExchangeId, response: HttpResponse, how: Delivery) {
        self.shared.answer(id, Answer::Faulty(response, how));
    }

    /// Answers a request with what a server answers to another one, while it comes: by HTTP/1.1, on a
    /// connection of its own, without following redirects.
    ///
    /// `head` sees the server's head without its body and says what becomes of it; a status that it
    /// changes, or a body that it gives, replaces the server's. Who cannot be reached, or says
    /// nothing for 10 s, shows as a head of status 502 or 504.
    pub fn relay(&self, id: ExchangeId, url: impl Into<String>, request: HttpRequest, head: Head) {
        self.relay_strained(id, url, request, head, Strain::default());
    }

    /// Does the same over a network that does something to the request for it.
    pub fn relay_strained(
        &self,
        id: ExchangeId,
        url: impl Into<String>,
        request: HttpRequest,
        head: Head,
        strain: Strain,
    ) {
        relay::start(&self.shared, id, url.into(), request, head, strain);
    }

    /// Breaks a request off: its connection ends before the answer is there.
    pub fn lose(&self, id: ExchangeId) {
        self.shared.give_up(id);
    }

    /// Sends a request by HTTP/1.1 to an absolute `http://` or `https://` URL, on a connection of its own.
    ///
    /// The URL stands for the request's `path`, which is not looked at. Redirects are not followed.
    /// The whole answer comes within 10 s, with a body of at most 1 MiB, or it is an error.
    pub fn fetch(&self, url: impl Into<String>, request: HttpRequest) -> ExchangeId {
        self.fetch_by(HttpVersion::Http1, url, request)
    }

    /// Does the same by a chosen version; HTTP/2 by ALPN, or by prior knowledge where there is no TLS.
    pub fn fetch_by(
        &self,
        version: HttpVersion,
        url: impl Into<String>,
        request: HttpRequest,
    ) -> ExchangeId {
        let url = url.into();
        let plain = Network::default();
        fetch::start(&self.shared, version, url, request, HTTP_BODY_BYTES_MAX, plain)
    }

    /// Sends a request by HTTP/1.1 over a network that does something to it. What is received is told
    /// when no more of the request gets through, and dropped where it never comes to that.
    pub fn fetch_strained(
        &self,
        url: impl Into<String>,
        request: HttpRequest,
        strain: Strain,
    ) -> (ExchangeId, oneshot::Receiver<()>) {
        let (url, version) = (url.into(), HttpVersion::Http1);
        let (tell, stopped) = oneshot::channel();
        let network = Network { strain, stopped: Some(tell) };
        let id = fetch::start(&self.shared, version, url, request, HTTP_BODY_BYTES_MAX, network);
        (id, stopped)
    }

    /// Does the same by HTTP/1.1 for a file, whose body has at most so many bytes.
    pub fn download(
        &self,
        url: impl Into<String>,
        request: HttpRequest,
        bytes_max: usize,
    ) -> ExchangeId {
        self.download_by(HttpVersion::Http1, url, request, bytes_max)
    }

    /// Does the same by a chosen version.
    pub fn download_by(
        &self,
        version: HttpVersion,
        url: impl Into<String>,
        request: HttpRequest,
        bytes_max: usize,
    ) -> ExchangeId {
        let url = url.into();
        fetch::start(&self.shared, version, url, request, bytes_max, Network::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::mpsc::Receiver;
    use tokio::time::timeout;

    /// Guards a test against hanging.
    pub(super) async fn open<T>(task: impl Future<Output = T>) -> T {
        timeout(Duration::from_secs(20), task).await.expect("it hangs")
    }

    /// The next event.
    pub(super) async fn next(events: &mut Receiver<NetEvent>) -> NetEvent {
        open(events.recv()).await.expect("the net is alive")
    }

    /// Reads a connection's events to its `Closed`: all bytes, and the error.
    pub(super) async fn to_the_end(
        events: &mut Receiver<NetEvent>,
        conn: ConnId,
    ) -> (Vec<u8>, Option<String>) {
        let mut all = Vec::new();
        loop {
            match next(events).await {
                NetEvent::Bytes { conn: of, bytes } if of == conn => all.extend(bytes),
                NetEvent::Closed { conn: of, error } if of == conn => return (all, error),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Ends the net and returns what was still to come.
    pub(super) async fn leftovers(net: Net, mut events: Receiver<NetEvent>) -> Vec<NetEvent> {
        drop(net);
        let mut left = Vec::new();
        while let Some(event) = open(events.recv()).await {
            left.push(event);
        }
        left
    }

    #[tokio::test]
    async fn dropping_the_net_ends_every_task_and_every_socket() {
        let (net, mut events) = Net::new();
        let (chat, http) = (net.listen_chat().await.unwrap(), net.listen_http().await.unwrap());
        net.open_tcp(chat);
        let websocket = net.open_websocket(format!("ws://{chat}/"));
        let mut silent = TcpStream::connect(chat).await.unwrap();
        let mut idle = TcpStream::connect(http).await.unwrap();
        idle.write_all(b"GET /").await.unwrap();
        let pending = net.fetch(format!("http://{http}/"), HttpRequest::new("GET", ""));
        let mut seen = Vec::new();
        while seen.len() < 4 {
            seen.push(next(&mut events).await);
        }
        assert!(seen.contains(&NetEvent::Opened { conn: websocket }), "{seen:?}");
        assert!(seen.iter().any(|event| matches!(event, NetEvent::Request { .. })), "{seen:?}");
        drop(net);
        drop(events);
        open(async {
            while tokio::runtime::Handle::current().metrics().num_alive_tasks() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        for stream in [&mut silent, &mut idle] {
            assert!(!matches!(open(stream.read(&mut [0])).await, Ok(1..)));
        }
        assert!(TcpStream::connect(chat).await.is_err());
        assert!(TcpStream::connect(http).await.is_err());
        assert_eq!(pending, 1);
    }

    #[tokio::test]
    async fn it_listens_where_it_is_told_to() {
        for bind in ["127.0.0.2", "::1"].map(|text| text.parse::<IpAddr>().unwrap()) {
            let (net, mut events) = Net::bound_to(bind);
            let (chat, http) = (net.listen_chat().await.unwrap(), net.listen_http().await.unwrap());
            assert_eq!((chat.ip(), http.ip()), (bind, bind));
            net.open_tcp(chat);
            assert!(matches!(
                next(&mut events).await,
                NetEvent::Accepted { .. } | NetEvent::Opened { .. }
            ));
        }
        let (net, _events) = Net::bound_to("192.0.2.1".parse().unwrap());
        assert!(net.listen_chat().await.is_err(), "an address of nobody here");
    }

    #[tokio::test]
    async fn what_is_unknown_is_passed_over() {
        let (net, events) = Net::new();
        net.send(7, vec![1]);
        net.close(7);
        net.reset(7);
        net.respond(7, HttpResponse::new(200));
        assert_eq!(leftovers(net, events).await, []);
    }
}
