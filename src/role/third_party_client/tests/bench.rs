//! A server without rules: it does what a test says, and shows what the client sent.

use std::sync::Arc;

use prost::Message as _;
use serde_json::json;

use super::super::*;
use crate::e2ee::{
    Address, Bundle, Ciphertext, OneTimePrekey, Party as _, SignatureCheck, SignedPrekey, X3dhParty,
};
use crate::e2ee::{content, padding};
use crate::http::{HttpRequest, HttpResponse};
use crate::identity::enlistment::Form;
use crate::noise::certificate::{Authority, Chain, Validity};
use crate::noise::{Dialect, End, Responder, Transport};
use crate::proto::login::ClientPayload;
use crate::role::{ConnId, FetchId};
use crate::seed::Seed;
use crate::stanza::message::{enc_node, incoming};
use crate::stanza::prekeys::{Key, SignedKey, Upload, UserBundle};
use crate::wire::frame::{FrameReader, IntroReader, write_frame};
use crate::wire::{Jid, Node, binary};

pub const START: UnixMs = UnixMs(1_800_000_000_000);
pub const LOGIN: &str = "12-10853634039893@interop";

/// What a client did, in the order in which it did it.
#[derive(Debug, PartialEq)]
pub enum Did {
    Sent(Node),
    Notified(Notification),
    Done(CallId, Result<Reply, Failure>),
    Opened,
    Closed,
    /// Asked for a file.
    Asked(FetchId, String),
    Uploaded(CallId, Vec<u8>),
    Saved(String, Vec<u8>),
}

/// The other end of one connection.
enum Line {
    Intro(IntroReader),
    Hello(Box<Responder>),
    Finish(Box<crate::noise::AwaitingFinish>),
    Open(Box<Transport>),
}

pub struct Bench {
    pub client: ThirdPartyClient,
    pub now: UnixMs,
    pub chain: fn(&Authority, &[u8; 32], &mut Rng) -> Chain,
    pub form: Option<Form>,
    pub login: Option<(ClientPayload, [u8; 32])>,
    pub token: Option<String>,
    pub wake_at: Option<UnixMs>,
    pub conn: ConnId,
    /// What lies on the disk.
    pub kept: Option<Vec<u8>>,
    authority: Authority,
    own: [u8; 32],
    rng: Rng,
    line: Option<Line>,
    frames: FrameReader,
    fetch: Option<FetchId>,
    calls: CallId,
}

pub fn good_chain(authority: &Authority, leaf: &[u8; 32], rng: &mut Rng) -> Chain {
    authority.chain(leaf, Validity::TEST, rng)
}

impl Bench {
    pub fn new(fault: Option<Fault>) -> Self {
        let mut rng = Seed(3).rng(&["bench"]);
        let authority = Authority::new(&mut rng);
        let instance = json!({
            "noise_root": hex::encode(authority.root_public()),
            "enlistment_url": "http://meta/3p/interop_reg", "integrator": {"id": 12},
            "media_url": "http://media", "state_dir": "/nowhere",
        });
        let settings = Settings::read(Seed(1), &instance).unwrap();
        Self {
            client: ThirdPartyClient::new(Arc::new(settings), "alice", fault),
            now: START,
            chain: good_chain,
            form: None,
            login: None,
            token: Some("t.o.ken".to_owned()),
            wake_at: None,
            conn: 0,
            kept: None,
            authority,
            own: [9; 32],
            rng,
            line: None,
            frames: FrameReader::new(1 << 20),
            fetch: None,
            calls: 0,
        }
    }

    /// A client that is enlisted, logged in and ready.
    pub fn online(fault: Option<Fault>) -> Self {
        let mut bench = Self::enlisted(fault);
        bench.command(Command::Connect);
        bench.stanza(Node::new("success"));
        bench.answer_count(5);
        bench
    }

    pub fn enlisted(fault: Option<Fault>) -> Self {
        let mut bench = Self::new(fault);
        bench.command(Command::Enlist);
        let done = bench.enlistment(200, &json!({"login": LOGIN, "status": "ok"}).to_string());
        assert_eq!(done.len(), 1, "{done:?}");
        bench
    }

