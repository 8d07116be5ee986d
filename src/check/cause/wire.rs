//! Causes on the wire: key derivation, handshake, login, frames.

use super::Scene;
use crate::e2ee::{Derivation, ResponderKeys, diagnose};
use crate::evidence::{Direction, EncFacts, Event};
use crate::scenario::Mutation;
use crate::stanza::receipt::{Receipt, State};
use crate::wire::{Node, binary};

/// The profile value that is the intro header.
const PROLOGUE: &str = "noise.prologue_hex";

/// What a Meta client could not decrypt tells how its keys were derived.
pub(super) fn derivation(scene: &Scene<'_>) -> Option<String> {
    let about_content = ["ENC-", "MSG-", "RCP-", "PRE-"];
    // What was decrypted, and should not have been, has no such cause.
    if scene.is_unwanted()
        || !about_content.iter().any(|area| scene.check.requirement.starts_with(area))
    {
        return None;
    }
    let unread = |(_, event): &(_, &Event)| matches!(event, Event::Undecryptable { .. });
    let here = scene.here().map(|entry| (entry, &entry.event)).filter(unread);
    let (entry, event) = here.or_else(|| scene.events().find(unread))?;
    let Event::Undecryptable { enc, reason, .. } = event else { return None };
    let why = match reason {
        _ if names_an_unknown_key(reason) => {
            format!("{reason}: the client has used other keys than it was to be given")
        }
        _ if reason.contains("padding") => {
            format!("it opens, and what is in it is not padded: {reason}")
        }
        _ => of_message(enc).unwrap_or_else(|| reason.clone()),
    };
    Some(format!("the peer could not decrypt the message ({}): {why}", Scene::name(entry)))
}

/// True for a message to which no key agreement can be tried.
pub(super) fn names_an_unknown_key(reason: &str) -> bool {
    reason.starts_with("the message names ")
}

fn of_message(enc: &EncFacts) -> Option<String> {
    let keys: ResponderKeys = serde_json::from_value(enc.responder.clone()?).ok()?;
    let diagnosis = diagnose(&keys, &enc.bytes.bytes()?);
    Some(match diagnosis.fits {
        Some(Derivation::Sound) => {
            "its keys were derived as they should be, so the fault lies after the key agreement"
                .to_owned()
        }
        _ => diagnosis.to_string(),
    })
}

pub(super) fn no_connection(scene: &Scene<'_>) -> Option<String> {
    let has = |wanted: fn(&Event) -> bool| scene.events().any(|(_, event)| wanted(event));
    let asked =
        has(|event| matches!(event, Event::Called { operation, .. } if operation == "connect"));
    let came = has(|event| matches!(event, Event::Accepted { .. }));
    let why = "the client opened no chat connection: the adapter did not pass on `chat.tcp` or \
               `chat.ws`, or the client gave up before";
    (waits_or_claims(scene) && asked && !came).then(|| why.to_owned())
}

/// Something did not come, or the adapter says that it did.
fn waits_or_claims(scene: &Scene<'_>) -> bool {
    scene.is_missing() || scene.finding.actual.starts_with("the adapter reports")
}

pub(super) fn handshake(scene: &Scene<'_>) -> Option<String> {
    let faulty = matches!(scene.mutation(), Some(Mutation::ServerChain(_)));
    let logged_in = scene.events().any(|(_, event)| matches!(event, Event::Login { .. }));
    if faulty || logged_in || !waits_or_claims(scene) {
        return None;
    }
    let broken = scene.events().find_map(|(entry, event)| match event {
        Event::ChannelBroken { why } => Some((entry, why)),
        _ => None,
    });
    if let Some((entry, why)) = broken {
        return Some(format!(
            "the Noise channel did not come about ({}): {why}",
            Scene::name(entry)
        ));
    }
    let last = scene.events().filter_map(|(entry, event)| match event {
        Event::Handshake { message, .. } => Some((entry, *message)),
        _ => None,
    });
    let (entry, message) = last.last()?;
    let answered = message == 2;
    answered.then(|| {
        format!(
            "the handshake stopped after Meta's message ({}): the client could not read it (wrong \
             prologue or dialect), or refused its certificate chain (wrong `noise_root`)",
            Scene::name(entry)
        )
    })
}

pub(super) fn login_refused(scene: &Scene<'_>) -> Option<String> {
    if !waits_or_claims(scene) {
        return None;
    }
    let accepted =
        |event: &Event| matches!(event, Event::Login { facts } if facts.refused.is_none());
    if scene.events().any(|(_, event)| accepted(event)) {
        return None;
    }
    scene.events().find_map(|(entry, event)| match event {
        Event::Login { facts } => {
            let why = facts.refused.as_deref()?;
            Some(format!("Meta's side refused the login ({}): {why}", Scene::name(entry)))
        }
        _ => None,
    })
}

pub(super) fn undecodable(scene: &Scene<'_>) -> Option<String> {
    if !scene.is_missing() {
        return None;
    }
    scene.events().find_map(|(entry, event)| match event {
        Event::Undecodable { rule, offset, .. } => Some(format!(
            "a frame of the client is no stanza ({}): {rule}, at byte {offset}",
            Scene::name(entry)
        )),
        _ => None,
    })
}

