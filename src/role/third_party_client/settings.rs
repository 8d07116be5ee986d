//! What a third party knows of Meta's side: addresses, the trust anchor, and the profile's values.
//!
//! Main types: [`Settings`], and [`Values`] for what Meta does not publish. A value that was not
//! handed over, or is null, is that of the embedded profile, so that the reference speaks without
//! an overlay what the harness expects without one.

use std::sync::LazyLock;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::limits::PREKEY_BATCH_MAX;
use crate::noise::{Dialect, Pattern};
use crate::proto::login::client_payload::Product;
use crate::role::signal::Signal;
use crate::seed::Seed;
use crate::spec::Profile;

/// The profile that fills the gaps.
const DEFAULT_PROFILE: &str = "whatsapp-1.0.3";

/// The client-visible values of a profile.
#[derive(Clone, Debug)]
pub struct Values {
    given: Map<String, Value>,
    default: &'static Profile,
}

impl Values {
    /// Takes over what `configure` handed over; anything but an object is as nothing.
    pub fn new(given: Option<&Value>) -> Self {
        let given = given.and_then(Value::as_object).cloned().unwrap_or_default();
        static DEFAULT: LazyLock<Profile> =
            LazyLock::new(|| Profile::builtin(DEFAULT_PROFILE).expect("this profile is embedded"));
        Self { given, default: &DEFAULT }
    }

    fn value(&self, key: &str) -> &Value {
        let given = self.given.get(key).filter(|value| !value.is_null());
        given.unwrap_or_else(|| &self.default.value(key).value)
    }

    /// A text; empty where nobody knows it.
    pub fn text(&self, key: &str) -> &str {
        self.value(key).as_str().unwrap_or_default()
    }

    /// A whole number; 0 where nobody knows it.
    pub fn int(&self, key: &str) -> u64 {
        self.value(key).as_u64().unwrap_or_default()
    }

    /// A length from the profile, at most what this machine can count.
    pub fn size(&self, key: &str) -> usize {
        usize::try_from(self.int(key)).unwrap_or(usize::MAX)
    }

    /// A code that is a number or a word.
    pub fn code(&self, key: &str) -> String {
        match self.value(key) {
            Value::String(word) => word.clone(),
            number => number.to_string(),
        }
    }
}

/// Everything that the clients of one instance have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    pub seed: Seed,
    /// The connection header, which is the Noise prologue.
    pub prologue: [u8; 4],
    pub dialect: Dialect,
    /// The patterns that the profile lists.
    pub patterns: Vec<Pattern>,
    /// The key that must stand behind the server's certificates.
    pub root: [u8; 32],
    pub handshake_wait: Duration,
    pub enlistment_url: String,
    /// Meta's media host; empty where nobody said where it is.
    pub media_url: String,
    pub product: Product,
    /// The id under which Meta registered the third party.
    pub integrator: u16,
    pub signal: Signal,
    /// One-time prekeys in one upload.
    pub upload_batch: usize,
    pub values: Values,
    /// There is a folder to keep the state in.
    pub durable: bool,
}

