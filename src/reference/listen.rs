//! The reference as an adapter that runs by itself, to be attached to.
//!
//! [`tcp`] and [`unix`] serve each connection as an instance of its own. With a bound on connections
//! they serve one after another, as an adapter does that has only one phone.

use std::io;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;

use super::third_party::{Options, serve};

/// Serves on a TCP address, and says on standard error where that is.
///
/// # Errors
/// The address cannot be had.
pub async fn tcp(place: &str, options: Options, connections: Option<usize>) -> io::Result<()> {
    let listener = TcpListener::bind(place).await?;
    eprintln!("listening on tcp:{}", listener.local_addr()?);
    for _ in 0..connections.unwrap_or(usize::MAX) {
        let (reader, writer) = listener.accept().await?.0.into_split();
        finish(start(reader, writer, options), connections).await;
    }
    Ok(())
}

/// Serves on a Unix socket; one that is left over from before is replaced.
///
/// # Errors
/// The path cannot be had.
pub async fn unix(path: &Path, options: Options, connections: Option<usize>) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    eprintln!("listening on unix:{}", path.display());
    for _ in 0..connections.unwrap_or(usize::MAX) {
        let (reader, writer) = listener.accept().await?.0.into_split();
        finish(start(reader, writer, options), connections).await;
    }
    Ok(())
}

fn start<R, W>(reader: R, writer: W, options: Options) -> JoinHandle<()>
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(serve(reader, writer, options))
}

/// Waits for the end of a connection where they are counted.
async fn finish(serving: JoinHandle<()>, connections: Option<usize>) {
    if connections.is_some() {
        // One that failed is over too.
        let _ = serving.await;
    }
}
