//! The HTTP doubles of a case, served by wiremock: hosts that are neither Meta's nor the third party's.
//!
//! Main type: [`Stubs`]. One server stands for all of them, at an address of its own, for as long as the
//! case lasts. Every request is told to the session, also one that no stub is about; who should have been
//! asked how often is judged by the steps of the scenario and not here.

use std::net::TcpListener;

use tokio::sync::mpsc;
use wiremock::matchers::{any, body_string, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::limits::STUB_REQUESTS_WAITING_MAX;
use crate::scenario::Stub;

/// Behind all stubs: what none of them is about.
const LAST: u8 = 255;

/// A request to one of the doubles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Empty where no stub is about it.
    pub stub: String,
    pub method: String,
    /// Without its query.
    pub path: String,
}

/// The doubles of a case.
#[derive(Default)]
pub struct Stubs {
    server: Option<MockServer>,
    hits: Option<mpsc::Receiver<Hit>>,
}

impl Stubs {
    /// Starts the server, where there is a stub.
    ///
    /// # Errors
    /// The operating system gives no port.
    pub async fn start(stubs: &[Stub]) -> std::io::Result<Self> {
        if stubs.is_empty() {
            return Ok(Self::default());
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (sender, hits) = mpsc::channel(STUB_REQUESTS_WAITING_MAX);
        let server =
            MockServer::builder().listener(listener).disable_request_recording().start().await;
        for (at, stub) in stubs.iter().enumerate() {
            // Where two are about one request, the one that stands first answers it.
            let order = u8::try_from(at + 1).unwrap_or(LAST).min(LAST - 1);
            mock(stub, &sender).with_priority(order).mount(&server).await;
        }
        let rest = told(&sender, String::new(), ResponseTemplate::new(404));
        Mock::given(any()).respond_with(rest).with_priority(LAST).mount(&server).await;
        Ok(Self { server: Some(server), hits: Some(hits) })
    }

    /// Where a stub is reached.
    pub fn url(&self, stub: &Stub) -> Option<String> {
        self.server.as_ref().map(|server| format!("{}{}", server.uri(), stub.path()))
    }

    /// The next request; never, where there are no stubs.
    pub async fn next(&mut self) -> Hit {
        if let Some(hits) = &mut self.hits
            && let Some(hit) = hits.recv().await
        {
            return hit;
        }
        std::future::pending().await
    }
}

fn mock(stub: &Stub, sender: &mpsc::Sender<Hit>) -> Mock {
    let when = &stub.when;
    let mut mock = Mock::given(any());
    if let Some(wanted) = &when.method {
        mock = mock.and(method(wanted.as_str()));
    }
    if let Some(wanted) = &when.path {
        mock = mock.and(path(wanted.as_str()));
    }
    for (name, value) in &when.headers {
        mock = mock.and(header(name.as_str(), value.as_str()));
    }
    if let Some(wanted) = &when.body {
        mock = mock.and(body_string(wanted.as_str()));
    }
    let mut answer = ResponseTemplate::new(stub.then.status);
    for (name, value) in &stub.then.headers {
        answer = answer.insert_header(name.as_str(), value.as_str());
    }
    let answer = answer.set_body_bytes(stub.then.body.as_bytes());
    mock.respond_with(told(sender, stub.name.clone(), answer))
}

/// Answers, and tells the session first: what it waits for is there before its asker goes on.
fn told(
    sender: &mpsc::Sender<Hit>,
    stub: String,
    answer: ResponseTemplate,
) -> impl Fn(&Request) -> ResponseTemplate + use<> {
    let sender = sender.clone();
    move |request| {
        let (method, path) = (request.method.to_string(), request.url.path().to_owned());
        // One that finds no room is one of far too many, which the others show already.
        let _ = sender.try_send(Hit { stub: stub.clone(), method, path });
        answer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpRequest;
    use crate::net::{Net, NetEvent};
    use crate::scenario::{Then, When};
    use crate::span::Span;

    fn stub(name: &str, when: When, status: u16) -> Stub {
        let then = Then {
            status,
            headers: vec![("location".into(), "/there".into())],
            body: name.to_owned(),
        };
        let span = Span::new(0, 0);
        Stub { name: name.into(), when, then, times: None, checks: Vec::new(), span }
    }

    #[tokio::test]
    async fn a_request_is_answered_by_the_stub_that_is_about_it_and_told() {
        let when = When {
            method: Some("POST".into()),
            path: Some("/look".into()),
            headers: vec![("x-a".into(), "b".into())],
            body: Some("hi".into()),
        };
        let pot = stub("pot", when, 302);
        let jar = stub("jar", When { path: Some("/jar".into()), ..When::default() }, 200);
        let mut stubs = Stubs::start(&[pot.clone(), jar.clone()]).await.unwrap();
        let (net, mut events) = Net::new();
        let mut asked = HttpRequest::new("POST", "").with_header("x-a", "b");
        asked.body = b"hi".to_vec();
        for (url, request, answer, hit) in [
            (stubs.url(&pot), asked.clone(), (302, "pot"), "pot"),
            (stubs.url(&pot), HttpRequest::new("POST", ""), (404, ""), ""),
            (stubs.url(&jar), asked, (200, "jar"), "jar"),
        ] {
            net.fetch(url.unwrap(), request);
            let Some(NetEvent::Response { result, .. }) = events.recv().await else {
                panic!("an answer")
            };
            let result = result.unwrap();
            let body = String::from_utf8(result.body.clone()).unwrap();
            assert_eq!((result.status, body.as_str()), answer);
            assert_eq!(stubs.next().await.stub, hit);
        }
    }
}
