//! The judge as a process: JSON lines to `fixtures/judges/libsignal-node/peer.mjs` and back.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use counterpart::e2ee::{Ciphertext, EncType};
use serde_json::{Value, json};

use super::tape::{WireBundle, WireMessage};

pub struct Node {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Node {
    /// Starts the judge of this name.
    pub fn start(judge: &str) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/judges/libsignal-node");
        let installed = Path::new(folder).join("node_modules").exists();
        assert!(installed, "the npm packages are missing: run {folder}/check.sh");
        let mut process = Command::new("node")
            .args(["peer.mjs", judge])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is on PATH");
        let requests = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, requests, answers }
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn must(&mut self, request: &Value) -> Value {
        let answer = self.ask(request);
        assert_eq!(answer.get("error"), None, "{}", request["do"]);
        answer
    }

    pub fn bundle(&mut self, one_time: bool) -> WireBundle {
        let answer = self.must(&json!({"do": "bundle", "one_time": one_time}));
        serde_json::from_value(answer["bundle"].clone()).unwrap()
    }

    pub fn process(&mut self, bundle: &WireBundle) {
        self.must(&json!({"do": "process", "bundle": bundle}));
    }

    pub fn encrypt(&mut self, text: &str) -> Ciphertext {
        let answer = self.must(&json!({"do": "encrypt", "text": text}));
        let kind = EncType::parse(answer["type"].as_str().unwrap()).unwrap();
        let bytes = hex::decode(answer["bytes"].as_str().unwrap()).unwrap();
        Ciphertext { kind, bytes }
    }

    /// The text, or why the judge refuses.
    pub fn decrypt(&mut self, message: &Ciphertext) -> Result<String, String> {
        let WireMessage { kind, bytes } = WireMessage::of(message);
        let answer = self.ask(&json!({"do": "decrypt", "type": kind, "bytes": bytes}));
        match answer["error"].as_str() {
            Some(why) => Err(why.to_owned()),
            None => Ok(answer["text"].as_str().unwrap().to_owned()),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
