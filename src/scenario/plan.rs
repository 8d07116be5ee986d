//! The steps that are really carried out: the scenario's own, its twins and its probes.
//!
//! A negative step proves nothing unless the same exchange without its one difference is accepted
//! and the implementation still works afterwards (`interfaces.md` §2). Both are made here, as
//! ordinary steps, so that runner and judge need no special case: they follow the same [`Plan`].

use std::time::Duration;

use super::model::{
    Act, Action, After, Expect, Kind, Matching, Negative, Payload, Plays, Scenario, Send, Step,
    Twin,
};
use super::pattern::Pattern;
use super::question::{ANSWER, QUESTION};
use super::template::{Scope, Template};
use crate::wire::EncodeAs;

/// All phases of a case, in the order of execution.
#[derive(Clone, Debug)]
pub struct Plan {
    pub phases: Vec<Phase>,
}

/// Steps that run one after another on the same accounts; the first that fails ends the phase.
#[derive(Clone, Debug)]
pub struct Phase {
    pub purpose: Purpose,
    pub steps: Vec<PlannedStep>,
}

/// Why a phase exists. Numbers are indices of negative steps in the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Main,
    /// The steps of the main phase in the canonical encoding, on accounts of its own: what another
    /// encoding is compared with (ROB-007). Its failure stops nothing.
    Canonical,
    /// On accounts of its own.
    Twin(usize),
    /// On the accounts of the main phase.
    ProbeSame(usize),
    /// On accounts of its own.
    ProbeFresh(usize),
}

/// A step with its part in the plan.
#[derive(Clone, Debug)]
pub struct PlannedStep {
    pub step: Step,
    pub part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The scenario's step with this index.
    Own(usize),
    /// A repetition that only leads up to something.
    LeadUp,
    /// The twin of the negative step with this index, and what shows that it was accepted.
    Twin(usize),
    /// The probe after the negative step with this index.
    Probe(usize),
}

/// How long a synthesised expectation waits.
const PATIENCE: Duration = Duration::from_secs(5);
/// The Meta client that probes where a scenario declares none.
pub const IMPLICIT_PEER: &str = "peer";

impl Plan {
    /// Lays out a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        let mut phases: Vec<Phase> = canonical(scenario).into_iter().collect();
        let mut main = Vec::new();
        let mut probes = Vec::new();
        for (index, step) in scenario.steps.iter().enumerate() {
            if let Some(negative) = step.negative {
                match twin(scenario, index, negative) {
                    TwinPlan::InSession(steps) => main.extend(steps),
                    TwinPlan::OwnPhase(phase) => phases.push(phase),
                    TwinPlan::Earlier => {}
                }
                probes.push(probe(scenario, index, negative));
            }
            main.push(PlannedStep { step: step.clone(), part: Part::Own(index) });
        }
        phases.push(Phase { purpose: Purpose::Main, steps: main });
        phases.extend(probes);
        Self { phases }
    }
}

/// The steps whose outcome must be the same in every encoding, where the case has one of its own.
fn canonical(scenario: &Scenario) -> Option<Phase> {
    if scenario.encoding == EncodeAs::CANONICAL {
        return None;
    }
    let steps = scenario.steps.iter().filter(|step| leads_up(step));
    Some(Phase { purpose: Purpose::Canonical, steps: steps.map(lead_up).collect() })
}

enum TwinPlan {
    /// An earlier step of the scenario is the twin.
    Earlier,
    InSession(Vec<PlannedStep>),
    OwnPhase(Phase),
}

fn twin(scenario: &Scenario, index: usize, negative: Negative) -> TwinPlan {
    if negative.twin == Twin::Order {
        return TwinPlan::Earlier;
    }
    let own = accepted(scenario, &scenario.steps[index])
        .into_iter()
        .map(|step| PlannedStep { step, part: Part::Twin(index) });
    if negative.after == After::SameSession {
        return TwinPlan::InSession(own.collect());
    }
    let before = scenario.steps[..index].iter().filter(|step| leads_up(step)).map(lead_up);
    TwinPlan::OwnPhase(Phase { purpose: Purpose::Twin(index), steps: before.chain(own).collect() })
}

fn lead_up(step: &Step) -> PlannedStep {
    let step = Step { checks: Vec::new(), ..step.clone() };
    PlannedStep { step, part: Part::LeadUp }
}

fn leads_up(step: &Step) -> bool {
    step.negative.is_none() && !matches!(step.action, Action::ExpectNone(_))
}

