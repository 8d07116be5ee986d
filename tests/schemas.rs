//! Everything that is written, or shipped as an example, fits its published schema.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// What a value breaks of a schema: the path of the first member, and the rule.
///
/// Knows the words of JSON Schema that the published schemas use, and refuses others, so that no
/// rule goes unheard.
struct Validator<'a> {
    root: &'a Value,
}

const ANNOTATIONS: &[&str] =
    &["$schema", "$defs", "title", "description", "default", "format", "writeOnly", "readOnly"];

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
        let schema = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err(format!("{path}: nothing may stand here")),
            Value::Object(schema) => schema,
            other => panic!("{path}: {other} is no schema"),
        };
        for (word, rule) in schema {
            self.word(word, rule, schema, value, path)?;
        }
        Ok(())
    }

    fn word(
        &self,
        word: &str,
        rule: &Value,
        schema: &serde_json::Map<String, Value>,
        value: &Value,
        path: &str,
    ) -> Result<(), String> {
        let broken = || Err(format!("{path}: {value:.200} breaks {word} {rule:.300}"));
        let holds = match word {
            "$ref" => return self.check(self.resolve(rule), value, path),
            "type" => types(rule).iter().any(|name| is(name, value)),
            "const" => rule == value,
            "enum" => rule.as_array().unwrap().contains(value),
            "required" => value.as_object().is_none_or(|object| {
                rule.as_array()
                    .unwrap()
                    .iter()
                    .all(|key| object.contains_key(key.as_str().unwrap()))
            }),
            "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|l| l.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value.as_array().is_none_or(|l| l.len() as u64 <= rule.as_u64().unwrap()),
            "minLength" => value.as_str().is_none_or(|t| t.len() as u64 >= rule.as_u64().unwrap()),
            "minProperties" => {
                value.as_object().is_none_or(|o| o.len() as u64 >= rule.as_u64().unwrap())
            }
            "maxProperties" => {
                value.as_object().is_none_or(|o| o.len() as u64 <= rule.as_u64().unwrap())
            }
            "uniqueItems" => value.as_array().is_none_or(|list| {
                list.iter().enumerate().all(|(n, item)| !list[..n].contains(item))
            }),
            "pattern" => value.as_str().is_none_or(|text| {
                regex::Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)
            }),
            "anyOf" | "oneOf" => return self.choice(word, rule, value, path),
            "allOf" => {
                let mut all = rule.as_array().unwrap().iter();
                return all.try_for_each(|one| self.check(one, value, path));
            }
            "items" => {
                let mut items = value.as_array().into_iter().flatten().enumerate();
                return items
                    .try_for_each(|(n, item)| self.check(rule, item, &format!("{path}/{n}")));
            }
            "prefixItems" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                let rules = rule.as_array().unwrap();
                return items.filter_map(|(n, item)| Some((n, rules.get(n)?, item))).try_for_each(
                    |(n, rule, item)| self.check(rule, item, &format!("{path}/{n}")),
                );
            }
            "properties" => {
                let members = value.as_object().into_iter().flatten();
                return members
                    .filter_map(|(key, item)| Some((key, rule.get(key)?, item)))
                    .try_for_each(|(key, rule, item)| {
                        self.check(rule, item, &format!("{path}/{key}"))
                    });
            }
            "patternProperties" => true,
            "additionalProperties" => return self.others(rule, schema, value, path),
            word if ANNOTATIONS.contains(&word) => true,
            word => panic!("{path}: this test does not know the word `{word}`"),
        };
        if holds { Ok(()) } else { broken() }
    }

    fn resolve(&self, reference: &Value) -> &Value {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        self.root.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    fn choice(&self, word: &str, rule: &Value, value: &Value, path: &str) -> Result<(), String> {
        let tried: Vec<Result<(), String>> =
            rule.as_array().unwrap().iter().map(|one| self.check(one, value, path)).collect();
        let fitting = tried.iter().filter(|result| result.is_ok()).count();
        let holds = if word == "oneOf" { fitting == 1 } else { fitting > 0 };
        // The error that lies deepest is that of the choice that was meant.
        let deepest = tried.into_iter().filter_map(Result::err);
        let deepest = deepest.max_by_key(|error| error.split(':').next().unwrap().len());
        if holds {
            Ok(())
        } else {
            Err(deepest.unwrap_or_else(|| format!("{path}: {fitting} fit")))
        }
    }

    fn others(
        &self,
        rule: &Value,
        schema: &serde_json::Map<String, Value>,
        value: &Value,
        path: &str,
    ) -> Result<(), String> {
        let has = |word: &str, key: &str| {
            let known = schema.get(word).and_then(Value::as_object);
            known.is_some_and(|known| match word {
                "properties" => known.contains_key(key),
                _ => known.keys().any(|text| regex::Regex::new(text).unwrap().is_match(key)),
            })
        };
        let members = value.as_object().into_iter().flatten();
        let mut others =
            members.filter(|(key, _)| !has("properties", key) && !has("patternProperties", key));
        others.try_for_each(|(key, item)| self.check(rule, item, &format!("{path}/{key}")))
    }
}

fn types(rule: &Value) -> Vec<&str> {
    match rule {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        other => panic!("{other} is no type"),
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("{other} is no type"),
    }
}

fn program(args: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_counterpart")).args(args).output().unwrap()
}

