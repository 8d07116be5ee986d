//! What a scenario needs of the profile: values that are known, and a limit that can be exceeded.
//!
//! Main function: [`missing`]. What nobody knows is no failure of the subject; the scenario is not
//! testable then, and the scope says so (`interfaces.md` §1).

use super::faulty::frame_bytes_max;
use crate::limits::FRAME_BYTES_MAX;
use crate::scenario::{Action, FaultKind, Length, Mutation, Payload, Scenario, Step, TokenFault};
use crate::spec::Profile;

/// Why a scenario says nothing under a profile, if it does not.
pub(super) fn missing(scenario: &Scenario, profile: &Profile) -> Option<String> {
    if let Some(key) = unknown_value(scenario, profile) {
        return Some(format!("the profile {} does not know `{key}`", profile.id()));
    }
    if needs_es256(scenario) && profile.text("push.algorithm") != Some("ES256") {
        return Some(format!("under the profile {} no push token is of ES256", profile.id()));
    }
    let quantum = profile.int("signal.version").is_some_and(|version| version >= 4);
    if wants_kem(scenario) && !quantum {
        return Some(format!("under the profile {} there are no KEM prekeys", profile.id()));
    }
    if let Some(most) = profile.int("signal.skipped_max")
        && leaves_out(scenario) > most.unsigned_abs()
    {
        return Some(format!("the profile {} lets a chain lack {most} messages", profile.id()));
    }
    // `interfaces.md` §7: healing is counted in version 3.
    let steals = |step: &Step| matches!(step.action, Action::Compromise(_));
    if quantum && scenario.steps.iter().any(steals) {
        return Some("what a thief of keys of PQXDH reads is not computed".to_owned());
    }
    let idle = announces_too_long(scenario) && frame_bytes_max(profile) >= FRAME_BYTES_MAX;
    idle.then(|| {
        format!("under `limits.frame_bytes` of the profile {} no frame is too long", profile.id())
    })
}

/// A value that the steps name and that the profile leaves open.
fn unknown_value(scenario: &Scenario, profile: &Profile) -> Option<String> {
    let named = scenario.steps.iter().flat_map(Step::references);
    let mut keys = named.filter_map(|path| path.strip_prefix("profile.").map(str::to_owned));
    keys.find(|key| profile.get(key).is_some_and(|value| value.value.is_null()))
}

/// JWT-018 is about ES256 alone.
fn needs_es256(scenario: &Scenario) -> bool {
    scenario.steps.iter().any(|step| match &step.action {
        Action::Send(send) => matches!(
            send.mutate,
            Some(Mutation::PushToken(
                TokenFault::ZeroSignature
                    | TokenFault::ZeroSignatureInDer
                    | TokenFault::SignatureInDer
            ))
        ),
        _ => false,
    })
}

/// PQXDH alone has KEM prekeys.
fn wants_kem(scenario: &Scenario) -> bool {
    scenario.steps.iter().any(|step| match &step.action {
        Action::Act(act) => {
            matches!(act.mutate, Some(Mutation::Bundle(fault)) if fault.is_about_kem())
        }
        _ => false,
    })
}

/// The most messages that one chain is to lack.
fn leaves_out(scenario: &Scenario) -> u64 {
    let unsent = |step: &Step| match &step.action {
        Action::Send(send) => match send.payload {
            Payload::Unsent(count) => u64::from(count),
            _ => 0,
        },
        _ => 0,
    };
    scenario.steps.iter().map(unsent).max().unwrap_or_default()
}

fn announces_too_long(scenario: &Scenario) -> bool {
    scenario.steps.iter().any(|step| match &step.action {
        Action::Fault(fault) => fault.kind == FaultKind::Announce(Length::TooLong),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::library::Library;
    use crate::scenario::{expand, parse};

    fn bundled(id: &str) -> Vec<Scenario> {
        let library = Library::builtin();
        let (_, source) = library.iter().find(|(known, _)| *known == id).unwrap();
        let cases = expand(&parse(id, source).unwrap()).unwrap();
        cases.iter().map(|case| Scenario::clone(&case.scenario)).collect()
    }

    fn open(id: &str, profile: &Profile) -> Vec<bool> {
        bundled(id).iter().map(|scenario| missing(scenario, profile).is_some()).collect()
    }

    #[test]
    fn what_the_profile_leaves_open_or_cannot_exceed_is_not_testable() {
        let usual = Profile::builtin("whatsapp-1.0.3").unwrap();
        let overlay = |id| Profile::overlay(id).unwrap();
        let version = "m2/states-its-protocol-version";
        assert_eq!(open(version, &usual), [true]);
        assert_eq!(open(version, &overlay("versioned")), [false]);
        let long = "m2/frame-that-is-too-long-closes-the-channel";
        assert_eq!(open(long, &usual), [true]);
        assert_eq!(open(long, &overlay("small-frames")), [false]);
        assert_eq!(open("m2/pings-and-answers-pings", &usual), [false]);
        let gaps = "m3.3/many-gaps-leave-little-behind";
        let value = "{ value: 100, basis: stated, source: x }";
        let text =
            format!("id: a\nextends: whatsapp-1.0.3\nvalues: {{ signal.skipped_max: {value} }}\n");
        let few = Profile::parse(&crate::span::Source::new("a.yaml", text.as_str())).unwrap();
        assert_eq!([open(gaps, &usual), open(gaps, &few)], [[false], [true]]);
        let kem = "m3.2/bundle-without-a-sound-kem-prekey-gets-no-message";
        assert_eq!(open(kem, &usual), [true, true]);
        let pqxdh = Profile::builtin("experimental-pqxdh").unwrap();
        assert_eq!(open(kem, &pqxdh), [false, false]);
        let theft = "guarantees/stolen-session-heals-where-the-peer-began";
        assert_eq!([open(theft, &usual), open(theft, &pqxdh)], [[false], [true]]);
    }
}
