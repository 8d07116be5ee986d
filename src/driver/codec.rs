//! One line of JSON-RPC 2.0, to and from [`Message`].
//!
//! [`decode`] is strict: what the specification does not allow is refused by name, because an
//! adapter that is sloppy here makes every later verdict doubtful. It does not consult the
//! registry; the two ends do. The envelope is read member by member rather than by a derived type,
//! so that a member that stands there twice is seen.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use super::message::{
    ErrorClass, Message, Notification, Params, Request, Response, RpcError, UnknownClass,
};
use super::shape::shorten;

/// Why a line is no message of the driver protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("it is no JSON object ({0}); a log belongs on standard error")]
    NotJson(String),
    #[error("`{0}` stands there twice")]
    Twice(String),
    #[error("`{0}` is no member of a JSON-RPC message")]
    UnknownMember(String),
    #[error("`jsonrpc` must be \"2.0\"")]
    Version,
    #[error("`id` must be a whole number from 0, as the harness sent it")]
    Id,
    #[error("`method` must be a string")]
    Method,
    #[error("`params` must be an object")]
    Params,
    #[error("a message has either `method` or one of `result` and `error`")]
    Form,
    #[error("`error` must be an object with `code` (integer), `message` (string) and maybe `data`")]
    ErrorObject,
    #[error("`error.data.class`: {0}")]
    Class(#[from] UnknownClass),
    #[error("the adapter could not read a request: {0}")]
    Unread(RpcError),
}

/// Writes a message as one line, with its newline.
pub fn encode(message: &Message) -> String {
    let value = match message {
        Message::Request(it) => {
            json!({"jsonrpc": "2.0", "id": it.id, "method": it.method, "params": it.params})
        }
        Message::Notification(it) => {
            json!({"jsonrpc": "2.0", "method": it.method, "params": it.params})
        }
        Message::Response(it) => encode_response(Some(it.id), &it.outcome),
    };
    format!("{value}\n")
}

/// Writes the answer to a line that held no readable request, whose `id` is null (JSON-RPC §5).
pub fn encode_unread(error: &RpcError) -> String {
    format!("{}\n", encode_response(None, &Err(error.clone())))
}

fn encode_response(id: Option<u64>, outcome: &Result<Value, RpcError>) -> Value {
    match outcome {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": encode_error(error)}),
    }
}

fn encode_error(error: &RpcError) -> Value {
    match error.class {
        None => json!({"code": error.code, "message": error.message}),
        Some(class) => {
            let data = json!({"class": class.as_str()});
            json!({"code": error.code, "message": error.message, "data": data})
        }
    }
}

/// Reads a line, without its newline.
///
/// # Errors
/// The first rule of JSON-RPC 2.0 or of the driver protocol that the line breaks.
pub fn decode(line: &[u8]) -> Result<Message, CodecError> {
    let Members(members) =
        serde_json::from_slice(line).map_err(|error| CodecError::NotJson(error.to_string()))?;
    let mut envelope = Envelope::default();
    for (name, value) in members {
        envelope.put(name, value)?;
    }
    if envelope.jsonrpc != Some(Value::from("2.0")) {
        return Err(CodecError::Version);
    }
    match (&envelope.method, &envelope.result, &envelope.error) {
        (Some(_), None, None) => envelope.call(),
        (None, Some(_), None) | (None, None, Some(_)) if envelope.params.is_none() => {
            envelope.response().map(Message::Response)
        }
        _ => Err(CodecError::Form),
    }
}

/// The members of a message; `Some(Null)` is a member that is null.
#[derive(Default)]
struct Envelope {
    jsonrpc: Option<Value>,
    id: Option<Value>,
    method: Option<Value>,
    params: Option<Value>,
    result: Option<Value>,
    error: Option<Value>,
}

