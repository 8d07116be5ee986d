//! A connection of ours over a network that does something to it: it holds back, lets through in small
//! pieces, ends in the middle, or lets nothing through any more.
//!
//! Main type: [`Strained`]. It counts the bytes of HTTP, above TLS, so that one fault is the same with
//! and without it. The peer sees a caller that is slow, broken or gone, and nothing that a real network
//! could not show it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::tls::stream::Stream;
use crate::http::{Flow, Stop, Strain};
use crate::limits::{SLOW_READER_BUFFER_BYTES, STRAIN_PAUSES_MAX};

/// Between two pieces: long enough for a peer to read what is there.
const PIECE_PAUSE: Duration = Duration::from_millis(1);

/// Connects with so little room for what is received that the peer's writes wait for our reads.
pub(super) async fn narrow(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in lookup_host((host, port)).await? {
        let socket = match address.is_ipv4() {
            true => TcpSocket::new_v4()?,
            false => TcpSocket::new_v6()?,
        };
        socket.set_recv_buffer_size(SLOW_READER_BUFFER_BYTES)?;
        match socket.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A network of ours, and who is to hear when it lets no more of a request through. Whoever hears
/// nothing, and sees the other end go, knows that it never came to that.
#[derive(Default)]
pub(super) struct Network {
    pub strain: Strain,
    pub stopped: Option<oneshot::Sender<()>>,
}

/// A stream with its faults.
pub(super) struct Strained {
    stream: Stream,
    sent: Course,
    received: Course,
    stopped: Option<oneshot::Sender<()>>,
}

/// One direction of it.
struct Course {
    flow: Flow,
    passed: usize,
    pieces: usize,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Course {
    fn new(flow: Flow, delay: Duration) -> Self {
        let pause = (!delay.is_zero()).then(|| Box::pin(sleep(delay)));
        Self { flow, passed: 0, pieces: 0, pause }
    }

    /// How many of so many bytes may pass now.
    fn allows(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<Result<usize, Stop>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let left = match self.flow.stop {
            Some((at, stop)) if self.passed >= at => return Poll::Ready(Err(stop)),
            Some((at, _)) => at - self.passed,
            None => usize::MAX,
        };
        let piece = self.flow.piece_bytes.filter(|_| self.pieces < STRAIN_PAUSES_MAX);
        Poll::Ready(Ok(wanted.min(left).min(piece.unwrap_or(usize::MAX).max(1))))
    }

    fn passed(&mut self, bytes: usize) {
        self.passed += bytes;
        if self.flow.piece_bytes.is_some() && self.pieces < STRAIN_PAUSES_MAX {
            self.pieces += 1;
            self.pause = Some(Box::pin(sleep(PIECE_PAUSE)));
        }
    }
}

impl Strained {
    pub fn new(stream: Stream, network: Network) -> Self {
        let Network { strain, stopped } = network;
        let sent = Course::new(strain.sent, strain.delay);
        Self { stream, sent, received: Course::new(strain.received, Duration::ZERO), stopped }
    }

    /// What whoever owns the stream hears of its end: nothing, where nothing is told.
    fn over(&mut self, stop: Stop) -> Poll<io::Error> {
        match stop {
            Stop::Closed => {}
            Stop::Reset => self.stream.reset_when_dropped(),
            // The task that waits ends with the net.
            Stop::Stalled => return Poll::Pending,
        }
        Poll::Ready(io::ErrorKind::ConnectionAborted.into())
    }
}

impl AsyncRead for Strained {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = match ready!(this.received.allows(cx, buffer.remaining())) {
            Ok(room) => room,
            Err(stop) => return this.over(stop).map(Err),
        };
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut part))?;
        let came = part.filled().len();
        buffer.advance(came);
        this.received.passed(came);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Strained {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let room = match ready!(this.sent.allows(cx, bytes.len())) {
            Ok(room) => room,
            Err(stop) => {
                // What was let through has left before it is over.
                ready!(Pin::new(&mut this.stream).poll_flush(cx))?;
                if let Some(stopped) = this.stopped.take() {
                    // Whoever no longer waits need not hear it.
                    let _ = stopped.send(());
                }
                return this.over(stop).map(Err);
            }
        };
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, &bytes[..room]))?;
        this.sent.passed(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HttpRequest, HttpResponse};
    use crate::net::tests::{next, open};
    use crate::net::{Net, NetEvent};
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    fn request() -> HttpRequest {
        HttpRequest { body: b"0123456789".to_vec(), ..HttpRequest::new("POST", "/") }
    }

    /// What a server reads of a request, and how it ends.
    async fn read(sent: Flow) -> (String, Option<io::ErrorKind>) {
        let (net, _events) = Net::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        net.fetch_strained(url, request(), Strain { sent, ..Strain::default() });
        let (mut stream, _) = open(listener.accept()).await.unwrap();
        let (mut all, mut buffer) = (Vec::new(), [0; 64]);
        loop {
            match open(stream.read(&mut buffer)).await {
                Ok(0) => return (String::from_utf8(all).unwrap(), None),
                Ok(count) => all.extend_from_slice(&buffer[..count]),
                Err(error) => return (String::from_utf8(all).unwrap(), Some(error.kind())),
            }
        }
    }

    #[tokio::test]
    async fn a_request_ends_where_it_was_told_to_and_as_it_was_told_to() {
        let stop = |stop| Flow { stop: Some((7, stop)), ..Flow::default() };
        assert_eq!(read(stop(Stop::Closed)).await, ("POST / ".to_owned(), None));
        let (_, end) = read(stop(Stop::Reset)).await;
        assert_eq!(end, Some(io::ErrorKind::ConnectionReset));
    }

    #[tokio::test]
    async fn what_is_slow_arrives_whole() {
        let slow = Flow { piece_bytes: Some(3), stop: None };
        for strain in [
            Strain { sent: slow, ..Strain::default() },
            Strain { received: slow, ..Strain::default() },
            Strain { delay: Duration::from_millis(5), ..Strain::default() },
        ] {
            let (net, mut events) = Net::new();
            let url = format!("http://{}/", net.listen_http().await.unwrap());
            net.fetch_strained(url, request(), strain);
            let NetEvent::Request { id, request, .. } = next(&mut events).await else {
                panic!("a request")
            };
            assert_eq!(request.body, b"0123456789");
            let body = vec![7; 100_000];
            net.respond(id, HttpResponse { body: body.clone(), ..HttpResponse::new(200) });
            let NetEvent::Response { result, .. } = next(&mut events).await else {
                panic!("an answer")
            };
            assert_eq!(result.unwrap().body, body, "{strain:?}");
        }
    }

    #[tokio::test]
    async fn a_stalled_caller_keeps_its_connection_and_ends_with_the_net() {
        let (net, _events) = Net::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let sent = Flow { stop: Some((4, Stop::Stalled)), ..Flow::default() };
        let (_, stopped) = net.fetch_strained(url, request(), Strain { sent, ..Strain::default() });
        let (mut stream, _) = open(listener.accept()).await.unwrap();
        open(stopped).await.unwrap();
        let mut four = [0; 4];
        open(stream.read_exact(&mut four)).await.unwrap();
        assert_eq!(&four, b"POST");
        drop(net);
        assert!(!matches!(open(stream.read(&mut four)).await, Ok(1..)));
    }
}