/// The step without its difference, and the expectation that shows its acceptance.
fn accepted(scenario: &Scenario, step: &Step) -> Vec<Step> {
    let label = format!("twin-{}", step.label.as_deref().unwrap_or("step"));
    let mut plain =
        Step { checks: Vec::new(), negative: None, label: Some(label.clone()), ..step.clone() };
    let acceptance = match &mut plain.action {
        Action::Act(act) => {
            act.mutate = None;
            acceptance_of_act(scenario, act)
        }
        Action::Send(send) => {
            send.mutate = None;
            acceptance_of_send(send, &label)
        }
        Action::Expect(_)
        | Action::ExpectNone(_)
        | Action::Fault(_)
        | Action::Advance(_)
        | Action::Compromise(_) => None,
    };
    let expects = acceptance.map(|expect| made(step, Action::Expect(expect)));
    std::iter::once(plain).chain(expects).collect()
}

fn acceptance_of_act(scenario: &Scenario, act: &Act) -> Option<Expect> {
    let fields = |pairs: &[(&str, &str)]| fields(pairs);
    match act.operation.as_str() {
        "connect" => Some(expect("meta", Kind::Login, fields(&[("accepted", "true")]))),
        "enlist" => Some(expect("meta", Kind::Enlistment, fields(&[("outcome", "ok")]))),
        "send_text" => {
            let text = act.params.iter().find(|(name, _)| name == "text")?.1.clone();
            let matching = Matching::Fields(vec![("text".into(), text)]);
            Some(expect(peer(scenario), Kind::Decrypted, matching))
        }
        _ => None,
    }
}

fn acceptance_of_send(send: &Send, label: &str) -> Option<Expect> {
    match &send.payload {
        Payload::Text(text) => {
            let matching = Matching::Fields(vec![("text".into(), text.clone())]);
            Some(expect(&send.to, Kind::Shown, matching))
        }
        Payload::Content(said) => {
            let matching = Matching::Fields(vec![("text".into(), said.text()?.clone())]);
            Some(expect(&send.to, Kind::Shown, matching))
        }
        Payload::Media(_) => {
            let fields = fields(&[("state", "available"), ("file", "exact")]);
            Some(expect(&send.to, Kind::Media, fields))
        }
        Payload::Push { .. } | Payload::FetchKeys { .. } => {
            Some(expect("meta", Kind::Response, fields(&[("of", label), ("status", "${re:2..}")])))
        }
        Payload::Stanza(stanza) => Some(expect("meta", Kind::Stanza, answer_to(stanza)?)),
        Payload::AskAgain { of, .. } => {
            let id = format!("${{{of}.id}}");
            Some(expect(&send.from, Kind::Decrypted, fields(&[("id", &id)])))
        }
        Payload::Replay { .. }
        | Payload::Release { .. }
        | Payload::Relay { .. }
        | Payload::Resend { .. }
        | Payload::Lose(_)
        | Payload::Unsent(_)
        | Payload::Soak(_)
        | Payload::Drain { .. }
        | Payload::ProbeFile { .. }
        | Payload::ProbeProxy { .. }
        | Payload::Publish(_)
        | Payload::Probe { .. }
        | Payload::Typing(_)
        | Payload::Blocks(_)
        | Payload::EnlistElsewhere => None,
    }
}

/// A stanza whose id is a reference says nothing before the case runs.
struct NoValues;

impl Scope for NoValues {
    fn lookup(&self, _: &str) -> Option<String> {
        None
    }
}

/// What shows that a request was taken: its result.
fn answer_to(stanza: &Pattern) -> Option<Matching> {
    let node = stanza.build(&NoValues).ok().filter(|node| node.tag == "iq")?;
    let id = node.text("id").filter(|_| node.text("type").as_deref() == Some("get"))?;
    let answer = match stanza.tag() {
        QUESTION => format!("<{ANSWER} id=\"{id}\"/>"),
        _ => format!("<iq id=\"{id}\" type=\"result\"/>"),
    };
    let answer = Pattern::builtin(&answer);
    Some(Matching::Stanza(answer))
}

