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
    let unread = unread(transcript, step, evidence).filter(|enc| is_silent(enc));
    let refused = || {
        let form = refused_form(transcript, evidence)?;
        let of_token = row == "ENL-010" || row.starts_with("JWT-");
        let says = FORM.contains(&row) || of_token && form.token.is_some();
        (!says).then_some(REFUSED)
    };
    unread.map(|_| UNREAD).or_else(refused)
}

/// Why a control that failed does not show that the implementation refuses what is right: it took it,
/// and what it made of it was wrong.
pub(super) fn of_control(
    transcript: &Transcript,
    step: &Step,
    evidence: &[String],
) -> Option<&'static str> {
    match unread(transcript, step, evidence) {
        Some(_) => Some(UNREAD),
        None => refused_form(transcript, evidence).map(|_| REFUSED),
    }
}

const UNREAD: &str = "a Meta client could not read what was sent";
const REFUSED: &str = "Meta's side had refused the enlistment for what was in it";
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

/// The form of the last enlistment before a finding, or of the one that it rests on, if Meta's side refused
/// it for what was in it.
fn refused_form<'a>(transcript: &'a Transcript, evidence: &[String]) -> Option<&'a FormFacts> {
    let entries = transcript.entries();
    let at = entries.iter().position(|entry| is_in(entry, evidence))?;
    let lane = entries[at].lane;
    let mut before = entries[..=at].iter().rev().filter(|entry| entry.lane == lane);
    let (form, method, outcome) = before.find_map(|entry| match &entry.event {
        Event::Enlistment { form, method, outcome, .. } => Some((form, method, outcome)),
        _ => None,
    })?;
    let own = outcome != "ok" && (method != "POST" || is_faulty(form));
    own.then_some(form)
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
