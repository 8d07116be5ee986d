//! The processes of one instance: the one that lives, and those that were killed on the way.
//!
//! Main type: [`Life`]. A client that keeps its state in the folder that it was given can be ended as
//! the operating system ends programs, by SIGKILL, without a word before: only so it shows what it had
//! written down (RAT-014). The next process is spoken to in the place of the one before.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::target::Target;
use crate::driver::Incoming;
use crate::iut::log::LogLine;
use crate::iut::watch::Alarm;
use crate::iut::{Instance, StartError};
use crate::seed::Seed;

/// What happens to the stream of what the adapter says.
pub enum Word {
    /// It will break off, and is meant to; who is told so waits for this.
    Ends(oneshot::Sender<()>),
    /// It goes on here.
    GoesOn(mpsc::Receiver<Incoming>),
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is asked to stop, and has its time.
    InOrder,
    /// SIGKILL.
    Killed,
}

/// An instance through its processes.
pub struct Life {
    now: Mutex<Arc<Instance>>,
    former: Mutex<Vec<Arc<Instance>>>,
    /// How the next one starts; `None` where the harness ends nobody.
    again: Option<Target>,
    tell: mpsc::Sender<Word>,
}

impl Life {
    pub fn new(instance: Instance, again: Option<Target>, tell: mpsc::Sender<Word>) -> Self {
        let (now, former) = (Mutex::new(Arc::new(instance)), Mutex::default());
        Self { now, former, again, tell }
    }

    /// The one that lives.
    pub fn instance(&self) -> Arc<Instance> {
        Arc::clone(&lock(&self.now))
    }

    /// True if the harness may end the process: what must outlive it is in its folder.
    pub fn is_mortal(&self) -> bool {
        self.again.is_some()
    }

    /// Ends the process and starts the next one; says how it ended.
    ///
    /// # Errors
    /// The next one did not start.
    ///
    /// # Panics
    /// Where the harness may not end it.
    pub async fn end_and_start(&self, how: End, seed: Seed) -> Result<String, StartError> {
        let target = self.again.as_ref().expect("callers ask `is_mortal` first");
        let (heard, hears) = oneshot::channel();
        // The task that listens lives as long as this does.
        let _ = self.tell.send(Word::Ends(heard)).await;
        let _ = hears.await;
        let former = self.instance();
        match how {
            End::InOrder => drop(former.stop().await),
            End::Killed => former.kill(),
        }
        let exit = former.ended().await.map_or("still there".to_owned(), |exit| exit.to_string());
        let (next, incoming) = target.start(seed).await?;
        *lock(&self.now) = Arc::new(next);
        lock(&self.former).push(former);
        let _ = self.tell.send(Word::GoesOn(incoming)).await;
        Ok(exit)
    }

    /// What was written to standard error from a mark on, which counts in the first process.
    pub fn stderr_since(&self, mark: u64) -> Vec<LogLine> {
        self.each(mark, Instance::stderr_since)
    }

    /// Reports of a crash among it (ROB-004).
    pub fn alarms_since(&self, mark: u64) -> Vec<Alarm> {
        self.each(mark, Instance::alarms_since)
    }

    fn each<T>(&self, mark: u64, of: impl Fn(&Instance, u64) -> Vec<T>) -> Vec<T> {
        let mut all = lock(&self.former).clone();
        all.push(self.instance());
        all.iter().enumerate().flat_map(|(n, it)| of(it, if n == 0 { mark } else { 0 })).collect()
    }
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // No code panics while it holds the lock; if some ever does, what it holds is still whole.
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
