//! Follows a run, so that an interrupted one still leaves its reports behind.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::live::Live;
use crate::evidence::RunHeader;
use crate::run::Observer;
use crate::verdict::CaseResult;

/// Shows the run and keeps what it brought so far.
pub struct Watch {
    live: Live,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    header: Option<RunHeader>,
    cases: Vec<Arc<CaseResult>>,
}

impl Watch {
    pub fn new(live: Live) -> Self {
        Self { live, seen: Mutex::default() }
    }

    /// Ends the display.
    pub fn end(&self) {
        self.live.end();
    }

    /// The finished cases, sorted by id; `None` if the subject has not said hello. Nothing is kept.
    pub fn so_far(&self) -> Option<(RunHeader, Vec<CaseResult>)> {
        let Seen { header, cases } = std::mem::take(&mut *self.seen());
        let mut cases: Vec<CaseResult> = cases.into_iter().map(Arc::unwrap_or_clone).collect();
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        Some((header?, cases))
    }

    /// Values of plain data: whoever held the lock left nothing half done.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Watch {
    fn begun(&self, header: &RunHeader, cases: usize) {
        self.seen().header = Some(header.clone());
        self.live.begun(header, cases);
    }

    fn started(&self, case: &str) {
        self.live.started(case);
    }

    fn finished(&self, result: &Arc<CaseResult>) {
        self.seen().cases.push(Arc::clone(result));
        self.live.finished(result);
    }
}

/// Resolves when the user presses Ctrl-C, or a supervisor ends the run because of its time.
pub async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
