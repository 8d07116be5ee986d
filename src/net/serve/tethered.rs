//! The stream under an HTTP server's connection, which ends with the `Net` and with a peer that is
//! silent for too long.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};

use super::Line;
use crate::net::tls::stream::Stream;

/// Resolves when the `Net` is dropped; afterwards it is gone, since a future resolves only once.
pub(super) type Alive = Option<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// A stream that fails once the `Net` is dropped or the peer is silent for too long, which ends
/// whatever task owns it.
pub(in crate::net) struct Tethered {
    pub(super) stream: Stream,
    pub(super) alive: Alive,
    pub(super) idle: Idle,
    pub(super) line: Line,
    pub(super) _turn: Option<OwnedSemaphorePermit>,
    pub(super) _place: OwnedSemaphorePermit,
}

impl Drop for Tethered {
    fn drop(&mut self) {
        if self.line.0.load(Ordering::Relaxed) {
            self.stream.reset_when_dropped();
        }
    }
}

impl Tethered {
    fn alive(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut Stream>> {
        if self.alive.as_mut().is_some_and(|stopped| stopped.as_mut().poll(cx).is_pending()) {
            return Ok(Pin::new(&mut self.stream));
        }
        self.alive = None;
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

/// How long a peer may be silent: half-open connections would take all places.
pub(super) struct Idle {
    wait: Duration,
    over: Pin<Box<Sleep>>,
}

impl Idle {
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, over: Box::pin(sleep(wait)) }
    }

    /// Starts anew when something came; fails when nothing came for too long.
    fn watch(&mut self, cx: &mut Context<'_>, came: bool) -> Poll<io::Result<()>> {
        if came {
            self.over.as_mut().reset(Instant::now() + self.wait);
        }
        self.over.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Tethered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.alive(cx)?.poll_read(cx, buffer) {
            Poll::Pending => self.idle.watch(cx, false),
            ready => {
                let _ = self.idle.watch(cx, true);
                ready
            }
        }
    }
}

impl AsyncWrite for Tethered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.alive(cx)?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.alive(cx)?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.alive(cx)?.poll_shutdown(cx)
    }
}
