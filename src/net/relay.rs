//! Passing a server's answer on while it comes: what a proxy of media does with its sockets.
//!
//! Main function: [`start`]. The head goes through a function of the caller's; the body streams from
//! one connection to the other, and nothing of it is held but what both have in their buffers: a
//! reader that does not read stops the server. Who asks for the same before the server has answered is
//! given the same answer: one request serves them all. No redirect is followed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::http::{HttpRequest, HttpResponse, Strain};
use crate::limits::RELAY_PIECES_WAITING_MAX;
use crate::net::ExchangeId;
use crate::net::fetch;
use crate::net::serve::{headers, is_framing};
use crate::net::shared::{Answer, Shared};

/// What becomes of a server's head; an answer with a body of its own replaces the server's.
pub type Head = fn(HttpResponse) -> HttpResponse;

/// What several readers may ask for at once and be given by one request: method, URL and headers.
pub(super) type Wanted = (String, String, Vec<(String, String)>);

pub(super) fn start(
    shared: &Arc<Shared>,
    id: ExchangeId,
    url: String,
    request: HttpRequest,
    head: Head,
    strain: Strain,
) {
    let asks_for_head = request.method == "HEAD";
    // What is asked for over a network with a fault is asked for by itself.
    let alone = asks_for_head || strain != Strain::default();
    let wanted = (!alone).then(|| (request.method.clone(), url.clone(), request.headers.clone()));
    if wanted.as_ref().is_some_and(|wanted| !shared.reads_first(wanted, id)) {
        // Somebody has asked for it already, and shares the answer.
        return;
    }
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let wait = task.waits.relay;
        let asked = timeout(wait, fetch::begin(&task, &url, request, strain)).await;
        let readers = wanted.map_or_else(|| vec![id], |wanted| task.readers_of(&wanted));
        let failed = |status| Err(head(HttpResponse::new(status)));
        let told = match asked {
            Ok(Ok(response)) => told(response, head, asks_for_head),
            Ok(Err(_)) => failed(502),
            Err(_) => failed(504),
        };
        match told {
            Err(answer) => {
                for reader in readers {
                    task.answer(reader, Answer::Whole(answer.clone()));
                }
            }
            Ok((parts, body)) => pass(&task, &readers, &parts, body).await,
        }
    });
}

/// The head of an answer as a reader gets it, with the server's body; or what replaces both.
fn told(
    response: Response<Incoming>,
    head: Head,
    asks_for_head: bool,
) -> Result<(Parts, Incoming), HttpResponse> {
    let (parts, body) = response.into_parts();
    let status = parts.status.as_u16();
    let told = HttpResponse { status, headers: headers(&parts.headers), body: Vec::new() };
    let told = head(told);
    if told.status != status || !told.body.is_empty() {
        return Err(told);
    }
    let kept = told.headers.into_iter().filter(|(name, _)| !is_framing(name)).collect();
    // The length of what HEAD leaves out, or of what several share, cannot be told from the body.
    let length = parts.headers.get(CONTENT_LENGTH).cloned();
    Ok((Parts { status, headers: kept, length, asks_for_head }, body))
}

/// A head that is passed on, to one reader or to several.
struct Parts {
    status: u16,
    headers: Vec<(String, String)>,
    length: Option<HeaderValue>,
    asks_for_head: bool,
}

impl Parts {
    fn with(&self, body: Body, shared: bool) -> Answer {
        let mut builder = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        if let (true, Some(length)) = (shared || self.asks_for_head, &self.length) {
            builder = builder.header(CONTENT_LENGTH, length);
        }
        let streamed = builder.body(body);
        Answer::Ready(streamed.unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response()))
    }
}

