//! NOI-007: what a first handshake message shows to anybody on the path.
//!
//! Only the role sees the bytes, so it records what it recognised and where (`interfaces.md` §11).
//! An IK's login is encrypted and shows nothing.

use super::{Check, Observed, View};
use crate::evidence::Event;

pub struct EarlyData;

impl Check for EarlyData {
    fn id(&self) -> &'static str {
        "early-data"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["NOI-007"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let first = view.transcript.entries().iter().filter_map(|entry| match &entry.event {
            Event::Handshake { message: 1, in_clear, .. } => Some((entry, in_clear)),
            _ => None,
        });
        let observed = first.map(|(entry, in_clear)| {
            let actual = match in_clear.is_empty() {
                true => "nothing of the user".to_owned(),
                false => in_clear.join(", "),
            };
            let expected = "no token and no identifier in the first handshake message";
            Observed::new("NOI-007", in_clear.is_empty(), expected, actual, entry)
        });
        observed.collect()
    }
}
