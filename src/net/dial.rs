//! Byte streams to an adapter that runs already, over TCP or a Unix socket.
//!
//! Main function: [`dial`]. It knows no driver protocol: whoever dials reads and writes lines. The
//! halves are boxed, because a caller should not care which kind of socket it got.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use crate::limits::OPEN_WAIT_MS_MAX;

/// The half that is read.
pub type Reader = Box<dyn AsyncRead + Unpin + Send>;
/// The half that is written.
pub type Writer = Box<dyn AsyncWrite + Unpin + Send>;

/// Where somebody listens.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// `host:port`.
    Tcp(&'a str),
    Unix(&'a Path),
}

/// Connects, within the time that any connection of ours may take.
///
/// # Errors
/// Nobody listens there, or nobody answers.
///
/// # Panics
/// Outside a Tokio runtime.
pub async fn dial(place: Place<'_>) -> io::Result<(Reader, Writer)> {
    let limit = Duration::from_millis(OPEN_WAIT_MS_MAX);
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "nobody answers");
    tokio::time::timeout(limit, connect(place)).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
}

async fn connect(place: Place<'_>) -> io::Result<(Reader, Writer)> {
    match place {
        Place::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            // One message a line: waiting to fill a packet would only delay it.
            stream.set_nodelay(true)?;
            let (reader, writer) = stream.into_split();
            Ok((Box::new(reader), Box::new(writer)))
        }
        Place::Unix(path) => {
            let (reader, writer) = UnixStream::connect(path).await?.into_split();
            Ok((Box::new(reader), Box::new(writer)))
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, UnixListener};

    use super::*;

    async fn echoed(place: Place<'_>) -> Vec<u8> {
        let (mut reader, mut writer) = dial(place).await.unwrap();
        writer.write_all(b"line\n").await.unwrap();
        let mut back = vec![0; 5];
        reader.read_exact(&mut back).await.unwrap();
        back
    }

    #[tokio::test]
    async fn bytes_go_both_ways_over_tcp() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut reader, mut writer) = stream.split();
            tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        });
        assert_eq!(echoed(Place::Tcp(&address)).await, b"line\n");
    }

    #[tokio::test]
    async fn bytes_go_both_ways_over_a_unix_socket() {
        let path = std::env::temp_dir().join(format!("counterpart-dial-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut reader, mut writer) = stream.split();
            tokio::io::copy(&mut reader, &mut writer).await.unwrap();
        });
        assert_eq!(echoed(Place::Unix(&path)).await, b"line\n");
        std::fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn where_nobody_listens_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        assert!(dial(Place::Tcp(&address)).await.is_err());
        assert!(dial(Place::Unix(Path::new("/nowhere/socket"))).await.is_err());
    }
}
