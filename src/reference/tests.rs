//! The reference as a harness meets it: over the driver's line and real sockets.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use super::third_party::{Options, serve};
use super::{Transport, controls};
use crate::clock::UnixMs;
use crate::driver::{CallError, Client, Incoming, Notification};
use crate::evidence::Lane;
use crate::http::HttpRequest;
use crate::net::{Kind, Net, NetEvent};
use crate::role::meta::{Integrator, Meta, MetaClient, Push, User};
use crate::role::signal::Signal;
use crate::role::{Input, Output, Role as _};
use crate::seed::Seed;
use crate::spec::Profile;

const LOGIN: &str = "1-10853634039893@interop";
const BOB: &str = "15550001@s.whatsapp.net";
const LONG: Duration = Duration::from_secs(30);

/// The harness's end of a subject's line.
struct Driver {
    client: Client,
    incoming: mpsc::Receiver<Incoming>,
}

impl Driver {
    fn new(near: DuplexStream) -> Self {
        let (reader, writer) = tokio::io::split(near);
        let (client, incoming) = Client::new(reader, writer);
        Self { client, incoming }
    }

    fn of(options: Options) -> Self {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(far);
        tokio::spawn(serve(reader, writer, options));
        Self::new(near)
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let params = params.as_object().unwrap().clone();
        self.client.call(method, params, Some(LONG)).await
    }

