//! Answers whose body does not simply travel: it breaks off, stalls, or comes in small pieces under a
//! length that may be wrong.
//!
//! Main function: [`outgoing`]. A host that misbehaves does so on purpose here, and only here.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use hyper::body::Bytes;

use crate::http::{Delivery, Ending, HttpResponse};
use crate::limits::{DELIVERY_PAUSES_MAX, DELIVERY_PIECES_MAX};
use crate::net::serve::{Line, is_framing};
use crate::net::shared::Shared;

/// Makes the answer; `line` is the connection that it leaves by, where there is one to be reset.
pub(super) async fn outgoing(
    shared: &Arc<Shared>,
    response: HttpResponse,
    how: Delivery,
    line: Option<Line>,
) -> Response {
    if !how.delay.is_zero() {
        tokio::time::sleep(how.delay).await;
    }
    let mut builder = Response::builder().status(response.status);
    for (name, value) in response.headers.iter().filter(|(name, _)| !is_framing(name)) {
        builder = builder.header(name, value);
    }
    if let Some(length) = how.announced {
        builder = builder.header(CONTENT_LENGTH, length);
    }
    let body = body(shared, &response.body, how, line);
    // A status or header that HTTP does not know can only come from a mistake of ours.
    builder.body(body).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn body(shared: &Arc<Shared>, bytes: &[u8], how: Delivery, line: Option<Line>) -> Body {
    let most = if how.pause.is_zero() { DELIVERY_PIECES_MAX } else { DELIVERY_PAUSES_MAX };
    let least = bytes.len().div_ceil(most);
    let pieces = bytes.chunks(how.piece_bytes.max(least).max(1)).map(<[u8]>::to_vec);
    let pieces: Vec<io::Result<Bytes>> = pieces.map(|piece| Ok(piece.into())).collect();
    let pieces = futures_util::stream::iter(pieces.into_iter().chain(filler(how))).then(
        move |piece| async move {
            if !how.pause.is_zero() {
                tokio::time::sleep(how.pause).await;
            }
            piece
        },
    );
    let broken = || io::Error::from(io::ErrorKind::ConnectionAborted);
    match how.end {
        Ending::Whole => Body::from_stream(pieces),
        Ending::Broken | Ending::Reset => {
            let end = futures_util::stream::once(async move {
                // What came before leaves while nothing is ready; an error would take it along.
                tokio::task::yield_now().await;
                if let (Ending::Reset, Some(line)) = (how.end, line) {
                    line.reset();
                }
                Err(broken())
            });
            Body::from_stream(pieces.chain(end))
        }
        Ending::Stalled => {
            let stopped = shared.stopped();
            let end = futures_util::stream::once(async move {
                stopped.await;
                Err(broken())
            });
            Body::from_stream(pieces.chain(end))
        }
    }
}

/// What follows the body, in pieces that share their bytes.
fn filler(how: Delivery) -> impl Iterator<Item = io::Result<Bytes>> {
    let mut left = how.filler_bytes;
    std::iter::from_fn(move || {
        let piece = left.min(ZEROS.len() as u64);
        left -= piece;
        let piece = usize::try_from(piece).unwrap_or_default();
        (piece > 0).then(|| Ok(Bytes::from_static(&ZEROS[..piece])))
    })
}

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpRequest;
    use crate::net::tests::{next, open};
    use crate::net::{Net, NetEvent};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    async fn answered(how: Delivery) -> (Net, TcpStream) {
        let (net, mut events) = Net::new();
        let address = net.listen_http().await.unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let NetEvent::Request { id, .. } = next(&mut events).await else { panic!("a request") };
        net.deliver(
            id,
            HttpResponse { body: b"0123456789".to_vec(), ..HttpResponse::new(200) },
            how,
        );
        (net, stream)
    }

    async fn read(how: Delivery) -> String {
        let (_net, mut stream) = answered(how).await;
        let mut all = Vec::new();
        let _ = open(stream.read_to_end(&mut all)).await;
        String::from_utf8_lossy(&all).into_owned()
    }

    #[tokio::test]
    async fn a_body_travels_as_it_was_told_to() {
        let whole = Delivery { announced: Some(10), piece_bytes: 3, ..Delivery::default() };
        let text = read(whole).await;
        assert!(text.contains("content-length: 10") && text.ends_with("\r\n0123456789"), "{text}");
        let text = read(Delivery { announced: Some(20), end: Ending::Broken, ..whole }).await;
        assert!(text.contains("content-length: 20") && text.ends_with("0123456789"), "{text}");
        let text = read(Delivery { announced: None, ..whole }).await;
        assert!(text.contains("transfer-encoding: chunked"), "{text}");
    }

    #[tokio::test]
    async fn a_reset_is_seen_as_one_and_a_delay_is_waited_for() {
        let how = Delivery { announced: Some(20), end: Ending::Reset, ..Delivery::default() };
        let (_net, mut stream) = answered(how).await;
        let end = open(async {
            loop {
                match stream.read(&mut [0; 64]).await {
                    Ok(0) => return None,
                    Ok(_) => {}
                    Err(error) => return Some(error.kind()),
                }
            }
        });
        assert_eq!(end.await, Some(io::ErrorKind::ConnectionReset));
        let begun = std::time::Instant::now();
        let delay = std::time::Duration::from_millis(30);
        let text = read(Delivery { announced: Some(10), delay, ..Delivery::default() }).await;
        assert!(text.ends_with("0123456789") && begun.elapsed() >= delay, "{text}");
    }

    #[tokio::test]
    async fn a_stalled_body_ends_with_the_net() {
        let how = Delivery { announced: Some(20), end: Ending::Stalled, ..Delivery::default() };
        let (net, mut stream) = answered(how).await;
        let mut got = Vec::new();
        while !got.ends_with(b"0123456789") {
            let mut byte = [0];
            assert_eq!(open(stream.read(&mut byte)).await.unwrap(), 1);
            got.push(byte[0]);
        }
        drop(net);
        assert!(!matches!(open(stream.read(&mut [0])).await, Ok(1..)));
    }

    #[tokio::test]
    async fn a_fetch_takes_no_more_than_it_was_allowed() {
        let (net, mut events) = Net::new();
        let url = format!("http://{}/", net.listen_http().await.unwrap());
        for (max, right) in [(10, true), (9, false)] {
            net.download(url.clone(), HttpRequest::new("GET", "/"), max);
            let NetEvent::Request { id, .. } = next(&mut events).await else { panic!("a request") };
            net.respond(id, HttpResponse { body: vec![0; 10], ..HttpResponse::new(200) });
            let NetEvent::Response { result, .. } = next(&mut events).await else {
                panic!("a response")
            };
            assert_eq!(result.is_ok(), right, "{result:?}");
        }
    }
}
