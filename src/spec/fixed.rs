//! Values that a profile states and that no overlay can change, since they are built in elsewhere.
//!
//! Main function: [`refuse`]. An overlay that states another value would be believed and change
//! nothing, so it is refused with the reason. Values that need each other are looked at here too.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::problems::Problems;
use super::profile::ProfileValue;
use super::yaml::Yaml;

type Values = BTreeMap<String, ProfileValue>;

/// A key whose value follows from something that is not the profile's.
struct Fixed {
    key: &'static str,
    value: fn(version: i64) -> Json,
    why: &'static str,
}

/// Every such key.
const ALL: &[Fixed] = &[
    Fixed {
        key: "signal.prefix_byte",
        value: |_| json!(5),
        why: "Signal's library writes that byte before each key, and nothing else is spoken here",
    },
    Fixed {
        key: "signal.kdf_info",
        value: |version| match version {
            4 => json!("WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024"),
            _ => json!("WhisperText"),
        },
        why: "the text stands in Signal's library, for each version of its messages",
    },
    Fixed {
        key: "signal.mac_order",
        value: |_| json!("sender-first"),
        why: "Signal's library puts the sender's identity key first, and nothing else is spoken here",
    },
];

/// The keys that no overlay can change.
#[cfg(test)]
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|fixed| fixed.key)
}

/// Why no overlay can change a value, if so.
pub fn why(key: &str) -> Option<&'static str> {
    ALL.iter().find(|fixed| fixed.key == key).map(|fixed| fixed.why)
}

/// Adds an error for each value that would change nothing, or that another one needs.
pub(super) fn refuse(problems: &mut Problems, tree: &Yaml, values: &Values) {
    let of = |key: &str| values.get(key).map_or(&Json::Null, |value| &value.value);
    let version = of("signal.version").as_i64().unwrap_or(3);
    for fixed in ALL {
        let wanted = (fixed.value)(version);
        if *of(fixed.key) != wanted {
            let message = format!("`{}` can only be {wanted}", fixed.key);
            problems.advise(tree.place(&format!("values/{}", fixed.key)), message, fixed.why);
        }
    }
    if of("login.authenticated_by") == "token" && of("login.token").is_null() {
        let message = "`login.token` is needed where `login.authenticated_by` is a token";
        let help = "without it no token can be found in a login, and every login is refused";
        problems.advise(tree.place("values/login.token"), message, help);
    }
}
