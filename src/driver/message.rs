//! What the two ends say to each other: requests, responses, notifications (`driver.md`).
//!
//! Main type: [`Message`]. The types know nothing of lines or of the registry. Parameters are
//! always an object, because the driver protocol names every member. Errors carry a class from a
//! closed set, since free text is never compared.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

/// The members of a request or notification, in the order in which they were written.
pub type Params = Map<String, Value>;

/// The version that `hello` negotiates.
pub const VERSION: &str = "1";

/// JSON-RPC 2.0 §5.1: the operation does not exist. For a hook that means "not offered".
pub const METHOD_NOT_FOUND: i64 = -32601;
/// JSON-RPC 2.0 §5.1: a parameter is missing or of the wrong kind.
pub const INVALID_PARAMS: i64 = -32602;
/// JSON-RPC 2.0 §5.1: the line is no JSON.
pub const PARSE_ERROR: i64 = -32700;
/// JSON-RPC 2.0 §5.1: the JSON is no request.
pub const INVALID_REQUEST: i64 = -32600;
/// An operation that was tried and failed; its class says how.
pub const OPERATION_FAILED: i64 = 1;

/// One line, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Request(Request),
    Response(Response),
    Notification(Notification),
}

/// An operation that the harness asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub id: u64,
    pub method: String,
    pub params: Params,
}

/// What an operation came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub id: u64,
    pub outcome: Result<Value, RpcError>,
}

/// What the user or the operator of the implementation sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    pub method: String,
    pub params: Params,
}

impl Notification {
    /// The user it concerns; every notification of the registry has one.
    pub fn account(&self) -> Option<&str> {
        self.params.get("account").and_then(Value::as_str)
    }
}

/// Why an operation was not done. The text is for people and is never compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error {code}{}: {message}", .class.map(|class| format!(" ({class})")).unwrap_or_default())]
pub struct RpcError {
    pub code: i64,
    pub message: String,
    pub class: Option<ErrorClass>,
}

impl RpcError {
    /// Says that the implementation lacks the operation.
    pub fn method_not_found() -> Self {
        Self { code: METHOD_NOT_FOUND, message: "method not found".to_owned(), class: None }
    }

    /// Says that the request's parameters are wrong.
    pub fn invalid_params(why: impl fmt::Display) -> Self {
        let class = Some(ErrorClass::Malformed);
        Self { code: INVALID_PARAMS, message: why.to_string(), class }
    }

    /// Says that the operation was tried and failed.
    pub fn failed(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { code: OPERATION_FAILED, message: message.into(), class: Some(class) }
    }

    /// Tells whether the operation does not exist there.
    pub fn is_method_not_found(&self) -> bool {
        self.code == METHOD_NOT_FOUND
    }
}

/// How an operation failed (`data.class`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorClass {
    Malformed,
    Unauthenticated,
    Forbidden,
    Replay,
    NotFound,
    Limit,
    UnsupportedVersion,
    Unavailable,
    Internal,
}

impl ErrorClass {
    pub const ALL: [Self; 9] = [
        Self::Malformed,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::Replay,
        Self::NotFound,
        Self::Limit,
        Self::UnsupportedVersion,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The words, in the order of [`ErrorClass::ALL`].
    pub const WORDS: &[&str] = &[
        "malformed",
        "unauthenticated",
        "forbidden",
        "replay",
        "not_found",
        "limit",
        "unsupported_version",
        "unavailable",
        "internal",
    ];

    /// Gives the word that stands on the wire.
    pub fn as_str(self) -> &'static str {
        Self::WORDS[self as usize]
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no error class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no error class; the classes are {list}", list = ErrorClass::WORDS.join(", "))]
pub struct UnknownClass(pub String);

impl FromStr for ErrorClass {
    type Err = UnknownClass;

    fn from_str(word: &str) -> Result<Self, UnknownClass> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == word)
            .ok_or_else(|| UnknownClass(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classes_are_those_of_the_protocol() {
        assert_eq!(ErrorClass::ALL.len(), ErrorClass::WORDS.len());
        assert_eq!(ErrorClass::UnsupportedVersion.as_str(), "unsupported_version");
        assert_eq!(ErrorClass::Internal.as_str(), "internal");
        for class in ErrorClass::ALL {
            assert_eq!(class.as_str().parse(), Ok(class));
        }
        assert!("Malformed".parse::<ErrorClass>().is_err());
    }

    #[test]
    fn an_error_says_its_code_and_its_class() {
        let error = RpcError::failed(ErrorClass::Replay, "seen before");
        assert_eq!(error.to_string(), "error 1 (replay): seen before");
        assert_eq!(RpcError::method_not_found().to_string(), "error -32601: method not found");
    }
}
