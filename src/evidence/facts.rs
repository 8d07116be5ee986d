//! What a role saw and judged of tokens, forms, logins, ciphertexts and files, without their secrets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::Payload;

/// How a rule came out that a role judged because only it saw the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleFacts {
    pub requirement: String,
    pub grade: RuleGrade,
    /// What is wrong; absent where the rule holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleGrade {
    Holds,
    Warns,
    Broken,
    /// What was to show it did not come about, so that nothing is said.
    Open,
}

/// What a transcript may hold of a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TokenFacts {
    pub len: usize,
    pub sha256: String,
    pub header: Value,
    pub claims: Value,
    /// Every rule that could be judged.
    pub checked: Vec<RuleFacts>,
}

/// An enlistment form, the token replaced by facts about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FormFacts {
    pub content_type: Option<String>,
    /// Rules that arguments break.
    pub faults: Vec<RuleFacts>,
    /// Arguments other than the token, as they were sent.
    pub arguments: Vec<(String, String)>,
    pub token: Option<TokenFacts>,
    /// The protocol version, where the profile names an argument for it and it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether `e_skey_sig` verifies under `e_ident`; `None` where a part is unusable.
    pub signature_verifies: Option<bool>,
}

/// A login payload, the token replaced by facts about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoginFacts {
    pub product: Option<String>,
    pub account_id: Option<u64>,
    pub username: Option<u64>,
    pub device: Option<u32>,
    pub passive: Option<bool>,
    pub token: Option<TokenFacts>,
    /// The protocol version, where the profile names a field for it and it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Hex of the client's static Noise key.
    pub static_key: String,
    /// Hex of the key given at enlistment, where there was one.
    pub authkey: Option<String>,
    /// The account that it belongs to, where one was found.
    pub login: Option<String>,
    /// `None` where the login was accepted.
    pub refused: Option<String>,
}

impl LoginFacts {
    /// How the reason of a refusal begins that a scenario asked for.
    pub const ON_PURPOSE: &str = "on purpose";

    /// True where Meta's side refused the login for what was in it.
    pub fn is_refused_for_itself(&self) -> bool {
        self.refused.as_deref().is_some_and(|why| !why.starts_with(Self::ON_PURPOSE))
    }
}

/// The header of a ciphertext, readable without keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EncFacts {
    pub kind: String,
    pub bytes: Payload,
    /// Header fields, or why they could not be read.
    pub header: Value,
    /// The receiving Meta client's private test keys, on a first message to it: with them a judge
    /// recomputes the key agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responder: Option<Value>,
    /// What was encrypted, with its padding, where a Meta client knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<Payload>,
    /// The session that opened it, by the initiator's base key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The receiving Meta client's session as it was before, test keys included: with it a judge
    /// recomputes what the MAC covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
}

/// A question about a stored file and its answer, without the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exchanged {
    pub method: String,
    pub path: String,
    /// Fields of the request, where they are the point of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<(String, String)>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Of the body that came.
    pub len: u64,
    pub sha256: String,
    /// So many in a row were alike.
    pub times: u64,
}

/// What one connection of a probe saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Look {
    /// Why it saw nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The version of TLS that was agreed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// The protocol that the server chose by ALPN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// Status, fields and body of the answer to a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<HttpAnswer>,
    /// What came back for raw bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Payload>,
    /// The server ended the connection after that.
    #[serde(default)]
    pub closed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Payload,
}

/// A file that a third party's message names, as a Meta client found it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MediaFacts {
    /// `available`, `refused` (it is not what the message says) or `failed` (it could not be had).
    pub state: String,
    pub kind: String,
    /// The path that the message names.
    pub path: String,
    pub reference: Option<String>,
    /// What the proxy answered.
    pub status: Option<u16>,
    pub mimetype: Option<String>,
    pub caption: Option<String>,
    pub file_name: Option<String>,
    pub thumbnail: bool,
    /// Length and SHA-256 of the plaintext, where it opened.
    pub len: Option<u64>,
    pub sha256: Option<String>,
    /// Which form the streaming sidecar has (`wire.md` §10.1), where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sidecar: Option<String>,
    /// Its EXIF data tells where it was taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tells_place: bool,
    /// Every rule that could be judged.
    pub checked: Vec<RuleFacts>,
}
