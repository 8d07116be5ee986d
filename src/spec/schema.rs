//! The JSON Schema of a profile file, from the registry of its keys.

use serde_json::{Map, Value, json};

use super::basis::Basis;
use super::key::{self, Form};

/// The schema, draft 2020-12.
pub fn profile_schema() -> Value {
    let values: Map<String, Value> =
        key::ALL.iter().map(|key| (key.name.to_owned(), value(key))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "counterpart profile",
        "type": "object",
        "additionalProperties": false,
        "required": ["id"],
        "properties": {
            "id": { "type": "string" },
            "extends": { "type": ["string", "null"], "description": "an embedded profile, or a file beside this one" },
            "frozen": { "type": "boolean", "description": "not to be changed any more" },
            "values": { "type": "object", "additionalProperties": false, "properties": values },
            "rows": {
                "type": "object",
                "additionalProperties": false,
                "properties": { "not_applicable": {
                    "type": "array", "items": { "type": "string" },
                    "description": "rows of the catalogue that do not apply, `*` for any text",
                } },
            },
        },
    })
}

fn value(key: &key::Key) -> Value {
    let bases: Vec<&str> = Basis::ALL.iter().map(|(_, word)| *word).collect();
    json!({
        "type": "object",
        "description": key.doc,
        "additionalProperties": false,
        "required": ["value", "basis", "source"],
        "properties": {
            "value": { "anyOf": [form(key.form), { "type": "null" }] },
            "basis": { "enum": bases },
            "source": { "type": "string" },
            "client_visible": { "type": "boolean" },
        },
    })
}

fn form(form: Form) -> Value {
    match form {
        // A plain number in YAML is read as the text that stands there.
        Form::Text => json!({ "type": ["string", "number"] }),
        Form::OneOf(numbers) => json!({ "enum": numbers }),
        Form::Number => json!({ "type": "integer", "minimum": 0 }),
        Form::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Form::Choice(words) => json!({ "enum": words }),
        Form::Words(words) => json!({ "type": "array", "items": { "enum": words } }),
        Form::Hex => json!({ "type": ["string", "integer"], "pattern": "^([0-9a-fA-F]{2})*$" }),
    }
}