    pub fn command(&mut self, command: Command) -> Vec<Did> {
        self.calls += 1;
        self.client.command(self.now, self.calls, command);
        self.drain()
    }

    /// The program ends, with or without warning, and starts.
    pub fn restart(&mut self, killed: bool) -> Vec<Did> {
        if !killed {
            self.client.settle_down(self.now);
            self.drain();
        }
        let kept = self.kept.clone();
        self.command(Command::Restart { kept })
    }

    /// The last command.
    pub fn call(&self) -> CallId {
        self.calls
    }

    pub fn enlistment(&mut self, status: u16, body: &str) -> Vec<Did> {
        let id = self.fetch.take().expect("the client called the enlistment API");
        let response = HttpResponse { body: body.into(), ..HttpResponse::new(status) };
        self.input(Input::Response { id, result: Ok(response) })
    }

    pub fn input(&mut self, input: Input) -> Vec<Did> {
        self.client.handle(self.now, input);
        self.drain()
    }

    /// Lets time pass up to the wake that was asked for.
    pub fn sleep(&mut self) -> Vec<Did> {
        self.now = self.wake_at.take().expect("a wake was asked for");
        self.input(Input::Wake)
    }

    /// Delivers a stanza.
    pub fn stanza(&mut self, node: Node) -> Vec<Did> {
        let bytes = binary::pack(&binary::encode(&node).unwrap(), true);
        self.payload(&bytes)
    }

    /// The bytes of a stanza on the line, as an input.
    pub fn arriving(&mut self, node: Node) -> Input {
        let Some(Line::Open(transport)) = &mut self.line else { panic!("no open line") };
        let sealed = transport.seal(&binary::pack(&binary::encode(&node).unwrap(), true)).unwrap();
        Input::Bytes { conn: self.conn, bytes: write_frame(&sealed).unwrap() }
    }

    pub fn payload(&mut self, payload: &[u8]) -> Vec<Did> {
        let Some(Line::Open(transport)) = &mut self.line else { panic!("no open line") };
        let sealed = transport.seal(payload).unwrap();
        self.raw(&write_frame(&sealed).unwrap())
    }

    pub fn raw(&mut self, bytes: &[u8]) -> Vec<Did> {
        let (conn, bytes) = (self.conn, bytes.to_vec());
        self.input(Input::Bytes { conn, bytes })
    }

    pub fn answer_count(&mut self, count: u64) -> Vec<Did> {
        let answer = Node::new("iq").attr("type", "result").attr("from", Jid::server());
        let value = Node::new("count").attr("value", count.to_string());
        let id = format!("{}-{}", self.client.iq_prefix, self.client.asked_so_far);
        self.stanza(answer.attr("id", id).child(value))
    }

    /// Answers the request that was sent last.
    pub fn answer(&mut self, asked: &[Did], kind: &str, child: Option<Node>) -> Vec<Did> {
        let asked = sent(asked, "iq");
        let id = asked.last().expect("a request").text("id").unwrap().into_owned();
        let answer = Node::new("iq").attr("type", kind).attr("from", Jid::server()).attr("id", id);
        self.stanza(answer.children(child))
    }

    pub fn stored(&mut self, call: CallId, reference: &str) -> Vec<Did> {
        self.client.uploaded(self.now, call, Ok(reference.to_owned()));
        self.drain()
    }

