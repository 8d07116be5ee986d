//! The JSON Schema of an IUT file, for editors.

use serde_json::{Map, Value, json};

use super::file::{ADAPTERS, ATTACH, MANUAL, PROXY, SEATS, SERVER, SPAWN, TOP, UPLOAD};
use crate::spec::capability::{self, Form};

/// The schema, draft 2020-12. Keys come from the lists that the reader knows; a key that this file
/// has no form for is allowed to be anything.
pub fn schema() -> Value {
    let seats: Vec<&str> = SEATS.iter().map(|(_, word)| *word).collect();
    let adapters: Vec<&str> = ADAPTERS.iter().map(|(_, word)| *word).collect();
    let forms = [
        ("schema", json!({ "const": 1 })),
        ("name", text("its name in reports")),
        ("version", json!({ "type": ["string", "number"], "description": "as in reports" })),
        (
            "seats",
            json!({ "type": "array", "minItems": 1, "uniqueItems": true, "items": { "enum": seats } }),
        ),
        (
            "adapter",
            json!({ "anyOf": [{ "enum": adapters }, {
                "type": "object", "minProperties": 1, "maxProperties": 1,
                "additionalProperties": false, "properties": adapter(&adapters),
            }] }),
        ),
        (
            "server",
            json!({ "type": "object", "additionalProperties": false, "required": ["base_url"],
                "properties": known(SERVER, &[
                    ("base_url", text("where it listens, beside `adapter: none`")),
                    ("tls_ca", text("file in PEM with the authority of its certificate; else whom this machine trusts")),
                    ("media", text("a file that it serves: what stands behind the base URL and a slash")),
                    ("media_file", text("a copy of that file: what a reader is to be given (MED-004)")),
                    ("upload", upload()),
                ]) }),
        ),
        (
            "proxy",
            json!({ "type": "object", "additionalProperties": false, "required": PROXY,
                "properties": known(PROXY, &[
                    ("url", text("where a media proxy's readers ask it, beside `adapter: none`")),
                    ("upstream", text("http address of this machine where it finds the third party's files; the harness listens there")),
                ]) }),
        ),
        ("ics", capabilities()),
        ("logs", texts("log files beside standard error")),
        (
            "attestations",
            json!({ "type": "array", "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["row", "statement"],
                "properties": {
                    "row": { "type": "string", "description": "a row of the catalogue" },
                    "statement": { "type": "string", "description": "what the partner states" },
                    "document": { "type": "string", "description": "where the evidence stands" },
                },
            } }),
        ),
        (
            "timeouts_ms",
            json!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 1 } }),
        ),
    ];
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "counterpart IUT file",
        "type": "object",
        "additionalProperties": false,
        "required": ["schema", "name", "version", "seats", "adapter"],
        "properties": known(TOP, &forms),
    })
}

fn upload() -> Value {
    json!({ "type": "object", "additionalProperties": false, "required": ["url", "credentials"],
        "description": "how one of its users stores a file there, as the body of a request",
        "properties": known(UPLOAD, &[
            ("url", text("where")),
            ("method", json!({ "enum": ["POST", "PUT"] })),
            ("credentials", json!({ "type": "object",
                "additionalProperties": { "type": "string" },
                "description": "the header fields by which the server knows the user" })),
        ]) })
}

fn text(doc: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": doc })
}

fn texts(doc: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": doc })
}

/// Every key that is read, with its form where there is one.
fn known(keys: &[&str], forms: &[(&str, Value)]) -> Map<String, Value> {
    let form = |key: &str| {
        let found = forms.iter().find(|(name, _)| *name == key);
        found.map_or(json!({}), |(_, form)| form.clone())
    };
    keys.iter().map(|key| ((*key).to_owned(), form(key))).collect()
}

fn adapter(words: &[&str]) -> Map<String, Value> {
    let forms = [
        (
            "command",
            json!({ "type": "array", "minItems": 1, "items": { "type": "string" },
            "description": "program and arguments; a program with a slash is relative to the file" }),
        ),
        ("cwd", text("where it is started, relative to the file")),
        (
            "env",
            json!({ "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean"] } }),
        ),
        ("instances", json!({ "enum": ["shared", "per-case"] })),
        ("max_accounts", json!({ "type": "integer", "minimum": 1 })),
        ("digest_of", texts("files whose digest stands for the implementation")),
    ];
    let spawn = json!({
        "type": "object", "additionalProperties": false, "required": ["command"],
        "properties": known(SPAWN, &forms),
    });
    let attach = json!({
        "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
        "properties": known(ATTACH, &[
            ("tcp", text("host:port where the adapter listens")),
            ("unix", text("path of its socket, relative to the file")),
        ]),
    });
    let manual = json!({
        "type": "object", "additionalProperties": false, "minProperties": 1,
        "properties": known(MANUAL, &[
            ("answers", text("file or pipe with a person's lines, relative to the file")),
            ("hooks", json!({
                "type": "array", "items": { "enum": super::manual::HOOKS },
                "description": "what the person can switch or read in the app, or at its server",
            })),
        ]),
    });
    known(words, &[("spawn", spawn), ("attach", attach), ("manual", manual)])
}

fn capabilities() -> Value {
    let properties: Map<String, Value> = capability::ALL
        .iter()
        .map(|capability| {
            let mut form = match capability.form {
                Form::Flag => json!({ "type": "boolean" }),
                Form::Numbers => json!({ "type": "array", "items": { "type": "integer" } }),
                Form::Words(words) => json!({ "type": "array", "items": { "enum": words } }),
                Form::Choice(words) => json!({ "enum": words }),
            };
            form["description"] = json!(capability.doc);
            (capability.name.to_owned(), form)
        })
        .collect();
    json!({
        "type": "object", "additionalProperties": false,
        "patternProperties": { "^x-": true }, "properties": properties,
    })
}
