//! Events in words, one line each, for reports.
//!
//! Main function: [`Event::in_words`]. It repeats what was recorded and judges nothing; secrets
//! cannot appear, because no event holds one. What the runner notes for itself has no words.

use serde_json::Value;

use super::{Direction, Event, StepEnd, Trouble};

/// Longest line; stanzas are cut in the middle of nothing that a reader needs.
const CHARS_MAX: usize = 240;

/// Who plays the client of a subject that has none.
const LENT: &str = "the client that the harness lends";

impl Event {
    /// What happened, in one line; `None` for what only concerns the runner.
    pub fn in_words(&self) -> Option<String> {
        self.in_words_of(false)
    }

    /// The same in a case whose client may be one that the harness lends.
    pub fn in_words_of(&self, client_is_lent: bool) -> Option<String> {
        let words = match self {
            Self::Closed { by_iut: true, error } if client_is_lent => {
                closed(LENT, error.as_deref())
            }
            _ => self.words()?,
        };
        Some(match words.char_indices().nth(CHARS_MAX) {
            None => words,
            Some((end, _)) => format!("{}…", &words[..end]),
        })
    }

    fn words(&self) -> Option<String> {
        Some(match self {
            Self::StepBegun { text, .. } => format!("step {}", step(text)),
            Self::StepEnded { end, .. } => ended(end)?,
            Self::Called { operation, params } => format!("asked for `{operation}` {params}"),
            Self::Answered { operation, outcome: Ok(result) } => {
                format!("`{operation}` answered {result}")
            }
            Self::Answered { operation, outcome: Err(error) } => {
                format!("`{operation}` failed: {error}")
            }
            Self::Notified { name, params } => format!("the user sees {name} {}", brief(params)),
            Self::DriverBreach { why } => format!("the driver protocol is broken: {why}"),
            Self::ProcessTrouble { kind, detail, .. } => {
                format!("{}: {detail}", trouble(*kind))
            }
            Self::Vitals { well: false, .. } => "the process is not well".to_owned(),
            Self::Probed { operation, declared, .. } => {
                let stated = if *declared { "is stated" } else { "is not stated" };
                format!("the hook `{operation}`, which {stated}, was tried")
            }
            Self::Unreproduced { kind, detail, .. } => {
                format!("{}: {detail}; no case alone brings it about", trouble(*kind))
            }
            Self::Soaked { sent, shown, written, decrypted, .. } => format!(
                "of {sent} texts {shown} were shown, of {written} written {decrypted} were decrypted"
            ),
            Self::EnlistedElsewhere => "another device of the user enlists".to_owned(),
            Self::Deviated { what } => format!("Meta's side deviates on purpose: {what}"),
            Self::Isolated { why } => format!("the case is carried out again, alone: {why}"),
            Self::Log { lines } => format!("its log: {}", lines.last()?),
            Self::Accepted { websocket } => {
                let over = if *websocket { "WebSocket" } else { "TCP" };
                format!("a chat connection over {over}")
            }
            Self::Intro { header, .. } => format!("received the intro header {header}"),
            Self::Handshake { message, direction, len, .. } => {
                format!("{} handshake message {message}, {len} bytes", verb(*direction))
            }
            Self::ChannelBroken { why } => format!("the channel broke: {why}"),
            Self::Login { facts } => match &facts.refused {
                None => "the login was accepted".to_owned(),
                Some(why) => format!("the login was refused: {why}"),
            },
            Self::Stanza { direction, xml, .. } => format!("{} {xml}", verb(*direction)),
            Self::Undecodable { offset, rule, .. } => {
                format!("received a frame that is no stanza: {rule} (at byte {offset})")
            }
            Self::Closed { by_iut: true, error } => closed("the implementation", error.as_deref()),
            Self::Closed { error, .. } => closed("Meta's side", error.as_deref()),
            Self::Enlistment { method, path, outcome, .. } => {
                format!("{method} {path} (enlistment): {outcome}")
            }
            Self::Published { signed_id, one_time, stock, .. } => format!(
                "published signed prekey {signed_id} and {one_time} one-time prekeys; {stock} in stock"
            ),
            Self::FaultArmed { what, .. } => format!("the network will misbehave: {what}"),
            Self::FaultTook { what, .. } => format!("the network misbehaved: {what}"),
            Self::ClockAdvanced { by_ms } => format!("the clock moved on by {by_ms} ms"),
            Self::Asked { what, about } => {
                let about = about.as_ref().map(|jid| format!(" of {jid}")).unwrap_or_default();
                format!("the client asks for {what}{about}")
            }
            Self::Typing { from, on } => {
                format!("{from} {}", if *on { "types" } else { "types no more" })
            }
            Self::MediaSent { id, kind, len, .. } => {
                format!("a Meta client hosts a file for {id} ({kind}, {len} bytes)")
            }
            Self::Downloaded { id, facts, .. } => {
                format!("a Meta client fetched the file of {id}: {}", facts.state)
            }
            Self::FileSeen { id, state, file, .. } => {
                format!("the file of {id} is {state}, what lies there: {file}")
            }
            Self::FileAsked { method, path, status, .. } => {
                format!("{method} {path} at the media host: {status}")
            }
            Self::StubAsked { stub, method, path } if stub.is_empty() => {
                format!("{method} {path} at another host, which no stub is about")
            }
            Self::StubAsked { stub, method, path } => {
                format!("{method} {path} at another host: the stub {stub}")
            }
            Self::MediaProbed { probe, requests, .. } => {
                format!("the media server was probed ({probe}, {requests} requests)")
            }
            Self::StrayRequest { method, path, served: true } => {
                format!("{method} {path}, which everybody gets")
            }
            Self::StrayRequest { method, path, .. } => {
                format!("{method} {path}, which nobody serves")
            }
            Self::WakeInjected { .. } => {
                "the driver is to wake the client, as a push would".to_owned()
            }
            Self::Requested { method, path, .. } => format!("sent {method} {path}"),
            Self::Responded { status, .. } => format!("received the answer {status}"),
            Self::RequestFailed { why, .. } => format!("no answer: {why}"),
            Self::Looked { probe, endpoint, .. } => format!("probed {endpoint}: {probe}"),
            Self::TlsRefused { why } => format!("somebody did not come to TLS: {why}"),
            Self::KeySet { checked } => format!("a key set was fetched, {} rules", checked.len()),
            Self::Encrypted { id, enc, .. } => {
                format!("a Meta client encrypted {id} ({})", enc.kind)
            }
            Self::Decrypted { id, enc, .. } => {
                format!("a Meta client decrypted {id} ({})", enc.kind)
            }
            Self::Undecryptable { id, reason, .. } => {
                format!("a Meta client could not decrypt {id}: {reason}")
            }
            Self::Canary { what, .. } => format!("{what} must not be seen in clear from here on"),
            Self::Shown { capability, value, case, .. } => {
                format!("{case} shows {value} of `{capability}`")
            }
            Self::Named { whose, name } => format!("{whose} is shown to others as {name}"),
            Self::Sighted { place, what, form, .. } => {
                format!("{what} stands in {place} ({form})")
            }
            Self::Compromised { with, .. } => {
                format!("the client's keys and its session with {with} are stolen")
            }
            Self::CaseBegun { .. }
            | Self::ClientLent
            | Self::ServerLent
            | Self::CaseSkipped { .. }
            | Self::CaseEnded
            | Self::Vitals { .. }
            | Self::LogSearched { .. }
            | Self::Settled { .. }
            | Self::Bound { .. } => return None,
        })
    }
}

