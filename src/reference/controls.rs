//! The controls: processes on which no check may pass (`interfaces.md` §13).
//!
//! [`dead`] answers the least that starts a case and never opens a socket; [`echo`] claims success
//! for everything and sends every byte back. A check that is green on either looks at nothing.

use serde_json::{Map, Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::stdio;
use crate::driver::line::Closed;
use crate::driver::{Params, RpcError, Server, ServerEvent, operation};
use crate::http::HttpResponse;
use crate::net::{Net, NetEvent};
use crate::role::third_party_client::Values;
use crate::verdict::Exit;

/// The dead control over stdin and stdout.
pub async fn dead() -> Exit {
    let (reader, writer) = stdio::streams();
    serve_dead(reader, writer).await;
    Exit::Good
}

/// The echo control over stdin and stdout.
pub async fn echo() -> Exit {
    let (reader, writer) = stdio::streams();
    serve_echo(reader, writer).await;
    Exit::Good
}

/// The dead control over any two streams.
pub async fn serve_dead<R, W>(reader: R, writer: W)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (driver, mut requests) = Server::new(reader, writer);
    while let Some(ServerEvent::Request { id, method, .. }) = requests.recv().await {
        let outcome = match method.as_str() {
            "hello" => Ok(hello("control:dead")),
            "configure" | "account" | "health" | "stop" => Ok(json!({})),
            _ => Err(RpcError::method_not_found()),
        };
        if driver.respond(id, outcome).await.is_err() || method == "stop" {
            break;
        }
    }
    // The harness may be gone already.
    let _ = driver.flush().await;
}

/// The echo control over any two streams.
pub async fn serve_echo<R, W>(reader: R, writer: W)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (driver, requests) = Server::new(reader, writer);
    let (net, events) = Net::new();
    let echo = Echo { driver, net, chat: None, header: Vec::new() };
    // It ends with the harness, however that ends.
    let _ = echo.run(requests, events).await;
}

fn hello(name: &str) -> Value {
    let mut capabilities = Map::new();
    capabilities.insert("tls".to_owned(), Value::from(false));
    super::hello(name.to_owned(), super::Part::ThirdParty, capabilities)
}

struct Echo {
    driver: Server,
    net: Net,
    chat: Option<std::net::SocketAddr>,
    header: Vec<u8>,
}

impl Echo {
    async fn run(
        mut self,
        mut requests: mpsc::Receiver<ServerEvent>,
        mut events: mpsc::Receiver<NetEvent>,
    ) -> Result<(), Closed> {
        loop {
            tokio::select! {
                biased;
                Some(event) = events.recv() => self.send_back(event),
                request = requests.recv() => {
                    let Some(ServerEvent::Request { id, method, params }) = request else { break };
                    let outcome = self.succeed(&method, &params).await;
                    self.driver.respond(id, outcome).await?;
                    if method == "stop" {
                        break;
                    }
                }
            }
        }
        self.driver.flush().await
    }

    fn send_back(&self, event: NetEvent) {
        match event {
            NetEvent::Opened { conn } => self.net.send(conn, self.header.clone()),
            NetEvent::Bytes { conn, bytes } => self.net.send(conn, bytes),
            NetEvent::Request { id, request, .. } => {
                self.net.respond(id, HttpResponse { body: request.body, ..HttpResponse::new(200) });
            }
            NetEvent::Accepted { .. }
            | NetEvent::OpenFailed { .. }
            | NetEvent::Closed { .. }
            | NetEvent::Response { .. }
            | NetEvent::Probed { .. }
            | NetEvent::Unsecured { .. } => {}
        }
    }

    /// A well-formed success for everything but what does not exist.
    async fn succeed(&mut self, method: &str, params: &Params) -> Result<Value, RpcError> {
        let known = operation::find(method).ok_or_else(RpcError::method_not_found)?;
        match method {
            "hello" => Ok(hello("control:echo")),
            "configure" => Ok(self.configure(params).await),
            "connect" => {
                if let Some(address) = self.chat {
                    self.net.open_tcp(address);
                }
                Ok(json!({}))
            }
            _ => Ok(known.result.sample()),
        }
    }

    async fn configure(&mut self, params: &Params) -> Value {
        let instance = params.get("instance").unwrap_or(&Value::Null);
        let tcp = instance.pointer("/chat/tcp").and_then(Value::as_str);
        self.chat = tcp.and_then(|text| text.parse().ok()).or(self.chat);
        let values = Values::new(instance.get("profile"));
        self.header = hex::decode(values.text("noise.prologue_hex")).unwrap_or_default();
        let offer = match params.get("seat").and_then(Value::as_str) {
            Some("third-party-server") => "base_url",
            Some("media-proxy") => "media_url",
            _ => return json!({}),
        };
        match self.net.listen_http().await {
            Ok(address) => json!({"offers": {offer: format!("http://{address}")}}),
            Err(_) => json!({}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_of_every_operation_is_well_formed() {
        for known in operation::all() {
            let result = known.result.sample();
            known.check_result(&result).unwrap_or_else(|error| panic!("{}: {error}", known.name));
        }
        assert_eq!(
            operation::find("enlist").unwrap().result.sample(),
            json!({"login": "1-1@interop"})
        );
    }
}
