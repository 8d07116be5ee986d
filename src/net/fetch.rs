//! HTTP requests of ours, each on a connection of its own.
//!
//! No pool: which connection carries which request would depend on timing. Answers are bounded in
//! size and time, because a partner's server is as untrusted as its client.

use std::sync::Arc;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::HOST;
use hyper::rt::Executor;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::SupportedProtocolVersion;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::http::{Flow, HttpRequest, HttpResponse, NO_TLS, NOBODY, Strain};
use crate::limits::HTTP_BODY_BYTES_MAX;
use crate::net::padded::Padded;
use crate::net::serve::{headers, is_framing};
use crate::net::shared::Shared;
use crate::net::strained::{self, Network, Strained};
use crate::net::tls::stream::Stream;
use crate::net::tls::{H1, H2, Trust};
use crate::net::{ExchangeId, HttpVersion, NetEvent};

pub(super) fn start(
    shared: &Arc<Shared>,
    version: HttpVersion,
    url: String,
    request: HttpRequest,
    bytes_max: usize,
    network: Network,
) -> ExchangeId {
    let id = shared.exchange();
    let task = Arc::clone(shared);
    shared.spawn(async move {
        let plain = network.strain == Strain::default();
        let wait = if plain { task.waits.fetch } else { task.waits.strained };
        let result = match timeout(
            wait,
            exchange(&task, version, &url, request, bytes_max, network),
        )
        .await
        {
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
    network: Network,
) -> Result<HttpResponse, String> {
    incoming(ask(shared, version, url, request, network).await?, bytes_max).await
}

/// Sends a request by HTTP/1.1 and gives the head of its answer; the body comes as it is read.
pub(super) async fn begin(
    shared: &Arc<Shared>,
    url: &str,
    request: HttpRequest,
    strain: Strain,
) -> Result<Response<Incoming>, String> {
    let network = Network { strain, stopped: None };
    ask(shared, HttpVersion::Http1, url, request, network).await
}

async fn ask(
    shared: &Arc<Shared>,
    version: HttpVersion,
    url: &str,
    request: HttpRequest,
    network: Network,
) -> Result<Response<Incoming>, String> {
    let strain = network.strain;
    let origin = Origin { slow: strain.received != Flow::default(), ..Origin::of(url)? };
    let stream = dial(&origin, version, &shared.trust()).await?;
    if strain == Strain::default() {
        return asked(shared, stream, version, &origin, request).await;
    }
    asked(shared, Strained::new(stream, network), version, &origin, request).await
}

/// Where a URL's server is.
pub(super) struct Origin {
    uri: Uri,
    pub host: String,
    port: u16,
    secure: bool,
    /// Whoever connects reads slowly, and has no room for what waits.
    slow: bool,
}

impl Origin {
    pub fn of(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("`{url}` is no URL: {error}"))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(format!("`{url}` is not http or https")),
        };
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { uri, host, port, secure, slow: false })
    }

    pub async fn connect(&self) -> Result<TcpStream, String> {
        let connecting = match self.slow {
            true => strained::narrow(&self.host, self.port).await,
            false => TcpStream::connect((self.host.as_str(), self.port)).await,
        };
        let stream = connecting.map_err(|error| format!("{NOBODY}: {error}"))?;
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    /// Connects, by TLS where the URL says so.
    pub async fn dial(
        &self,
        trust: &Trust,
        versions: &[&'static SupportedProtocolVersion],
        alpn: &[&[u8]],
    ) -> Result<Stream, String> {
        let stream = self.connect().await?;
        if !self.secure {
            return Ok(Stream::Plain(stream));
        }
        let name = ServerName::try_from(self.host.clone()).map_err(|error| error.to_string())?;
        let connector = TlsConnector::from(trust.client(versions, alpn)?);
        let stream = connector.connect(name, stream).await;
        let stream = stream.map_err(|error| format!("{NO_TLS}: {}", with_causes(&error)))?;
        Ok(Stream::Tls(Box::new(stream.into())))
    }
}

/// Connects for one version of HTTP, which a server under TLS must agree to by ALPN; one that knows
/// no ALPN speaks HTTP/1.1 (RFC 7301 §3.1).
pub(super) async fn dial(
    origin: &Origin,
    version: HttpVersion,
    trust: &Trust,
) -> Result<Stream, String> {
    let wanted = match version {
        HttpVersion::Http1 => H1,
        HttpVersion::Http2 => H2,
    };
    let stream = origin.dial(trust, rustls::DEFAULT_VERSIONS, &[wanted]).await?;
    if let Stream::Tls(session) = &stream {
        let chosen = session.get_ref().1.alpn_protocol();
        if chosen != Some(wanted) && (chosen.is_some() || version == HttpVersion::Http2) {
            let chosen = chosen.map(String::from_utf8_lossy).unwrap_or("nothing".into());
            let wanted = String::from_utf8_lossy(wanted);
            return Err(format!("`{wanted}` was offered by ALPN, and {chosen} was chosen"));
        }
    }
    Ok(stream)
}

/// Connects and offers both versions of HTTP; without TLS nothing is chosen, and it is HTTP/1.1.
pub(super) async fn dial_either(
    origin: &Origin,
    trust: &Trust,
) -> Result<(Stream, HttpVersion), String> {
    let stream = origin.dial(trust, rustls::DEFAULT_VERSIONS, &[H2, H1]).await?;
    let chosen = match &stream {
        Stream::Tls(session) => session.get_ref().1.alpn_protocol(),
        Stream::Plain(_) => None,
    };
    let version = if chosen == Some(H2) { HttpVersion::Http2 } else { HttpVersion::Http1 };
    Ok((stream, version))
}

/// Sends a request on a connection of its own.
pub(super) async fn over(
    shared: &Arc<Shared>,
    stream: Stream,
    version: HttpVersion,
    origin: &Origin,
    request: HttpRequest,
) -> Result<HttpResponse, String> {
    let response = asked(shared, stream, version, origin, request).await?;
    incoming(response, HTTP_BODY_BYTES_MAX).await
}

/// The head of the answer to a request on a connection of its own.
pub(super) async fn asked(
    shared: &Arc<Shared>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    version: HttpVersion,
    origin: &Origin,
    request: HttpRequest,
) -> Result<Response<Incoming>, String> {
    let io = TokioIo::new(stream);
    let request = outgoing(origin, version, request)?;
    let failed = |error: hyper::Error| with_causes(&error);
    match version {
        HttpVersion::Http1 => {
            let (mut sender, conn) = http1::handshake(io).await.map_err(failed)?;
            shared.spawn(async move { drop(conn.await) });
            sender.send_request(request).await.map_err(failed)
        }
        HttpVersion::Http2 => {
            let executor = Tethered(Arc::clone(shared));
            let (mut sender, conn) = http2::handshake(executor, io).await.map_err(failed)?;
            shared.spawn(async move { drop(conn.await) });
            sender.send_request(request).await.map_err(failed)
        }
    }
}

fn outgoing(
    origin: &Origin,
    version: HttpVersion,
    request: HttpRequest,
) -> Result<Request<Padded>, String> {
    let uri = &origin.uri;
    let mut builder = Request::builder().method(request.method.as_str());
    builder = match version {
        HttpVersion::Http1 => {
            let path = uri.path_and_query().map_or("/", |path| path.as_str());
            let authority = uri.authority().map(|authority| authority.as_str());
            if request.header("host").is_none() {
                builder = builder.header(HOST, authority.unwrap_or_default());
            }
            builder.uri(path)
        }
        HttpVersion::Http2 => builder.uri(uri.clone()),
    };
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_framing(name)) {
        builder = builder.header(name, value);
    }
    let body = Padded { body: request.body.into(), padding: request.padding };
    builder.body(body).map_err(|error| error.to_string())
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
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
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
        let error = fetched("ftp://127.0.0.1:1/", get.clone()).await.unwrap_err();
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
