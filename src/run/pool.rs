//! The instances of a run: started when they are needed, shared as far as cases may share them.
//!
//! Main type: [`Pool`]. One instance takes in cases until its users are used up, and then the next
//! one starts; whoever leaves an instance last stops it. A start that fails is one case's finding,
//! but several in a row end the run: there is nobody to test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{Mutex, Semaphore};

use super::instance::{Company, Guest, Host, NotReady};
use super::session::Shared;
use super::target::{Started, Target};
use crate::limits::DEAD_STARTS_MAX;

/// The house of every instance that cases share, so that what they see does not depend on which.
const HOUSE: &str = "shared";

/// Where cases find instances.
pub(super) struct Pool {
    pub target: Target,
    pub company: Company,
    open: Mutex<Option<Open>>,
    dead_starts: AtomicU32,
    /// As many start at a time as there are processors: a dozen runtimes that load side by side take
    /// longer each than any of them may.
    starts: Semaphore,
}

/// The instance that takes in cases.
struct Open {
    host: Arc<Host>,
    accounts: u64,
}

impl Pool {
    /// A pool without instances. `company` is how cases share them.
    pub fn new(target: Target, company: Company) -> Self {
        let at_a_time = std::thread::available_parallelism().map_or(1, usize::from);
        let starts = Semaphore::new(at_a_time);
        Self { target, company, open: Mutex::new(None), dead_starts: AtomicU32::new(0), starts }
    }

    /// Begins with an instance that was greeted already.
    ///
    /// # Errors
    /// A port cannot be had.
    pub async fn begin_with(&self, started: Started, shared: &Shared) -> std::io::Result<()> {
        let host = Host::furnish(started, &self.target, shared, self.company, HOUSE).await?;
        *self.open.lock().await = Some(Open { host: Arc::new(host), accounts: 0 });
        Ok(())
    }

    /// A place at an instance that is shared, for a case with so many users.
    ///
    /// # Errors
    /// A new instance was needed and did not start.
    pub async fn share(&self, shared: &Shared, accounts: u64) -> Result<Guest, NotReady> {
        let mut open = self.open.lock().await;
        let max = self.target.adapter.max_accounts();
        let has_room = |open: &Open| open.accounts.saturating_add(accounts) <= max;
        if let Some(open) = open.as_mut().filter(|open| has_room(open) && !open.host.has_ended()) {
            open.accounts = open.accounts.saturating_add(accounts);
            return Ok(open.host.admit());
        }
        let former = open.take();
        let host = Arc::new(self.start(shared, self.company, HOUSE).await?);
        let guest = host.admit();
        *open = Some(Open { host, accounts });
        if let Some(former) = former {
            release(former.host).await;
        }
        Ok(guest)
    }

    /// A place at an instance of one's own, whose program is perhaps stopped on the way.
    ///
    /// # Errors
    /// It did not start.
    pub async fn own(
        &self,
        shared: &Shared,
        house: &str,
        stopped: bool,
    ) -> Result<Guest, NotReady> {
        let company = if stopped { Company::Stopped } else { Company::Own };
        let host = Arc::new(self.start(shared, company, house).await?);
        Ok(host.admit())
    }

    async fn start(
        &self,
        shared: &Shared,
        company: Company,
        house: &str,
    ) -> Result<Host, NotReady> {
        // It is never closed; were it, nothing would be gained by not starting.
        let _turn = self.starts.acquire().await.ok();
        let started = Host::start(&self.target, shared, company, house).await;
        match started {
            Err(NotReady::Start(error)) => {
                let dead = self.dead_starts.fetch_add(1, Ordering::Relaxed) + 1;
                let broken = dead >= DEAD_STARTS_MAX;
                Err(if broken { NotReady::Broken(error) } else { NotReady::Start(error) })
            }
            other => {
                self.dead_starts.store(0, Ordering::Relaxed);
                other
            }
        }
    }

    /// Stops what still runs.
    pub async fn close(&self) {
        if let Some(open) = self.open.lock().await.take() {
            release(open.host).await;
        }
    }
}

/// Gives an instance up; the last one to do so stops it.
pub(super) async fn release(host: Arc<Host>) {
    if let Some(host) = Arc::into_inner(host)
        && !host.has_ended()
    {
        host.instance().stop().await;
    }
}
