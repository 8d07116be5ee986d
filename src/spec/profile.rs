//! The values on which harness and implementation must agree, each with what it rests on.
//!
//! Main type: [`Profile`]. A profile extends another and replaces per key, lists whole; keys come
//! from the closed list in [`key`](super::key), so that a misspelt one is an error and not a value
//! that nobody reads. Knows nothing of who asks for a value.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::basis::Basis;
use super::overlay::{load_at, read};
use super::{LoadError, id_matches};
use crate::span::Source;

/// A value with its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileValue {
    /// `null` where nobody knows: what depends on it is not testable.
    pub value: Json,
    pub basis: Basis,
    /// Document and section, or who decided.
    pub source: String,
    /// Handed to the implementation under test by `configure`.
    pub client_visible: bool,
    /// A number as text.
    pub(super) digits: Option<String>,
}

/// A complete set of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub id: String,
    /// The profile that it overlays.
    pub extends: Option<String>,
    /// Not to be changed any more; only such profiles can be certified against.
    pub frozen: bool,
    pub(super) values: BTreeMap<String, ProfileValue>,
    pub(super) rows_not_applicable: Vec<String>,
}

/// The profiles that are embedded in the binary, each after the one that it extends.
pub const BUILTIN: &[(&str, &str)] = &[
    ("whatsapp-1.0.3", include_str!("../../scenarios/profiles/whatsapp-1.0.3.yaml")),
    ("consumer", include_str!("../../scenarios/profiles/consumer.yaml")),
    ("experimental-pqxdh", include_str!("../../scenarios/profiles/experimental-pqxdh.yaml")),
];

/// Overlays that are no profiles of anybody's: each makes visible what the others leave out.
pub const OVERLAYS: &[(&str, &str)] = &[
    ("es256", include_str!("../../fixtures/profiles/es256.yaml")),
    ("media-token", include_str!("../../fixtures/profiles/media-token.yaml")),
    ("resumption", include_str!("../../fixtures/profiles/resumption.yaml")),
    ("small-media", include_str!("../../fixtures/profiles/small-media.yaml")),
    ("small-frames", include_str!("../../fixtures/profiles/small-frames.yaml")),
    ("standard-dialect", include_str!("../../fixtures/profiles/standard-dialect.yaml")),
    ("strict-transport", include_str!("../../fixtures/profiles/strict-transport.yaml")),
    ("versioned", include_str!("../../fixtures/profiles/versioned.yaml")),
];

impl Profile {
    /// The embedded test overlay of this id, laid over its profile.
    pub fn overlay(id: &str) -> Option<Profile> {
        let (name, text) = OVERLAYS.iter().find(|(name, _)| *name == id)?;
        let source = Source::new(format!("fixtures/profiles/{name}.yaml"), *text);
        Some(Profile::parse(&source).expect("a test reads the embedded overlays"))
    }

    /// The embedded profile of this id.
    pub fn builtin(id: &str) -> Option<Profile> {
        let (name, text) = BUILTIN.iter().find(|(name, _)| *name == id)?;
        let source = Source::new(format!("profiles/{name}.yaml"), *text);
        let extend = |base: &str| Ok(Profile::builtin(base));
        Some(read(&source, extend).expect("a test reads the embedded profiles"))
    }

    /// Reads a profile file. `extends` names an embedded profile, or a file beside this one.
    ///
    /// # Errors
    /// A file that cannot be read, every mistake in it, and a chain of files that is too long.
    pub fn load(path: &Path) -> Result<Profile, LoadError> {
        load_at(path, 0)
    }

