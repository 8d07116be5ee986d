//! The JSON Schema of a line of the driver protocol, from the registries that check it.

use serde_json::{Map, Value, json};

use super::message::{ErrorClass, Params};
use super::notification::NOTIFICATIONS;
use super::operation::{Operation, Scope, all};
use super::shape::{Member, Record, Shape};

/// The schema of one line, from either end, draft 2020-12. Which result belongs to which request
/// no schema of one line can say; `$defs` names the result of each operation for a reader.
pub fn schema() -> Value {
    let requests = all().map(|operation| reference(&format!("request.{}", operation.name)));
    let notifications =
        NOTIFICATIONS.iter().map(|kind| reference(&format!("notification.{}", kind.name)));
    let lines: Vec<Value> =
        requests.chain(notifications).chain(["response", "failure"].map(reference)).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "counterpart driver protocol, one line",
        "anyOf": lines,
        "$defs": definitions(),
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn definitions() -> Map<String, Value> {
    let mut definitions = Map::new();
    for operation in all() {
        definitions.insert(format!("request.{}", operation.name), request(operation));
        definitions.insert(format!("result.{}", operation.name), record(&operation.result, &[]));
    }
    for kind in NOTIFICATIONS {
        let account = [Member::must("account", Shape::Text)];
        let line = line(kind.name, record(&kind.params, &account));
        definitions.insert(format!("notification.{}", kind.name), line);
    }
    definitions.insert("response".to_owned(), response());
    definitions.insert("failure".to_owned(), failure());
    definitions
}

fn line(method: &str, params: Value) -> Value {
    json!({
        "type": "object",
        "required": ["jsonrpc", "method", "params"],
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "method": { "const": method },
            "params": params,
        },
    })
}

fn request(operation: &Operation) -> Value {
    let mut params = record(&operation.params, operation.scope.members());
    if operation.scope == Scope::AccountOrSeat {
        params["oneOf"] = json!([{ "required": ["account"] }, { "required": ["seat"] }]);
    }
    let mut request = line(operation.name, params);
    request["description"] = json!(operation.complete);
    request["required"] = json!(["jsonrpc", "id", "method", "params"]);
    request["properties"]["id"] = json!({ "type": "integer", "minimum": 0 });
    request
}

fn response() -> Value {
    json!({
        "type": "object",
        "required": ["jsonrpc", "id", "result"],
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": "integer", "minimum": 0 },
            "result": { "type": "object" },
        },
    })
}

fn failure() -> Value {
    json!({
        "type": "object",
        "required": ["jsonrpc", "id", "error"],
        "properties": {
            "jsonrpc": { "const": "2.0" },
            "id": { "type": ["integer", "null"], "minimum": 0 },
            "error": {
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": { "type": "integer" },
                    "message": { "type": "string" },
                    "data": {
                        "type": "object",
                        "properties": { "class": { "enum": ErrorClass::WORDS } },
                    },
                },
            },
        },
    })
}

/// Members that nobody knows are refused, but for those that begin with `x-`.
fn record(record: &Record, more: &[Member]) -> Value {
    let members = || more.iter().chain(record.members);
    let properties: Params =
        members().map(|member| (member.name.to_owned(), shape(member.shape))).collect();
    let required: Vec<&str> =
        members().filter(|member| member.required).map(|member| member.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties, "required": required });
    if !record.open {
        schema["patternProperties"] = json!({ "^x-": true });
        schema["additionalProperties"] = json!(false);
    }
    if !record.one_of.is_empty() {
        let choices = record.one_of.iter().map(|name| json!({ "required": [name] }));
        schema["oneOf"] = choices.collect();
    }
    schema
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Whole => json!({ "type": "integer", "minimum": 0 }),
        Shape::Jid => json!({ "type": "string", "pattern": "^[^:@]+@.+$" }),
        Shape::Hex(bytes) => {
            json!({ "type": "string", "pattern": format!("^[0-9a-fA-F]{{{}}}$", bytes * 2) })
        }
        Shape::Word(words) => json!({ "enum": words }),
        Shape::List(item) => json!({ "type": "array", "items": self::shape(*item) }),
        Shape::Record(fields) => record(fields, &[]),
        Shape::Object => json!({ "type": "object" }),
        Shape::Any => json!(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_and_notification_is_described() {
        let schema = schema();
        let names = all().map(|operation| format!("request.{}", operation.name));
        let names =
            names.chain(NOTIFICATIONS.iter().map(|kind| format!("notification.{}", kind.name)));
        for name in names {
            assert!(schema["$defs"].get(&name).is_some(), "{name}");
        }
        let lines = schema["anyOf"].as_array().unwrap();
        for line in lines {
            let name = line["$ref"].as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            assert!(schema["$defs"].get(name).is_some(), "{name}");
        }
    }
}
