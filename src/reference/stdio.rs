//! The standard streams of a reference process.
//!
//! The harness gives pipes, and pipes are read and written as sockets are. Anything else (a terminal,
//! a file) goes through tokio's threads, which costs two changes of thread a line.

use std::os::fd::AsFd;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe;

pub(super) type Reader = Box<dyn AsyncRead + Unpin + Send>;
pub(super) type Writer = Box<dyn AsyncWrite + Unpin + Send>;

/// Standard input and output.
pub(super) fn streams() -> (Reader, Writer) {
    let reader = owned(std::io::stdin()).and_then(|fd| pipe::Receiver::from_owned_fd(fd).ok());
    let writer = owned(std::io::stdout()).and_then(|fd| pipe::Sender::from_owned_fd(fd).ok());
    let reader = reader.map_or_else(|| Box::new(tokio::io::stdin()) as Reader, |r| Box::new(r));
    let writer = writer.map_or_else(|| Box::new(tokio::io::stdout()) as Writer, |w| Box::new(w));
    (reader, writer)
}

fn owned(stream: impl AsFd) -> Option<std::os::fd::OwnedFd> {
    stream.as_fd().try_clone_to_owned().ok()
}
