//! What a failure says nothing of: rows about something else than what went wrong.
//!
//! Main functions: [`of_step`] and [`of_control`]. What went wrong has rows of its own, which fail.

use crate::evidence::{EncFacts, Entry, Event, FormFacts, RuleGrade, TokenFacts, Transcript};
use crate::scenario::{Action, Kind, Step};

/// Why a step that failed says nothing of a row, if it does not. `evidence` are ids of entries.
pub(super) fn of_step(
    transcript: &Transcript,
    step: &Step,
    row: &str,
    evidence: &[String],
) -> Option<&'static str> {
    let is_of = |areas: &[&str]| areas.iter().any(|area| row.starts_with(area));
    let is_silent = |enc: &EncFacts| match enc.plaintext {
        // It opened, so it was encrypted and addressed as it should be.
        Some(_) => !is_of(&["MSG-", "RCP-"]),
        None => is_of(&["PRV-", "STZ-", "ROB-", "TRN-", "MED-", "MPX-", "ENL-013", "ENL-014"]),
    };
    if unread(transcript, step, evidence).is_some_and(is_silent) {
        return Some(UNREAD);
    }
    // What must not come, and came, needs no excuse; nor is there one for what has worked before.
    if matches!(step.action, Action::ExpectNone(_)) {
        return None;
    }
    let at = kept_out(transcript, evidence).filter(|at| !at.was_ever_passed(transcript))?;
    (!at.is_about(row)).then_some(at.why())
}

/// Why a control that failed does not show that the implementation refuses what is right, or is `damaged`
/// by what came before: it took it, and what it made of it was wrong, now and ever before.
pub(super) fn of_control(
    transcript: &Transcript,
    step: &Step,
    evidence: &[String],
    damaged: bool,
) -> Option<&'static str> {
    if unread(transcript, step, evidence).is_some() {
        let read = |entry: &Entry| matches!(entry.event, Event::Decrypted { .. });
        return (!damaged || !transcript.entries().iter().any(read)).then_some(UNREAD);
    }
    let at = kept_out(transcript, evidence)?;
    (!damaged || !at.was_ever_passed(transcript)).then_some(at.why())
}

const UNREAD: &str = "a Meta client could not read what was sent";
const NO_LOGIN: &str = "Meta's side had refused the login for what was in it";
const NO_CHANNEL: &str = "Meta's side could not read what came on the connection";
const REFUSED: &str = "Meta's side had refused the enlistment for what was in it";
/// The outcome of an enlistment that was taken.
const OK: &str = "ok";
/// Rows about the form of an enlistment.
const FORM: &[&str] =
    &["ENL-001", "ENL-003", "ENL-004", "ENL-005", "ENL-006", "ENL-007", "ENL-008", "ENL-009"];

/// The message that a finding rests on and that a Meta client could not read, if it is one; or the last
/// one before, where the step waited for what only a message brings that was read.
fn unread<'a>(
    transcript: &'a Transcript,
    step: &Step,
    evidence: &[String],
) -> Option<&'a EncFacts> {
    let entries = transcript.entries();
    let at = entries.iter().position(|entry| is_in(entry, evidence))?;
    let lane = entries[at].lane;
    let here = entries.iter().filter(|entry| is_in(entry, evidence));
    let before = entries[..=at].iter().rev().filter(|entry| entry.lane == lane);
    let of = |entry: &'a Entry| match &entry.event {
        Event::Undecryptable { enc, .. } => Some(Some(enc)),
        Event::Decrypted { .. } => Some(None),
        _ => None,
    };
    let direct = here.filter_map(of).flatten().next();
    direct.or_else(|| before.filter(|_| needs_a_reader(step)).find_map(of).flatten())
}

/// True for what does not come before a Meta client has read a message.
fn needs_a_reader(step: &Step) -> bool {
    let Action::Expect(expect) = &step.action else { return false };
    match expect.kind {
        Kind::Downloaded | Kind::Reaction | Kind::Receipt => true,
        Kind::Rule => expect.of() == Some(OF_MESSAGES),
        _ => false,
    }
}

/// What a rule is of that a file decides which a message names.
const OF_MESSAGES: &str = "media";

/// How far an implementation had come that was kept out for what it said itself.
enum KeptOut<'a> {
    Form(&'a FormFacts),
    /// The beginning of a connection, before Meta's side had said anything.
    Intro,
    Channel,
    Login,
}

impl KeptOut<'_> {
    fn why(&self) -> &'static str {
        match self {
            Self::Form(_) => REFUSED,
            Self::Intro | Self::Channel => NO_CHANNEL,
            Self::Login => NO_LOGIN,
        }
    }

    /// True for rows about what kept it out.
    fn is_about(&self, row: &str) -> bool {
        match self {
            Self::Form(form) => {
                let of_token = row == "ENL-010" || row.starts_with("JWT-");
                FORM.contains(&row) || of_token && form.token.is_some()
            }
            Self::Login => row == "NOI-008" || row.starts_with("JWT-"),
            Self::Intro => row == "TRN-016",
            // What Meta's side had said before may be what the step is about.
            Self::Channel => true,
        }
    }

    /// True if the implementation got further at some time in this case, so that it can.
    fn was_ever_passed(&self, transcript: &Transcript) -> bool {
        transcript.entries().iter().any(|entry| match (self, &entry.event) {
            (Self::Form(_), Event::Enlistment { outcome, .. }) => outcome == OK,
            (Self::Intro | Self::Channel | Self::Login, Event::Login { facts }) => {
                facts.refused.is_none()
            }
            _ => false,
        })
    }
}

/// What kept the implementation out, last before a finding or as what it rests on.
fn kept_out<'a>(transcript: &'a Transcript, evidence: &[String]) -> Option<KeptOut<'a>> {
    let entries = transcript.entries();
    let at = entries.iter().position(|entry| is_in(entry, evidence))?;
    let lane = entries[at].lane;
    let before = || entries[..=at].iter().rev().filter(|entry| entry.lane == lane);
    before().find_map(|entry| match &entry.event {
        Event::Enlistment { form, method, outcome, .. } => {
            let own = outcome != OK && (method != "POST" || is_faulty(form));
            Some(own.then_some(KeptOut::Form(form)))
        }
        Event::Login { facts } => Some(facts.is_refused_for_itself().then_some(KeptOut::Login)),
        Event::ChannelBroken { .. } => {
            let same = |other: &&Entry| other.id.stream == entry.id.stream;
            let began = |other: &Entry| matches!(other.event, Event::Handshake { .. });
            let spoke = before().filter(same).any(began);
            Some(Some(if spoke { KeptOut::Channel } else { KeptOut::Intro }))
        }
        _ => None,
    })?
}

fn is_faulty(form: &FormFacts) -> bool {
    let broken =
        |token: &TokenFacts| token.checked.iter().any(|rule| rule.grade == RuleGrade::Broken);
    !form.faults.is_empty()
        || form.signature_verifies == Some(false)
        || form.token.as_ref().is_none_or(broken)
}

fn is_in(entry: &Entry, evidence: &[String]) -> bool {
    evidence.contains(&entry.id.to_string())
}
