//! Live progress: a line for each finished case, and a bar where somebody watches.

use super::complaint;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::evidence::RunHeader;
use crate::report::case_line;
use crate::run::Observer;
use crate::verdict::CaseResult;

/// Shows a run while it goes on, on standard error.
pub struct Live {
    bar: ProgressBar,
    interactive: bool,
}

impl Live {
    /// A display; without a terminal it prints plain lines.
    pub fn new(interactive: bool) -> Self {
        let target =
            if interactive { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("  {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, interactive }
    }

    /// Removes the bar.
    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, text: &str) {
        if self.interactive { self.bar.println(text) } else { complaint::line(text) }
    }
}

impl Observer for Live {
    fn begun(&self, header: &RunHeader, cases: usize) {
        self.bar.set_length(cases as u64);
        let (seed, jobs) = (header.seed, header.jobs);
        self.line(&match cases {
            1 => format!("seed {seed}, 1 case"),
            _ if jobs == 1 => format!("seed {seed}, {cases} cases, one after another"),
            _ => format!("seed {seed}, {cases} cases, {jobs} at a time"),
        });
    }

    fn started(&self, case: &str) {
        self.bar.set_message(case.to_owned());
    }

    fn finished(&self, result: &Arc<CaseResult>) {
        self.bar.inc(1);
        self.line(&case_line(result));
    }
}
