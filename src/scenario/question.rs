//! `<cp:question/>`, `<cp:answer/>`, `<cp:taken/>`: what a client must answer, in the profile's form.
//!
//! Many rules of the channel and the codec show only in an answer. By which stanza a client is asked
//! is the profile's affair (`liveness.question`): third parties answer pings (TF Milestone 2); open
//! native clients leave the server's pings alone and acknowledge notifications (`wire.md` §4.0, §4.3).
//! So a scenario asks, and [`resolved`] says how. `<cp:taken/>` stands for what says that a message was
//! taken (`message.taken_by`): its ack, or, where native clients say no more, its delivery receipt.

use std::borrow::Cow;

use super::pattern::{Part, Pattern};
use super::template::Scope;

/// The element that is sent.
pub(super) const QUESTION: &str = "cp:question";
/// The element that is expected.
pub(super) const ANSWER: &str = "cp:answer";

/// The element that is expected for a message.
pub(super) const TAKEN: &str = "cp:taken";

/// What the profile is asked.
const KEY: &str = "profile.liveness.question";
const TAKEN_KEY: &str = "profile.message.taken_by";
const NOTIFICATION: &str = "notification";

const PING: &str = r#"<iq from="s.whatsapp.net" type="get" xmlns="urn:xmpp:ping"/>"#;
/// The type is one that no client knows: all that is asked for is the ack (STZ-013, STZ-019).
const NOTIFIED: &str = r#"<notification from="s.whatsapp.net" type="counterpart"/>"#;

/// The element itself, or the one that the profile means by it.
pub(super) fn resolved<'p>(part: &'p Part, scope: &dyn Scope) -> Cow<'p, Part> {
    let notified = || scope.lookup(KEY).as_deref() == Some(NOTIFICATION);
    let form = match part.tag.as_str() {
        QUESTION if notified() => NOTIFIED,
        QUESTION => PING,
        ANSWER if notified() => r#"<ack class="notification"/>"#,
        ANSWER => r#"<iq type="result"/>"#,
        TAKEN => r#"<ack class="message"/>"#,
        _ => return Cow::Borrowed(part),
    };
    Cow::Owned(made(part, form))
}

/// Other forms that say the same under this profile: a receipt of delivery, also of a client that
/// is not active (`wire.md` §4.8).
pub(super) fn alternatives(part: &Part, scope: &dyn Scope) -> Vec<Part> {
    const RECEIPTS: [&str; 2] = [r#"<receipt cp:absent="type"/>"#, r#"<receipt type="inactive"/>"#];
    let receipted = part.tag == TAKEN && scope.lookup(TAKEN_KEY).as_deref() == Some("receipt");
    let forms = RECEIPTS.into_iter().filter(|_| receipted);
    forms.map(|form| made(part, form)).collect()
}

/// The form with what the part says beyond it.
fn made(part: &Part, form: &str) -> Part {
    let Part { tag, attrs, absent, .. } = Pattern::builtin(form).root;
    let mut made = Part { tag, ..part.clone() };
    made.absent.extend(absent);
    let own = std::mem::replace(&mut made.attrs, attrs);
    made.attrs.retain(|attr| own.iter().all(|other| other.name != attr.name));
    made.attrs.extend(own);
    made
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn scope(question: Option<&str>) -> BTreeMap<String, String> {
        question.map(|word| (KEY.to_owned(), word.to_owned())).into_iter().collect()
    }

    fn xml(pattern: &str, question: Option<&str>) -> String {
        let node = Pattern::parse(pattern).unwrap().build(&scope(question)).unwrap();
        crate::wire::xml::print(&node)
    }

    #[test]
    fn the_profile_says_how_a_client_is_asked() {
        let pattern = r#"<cp:question id="7" notify=""/>"#;
        let ping =
            r#"<iq from="s.whatsapp.net" type="get" xmlns="urn:xmpp:ping" id="7" notify=""/>"#;
        assert_eq!(xml(pattern, Some("ping")), ping);
        assert_eq!(xml(pattern, None), ping);
        assert_eq!(
            xml(pattern, Some(NOTIFICATION)),
            r#"<notification from="s.whatsapp.net" type="counterpart" id="7" notify=""/>"#
        );
        assert!(xml(r#"<cp:question id="7" type="other"/>"#, None).contains(r#"type="other""#));
    }

    #[test]
    fn an_answer_is_the_one_to_that_question() {
        let answer = Pattern::builtin(r#"<cp:answer id="7"/>"#);
        let node = |text| Pattern::builtin(text).build(&scope(None)).unwrap();
        let (result, ack) = (
            node(r#"<iq to="s.whatsapp.net" id="7" type="result"/>"#),
            node(r#"<ack to="s.whatsapp.net" id="7" class="notification"/>"#),
        );
        for (question, yes, no) in [(None, &result, &ack), (Some(NOTIFICATION), &ack, &result)] {
            let scope = scope(question);
            assert!(answer.fits(yes, &scope) && answer.matches(yes, &scope).is_ok());
            assert!(!answer.fits(no, &scope) && answer.matches(no, &scope).is_err());
        }
        assert!(!answer.fits(&node(r#"<iq id="8" type="result"/>"#), &scope(None)));
    }

    #[test]
    fn a_message_is_taken_by_its_ack_or_where_the_profile_says_so_by_its_receipt() {
        let taken = Pattern::builtin(r#"<cp:taken id="7"/>"#);
        let by = |word: &str| BTreeMap::from([(TAKEN_KEY.to_owned(), word.to_owned())]);
        let node = |text| Pattern::builtin(text).build(&scope(None)).unwrap();
        let ack = node(r#"<ack id="7" class="message"/>"#);
        let receipt = node(r#"<receipt id="7"/>"#);
        assert!(taken.fits(&ack, &by("ack")) && !taken.fits(&receipt, &by("ack")));
        assert!(taken.fits(&ack, &by("receipt")) && taken.fits(&receipt, &by("receipt")));
        assert!(taken.matches(&receipt, &by("receipt")).is_ok());
        assert!(taken.fits(&node(r#"<receipt id="7" type="inactive"/>"#), &by("receipt")));
        for other in [r#"<receipt id="7" type="retry"/>"#, r#"<receipt id="8"/>"#] {
            assert!(taken.matches(&node(other), &by("receipt")).is_err());
        }
    }

    #[test]
    fn an_answer_is_not_sent_and_other_elements_are_not_ours() {
        assert!(Pattern::builtin("<cp:answer id='7'/>").unsendable().is_some());
        assert!(Pattern::builtin("<cp:taken id='7'/>").unsendable().is_some());
        assert!(Pattern::builtin("<cp:question id='7'/>").unsendable().is_none());
        assert!(Pattern::parse("<cp:qestion id='7'/>").is_err());
    }
}
