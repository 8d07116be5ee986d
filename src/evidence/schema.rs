//! The JSON Schema of the log, from the types that write it.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::{Entry, RunHeader};

/// The schema of a value as it is written, draft 2020-12.
pub fn written<T: JsonSchema>(title: &str) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    schema["title"] = json!(title);
    schema
}

/// The schema of a line of `events.jsonl`: the header of a run, then one entry a line.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let (header, entry) =
        (generator.subschema_for::<RunHeader>(), generator.subschema_for::<Entry>());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "counterpart event log, one line",
        "anyOf": [header, entry],
        "$defs": generator.definitions(),
    })
}
