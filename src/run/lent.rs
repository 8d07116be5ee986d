//! The client that the harness lends to a server which is judged alone.
//!
//! Whose seat is the third party's server and nothing else has nobody who would enlist and log in with
//! its tokens. The harness does that itself: it takes a token by the driver's `token`, and the bundled
//! client, in a process of its own, goes to Meta's side with it. [`serves`] says which scenarios that is
//! enough for. What the lent client does is nobody's verdict, and a wake reaches it never: the way from
//! the server to its users' devices is the third party's own, so what a push leads to at the client is
//! out of sight ([`is_out_of_sight`]).
//!
//! The other way round, a client without a server has tokens of the harness's, and a push to it is the
//! harness's own affair up to the last step: the driver's `inject_wake` ([`wakes`]). Then the answers of
//! a server are what is out of sight.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::recorder::RecordError;
use super::session::{Session, Shared};
use super::target::Target;
use crate::driver::operation::{self, Scope};
use crate::driver::{Incoming, Params, Seat};
use crate::evidence::{Event, Stream};
use crate::iut::{Adapter, Instance};
use crate::scenario::{Action, Actor, Kind, Payload, Plays, Scenario, Send, Step};
use crate::spec::{Catalogue, Ics};

/// Ids of calls to the lent client begin here, so that no answer is taken for the subject's.
const FIRST_ID: u64 = 1 << 32;

/// What a lent client is asked to do; everything else of a client's would be judged, and is not here.
const DONE: &[&str] = &["enlist", "connect", "disconnect", "send_text"];
/// Hooks that name a user and are the server's.
const OF_THE_SERVER: &[&str] = &["set_account_state"];
/// What is told to both.
const OF_BOTH: &[&str] = &["account", "advance_clock", "health"];

/// Who is asked for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Subject,
    Lent,
    Both,
}

/// Whom an operation concerns, where a client is lent.
pub(super) fn asked(name: &str) -> Asked {
    let of_users = operation::find(name).is_some_and(|known| known.scope == Scope::Account);
    match name {
        _ if OF_BOTH.contains(&name) => Asked::Both,
        _ if of_users && !OF_THE_SERVER.contains(&name) => Asked::Lent,
        _ => Asked::Subject,
    }
}

/// True if the subject is a server that can give tokens, and has no client.
pub(super) fn is_wanted(target: &Target, seats: &[Seat]) -> bool {
    let server =
        seats.contains(&Seat::ThirdPartyServer) && !seats.contains(&Seat::ThirdPartyClient);
    server && target.lent.is_some() && !matches!(target.adapter, Adapter::None(_))
}

/// True if a scenario says something of a server whose client is lent.
pub(super) fn serves(scenario: &Scenario) -> bool {
    let catalogue = Catalogue::builtin();
    let of_server = |row: &String| catalogue.get(row).is_some_and(|row| row.binds_server_alone());
    scenario.covers.iter().any(of_server)
        && scenario.actors.iter().all(|(_, actor)| actor.plays != Plays::MediaProxy)
        && scenario.steps.iter().all(|step| is_simple(scenario, step))
}

fn is_simple(scenario: &Scenario, step: &Step) -> bool {
    match &step.action {
        Action::Act(act) => {
            let by_client = scenario
                .actors
                .iter()
                .any(|(name, actor)| *name == act.on && actor.plays == Plays::ThirdPartyClient);
            let operation = act.operation.as_str();
            !by_client || DONE.contains(&operation) || OF_THE_SERVER.contains(&operation)
        }
        Action::Send(send) => matches!(
            send.payload,
            Payload::Text(_)
                | Payload::Push { .. }
                | Payload::FetchKeys { .. }
                | Payload::Publish(_)
                | Payload::Probe { .. }
        ),
        Action::Expect(_) | Action::ExpectNone(_) | Action::Fault(_) | Action::Advance(_) => true,
        Action::Compromise(_) => false,
    }
}

/// The hook by which a client is woken.
const WAKE: &str = "inject_wake";

/// True if a scenario with pushes says something of a client that has no server, and can be woken.
pub(super) fn wakes(scenario: &Scenario, seats: &[Seat], ics: &Ics) -> bool {
    let client =
        seats.contains(&Seat::ThirdPartyClient) && !seats.contains(&Seat::ThirdPartyServer);
    let catalogue = Catalogue::builtin();
    let of_client = |row: &String| catalogue.get(row).is_some_and(|row| !row.binds_server_alone());
    client
        && ics.has(WAKE)
        && scenario.covers.iter().any(of_client)
        && scenario.steps.iter().any(is_push)
        && scenario.steps.iter().any(is_decided_by_the_client)
        && scenario.steps.iter().all(|step| needs_no_server(scenario, step))
}

fn is_push(step: &Step) -> bool {
    matches!(&step.action, Action::Send(send) if matches!(send.payload, Payload::Push { .. }))
}

fn is_decided_by_the_client(step: &Step) -> bool {
    match &step.action {
        Action::Expect(expect) | Action::ExpectNone(expect) => {
            !step.checks.is_empty() && shows_at_the_client(expect.kind)
        }
        _ => false,
    }
}

fn shows_at_the_client(kind: Kind) -> bool {
    !matches!(kind, Kind::Response | Kind::Fetched | Kind::Stubbed | Kind::Rule)
}