/// A step without the path of its file and without the runner's word for its part.
fn step(text: &str) -> &str {
    let text = text.rsplit_once(" [").map_or(text, |(text, _)| text);
    text.split_once(".yaml:").map_or(text, |(_, rest)| rest)
}

fn ended(end: &StepEnd) -> Option<String> {
    Some(match end {
        StepEnd::Done => return None,
        StepEnd::TimedOut => "the time of the step was up".to_owned(),
        StepEnd::Fenced => "nothing more can come".to_owned(),
        StepEnd::NotFenced(why) => format!("whether more comes is open: {why}"),
        StepEnd::Refused(why) => format!("the step was refused: {why}"),
        StepEnd::Unsupported => "the adapter does not know the operation".to_owned(),
        StepEnd::OutOfSight => {
            "only the half of the third party would show it that is not the subject's".to_owned()
        }
    })
}

fn verb(direction: Direction) -> &'static str {
    match direction {
        Direction::Received => "received",
        Direction::Sent => "sent",
    }
}

fn trouble(kind: Trouble) -> &'static str {
    match kind {
        Trouble::Died => "the process died",
        Trouble::Hung => "the process hangs",
        Trouble::Panicked => "the process printed what only a defect prints",
        Trouble::NotStarted => "the process did not start",
        Trouble::Flooded => "it said more than a case can hold",
    }
}

fn closed(who: &str, error: Option<&str>) -> String {
    let error = error.map(|error| format!(" ({error})")).unwrap_or_default();
    format!("{who} closed the connection{error}")
}

/// Parameters without the account, which the stream names.
fn brief(params: &Value) -> Value {
    let mut params = params.clone();
    if let Some(members) = params.as_object_mut() {
        members.remove("account");
    }
    params
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_told_in_one_line() {
        let said = |event: Event| event.in_words();
        let begun = Event::StepBegun {
            phase: 0,
            step: 1,
            text: "scenarios/m2/a.yaml:12: act: { on: alice } [Own(1)]".into(),
        };
        assert_eq!(said(begun).unwrap(), "step 12: act: { on: alice }");
        let params = json!({"account": "a1", "state": "online"});
        let notified = Event::Notified { name: "connection".into(), params };
        assert_eq!(said(notified).unwrap(), "the user sees connection {\"state\":\"online\"}");
        assert_eq!(said(Event::CaseEnded), None);
        let closed = Event::Closed { by_iut: true, error: None };
        let lent = "the client that the harness lends closed the connection";
        assert_eq!(closed.in_words_of(true).unwrap(), lent);
        assert_eq!(said(closed).unwrap(), "the implementation closed the connection");
        let long = Event::DriverBreach { why: "é".repeat(1000) };
        assert_eq!(said(long).unwrap().chars().count(), CHARS_MAX + 1);
    }
}
