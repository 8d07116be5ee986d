//! The quirk zoo: deliberate faults of the bundled reference, each after a real one.
//!
//! Main type: [`Quirk`]. A role asks [`Fault`]s, one variant each, so that a misspelt name does not
//! compile; people and reports say ids. A quirk is one fault and no more, because a red check must
//! be able to have one cause only (`interfaces.md` §13).

mod chat;
mod content;
mod control;
mod enlistment;
mod fault;
mod guarantee;
mod http;
mod keys;
mod media;
mod messages;
mod noise;
mod people;
mod process;
mod proxy;
mod ratchet;
mod server;
mod writing;

pub use fault::Fault;

/// What the harness has to say of a quirk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Fail,
    Warn,
    /// Legal, if odd: the run stays green and the transcript names the variant.
    Tolerated,
}

impl Expect {
    /// The word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Tolerated => "tolerated",
        }
    }
}

/// One fault with its origin and what it breaks.
#[derive(Debug)]
pub struct Quirk {
    pub id: &'static str,
    pub fault: Fault,
    pub seat: &'static str,
    /// Where it was really shipped, or `variant` for a plausible neighbour.
    pub source: &'static str,
    /// The row of the catalogue that it breaks.
    pub requirement: &'static str,
    pub expect: Expect,
    /// The profile under which it is hunted, where that of the hunt would not show it: an embedded
    /// one, or a test overlay of `fixtures/profiles/`.
    pub profile: Option<&'static str>,
    /// It shows only where an absence is waited for (`run --patient`).
    pub patient: bool,
    /// What the faulty implementation does, in one sentence.
    pub what: &'static str,
}

pub use control::{CONTROLS, Control, Demand};
impl Quirk {
    /// True for a fault that two ends can have alike and still understand each other: those of the
    /// derivation of keys and of what the MAC covers.
    pub fn is_derivation(&self) -> bool {
        matches!(
            self.fault,
            Fault::Derives(_)
                | Fault::KdfInfoHasRegistrationId
                | Fault::KdfPrefixAsSalt
                | Fault::KdfFirst32Bytes
                | Fault::KdfWithoutDh4
        )
    }

    /// The same quirk, hunted by waiting: it does by a timer what it does.
    const fn patiently(self) -> Self {
        Self { patient: true, ..self }
    }

    /// The same quirk, hunted under another profile.
    const fn under(self, profile: &'static str) -> Self {
        Self { profile: Some(profile), ..self }
    }
}

/// Finds a quirk, or a control that is the reference with a fault, by its id.
pub fn find(id: &str) -> Option<&'static Quirk> {
    all().chain(control::EXTREMES).find(|quirk| quirk.id == id)
}

const CLIENT: &str = "third-party-client";
const SERVER: &str = "third-party-server";
const PROXY: &str = "media-proxy";
const VARIANT: &str = "variant";

const fn client(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk {
        id,
        fault,
        seat: CLIENT,
        source,
        requirement,
        expect: Expect::Fail,
        profile: None,
        patient: false,
        what,
    }
}

/// A legal oddity of a client: the run stays green and names it.
const fn legal(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk { expect: Expect::Tolerated, ..client(id, fault, requirement, source, what) }
}

/// A fault of a client against a row that only recommends.
const fn should(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    recommended(client(id, fault, requirement, source, what))
}

const fn server(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk { seat: SERVER, ..client(id, fault, requirement, source, what) }
}

/// A fault of a media proxy that is under test.
const fn proxy(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk { seat: PROXY, ..client(id, fault, requirement, source, what) }
}

/// The same fault, against a row that only recommends.
const fn recommended(quirk: Quirk) -> Quirk {
    Quirk { expect: Expect::Warn, ..quirk }
}

/// A fault of a server against a row, or a half of one, that only recommends.
const fn should_server(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    recommended(server(id, fault, requirement, source, what))
}

/// Something of a server that a row leaves open: the run stays green, and the case tells it.
const fn may_server(
    id: &'static str,
    fault: Fault,
    requirement: &'static str,
    source: &'static str,
    what: &'static str,
) -> Quirk {
    Quirk { expect: Expect::Tolerated, ..server(id, fault, requirement, source, what) }
}

/// Every quirk, by area.
pub fn all() -> impl Iterator<Item = &'static Quirk> {
    [
        enlistment::ALL,
        noise::ALL,
        chat::ALL,
        writing::ALL,
        keys::ALL,
        media::ALL,
        proxy::ALL,
        messages::ALL,
        ratchet::ALL,
        content::ALL,
        guarantee::ALL,
        people::ALL,
        process::ALL,
        server::ALL,
        http::ALL,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_faults_are_there_once() {
        let ids: BTreeSet<_> = all().map(|quirk| quirk.id).collect();
        let faults: std::collections::HashSet<_> = all().map(|quirk| quirk.fault).collect();
        assert_eq!((ids.len(), faults.len()), (all().count(), all().count()));
        for quirk in all() {
            assert!(std::ptr::eq(find(quirk.id).unwrap(), quirk));
            assert!(
                quirk
                    .id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            assert!(quirk.what.ends_with('.'), "{}", quirk.id);
        }
        assert!(find("no-such-quirk").is_none());
    }

    #[test]
    fn every_quirk_breaks_a_row_of_the_catalogue() {
        let catalogue = crate::spec::Catalogue::builtin();
        for quirk in all() {
            let row = catalogue.get(quirk.requirement);
            assert!(row.is_some(), "{} breaks {}", quirk.id, quirk.requirement);
        }
    }

    #[test]
    fn every_profile_that_a_quirk_names_is_embedded() {
        use crate::spec::Profile;
        for id in all().filter_map(|quirk| quirk.profile) {
            assert!(Profile::builtin(id).or_else(|| Profile::overlay(id)).is_some(), "{id}");
        }
    }

    #[test]
    fn every_test_overlay_can_be_read() {
        for (id, _) in crate::spec::profile::OVERLAYS {
            let overlay = crate::spec::Profile::overlay(id).unwrap();
            assert_eq!(overlay.id(), *id);
            let base = overlay.base().unwrap();
            assert!(overlay.iter().any(|(key, value)| base.get(key) != Some(value)), "{id}");
        }
    }
}