fn needs_no_server(scenario: &Scenario, step: &Step) -> bool {
    let is_server = |wanted: &str| {
        let mut actors = scenario.actors.iter();
        actors.any(|(name, actor)| name == wanted && actor.plays == Plays::ThirdPartyServer)
    };
    match &step.action {
        Action::Act(act) => !is_server(&act.on) && !OF_THE_SERVER.contains(&act.operation.as_str()),
        Action::Send(send) => !is_server(&send.to) && (!is_push(step) || send.mutate.is_none()),
        Action::Fault(_) => false,
        Action::Expect(_) | Action::ExpectNone(_) | Action::Advance(_) | Action::Compromise(_) => {
            true
        }
    }
}

impl Session<'_> {
    /// True if the subject's client has no server, and tokens and pushes are the harness's.
    pub(super) fn lacks_the_server(&self) -> bool {
        let host = self.host();
        !host.has_server() && host.seats.contains(&Seat::ThirdPartyClient)
    }

    /// True for what shows only at the half of the third party that is not the subject's: after a push
    /// whether the lent client is online is the wake's doing, and a lent server answers nobody.
    pub(super) fn is_out_of_sight(&self, kind: Kind) -> bool {
        let of_server = matches!(kind, Kind::Response | Kind::Fetched);
        if self.lends {
            return self.pushed.contains(&self.lane) && shows_at_the_client(kind);
        }
        let actors = &self.case.scenario.actors;
        let server = |(_, actor): &(String, _)| is_server_under_test(actor);
        of_server && self.lacks_the_server() && actors.iter().any(server)
    }

    /// Wakes a client as a push to its server would.
    pub(super) async fn wake(
        &mut self,
        send: &Send,
        times: u16,
        label: Option<&str>,
    ) -> Result<Result<(), String>, RecordError> {
        let account = self.account(&send.to).await?;
        let mut params = Params::new();
        params.insert("account".into(), account.into());
        for _ in 0..times {
            let event = Event::WakeInjected { label: label.map(str::to_owned) };
            self.record(Stream::http_out(), Some(&send.to), event);
            if let Err(error) = self.call(WAKE, params.clone(), Some(&send.to)).await? {
                return Ok(Err(format!("`{WAKE}`: {error}")));
            }
        }
        Ok(Ok(()))
    }
}

fn is_server_under_test(actor: &Actor) -> bool {
    actor.iut && actor.plays == Plays::ThirdPartyServer
}

/// Starts the client and tells it where Meta's side is; `None` if it does not come up, and then the
/// scenarios that need it are out of reach.
pub(super) async fn start(
    target: &Target,
    shared: &Shared,
    configuration: Params,
) -> Option<(Arc<Instance>, mpsc::Receiver<Incoming>)> {
    let adapter = target.lent.clone()?;
    let (instance, incoming) = target.start_of(&adapter, shared.seed).await.ok()?;
    instance.call("configure", configuration).await.ok()?;
    Some((Arc::new(instance), incoming))
}

/// The id of a call to the lent client, as the harness knows it.
pub(super) fn id(id: u64) -> u64 {
    FIRST_ID + id
}

/// Hands on what the lent client says of its users. Whatever else befalls it is no concern of the
/// subject's.
pub(super) fn hand_on(mut incoming: mpsc::Receiver<Incoming>, to: mpsc::Sender<Incoming>) {
    tokio::spawn(async move {
        while let Some(said) = incoming.recv().await {
            let said = match said {
                Incoming::Answered { seq, owner, id: of, method } => {
                    Incoming::Answered { seq, owner, id: id(of), method }
                }
                said @ Incoming::Notification { .. } => said,
                Incoming::Breach { .. } | Incoming::Closed { .. } => continue,
            };
            if to.send(said).await.is_err() {
                break;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::library::Library;
    use crate::scenario::parse;

    #[test]
    fn a_lent_client_is_asked_for_what_users_do_and_nothing_else() {
        let words = ["enlist", "connect", "set_account_state", "rotate_keys", "token", "stop"];
        let whom = words.map(asked);
        use Asked::{Both, Lent, Subject};
        assert_eq!(whom, [Lent, Lent, Subject, Subject, Subject, Subject]);
        assert_eq!(["account", "advance_clock", "health"].map(asked), [Both; 3]);
    }

    #[test]
    fn these_scenarios_judge_a_server_alone() {
        let library = Library::builtin();
        let with_clients = library.iter().filter_map(|(id, source)| {
            let scenario = parse(id, source).unwrap();
            let client = |(_, actor): &(String, crate::scenario::Actor)| {
                actor.iut && actor.plays == Plays::ThirdPartyClient
            };
            let wants = scenario.actors.iter().any(client);
            (wants && serves(&scenario)).then(|| id.to_owned())
        });
        insta::assert_snapshot!(with_clients.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn these_scenarios_wake_a_client_alone_if_it_can_be_woken() {
        let library = Library::builtin();
        let of = |seats: &[Seat], ics: Ics| -> Vec<String> {
            let woken = library
                .iter()
                .filter(|(id, source)| wakes(&parse(id, source).unwrap(), seats, &ics));
            woken.map(|(id, _)| id.to_owned()).collect()
        };
        let ics =
            |word: bool| Ics::from_hello(&serde_json::json!({ "inject_wake": word })).unwrap();
        let (client, server) = (Seat::ThirdPartyClient, Seat::ThirdPartyServer);
        assert_eq!(
            of(&[client], ics(true)),
            [
                "m3.3/burst-of-pushes-is-one-wake",
                "m3.3/push-wakes-the-client-and-the-mailbox-drains"
            ]
        );
        assert_eq!(of(&[client], ics(false)), [""; 0]);
        assert_eq!(of(&[client, server], ics(true)), [""; 0]);
    }
}
