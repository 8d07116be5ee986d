//! Reading an answer as a reader of a large file does: piece by piece, keeping little of it.
//!
//! Main function: [`read`]. What tells a server that streams from one that collects is whether the
//! first bytes are there before the last ones exist; and a file of any length can be read without
//! room for it. Each piece has the time that a whole answer has elsewhere.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::fetch::{self, Origin};
use super::probe::{Probed, Reading};
use super::shared::Shared;
use super::tls::Trust;
use super::{HttpVersion, serve};
use crate::http::{HttpResponse, LATE};
use crate::limits::READ_BYTES_KEPT;

/// Sends a request on a connection of its own and reads the answer's body until it ends, breaks off, or
/// has given so many bytes.
pub(super) async fn read(
    shared: &Arc<Shared>,
    origin: &Origin,
    reading: Reading,
) -> Result<Probed, String> {
    let Reading { request, bytes, http2, wait: patience } = reading;
    let wait = shared.waits.fetch;
    let patience = patience.unwrap_or(wait);
    let late = |_| format!("{LATE} {} ms", patience.as_millis());
    let asking = async {
        let (stream, version) = match http2 {
            true => fetch::dial_either(origin, &Trust::anybody()).await?,
            false => {
                let version = HttpVersion::Http1;
                (fetch::dial(origin, version, &Trust::anybody()).await?, version)
            }
        };
        fetch::asked(shared, stream, version, origin, request).await
    };
    let response = timeout(patience, asking).await.map_err(late)??;
    let (parts, mut body) = response.into_parts();
    let headers = serve::headers(&parts.headers);
    let answer = HttpResponse { status: parts.status.as_u16(), headers, body: Vec::new() };
    let mut seen = Probed { answer: Some(answer), ..Probed::default() };
    while seen.read < bytes {
        // A body that stands still has ended for its reader, as one that breaks off.
        let next = timeout(wait, body.frame()).await;
        seen.closed = matches!(next, Ok(None));
        let Ok(Some(Ok(frame))) = next else {
            break;
        };
        let Ok(piece) = frame.into_data() else { continue };
        seen.read += piece.len() as u64;
        if let Some(answer) = &mut seen.answer {
            let room = READ_BYTES_KEPT.saturating_sub(answer.body.len()).min(piece.len());
            answer.body.extend_from_slice(&piece[..room]);
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Delivery, Ending, HttpRequest};
    use crate::net::tests::next;
    use crate::net::{Net, NetEvent, Probe};

    /// What a reader of so many bytes sees of a body of twenty that is delivered so.
    async fn seen(how: Delivery, bytes: u64) -> Probed {
        let (net, mut events) = Net::new();
        let url = format!("http://{}/", net.listen_http().await.unwrap());
        let reading = Reading { bytes, ..Reading::whole(HttpRequest::new("GET", "/")) };
        net.probe(url, Probe::Read(reading));
        loop {
            match next(&mut events).await {
                NetEvent::Request { id, .. } => {
                    let body = b"0123456789".to_vec();
                    net.deliver(id, HttpResponse { body, ..HttpResponse::new(200) }, how);
                }
                NetEvent::Probed { result, .. } => return result.unwrap(),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_beginning_is_there_before_the_end_exists() {
        let stalled = Delivery { announced: Some(20), end: Ending::Stalled, ..Delivery::default() };
        let seen = seen(stalled, 8).await;
        assert!(seen.read >= 8 && !seen.closed);
        assert_eq!(seen.answer.unwrap().header("content-length"), Some("20"));
    }

    #[tokio::test]
    async fn a_whole_body_ends_and_a_broken_one_does_not() {
        let whole = Delivery { announced: Some(10), ..Delivery::default() };
        let read = seen(whole, u64::MAX).await;
        assert_eq!(
            (read.read, read.closed, &read.answer.unwrap().body[..]),
            (10, true, &b"0123456789"[..])
        );
        let broken = Delivery { announced: Some(20), end: Ending::Broken, ..Delivery::default() };
        let read = seen(broken, u64::MAX).await;
        assert!(read.read <= 10 && !read.closed);
    }

    #[tokio::test]
    async fn a_long_body_is_counted_and_not_kept() {
        let long = Delivery { filler_bytes: 4 << 20, ..Delivery::default() };
        let read = seen(long, u64::MAX).await;
        assert_eq!((read.read, read.closed), ((4 << 20) + 10, true));
        assert_eq!(read.answer.unwrap().body.len(), READ_BYTES_KEPT);
    }
}