/// The client says on the wire that it could not decrypt.
pub(super) fn retry_asked(scene: &Scene<'_>) -> Option<String> {
    if !scene.is_missing() {
        return None;
    }
    scene.events().find_map(|(entry, event)| match event {
        Event::Stanza { direction: Direction::Received, bytes, .. } => {
            let node = binary::decode(&bytes.bytes()?).ok()?.node;
            let receipt = Receipt::sent(&node).ok()?;
            matches!(receipt.state, State::Retry(_)).then(|| {
                format!(
                    "the client could not decrypt {} and asked for it again ({})",
                    receipt.ids.join(", "),
                    Scene::name(entry)
                )
            })
        }
        _ => None,
    })
}

/// True for a stanza that wants an answer: a request, or what is to be acknowledged. A result, an
/// error, an ack, `<success>` and `<ib>` want none.
fn asks(node: &Node) -> bool {
    match node.tag.as_str() {
        "iq" => !matches!(node.text("type").as_deref(), Some("result" | "error")),
        "message" | "receipt" | "notification" | "call" => true,
        _ => false,
    }
}

/// The first bytes of a connection are not the profile's, so Meta's side goes no further.
pub(super) fn intro(scene: &Scene<'_>) -> Option<String> {
    if scene.check.id != "intro-header" {
        return None;
    }
    Some(format!(
        "a connection of the client begins with {}: Meta's side closes it there, and nothing after \
         it is reached; the adapter is told the header in `instance.profile` as `{PROLOGUE}`",
        scene.finding.actual
    ))
}

/// The client went away before it could do what was waited for.
pub(super) fn went_away(scene: &Scene<'_>) -> Option<String> {
    let here = scene.here().filter(|_| scene.is_missing())?;
    let before: Vec<_> = scene.events().take_while(|(entry, _)| entry.id != here.id).collect();
    // The step that waits, and the one whose doing it waits for.
    let begun = |event: &Event| matches!(event, Event::StepBegun { .. });
    let steps = before.iter().enumerate().filter(|(_, (_, event))| begun(event));
    let since = steps.rev().map(|(at, _)| at).nth(1).unwrap_or_default();
    let asked = before[since..].iter().any(|(_, event)| match event {
        Event::Called { operation, .. } => matches!(operation.as_str(), "disconnect" | "opt_out"),
        _ => false,
    });
    let closed = |event: &Event| matches!(event, Event::Closed { by_iut: true, .. });
    let (entry, _) = before[since..].iter().find(|(_, event)| closed(event))?;
    (!asked).then(|| {
        let mut entries = scene.transcript.entries().iter();
        let lent = entries.any(|entry| matches!(entry.event, Event::ClientLent));
        let whose = if lent { " that the harness lends" } else { "" };
        let name = Scene::name(entry);
        format!("the client{whose} closed its connection before it came to this ({name})")
    })
}

/// What the client did instead of what was waited for.
pub(super) fn not_answered(scene: &Scene<'_>) -> Option<String> {
    let waits_for_stanza = scene.finding.expected.contains("stanza: ");
    if !scene.is_missing() || !waits_for_stanza {
        return None;
    }
    let sent = |event: &Event| match event {
        Event::Stanza { direction: Direction::Sent, bytes, .. } => {
            let node = bytes.bytes().and_then(|bytes| binary::decode(&bytes).ok());
            node.is_some_and(|captured| asks(&captured.node))
        }
        _ => false,
    };
    let here = scene.here()?;
    let before = scene.events().take_while(|(entry, _)| entry.id != here.id);
    let asked = before.filter(|(_, event)| sent(event)).last().map(|(entry, _)| entry)?;
    let after = scene.events().skip_while(|(entry, _)| entry.id != asked.id);
    let answers: Vec<String> = after
        .take_while(|(entry, _)| entry.id != here.id)
        .filter_map(|(entry, event)| match event {
            Event::Stanza { direction: Direction::Received, xml, .. } => {
                let tag = xml.trim_start_matches('<').split([' ', '/', '>']).next()?;
                Some(format!("<{tag}> ({})", Scene::name(entry)))
            }
            _ => None,
        })
        .collect();
    let name = Scene::name(asked);
    Some(match answers.as_slice() {
        [] => format!(
            "after the last stanza that asked something of it ({name}) the client sent nothing"
        ),
        some => format!(
            "after the last stanza that asked something of it ({name}) the client sent only {}",
            some.join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::xml;

    #[test]
    fn results_and_acks_ask_nothing_of_the_client() {
        let asked = |text: &str| asks(&xml::parse(text).unwrap());
        for text in [
            "<iq id='1' type='get' xmlns='urn:xmpp:ping'/>",
            "<iq id='1' xmlns='urn:xmpp:ping'/>",
            "<message id='1'/>",
            "<receipt id='1'/>",
            "<notification id='1' type='encrypt'/>",
        ] {
            assert!(asked(text), "{text}");
        }
        for text in [
            "<iq id='1' type='result'/>",
            "<iq id='1' type='error'><error code='503'/></iq>",
            "<ack class='message' id='1'/>",
            "<success t='1'/>",
            "<ib><offline count='0'/></ib>",
        ] {
            assert!(!asked(text), "{text}");
        }
    }
}
