//! An implementation without a driver (`adapter: none`): a server that shows itself on the wire only.
//!
//! [`serve`] answers for it what its file says, and nothing else: who it is and where it listens.
//! Every operation of a user is unknown to it, so nothing can be claimed on its behalf. Only the
//! seats of the third-party server and of the media proxy can be taken so: they are asked, which needs
//! nobody's help; a client without a driver would do nothing at all.

use serde_json::{Map, Value, json};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};

use super::adapter::{Played, Prepared, Server};
use crate::driver::session::{Hello, Identity, Offers};
use crate::driver::{self, RpcError, ServerEvent, message};

/// Bytes on their way between harness and stand-in; a line of `configure` has a few KiB.
const BUFFER_BYTES: usize = 64 * 1024;

/// Starts to answer and gives the harness's end of the line.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn serve(server: Server) -> (ReadHalf<DuplexStream>, WriteHalf<DuplexStream>) {
    let (near, far) = tokio::io::duplex(BUFFER_BYTES);
    let (reader, writer) = tokio::io::split(far);
    let (line, mut requests) = driver::Server::new(reader, writer);
    tokio::spawn(async move {
        while let Some(ServerEvent::Request { id, method, .. }) = requests.recv().await {
            if line.respond(id, answer(&server, &method)).await.is_err() {
                break;
            }
        }
    });
    tokio::io::split(near)
}

fn answer(server: &Server, method: &str) -> Result<Value, RpcError> {
    match method {
        "hello" => {
            let (name, version) = (server.name.clone(), server.version.clone());
            Ok(json!(Hello {
                driver: message::VERSION.to_owned(),
                iut: Identity { name, version },
                seats: vec![server.seat()],
                capabilities: capabilities(server),
            }))
        }
        "configure" => {
            let offers = match server.played.clone() {
                Played::Server { base_url, tls_ca, upload, .. } => {
                    Offers { base_url: Some(base_url), tls_ca, upload, ..Offers::default() }
                }
                Played::Proxy { url, .. } => Offers { media_url: Some(url), ..Offers::default() },
            };
            Ok(json!({ "offers": offers }))
        }
        // What it serves lies there already, whatever the harness would have it store.
        "upload_media" => match media(server) {
            Some(media) => Ok(json!({ "reference": media.reference })),
            None => Err(RpcError::method_not_found()),
        },
        "account" | "health" | "stop" => Ok(json!({})),
        _ => Err(RpcError::method_not_found()),
    }
}

fn media(server: &Server) -> Option<&Prepared> {
    match &server.played {
        Played::Server { media, .. } => media.as_ref(),
        Played::Proxy { .. } => None,
    }
}

/// A server that is said to serve a file can be asked for it.
fn capabilities(server: &Server) -> Map<String, Value> {
    let serves = media(server).is_some().then(|| ("media.send".to_owned(), Value::from(true)));
    serves.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{CallError, Seat};
    use crate::iut::{Instance, Options, Timeouts};

    #[tokio::test]
    async fn it_says_where_it_is_and_claims_nothing() {
        let (name, version) = ("acme".to_owned(), "3".to_owned());
        let base_url = "http://localhost:1".to_owned();
        let media = Some(Prepared { reference: "f1".to_owned(), file: None });
        let played = Played::Server { base_url, tls_ca: None, media, upload: None };
        let server = Server { name, version, played };
        let (reader, writer) = serve(server);
        let timeouts = Timeouts::default();
        let options =
            Options { harness: "counterpart 0".into(), nonsense: 1, timeouts, pause: None };
        let (instance, _incoming) = Instance::over(reader, writer, &options).await.unwrap();
        assert_eq!(instance.hello().seats, [Seat::ThirdPartyServer]);
        let params = json!({"seed": 1, "instance": {}});
        let params = params.as_object().unwrap().clone();
        let offers = instance.configure(Seat::ThirdPartyServer, params).await.unwrap();
        assert_eq!(offers.base_url.as_deref(), Some("http://localhost:1"));
        let mut stored = Map::new();
        stored.insert("seat".into(), json!("third-party-server"));
        stored.insert("path".into(), json!("/tmp/x"));
        let stored = instance.call("upload_media", stored).await.unwrap();
        assert_eq!(stored, json!({"reference": "f1"}));
        let mut params = Map::new();
        params.insert("account".into(), json!("a1"));
        let refused = instance.call("enlist", params).await.unwrap_err();
        assert!(matches!(refused, CallError::Rpc(error) if error.is_method_not_found()));
    }
}
