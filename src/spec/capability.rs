//! What an implementation may lack: the closed set of optional capabilities and its statement, the
//! ICS (`interfaces.md` §6).
//!
//! Main types: [`Capability`] (the registry [`ALL`]) and [`Ics`]. What Meta requires of a partner
//! is no capability: lacking it fails its row. A statement comes from the driver's `hello`; the
//! user's file may only narrow it, so that nobody claims in a file what the adapter denies.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::problems::suggestion;

/// What a capability's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `true` or `false`.
    Flag,
    /// A list of whole numbers.
    Numbers,
    /// A list of some words.
    Words(&'static [&'static str]),
    /// One of some words.
    Choice(&'static [&'static str]),
}

/// One optional capability.
#[derive(Clone, Copy, Debug)]
pub struct Capability {
    pub name: &'static str,
    pub form: Form,
    pub unstated: Unstated,
    /// An operation of the driver that only serves the test, under its own name.
    pub hook: bool,
    pub doc: &'static str,
}

/// The value where `hello` says nothing.
#[derive(Clone, Copy, Debug)]
pub enum Unstated {
    Flag(bool),
    Number(u64),
    Word(&'static str),
}

const fn flag(name: &'static str, default: bool, doc: &'static str) -> Capability {
    Capability { name, form: Form::Flag, unstated: Unstated::Flag(default), hook: false, doc }
}

const fn hook(name: &'static str, doc: &'static str) -> Capability {
    Capability { name, form: Form::Flag, unstated: Unstated::Flag(false), hook: true, doc }
}

/// Every capability there is. `health` and `stop` are mandatory and therefore absent.
pub const ALL: &[Capability] = &[
    flag(
        "media.send",
        false,
        "sends files (`send_media`), or as a server stores them for its users (`upload_media`)",
    ),
    flag("groups", false, "takes part in groups"),
    Capability {
        name: "signal.versions",
        form: Form::Numbers,
        unstated: Unstated::Number(3),
        hook: false,
        doc: "message versions of the Signal Protocol that it speaks",
    },
    flag("other_protocol", false, "encrypts with another protocol that was shown equivalent"),
    Capability {
        name: "noise.patterns",
        form: Form::Words(&["XX", "IK", "XXfallback"]),
        unstated: Unstated::Word("XX"),
        hook: false,
        doc: "Noise patterns that it uses",
    },
    flag("tls", true, "makes its HTTP calls over TLS"),
    Capability {
        name: "intermediary.noise",
        form: Form::Choice(&["passthrough", "terminates"]),
        unstated: Unstated::Word("passthrough"),
        hook: false,
        doc: "whether a proxy passes the Noise channel through or starts it itself",
    },
    flag(
        "state_dir",
        false,
        "keeps its state in the folder that `configure` names, and finds it there as a new process",
    ),
    hook("reset", "forgets an account and its keys"),
    hook("restart", "stops and starts with its stored state"),
    hook("kill", "dies at once"),
    hook("clock", "moves its clock (`advance_clock`)"),
    hook("rotate_keys", "rotates its signing keys, in phases"),
    hook("set_account_state", "disables or enables an account at the third party"),
    hook("set_app_state", "goes to front or back"),
    hook("set_read_receipts", "turns the user's read receipts on or off"),
    hook("inject_wake", "lets a client believe that a push woke it"),
    hook("preset", "sets internal counters before use"),
    hook("fingerprint", "shows the fingerprint of a peer's identity"),
    hook("decode", "runs its own decoder on bytes"),
    hook("logs", "hands over its logs"),
    hook("export_session", "hands over the state of a session"),
];

/// The capability of this name.
pub fn find(name: &str) -> Option<&'static Capability> {
    ALL.iter().find(|capability| capability.name == name)
}

/// The names, for suggestions and lists.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|capability| capability.name).collect()
}

/// A capability's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CapabilityValue {
    Flag(bool),
    Numbers(Vec<u64>),
    Words(Vec<String>),
    Choice(String),
}

/// A statement that cannot be right. From `hello` it is the driver's fault, from a file the user's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IcsError {
    #[error("unknown capability `{name}`{}", .help.as_deref().map(|help| format!(": {help}")).unwrap_or_default())]
    Unknown { name: String, help: Option<String> },
    #[error("the capability `{name}` is {expected}, not {actual}")]
    WrongForm { name: &'static str, expected: String, actual: String },
    #[error(
        "the capability `{name}` may only be narrowed: the adapter says {stated}, not {claimed}"
    )]
    Widened { name: &'static str, stated: String, claimed: String },
    #[error("capabilities are an object, not {actual}")]
    NoObject { actual: String },
}

