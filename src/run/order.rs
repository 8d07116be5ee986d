//! In which order cases are begun.
//!
//! A case that waits for time to pass (an absence without a fence, a client that backs off) needs no
//! processor meanwhile. Such cases are spread over the first half of a run, so that others work while
//! they wait, and none of them is what everybody waits for at the end. Verdicts do not depend on it.

use crate::scenario::{Action, Case, Kind, Scenario};

/// The cases in the order in which they are begun.
pub fn ordered(cases: Vec<Case>) -> Vec<Case> {
    let (waiting, busy): (Vec<Case>, Vec<Case>) =
        cases.into_iter().partition(|case| waits(&case.scenario));
    let (mut waiting, mut busy) = (waiting.into_iter(), busy.into_iter());
    let mut ordered = Vec::with_capacity(waiting.len() + busy.len());
    loop {
        let (one, other) = (waiting.next(), busy.next());
        if one.is_none() && other.is_none() {
            return ordered;
        }
        ordered.extend(one.into_iter().chain(other));
    }
}

/// True if most of the case's time is likely to be waiting.
fn waits(scenario: &Scenario) -> bool {
    scenario.steps.iter().any(|step| match &step.action {
        Action::Fault(_) => true,
        Action::ExpectNone(expect) => {
            use Kind::{Closed, Enlistment, Fetched, Login};
            matches!(expect.kind, Closed | Enlistment | Fetched | Login)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::library::Library;
    use crate::scenario::{expand, parse};

    #[test]
    fn what_waits_is_begun_early_and_beside_what_does_not() {
        let library = Library::builtin();
        let cases = |wanted: &str| {
            let (id, source) = library.iter().find(|(id, _)| *id == wanted).unwrap();
            expand(&parse(id, source).unwrap()).unwrap()
        };
        let lost = cases("m2/comes-back-after-a-lost-connection");
        let unproven = cases("m2/unproven-server-gets-no-login");
        let plain = cases("m3.3/clear-text-is-not-shown");
        assert!(waits(&lost[0].scenario) && waits(&unproven[0].scenario));
        assert!(!waits(&plain[0].scenario));
        let all: Vec<Case> = plain.iter().chain(&lost).cloned().collect();
        let ids: Vec<String> = ordered(all.clone()).iter().map(Case::id).collect();
        assert_eq!(ids.len(), all.len());
        assert_eq!(ids[0], lost[0].id());
        assert_eq!(ids[1], plain[0].id());
        assert!(all.iter().all(|case| ids.contains(&case.id())));
    }
}