fn schema(what: &str) -> Value {
    let output = program(&["schema", what]);
    assert!(output.status.success(), "{what}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    Validator { root: schema }.check(schema, value, "")
}

/// YAML as the values that an editor's schema checker sees.
fn yaml(path: &Path) -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A run with a failure, a pass and a case that is not applicable, with a baseline.
fn run(name: &str, args: &[&str]) -> std::path::PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&out);
    let folder = out.display().to_string();
    let mut all = vec!["run", "--seed", "7", "--out", &folder];
    all.extend(args);
    program(&all);
    out.join("latest")
}

#[test]
fn a_validator_that_cannot_fail_would_show_nothing() {
    let schema = json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": { "a": { "$ref": "#/$defs/n" }, "b": { "anyOf": [{"const": 1}, {"type": "null"}] } },
        "$defs": { "n": { "type": "integer", "minimum": 3 } },
    });
    assert_eq!(fits(&schema, &json!({ "a": 3, "b": null })), Ok(()));
    for wrong in [
        json!({}),
        json!({"a": 2}),
        json!({"a": "3"}),
        json!({"a": 3, "c": 1}),
        json!({"a": 3, "b": 2}),
    ] {
        assert!(fits(&schema, &wrong).is_err(), "{wrong}");
    }
}

#[test]
fn reports_and_logs_of_green_and_red_runs_fit() {
    let iut = "reference:third-party?quirk=kdf-prefix-used-as-salt";
    let ids = ["m3.2/first-text-decrypts-at-an-independent-peer", "m1/*"];
    let runs = [
        run("schema-green", &["m2/pings-and-answers-pings", "m1/*"]),
        run("schema-red", &["--iut", iut, ids[0], ids[1]]),
        run("schema-none", &["--profile", "consumer", "m1/*", "m2/pings-and-answers-pings"]),
    ];
    let (report, events) = (schema("report"), schema("events"));
    let mut lines = 0;
    for run in runs {
        let text = std::fs::read_to_string(run.join("report.json")).unwrap();
        fits(&report, &serde_json::from_str(&text).unwrap()).unwrap();
        for line in std::fs::read_to_string(run.join("events.jsonl")).unwrap().lines() {
            fits(&events, &serde_json::from_str(line).unwrap()).unwrap();
            lines += 1;
        }
    }
    assert!(lines > 300, "{lines}");
    let wrong = json!({ "schema": 1, "outcome": "green" });
    assert!(fits(&report, &wrong).is_err() && fits(&events, &wrong).is_err());
}

#[test]
fn bundled_scenarios_and_profiles_fit() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let (scenario, profile) = (schema("scenario"), schema("profile"));
    let mut seen = [0, 0];
    for folder in std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if !folder.is_dir() || name == "requirements" {
            continue;
        }
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let (schema, at) = if name == "profiles" { (&profile, 0) } else { (&scenario, 1) };
            fits(schema, &yaml(&file))
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            seen[at] += 1;
        }
    }
    assert!(seen[0] >= 2 && seen[1] >= 18, "{seen:?}");
}

#[test]
fn a_baseline_that_was_written_fits() {
    let run = run("schema-baseline", &["--iut", "reference:third-party?quirk=never-pings", "m2/*"]);
    let file = run.join("known.yaml").display().to_string();
    let (out, day) = (run.parent().unwrap().display().to_string(), "2999-12-31");
    let made = program(&[
        "baseline",
        "update",
        &file,
        "--reason",
        "known",
        "--expires",
        day,
        "--out",
        &out,
    ]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let value = yaml(Path::new(&file));
    assert!(!value["known"].as_array().unwrap().is_empty());
    fits(&schema("baseline"), &value).unwrap();
    assert!(fits(&schema("baseline"), &json!({ "known": [] })).is_err());
}

#[test]
fn iut_files_fit() {
    let schema = schema("iut");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/adapters/baileys/iut.yaml");
    fits(&schema, &yaml(&example)).unwrap();
    let wrong = json!({ "schema": 1, "name": "a", "version": "1", "seats": ["nobody"],
        "adapter": { "spawn": { "command": ["x"] } } });
    assert!(fits(&schema, &wrong).is_err());
}

#[test]
fn what_the_bundled_reference_says_fits_the_driver_protocol() {
    use std::io::{BufRead as _, Write as _};
    let mut child = Command::new(env!("CARGO_BIN_EXE_counterpart"))
        .args(["reference", "third-party"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let schema = schema("driver");
    let requests = [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "hello",
            "params": { "driver": "1", "harness": "test" } }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "health", "params": {} }),
        json!({ "jsonrpc": "2.0", "id": 3, "method": "send_text",
            "params": { "account": "a1", "to": "1@s.whatsapp.net", "text": "x" } }),
        json!({ "jsonrpc": "2.0", "id": 4, "method": "stop", "params": {} }),
    ];
    let mut stdin = child.stdin.take().unwrap();
    for request in &requests {
        fits(&schema, request).unwrap();
        writeln!(stdin, "{request}").unwrap();
    }
    let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let lines: Vec<Value> =
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    child.wait().unwrap();
    assert_eq!(lines.len(), requests.len());
    for line in &lines {
        fits(&schema, line).unwrap();
    }
    fits(&schema["$defs"]["result.hello"], &lines[0]["result"]).unwrap();
    assert!(lines[2].get("error").is_some(), "{}", lines[2]);
    assert!(
        fits(&schema, &json!({ "jsonrpc": "2.0", "id": 1, "method": "helo", "params": {} }))
            .is_err()
    );
}