async fn pass(shared: &Arc<Shared>, readers: &[ExchangeId], parts: &Parts, body: Incoming) {
    let wait = shared.waits.relay;
    let body = Watched { body, wait, over: Box::pin(sleep(wait)) };
    if let [only] = readers {
        return shared.answer(*only, parts.with(Body::new(body), false));
    }
    let mut pipes = Vec::new();
    for reader in readers {
        let (pipe, end) = mpsc::channel(RELAY_PIECES_WAITING_MAX);
        let pieces = futures_util::stream::unfold(end, |mut end| async move {
            let piece: Piece = end.recv().await?;
            Some((piece, end))
        });
        shared.answer(*reader, parts.with(Body::from_stream(pieces), true));
        pipes.push(pipe);
    }
    share(body, pipes, wait).await;
}

/// A piece of a body that several readers get.
type Piece = Result<Bytes, std::io::Error>;

/// Passes a body on to several readers, as fast as the slowest of them reads; one that takes nothing
/// for too long is left behind, with a body that breaks off.
async fn share(mut body: Watched, mut pipes: Vec<mpsc::Sender<Piece>>, wait: Duration) {
    while let Some(frame) = body.frame().await {
        let piece = match frame.map(Frame::into_data) {
            Ok(Ok(bytes)) => bytes,
            // Trailers say nothing that a reader is told.
            Ok(Err(_)) => continue,
            Err(_) => {
                for pipe in &pipes {
                    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
                    let _ = timeout(wait, pipe.send(Err(broken))).await;
                }
                return;
            }
        };
        let mut left = Vec::new();
        for pipe in pipes {
            // Who is gone, or too slow, has a body that ends short of its length.
            if let Ok(Ok(())) = timeout(wait, pipe.send(Ok(piece.clone()))).await {
                left.push(pipe);
            }
        }
        pipes = left;
        if pipes.is_empty() {
            return;
        }
    }
}

/// A body that fails when nothing of it comes for too long.
struct Watched {
    body: Incoming,
    wait: Duration,
    over: Pin<Box<Sleep>>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                let until = Instant::now() + self.wait;
                self.over.as_mut().reset(until);
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => match self.over.as_mut().poll(cx) {
                Poll::Ready(()) => {
                    let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
                    Poll::Ready(Some(Err(late.into())))
                }
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Delivery, Ending};
    use crate::net::tests::next;
    use crate::net::{Net, NetEvent};

    fn plain(mut answer: HttpResponse) -> HttpResponse {
        answer.headers.retain(|(name, _)| name == "etag");
        match answer.status {
            200..300 => answer,
            302 => HttpResponse::new(502),
            _ => HttpResponse { body: b"no".to_vec(), ..HttpResponse::new(answer.status) },
        }
    }

    /// One request through the relay; what its server answers, and what the reader gets.
    async fn relayed(
        method: &str,
        answer: HttpResponse,
        how: Option<Delivery>,
    ) -> Result<HttpResponse, String> {
        let (net, mut events) = Net::new();
        let (proxy, server) = (net.listen_http().await.unwrap(), net.listen_http().await.unwrap());
        let reader = net.fetch(format!("http://{proxy}/a"), HttpRequest::new(method, ""));
        loop {
            match next(&mut events).await {
                NetEvent::Request { id, listener, request, .. } if listener == proxy => {
                    let upstream = HttpRequest::new(&request.method, "/b");
                    net.relay(id, format!("http://{server}/b"), upstream, plain);
                }
                NetEvent::Request { id, .. } => match how {
                    Some(how) => net.deliver(id, answer.clone(), how),
                    None => net.respond(id, answer.clone()),
                },
                NetEvent::Response { id, result } if id == reader => return result,
                other => panic!("{other:?}"),
            }
        }
    }

    fn answer(status: u16) -> HttpResponse {
        let body = b"0123456789".to_vec();
        let answer = HttpResponse { body, ..HttpResponse::new(status) };
        answer.with_header("etag", "\"x\"").with_header("set-cookie", "who=you")
    }

