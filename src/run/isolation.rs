//! Which cases need an instance of their own (`interfaces.md` §3).
//!
//! [`alone`] decides it from the scenario. A shared instance serves cases that differ only in whose
//! account they concern. Alone is a case that concerns the process (its end, its clock, its memory),
//! and one whose exchange cannot be told from another's before somebody has logged in.

use std::collections::BTreeSet;

use crate::check::lane;
use crate::scenario::{
    Action, Kind, Mutation, Payload, Plan, Plays, Scenario, Send, Step, TokenFault,
};

/// A tag for what may end or exhaust a process.
const HOSTILE: &str = "hostile";
/// Hooks that concern the whole instance.
const INSTANCE_WIDE: &[&str] = &["advance_clock", "kill", "reset", "restart", "rotate_keys"];
/// Those after which the program goes on with what it has kept.
const STOPS: &[&str] = &["kill", "restart"];

/// What stands in the way of sharing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The process itself is concerned: its end, its clock, its memory.
    Process,
    /// The exchange comes before anybody's name, so nobody else may be there at the same time.
    Nameless,
}

impl Reason {
    /// True if it is enough that nobody else is there at the same time.
    pub fn is_about_names(self) -> bool {
        self == Self::Nameless
    }
}

/// Why a scenario shares no instance; `None` if it may.
pub fn alone(scenario: &Scenario) -> Option<Reason> {
    if scenario.tags.iter().any(|tag| tag == HOSTILE) {
        return Some(Reason::Process);
    }
    let reasons = || scenario.steps.iter().filter_map(of_step);
    reasons().find(|reason| *reason == Reason::Process).or_else(|| reasons().next())
}

/// True for a scenario that stops the program and goes on with it.
pub fn stops_the_program(scenario: &Scenario) -> bool {
    let stops = |step: &Step| match &step.action {
        Action::Act(act) => STOPS.contains(&act.operation.as_str()),
        _ => false,
    };
    scenario.steps.iter().any(stops)
}

fn of_step(step: &Step) -> Option<Reason> {
    let mutation = match &step.action {
        Action::Act(act) if INSTANCE_WIDE.contains(&act.operation.as_str()) => {
            return Some(Reason::Process);
        }
        Action::Act(act) => act.mutate.as_ref(),
        Action::Send(send) if upsets_the_server(send) => return Some(Reason::Process),
        Action::Send(send) => send.mutate.as_ref(),
        Action::Advance(_) => return Some(Reason::Process),
        // One that waits for the next connection must not meet somebody else's.
        Action::Fault(_) => return Some(Reason::Nameless),
        // A request that names nobody can be anybody's.
        Action::Expect(expect) | Action::ExpectNone(expect) if expect.kind == Kind::Fetched => {
            return Some(Reason::Nameless);
        }
        Action::Expect(_) | Action::ExpectNone(_) | Action::Compromise(_) => None,
    };
    match mutation {
        // They reach one account, which is known.
        None
        | Some(
            Mutation::BundleSignature(_)
            | Mutation::BundleError(_)
            | Mutation::Bundle(_)
            | Mutation::Prekey(_)
            | Mutation::EnlistmentReason(_)
            | Mutation::EnlistmentAnswer(_)
            | Mutation::LoginDigits(_)
            | Mutation::Content(_)
            | Mutation::PushBody(_)
            | Mutation::Frame(_)
            | Mutation::Bytes(_)
            | Mutation::Media(_)
            | Mutation::Host(_)
            | Mutation::Ciphertext(_)
            | Mutation::Sender(_)
            | Mutation::Time(_)
            | Mutation::Device(_)
            | Mutation::OfflineCount(_),
        ) => None,
        // A fetch that the token tempts to names no user.
        Some(Mutation::PushToken(fault)) => {
            let tempts = matches!(fault, TokenFault::KeyAtUrl | TokenFault::CertificateAtUrl);
            tempts.then_some(Reason::Nameless)
        }
        // Whoever else calls meanwhile would see it too.
        Some(Mutation::Tls(_)) => Some(Reason::Process),
        Some(Mutation::ServerChain(_) | Mutation::ServerHello(_) | Mutation::ServerLogin(_)) => {
            Some(Reason::Nameless)
        }
    }
}

/// What a server goes on knowing after the case: Meta's keys, and how much was asked of it.
fn upsets_the_server(send: &Send) -> bool {
    match send.payload {
        Payload::Publish(_) => true,
        Payload::Push { times } => times > 1,
        _ => false,
    }
}

/// How many users a case brings: each lane has accounts of its own.
pub fn accounts(scenario: &Scenario, plan: &Plan) -> u64 {
    let lanes: BTreeSet<_> = plan.phases.iter().map(|phase| lane(phase.purpose)).collect();
    let actors = scenario.actors.iter();
    let users = actors.filter(|(_, actor)| actor.iut && actor.plays == Plays::ThirdPartyClient);
    (lanes.len() * users.count()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::library::Library;
    use crate::scenario::parse;

    fn bundled(id: &str) -> Scenario {
        let library = Library::builtin();
        let (_, source) = library.iter().find(|(known, _)| *known == id).unwrap();
        parse(id, source).unwrap()
    }

    #[test]
    fn only_what_concerns_the_process_or_comes_before_a_name_is_alone() {
        let nameless = bundled("m2/unproven-server-gets-no-login");
        assert_eq!(alone(&nameless), Some(Reason::Nameless));
        assert_eq!(alone(&bundled("m3.3/clear-text-is-not-shown")), None);
        let lossy = bundled("m2/comes-back-after-a-lost-connection");
        assert_eq!(alone(&lossy), Some(Reason::Nameless));
        assert!(stops_the_program(&bundled("m3.3/restart-keeps-sessions-and-reuses-no-key")));
        assert!(!stops_the_program(&nameless));
        let late = bundled("m2/pings-again-and-leaves-a-dead-line");
        assert_eq!(alone(&late), Some(Reason::Process));
        let hostile = Scenario { tags: vec!["hostile".to_owned()], ..nameless };
        assert_eq!(alone(&hostile), Some(Reason::Process));
    }

    #[test]
    fn a_lane_has_users_of_its_own() {
        let count = |id: &str| {
            let scenario = bundled(id);
            accounts(&scenario, &Plan::of(&scenario))
        };
        assert_eq!(count("m1/enlists-when-the-user-opts-in"), 1);
        assert_eq!(count("m1/publishes-its-signing-keys"), 0);
        // The scenario, its twin and its probe.
        assert_eq!(count("m3.2/unsigned-prekey-gets-no-message"), 3);
    }
}
