//! WebSocket as a connection: binary messages only, each of a bounded size (`wire.md` §1.1).
//!
//! Borders of messages are not kept: one may hold several frames of the chat protocol or part of
//! one. A text message ends the connection with close code 1003, since its peer speaks something
//! else.

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Error, Message, http::Uri};

use crate::limits::WEBSOCKET_MESSAGE_BYTES_MAX;
use crate::net::connection::{Inbound, Outbound, ReadError};

type Stream = WebSocketStream<TcpStream>;

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(WEBSOCKET_MESSAGE_BYTES_MAX))
        .max_frame_size(Some(WEBSOCKET_MESSAGE_BYTES_MAX))
}

/// Answers the upgrade of a connecting client, at any path.
pub(super) async fn accept(stream: TcpStream) -> Result<Stream, String> {
    let upgraded = tokio_tungstenite::accept_async_with_config(stream, Some(config())).await;
    upgraded.map_err(|error| error.to_string())
}

/// Connects to a `ws://` URL.
pub(super) async fn connect(url: &str) -> Result<Stream, String> {
    let uri: Uri = url.parse().map_err(|_| format!("`{url}` is no URL"))?;
    if uri.scheme_str() != Some("ws") {
        return Err(format!("`{url}` is no ws:// URL"));
    }
    let host = uri.host().ok_or_else(|| format!("`{url}` names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await;
    let stream = stream.map_err(|error| error.to_string())?;
    // Without it small messages would wait for each other's acknowledgement.
    let _ = stream.set_nodelay(true);
    let upgraded = tokio_tungstenite::client_async_with_config(uri, stream, Some(config())).await;
    upgraded.map(|(stream, _)| stream).map_err(|error| error.to_string())
}

/// Takes a stream apart.
pub(super) fn halves(stream: Stream) -> (Reader, Writer) {
    let (sink, stream) = stream.split();
    (Reader(stream), Writer(sink))
}

/// The reading half.
pub(super) struct Reader(SplitStream<Stream>);

impl Inbound for Reader {
    async fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(Some(bytes.into())),
                Some(Ok(Message::Text(_))) => {
                    return Err(ReadError {
                        error: "a text message, where only binary ones are understood".to_owned(),
                        close_code: Some(CloseCode::Unsupported.into()),
                    });
                }
                // Pings are answered by the protocol library, and pongs are nobody's concern.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Err(error)) => return Err(read_error(&error)),
            }
        }
    }
}

fn read_error(error: &Error) -> ReadError {
    let close_code = match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(CloseCode::Size),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_) => None,
        Error::Protocol(_) => Some(CloseCode::Protocol),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        _ => None,
    };
    ReadError { error: error.to_string(), close_code: close_code.map(u16::from) }
}

/// The writing half.
pub(super) struct Writer(SplitSink<Stream, Message>);

impl Writer {
    async fn close(&mut self, frame: Option<CloseFrame>) -> Result<(), Error> {
        match self.0.send(Message::Close(frame)).await {
            // The peer was first; the answer to its close is flushed below.
            Err(Error::Protocol(ProtocolError::SendAfterClosing)) => {}
            other => return already_closed(other),
        }
        already_closed(self.0.flush().await)
    }
}

fn already_closed(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(Error::ConnectionClosed | Error::AlreadyClosed) => Ok(()),
        other => other,
    }
}

