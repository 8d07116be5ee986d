//! TRN-012: the client states the interop protocol version, where the profile says in what form.

use super::{Check, Observed, View};
use crate::evidence::Event;

pub struct StatedVersion;

const VALUE: &str = "version.value";
const ARGUMENT: &str = "version.enlist_argument";
const FIELD: &str = "version.login_field";

impl Check for StatedVersion {
    fn id(&self) -> &'static str {
        "stated-version"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["TRN-012"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        let Some(wanted) = view.profile.text(VALUE) else { return Vec::new() };
        let stated = view.entries().filter_map(|entry| match &entry.event {
            Event::Enlistment { form, .. } => Some((entry, &form.version, ARGUMENT)),
            Event::Login { facts } => Some((entry, &facts.version, FIELD)),
            _ => None,
        });
        // Where the place is not known, nothing can be missing from it.
        let stated = stated.filter(|(_, _, place)| view.profile.text(place).is_some());
        let observed = stated.map(|(entry, version, place)| {
            let right = version.as_deref() == Some(wanted);
            let name = view.profile.text(place).unwrap_or_default();
            let expected = format!("{name} with the version {wanted}");
            let actual = version.clone().unwrap_or_else(|| "no version".to_owned());
            Observed::new("TRN-012", right, expected, actual, entry).resting_on(place)
        });
        observed.collect()
    }
}