    #[tokio::test]
    async fn bytes_pass_unchanged_and_the_head_as_it_was_told_to() {
        let got = relayed("GET", answer(200), None).await.unwrap();
        assert_eq!((got.status, &got.body[..]), (200, &b"0123456789"[..]));
        assert_eq!((got.header("etag"), got.header("set-cookie")), (Some("\"x\""), None));
        assert_eq!(got.header("content-length"), Some("10"));
        let got = relayed("HEAD", answer(200), None).await.unwrap();
        assert_eq!((got.body.len(), got.header("content-length")), (0, Some("10")));
        let got = relayed("GET", answer(404), None).await.unwrap();
        assert_eq!((got.status, &got.body[..]), (404, &b"no"[..]));
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_followed_nowhere() {
        let moved = answer(302).with_header("location", "http://127.0.0.1:1/");
        assert_eq!(relayed("GET", moved, None).await.unwrap().status, 502);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_breaks_off_for_the_reader() {
        let how = Delivery {
            announced: Some(20),
            piece_bytes: 4,
            end: Ending::Broken,
            ..Delivery::default()
        };
        assert!(relayed("GET", answer(200), Some(how)).await.is_err());
    }

    /// Three readers at once through one relay; how often the server is asked, and what they get.
    async fn shared(
        answer: HttpResponse,
        how: Option<Delivery>,
    ) -> (usize, Vec<Result<HttpResponse, String>>) {
        let (net, mut events) = Net::new();
        let (proxy, server) = (net.listen_http().await.unwrap(), net.listen_http().await.unwrap());
        for _ in 0..3 {
            net.fetch(format!("http://{proxy}/a"), HttpRequest::new("GET", ""));
        }
        let (mut joined, mut asked, mut got) = (0, Vec::new(), Vec::new());
        while got.len() < 3 {
            match next(&mut events).await {
                NetEvent::Request { id, listener, .. } if listener == proxy => {
                    let url = format!("http://{server}/b");
                    net.relay(id, url, HttpRequest::new("GET", "/b"), plain);
                    joined += 1;
                }
                NetEvent::Request { id, .. } => asked.push(id),
                NetEvent::Response { result, .. } => got.push(result),
                other => panic!("{other:?}"),
            }
            if let (3, [id]) = (joined, &asked[..]) {
                joined += 1;
                match how {
                    Some(how) => net.deliver(*id, answer.clone(), how),
                    None => net.respond(*id, answer.clone()),
                }
            }
        }
        (asked.len(), got)
    }

    #[tokio::test]
    async fn who_asks_for_the_same_at_once_is_served_by_one_request() {
        let large = HttpResponse { body: vec![7; 1 << 20], ..answer(200) };
        let (asked, got) = shared(large.clone(), None).await;
        assert_eq!(asked, 1);
        for got in got {
            let got = got.unwrap();
            assert!(got.body == large.body && got.header("set-cookie").is_none());
            assert_eq!(got.header("content-length"), Some("1048576"));
        }
        let (asked, got) = shared(answer(404), None).await;
        assert!(asked == 1 && got.iter().all(|got| got.as_ref().unwrap().status == 404));
        let how = Delivery {
            announced: Some(20),
            piece_bytes: 4,
            end: Ending::Broken,
            ..Delivery::default()
        };
        let (asked, got) = shared(answer(200), Some(how)).await;
        assert!(asked == 1 && got.iter().all(Result::is_err), "{got:?}");
    }

    #[tokio::test]
    async fn nobody_there_is_a_clear_error() {
        let (net, mut events) = Net::new();
        let proxy = net.listen_http().await.unwrap();
        net.fetch(format!("http://{proxy}/a"), HttpRequest::new("GET", ""));
        let NetEvent::Request { id, .. } = next(&mut events).await else { panic!("a request") };
        net.relay(id, "http://127.0.0.1:1/", HttpRequest::new("GET", "/"), plain);
        let NetEvent::Response { result, .. } = next(&mut events).await else { panic!("one") };
        assert_eq!(result.unwrap().status, 502);
    }
}
