//! HTTP requests of ours, each on a connection of its own.
//!
//! No pool: which connection carries which request would depend on timing. Answers are bounded in
//! size and time, because a partner's server is as untrusted as its client.

use std::sync::Arc;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::rt::Executor;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::time::timeout;

use crate::http::{HttpRequest, HttpResponse};
use crate::net::serve::{headers, is_framing};
use crate::net::shared::Shared;
use crate::net::{ExchangeId, HttpVersion, NetEvent};

pub(super) fn start(
    shared: &Arc<Shared>,
    version: HttpVersion,
    url: String,
    request: HttpRequest,
    bytes_max: usize,
) -> ExchangeId {
    let id = shared.exchange();
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let wait = task.waits.fetch;
        let result = match timeout(wait, exchange(&task, version, &url, request, bytes_max)).await {
            Ok(result) => result,
            Err(_) => Err(format!("no whole answer within {} ms", wait.as_millis())),
        };
        task.emit(NetEvent::Response { id, result }).await;
    });
    id
}

async fn exchange(
    shared: &Arc<Shared>,
    version: HttpVersion,
    url: &str,
    request: HttpRequest,
    bytes_max: usize,
) -> Result<HttpResponse, String> {
    incoming(ask(shared, version, url, request).await?, bytes_max).await
}

/// Sends a request by HTTP/1.1 and gives the head of its answer; the body comes as it is read.
pub(super) async fn begin(
    shared: &Arc<Shared>,
    url: &str,
    request: HttpRequest,
) -> Result<Response<Incoming>, String> {
    ask(shared, HttpVersion::Http1, url, request).await
}

async fn ask(
    shared: &Arc<Shared>,
    version: HttpVersion,
    url: &str,
    request: HttpRequest,
) -> Result<Response<Incoming>, String> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(Tethered(Arc::clone(shared)))
        .pool_max_idle_per_host(0)
        .http2_only(version == HttpVersion::Http2)
        .build(connector);
    let request = outgoing(url, request)?;
    client.request(request).await.map_err(|error| with_causes(&error))
}

fn outgoing(url: &str, request: HttpRequest) -> Result<Request<Full<Bytes>>, String> {
    let mut builder = Request::builder().method(request.method.as_str()).uri(url);
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_framing(name)) {
        builder = builder.header(name, value);
    }
    builder.body(Full::from(request.body)).map_err(|error| error.to_string())
}

async fn incoming(response: Response<Incoming>, bytes_max: usize) -> Result<HttpResponse, String> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, bytes_max).collect().await.map_err(|error| match error
        .downcast_ref::<LengthLimitError>(
    ) {
        Some(_) => format!("the answer's body has more than {bytes_max} bytes"),
        None => error.to_string(),
    })?;
    Ok(HttpResponse {
        status: parts.status.as_u16(),
        headers: headers(&parts.headers),
        body: body.to_bytes().into(),
    })
}

/// The outermost message of this library says next to nothing; the cause says what happened.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Runs the client's own tasks as ours, so that they end with the `Net`.
#[derive(Clone)]
struct Tethered(Arc<Shared>);

impl<F> Executor<F> for Tethered
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::HTTP_BODY_BYTES_MAX;
    use crate::net::tests::{leftovers, next};
    use crate::net::{Net, Waits};
    use std::time::Duration;
    use wiremock::matchers::{body_string, header, method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    async fn fetched(url: &str, request: HttpRequest) -> Result<HttpResponse, String> {
        fetched_within(Waits::default().fetch, url, request).await
    }

    async fn fetched_within(
        fetch: Duration,
        url: &str,
        request: HttpRequest,
    ) -> Result<HttpResponse, String> {
        let (net, mut events) = Net::with_waits(Waits { fetch, ..Waits::default() });
        let sent = net.fetch(url, request);
        let NetEvent::Response { id, result } = next(&mut events).await else {
            panic!("a response");
        };
        assert_eq!(id, sent);
        assert_eq!(leftovers(net, events).await, []);
        result
    }

    #[tokio::test]
    async fn a_request_reaches_a_foreign_server_as_it_was_given() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/base/push"))
            .and(query_param("a", "1"))
            .and(header("authorization", "Bearer x.y.z"))
            .and(body_string(r#"{"to":"alice"}"#))
            .respond_with(ResponseTemplate::new(401).append_header("WWW-Authenticate", "Bearer"))
            .expect(1)
            .mount(&server)
            .await;
        let mut request = HttpRequest::new("POST", "ignored")
            .with_header("authorization", "Bearer x.y.z")
            .with_header("content-length", "3");
        request.body = br#"{"to":"alice"}"#.to_vec();
        let url = format!("{}/base/push?a=1", server.uri());
        let response = fetched(&url, request).await.unwrap();
        assert_eq!((response.status, response.body.len()), (401, 0));
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    }

    #[tokio::test]
    async fn redirects_are_answers() {
        let server = MockServer::start().await;
        let moved = ResponseTemplate::new(302).append_header("Location", "/elsewhere");
        Mock::given(path("/jwks")).respond_with(moved).mount(&server).await;
        let url = format!("{}/jwks", server.uri());
        let response = fetched(&url, HttpRequest::new("GET", "")).await.unwrap();
        assert_eq!((response.status, response.header("location")), (302, Some("/elsewhere")));
    }

    #[tokio::test]
    async fn an_answer_is_bounded_in_size_and_time() {
        let server = MockServer::start().await;
        let of_size = |bytes| ResponseTemplate::new(200).set_body_bytes(vec![0; bytes]);
        let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
        for (at, template) in [
            ("/fits", of_size(HTTP_BODY_BYTES_MAX)),
            ("/large", of_size(HTTP_BODY_BYTES_MAX + 1)),
            ("/slow", slow),
        ] {
            Mock::given(path(at)).respond_with(template).mount(&server).await;
        }
        let get = |at: &str| format!("{}{at}", server.uri());
        let body = |result: Result<HttpResponse, String>| result.map(|answer| answer.body.len());
        let request = HttpRequest::new("GET", "");
        assert_eq!(body(fetched(&get("/fits"), request.clone()).await), Ok(HTTP_BODY_BYTES_MAX));
        let too_large = Err("the answer's body has more than 1048576 bytes".to_owned());
        assert_eq!(body(fetched(&get("/large"), request.clone()).await), too_large);
        let too_late = Err("no whole answer within 50 ms".to_owned());
        let slow = fetched_within(Duration::from_millis(50), &get("/slow"), request).await;
        assert_eq!(body(slow), too_late);
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_an_error_with_its_cause() {
        let get = HttpRequest::new("GET", "");
        let error = fetched("https://127.0.0.1:1/", get.clone()).await.unwrap_err();
        assert!(error.contains("not http"), "{error}");
        let error = fetched("http://127.0.0.1:1/", get.clone()).await.unwrap_err();
        assert!(error.contains("refused"), "{error}");
        for (url, request) in [
            ("/relative", get.clone()),
            ("http://127.0.0.1:1/", HttpRequest::new("G T", "")),
            ("http://127.0.0.1:1/", get.with_header("a", "b\r\nc")),
        ] {
            assert!(fetched(url, request).await.is_err(), "{url}");
        }
    }
}
