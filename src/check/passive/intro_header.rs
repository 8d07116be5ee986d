//! TRN-016: a connection begins with the header of the profile, once.

use super::{Check, Observed, View};
use crate::evidence::Event;

pub struct IntroHeader;

const HEADER: &str = "noise.prologue_hex";

impl Check for IntroHeader {
    fn id(&self) -> &'static str {
        "intro-header"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["TRN-016"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let wanted = view.profile.text(HEADER).unwrap_or_default();
        let headers = view.entries().filter_map(|entry| match &entry.event {
            Event::Intro { header, .. } => Some((entry, header)),
            _ => None,
        });
        let observed = headers.map(|(entry, header)| {
            let right = header.eq_ignore_ascii_case(wanted);
            let expected = format!("the connection begins with {wanted}");
            Observed::new("TRN-016", right, expected, header.clone(), entry).resting_on(HEADER)
        });
        observed.collect()
    }
}
