//! Causes in the course of the exchange: what was accepted, refused, late or never asked.

use super::Scene;
use crate::evidence::{Event, RuleGrade};
use crate::scenario::{Action, BundleFault, ContentFault, Mutation, Payload};

/// A negative step's fault went through.
pub(super) fn fault_accepted(scene: &Scene<'_>) -> Option<String> {
    // Who asks for a message again has not taken it.
    if !scene.is_unwanted() || scene.finding.actual.contains("type=\"retry\"") {
        return None;
    }
    if scene.finding.actual.starts_with("<receipt") {
        return Some(
            "the client says that a message was delivered before it knows whether it can read it"
                .to_owned(),
        );
    }
    Some(match scene.mutation()? {
        Mutation::ServerChain(fault) => format!(
            "the client goes on with a server whose certificate chain it should refuse ({}): it \
             checks too little of the chain before it sends its login",
            fault.word()
        ),
        Mutation::ServerHello(fault) => format!(
            "the client goes on after a handshake message of the server that it should refuse ({})",
            fault.word()
        ),
        Mutation::Tls(word) => format!(
            "the client hands its token to a server whose certificate it should refuse ({}): it \
             does not verify chain, name and validity of Meta's HTTP services",
            word.word()
        ),
        Mutation::Frame(fault) => {
            format!("the client takes a frame that it should refuse ({})", fault.word())
        }
        Mutation::Bytes(fault) => format!(
            "the client acts on bytes that are no stanza ({}): its decoder goes on where it should \
             give up",
            fault.word()
        ),
        // Any number is legal.
        Mutation::OfflineCount(_) => return None,
        Mutation::BundleSignature(fault) => format!(
            "the client uses a bundle whose signed prekey has no good signature ({}): it does not \
             verify the signature, or goes on where it fails",
            fault.word()
        ),
        Mutation::BundleError(code) => format!(
            "the client sends although it got no bundle (error {code}): there is a way around the \
             encryption"
        ),
        Mutation::Bundle(fault) => format!(
            "the client uses a bundle whose keys it should refuse ({}): it does not look at the \
             length of keys and signatures, or at the range of the identity key's coordinate and the \
             signature's scalar",
            fault.word()
        ),
        Mutation::Prekey(_) => "the client opens a second session with a one-time prekey that has \
             served: it keeps the private half"
            .to_owned(),
        Mutation::EnlistmentReason(reason) => format!(
            "the client takes the failed enlistment (`{reason}`) for a success: it looks at the \
             HTTP status and not at the body's `status`"
        ),
        Mutation::EnlistmentAnswer(answer) => format!(
            "the client takes an answer that says neither yes nor no ({}) for a success, or does \
             not say that it is none",
            answer.word()
        ),
        Mutation::LoginDigits(digits) => {
            format!("the client does not keep the number {digits} of its identifier as it is")
        }
        Mutation::ServerLogin(fault) => {
            format!(
                "the client does not cope with a login that comes to nothing ({})",
                fault.word()
            )
        }
        Mutation::Content(ContentFault::FlippedMac) => {
            "the client takes a ciphertext whose MAC is wrong".to_owned()
        }
        Mutation::Media(fault) => format!(
            "the client does not refuse a file that is not what its message says ({}): it checks \
             hashes, tag or path too little, or too late",
            fault.word()
        ),
        Mutation::Host(fault) => {
            format!("the client does not cope with what the media host does ({})", fault.word())
        }
        Mutation::Ciphertext(fault) => format!(
            "the client takes a ciphertext that was changed on the way ({}): its MAC does not cover \
             that part, or is not compared before the message is used",
            fault.word()
        ),
        Mutation::Sender(_) => "the client shows a message under a name whose session did not \
             decrypt it: it does not compare the two"
            .to_owned(),
        Mutation::Time(_) | Mutation::Device(_) => return None,
        // What the server answered decides.
        Mutation::PushToken(_) | Mutation::PushBody(_) => return None,
        Mutation::Content(fault) if clear(*fault) => {
            format!("the client shows content that nobody encrypted ({})", fault.word())
        }
        Mutation::Content(fault) => format!(
            "the client shows content that it cannot have read as it is defined ({}): it takes what \
             parses and leaves the rest",
            fault.word()
        ),
    })
}

/// True for what stands in a stanza without encryption.
fn clear(fault: ContentFault) -> bool {
    use ContentFault::{ClearBody, ClearEnc, ClearPlaintext};
    matches!(fault, ClearBody | ClearEnc | ClearPlaintext)
}

pub(super) fn replay_accepted(scene: &Scene<'_>) -> Option<String> {
    if !scene.is_unwanted() {
        return None;
    }
    let same_id = scene.scenario.steps.iter().find_map(|step| match &step.action {
        Action::Send(send) => match &send.payload {
            Payload::Replay { same_id, .. } => Some(*same_id),
            _ => None,
        },
        _ => None,
    })?;
    Some(if same_id {
        "the client does not remember the ids that it has shown, so what is delivered again is \
         shown again"
            .to_owned()
    } else {
        "the same ciphertext was decrypted a second time: the client keeps message keys that it \
         has used"
            .to_owned()
    })
}

