//! The life of one connection, whatever it runs over.
//!
//! Main items: the traits [`Inbound`] and [`Outbound`], which tcp and websocket implement, and
//! [`drive`]. Reading and writing go on side by side: a peer that does not read must not keep us
//! from hearing it, and a peer that has finished sending still gets what was queued for it.

use std::future::Future;
use std::pin::pin;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::limits::READ_BYTES_MAX;
use crate::net::shared::{Item, Items, Shared, WriteQueue};
use crate::net::{ConnId, NetEvent};

/// Why reading ended badly, and what a WebSocket peer is told about it.
#[derive(Debug)]
pub(super) struct ReadError {
    pub error: String,
    /// Close code of RFC 6455 §7.4.1.
    pub close_code: Option<u16>,
}

/// The reading half of a connection.
pub(super) trait Inbound: Send {
    /// Reads some bytes; `None` is the peer's orderly end.
    fn read(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, ReadError>> + Send;
}

/// The writing half of a connection.
pub(super) trait Outbound: Send {
    /// The half that belongs to it.
    type Inbound: Inbound;
    /// Writes all of it.
    fn write(&mut self, bytes: Vec<u8>) -> impl Future<Output = Result<(), String>> + Send;
    /// Flushes and tells the peer that nothing more comes.
    fn finish(&mut self) -> impl Future<Output = Result<(), String>> + Send;
    /// Tells the peer why it is cut off, if there is a way to.
    fn reject(&mut self, close_code: u16) -> impl Future<Output = ()> + Send;
    /// Drops both halves so that the peer sees a reset and no orderly end.
    fn reset(self, inbound: Self::Inbound);
}

/// How a connection ended.
#[derive(Default)]
struct Ending {
    error: Option<String>,
    close_code: Option<u16>,
    /// Whether the peer may still be sending.
    peer_open: bool,
    /// Whether it is to look like a crash of ours.
    reset: bool,
}

/// How the writing of a connection ended.
enum Written {
    Everything,
    /// A reset was asked for.
    Reset,
}

impl Ending {
    fn failed(error: &str) -> Self {
        Self { error: Some(error.to_owned()), ..Self::default() }
    }
}

/// Runs a connection to its end: events out, queued bytes in, one `Closed`.
pub(super) async fn drive<O: Outbound>(
    shared: &Shared,
    conn: ConnId,
    mut inbound: O::Inbound,
    mut outbound: O,
    queue: WriteQueue,
) {
    let ending = until_it_ends(shared, conn, &mut inbound, &mut outbound, queue).await;
    shared.forget(conn);
    if ending.reset {
        outbound.reset(inbound);
        return shared.emit(NetEvent::Closed { conn, error: ending.error }).await;
    }
    if let Some(code) = ending.close_code {
        let _ = timeout(shared.waits.close, outbound.reject(code)).await;
    }
    let linger = ending.peer_open && (ending.error.is_none() || ending.close_code.is_some());
    shared.emit(NetEvent::Closed { conn, error: ending.error }).await;
    if linger {
        // A socket that is dropped with unread bytes resets the connection, and a reset destroys
        // what the peer has not read yet. So its last bytes are read, and dropped.
        let _ = timeout(shared.waits.close, drain(&mut inbound)).await;
    }
}

async fn until_it_ends(
    shared: &Shared,
    conn: ConnId,
    inbound: &mut impl Inbound,
    outbound: &mut impl Outbound,
    queue: WriteQueue,
) -> Ending {
    let WriteQueue { items, mut order } = queue;
    let mut reading = pin!(forward(shared, conn, inbound));
    let mut writing = pin!(write_all(outbound, items));
    let (mut peer_open, mut broken, mut closing_until) = (true, None, None);
    loop {
        let patience = closing_until.unwrap_or_else(Instant::now);
        tokio::select! {
            biased;
            order = &mut order, if closing_until.is_none() => match order {
                Ok(_) => return Ending::failed("the peer does not read"),
                Err(_) => closing_until = Some(Instant::now() + shared.waits.close),
            },
            read = &mut reading, if peer_open => match read {
                Ok(()) if broken.is_some() => return Ending { error: broken, ..Ending::default() },
                Ok(()) => {
                    peer_open = false;
                    shared.forget(conn);
                }
                Err(ReadError { error, close_code }) => {
                    return Ending { error: Some(error), close_code, peer_open, reset: false };
                }
            },
            written = &mut writing, if broken.is_none() => match written {
                // What the peer sent before it broke the connection is still to be read.
                Err(error) if peer_open => {
                    broken = Some(error);
                    shared.forget(conn);
                }
                Ok(Written::Reset) => {
                    return Ending { reset: true, ..Ending::failed("it was reset on purpose") };
                }
                // What a peer that has left cannot be sent is nobody's fault.
                Ok(Written::Everything) | Err(_) => {
                    return Ending { peer_open, ..Ending::default() };
                }
            },
            () = sleep_until(patience), if closing_until.is_some() => {
                let stuck = "the peer did not read what was queued before the close";
                return Ending::failed(&broken.unwrap_or_else(|| stuck.to_owned()));
            }
        }
    }
}

/// Turns what the peer sends into events, until its orderly end.
async fn forward(
    shared: &Shared,
    conn: ConnId,
    inbound: &mut impl Inbound,
) -> Result<(), ReadError> {
    while let Some(bytes) = inbound.read().await? {
        for chunk in bytes.chunks(READ_BYTES_MAX) {
            shared.emit(NetEvent::Bytes { conn, bytes: chunk.to_vec() }).await;
        }
    }
    Ok(())
}

/// Writes what is queued, until the queue is closed and empty.
async fn write_all(outbound: &mut impl Outbound, mut items: Items) -> Result<Written, String> {
    while let Some(item) = items.next().await {
        match item {
            Item::Bytes(bytes) => outbound.write(bytes).await?,
            Item::Pause(wait) => sleep(wait).await,
            Item::Reset => return Ok(Written::Reset),
            Item::HalfClose => {
                outbound.finish().await?;
                // Whatever else was queued can no longer be said.
                while let Some(item) = items.next().await {
                    if matches!(item, Item::Reset) {
                        return Ok(Written::Reset);
                    }
                }
                return Ok(Written::Everything);
            }
        }
    }
    outbound.finish().await?;
    Ok(Written::Everything)
}

async fn drain(inbound: &mut impl Inbound) {
    while let Ok(Some(_)) = inbound.read().await {}
}