fn probe(scenario: &Scenario, index: usize, negative: Negative) -> Phase {
    let step = &scenario.steps[index];
    let client = client(scenario, step);
    let act = |operation: &str| made(step, Action::Act(act(client, operation, Vec::new())));
    let mut steps = match negative.after {
        After::SameSession => Vec::new(),
        After::NewConnection => vec![act("disconnect"), act("connect")],
        After::NewAccount => vec![act("enlist"), act("connect")],
    };
    if pings(scenario, step) {
        steps.extend(ping(step, client, index));
    } else {
        steps.extend(texts(scenario, step, client, index));
    }
    let purpose = match negative.after {
        After::NewAccount => Purpose::ProbeFresh(index),
        After::SameSession | After::NewConnection => Purpose::ProbeSame(index),
    };
    let planned = |step| PlannedStep { step, part: Part::Probe(index) };
    Phase { purpose, steps: steps.into_iter().map(planned).collect() }
}

/// The areas whose probe is a question, mostly a ping (`interfaces.md` §2); the others exchange texts.
fn pings(scenario: &Scenario, step: &Step) -> bool {
    let rows = if step.checks.is_empty() { &scenario.covers } else { &step.checks };
    rows.iter().all(|row| ["NOI-", "TRN-", "STZ-"].iter().any(|area| row.starts_with(area)))
}

fn ping(step: &Step, client: &str, index: usize) -> [Step; 2] {
    let stanza = |xml: String| Pattern::builtin(&xml);
    let id = format!("probe-{index}");
    let request = stanza(format!("<{QUESTION} id=\"{id}\"/>"));
    let answer = stanza(format!("<{ANSWER} id=\"{id}\"/>"));
    let send = Send {
        from: "meta".into(),
        to: client.into(),
        payload: Payload::Stanza(request),
        hold: false,
        mutate: None,
        encode: None,
        with: None,
    };
    let expect = expect("meta", Kind::Stanza, Matching::Stanza(answer));
    [made(step, Action::Send(send)), made(step, Action::Expect(expect))]
}

fn texts(scenario: &Scenario, step: &Step, client: &str, index: usize) -> [Step; 4] {
    let peer = peer(scenario);
    let text =
        |direction: &str| Template::builtin(&format!("probe {index} {direction} ${{canary}}"));
    let shown = |text: Template| Matching::Fields(vec![("text".into(), text)]);
    let send = Send {
        from: peer.into(),
        to: client.into(),
        payload: Payload::Text(text("in")),
        hold: false,
        mutate: None,
        encode: None,
        with: None,
    };
    let to = Template::builtin(&format!("${{{peer}.jid}}"));
    let params = vec![("to".into(), to), ("text".into(), text("out"))];
    [
        made(step, Action::Send(send)),
        made(step, Action::Expect(expect(client, Kind::Shown, shown(text("in"))))),
        made(step, Action::Act(act(client, "send_text", params))),
        made(step, Action::Expect(expect(peer, Kind::Decrypted, shown(text("out"))))),
    ]
}

/// The client of the implementation under test that a step is about.
fn client<'a>(scenario: &'a Scenario, step: &'a Step) -> &'a str {
    let named = match &step.action {
        Action::Act(act) => &act.on,
        Action::Send(send) => &send.to,
        Action::Expect(expect) | Action::ExpectNone(expect) => &expect.at,
        Action::Fault(fault) => &fault.on,
        Action::Advance(advance) => &advance.on,
        Action::Compromise(theft) => &theft.with,
    };
    let is_client = |name: &str| {
        scenario.actors.iter().any(|(actor, a)| actor == name && a.plays == Plays::ThirdPartyClient)
    };
    if is_client(named) {
        return named;
    }
    let first = scenario.actors.iter().find(|(_, actor)| actor.plays == Plays::ThirdPartyClient);
    first.map_or("alice", |(name, _)| name)
}

/// The Meta client that probes.
fn peer(scenario: &Scenario) -> &str {
    let first = scenario.actors.iter().find(|(_, actor)| actor.plays == Plays::MetaClient);
    first.map_or(IMPLICIT_PEER, |(name, _)| name)
}

fn fields(pairs: &[(&str, &str)]) -> Matching {
    let field = |(name, value): &(&str, &str)| ((*name).to_owned(), Template::builtin(value));
    Matching::Fields(pairs.iter().map(field).collect())
}

fn expect(at: &str, kind: Kind, matching: Matching) -> Expect {
    Expect { at: at.into(), kind, matching, within: PATIENCE, within_key: None }
}

fn act(on: &str, operation: &str, params: Vec<(String, Template)>) -> Act {
    Act {
        on: on.into(),
        operation: operation.into(),
        params,
        mutate: None,
        may_fail: false,
        encode: None,
    }
}

/// A step of ours; it points at the negative step that it stands for.
fn made(origin: &Step, action: Action) -> Step {
    Step { action, label: None, checks: Vec::new(), negative: None, span: origin.span }
}