    fn drain(&mut self) -> Vec<Did> {
        let mut did = Vec::new();
        while let Some(output) = self.client.poll() {
            match output {
                Output::Open { conn } => {
                    (self.conn, self.line) = (conn, Some(Line::Intro(IntroReader::new())));
                    self.frames = FrameReader::new(1 << 20);
                    did.push(Did::Opened);
                    self.client.handle(self.now, Input::Opened { conn });
                }
                Output::Send { bytes, .. } => self.read(&bytes, &mut did),
                Output::Close { .. } => {
                    self.line = None;
                    did.push(Did::Closed);
                }
                Output::Fetch { id, url, request } => self.posted(id, &url, &request),
                Output::Download { id, url, .. } => did.push(Did::Asked(id, url)),
                Output::Upload { call, bytes, .. } => did.push(Did::Uploaded(call, bytes)),
                Output::Keep(state) => self.kept = Some(state),
                Output::Save { name, bytes } => did.push(Did::Saved(name, bytes)),
                Output::NeedToken => self.client.take_token(self.now, self.token.clone()),
                Output::WakeAt(at) => self.wake_at = Some(at),
                Output::Notify(notification) => did.push(Did::Notified(notification)),
                Output::Done { call, outcome } => did.push(Did::Done(call, outcome)),
            }
        }
        did
    }

    fn posted(&mut self, id: FetchId, url: &str, request: &HttpRequest) {
        assert_eq!((url, request.method.as_str()), ("http://meta/3p/interop_reg", "POST"));
        let kind = request.header("Content-Type");
        assert_eq!(kind, Some("application/x-www-form-urlencoded"));
        self.form = Some(Form::parse_strict(std::str::from_utf8(&request.body).unwrap()).unwrap());
        self.fetch = Some(id);
    }

    fn read(&mut self, bytes: &[u8], did: &mut Vec<Did>) {
        if let Some(Line::Intro(reader)) = &mut self.line {
            let Some(intro) = reader.push(bytes).unwrap() else { return };
            assert_eq!(intro.header, [0x57, 0x41, 6, 3]);
            let [own, ephemeral] = [self.own, [7; 32]].map(KeyPair::from_private);
            let end = End::new(&intro.header, Dialect::Meta, own, ephemeral);
            let responder = Responder::new(end);
            self.line = Some(Line::Hello(Box::new(responder)));
            self.frames.push(&intro.rest);
        } else {
            self.frames.push(bytes);
        }
        while let Some(frame) = self.frames.next_frame().unwrap() {
            self.frame(&frame, did);
        }
    }

    fn frame(&mut self, frame: &[u8], did: &mut Vec<Did>) {
        match self.line.take() {
            Some(Line::Hello(responder)) => {
                let leaf = KeyPair::from_private(self.own).public();
                let chain = (self.chain)(&self.authority, &leaf, &mut self.rng).encode();
                let (finish, hello) = responder.read_client_hello(frame).unwrap().answer(&chain);
                self.line = Some(Line::Finish(Box::new(finish)));
                let (conn, bytes) = (self.conn, write_frame(&hello).unwrap());
                self.client.handle(self.now, Input::Bytes { conn, bytes });
            }
            Some(Line::Finish(finish)) => {
                let finished = finish.read_client_finish(frame).unwrap();
                let payload = ClientPayload::decode(finished.payload.as_slice()).unwrap();
                self.login = Some((payload, finished.client_static));
                self.line = Some(Line::Open(Box::new(finished.transport)));
            }
            Some(Line::Open(mut transport)) => {
                let payload = transport.open(frame).unwrap();
                self.line = Some(Line::Open(transport));
                let bytes = binary::unpack(&payload).unwrap().bytes;
                did.push(Did::Sent(binary::decode(&bytes).unwrap().node));
            }
            _ => panic!("a frame on no line"),
        }
    }
}

/// A Meta user with a Signal identity.
pub struct Bob {
    pub jid: Jid,
    pub party: X3dhParty,
    rng: Rng,
}

/// The name under which both ends know the client.
pub fn alice() -> Jid {
    LOGIN.parse().unwrap()
}

impl Bob {
    pub fn new(name: &str) -> Self {
        let party = X3dhParty::new(Seed(2).rng(&[name, "signal"]));
        Self { jid: Jid::new(name, "s.whatsapp.net"), party, rng: Seed(2).rng(&[name, "pads"]) }
    }

