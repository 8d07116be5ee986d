//! What a run shows as a whole: capabilities that were tried, and what no case brings about alone.
//!
//! [`judge_run`] judges the transcript that a run keeps beside those of its cases, under the id
//! [`RUN_CASE`]. It looks like a case in reports, so that no format needs another shape for it.

use super::judge::{Setting, passive_results};
use super::passive::{Observed, process};
use crate::evidence::{Entry, Event, ProbeAnswer, Transcript};
use crate::verdict::{CaseResult, Witness};

/// The id of the transcript.
pub use crate::verdict::RUN_CASE;

/// Judges what belongs to no case.
pub fn judge_run(transcript: &Transcript, setting: Setting<'_>) -> CaseResult {
    let entries = transcript.entries();
    let tried = entries.iter().filter_map(capability);
    let capabilities = tried.chain(entries.iter().filter_map(shown)).collect();
    let troubles = entries.iter().filter_map(process::breach).collect();
    let mut checks = passive_results("capabilities", capabilities, setting);
    checks.extend(passive_results("process", troubles, setting));
    let title = "What the run shows as a whole".to_owned();
    CaseResult { title, ..CaseResult::of(RUN_CASE, RUN_CASE, checks) }
}

/// A hook that is declared exists, and one that is not does not work.
fn capability(entry: &Entry) -> Option<Observed> {
    let Event::Probed { operation, capability, declared, answer } = &entry.event else {
        return None;
    };
    let (right, expected, actual) = match (declared, answer) {
        (true, ProbeAnswer::Done | ProbeAnswer::Refused) => {
            (true, format!("declared hooks exist, `{capability}` among them"), "it exists")
        }
        (true, ProbeAnswer::MethodNotFound) => {
            let expected =
                format!("`{operation}` exists: the capability `{capability}` is declared");
            (false, expected, "method not found (-32601)")
        }
        (false, ProbeAnswer::Done) => {
            let expected = format!(
                "`{operation}` is not there: the capability `{capability}` is not declared"
            );
            (false, expected, "it works")
        }
        _ => return None,
    };
    let mut observed = Observed::new("ROB-005", right, expected, actual, entry);
    observed.witness = Witness::Driver;
    Some(observed)
}

/// What is spoken was stated; what is stated may be spoken to somebody else.
fn shown(entry: &Entry) -> Option<Observed> {
    let Event::Shown { capability, value, case, declared } = &entry.event else { return None };
    let expected = format!("`{capability}` states all that is spoken");
    let actual = match declared {
        true => format!("{case} shows {value}, as stated"),
        false => format!("{case} shows {value}, which is not stated"),
    };
    Some(Observed::new("ROB-005", *declared, expected, actual, entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Lane, Stream, Trouble};
    use crate::spec::Profile;
    use crate::verdict::Verdict;

    fn judged(events: Vec<Event>) -> Vec<(String, Verdict)> {
        let mut transcript = Transcript::new(RUN_CASE);
        for event in events {
            transcript.record(0, Stream::operations(), Lane::Main, None, event);
        }
        let profile = Profile::builtin("whatsapp-1.0.3").unwrap();
        let result = judge_run(&transcript, Setting { profile: &profile, foreign: true });
        result
            .checks
            .into_iter()
            .map(|check| (check.requirement.to_string(), check.verdict))
            .collect()
    }

    fn probed(declared: bool, answer: ProbeAnswer) -> Event {
        let (operation, capability) = ("advance_clock".to_owned(), "clock".to_owned());
        Event::Probed { operation, capability, declared, answer }
    }

    #[test]
    fn a_declaration_is_true_false_or_not_shown() {
        use ProbeAnswer::*;
        let of = |declared, answer| judged(vec![probed(declared, answer)]);
        let row = |verdict| vec![("ROB-005".to_owned(), verdict)];
        assert_eq!(of(true, Done), row(Verdict::Pass));
        assert_eq!(of(true, Refused), row(Verdict::Pass));
        assert_eq!(of(true, MethodNotFound), row(Verdict::Fail));
        assert_eq!(of(false, Done), row(Verdict::Fail));
        // Who declares nothing and has nothing has shown nothing.
        assert_eq!(of(false, MethodNotFound), []);
        assert_eq!(of(true, Nothing), []);
    }

    #[test]
    fn what_is_spoken_was_stated() {
        for (declared, verdict) in [(true, Verdict::Pass), (false, Verdict::Fail)] {
            let (capability, value) = ("signal.versions".to_owned(), "3".to_owned());
            let shown = Event::Shown { capability, value, case: "m3.3/a".into(), declared };
            assert_eq!(judged(vec![shown]), [("ROB-005".to_owned(), verdict)]);
        }
    }

    #[test]
    fn what_no_case_brings_about_alone_is_the_runs() {
        let cases = vec!["m1/a".to_owned(), "m1/b".to_owned()];
        let event = Event::Unreproduced { kind: Trouble::Died, detail: "died".into(), cases };
        assert_eq!(judged(vec![event]), [("ROB-001".to_owned(), Verdict::Fail)]);
        assert_eq!(judged(vec![]), []);
    }
}
