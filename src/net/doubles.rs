//! HTTP doubles that a scenario scripts, served by wiremock: hosts that are neither Meta's nor the third
//! party's.
//!
//! Main type: [`Doubles`]. One server stands for all of them, at an address of its own. Every request is
//! told, also one that no double is about; who should have been asked how often is judged elsewhere.

use std::io;
use std::net::TcpListener;

use tokio::sync::mpsc;
use wiremock::matchers::{any, body_string, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::http::HttpResponse;
use crate::limits::STUB_REQUESTS_WAITING_MAX;

/// Behind all doubles: what none of them is about.
const LAST: u8 = 255;

/// Which requests are answered how; what is not said of them does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Double {
    pub name: String,
    pub method: Option<String>,
    pub path: Option<String>,
    /// Names with the exact value.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Option<String>,
    pub answer: HttpResponse,
}

/// A request to one of the doubles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Empty where no double is about it.
    pub double: String,
    pub method: String,
    /// Without its query.
    pub path: String,
}

/// The doubles, for as long as this lives.
pub struct Doubles {
    server: MockServer,
    hits: mpsc::Receiver<Hit>,
}

impl Doubles {
    /// Starts their server on this machine; where two are about one request, the first answers it.
    ///
    /// # Errors
    /// The operating system gives no port.
    pub async fn start(doubles: &[Double]) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (sender, hits) = mpsc::channel(STUB_REQUESTS_WAITING_MAX);
        let server =
            MockServer::builder().listener(listener).disable_request_recording().start().await;
        for (at, double) in doubles.iter().enumerate() {
            let order = u8::try_from(at + 1).unwrap_or(LAST).min(LAST - 1);
            mock(double, &sender).with_priority(order).mount(&server).await;
        }
        let rest = told(&sender, String::new(), ResponseTemplate::new(404));
        Mock::given(any()).respond_with(rest).with_priority(LAST).mount(&server).await;
        Ok(Self { server, hits })
    }

    /// Where the server is, without a path.
    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// The next request.
    pub async fn next(&mut self) -> Hit {
        match self.hits.recv().await {
            Some(hit) => hit,
            // The server holds the other end.
            None => std::future::pending().await,
        }
    }
}

fn mock(double: &Double, sender: &mpsc::Sender<Hit>) -> Mock {
    let mut mock = Mock::given(any());
    if let Some(wanted) = &double.method {
        mock = mock.and(method(wanted.as_str()));
    }
    if let Some(wanted) = &double.path {
        mock = mock.and(path(wanted.as_str()));
    }
    for (name, value) in &double.headers {
        mock = mock.and(header(name.as_str(), value.as_str()));
    }
    if let Some(wanted) = &double.body {
        mock = mock.and(body_string(wanted.as_str()));
    }
    let mut answer = ResponseTemplate::new(double.answer.status);
    for (name, value) in &double.answer.headers {
        answer = answer.insert_header(name.as_str(), value.as_str());
    }
    let answer = answer.set_body_bytes(double.answer.body.as_slice());
    mock.respond_with(told(sender, double.name.clone(), answer))
}

/// Answers, and tells the session first: what it waits for is there before its asker goes on.
fn told(
    sender: &mpsc::Sender<Hit>,
    double: String,
    answer: ResponseTemplate,
) -> impl Fn(&Request) -> ResponseTemplate + use<> {
    let sender = sender.clone();
    move |request| {
        let (method, path) = (request.method.to_string(), request.url.path().to_owned());
        // One that finds no room is one of far too many, which the others show already.
        let _ = sender.try_send(Hit { double: double.clone(), method, path });
        answer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpRequest;
    use crate::net::tests::{next, open};
    use crate::net::{Net, NetEvent};

    fn answer(status: u16, body: &str) -> HttpResponse {
        HttpResponse { body: body.into(), ..HttpResponse::new(status) }
            .with_header("location", "/there")
    }

    #[tokio::test]
    async fn a_request_is_answered_by_the_double_that_is_about_it_and_told() {
        let pot = Double {
            name: "pot".into(),
            method: Some("POST".into()),
            path: Some("/look".into()),
            headers: vec![("x-a".into(), "b".into())],
            body: Some("hi".into()),
            answer: answer(302, "pot"),
        };
        let jar = Double {
            name: "jar".into(),
            path: Some("/jar".into()),
            answer: answer(200, "jar"),
            ..Double::default()
        };
        let mut doubles = Doubles::start(&[pot, jar]).await.unwrap();
        let (net, mut events) = Net::new();
        let mut asked = HttpRequest::new("POST", "").with_header("x-a", "b");
        asked.body = b"hi".to_vec();
        for (path, request, status, named) in [
            ("/look", asked.clone(), 302, "pot"),
            ("/look", HttpRequest::new("POST", ""), 404, ""),
            ("/jar?x=1", asked, 200, "jar"),
        ] {
            net.fetch(format!("{}{path}", doubles.url()), request);
            let NetEvent::Response { result, .. } = next(&mut events).await else {
                panic!("an answer")
            };
            let result = result.unwrap();
            assert_eq!((result.status, &result.body[..]), (status, named.as_bytes()));
            let hit = open(doubles.next()).await;
            assert_eq!((hit.double.as_str(), hit.path.contains('?')), (named, false));
        }
    }
}
