//! What this room's tests share: two ends with fixed keys, and the files of `fixtures/vectors/noise`.

use serde_json::Value;

use super::{AwaitingFinish, Dialect, End, Initiator, KeyPair, Responder};
use crate::seed::Seed;

/// The intro header of web clients (`wire.md` §1.1).
pub const PROLOGUE: &[u8] = b"WA\x06\x03";
/// A payload of message 2.
pub const CHAIN: &[u8] = b"certificate chain";
/// A payload of message 3.
pub const LOGIN: &[u8] = b"login payload";

/// Draws the key pair with this name, always the same.
pub fn pair(name: &str) -> KeyPair {
    KeyPair::generate(&mut Seed(5).rng(&["noise", name]))
}

/// The end whose keys are "NAME static" and "NAME ephemeral".
pub fn end(name: &str, prologue: &[u8], dialect: Dialect) -> End {
    let key = |which: &str| pair(&format!("{name} {which}"));
    End::new(prologue, dialect, key("static"), key("ephemeral"))
}

/// The client whose keys are "client static" and "client ephemeral", and its message 1.
pub fn client(prologue: &[u8], dialect: Dialect) -> (Initiator, Vec<u8>) {
    Initiator::start(end("client", prologue, dialect))
}

/// The server whose keys are "server static" and "server ephemeral".
pub fn server(prologue: &[u8], dialect: Dialect) -> Responder {
    Responder::new(end("server", prologue, dialect))
}

/// Both ends after message 2 is written, and message 2.
pub fn up_to_message_2() -> (Initiator, AwaitingFinish, Vec<u8>) {
    let (initiator, hello) = client(PROLOGUE, Dialect::Meta);
    let read = server(PROLOGUE, Dialect::Meta).read_client_hello(&hello).unwrap();
    let (awaiting, answer) = read.answer(CHAIN);
    (initiator, awaiting, answer)
}

/// Parses one vector file.
pub fn parse(text: &str) -> Value {
    let vector: Value = serde_json::from_str(text).unwrap();
    assert!(vector["source"].is_string(), "a vector says where it comes from");
    vector
}

/// Decodes a member that holds hex.
pub fn bytes(vector: &Value, member: &str) -> Vec<u8> {
    hex::decode(vector[member].as_str().unwrap_or_else(|| panic!("{member}"))).unwrap()
}

/// Decodes a member that holds 32 bytes as hex.
pub fn key32(vector: &Value, member: &str) -> [u8; 32] {
    bytes(vector, member).try_into().unwrap()
}

/// Decodes 32 bytes of hex.
pub fn key(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}