impl Outbound for Writer {
    type Inbound = Reader;

    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        self.0.send(Message::binary(bytes)).await.map_err(|error| error.to_string())
    }

    async fn finish(&mut self) -> Result<(), String> {
        self.close(None).await.map_err(|error| error.to_string())
    }

    async fn reject(&mut self, close_code: u16) {
        let reason = tungstenite::Utf8Bytes::from_static("");
        // The peer is being cut off; whether it hears why is up to it.
        let _ = self.close(Some(CloseFrame { code: close_code.into(), reason })).await;
    }

    fn reset(self, inbound: Reader) {
        if let Ok(stream) = inbound.0.reunite(self.0) {
            let _ = stream.get_ref().set_zero_linger();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::tests::{leftovers, next, open, to_the_end};
    use crate::net::{Kind, Net, NetEvent, Waits};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::mpsc::Receiver;

    /// A net that has accepted one WebSocket client of the library's own.
    async fn accepted() -> (Net, Receiver<NetEvent>, Stream) {
        let (net, mut events) = Net::new();
        let listener = net.listen_chat().await.unwrap();
        let client = connect(&format!("ws://{listener}/ws/chat?ED=1")).await.unwrap();
        let kind = Kind::WebSocket;
        assert_eq!(next(&mut events).await, NetEvent::Accepted { conn: 1, kind, listener });
        (net, events, client)
    }

    #[tokio::test]
    async fn two_nets_talk_and_each_end_closes_once() {
        let (server, mut server_events) = Net::new();
        let (client, mut client_events) = Net::new();
        let listener = server.listen_chat().await.unwrap();
        let conn = client.open_websocket(format!("ws://{listener}/ws/chat"));
        client.send(conn, b"WA".to_vec());
        assert_eq!(next(&mut client_events).await, NetEvent::Opened { conn });
        let kind = Kind::WebSocket;
        let accepted = next(&mut server_events).await;
        assert_eq!(accepted, NetEvent::Accepted { conn: 1, kind, listener });
        let bytes = next(&mut server_events).await;
        assert_eq!(bytes, NetEvent::Bytes { conn: 1, bytes: b"WA".to_vec() });
        let large: Vec<u8> = (0..3_000_000_u32).map(|index| index.to_be_bytes()[2]).collect();
        server.send(1, large.clone());
        server.close(1);
        assert!(to_the_end(&mut client_events, conn).await == (large, None));
        assert_eq!(to_the_end(&mut server_events, 1).await, (vec![], None));
        assert_eq!(leftovers(server, server_events).await, []);
        assert_eq!(leftovers(client, client_events).await, []);
    }

    #[tokio::test]
    async fn many_small_messages_arrive_in_order_after_a_clients_close() {
        let (net, mut events, mut client) = accepted().await;
        for byte in 0..=255 {
            client.feed(Message::binary(vec![byte])).await.unwrap();
        }
        client.close(None).await.unwrap();
        assert_eq!(to_the_end(&mut events, 1).await, ((0..=255).collect(), None));
        assert!(matches!(open(client.next()).await, Some(Ok(Message::Close(_)))));
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn a_text_message_closes_with_1003() {
        let (net, mut events, mut client) = accepted().await;
        client.send(Message::text("hello")).await.unwrap();
        let Some(Ok(Message::Close(Some(frame)))) = open(client.next()).await else {
            panic!("a close frame");
        };
        assert_eq!(frame.code, CloseCode::Unsupported);
        let (bytes, error) = to_the_end(&mut events, 1).await;
        assert!(bytes.is_empty() && error.unwrap().contains("text message"));
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn an_oversize_message_ends_the_connection_before_it_is_read() {
        let (net, mut events, mut client) = accepted().await;
        let sending = tokio::spawn(async move {
            let _ = client.send(Message::binary(vec![0; WEBSOCKET_MESSAGE_BYTES_MAX + 1])).await;
            let _ = client.next().await;
        });
        let (bytes, error) = to_the_end(&mut events, 1).await;
        assert!(bytes.is_empty() && error.unwrap().contains("too long"));
        assert_eq!(leftovers(net, events).await, []);
        sending.abort();
    }

    #[tokio::test]
    async fn pings_are_answered_and_are_no_bytes() {
        let (net, events, mut client) = accepted().await;
        client.send(Message::Ping(vec![1, 2].into())).await.unwrap();
        let Some(Ok(Message::Pong(payload))) = open(client.next()).await else { panic!("a pong") };
        assert_eq!(&payload[..], [1, 2]);
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn a_client_that_vanishes_is_an_error() {
        let (net, mut events, client) = accepted().await;
        drop(client);
        let (_, error) = to_the_end(&mut events, 1).await;
        assert!(error.is_some());
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn an_upgrade_that_fails_is_accepted_and_closed_with_the_reason() {
        let waits = Waits { open: Duration::from_millis(50), ..Waits::default() };
        let (net, mut events) = Net::with_waits(waits);
        let listener = net.listen_chat().await.unwrap();
        let kind = Kind::WebSocket;
        for (conn, request) in [(1, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (2, "G")] {
            let mut client = TcpStream::connect(listener).await.unwrap();
            client.write_all(request.as_bytes()).await.unwrap();
            assert_eq!(next(&mut events).await, NetEvent::Accepted { conn, kind, listener });
            let (_, error) = to_the_end(&mut events, conn).await;
            assert!(error.unwrap().starts_with("no WebSocket upgrade: "));
            let mut answer = Vec::new();
            let _ = open(client.read_to_end(&mut answer)).await;
        }
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn other_urls_do_not_open() {
        let (net, mut events) = Net::new();
        for url in ["wss://127.0.0.1/", "http://127.0.0.1/", "no url", "ws://127.0.0.1:1/"] {
            let opened = net.open_websocket(url);
            let NetEvent::OpenFailed { conn, .. } = next(&mut events).await else {
                panic!("{url}")
            };
            assert_eq!(conn, opened);
        }
    }

    #[tokio::test]
    async fn a_reset_of_ours_is_no_close_frame() {
        let (net, mut events, mut client) = accepted().await;
        net.reset(1);
        let ended = open(client.next()).await;
        assert!(matches!(ended, Some(Err(_))), "{ended:?}");
        let (_, error) = to_the_end(&mut events, 1).await;
        assert_eq!(error.as_deref(), Some("it was reset on purpose"));
        assert_eq!(leftovers(net, events).await, []);
    }
}
