//! RAT-015: of thousands of texts both ways none is lost.
//!
//! The messages themselves are not recorded; the tally of the runner is the evidence. A soak that was
//! broken off because it lost messages says so by its numbers.

use super::{Check, Observed, View};
use crate::evidence::{Entry, Event};

pub struct Soak;

impl Check for Soak {
    fn id(&self) -> &'static str {
        "soak"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["RAT-015"]
    }

    fn examine(&self, view: &View<'_>) -> Vec<Observed> {
        view.entries().filter_map(examine).collect()
    }
}

fn examine(entry: &Entry) -> Option<Observed> {
    let Event::Soaked { rounds, sent, shown, written, decrypted, lost } = &entry.event else {
        return None;
    };
    let whole = [sent, shown, written, decrypted].into_iter().all(|count| count == rounds);
    let right = whole && lost.is_empty();
    let expected = format!("{rounds} texts arrive each way");
    let actual = format!("{shown} of {sent} were shown, {decrypted} of {written} decrypted");
    Some(Observed::new("RAT-015", right, expected, actual, entry))
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::super::tests::Tape;
    use super::*;

    #[test]
    fn one_lost_text_is_one_too_many() {
        for (shown, lost, grade) in [(9, vec![], Grade::Right), (8, vec!["A"], Grade::Broken)] {
            let mut tape = Tape::default();
            let lost = lost.into_iter().map(str::to_owned).collect();
            let (rounds, sent, written, decrypted) = (9, 9, 9, 9);
            tape.add(Event::Soaked { rounds, sent, shown, written, decrypted, lost });
            let seen = tape.examined_by(&Soak);
            assert_eq!(seen.iter().map(|o| o.grade).collect::<Vec<_>>(), [grade]);
        }
    }
}
