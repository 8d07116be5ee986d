//! The JSON Schema of a scenario file, for editors.
//!
//! Main function: [`schema`]. It is derived from the registries from which the reader takes what it
//! knows, so it cannot differ from what is read; that a schema cannot say what `lint` says is
//! accepted.

use serde_json::{Map, Value, json};

use super::kinds::KINDS;
use super::model::Kind;
use super::operations::OPERATIONS;
use super::shape::{
    ACT, ACTOR, ADVANCE, COMPROMISE, CONTENT, ENCODE, EXPECT, FAULT, Form, KeySpec, LINK, MEDIA,
    MUTATION, NEGATIVE, OTHER, OWN_DEVICES, REACTION, REPLY, REVOKE, SCENARIO, SEND, STEP, Shape,
};

const SHAPES: &[&Shape] = &[
    &ACTOR,
    &STEP,
    &ACT,
    &SEND,
    &EXPECT,
    &FAULT,
    &ADVANCE,
    &COMPROMISE,
    &ENCODE,
    &NEGATIVE,
    &MUTATION,
    &CONTENT,
    &REPLY,
    &REACTION,
    &REVOKE,
    &LINK,
    &OTHER,
    &MEDIA,
    &OWN_DEVICES,
];

/// Gives the schema, draft 2020-12.
pub fn schema() -> Value {
    let mut root = object(&SCENARIO);
    let named = |(key, value): (&str, Value)| (key.to_owned(), value);
    let head = [
        ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
        ("title", json!("counterpart scenario")),
    ];
    let definitions = SHAPES
        .iter()
        .chain(super::stub::SHAPES)
        .map(|shape| (word(shape).to_owned(), Value::Object(object(shape))));
    root.insert("$defs".to_owned(), Value::Object(definitions.collect()));
    Value::Object(head.into_iter().map(named).chain(root).collect())
}

/// The name of a shape without article and quotes.
fn word(shape: &Shape) -> &'static str {
    shape.name.rsplit(' ').next().unwrap_or_default().trim_matches('`')
}

fn object(shape: &Shape) -> Map<String, Value> {
    // What stands outside of the steps, no choice of the matrix reaches.
    let chosen = !std::ptr::eq(shape, &SCENARIO) && !std::ptr::eq(shape, &ACTOR);
    let keys = shape.keys.iter().map(|key| (key.name.to_owned(), property(key, chosen)));
    let mut properties: Map<String, Value> = keys.collect();
    if shape.kinds {
        properties.extend(kinds());
    }
    if shape.params {
        properties.extend(params());
    }
    let mut object = Map::new();
    let mut insert = |key: &str, value: Value| object.insert(key.to_owned(), value);
    insert("type", json!("object"));
    insert("additionalProperties", json!(false));
    if shape.one_key {
        insert("minProperties", json!(1));
        insert("maxProperties", json!(1));
    }
    if !shape.required().is_empty() {
        insert("required", json!(shape.required()));
    }
    if shape.kinds {
        let words: Vec<Value> = KINDS.iter().map(|info| json!({"required": [info.word]})).collect();
        insert("oneOf", json!(words));
    }
    insert("properties", Value::Object(properties));
    object
}

/// `chosen`: a choice of the matrix may stand for the word.
fn property(key: &KeySpec, chosen: bool) -> Value {
    let mut schema = form(&key.form);
    if chosen && let Form::Word(_) = key.form {
        let choice = json!({"type": "string", "pattern": "^\\$\\{[^}]+\\}$"});
        schema = Map::from_iter([("anyOf".to_owned(), json!([schema, choice]))]);
    }
    schema.insert("description".to_owned(), json!(key.doc));
    Value::Object(schema)
}

fn form(form: &Form) -> Map<String, Value> {
    let schema = match form {
        Form::Version => json!({"const": 1}),
        Form::Text => json!({"type": "string"}),
        Form::Template => template(),
        Form::Flag => json!({"type": "boolean"}),
        Form::Code => json!({"type": ["integer", "string"], "minimum": 0, "maximum": 65535}),
        Form::Amount => json!({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 65535},
            {"type": "string"}]}),
        Form::Duration => {
            json!({"type": "string", "pattern": r"^([0-9]+(ms|s|m|h|d)|\$\{profile\.[a-z_.]+_s\})$"})
        }
        Form::Word(words) => json!({"type": "string", "enum": words()}),
        Form::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Form::Lists => json!({"type": "object", "additionalProperties":
            {"type": "array", "items": template(), "minItems": 1}}),
        Form::Templates => json!({"type": "object", "additionalProperties": template()}),
        Form::Shapes(shape) => json!({"type": "object", "additionalProperties": reference(shape)}),
        Form::List(shape) => json!({"type": "array", "items": reference(shape)}),
        Form::Shape(shape) => reference(shape),
    };
    match schema {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn reference(shape: &Shape) -> Value {
    json!({"$ref": format!("#/$defs/{}", word(shape))})
}

/// Plain numbers and truth values are taken as they are written.
fn template() -> Value {
    json!({"type": ["string", "number", "boolean"]})
}

fn kinds() -> impl Iterator<Item = (String, Value)> {
    KINDS.iter().map(|info| {
        let fields = info.fields.iter().map(|field| ((*field).to_owned(), template()));
        let fields: Map<String, Value> = fields.collect();
        let schema = match info.kind {
            Kind::Stanza => json!({"type": "string", "description": info.doc}),
            _ => json!({"type": "object", "additionalProperties": false,
                        "description": info.doc, "properties": fields}),
        };
        (info.word.to_owned(), schema)
    })
}

/// Every parameter of every operation; which one belongs to which is judged by the reader.
fn params() -> Map<String, Value> {
    let mut params: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        for param in operation.params {
            let doc = format!("parameter of {}", operation.name);
            let known = params.entry(param.key).or_insert_with(template);
            let more = match known.get("description").and_then(Value::as_str) {
                Some(present) => format!("{present}, {}", operation.name),
                None => doc,
            };
            known["description"] = json!(more);
        }
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_every_key() {
        let schema = schema();
        for shape in SHAPES {
            let properties = &schema["$defs"][word(shape)]["properties"];
            for key in shape.known() {
                assert!(properties.get(key).is_some(), "{}: {key}", shape.name);
            }
        }
        for key in SCENARIO.known() {
            assert!(schema["properties"].get(key).is_some(), "{key}");
        }
        assert!(schema["$defs"]["act"]["properties"].get("reply_to").is_some());
    }

    #[test]
    fn references_lead_somewhere() {
        let schema = schema();
        let text = schema.to_string();
        for (at, _) in text.match_indices("#/$defs/") {
            let name = text[at + 8..].split('"').next().unwrap();
            assert!(schema["$defs"].get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_schema_is_golden() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&schema()).unwrap());
    }
}
