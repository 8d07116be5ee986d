//! How chat connections come about: accepted on one port for both kinds, or opened by us.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};

use crate::net::connection::{Outbound, drive};
use crate::net::shared::{Shared, WriteQueue};
use crate::net::{ConnId, Kind, NetEvent, tcp, websocket};

/// Binds a port; 0 is any that is free.
pub(super) async fn bind(shared: &Shared, port: u16) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((shared.bind, port)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Accepts the next connection, once there is a place for it.
pub(super) async fn accept(
    shared: &Shared,
    listener: &TcpListener,
) -> (TcpStream, OwnedSemaphorePermit) {
    let place = Arc::clone(&shared.places).acquire_owned().await;
    let place = place.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it a peer that is fed byte by byte would get them in lumps.
                let _ = stream.set_nodelay(true);
                return (stream, place);
            }
            // A lack of descriptors passes; an accept without a pause would spin until then.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

pub(super) async fn listen_chat(shared: &Arc<Shared>, port: u16) -> io::Result<SocketAddr> {
    let (listener, address) = bind(shared, port).await?;
    let accepting = Arc::clone(shared);
    shared.spawn(async move {
        loop {
            let (stream, place) = accept(&accepting, &listener).await;
            let serving = Arc::clone(&accepting);
            accepting.spawn(async move {
                serve(&serving, address, stream).await;
                drop(place);
            });
        }
    });
    Ok(address)
}

/// Serves one accepted connection; the first byte `G` can only be a WebSocket's `GET`.
async fn serve(shared: &Shared, listener: SocketAddr, stream: TcpStream) {
    let (conn, queue) = shared.register();
    let mut first = [0];
    let peeked = timeout(shared.waits.first_byte, stream.peek(&mut first)).await;
    if matches!(peeked, Ok(Ok(1))) && first == *b"G" {
        return serve_websocket(shared, conn, listener, stream, queue).await;
    }
    shared.emit(NetEvent::Accepted { conn, kind: Kind::Tcp, listener }).await;
    if peeked.is_err() {
        shared.forget(conn);
        let wait = shared.waits.first_byte.as_millis();
        let error = Some(format!("nothing was sent within {wait} ms"));
        return shared.emit(NetEvent::Closed { conn, error }).await;
    }
    let (reader, writer) = tcp::halves(stream);
    drive(shared, conn, reader, writer, queue).await;
}

async fn serve_websocket(
    shared: &Shared,
    conn: ConnId,
    listener: SocketAddr,
    stream: TcpStream,
    queue: WriteQueue,
) {
    let upgraded = in_time(shared.waits.open, websocket::accept(stream)).await;
    shared.emit(NetEvent::Accepted { conn, kind: Kind::WebSocket, listener }).await;
    match upgraded {
        Ok(stream) => {
            let (reader, writer) = websocket::halves(stream);
            drive(shared, conn, reader, writer, queue).await;
        }
        Err(error) => {
            shared.forget(conn);
            let error = Some(format!("no WebSocket upgrade: {error}"));
            shared.emit(NetEvent::Closed { conn, error }).await;
        }
    }
}

pub(super) fn open_tcp(shared: &Arc<Shared>, addr: SocketAddr) -> ConnId {
    open(shared, async move {
        let stream = TcpStream::connect(addr).await.map_err(|error| error.to_string())?;
        let _ = stream.set_nodelay(true);
        Ok(tcp::halves(stream))
    })
}

pub(super) fn open_websocket(shared: &Arc<Shared>, url: String) -> ConnId {
    open(shared, async move { websocket::connect(&url).await.map(websocket::halves) })
}

/// Opens a connection in the background; its number is valid at once.
fn open<O>(
    shared: &Arc<Shared>,
    connecting: impl Future<Output = Result<(O::Inbound, O), String>> + Send + 'static,
) -> ConnId
where
    O: Outbound<Inbound: 'static> + 'static,
{
    let (conn, queue) = shared.register();
    let task = Arc::clone(shared);
    shared.spawn(async move {
        match in_time(task.waits.open, connecting).await {
            Ok((reader, writer)) => {
                task.emit(NetEvent::Opened { conn }).await;
                drive(&task, conn, reader, writer, queue).await;
            }
            Err(error) => {
                task.forget(conn);
                task.emit(NetEvent::OpenFailed { conn, error }).await;
            }
        }
    });
    conn
}

async fn in_time<T>(
    wait: Duration,
    task: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    match timeout(wait, task).await {
        Ok(result) => result,
        Err(_) => Err(format!("nothing within {} ms", wait.as_millis())),
    }
}
