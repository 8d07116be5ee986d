//! The operations that every adapter has, and their answers as types.
//!
//! Main table: [`SESSION`]; main types: [`Hello`] and [`Offers`], who the adapter is and where it
//! listens. The registry has checked the members before the types are read, so reading cannot find
//! anything new; the same types serve the end that writes them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::operation::{Kind, Operation, Scope};
use super::seat::Seat;
use super::shape::{Member, Record, Shape};

/// What an adapter says of itself in answer to `hello`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of the driver protocol that it speaks.
    pub driver: String,
    pub iut: Identity,
    pub seats: Vec<Seat>,
    /// Stated capabilities, as they came: which keys and values there are is not the protocol's.
    pub capabilities: Map<String, Value>,
}

/// The implementation's name and version, for reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub name: String,
    pub version: String,
}

/// The addresses and keys that a seat offers in answer to `configure` (`interfaces.md` §4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Offers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatAddress>,
    /// The root key of its certificates: 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enlistment_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The authority of its HTTPS certificates, in PEM; without it, whom this machine trusts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ca: Option<String>,
    /// Where its users' clients store files, which is nobody else's affair (MED-014).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<UploadOffer>,
}

/// How one user of a server stores an encrypted file there: the bytes as the body of a request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadOffer {
    pub url: String,
    /// `POST` where nothing is said.
    #[serde(default = "post")]
    pub method: String,
    /// The fields by which the server knows the user; secrets, which no log repeats.
    pub credentials: BTreeMap<String, String>,
}

fn post() -> String {
    "POST".to_owned()
}

impl fmt::Debug for UploadOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.credentials.keys().collect();
        write!(f, "UploadOffer({} {}, {names:?})", self.method, self.url)
    }
}

/// Where a chat server listens: `host:port`, and a WebSocket URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatAddress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ws: Option<String>,
}

static IUT: Record =
    Record::of(&[Member::must("name", Shape::Text), Member::must("version", Shape::Text)]);
static CHAT: Record =
    Record::of(&[Member::may("tcp", Shape::Text), Member::may("ws", Shape::Text)]);
static INTEGRATOR: Record = Record::of(&[
    Member::must("id", Shape::Whole),
    Member::may("iss", Shape::Text),
    Member::may("base_url", Shape::Text),
]);
static INSTANCE: Record = Record::of(&[
    Member::may("chat", Shape::Record(&CHAT)),
    Member::may("noise_root", Shape::Hex(32)),
    Member::may("enlistment_url", Shape::Text),
    Member::may("media_url", Shape::Text),
    Member::may("push_jwks_url", Shape::Text),
    Member::may("tls_ca", Shape::Text),
    Member::may("integrator", Shape::Record(&INTEGRATOR)),
    Member::may("state_dir", Shape::Text),
    Member::may("profile", Shape::Object),
]);
static UPLOAD: Record = Record::of(&[
    Member::must("url", Shape::Text),
    Member::may("method", Shape::Word(&["POST", "PUT"])),
    Member::must("credentials", Shape::Object),
]);
static OFFERS: Record = Record::of(&[
    Member::may("base_url", Shape::Text),
    Member::may("chat", Shape::Record(&CHAT)),
    Member::may("noise_root", Shape::Hex(32)),
    Member::may("enlistment_url", Shape::Text),
    Member::may("media_url", Shape::Text),
    Member::may("jwks_url", Shape::Text),
    Member::may("tls_ca", Shape::Text),
    Member::may("upload", Shape::Record(&UPLOAD)),
]);
/// `login` is given where the profile knows no enlistment, e.g. for companion clients; `name` is the
/// display name that the user has chosen, for a client that has any.
static USER: Record = Record::open(&[
    Member::must("visible_id", Shape::Text),
    Member::may("login", Shape::Jid),
    Member::may("name", Shape::Text),
]);

/// Every operation that is part of every adapter.
pub static SESSION: &[Operation] = &[
    Operation {
        params: Record::of(&[
            Member::must("driver", Shape::Text),
            Member::must("harness", Shape::Text),
        ]),
        result: Record::of(&[
            Member::must("driver", Shape::Text),
            Member::must("iut", Shape::Record(&IUT)),
            Member::must("seats", Shape::List(&Shape::Word(Seat::WORDS))),
            Member::must("capabilities", Shape::Object),
        ]),
        ..session("hello", Scope::Instance, "at once")
    },
    Operation {
        params: Record::of(&[
            Member::must("seed", Shape::Whole),
            Member::must("instance", Shape::Record(&INSTANCE)),
        ]),
        result: Record::of(&[Member::may("offers", Shape::Record(&OFFERS))]),
        ..session("configure", Scope::Seat, "the seat listens where it offers to")
    },
    Operation {
        params: Record::of(&[Member::must("user", Shape::Record(&USER))]),
        result: Record::of(&[Member::may("login", Shape::Jid)]),
        ..session("account", Scope::Account, "the user exists")
    },
    Operation {
        result: Record::open(&[]),
        ..session("health", Scope::Instance, "what earlier input caused has been notified")
    },
    session("stop", Scope::Instance, "the process may be ended"),
];

const fn session(name: &'static str, scope: Scope, complete: &'static str) -> Operation {
    Operation::new(name, Kind::Session, scope, complete)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::driver::operation;

    #[test]
    fn what_the_types_write_is_what_the_registry_accepts() {
        let hello = Hello {
            driver: "1".to_owned(),
            iut: Identity { name: "acme".to_owned(), version: "2".to_owned() },
            seats: Seat::ALL.to_vec(),
            capabilities: Map::new(),
        };
        let value = serde_json::to_value(&hello).unwrap();
        operation::find("hello").unwrap().check_result(&value).unwrap();
        assert_eq!(serde_json::from_value::<Hello>(value).unwrap(), hello);

        let chat = ChatAddress { tcp: Some("127.0.0.1:1".to_owned()), ws: None };
        let offers =
            Offers { chat: Some(chat), jwks_url: Some("u".to_owned()), ..Offers::default() };
        let value = json!({"offers": offers});
        assert_eq!(
            value.to_string(),
            r#"{"offers":{"chat":{"tcp":"127.0.0.1:1"},"jwks_url":"u"}}"#
        );
        operation::find("configure").unwrap().check_result(&value).unwrap();
    }
}
