//! Whether a scenario that can be read can also work, and decide what it claims to decide.
//!
//! Main function: [`lint`], all mistakes at once in the order of the file. It enforces
//! `interfaces.md` §2 and §8 and knows nothing of how a step is run. Rules about a whole file
//! stand here; `steps`, `references` and `negative` look at one case of the matrix each.

mod heading;
mod names;
mod negative;
mod references;
mod steps;

use super::expand::expand;
use super::model::Scenario;
use crate::span::Diagnostic;
use crate::spec::problems::Problems;

/// Judges a scenario. `quirks` are the ids of the deliberate faults that `proves` may name.
pub fn lint(scenario: &Scenario, quirks: &[&str]) -> Vec<Diagnostic> {
    let mut problems = Problems::new(&scenario.source);
    heading::lint(&mut problems, scenario, quirks);
    match expand(scenario) {
        Ok(cases) => {
            for case in cases {
                names::lint(&mut problems, &case.scenario);
                steps::lint(&mut problems, &case.scenario);
                references::lint(&mut problems, &case.scenario);
                negative::lint(&mut problems, &case.scenario);
            }
        }
        Err(errors) => errors.into_iter().for_each(|error| problems.push(error)),
    }
    problems.into_list()
}

#[cfg(test)]
mod tests;