/// Why an instance cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("`instance.{0}` is missing")]
    Missing(&'static str),
    #[error("`instance.{0}` is not usable: {1}")]
    Unusable(&'static str, String),
}

impl Settings {
    /// Reads the `instance` of `configure`.
    ///
    /// # Errors
    /// The root key, the enlistment URL or a value of the profile is missing or not usable.
    pub fn read(seed: Seed, instance: &Value) -> Result<Self, SettingsError> {
        let values = Values::new(instance.get("profile"));
        let text = |name| {
            let value = instance.get(name).and_then(Value::as_str);
            value.ok_or(SettingsError::Missing(name))
        };
        let integrator = instance.pointer("/integrator/id").and_then(Value::as_u64);
        Ok(Self {
            seed,
            prologue: bytes("profile", values.text("noise.prologue_hex"))?,
            patterns: patterns(&values),
            dialect: Dialect::named(values.text("noise.dialect")),
            root: bytes("noise_root", text("noise_root")?)?,
            handshake_wait: Duration::from_secs(values.int("noise.deadline_s")),
            enlistment_url: text("enlistment_url")?.to_owned(),
            media_url: text("media_url").unwrap_or_default().to_owned(),
            product: product(&values)?,
            signal: signal(&values)?,
            durable: instance.get("state_dir").is_some_and(Value::is_string),
            integrator: integrator.and_then(|id| u16::try_from(id).ok()).unwrap_or_default(),
            upload_batch: values.size("prekeys.upload_batch").min(PREKEY_BATCH_MAX),
            values,
        })
    }
}

fn bytes<const N: usize>(name: &'static str, text: &str) -> Result<[u8; N], SettingsError> {
    let unusable = |why: String| SettingsError::Unusable(name, why);
    let bytes = hex::decode(text).map_err(|error| unusable(error.to_string()))?;
    bytes.try_into().map_err(|_| unusable(format!("`{text}` is not {N} bytes")))
}

fn patterns(values: &Values) -> Vec<Pattern> {
    let words = values.value("noise.patterns").as_array().into_iter().flatten();
    words.filter_map(|word| Pattern::named(word.as_str()?)).collect()
}

fn product(values: &Values) -> Result<Product, SettingsError> {
    let name = values.text("login.product");
    let unknown = || SettingsError::Unusable("profile", format!("`{name}` is no product"));
    Product::from_str_name(name).ok_or_else(unknown)
}

fn signal(values: &Values) -> Result<Signal, SettingsError> {
    let version = values.int("signal.version");
    let kem_element = Some(values.text("prekeys.kem_element")).filter(|name| !name.is_empty());
    match u8::try_from(version) {
        Ok(version @ 3..=4) => Ok(Signal { version, kem_element: kem_element.map(str::to_owned) }),
        _ => {
            let why = format!("version {version} of the Signal Protocol is not spoken here");
            Err(SettingsError::Unusable("profile", why))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn instance(profile: Value) -> Value {
        json!({"noise_root": "0f".repeat(32), "enlistment_url": "http://h/e",
            "integrator": {"id": 12}, "profile": profile})
    }

    #[test]
    fn what_is_not_handed_over_is_that_of_the_embedded_profile() {
        let settings = Settings::read(Seed(1), &instance(json!({"login.product": null}))).unwrap();
        assert_eq!(settings.prologue, [0x57, 0x41, 6, 3]);
        assert_eq!((settings.dialect, settings.product), (Dialect::Meta, Product::Interop));
        assert_eq!(settings.patterns, [Pattern::Xx]);
        assert_eq!((settings.root, settings.integrator), ([15; 32], 12));
        assert_eq!(settings.values.size("prekeys.upload_batch"), 50);
        assert_eq!(settings.values.code("failure.unauthenticated"), "401");
        assert_eq!(settings.values.code("failure.replaced"), "replaced");
    }

    #[test]
    fn what_is_handed_over_counts() {
        let profile = json!({"noise.prologue_hex": "57410503", "noise.dialect": "standard",
            "noise.patterns": ["XX", "IK"],
            "login.product": "INTEROP_MSGR", "noise.deadline_s": 3});
        let settings = Settings::read(Seed(1), &instance(profile)).unwrap();
        assert_eq!(settings.prologue, [0x57, 0x41, 5, 3]);
        assert_eq!((settings.dialect, settings.product), (Dialect::Standard, Product::InteropMsgr));
        assert_eq!(settings.patterns, [Pattern::Xx, Pattern::Ik]);
        assert_eq!(settings.handshake_wait, Duration::from_secs(3));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let error = |instance: Value| Settings::read(Seed(1), &instance).unwrap_err().to_string();
        assert_eq!(error(json!({})), "`instance.noise_root` is missing");
        assert_eq!(
            error(json!({"noise_root": "0f", "enlistment_url": "u"})),
            "`instance.noise_root` is not usable: `0f` is not 32 bytes"
        );
        let product = instance(json!({"login.product": "PAGER"}));
        assert_eq!(error(product), "`instance.profile` is not usable: `PAGER` is no product");
        assert_eq!(
            error(instance(json!({"signal.version": 5}))),
            "`instance.profile` is not usable: version 5 of the Signal Protocol is not spoken here"
        );
    }
}