/// Implementation conformance statement: the value of every capability that is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ics {
    values: Vec<(&'static str, CapabilityValue)>,
    /// What the user's file leaves out although the adapter states it.
    narrowed: BTreeSet<&'static str>,
}

impl Default for Ics {
    /// What an implementation states by saying nothing.
    fn default() -> Self {
        let values = ALL.iter().map(|capability| (capability.name, capability.stated_by_default()));
        Self { values: values.collect(), narrowed: BTreeSet::new() }
    }
}

impl Ics {
    /// Reads `capabilities` of the driver's `hello`; keys that begin with `x-` are ignored.
    ///
    /// # Errors
    /// The first capability that is unknown or has a value of another form.
    pub fn from_hello(stated: &Value) -> Result<Self, IcsError> {
        let Value::Object(stated) = stated else {
            return Err(IcsError::NoObject { actual: stated.to_string() });
        };
        let mut ics = Self::default();
        for (capability, value) in known(stated)? {
            ics.set(capability.name, capability.read(value)?);
        }
        Ok(ics)
    }

    /// Applies `ics` of the user's file, which may only narrow.
    ///
    /// # Errors
    /// As [`Ics::from_hello`], and the first capability that would be widened.
    pub fn narrowed(mut self, narrower: &Map<String, Value>) -> Result<Self, IcsError> {
        for (capability, value) in known(narrower)? {
            let claimed = capability.read(value)?;
            let stated = self.value(capability.name);
            if !claimed.is_within(stated) {
                return Err(IcsError::Widened {
                    name: capability.name,
                    stated: stated.to_json().to_string(),
                    claimed: claimed.to_json().to_string(),
                });
            }
            if claimed != *stated {
                self.narrowed.insert(capability.name);
            }
            self.set(capability.name, claimed);
        }
        Ok(self)
    }

    /// The same with a hook that the harness carries out itself, unless the user's file leaves it
    /// out.
    #[must_use]
    pub fn granted(mut self, name: &'static str) -> Self {
        if !self.is_left_out(name) {
            self.set(name, CapabilityValue::Flag(true));
        }
        self
    }

    /// True for what the adapter states and the user's file leaves out: it is neither used nor
    /// probed.
    pub fn is_left_out(&self, name: &str) -> bool {
        self.narrowed.contains(name)
    }

    /// The value in effect.
    ///
    /// # Panics
    /// On a name that is not in [`ALL`]: names in the program are literals, and those of files are
    /// checked where they are read.
    pub fn value(&self, name: &str) -> &CapabilityValue {
        let found = self.values.iter().find(|(known, _)| *known == name);
        &found.unwrap_or_else(|| panic!("`{name}` is no capability")).1
    }

    /// Whether a flag is set, or a list not empty.
    ///
    /// # Panics
    /// As [`Ics::value`].
    pub fn has(&self, name: &str) -> bool {
        match self.value(name) {
            CapabilityValue::Flag(set) => *set,
            CapabilityValue::Numbers(list) => !list.is_empty(),
            CapabilityValue::Words(list) => !list.is_empty(),
            CapabilityValue::Choice(_) => true,
        }
    }

    /// Whether a list holds this item, or a choice is this one.
    ///
    /// # Panics
    /// As [`Ics::value`].
    pub fn includes(&self, name: &str, item: &str) -> bool {
        match self.value(name) {
            CapabilityValue::Flag(set) => item == if *set { "true" } else { "false" },
            CapabilityValue::Numbers(list) => list.iter().any(|number| number.to_string() == item),
            CapabilityValue::Words(list) => list.iter().any(|word| word == item),
            CapabilityValue::Choice(word) => word == item,
        }
    }

    /// All values, as they stand in a report.
    pub fn to_json(&self) -> Value {
        let entries = self.values.iter();
        Value::Object(entries.map(|(name, value)| ((*name).to_owned(), value.to_json())).collect())
    }

    fn set(&mut self, name: &str, value: CapabilityValue) {
        if let Some(slot) = self.values.iter_mut().find(|(known, _)| *known == name) {
            slot.1 = value;
        }
    }
}

/// Pairs each stated key with its capability, leaving out `x-` keys.
fn known(stated: &Map<String, Value>) -> Result<Vec<(&'static Capability, &Value)>, IcsError> {
    let stated = stated.iter().filter(|(name, _)| !name.starts_with("x-"));
    stated
        .map(|(name, value)| match find(name) {
            Some(capability) => Ok((capability, value)),
            None => Err(IcsError::Unknown {
                name: name.clone(),
                help: suggestion("capability", name, &names()),
            }),
        })
        .collect()
}

