//! Raw TCP as a connection: one write for each item, no delay.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::limits::READ_BYTES_MAX;
use crate::net::connection::{Inbound, Outbound, ReadError};

/// Takes a stream apart.
pub(super) fn halves(stream: TcpStream) -> (Reader, OwnedWriteHalf) {
    let (half, writer) = stream.into_split();
    (Reader { half, buffer: vec![0; READ_BYTES_MAX] }, writer)
}

/// The reading half with its buffer.
pub(super) struct Reader {
    half: OwnedReadHalf,
    buffer: Vec<u8>,
}

impl Inbound for Reader {
    async fn read(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        match self.half.read(&mut self.buffer).await {
            Ok(0) => Ok(None),
            Ok(count) => Ok(Some(self.buffer[..count].to_vec())),
            Err(error) => Err(ReadError { error: error.to_string(), close_code: None }),
        }
    }
}

impl Outbound for OwnedWriteHalf {
    type Inbound = Reader;

    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        self.write_all(&bytes).await.map_err(|error| error.to_string())
    }

    async fn finish(&mut self) -> Result<(), String> {
        self.shutdown().await.map_err(|error| error.to_string())
    }

    async fn reject(&mut self, _close_code: u16) {}

    fn reset(self, inbound: Reader) {
        // Without the option this would be an orderly end; dropped as it is, this half would say
        // one before the reset.
        let _ = self.as_ref().set_zero_linger();
        self.forget();
        drop(inbound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::WRITE_QUEUE_BYTES_MAX;
    use crate::net::tests::{leftovers, next, open, to_the_end};
    use crate::net::{ConnId, Kind, Net, NetEvent, Waits};
    use std::time::Duration;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc::Receiver;

    const MIB: usize = 1024 * 1024;

    /// A net that has accepted one raw client, whose first byte is already taken.
    async fn accepted(waits: Waits) -> (Net, Receiver<NetEvent>, ConnId, TcpStream) {
        let (net, mut events) = Net::with_waits(waits);
        let listener = net.listen_chat().await.unwrap();
        let mut client = TcpStream::connect(listener).await.unwrap();
        client.write_all(b"W").await.unwrap();
        let conn = 1;
        let kind = Kind::Tcp;
        assert_eq!(next(&mut events).await, NetEvent::Accepted { conn, kind, listener });
        assert_eq!(next(&mut events).await, NetEvent::Bytes { conn, bytes: b"W".to_vec() });
        (net, events, conn, client)
    }

    #[tokio::test]
    async fn two_nets_talk_and_each_end_closes_once() {
        let (server, mut server_events) = Net::new();
        let (client, mut client_events) = Net::new();
        let listener = server.listen_chat().await.unwrap();
        let conn = client.open_tcp(listener);
        client.send(conn, b"WA".to_vec());
        assert_eq!(next(&mut client_events).await, NetEvent::Opened { conn });
        let kind = Kind::Tcp;
        let accepted = next(&mut server_events).await;
        assert_eq!(accepted, NetEvent::Accepted { conn: 1, kind, listener });
        let bytes = next(&mut server_events).await;
        assert_eq!(bytes, NetEvent::Bytes { conn: 1, bytes: b"WA".to_vec() });
        server.send(1, b"hello".to_vec());
        server.close(1);
        server.send(1, b"too late".to_vec());
        assert_eq!(to_the_end(&mut client_events, conn).await, (b"hello".to_vec(), None));
        assert_eq!(to_the_end(&mut server_events, 1).await, (vec![], None));
        server.close(1);
        client.close(conn);
        assert_eq!(leftovers(server, server_events).await, []);
        assert_eq!(leftovers(client, client_events).await, []);
    }

    #[tokio::test]
    async fn many_small_writes_arrive_in_order() {
        let (server, mut server_events) = Net::new();
        let (client, mut client_events) = Net::new();
        let conn = client.open_tcp(server.listen_chat().await.unwrap());
        let sent: Vec<u8> = (0..20_000_u32).map(|index| index.to_be_bytes()[3]).collect();
        for byte in &sent {
            client.send(conn, vec![*byte]);
        }
        client.close(conn);
        assert!(matches!(next(&mut server_events).await, NetEvent::Accepted { conn: 1, .. }));
        assert!(to_the_end(&mut server_events, 1).await == (sent, None));
        assert_eq!(next(&mut client_events).await, NetEvent::Opened { conn });
        assert_eq!(to_the_end(&mut client_events, conn).await, (vec![], None));
    }

    #[tokio::test]
    async fn a_peer_that_stops_sending_still_gets_what_was_queued() {
        let (net, mut events, conn, mut client) = accepted(Waits::default()).await;
        net.send(conn, vec![9; 8 * MIB]);
        client.write_all(b"bye").await.unwrap();
        client.shutdown().await.unwrap();
        let mut got = Vec::new();
        open(client.read_to_end(&mut got)).await.unwrap();
        assert_eq!(got.len(), 8 * MIB);
        assert_eq!(to_the_end(&mut events, conn).await, (b"bye".to_vec(), None));
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn a_close_lets_everything_queued_leave_while_the_peer_talks_on() {
        let (net, mut events, conn, client) = accepted(Waits::default()).await;
        net.send(conn, vec![9; 8 * MIB]);
        net.close(conn);
        let (mut reader, mut writer) = client.into_split();
        let talk = tokio::spawn(async move { while writer.write_all(b"talk").await.is_ok() {} });
        let mut got = Vec::new();
        let ended = open(reader.read_to_end(&mut got)).await;
        assert_eq!((ended.ok(), got.len()), (Some(8 * MIB), 8 * MIB));
        let (_, error) = to_the_end(&mut events, conn).await;
        assert_eq!(error, None);
        talk.abort();
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_loses_the_connection() {
        let (net, mut events, conn, client) = accepted(Waits::default()).await;
        for _ in 0..=WRITE_QUEUE_BYTES_MAX / MIB {
            net.send(conn, vec![0; MIB]);
        }
        let (_, error) = to_the_end(&mut events, conn).await;
        assert_eq!(error.as_deref(), Some("the peer does not read"));
        drop(client);
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_cannot_hold_up_a_close() {
        let waits = Waits { close: Duration::from_millis(20), ..Waits::default() };
        let (net, mut events, conn, client) = accepted(waits).await;
        net.send(conn, vec![0; 24 * MIB]);
        net.close(conn);
        let (_, error) = to_the_end(&mut events, conn).await;
        let expected = "the peer did not read what was queued before the close";
        assert_eq!(error.as_deref(), Some(expected));
        drop(client);
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn what_came_before_a_broken_connection_is_not_lost() {
        let (net, mut events, conn, mut client) = accepted(Waits::default()).await;
        net.send(conn, vec![0; 16 * MIB]);
        client.write_all(&[5; 10_000]).await.unwrap();
        open(client.peek(&mut [0])).await.unwrap();
        // Closing with unread bytes resets the connection; ours is in the middle of a write.
        drop(client);
        let (bytes, error) = to_the_end(&mut events, conn).await;
        assert!(error.is_some());
        assert_eq!(bytes.len(), 10_000);
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn a_reset_is_an_error() {
        let (net, mut events, conn, client) = accepted(Waits::default()).await;
        client.set_zero_linger().unwrap();
        drop(client);
        let (_, error) = to_the_end(&mut events, conn).await;
        assert!(error.unwrap().contains("reset"));
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn a_client_that_never_speaks_is_accepted_and_closed() {
        let (net, mut events) = Net::new();
        let listener = net.listen_chat().await.unwrap();
        drop(TcpStream::connect(listener).await.unwrap());
        let kind = Kind::Tcp;
        assert_eq!(next(&mut events).await, NetEvent::Accepted { conn: 1, kind, listener });
        assert_eq!(to_the_end(&mut events, 1).await, (vec![], None));
    }

    #[tokio::test]
    async fn a_connection_that_does_not_come_about_fails_once_and_is_never_closed() {
        let (net, mut events) = Net::new();
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let refused = net.open_tcp(free);
        let NetEvent::OpenFailed { conn, error } = next(&mut events).await else { panic!() };
        assert_eq!(conn, refused);
        assert!(error.contains("refused"), "{error}");
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn too_much_before_a_connection_is_open_ends_it_as_well() {
        let (server, _server_events) = Net::new();
        let (net, mut events) = Net::new();
        let conn = net.open_tcp(server.listen_chat().await.unwrap());
        net.send(conn, vec![0; WRITE_QUEUE_BYTES_MAX]);
        assert_eq!(next(&mut events).await, NetEvent::Opened { conn });
        let (_, error) = to_the_end(&mut events, conn).await;
        assert_eq!(error.as_deref(), Some("the peer does not read"));
    }

    #[tokio::test]
    async fn a_reset_of_ours_comes_after_what_was_queued_and_is_no_orderly_end() {
        let (net, mut events, conn, mut client) = accepted(Waits::default()).await;
        net.send(conn, b"last".to_vec());
        let mut got = [0; 4];
        open(client.read_exact(&mut got)).await.unwrap();
        net.reset(conn);
        net.send(conn, b"never".to_vec());
        let ended = open(client.read(&mut got)).await;
        assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        let (_, error) = to_the_end(&mut events, conn).await;
        assert_eq!(error.as_deref(), Some("it was reset on purpose"));
        assert_eq!((&got, leftovers(net, events).await), (b"last", vec![]));
    }

    #[tokio::test]
    async fn after_a_half_close_the_peer_is_still_heard_and_hears_nothing_more() {
        let (net, mut events, conn, mut client) = accepted(Waits::default()).await;
        net.send(conn, b"bye".to_vec());
        net.half_close(conn);
        net.send(conn, b"never".to_vec());
        let mut got = Vec::new();
        open(client.read_to_end(&mut got)).await.unwrap();
        assert_eq!(got, b"bye");
        client.write_all(b"still here").await.unwrap();
        drop(client);
        assert_eq!(to_the_end(&mut events, conn).await, (b"still here".to_vec(), None));
        assert_eq!(leftovers(net, events).await, []);
    }

    #[tokio::test]
    async fn a_pause_holds_back_what_follows_and_nothing_else() {
        let (net, mut events, conn, mut client) = accepted(Waits::default()).await;
        let begun = std::time::Instant::now();
        net.send(conn, b"a".to_vec());
        net.pause(conn, Duration::from_millis(30));
        net.send(conn, b"b".to_vec());
        net.close(conn);
        let mut got = [0; 2];
        open(client.read_exact(&mut got)).await.unwrap();
        assert!(got == *b"ab" && begun.elapsed() >= Duration::from_millis(30));
        drop(client);
        assert_eq!(to_the_end(&mut events, conn).await, (vec![], None));
    }
}