    async fn ok(&self, method: &str, params: Value) -> Value {
        self.call(method, params).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The class, or else the code, of a refusal.
    async fn refused(&self, method: &str, params: Value) -> String {
        match self.call(method, params).await {
            Err(CallError::Rpc(error)) => {
                error.class.map_or(error.code.to_string(), |class| class.to_string())
            }
            other => panic!("{method}: {other:?}"),
        }
    }

    /// Waits for a notification of this name with these members.
    async fn told(&mut self, name: &str, members: Value) -> Notification {
        let wait = async {
            loop {
                match self.incoming.recv().await.expect("the subject lives") {
                    Incoming::Notification { notification, .. }
                        if fits(&notification, name, &members) =>
                    {
                        return notification;
                    }
                    Incoming::Breach { breach, .. } => panic!("{breach}"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("no {name} {members}"))
    }
}

fn fits(notification: &Notification, name: &str, members: &Value) -> bool {
    let wanted = members.as_object().unwrap();
    notification.method == name
        && wanted.iter().all(|(key, value)| notification.params.get(key) == Some(value))
}

type Order = Box<dyn FnOnce(&mut Meta) + Send>;

/// Meta's side on sockets, in a task of its own.
struct MetaSide {
    orders: mpsc::Sender<Order>,
    instance: Value,
    /// What a chat connection came over.
    kinds: mpsc::UnboundedReceiver<Kind>,
}

impl MetaSide {
    async fn start() -> Self {
        let (net, events) = Net::new();
        // Its authority is not known before it is configured.
        net.trust(crate::net::Trust::anybody());
        let (chat, http) = (net.listen_chat().await.unwrap(), net.listen_http().await.unwrap());
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let (visible, signal) = (profile.client_visible(), Signal::of(&profile));
        let integrator = Integrator { id: 1, iss: "acme".into(), base_url: None };
        let mut meta = Meta::new(profile, integrator, Seed(5), "reference");
        let (lane, actor, visible_id) = (Lane::Main, "alice".to_owned(), "alice-1".to_owned());
        let login = LOGIN.parse().unwrap();
        meta.expect_user(User { lane, actor, visible_id, login });
        let bob = MetaClient::new("bob", BOB.parse().unwrap(), Seed(5), "reference", signal);
        meta.add_client(lane, bob);
        let instance = json!({
            "chat": {"tcp": chat.to_string(), "ws": format!("ws://{chat}/ws/chat")},
            "noise_root": hex::encode(meta.root_public()),
            "enlistment_url": format!("http://{http}/3p/interop_reg"),
            "push_jwks_url": format!("http://{http}/.well-known/oauth/openid/jwks"),
            "integrator": {"id": 1, "iss": "acme"}, "profile": visible,
        });
        let (orders, orders_in) = mpsc::channel(8);
        let (kinds_out, kinds) = mpsc::unbounded_channel();
        tokio::spawn(meta_loop(meta, net, events, orders_in, kinds_out));
        Self { orders, instance, kinds }
    }

    async fn order(&self, order: impl FnOnce(&mut Meta) + Send + 'static) {
        assert!(self.orders.send(Box::new(order)).await.is_ok());
    }
}

async fn meta_loop(
    mut meta: Meta,
    net: Net,
    mut events: mpsc::Receiver<NetEvent>,
    mut orders: mpsc::Receiver<Order>,
    kinds: mpsc::UnboundedSender<Kind>,
) {
    let mut fetches = std::collections::BTreeMap::new();
    loop {
        tokio::select! {
            Some(event) = events.recv() => {
                let input = match event {
                    NetEvent::Accepted { conn, kind, .. } => {
                        kinds.send(kind).unwrap();
                        Input::Accepted { conn, websocket: kind == Kind::WebSocket }
                    }
                    NetEvent::Bytes { conn, bytes } => Input::Bytes { conn, bytes },
                    NetEvent::Closed { conn, error } => Input::Closed { conn, error },
                    NetEvent::Request { id, request, .. } => Input::Request { id, request },
                    NetEvent::Response { id, result } => {
                        Input::Response { id: fetches.remove(&id).unwrap(), result }
                    }
                    NetEvent::Opened { .. }
                    | NetEvent::OpenFailed { .. }
                    | NetEvent::Probed { .. }
                    | NetEvent::Unsecured { .. } => continue,
                };
                meta.handle(UnixMs::now(), input);
            }
            order = orders.recv() => match order {
                Some(order) => order(&mut meta),
                None => return,
            },
        }
        while let Some(output) = meta.poll() {
            match output {
                Output::Send { conn, bytes } => net.send(conn, bytes),
                Output::Close { conn } => net.close(conn),
                Output::Respond { id, response } => net.respond(id, response),
                Output::Lose { id } => net.lose(id),
                Output::Fetch { id, url, request } => {
                    fetches.insert(net.fetch(url, request), id);
                }
                Output::Download { id, url, request, bytes_max, .. } => {
                    fetches.insert(net.download(url, request, bytes_max), id);
                }
                Output::Deliver { id, response, how } => net.deliver(id, response, how),
                Output::Relay { id, url, request } => {
                    net.relay(id, url, request, crate::role::meta::proxied_head);
                }
                Output::Record(_) | Output::WakeAt(_) | Output::Claim { .. } => {}
            }
        }
    }
}

/// A subject whose seats are configured and whose user is known.
async fn seated(meta: &MetaSide, options: Options) -> Driver {
    let driver = Driver::of(options);
    let configure = |seat: &str| json!({"seat": seat, "seed": 5, "instance": meta.instance});
    let offers = driver.ok("configure", configure("third-party-server")).await;
    let base_url = offers["offers"]["base_url"].as_str().unwrap().to_owned();
    meta.order(|meta| meta.set_base_url(Some(base_url))).await;
    driver.ok("configure", configure("third-party-client")).await;
    let user = json!({"visible_id": "alice-1"});
    driver.ok("account", json!({"account": "a1", "user": user})).await;
    driver
}

async fn exchange(transport: Transport, kind: Kind) {
    let mut meta = MetaSide::start().await;
    let mut driver = seated(&meta, Options { transport, ..Options::default() }).await;
    let a1 = || json!({"account": "a1"});
    assert_eq!(driver.ok("enlist", a1()).await, json!({"login": LOGIN}));
    driver.ok("connect", a1()).await;
    assert_eq!(meta.kinds.recv().await, Some(kind));
    let params = json!({"account": "a1", "to": BOB, "text": "hello"});
    let id = driver.ok("send_text", params).await["id"].as_str().unwrap().to_owned();
    driver.told("receipt", json!({"account": "a1", "id": id, "state": "delivered"})).await;
    meta.order(|meta| {
        meta.send_text(Lane::Main, "bob", "alice", "hi alice", None).unwrap();
    })
    .await;
    let members = json!({"from": BOB, "content": {"text": "hi alice"}, "secure": true});
    let message = driver.told("message", members).await;
    let read = json!({"account": "a1", "id": message.params["id"]});
    driver.ok("mark_read", read).await;
    let thread = driver.ok("thread", json!({"account": "a1", "with": BOB})).await;
    assert_eq!(thread["items"][0]["state"], "delivered");
    assert_eq!(thread["items"][1]["content"]["text"], "hi alice");
    driver.ok("disconnect", a1()).await;
    driver.told("connection", json!({"state": "closed"})).await;
    let (to, label, fault) = ("alice".to_owned(), None, None);
    let push = Push { lane: Lane::Main, to, label, fault, body: None };
    meta.order(|meta| meta.push(push).unwrap()).await;
    driver.told("woken", a1()).await;
    driver.told("connection", json!({"state": "open"})).await;
    driver.ok("health", json!({})).await;
    driver.ok("stop", json!({})).await;
    while let Some(said) = driver.incoming.recv().await {
        assert!(!matches!(said, Incoming::Breach { .. }), "{said:?}");
    }
}

#[tokio::test]
async fn a_user_goes_all_the_way_over_tcp() {
    exchange(Transport::Tcp, Kind::Tcp).await;
}

#[tokio::test]
async fn a_user_goes_all_the_way_over_a_web_socket() {
    exchange(Transport::WebSocket, Kind::WebSocket).await;
}

#[tokio::test]
async fn the_driver_is_told_the_truth() {
    let quirk = crate::role::quirk::find("never-pings");
    let driver = Driver::of(Options { quirk, ..Options::default() });
    let hello = driver.client.hello("test", Some(LONG)).await.unwrap();
    assert_eq!(hello.iut.name, "reference:third-party?quirk=never-pings");
    assert_eq!(hello.capabilities["tls"], true);
    assert_eq!(hello.capabilities["inject_wake"], true);
    driver.client.nonsense_probe(0x7f3a, Some(LONG)).await.unwrap();
    assert_eq!(driver.refused("opt_out", json!({"account": "a1"})).await, "not_found");
    let media = json!({"seat": "third-party-server", "path": "/tmp/x"});
    assert_eq!(driver.refused("upload_media", media).await, "not_found");
    assert_eq!(driver.refused("reset", json!({"account": "a1"})).await, "-32601");
    assert_eq!(driver.refused("enlist", json!({"account": "a1"})).await, "not_found");
}

#[tokio::test]
async fn what_is_out_of_order_is_refused() {
    let meta = MetaSide::start().await;
    let driver = seated(&meta, Options::default()).await;
    let again = json!({"seat": "third-party-client", "seed": 5, "instance": meta.instance});
    assert_eq!(driver.refused("configure", again).await, "malformed");
    let twice = json!({"account": "a1", "user": {"visible_id": "x"}});
    assert_eq!(driver.refused("account", twice).await, "malformed");
    assert_eq!(driver.refused("connect", json!({"account": "a1"})).await, "unauthenticated");
    let text = json!({"account": "a1", "to": BOB, "text": "x"});
    assert_eq!(driver.refused("send_text", text).await, "unavailable");
    let token = |user: &str| json!({"seat": "third-party-server", "user": user});
    assert_eq!(driver.refused("token", token("nobody")).await, "not_found");
    let jwt = driver.ok("token", token("alice-1")).await["jwt"].as_str().unwrap().to_owned();
    assert_eq!(jwt.split('.').count(), 3);
}

#[tokio::test]
async fn a_client_alone_uses_the_token_that_it_is_given() {
    let meta = MetaSide::start().await;
    let driver = Driver::of(Options::default());
    let configure = json!({"seat": "third-party-client", "seed": 5, "instance": meta.instance});
    driver.ok("configure", configure).await;
    driver.ok("account", json!({"account": "a1", "user": {"visible_id": "alice-1"}})).await;
    assert_eq!(driver.refused("enlist", json!({"account": "a1"})).await, "unauthenticated");
    let (answer, token) = tokio::sync::oneshot::channel();
    meta.order(|meta| {
        // Time comes in with events; before the first one it is zero.
        let request = HttpRequest::new("GET", "/");
        meta.handle(UnixMs::now(), Input::Request { id: u64::MAX, request });
        meta.stand_in_for_the_server();
        answer.send(meta.stand_in_token("alice-1")).unwrap();
    })
    .await;
    let token = token.await.unwrap();
    let login = driver.ok("enlist", json!({"account": "a1", "token": token})).await;
    assert_eq!(login, json!({"login": LOGIN}));
    driver.ok("connect", json!({"account": "a1"})).await;
}

#[tokio::test]
async fn without_meta_the_user_sees_an_error_and_no_hang() {
    let meta = MetaSide::start().await;
    let mut instance = meta.instance.clone();
    instance["enlistment_url"] = json!("http://127.0.0.1:1/3p/interop_reg");
    drop(meta);
    let mut driver = Driver::of(Options::default());
    for seat in ["third-party-server", "third-party-client"] {
        driver.ok("configure", json!({"seat": seat, "seed": 5, "instance": instance})).await;
    }
    driver.ok("account", json!({"account": "a1", "user": {"visible_id": "alice-1"}})).await;
    assert_eq!(driver.refused("enlist", json!({"account": "a1"})).await, "unavailable");
    driver.told("error_shown", json!({"class": "unavailable"})).await;
}

#[tokio::test]
async fn the_dead_control_does_nothing_but_say_that_it_lives() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (reader, writer) = tokio::io::split(far);
    tokio::spawn(controls::serve_dead(reader, writer));
    let driver = Driver::new(near);
    driver.client.hello("test", Some(LONG)).await.unwrap();
    driver.client.nonsense_probe(1, Some(LONG)).await.unwrap();
    let instance = json!({"chat": {"tcp": "127.0.0.1:1"}});
    let configure = json!({"seat": "third-party-client", "seed": 1, "instance": instance});
    assert_eq!(driver.ok("configure", configure).await, json!({}));
    driver.ok("account", json!({"account": "a1", "user": {"visible_id": "x"}})).await;
    driver.ok("health", json!({})).await;
    assert_eq!(driver.refused("enlist", json!({"account": "a1"})).await, "-32601");
}

#[tokio::test]
async fn the_echo_control_succeeds_at_everything_and_sends_every_byte_back() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (reader, writer) = tokio::io::split(far);
    tokio::spawn(controls::serve_echo(reader, writer));
    let driver = Driver::new(near);
    let (net, mut events) = Net::new();
    let chat = net.listen_chat().await.unwrap();
    driver.client.hello("test", Some(LONG)).await.unwrap();
    driver.client.nonsense_probe(1, Some(LONG)).await.unwrap();
    let instance = json!({"chat": {"tcp": chat.to_string()}});
    let configure = |seat| json!({"seat": seat, "seed": 1, "instance": instance});
    let offers = driver.ok("configure", configure("third-party-server")).await;
    driver.ok("configure", configure("third-party-client")).await;
    driver.ok("account", json!({"account": "a1", "user": {"visible_id": "x"}})).await;
    let login = driver.ok("enlist", json!({"account": "a1"})).await;
    assert_eq!(login["login"], "1-1@interop");
    driver.ok("connect", json!({"account": "a1"})).await;
    let Some(NetEvent::Accepted { conn, .. }) = events.recv().await else { panic!("no line") };
    let mut read = Vec::new();
    while read.len() < 7 {
        let Some(NetEvent::Bytes { bytes, .. }) = events.recv().await else { panic!("no bytes") };
        if read.is_empty() {
            net.send(conn, b"\0\0\0".to_vec());
        }
        read.extend(bytes);
    }
    assert_eq!(read, b"WA\x06\x03\0\0\0");
    let url = format!("{}/push", offers["offers"]["base_url"].as_str().unwrap());
    net.fetch(url, HttpRequest { body: b"body".to_vec(), ..HttpRequest::new("POST", "/push") });
    let Some(NetEvent::Response { result: Ok(response), .. }) = events.recv().await else {
        panic!("no answer")
    };
    assert_eq!((response.status, response.body), (200, b"body".to_vec()));
}
