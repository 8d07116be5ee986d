//! What a Meta client says beside plain text: replies, reactions, revocations, kinds of tomorrow.
//!
//! Main type: [`Said`], the value of `content` in a `send`. It says what is meant; the bytes are made
//! by the role that sends it. The keys of each kind stand in `shape`, so that reader and schema take
//! them from one list.

use std::collections::BTreeMap;

use super::parse::{fields, read_template};
use super::shape::{self, Shape};
use super::template::{Scope, Template, TemplateError};
use super::words::words;
use crate::spec::problems::{Problems, listed};
use crate::spec::yaml::Yaml;

words! {
    /// The kinds of content beside text.
    SaidKind {
        /// A text that answers another message.
        Reply = "reply",
        /// A reaction to a message; an empty emoji takes it back.
        Reaction = "reaction",
        /// An earlier message is taken back.
        Revoke = "revoke",
        /// A text with a link, and with the preview that the sender made of it.
        Link = "link",
        /// A kind that is no text.
        Other = "other",
        /// What only a user's own devices send to each other.
        OwnDevices = "own_devices",
    }
}

/// One content with its values.
#[derive(Clone, Debug)]
pub struct Said {
    pub kind: SaidKind,
    pub fields: Vec<(String, Template)>,
}

impl Said {
    /// Fills in the values.
    ///
    /// # Errors
    /// A reference has no value.
    pub fn render(&self, scope: &dyn Scope) -> Result<BTreeMap<String, String>, TemplateError> {
        let render = |(name, template): &(String, Template)| {
            template.render(scope).map(|text| (name.clone(), text))
        };
        self.fields.iter().map(render).collect()
    }

    /// A text in it that its receiver shows.
    pub fn text(&self) -> Option<&Template> {
        let shows = matches!(self.kind, SaidKind::Reply | SaidKind::Link);
        let text = self.fields.iter().find(|(name, _)| name == "text");
        text.filter(|_| shows).map(|(_, template)| template)
    }
}

impl SaidKind {
    fn shape(self) -> &'static Shape {
        match self {
            Self::Reply => &shape::REPLY,
            Self::Reaction => &shape::REACTION,
            Self::Revoke => &shape::REVOKE,
            Self::Link => &shape::LINK,
            Self::Other => &shape::OTHER,
            Self::OwnDevices => &shape::OWN_DEVICES,
        }
    }
}

/// Reads the value of `content`.
pub(super) fn read(problems: &mut Problems, node: &Yaml) -> Option<Said> {
    let map = fields(problems, node, &shape::CONTENT)?;
    let mut present = map.iter().filter_map(|entry| {
        SaidKind::ALL.iter().find(|(_, word)| *word == entry.key).map(|(kind, _)| (*kind, entry))
    });
    let Some((kind, entry)) = present.next() else {
        let help = listed("one of", &shape::CONTENT.known());
        problems.advise(node.anchor(), "`content` does not say what is sent", help);
        return None;
    };
    if let Some((_, second)) = present.next() {
        problems.add(second.key_span, "`content` has one key, this is a second one");
    }
    let known = fields(problems, &entry.value, kind.shape())?;
    let read = |key: &shape::KeySpec| {
        let node = known.get(key.name)?;
        Some((key.name, node))
    };
    let given: Vec<_> = kind.shape().keys.iter().filter_map(read).collect();
    let mut fields = Vec::new();
    for (name, node) in given {
        fields.push((name.to_owned(), read_template(problems, node, "a field")?));
    }
    Some(Said { kind, fields })
}