impl Capability {
    fn stated_by_default(&self) -> CapabilityValue {
        match (self.form, self.unstated) {
            (_, Unstated::Flag(set)) => CapabilityValue::Flag(set),
            (_, Unstated::Number(number)) => CapabilityValue::Numbers(vec![number]),
            (Form::Choice(_), Unstated::Word(word)) => CapabilityValue::Choice(word.to_owned()),
            (_, Unstated::Word(word)) => CapabilityValue::Words(vec![word.to_owned()]),
        }
    }

    fn read(&self, value: &Value) -> Result<CapabilityValue, IcsError> {
        self.try_read(value).ok_or_else(|| IcsError::WrongForm {
            name: self.name,
            expected: self.form.in_words(),
            actual: value.to_string(),
        })
    }

    fn try_read(&self, value: &Value) -> Option<CapabilityValue> {
        let word = |value: &Value, known: &[&str]| {
            value.as_str().filter(|word| known.contains(word)).map(str::to_owned)
        };
        match self.form {
            Form::Flag => value.as_bool().map(CapabilityValue::Flag),
            Form::Numbers => {
                let list = value.as_array()?.iter().map(Value::as_u64);
                list.collect::<Option<_>>().map(CapabilityValue::Numbers)
            }
            Form::Words(known) => {
                let list = value.as_array()?.iter().map(|item| word(item, known));
                list.collect::<Option<_>>().map(CapabilityValue::Words)
            }
            Form::Choice(known) => word(value, known).map(CapabilityValue::Choice),
        }
    }
}

impl Form {
    fn in_words(self) -> String {
        match self {
            Form::Flag => "true or false".to_owned(),
            Form::Numbers => "a list of whole numbers".to_owned(),
            Form::Words(known) => format!("a list of {}", known.join(", ")),
            Form::Choice(known) => format!("one of {}", known.join(", ")),
        }
    }
}

impl CapabilityValue {
    fn is_within(&self, stated: &Self) -> bool {
        match (self, stated) {
            (Self::Flag(claimed), Self::Flag(stated)) => claimed <= stated,
            (Self::Numbers(claimed), Self::Numbers(stated)) => {
                claimed.iter().all(|number| stated.contains(number))
            }
            (Self::Words(claimed), Self::Words(stated)) => {
                claimed.iter().all(|word| stated.contains(word))
            }
            (claimed, stated) => claimed == stated,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Flag(set) => json!(set),
            Self::Numbers(list) => json!(list),
            Self::Words(list) => json!(list),
            Self::Choice(word) => json!(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn silence_means_the_defaults() {
        let ics = Ics::from_hello(&json!({})).unwrap();
        assert_eq!(ics, Ics::default());
        assert!(ics.has("tls") && !ics.has("groups") && !ics.has("clock"));
        assert!(ics.includes("signal.versions", "3") && !ics.includes("signal.versions", "4"));
        assert!(ics.includes("intermediary.noise", "passthrough"));
        assert!(!ics.includes("noise.patterns", "IK"));
    }

    #[test]
    fn hello_states_and_the_file_narrows() {
        let stated = json!({"groups": true, "signal.versions": [3, 4], "x-acme": {}, "tls": true});
        let ics = Ics::from_hello(&stated).unwrap();
        assert!(ics.has("groups") && ics.includes("signal.versions", "4"));
        let narrower = object(json!({"groups": false, "signal.versions": [4], "tls": false}));
        let narrow = ics.clone().narrowed(&narrower).unwrap();
        assert!(!narrow.has("groups") && !narrow.has("tls"));
        assert!(!narrow.includes("signal.versions", "3"));
        assert_eq!(narrow.to_json()["signal.versions"], json!([4]));
        assert!(ics.narrowed(&object(json!({"media.send": true}))).is_err());
    }

    #[test]
    fn wrong_statements_say_what_is_wrong() {
        let hello = |value| Ics::from_hello(&value).unwrap_err().to_string();
        let narrowed = |value| Ics::default().narrowed(&object(value)).unwrap_err().to_string();
        let errors = [
            hello(json!({"grups": true})),
            hello(json!({"media.send": "yes"})),
            hello(json!({"signal.versions": [3, -1]})),
            hello(json!({"noise.patterns": ["NN"]})),
            hello(json!([])),
            narrowed(json!({"clock": true})),
            narrowed(json!({"signal.versions": [3, 4]})),
            narrowed(json!({"intermediary.noise": "terminates"})),
        ];
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn defaults_have_the_form_of_their_capability() {
        for capability in ALL {
            let value = capability.stated_by_default();
            assert_eq!(capability.try_read(&value.to_json()), Some(value), "{}", capability.name);
        }
    }
}