    /// Reads a profile from a text that extends an embedded profile or none.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn parse(source: &Source) -> Result<Profile, LoadError> {
        read(source, |base| Ok(Profile::builtin(base)))
    }

    /// Reads again what [`Profile::to_json`] gave.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn from_json(json: &Json) -> Result<Profile, LoadError> {
        let mut json = json.clone();
        // All values are there; what was extended need not be at hand.
        let extends = json.as_object_mut().and_then(|top| top.remove("extends"));
        // JSON is YAML, so the reader of files serves here too.
        let source = Source::new("profile", json.to_string());
        let mut profile = read(&source, |_| Ok(None))?;
        profile.extends = extends.as_ref().and_then(Json::as_str).map(str::to_owned);
        Ok(profile)
    }

    /// The whole profile, in the form of a file.
    pub fn to_json(&self) -> Json {
        let values = self.values.iter().map(|(key, value)| {
            let value = json!({
                "value": value.value,
                "basis": value.basis,
                "source": value.source,
                "client_visible": value.client_visible,
            });
            (key.clone(), value)
        });
        json!({
            "id": self.id,
            "extends": self.extends,
            "frozen": self.frozen,
            "values": Json::Object(values.collect()),
            "rows": { "not_applicable": self.rows_not_applicable },
        })
    }

    /// SHA-256 over [`Profile::to_json`] without white space, in hexadecimal.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.to_json().to_string()))
    }

    /// The embedded profile that it extends, where it extends one directly.
    pub fn base(&self) -> Option<Profile> {
        Profile::builtin(self.extends.as_deref()?)
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The value under a key; `None` for a key that does not exist.
    pub fn get(&self, key: &str) -> Option<&ProfileValue> {
        self.values.get(key)
    }

    /// What the value under a key rests on.
    pub fn basis(&self, key: &str) -> Option<Basis> {
        self.get(key).map(|value| value.basis)
    }

    /// The value under a key, with its basis.
    ///
    /// # Panics
    /// On a key that is not in [`key::ALL`](super::key::ALL); every profile has all of those. Keys that come from
    /// a file go to [`Profile::get`].
    pub fn value(&self, key: &str) -> &ProfileValue {
        self.values.get(key).unwrap_or_else(|| panic!("`{key}` is no profile key"))
    }

    /// A text, a word, bytes in hexadecimal, or a number in digits; `None` where there is none.
    pub fn text(&self, key: &str) -> Option<&str> {
        let value = self.get(key)?;
        value.value.as_str().or(value.digits.as_deref())
    }

    /// A whole number, not negative; `None` where there is none.
    pub fn int(&self, key: &str) -> Option<i64> {
        self.get(key)?.value.as_i64()
    }

    /// A list of texts; empty where there is none.
    pub fn list(&self, key: &str) -> Vec<&str> {
        let items = self.get(key).and_then(|value| value.value.as_array());
        items.into_iter().flatten().filter_map(Json::as_str).collect()
    }

    /// Every key with its value, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ProfileValue)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The patterns of rows that do not apply under this profile.
    pub fn rows_not_applicable(&self) -> &[String] {
        &self.rows_not_applicable
    }

    /// Whether a row of the catalogue does not apply under this profile.
    pub fn rules_out(&self, requirement: &str) -> bool {
        self.rows_not_applicable.iter().any(|pattern| id_matches(pattern, requirement))
    }

    /// What `configure` hands over: `{"id": …, "dotted.key": value, …}`.
    pub fn client_visible(&self) -> Json {
        let visible = self.values.iter().filter(|(_, value)| value.client_visible);
        let values = visible.map(|(key, value)| (key.clone(), value.value.clone()));
        Json::Object([("id".to_owned(), json!(self.id))].into_iter().chain(values).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::key;

    fn overlay(text: &str) -> Result<Profile, LoadError> {
        Profile::parse(&Source::new("mine.yaml", text))
    }

    #[test]
    fn the_embedded_profiles_are_complete() {
        for (id, _) in BUILTIN {
            let profile = Profile::builtin(id).unwrap();
            assert_eq!(&profile.id, id);
            assert_eq!(profile.frozen, !id.starts_with("experimental-"));
            assert!(profile.iter().count() == key::ALL.len());
        }
        assert_eq!(Profile::builtin("whatsapp"), None);
    }

    #[test]
    fn values_have_types_and_bases() {
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        assert_eq!(profile.text("noise.prologue_hex"), Some("57410603"));
        assert_eq!(profile.list("noise.patterns"), ["XX"]);
        assert_eq!(profile.int("failure.unauthenticated"), Some(401));
        assert_eq!(profile.text("failure.unauthenticated"), Some("401"));
        assert_eq!((profile.text("noise.patterns"), profile.get("x")), (None, None));
        assert_eq!(profile.text("version.login_field"), None);
        assert_eq!(profile.value("version.login_field").basis, Basis::Assumed);
        assert_eq!(profile.value("push.path").basis, Basis::Stated);
        assert_eq!(profile.basis("push.path"), Some(Basis::Stated));
        assert!(!profile.rules_out("ENL-001"));
    }

    #[test]
    fn configure_gets_the_visible_values_only() {
        let json = Profile::builtin("whatsapp-1.0.3").unwrap().client_visible();
        assert_eq!(json["id"], "whatsapp-1.0.3");
        assert_eq!(json["noise.patterns"], json!(["XX"]));
        assert_eq!(json["version.login_field"], Json::Null);
        assert!(json.get("transport.plain_http").is_none());
    }

    #[test]
    fn consumer_overlays_interop() {
        let profile = Profile::builtin("consumer").unwrap();
        assert_eq!(profile.extends.as_deref(), Some("whatsapp-1.0.3"));
        assert_eq!(profile.list("noise.patterns"), ["XX", "IK", "XXfallback"]);
        assert_eq!(profile.text("login.authenticated_by"), Some("companion"));
        assert_eq!(profile.int("signal.version"), Some(3));
        for row in ["ENL-001", "JWT-020", "PSH-015", "NOI-005", "TRN-009", "MED-015"] {
            assert!(profile.rules_out(row), "{row}");
        }
        for row in ["NOI-001", "NOI-006", "RAT-006", "TRN-011", "MED-016", "ROB-001"] {
            assert!(!profile.rules_out(row), "{row}");
        }
        assert!(profile.client_visible().get("noise.patterns").is_some(), "visibility is kept");
    }

    #[test]
    fn an_overlay_replaces_per_key_and_lists_whole() {
        let profile = overlay(
            "id: acme\nextends: consumer\nvalues:\n  noise.patterns: { value: [IK], basis: stated, source: NDA }\nrows: { not_applicable: [ENL-*] }\n",
        )
        .unwrap();
        assert_eq!(profile.list("noise.patterns"), ["IK"]);
        assert_eq!(profile.value("noise.patterns").basis, Basis::Stated);
        assert_eq!(profile.text("login.product"), Some("WHATSAPP"));
        assert_eq!(profile.rows_not_applicable(), ["ENL-*"]);
        assert!(!profile.frozen && !profile.rules_out("JWT-001"));
    }

    #[test]
    fn a_recorded_profile_is_read_again() {
        let text = "id: acme\nextends: consumer\nvalues: { push.path: { value: '/x\"\\é', basis: stated, source: 'a: \u{1f600}' } }\n";
        for profile in [overlay(text).unwrap(), Profile::builtin("whatsapp-1.0.3").unwrap()] {
            let again = Profile::from_json(&profile.to_json()).unwrap();
            assert_eq!(again, profile);
            assert_eq!(again.digest(), profile.digest());
        }
        assert!(Profile::from_json(&json!({"id": "x"})).is_err());
        assert!(Profile::from_json(&json!(null)).is_err());
        let (a, b) = (Profile::builtin("consumer").unwrap(), overlay(text).unwrap());
        assert_ne!(a.digest(), b.digest());
    }

    #[test]
    fn mistakes_are_shown_at_their_places() {
        let error = overlay(
            "id: acme\nextends: consumer\nvalues:\n  noise.patern: { value: [IK], basis: stated, source: x }\n  noise.patterns: { value: [KI], source: x }\n  push.lifetime_s: { value: 1h, basis: sated, source: x }\n  noise.prologue_hex: { value: 574, basis: stated, source: x }\nrows: { not_applicable: [ENX-*] }\n",
        );
        insta::assert_snapshot!(error.unwrap_err().to_string());
    }

    #[test]
    fn a_profile_that_extends_nothing_must_be_complete() {
        insta::assert_snapshot!(overlay("id: acme\n").unwrap_err().to_string());
        insta::assert_snapshot!(overlay("id: a\nextends: whatsap\n").unwrap_err().to_string());
    }

    #[test]
    fn files_extend_files_beside_them_and_a_circle_ends() {
        let dir = std::env::temp_dir().join(format!("counterpart-profile-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let value = "values: { push.path: { value: /wake, basis: stated, source: NDA } }\n";
        std::fs::write(dir.join("a.yaml"), format!("id: a\nextends: consumer\n{value}")).unwrap();
        std::fs::write(dir.join("b.yaml"), "id: b\nextends: a.yaml\n").unwrap();
        std::fs::write(dir.join("c.yaml"), "id: c\nextends: c.yaml\n").unwrap();
        let profile = Profile::load(&dir.join("b.yaml")).unwrap();
        assert_eq!(profile.text("push.path"), Some("/wake"));
        assert_eq!(profile.extends.as_deref(), Some("a"));
        assert!(matches!(Profile::load(&dir.join("c.yaml")), Err(LoadError::Invalid(_))));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
