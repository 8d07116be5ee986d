//! Passing a server's answer on while it comes: what a proxy of media does with its sockets.
//!
//! Main function: [`start`]. The head goes through a function of the caller's; the body streams from
//! one connection to the other, and nothing of it is held but what both have in their buffers: a
//! reader that does not read stops the server. No redirect is followed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::http::{HttpRequest, HttpResponse, Strain};
use crate::net::ExchangeId;
use crate::net::fetch;
use crate::net::serve::{headers, is_framing};
use crate::net::shared::{Answer, Shared};

/// What becomes of a server's head; an answer with a body of its own replaces the server's.
pub type Head = fn(HttpResponse) -> HttpResponse;

pub(super) fn start(
    shared: &Arc<Shared>,
    id: ExchangeId,
    url: String,
    request: HttpRequest,
    head: Head,
    strain: Strain,
) {
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let wait = task.waits.relay;
        let asks_for_head = request.method == "HEAD";
        let asked = fetch::begin(&task, &url, request, strain);
        let answer = match timeout(wait, asked).await {
            Ok(Ok(response)) => passed_on(response, head, asks_for_head, wait),
            Ok(Err(_)) => Answer::Whole(head(HttpResponse::new(502))),
            Err(_) => Answer::Whole(head(HttpResponse::new(504))),
        };
        task.answer(id, answer);
    });
}

fn passed_on(
    response: Response<Incoming>,
    head: Head,
    asks_for_head: bool,
    wait: Duration,
) -> Answer {
    let (parts, body) = response.into_parts();
    let status = parts.status.as_u16();
    let told = HttpResponse { status, headers: headers(&parts.headers), body: Vec::new() };
    let told = head(told);
    if told.status != status || !told.body.is_empty() {
        return Answer::Whole(told);
    }
    let mut builder = Response::builder().status(told.status);
    for (name, value) in told.headers.iter().filter(|(name, _)| !is_framing(name)) {
        builder = builder.header(name, value);
    }
    // The length of what HEAD leaves out cannot be told from the body.
    if let (true, Some(length)) = (asks_for_head, parts.headers.get(CONTENT_LENGTH)) {
        builder = builder.header(CONTENT_LENGTH, length);
    }
    let body = Body::new(Watched { body, wait, over: Box::pin(sleep(wait)) });
    let streamed = builder.body(body);
    Answer::Ready(streamed.unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response()))
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
