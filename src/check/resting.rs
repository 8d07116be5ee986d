//! Which profile values an observation rests on beside those that its step names.
//!
//! Main function: [`keys`]. What Meta's side understands in a form of the profile's choosing can only
//! be seen where that form is right, so the verdict is no stronger than the form's basis.

use crate::scenario::{Action, Expect, Kind, Matching, Step};

/// The keys of a step's expectation.
pub(super) fn keys(step: &Step) -> Option<&'static str> {
    let (Action::Expect(expect) | Action::ExpectNone(expect)) = &step.action else { return None };
    match expect.kind {
        Kind::Asked => match what(expect)? {
            "block" | "unblock" | "blocklist" => Some("blocklist.xmlns"),
            "deletion" => Some("deletion.element"),
            "reachability" => Some("reachability.element"),
            _ => None,
        },
        Kind::Typing => Some("typing.element"),
        _ => None,
    }
}

fn what(expect: &Expect) -> Option<&str> {
    let Matching::Fields(fields) = &expect.matching else { return None };
    fields.iter().find(|(name, _)| name == "what").map(|(_, template)| template.text())
}
