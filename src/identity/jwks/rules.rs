//! Judges the answer with a published key set, row by row (JWK-001 to JWK-007, JWK-014).
//!
//! Main types: [`KeyFault`] and [`KeyProblem`]. It looks at the JSON as published, not at what a
//! verifier makes of it: a verifier overlooks much that a publisher must not do.

use serde_json::Value;

use crate::identity::base64url;
use crate::identity::json::quoted;
use crate::identity::judged::{Judged, Outcome};
use crate::identity::jwks::set::{self, KeySetError};

/// One thing that is wrong, and with which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFault {
    /// Place in the array `keys`, from 0; none where the whole set is meant.
    pub index: Option<usize>,
    pub problem: KeyProblem,
}

impl std::fmt::Display for KeyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.index {
            Some(index) => write!(f, "keys[{index}] {}", self.problem),
            None => self.problem.fmt(f),
        }
    }
}

/// What is wrong with a key or a set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// JWK-001.
    #[error("the answer's status is {0} instead of 200")]
    Status(u16),
    /// JWK-007.
    #[error("the answer's media type is `{0}`")]
    MediaType(String),
    /// JWK-014 and JWK-002.
    #[error("{0}")]
    Set(KeySetError),
    /// JWK-003.
    #[error("is no JSON object")]
    NotAnObject,
    /// JWK-003: `kty` and the key's own parameters; JWK-018: `alg` and `use`.
    #[error("has no `{0}` that is a string")]
    Missing(&'static str),
    /// JWK-004.
    #[error("repeats the kid `{0}`")]
    RepeatedKid(String),
    /// JWK-005.
    #[error("holds the private or symmetric member `{0}`")]
    Private(&'static str),
    /// JWK-006: not canonical base64url without padding.
    #[error("has a `{0}` that is no base64url without padding")]
    Spelling(&'static str),
    /// JWK-006: leading zero bytes, or none at all.
    #[error("has a `{0}` that is not the shortest big-endian form")]
    NotMinimal(&'static str),
    /// JWT-017: an RSA modulus has at least 2048 bits.
    #[error("has a modulus of {0} bits, less than 2048")]
    ModulusShort(usize),
    /// JWK-006: an RSA exponent is odd and greater than 1.
    #[error("has an exponent that is even or 1")]
    Exponent,
}

type Rule = fn(&Value) -> Vec<KeyProblem>;

/// Judges an answer: one row each for JWK-001, JWK-007, JWK-014, JWK-002 to JWK-006
/// and JWT-017.
///
/// A row lists all keys that break it. Where the body is no key set the rows about keys are
/// undecided. `kid` is not demanded here; a token that names an unknown one is (JWT-005).
pub fn examine(status: u16, content_type: Option<&str>, body: &[u8]) -> Vec<Judged<Vec<KeyFault>>> {
    let refused = (status != 200).then_some(KeyProblem::Status(status));
    let mut rows = vec![Judged::new("JWK-001", whole(refused))];
    if status == 200 {
        rows.push(Judged::new("JWK-007", whole(media_type(content_type))));
        rows.extend(set_rows(body));
    } else {
        rows.extend(ANSWER_ROWS.map(|id| Judged::new(id, Outcome::Undecided("JWK-001"))));
    }
    rows
}

const ANSWER_ROWS: [&str; 9] = [
    "JWK-007", "JWK-014", "JWK-002", "JWK-003", "JWK-018", "JWK-004", "JWK-005", "JWK-006",
    "JWT-017",
];

/// JWK-007; RFC 7517 §8.5.1.
fn media_type(content_type: Option<&str>) -> Option<KeyProblem> {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let known = ["application/json", "application/jwk-set+json"];
    let fits = known.iter().any(|known| known.eq_ignore_ascii_case(essence));
    (!fits).then(|| KeyProblem::MediaType(quoted(essence)))
}

fn set_rows(body: &[u8]) -> Vec<Judged<Vec<KeyFault>>> {
    let entries = set::entries(body);
    let (size, schema) = match &entries {
        Ok(_) => (Outcome::Holds, Outcome::Holds),
        Err(error @ KeySetError::TooLarge { .. }) => {
            (whole(Some(KeyProblem::Set(*error))), Outcome::Undecided("JWK-014"))
        }
        Err(error) => (Outcome::Holds, whole(Some(KeyProblem::Set(*error)))),
    };
    let hidden = if size == Outcome::Holds { "JWK-002" } else { "JWK-014" };
    let mut rows = vec![Judged::new("JWK-014", size), Judged::new("JWK-002", schema)];
    match entries {
        Ok(entries) => rows.extend(keys(&entries)),
        Err(_) => rows.extend(
            ["JWK-003", "JWK-018", "JWK-004", "JWK-005", "JWK-006", "JWT-017"]
                .map(|id| Judged::new(id, Outcome::Undecided(hidden))),
        ),
    }
    rows
}

fn keys(entries: &[Value]) -> [Judged<Vec<KeyFault>>; 6] {
    let each = |rule: Rule| -> Vec<KeyFault> {
        let faults = |(index, entry)| {
            rule(entry).into_iter().map(move |problem| KeyFault { index: Some(index), problem })
        };
        entries.iter().enumerate().flat_map(faults).collect()
    };
    [
        Judged::new("JWK-003", graded(each(parameters), vec![])),
        Judged::new("JWK-018", graded(vec![], each(declarations))),
        Judged::new("JWK-004", graded(repeated_kids(entries), vec![])),
        Judged::new("JWK-005", graded(each(private_members), vec![])),
        Judged::new("JWK-006", graded(each(numbers), vec![])),
        Judged::new("JWT-017", graded(each(short_modulus), vec![])),
    ]
}

fn graded(broken: Vec<KeyFault>, warns: Vec<KeyFault>) -> Outcome<Vec<KeyFault>> {
    match (broken.is_empty(), warns.is_empty()) {
        (true, true) => Outcome::Holds,
        (true, false) => Outcome::Warns(warns),
        (false, _) => Outcome::Broken(broken),
    }
}

/// The outcome of a rule about the set as a whole.
fn whole(problem: Option<KeyProblem>) -> Outcome<Vec<KeyFault>> {
    problem
        .map_or(Outcome::Holds, |problem| Outcome::Broken(vec![KeyFault { index: None, problem }]))
}

/// A key for something else than signatures says so in `use`.
fn signs(entry: &Value) -> bool {
    entry.get("use").and_then(Value::as_str).is_none_or(|usage| usage == "sig")
}

/// JWK-003; RFC 7517 §4.1 and RFC 7518 §6.2.1, §6.3.1.
fn parameters(entry: &Value) -> Vec<KeyProblem> {
    if !entry.is_object() {
        return vec![KeyProblem::NotAnObject];
    }
    let needed: &[&'static str] = match entry.get("kty").and_then(Value::as_str) {
        None => &["kty"],
        Some("RSA") => &["n", "e"],
        Some("EC") => &["crv", "x", "y"],
        Some(_) => &[],
    };
    if signs(entry) { missing(entry, needed) } else { vec![] }
}

/// JWK-018, which only warns: only Meta's sample shows these two (TF §1.3.1).
fn declarations(entry: &Value) -> Vec<KeyProblem> {
    if signs(entry) { missing(entry, &["alg", "use"]) } else { vec![] }
}

fn missing(entry: &Value, names: &[&'static str]) -> Vec<KeyProblem> {
    let absent = |name: &&&'static str| !entry.get(**name).is_some_and(Value::is_string);
    names.iter().filter(absent).map(|name| KeyProblem::Missing(name)).collect()
}

/// JWK-004; RFC 7517 §4.5.
fn repeated_kids(entries: &[Value]) -> Vec<KeyFault> {
    let mut seen = std::collections::HashSet::new();
    let repeats = |(index, entry): (usize, &Value)| {
        let kid = entry.get("kid")?.as_str()?.to_owned();
        let problem = KeyProblem::RepeatedKid(quoted(&kid));
        (!seen.insert(kid)).then_some(KeyFault { index: Some(index), problem })
    };
    entries.iter().enumerate().filter_map(repeats).collect()
}

/// JWK-005; RFC 7517 §9.2: private members of RSA, EC and OKP keys, and all of `oct`.
fn private_members(entry: &Value) -> Vec<KeyProblem> {
    let mut found: Vec<&'static str> = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
        .into_iter()
        .filter(|name| entry.get(name).is_some())
        .collect();
    if found.is_empty() && entry.get("kty").and_then(Value::as_str) == Some("oct") {
        found.push("kty");
    }
    found.into_iter().map(KeyProblem::Private).collect()
}

/// JWK-006; RFC 7518 §2 (Base64urlUInt) and §6.3.1; absent numbers are JWK-003's matter.
fn numbers(entry: &Value) -> Vec<KeyProblem> {
    if entry.get("kty").and_then(Value::as_str) != Some("RSA") {
        return vec![];
    }
    ["n", "e"].into_iter().filter_map(|name| number(name, entry.get(name)?.as_str()?)).collect()
}

/// JWT-017; RFC 7518 §3.3, §3.5: whoever has the set may get a token of any signing key in it.
fn short_modulus(entry: &Value) -> Vec<KeyProblem> {
    let key = set::PublicKey::read(entry).filter(|_| signs(entry));
    let bits = key.and_then(|key| key.modulus_bits()).filter(|bits| *bits < RSA_BITS_MIN);
    bits.map(KeyProblem::ModulusShort).into_iter().collect()
}

const RSA_BITS_MIN: usize = 2048;

fn number(name: &'static str, text: &str) -> Option<KeyProblem> {
    let Ok(bytes) = base64url::decode(text) else {
        return Some(KeyProblem::Spelling(name));
    };
    if bytes.first().is_none_or(|first| *first == 0) {
        return Some(KeyProblem::NotMinimal(name));
    }
    let odd = bytes.last().is_some_and(|last| last % 2 == 1);
    (name == "e" && (!odd || bytes == [1])).then_some(KeyProblem::Exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::jwks::KeySet;
    use crate::identity::test_keys;
    use crate::limits::JWKS_BYTES_MAX;
    use serde_json::json;

    fn outcome(body: &Value, requirement: &str) -> Outcome<Vec<KeyFault>> {
        outcome_of(body.to_string().as_bytes(), requirement)
    }

    fn outcome_of(body: &[u8], requirement: &str) -> Outcome<Vec<KeyFault>> {
        let mut rows = examine(200, Some("application/json"), body).into_iter();
        rows.find(|row| row.requirement == requirement).unwrap().outcome
    }

    fn key(change: Value) -> Value {
        let mut key = test_keys::partner().public().to_json();
        for (name, value) in change.as_object().unwrap() {
            key[name] = value.clone();
        }
        key.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        json!({ "keys": [key] })
    }

    fn broken(index: usize, problem: KeyProblem) -> Outcome<Vec<KeyFault>> {
        Outcome::Broken(vec![KeyFault { index: Some(index), problem }])
    }

    #[test]
    fn our_own_set_breaks_nothing() {
        let set = KeySet::of([test_keys::partner().public(), test_keys::meta().public()]);
        let body = set.to_json().to_string();
        let rows = examine(200, Some("application/jwk-set+json; charset=utf-8"), body.as_bytes());
        assert_eq!(rows.len(), 10);
        for row in rows {
            assert_eq!(row.outcome, Outcome::Holds, "{}", row.requirement);
        }
    }

    #[test]
    fn status_and_media_type_are_rows_of_their_own() {
        let rows = examine(404, None, b"");
        assert_eq!(rows[0].broken().unwrap()[0].problem, KeyProblem::Status(404));
        assert!(rows[1..].iter().all(|row| row.outcome == Outcome::Undecided("JWK-001")));
        for other in [None, Some("text/html"), Some("application/jsonp")] {
            assert!(examine(200, other, b"{}")[1].broken().is_some(), "{other:?}");
        }
    }

    #[test]
    fn a_body_that_is_no_set_leaves_the_keys_undecided() {
        for body in [&b"oops"[..], b"{}", b"[1]", br#"{"keys":1}"#] {
            assert!(matches!(outcome_of(body, "JWK-002"), Outcome::Broken(_)));
            assert_eq!(outcome_of(body, "JWK-005"), Outcome::Undecided("JWK-002"));
        }
        let large = vec![b' '; JWKS_BYTES_MAX + 1];
        assert!(matches!(outcome_of(&large, "JWK-014"), Outcome::Broken(_)));
        assert_eq!(outcome_of(&large, "JWK-002"), Outcome::Undecided("JWK-014"));
    }

    #[test]
    fn missing_parameters_fail_and_missing_declarations_warn() {
        let missing = |name| broken(0, KeyProblem::Missing(name));
        assert_eq!(outcome(&key(json!({"kty": null})), "JWK-003"), missing("kty"));
        assert_eq!(outcome(&key(json!({"n": null})), "JWK-003"), missing("n"));
        assert_eq!(outcome(&key(json!({"e": 65537})), "JWK-003"), missing("e"));
        assert_eq!(outcome(&key(json!({"kid": null})), "JWK-003"), Outcome::Holds);
        let bare = key(json!({"alg": null, "use": null}));
        assert_eq!(outcome(&bare, "JWK-003"), Outcome::Holds);
        let warned = outcome(&bare, "JWK-018");
        assert!(matches!(warned, Outcome::Warns(faults) if faults.len() == 2));
        assert_eq!(outcome(&json!({"keys": [1]}), "JWK-003"), broken(0, KeyProblem::NotAnObject));
        let encryption = json!({"keys": [{"kty": "RSA", "use": "enc"}]});
        assert_eq!(outcome(&encryption, "JWK-003"), Outcome::Holds);
    }

    #[test]
    fn a_repeated_kid_names_the_later_key() {
        let set = json!({"keys": [{"kid": "a"}, {"kid": "b"}, {"kid": "a"}, {}, {}]});
        let problem = KeyProblem::RepeatedKid("a".to_owned());
        assert_eq!(outcome(&set, "JWK-004"), broken(2, problem));
    }

    #[test]
    fn private_and_symmetric_members_are_found_in_any_key() {
        for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            let found = outcome(&key(json!({ name: "AA" })), "JWK-005");
            assert_eq!(found, broken(0, KeyProblem::Private(name)));
        }
        let set = json!({"keys": [{"kty": "OKP", "d": "AA"}, {"kty": "oct"}]});
        assert!(matches!(outcome(&set, "JWK-005"), Outcome::Broken(faults) if faults.len() == 2));
    }

    #[test]
    fn numbers_are_in_their_shortest_spelling() {
        let fault = |change| outcome(&key(change), "JWK-006");
        assert_eq!(fault(json!({"e": "AQAB=="})), broken(0, KeyProblem::Spelling("e")));
        assert_eq!(fault(json!({"e": "AAEAAQ"})), broken(0, KeyProblem::NotMinimal("e")));
        assert_eq!(fault(json!({"n": ""})), broken(0, KeyProblem::NotMinimal("n")));
        assert_eq!(fault(json!({"n": "+/8"})), broken(0, KeyProblem::Spelling("n")));
        assert_eq!(fault(json!({"e": "AQ"})), broken(0, KeyProblem::Exponent));
        assert_eq!(fault(json!({"e": "AQAA"})), broken(0, KeyProblem::Exponent));
        assert_eq!(fault(json!({"e": "Aw"})), Outcome::Holds);
        let padded = fault(json!({"e": "AQAB=="}));
        let Outcome::Broken(faults) = padded else { panic!("broken") };
        assert_eq!(faults[0].to_string(), "keys[0] has a `e` that is no base64url without padding");
    }
}