impl Envelope {
    fn put(&mut self, name: String, value: Value) -> Result<(), CodecError> {
        let slot = match name.as_str() {
            "jsonrpc" => &mut self.jsonrpc,
            "id" => &mut self.id,
            "method" => &mut self.method,
            "params" => &mut self.params,
            "result" => &mut self.result,
            "error" => &mut self.error,
            _ => return Err(CodecError::UnknownMember(shorten(&name))),
        };
        match slot.replace(value) {
            None => Ok(()),
            Some(_) => Err(CodecError::Twice(name)),
        }
    }

    /// A request, or a notification where `id` is absent.
    fn call(self) -> Result<Message, CodecError> {
        let Some(Value::String(method)) = self.method else {
            return Err(CodecError::Method);
        };
        let params: Params = match self.params {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err(CodecError::Params),
        };
        Ok(match self.id {
            None => Message::Notification(Notification { method, params }),
            Some(id) => {
                let id = id.as_u64().ok_or(CodecError::Id)?;
                Message::Request(Request { id, method, params })
            }
        })
    }

    fn response(self) -> Result<Response, CodecError> {
        let outcome = match (self.result, self.error) {
            (Some(result), _) => Ok(result),
            (None, error) => Err(decode_error(error.unwrap_or_default())?),
        };
        match (self.id, outcome) {
            // JSON-RPC §5: null where the id of a request could not be told. Ours always can.
            (Some(Value::Null), Err(error)) => Err(CodecError::Unread(error)),
            (id, outcome) => {
                let id = id.and_then(|id| id.as_u64()).ok_or(CodecError::Id)?;
                Ok(Response { id, outcome })
            }
        }
    }
}

fn decode_error(value: Value) -> Result<RpcError, CodecError> {
    let Value::Object(members) = value else {
        return Err(CodecError::ErrorObject);
    };
    let known = |name: &String| matches!(name.as_str(), "code" | "message" | "data");
    let code = members.get("code").and_then(Value::as_i64);
    let message = members.get("message").and_then(Value::as_str);
    match (code, message) {
        (Some(code), Some(message)) if members.keys().all(known) => {
            let class = members.get("data").and_then(|data| data.get("class"));
            let class = class.map(decode_class).transpose()?;
            Ok(RpcError { code, message: message.to_owned(), class })
        }
        _ => Err(CodecError::ErrorObject),
    }
}

fn decode_class(class: &Value) -> Result<ErrorClass, CodecError> {
    let word = class.as_str().ok_or(CodecError::ErrorObject)?;
    word.parse().map_err(|_| UnknownClass(shorten(word)).into())
}

