//! The program as `serve`, watched, and two clients for it: the reference and a bare one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use counterpart::noise::{Dialect, End, Initiator, KeyPair, Transport};
use counterpart::proto::login::ClientPayload;
use counterpart::proto::login::client_payload::{InteropData, Product};
use counterpart::seed::Seed;
use counterpart::wire::frame::{FrameReader, write_frame};
use counterpart::wire::{Node, binary};
use prost::Message as _;
use serde_json::{Value, json};

/// Longest wait for anything; a machine under load is slow.
const WAIT: Duration = Duration::from_secs(60);
/// The intro header of the default profile.
pub const PROLOGUE: [u8; 4] = [0x57, 0x41, 6, 3];

/// Lines of a stream, as they come.
pub struct Lines {
    lines: Receiver<String>,
    pub seen: Vec<String>,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, seen: Vec::new() }
    }

    /// Waits for a line with these words and gives it.
    pub fn wait(&mut self, words: &str) -> String {
        let until = Instant::now() + WAIT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(_) => panic!("`{words}` did not come; there was\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Everything up to the end of the stream.
    pub fn rest(&mut self) -> String {
        while let Ok(line) = self.lines.recv_timeout(WAIT) {
            self.seen.push(line);
        }
        self.seen.join("\n")
    }
}

/// A running counterpart.
pub struct House {
    child: Child,
    stdin: Option<ChildStdin>,
    pub greeting: Value,
    pub log: Lines,
}

impl House {
    pub fn open(args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_counterpart"))
            .args(["serve", "--format", "json"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = Lines::of(child.stdout.take().unwrap());
        let log = Lines::of(child.stderr.take().unwrap());
        let stdin = child.stdin.take();
        let greeting = serde_json::from_str(&out.wait("{")).unwrap();
        Self { child, stdin, greeting, log }
    }

    pub fn types(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
    }

    pub fn text(&self, pointer: &str) -> String {
        self.greeting.pointer(pointer).and_then(Value::as_str).unwrap().to_owned()
    }

    pub fn guest(&self, name: &str) -> String {
        let guests = self.greeting["test_users"].as_array().unwrap();
        let guest = guests.iter().find(|guest| guest["name"] == name).unwrap();
        guest["jid"].as_str().unwrap().to_owned()
    }

    pub fn user(&self, name: &str) -> Value {
        let users = self.greeting["users"].as_array().unwrap();
        users.iter().find(|user| user["visible_id"] == name).unwrap().clone()
    }

    pub fn chat(&self) -> TcpStream {
        let stream = TcpStream::connect(self.text("/instance/chat/tcp")).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        stream
    }

    /// Host and port of its HTTP side.
    pub fn http(&self) -> String {
        let url = self.text("/instance/enlistment_url");
        url.trim_start_matches("http://").split('/').next().unwrap().to_owned()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it as its user would and gives the exit code and the log.
    pub fn quit(mut self) -> (i32, String) {
        self.types("quit");
        let log = self.log.rest();
        (self.child.wait().unwrap().code().unwrap(), log)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The reference third party as a client, driven by hand.
pub struct Reference {
    child: Child,
    stdin: ChildStdin,
    lines: Lines,
    calls: u64,
    told: Vec<Value>,
}

impl Reference {
    /// Configured for a house, as the user of this name.
    pub fn guest_of(house: &House, user: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_counterpart"))
            .args(["reference", "third-party"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Lines::of(child.stdout.take().unwrap());
        let stdin = child.stdin.take().unwrap();
        let mut reference = Self { child, stdin, lines, calls: 0, told: Vec::new() };
        let seat = "third-party-client";
        let instance = &house.greeting["instance"];
        reference
            .call("configure", json!({"seat": seat, "seed": 5, "instance": instance}))
            .unwrap();
        reference.call("account", json!({"account": "a", "user": {"visible_id": user}})).unwrap();
        reference
    }

    pub fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        self.calls += 1;
        let request =
            json!({"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params});
        writeln!(self.stdin, "{request}").unwrap();
        loop {
            let message: Value = serde_json::from_str(&self.lines.wait("{")).unwrap();
            if message["id"] == self.calls {
                let error = message["error"].clone();
                return if error.is_null() { Ok(message["result"].clone()) } else { Err(error) };
            }
            self.told.push(message);
        }
    }

    /// Enlists and connects with a token of the house's.
    pub fn goes_online(&mut self, token: &str) {
        self.call("enlist", json!({"account": "a", "token": token})).unwrap();
        self.call("connect", json!({"account": "a", "token": token})).unwrap();
    }

    pub fn writes(&mut self, to: &str, text: &str) -> Result<Value, Value> {
        self.call("send_text", json!({"account": "a", "to": to, "text": text}))
    }

    /// Waits for the next notification of this name.
    pub fn hears(&mut self, method: &str) -> Value {
        loop {
            let message: Value = if self.told.is_empty() {
                serde_json::from_str(&self.lines.wait("{")).unwrap()
            } else {
                self.told.remove(0)
            };
            if message["method"] == method {
                return message["params"].clone();
            }
        }
    }

    /// Waits for the next text that is shown: sender and text.
    pub fn reads(&mut self) -> (String, String) {
        loop {
            let message = if self.told.is_empty() {
                serde_json::from_str(&self.lines.wait("{")).unwrap()
            } else {
                self.told.remove(0)
            };
            if message["method"] == "message" {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let params = &message["params"];
                return (text(&params["from"]), text(&params["content"]["text"]));
            }
        }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that can do no more than log in, and whatever is asked of it.
pub struct Bare {
    pub stream: TcpStream,
    pub transport: Transport,
    frames: FrameReader,
}

impl Bare {
    /// Shakes hands and sends the last message with this payload.
    pub fn shakes_hands(house: &House, key: KeyPair, payload: &ClientPayload) -> Self {
        let mut stream = house.chat();
        let mut frames = FrameReader::new(1 << 20);
        let ephemeral = KeyPair::generate(&mut Seed(next()).rng(&["bare"]));
        let (initiator, hello) =
            Initiator::start(End::new(&PROLOGUE, Dialect::Meta, key, ephemeral));
        stream.write_all(&PROLOGUE).unwrap();
        stream.write_all(&write_frame(&hello).unwrap()).unwrap();
        let answer = frame(&mut stream, &mut frames).unwrap();
        let read = initiator.read_server_hello(&answer).unwrap();
        let (finish, transport) = read.finish(&payload.encode_to_vec());
        stream.write_all(&write_frame(&finish).unwrap()).unwrap();
        Self { stream, transport, frames }
    }

    pub fn sends(&mut self, node: &Node) {
        let bytes = binary::pack(&binary::encode(node).unwrap(), false);
        self.sends_bytes(&bytes);
    }

    pub fn sends_bytes(&mut self, bytes: &[u8]) {
        let sealed = self.transport.seal(bytes).unwrap();
        // The other end may have closed already.
        let _ = self.stream.write_all(&write_frame(&sealed).unwrap());
    }

    /// The next stanza; `None` when the connection is closed.
    pub fn next(&mut self) -> Option<Node> {
        let frame = frame(&mut self.stream, &mut self.frames)?;
        let payload = self.transport.open(&frame).unwrap();
        let unpacked = binary::unpack(&payload).unwrap();
        Some(binary::decode(&unpacked.bytes).unwrap().node)
    }
}

/// A number that no other client of this process has.
fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn frame(stream: &mut TcpStream, frames: &mut FrameReader) -> Option<Vec<u8>> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(frame) = frames.next_frame().unwrap() {
            return Some(frame);
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => frames.push(&buffer[..count]),
        }
    }
}

/// What a login says, for an account and a token.
pub fn login(account_id: u64, token: Option<&str>) -> ClientPayload {
    ClientPayload {
        passive: Some(false),
        product: Some(Product::Interop.into()),
        interop_data: Some(InteropData {
            account_id: Some(account_id),
            token: token.map(|token| token.as_bytes().to_vec()),
            enable_read_receipts: Some(true),
        }),
        ..ClientPayload::default()
    }
}
