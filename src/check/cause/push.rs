//! Causes in what Meta's side asks of a server: nobody there, a push that should be refused, a wake
//! that reaches nobody.

use super::Scene;
use crate::evidence::{Entry, Event, Lane};
use crate::http::{NO_TLS, NOBODY};
use crate::scenario::{Action, Mutation, Step};

/// What shows that somebody was woken, as steps name it.
const OF_A_WAKE: [&str; 3] = ["login: {", "connection: {", "woken: {"];
/// What follows on a request of Meta's side.
const OF_A_REQUEST: [&str; 2] = ["response: {", "rule: {"];

/// A push with a deliberate fault was taken.
pub(super) fn fault_taken(scene: &Scene<'_>) -> Option<String> {
    let (label, mutation) = mutated(scene)?;
    let (entry, status) = scene.events().find_map(|(entry, event)| match event {
        Event::Responded { label: of, status, .. } if of.as_deref() == label => {
            (200..300).contains(status).then_some((entry, *status))
        }
        _ => None,
    })?;
    let not_refused = scene.is_missing() && scene.here().is_some_and(|here| here.id == entry.id);
    if !scene.is_unwanted() && !not_refused {
        return None;
    }
    let answer = format!("it answers {status} ({})", Scene::name(entry));
    match mutation {
        Mutation::PushToken(fault) => Some(format!(
            "the server takes a push whose token it should refuse ({}): {answer} and checks too \
             little of the token",
            fault.word()
        )),
        Mutation::PushBody(fault) => {
            Some(format!("the server makes too much of a push's body ({}): {answer}", fault.word()))
        }
        _ => None,
    }
}

/// The push that the negative step changed, by its label. Twins and probes push soundly.
fn mutated<'a>(scene: &Scene<'a>) -> Option<(Option<&'a str>, &'a Mutation)> {
    let negative = |step: &&Step| step.negative.is_some();
    let mut steps = scene.scenario.steps.iter().filter(negative);
    let found = steps.find_map(|step| match &step.action {
        Action::Send(send) => match &send.mutate {
            Some(mutation @ (Mutation::PushToken(_) | Mutation::PushBody(_))) => {
                Some((step.label.as_deref(), mutation))
            }
            _ => None,
        },
        _ => None,
    });
    found.filter(|_| scene.lane() == Lane::Main)
}

/// A push was accepted and nobody came.
pub(super) fn no_wake(scene: &Scene<'_>) -> Option<String> {
    let waited = scene.is_missing() && scene.waits_for(&OF_A_WAKE);
    if !waited || !scene.check.requirement.starts_with("PSH-") || mutated(scene).is_some() {
        return None;
    }
    let answered = scene
        .events()
        .filter(|(_, event)| matches!(event, Event::Responded { status, .. } if *status == 200));
    let (push, _) = answered.last()?;
    let after = scene.events().skip_while(|(entry, _)| entry.id != push.id);
    let came = after.into_iter().any(|(_, event)| matches!(event, Event::Accepted { .. }));
    (!came).then(|| {
        format!(
            "the server accepted the push ({}) and the client opened no connection: the wake did \
             not reach it, or it did not act on it",
            Scene::name(push)
        )
    })
}

/// Nobody answered where the server should be.
pub(super) fn unreachable(scene: &Scene<'_>) -> Option<String> {
    let here = scene.here()?;
    let found = match not_reached(&here.event) {
        Some(why) => Some((here, why)),
        None => request_in_vain(scene, here),
    };
    let (entry, why) = found?;
    Some(format!("Meta's side got no answer from the server ({}): {why}", Scene::name(entry)))
}

/// The request that a step is about, by its label, or else the last one before the step's end.
fn request_in_vain<'a>(scene: &Scene<'a>, here: &Entry) -> Option<(&'a Entry, String)> {
    let follows = scene.waits_for(&OF_A_REQUEST) || scene.waits_for(&OF_A_WAKE);
    if !scene.is_missing() || !follows {
        return None;
    }
    let before = || scene.events().take_while(|(entry, _)| entry.id != here.id);
    let of = scene.step().and_then(Step::answers);
    let named = before().filter(|(_, event)| of.is_some() && of == label_of(event));
    let last = named.last().or_else(|| before().filter(|(_, event)| ends(event)).last());
    let (entry, event) = last?;
    Some((entry, not_reached(event)?))
}

/// The end of a request of Meta's side, good or bad.
fn ends(event: &Event) -> bool {
    matches!(event, Event::Responded { .. } | Event::RequestFailed { .. } | Event::Looked { .. })
}

fn label_of(event: &Event) -> Option<&str> {
    match event {
        Event::Responded { label, .. }
        | Event::RequestFailed { label, .. }
        | Event::Looked { label, .. } => label.as_deref(),
        _ => None,
    }
}

/// Why a request came to nothing. A probe may be refused on purpose, so it counts only where no
/// connection of it came about.
fn not_reached(event: &Event) -> Option<String> {
    match event {
        Event::RequestFailed { why, .. } => Some(why.clone()),
        Event::Looked { seen, .. } => {
            let none = |why: &String| [NOBODY, NO_TLS].iter().any(|word| why.starts_with(word));
            let whys: Option<Vec<&String>> = seen.iter().map(|look| look.failed.as_ref()).collect();
            let whys = whys.filter(|whys| whys.iter().all(|why| none(why)))?;
            whys.first().map(|why| (*why).clone())
        }
        _ => None,
    }
}