/// An object's members as they stand, duplicates included.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(line: &str) -> CodecError {
        decode(line.as_bytes()).unwrap_err()
    }

    #[test]
    fn the_lines_of_the_protocol_are_read_and_written() {
        let lines = [
            r#"{"jsonrpc":"2.0","id":2,"method":"no-such-operation-7f3a","params":{}}"#,
            r#"{"jsonrpc":"2.0","id":31,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"method not found"}}"#,
            r#"{"jsonrpc":"2.0","method":"woken","params":{"account":"a1"}}"#,
            r#"{"jsonrpc":"2.0","id":9,"error":{"code":1,"message":"free text","data":{"class":"unauthenticated"}}}"#,
        ];
        for line in lines {
            let message = decode(line.as_bytes()).unwrap();
            assert_eq!(encode(&message), format!("{line}\n"));
        }
        let Message::Response(last) = decode(lines[4].as_bytes()).unwrap() else { panic!() };
        assert_eq!(last.outcome.unwrap_err().class, Some(ErrorClass::Unauthenticated));
    }

    #[test]
    fn absent_params_are_no_params() {
        let message = decode(br#"{"jsonrpc":"2.0","id":1,"method":"health"}"#).unwrap();
        let expected = Request { id: 1, method: "health".to_owned(), params: Map::new() };
        assert_eq!(message, Message::Request(expected));
    }

    #[test]
    fn every_breach_of_json_rpc_is_named() {
        assert!(matches!(refusal("Server listening"), CodecError::NotJson(_)));
        assert!(matches!(refusal(""), CodecError::NotJson(_)));
        assert!(matches!(refusal("[]"), CodecError::NotJson(_)));
        assert!(matches!(refusal("{} {}"), CodecError::NotJson(_)));
        assert!(matches!(decode(b"{\"a\":\"\xff\"}").unwrap_err(), CodecError::NotJson(_)));
        assert_eq!(refusal(r#"{"id":1,"result":{}}"#), CodecError::Version);
        assert_eq!(refusal(r#"{"jsonrpc":"1.0","id":1,"result":{}}"#), CodecError::Version);
        assert_eq!(refusal(r#"{"jsonrpc":2.0,"id":1,"result":{}}"#), CodecError::Version);
        assert_eq!(refusal(r#"{"jsonrpc":"2.0","id":1}"#), CodecError::Form);
        assert_eq!(
            refusal(r#"{"jsonrpc":"2.0","id":1,"result":1,"error":null}"#),
            CodecError::Form
        );
        assert_eq!(
            refusal(r#"{"jsonrpc":"2.0","id":1,"result":1,"method":"a"}"#),
            CodecError::Form
        );
        assert_eq!(refusal(r#"{"jsonrpc":"2.0","id":1,"result":1,"params":{}}"#), CodecError::Form);
        for id in ["\"1\"", "1.5", "-1", "null"] {
            assert_eq!(
                refusal(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":1}}"#)),
                CodecError::Id
            );
        }
        assert_eq!(refusal(r#"{"jsonrpc":"2.0","result":1}"#), CodecError::Id);
        assert_eq!(refusal(r#"{"jsonrpc":"2.0","method":1}"#), CodecError::Method);
        assert_eq!(refusal(r#"{"jsonrpc":"2.0","method":"a","params":[]}"#), CodecError::Params);
        assert_eq!(
            refusal(r#"{"jsonrpc":"2.0","method":"a","parms":{}}"#),
            CodecError::UnknownMember("parms".to_owned())
        );
        assert_eq!(
            refusal(r#"{"jsonrpc":"2.0","id":1,"id":2,"result":1}"#),
            CodecError::Twice("id".to_owned())
        );
    }

    #[test]
    fn an_error_object_is_read_strictly() {
        let error =
            |object: &str| refusal(&format!(r#"{{"jsonrpc":"2.0","id":1,"error":{object}}}"#));
        assert_eq!(error("null"), CodecError::ErrorObject);
        assert_eq!(error(r#""no""#), CodecError::ErrorObject);
        assert_eq!(error(r#"{"code":"1","message":"a"}"#), CodecError::ErrorObject);
        assert_eq!(error(r#"{"code":1}"#), CodecError::ErrorObject);
        assert_eq!(error(r#"{"code":1,"message":"a","class":"limit"}"#), CodecError::ErrorObject);
        assert_eq!(
            error(r#"{"code":1,"message":"a","data":{"class":"odd"}}"#),
            CodecError::Class(UnknownClass("odd".to_owned()))
        );
    }

    #[test]
    fn an_answer_to_nobody_says_that_the_adapter_cannot_read() {
        let error = RpcError { code: -32700, message: "parse error".to_owned(), class: None };
        let line = encode_unread(&error);
        assert_eq!(decode(line.trim_end().as_bytes()), Err(CodecError::Unread(error)));
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let deep = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{}"#, "[".repeat(500_000));
        assert!(matches!(refusal(&deep), CodecError::NotJson(_)));
    }

    proptest! {
        #[test]
        fn random_bytes_are_refused_and_never_panic(
            line in proptest::collection::vec(any::<u8>(), 0..200)
        ) {
            prop_assert!(decode(&line).is_err());
        }

        #[test]
        fn text_survives_as_one_line(text in any::<String>(), id in any::<u64>()) {
            let response = Response { id, outcome: Ok(json!({"id": text})) };
            let line = encode(&Message::Response(response.clone()));
            prop_assert_eq!(line.matches('\n').count(), 1);
            let read = decode(line.trim_end().as_bytes()).unwrap();
            prop_assert_eq!(read, Message::Response(response));
        }
    }
}
