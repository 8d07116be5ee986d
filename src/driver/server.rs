//! The adapter's end of the driver protocol, for adapters written in Rust.
//!
//! Main types: [`Server`], which answers and notifies, and [`ServerEvent`]. It holds no policy:
//! which operations exist and what they do is the adapter's affair. Only what JSON-RPC itself
//! demands is done here: a line that is no request is answered with an error. All writing goes
//! through one task, so a notification that was queued before an answer arrives before it.

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::codec::{self, CodecError};
use super::line::{Closed, Line, LineReader, LineWriter};
use super::message::{
    INVALID_REQUEST, Message, Notification, PARSE_ERROR, Params, Request, Response, RpcError,
};
use crate::limits::{DRIVER_LINE_BYTES_MAX, DRIVER_LINES_QUEUED_MAX};

/// What comes from the harness.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerEvent {
    Request {
        id: u64,
        method: String,
        params: Params,
    },
    /// The harness is gone, or asks no more.
    Eof,
}

/// Answers the harness.
#[derive(Clone, Debug)]
pub struct Server {
    writer: LineWriter,
}

impl Server {
    /// Starts to serve over two byte streams. Dropping the receiver ends the reading.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new<R, W>(reader: R, writer: W) -> (Self, mpsc::Receiver<ServerEvent>)
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (out, events) = mpsc::channel(DRIVER_LINES_QUEUED_MAX);
        let server = Self { writer: LineWriter::start(writer) };
        let lines = LineReader::new(reader, DRIVER_LINE_BYTES_MAX);
        tokio::spawn(listen(lines, server.clone(), out));
        (server, events)
    }

    /// Answers the request with this id.
    ///
    /// # Errors
    /// [`Closed`] when the harness reads no more.
    pub async fn respond(&self, id: u64, outcome: Result<Value, RpcError>) -> Result<(), Closed> {
        self.writer.send(codec::encode(&Message::Response(Response { id, outcome }))).await
    }

    /// Tells what the user sees; `params` holds the `account`.
    ///
    /// # Errors
    /// [`Closed`] when the harness reads no more.
    pub async fn notify(&self, method: &str, params: Params) -> Result<(), Closed> {
        let notification = Notification { method: method.to_owned(), params };
        self.writer.send(codec::encode(&Message::Notification(notification))).await
    }

    /// Waits until everything is written, as an adapter does before it exits.
    ///
    /// # Errors
    /// [`Closed`] when the harness reads no more.
    pub async fn flush(&self) -> Result<(), Closed> {
        self.writer.flush().await
    }
}

async fn listen<R: AsyncRead + Unpin>(
    mut lines: LineReader<R>,
    server: Server,
    out: mpsc::Sender<ServerEvent>,
) {
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            () = out.closed() => return,
        };
        // A stream that fails is over, as one that ends.
        let Ok(Some(line)) = line else { break };
        let done = match read_request(&line) {
            Ok(Some(Request { id, method, params })) => {
                out.send(ServerEvent::Request { id, method, params }).await.is_err()
            }
            Ok(None) => false,
            Err(error) => server.writer.send(codec::encode_unread(&error)).await.is_err(),
        };
        if done {
            break;
        }
    }
    // The adapter may be gone already.
    let _ = out.send(ServerEvent::Eof).await;
}

/// Reads a request; `None` for a notification, which is never answered (JSON-RPC §4.1).
fn read_request(line: &Line) -> Result<Option<Request>, RpcError> {
    let error = |code, message: String| RpcError { code, message, class: None };
    if line.cut || !line.ended {
        return Err(error(PARSE_ERROR, "the line is too long, or has no end".to_owned()));
    }
    match codec::decode(&line.bytes) {
        Ok(Message::Request(request)) => Ok(Some(request)),
        Ok(Message::Notification(_)) => Ok(None),
        Ok(Message::Response(_)) => {
            Err(error(INVALID_REQUEST, "an adapter takes requests only".to_owned()))
        }
        Err(CodecError::NotJson(why)) => Err(error(PARSE_ERROR, why)),
        Err(why) => Err(error(INVALID_REQUEST, why.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

    use super::*;

    /// A server and the harness's raw end of the line.
    fn served() -> (Server, mpsc::Receiver<ServerEvent>, BufReader<DuplexStream>) {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(far);
        let (server, events) = Server::new(reader, writer);
        (server, events, BufReader::new(near))
    }

    async fn line(far: &mut BufReader<DuplexStream>) -> String {
        let mut line = String::new();
        far.read_line(&mut line).await.unwrap();
        line
    }

    #[tokio::test]
    async fn requests_come_out_and_answers_go_back_in_order() {
        let (server, mut events, mut far) = served();
        far.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"health\"}\n").await.unwrap();
        let expected =
            ServerEvent::Request { id: 7, method: "health".to_owned(), params: Params::new() };
        assert_eq!(events.recv().await, Some(expected));
        let params = json!({"account": "a1"}).as_object().unwrap().clone();
        server.notify("woken", params).await.unwrap();
        server.respond(7, Ok(json!({}))).await.unwrap();
        server.flush().await.unwrap();
        let woken = r#"{"jsonrpc":"2.0","method":"woken","params":{"account":"a1"}}"#;
        assert_eq!(line(&mut far).await.trim_end(), woken);
        assert_eq!(line(&mut far).await.trim_end(), r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
    }

    #[tokio::test]
    async fn a_line_that_is_no_request_is_answered_and_the_next_one_is_served() {
        let (_server, mut events, mut far) = served();
        far.write_all(b"what?\n{\"jsonrpc\":\"2.0\",\"method\":\"woken\"}\n").await.unwrap();
        far.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n").await.unwrap();
        far.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stop\"}\n").await.unwrap();
        assert!(line(&mut far).await.contains("-32700"));
        assert!(line(&mut far).await.contains("-32600"));
        assert!(matches!(events.recv().await, Some(ServerEvent::Request { id: 1, .. })));
    }

    #[tokio::test]
    async fn the_end_of_the_input_is_told() {
        let (_server, mut events, far) = served();
        drop(far);
        assert_eq!(events.recv().await, Some(ServerEvent::Eof));
        assert_eq!(events.recv().await, None);
    }
}
