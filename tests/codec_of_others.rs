//! Our codec beside that of Baileys, which shares no code with it.
//!
//! `fixtures/vectors/wire` holds what `fixtures/judges/baileys-codec/check.sh` recorded: random nodes
//! as Baileys encodes them, and how it reads them in each of our encodings. Replaying needs no Node;
//! the ignored test is the live exchange that the script runs.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use counterpart::wire::{AttrValue, Content, Node, Style, binary};
use serde::{Deserialize, Serialize};

/// A node as both sides write it down.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Plain {
    tag: String,
    attrs: BTreeMap<String, String>,
    content: Option<Inside>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Inside {
    Children(Vec<Plain>),
    Bytes { b64: String },
    Text { text: String },
}

/// A node as Baileys encodes it, with its flag byte.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Encoded {
    node: Plain,
    bytes: String,
}

/// Our bytes of a node, and what Baileys made of them.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Read {
    style: String,
    bytes: String,
    node: Option<Plain>,
    error: Option<String>,
}

impl Plain {
    fn node(&self) -> Node {
        let mut node = Node::new(&self.tag);
        for (key, value) in &self.attrs {
            // The text form of a server's own address has no `@` here.
            let value = value.strip_prefix('@').unwrap_or(value);
            node = node.attr(key, AttrValue::recognise(value));
        }
        node.content = match &self.content {
            None => Content::None,
            Some(Inside::Text { text }) => Content::Bytes(text.clone().into_bytes()),
            Some(Inside::Bytes { b64 }) => Content::Bytes(STANDARD.decode(b64).unwrap()),
            Some(Inside::Children(list)) => {
                Content::Children(list.iter().map(Self::node).collect())
            }
        };
        node
    }
}

/// The encodings that Baileys is given: all but the one whose address it is known to refuse, since
/// it takes whatever follows for the server.
fn styles() -> impl Iterator<Item = Style> {
    Style::ALL.into_iter().filter(|style| *style != Style::InteropWithoutServer)
}

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors/wire").join(name)
}

fn lines<T: for<'a> Deserialize<'a>>(text: &str) -> Vec<T> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Checks that we read what Baileys wrote, in the one form that it has.
fn check_encoded(encoded: &[Encoded]) {
    for Encoded { node, bytes } in encoded {
        let unpacked = binary::unpack(&hex::decode(bytes).unwrap()).unwrap();
        let captured = binary::decode(&unpacked.bytes).unwrap_or_else(|e| panic!("{e}: {bytes}"));
        assert_eq!(captured.node, node.node(), "{bytes}");
        assert_eq!(captured.encode_as().unwrap(), unpacked.bytes, "{bytes}");
    }
}

/// Our bytes of every node, in every encoding.
fn to_read(encoded: &[Encoded]) -> Vec<(Style, Node, String)> {
    let nodes = encoded.iter().map(|encoded| encoded.node.node());
    let all = nodes.flat_map(|node| styles().map(move |style| (style, node.clone())));
    all.map(|(style, node)| {
        let bytes = binary::encode_with(&node, style).unwrap();
        (style, node, hex::encode(binary::pack(&bytes, false)))
    })
    .collect()
}

/// Checks that Baileys read what we wrote, and that we still write it so.
fn check_read(ours: &[(Style, Node, String)], read: &[Read]) {
    assert_eq!(ours.len(), read.len());
    for ((style, node, bytes), read) in ours.iter().zip(read) {
        assert_eq!((style.name(), bytes), (&*read.style, &read.bytes));
        let theirs = read.node.as_ref().map(Plain::node);
        assert_eq!(theirs.as_ref(), Some(node), "{style:?} {bytes}: {:?}", read.error);
    }
}

#[test]
fn recorded_stanzas_of_baileys_are_read_and_ours_were_read_by_it() {
    let text = |name| std::fs::read_to_string(vectors(name)).unwrap();
    let encoded: Vec<Encoded> = lines(&text("baileys-encodes.jsonl"));
    assert!(encoded.len() >= 100, "{}", encoded.len());
    check_encoded(&encoded);
    let read: Vec<Read> = lines(&text("baileys-reads.jsonl"));
    check_read(&to_read(&encoded[..RECORDED]), &read);
}

#[test]
#[ignore = "needs Node and Baileys: fixtures/judges/baileys-codec/check.sh"]
fn live() {
    let from_env = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let text = judge(&["generate", &from_env("SEED"), &from_env("COUNT")], String::new());
    let encoded: Vec<Encoded> = lines(&text);
    check_encoded(&encoded);
    let ours = to_read(&encoded);
    let asked = ours.iter().map(|(_, _, bytes)| format!("{{\"bytes\":\"{bytes}\"}}\n")).collect();
    let answers: Vec<serde_json::Value> = lines(&judge(&["read"], asked));
    let read: Vec<Read> = ours
        .iter()
        .zip(answers)
        .map(|((style, _, bytes), answer)| Read {
            style: style.name().to_owned(),
            bytes: bytes.clone(),
            node: answer.get("node").and_then(|node| serde_json::from_value(node.clone()).ok()),
            error: answer.get("error").map(ToString::to_string),
        })
        .collect();
    check_read(&ours, &read);
    if std::env::var_os("RECORD").is_some() {
        record(&text, &read);
    }
}

/// Runs the judge with what it is to read.
fn judge(arguments: &[&str], input: String) -> String {
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/judges/baileys-codec/judge.mjs");
    let mut command = Command::new("node");
    command.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("node is on PATH");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the judge failed");
    String::from_utf8(output.stdout).unwrap()
}

/// How many nodes are recorded in every encoding.
const RECORDED: usize = 12;

fn record(encoded: &str, read: &[Read]) {
    std::fs::write(vectors("baileys-encodes.jsonl"), encoded).unwrap();
    let lines = read[..RECORDED * styles().count()].iter();
    let text: String = lines.map(|read| serde_json::to_string(read).unwrap() + "\n").collect();
    std::fs::write(vectors("baileys-reads.jsonl"), text).unwrap();
}
