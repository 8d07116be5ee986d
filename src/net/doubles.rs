//! HTTP doubles that a scenario scripts, served by wiremock: hosts that are neither Meta's nor the third
//! party's.
//!
//! Main type: [`Doubles`]. One server stands for all of them, at an address of its own. Every request is
//! told, also one that no double is about; who should have been asked how often is judged elsewhere.
//! wiremock reads bodies of any length, so a doorkeeper stands before it who counts what a connection
//! sends.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use wiremock::matchers::{any, body_string, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::http::HttpResponse;
use crate::limits::{STUB_BYTES_MAX, STUB_CONNECTIONS_MAX, STUB_REQUESTS_WAITING_MAX};

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
    /// It serves for as long as it is held.
    _server: MockServer,
    address: SocketAddr,
    doorkeeper: JoinHandle<()>,
    hits: mpsc::Receiver<Hit>,
}

impl Drop for Doubles {
    fn drop(&mut self) {
        self.doorkeeper.abort();
    }
}

impl Doubles {
    /// Starts their server on this machine; where two are about one request, the first answers it.
    ///
    /// # Errors
    /// The operating system gives no port.
    pub async fn start(doubles: &[Double]) -> io::Result<Self> {
        let within = std::net::TcpListener::bind("127.0.0.1:0")?;
        let (sender, hits) = mpsc::channel(STUB_REQUESTS_WAITING_MAX);
        let server =
            MockServer::builder().listener(within).disable_request_recording().start().await;
        for (at, double) in doubles.iter().enumerate() {
            let order = u8::try_from(at + 1).unwrap_or(LAST).min(LAST - 1);
            mock(double, &sender).with_priority(order).mount(&server).await;
        }
        let rest = told(&sender, String::new(), ResponseTemplate::new(404));
        Mock::given(any()).respond_with(rest).with_priority(LAST).mount(&server).await;
        let door = TcpListener::bind("127.0.0.1:0").await?;
        let (address, within) = (door.local_addr()?, *server.address());
        let doorkeeper = tokio::spawn(keep(door, within));
        Ok(Self { _server: server, address, doorkeeper, hits })
    }

    /// Where the server is, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
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

/// Lets connections through to the server, as many as it can serve.
async fn keep(door: TcpListener, within: SocketAddr) {
    let mut guests = JoinSet::new();
    loop {
        let Ok((guest, _)) = door.accept().await else {
            // Out of descriptors, most likely: somebody has to go first.
            tokio::task::yield_now().await;
            continue;
        };
        while guests.try_join_next().is_some() {}
        if guests.len() < STUB_CONNECTIONS_MAX {
            guests.spawn(async move { drop(lead(guest, within).await) });
        }
    }
}

/// Passes bytes on both ways, until one end is gone or has sent more than any request may have.
async fn lead(guest: TcpStream, within: SocketAddr) -> io::Result<()> {
    let (from_guest, mut to_guest) = guest.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(within).await?.into_split();
    let mut counted = from_guest.take(STUB_BYTES_MAX);
    let asked = async {
        tokio::io::copy(&mut counted, &mut to_server).await?;
        match counted.limit() {
            0 => Err(io::Error::from(io::ErrorKind::FileTooLarge)),
            // It only asks no more; the answer is still to come.
            _ => std::future::pending().await,
        }
    };
    let answered = tokio::io::copy(&mut from_server, &mut to_guest);
    tokio::select! {
        ended = asked => ended,
        ended = answered => ended.map(drop),
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

    #[tokio::test]
    async fn a_body_without_end_is_cut_off_and_others_are_served() {
        let mut doubles = Doubles::start(&[]).await.unwrap();
        let (net, mut events) = Net::new();
        let endless = usize::try_from(STUB_BYTES_MAX).unwrap() + 1;
        for (padding, served) in [(endless, false), (0, true)] {
            let asked = HttpRequest { padding, ..HttpRequest::new("POST", "") };
            net.fetch(format!("{}/a", doubles.url()), asked);
            let NetEvent::Response { result, .. } = next(&mut events).await else {
                panic!("an answer")
            };
            assert_eq!(result.is_ok(), served, "{result:?}");
        }
        let hit = open(doubles.next()).await;
        assert_eq!(hit.path, "/a", "the one that was whole");
    }
}
