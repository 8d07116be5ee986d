//! STZ-003: every frame of an established channel is one stanza.

use super::{Check, Observed, View};
use crate::evidence::{Direction, Event};

pub struct StanzaCodec;

impl Check for StanzaCodec {
    fn id(&self) -> &'static str {
        "stanza-codec"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["STZ-003"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let expected = "one well-formed stanza";
        let frames = view.entries().filter_map(|entry| match &entry.event {
            Event::Stanza { direction: Direction::Received, xml, .. } => {
                Some(Observed::new("STZ-003", true, expected, xml.clone(), entry))
            }
            Event::Undecodable { offset, rule, .. } => {
                let actual = format!("{rule} (byte {offset})");
                Some(Observed::new("STZ-003", false, expected, actual, entry))
            }
            _ => None,
        });
        frames.collect()
    }
}