/// The keys came from somebody who was not asked.
pub(super) fn keys_of_another(scene: &Scene<'_>) -> Option<String> {
    let handed = Some(&Mutation::Bundle(BundleFault::AnswerOfAnother));
    let is_handed = |action: &Action| match action {
        Action::Act(act) => act.mutate.as_ref() == handed,
        _ => false,
    };
    let offered = scene.scenario.steps.iter().any(|step| is_handed(&step.action));
    let taken = scene.events().find(|(_, event)| match event {
        Event::Undecryptable { reason, .. } => super::wire::names_an_unknown_key(reason),
        _ => false,
    });
    let (entry, _) = taken.filter(|_| offered && scene.is_missing())?;
    Some(format!(
        "the client encrypted under the keys that another user sent in the server's place ({}): it finds \
         the request of an answer by its id alone, without a look at `from`",
        Scene::name(entry)
    ))
}

/// The client was asked to enlist and no request came in.
pub(super) fn no_call(scene: &Scene<'_>) -> Option<String> {
    if !scene.is_missing() && !claims(scene) {
        return None;
    }
    let asked = scene.events().any(
        |(_, event)| matches!(event, Event::Called { operation, .. } if operation == "enlist"),
    );
    let called = scene.events().any(|(_, event)| matches!(event, Event::Enlistment { .. }));
    if !asked || called {
        return None;
    }
    let stray = scene.events().find_map(|(entry, event)| match event {
        Event::StrayRequest { method, path, served: false } => Some((entry, method, path)),
        _ => None,
    });
    Some(match stray {
        Some((entry, method, path)) => format!(
            "the client called {method} {path} ({}), which is not the enlistment API of the \
             profile (`enlistment.path`)",
            Scene::name(entry)
        ),
        None => "no HTTP request reached Meta's side: the adapter did not pass on \
                 `enlistment_url`, or the client refuses its scheme"
            .to_owned(),
    })
}

/// The adapter says what the wire contradicts.
fn claims(scene: &Scene<'_>) -> bool {
    scene.finding.actual.starts_with("the adapter reports")
}

pub(super) fn enlistment_refused(scene: &Scene<'_>) -> Option<String> {
    if !scene.is_missing() && !claims(scene) {
        return None;
    }
    let ended_well =
        |event: &Event| matches!(event, Event::Enlistment { outcome, .. } if outcome == "ok");
    if scene.events().any(|(_, event)| ended_well(event)) || scene.mutation().is_some() {
        return None;
    }
    scene.events().find_map(|(entry, event)| match event {
        Event::Enlistment { outcome, form, .. } => {
            let broken = form.faults.iter().filter(|rule| rule.grade == RuleGrade::Broken);
            let token = form.token.iter().flat_map(|token| &token.checked);
            let broken = broken.chain(token.filter(|rule| rule.grade == RuleGrade::Broken));
            let why = broken.map(|rule| {
                format!("{} {}", rule.requirement, rule.why.as_deref().unwrap_or_default())
            });
            let why: Vec<String> = why.collect();
            let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) };
            Some(format!(
                "Meta's side refused the enlistment ({}): {outcome}{why}",
                Scene::name(entry)
            ))
        }
        _ => None,
    })
}

/// What was waited for is there, but only after the time of the step.
pub(super) fn late(scene: &Scene<'_>) -> Option<String> {
    let entry = scene.late?;
    Some(format!(
        "it came after the time of the step was up ({}): the client is slow, or waits for something",
        Scene::name(entry)
    ))
}

pub(super) fn error_shown(scene: &Scene<'_>) -> Option<String> {
    if !scene.is_missing() {
        return None;
    }
    scene.events().find_map(|(entry, event)| match event {
        Event::Notified { name, params } if name == "error_shown" => {
            let class = params.get("class").and_then(serde_json::Value::as_str).unwrap_or("?");
            Some(format!(
                "the implementation itself knows: its user was shown an error of class {class} ({})",
                Scene::name(entry)
            ))
        }
        _ => None,
    })
}

/// A file was named, and nobody asked for it.
pub(super) fn no_fetch(scene: &Scene<'_>) -> Option<String> {
    if !scene.is_missing() || !scene.waits_for(&["media: {", "fetched: {"]) {
        return None;
    }
    let sent = |event: &Event| matches!(event, Event::MediaSent { .. });
    let (named, _) = scene.events().filter(|(_, event)| sent(event)).last()?;
    let asked = |event: &Event| {
        matches!(event, Event::FileAsked { .. } | Event::StrayRequest { served: false, .. })
    };
    let asked = scene.events().any(|(_, event)| asked(event));
    (!asked).then(|| {
        format!(
            "Meta's media host was never asked for the file ({}): the client fetches no file of this \
             kind, or the adapter did not pass on `media_url`",
            Scene::name(named)
        )
    })
}