    /// Opens a session with the keys of an upload.
    pub fn meets(&mut self, upload: &Upload) {
        let key = &upload.one_time[0];
        let bundle = Bundle {
            registration_id: upload.registration_id,
            identity: upload.identity,
            signed_prekey: SignedPrekey {
                id: upload.signed.id,
                value: upload.signed.value,
                signature: upload.signed.signature.clone().unwrap(),
            },
            one_time: Some(OneTimePrekey { id: key.id, value: key.value }),
            kem: None,
        };
        self.party.process(&Self::address(), &bundle, SignatureCheck::Always).unwrap();
    }

    pub fn address() -> Address {
        Address::new(alice().to_string(), 0)
    }

    pub fn seal(&mut self, content: &[u8]) -> Ciphertext {
        let padded = padding::pad(content, &mut self.rng);
        self.party.encrypt(&Self::address(), &padded).unwrap()
    }

    pub fn says(&mut self, id: &str, text: &str) -> Node {
        let Ciphertext { kind, bytes } = self.seal(&content::text(text));
        self.message(id, enc_node(kind.as_str(), bytes))
    }

    pub fn message(&self, id: &str, child: Node) -> Node {
        incoming(id, &self.jid, &alice(), 1_800_000_000, child)
    }

    pub fn bundle(&mut self) -> UserBundle {
        let key = self.party.new_one_time_prekeys(1)[0];
        let signed = self.party.signed_prekey();
        UserBundle {
            registration_id: self.party.registration_id(),
            identity: self.party.identity(),
            one_time: Some(Key { id: key.id, value: key.value }),
            signed: SignedKey {
                id: signed.id,
                value: signed.value,
                signature: Some(signed.signature),
            },
            kem: None,
        }
    }

    /// Decrypts the one ciphertext of a message.
    pub fn reads(&mut self, message: &Node) -> Option<String> {
        let enc = message.find("enc")?;
        let kind = crate::e2ee::EncType::parse(&enc.text("type")?)?;
        let sealed = Ciphertext { kind, bytes: enc.body()?.to_vec() };
        let padded = self.party.decrypt(&Self::address(), &sealed).ok()?;
        match content::read(padding::strip(&padded).ok()?).ok()? {
            content::Content::Text { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The content of the one ciphertext of a message.
    pub fn opens(&mut self, message: &Node) -> content::Content {
        let enc = message.find("enc").unwrap();
        let kind = crate::e2ee::EncType::parse(&enc.text("type").unwrap()).unwrap();
        let sealed = Ciphertext { kind, bytes: enc.body().unwrap().to_vec() };
        let padded = self.party.decrypt(&Self::address(), &sealed).unwrap();
        content::read(padding::strip(&padded).unwrap()).unwrap()
    }

    /// A message with any content.
    pub fn sends(&mut self, id: &str, content: &[u8]) -> Node {
        let Ciphertext { kind, bytes } = self.seal(content);
        self.message(id, enc_node(kind.as_str(), bytes))
    }
}

/// The stanzas of this kind that were sent.
pub fn sent<'a>(did: &'a [Did], tag: &str) -> Vec<&'a Node> {
    let stanzas = did.iter().filter_map(|did| match did {
        Did::Sent(node) if node.tag == tag => Some(node),
        _ => None,
    });
    stanzas.collect()
}

/// The texts that were shown.
pub fn shown(did: &[Did]) -> Vec<&str> {
    let texts = did.iter().filter_map(|did| match did {
        Did::Notified(Notification::Message { text, .. }) => Some(&**text),
        _ => None,
    });
    texts.collect()
}

/// The states of the connection that were shown.
pub fn states(did: &[Did]) -> Vec<ConnectionState> {
    let states = did.iter().filter_map(|did| match did {
        Did::Notified(Notification::Connection(state)) => Some(*state),
        _ => None,
    });
    states.collect()
}

/// How the commands of these doings failed.
pub fn failures(did: &[Did]) -> Vec<FailureKind> {
    let kinds = did.iter().filter_map(|did| match did {
        Did::Done(_, Err(failure)) => Some(failure.kind),
        _ => None,
    });
    kinds.collect()
}
