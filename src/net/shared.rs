//! What all tasks of one `Net` share: the event queue, the open connections, the pending answers.
//!
//! Main type: [`Shared`]. Every task is spawned through it, so that none outlives the `Net`. A
//! connection is in the table exactly as long as it may be written to: taking it out is how it is
//! closed, and the writer ends by itself when the queue is drained.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use axum::response::Response;

use crate::http::{Delivery, HttpResponse};
use crate::limits::{CONNECTIONS_MAX, WRITE_QUEUE_BYTES_MAX};
use crate::net::relay::Wanted;
use crate::net::tls::Trust;
use crate::net::{ConnId, ExchangeId, NetEvent, Waits};

/// The state behind a `Net`.
pub(super) struct Shared {
    /// Where listeners listen.
    pub bind: IpAddr,
    pub waits: Waits,
    /// One permit for each accepted connection.
    pub places: Arc<Semaphore>,
    events: mpsc::Sender<NetEvent>,
    stop: watch::Receiver<()>,
    runtime: Handle,
    writers: Mutex<HashMap<ConnId, Writer>>,
    answers: Mutex<HashMap<ExchangeId, oneshot::Sender<Answer>>>,
    /// Who waits for what is being asked for on behalf of several.
    reads: Mutex<HashMap<Wanted, Vec<ExchangeId>>>,
    /// Whom HTTPS calls trust; looked up when the first one is made.
    trust: Mutex<Option<Trust>>,
    conns: AtomicU64,
    exchanges: AtomicU64,
}

/// What a request is answered with.
pub(super) enum Answer {
    Whole(HttpResponse),
    /// With a body that does not simply travel.
    Faulty(HttpResponse, Delivery),
    /// Somebody else's, while it comes.
    Ready(Response),
}

/// The session's end of a connection's write queue.
struct Writer {
    items: mpsc::UnboundedSender<Item>,
    waiting: Arc<AtomicUsize>,
    overflow: oneshot::Sender<Overflow>,
}

/// What a connection's writer does next, in the order of the queue.
#[derive(Debug)]
pub(super) enum Item {
    Bytes(Vec<u8>),
    /// Lets time pass before what follows.
    Pause(Duration),
    /// Says that nothing more comes, and goes on listening.
    HalfClose,
    /// Resets the connection: what the peer has not read yet is lost to it.
    Reset,
}

impl Item {
    /// What it counts against the bound, its own bookkeeping included.
    fn cost(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len().saturating_add(64),
            Self::Pause(_) | Self::HalfClose | Self::Reset => 64,
        }
    }
}

/// More waits to be written than may wait.
#[derive(Debug)]
pub(super) struct Overflow;

/// The connection's end of its write queue.
pub(super) struct WriteQueue {
    pub items: Items,
    /// Resolves to `Ok` on overflow and to `Err` when a close is asked for.
    pub order: oneshot::Receiver<Overflow>,
}

/// What waits to be written.
pub(super) struct Items {
    queued: mpsc::UnboundedReceiver<Item>,
    waiting: Arc<AtomicUsize>,
    /// The cost of the item that was taken last.
    taken: usize,
}

impl Items {
    /// The next item; `None` when the connection is to be closed and everything has been taken.
    ///
    /// An item counts as waiting until the one after it is asked for.
    pub async fn next(&mut self) -> Option<Item> {
        self.waiting.fetch_sub(std::mem::take(&mut self.taken), Ordering::Relaxed);
        let item = self.queued.recv().await?;
        self.taken = item.cost();
        Some(item)
    }
}

impl Shared {
    pub fn new(
        events: mpsc::Sender<NetEvent>,
        stop: watch::Receiver<()>,
        bind: IpAddr,
        waits: Waits,
    ) -> Self {
        Self {
            bind,
            waits,
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            events,
            stop,
            runtime: Handle::current(),
            writers: Mutex::default(),
            answers: Mutex::default(),
            reads: Mutex::default(),
            trust: Mutex::default(),
            conns: AtomicU64::new(0),
            exchanges: AtomicU64::new(0),
        }
    }

    /// Runs a task until it ends or the `Net` is dropped.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.stopped();
        self.runtime.spawn(async move {
            tokio::select! {
                biased;
                () = stopped => {}
                () = task => {}
            }
        });
    }

    pub fn set_trust(&self, trust: Trust) {
        *locked(&self.trust) = Some(trust);
    }

    /// Whom HTTPS calls trust: whom this machine trusts, where nothing else was said.
    pub fn trust(&self) -> Trust {
        locked(&self.trust).get_or_insert_with(Trust::of_this_machine).clone()
    }

    /// Resolves when the `Net` is dropped.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.clone();
        async move { while stop.changed().await.is_ok() {} }
    }

    /// Hands an event to the session, waiting for room.
    pub async fn emit(&self, event: NetEvent) {
        // A session that has dropped its receiver wants no more events; the tasks end with the net.
        let _ = self.events.send(event).await;
    }

    /// Enters a connection into the table.
    pub fn register(&self) -> (ConnId, WriteQueue) {
        let conn = self.conns.fetch_add(1, Ordering::Relaxed) + 1;
        let (items, queued) = mpsc::unbounded_channel();
        let (overflow, order) = oneshot::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let writer = Writer { items, waiting: Arc::clone(&waiting), overflow };
        locked(&self.writers).insert(conn, writer);
        (conn, WriteQueue { items: Items { queued, waiting, taken: 0 }, order })
    }

    /// Queues an item for a connection, or ends it if too much waits.
    pub fn enqueue(&self, conn: ConnId, item: Item) {
        let mut writers = locked(&self.writers);
        let Some(writer) = writers.get(&conn) else { return };
        let cost = item.cost();
        let before = writer.waiting.fetch_add(cost, Ordering::Relaxed);
        if before.saturating_add(cost) <= WRITE_QUEUE_BYTES_MAX {
            // The connection may just have ended; its `Closed` says so.
            let _ = writer.items.send(item);
        } else if let Some(writer) = writers.remove(&conn) {
            let _ = writer.overflow.send(Overflow);
        }
    }

    /// Takes a connection out of the table, so that its writer drains the queue and ends.
    pub fn forget(&self, conn: ConnId) {
        locked(&self.writers).remove(&conn);
    }

    /// A fresh number for an exchange.
    pub fn exchange(&self) -> ExchangeId {
        self.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Announces that a request waits for its answer.
    pub fn await_answer(&self, id: ExchangeId) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        locked(&self.answers).insert(id, sender);
        receiver
    }

    /// Passes an answer on to the request that waits for it.
    pub fn answer(&self, id: ExchangeId, response: Answer) {
        if let Some(waiting) = locked(&self.answers).remove(&id) {
            let _ = waiting.send(response);
        }
    }

    /// Enters a reader; true if nobody is asking for the same already.
    pub fn reads_first(&self, wanted: &Wanted, reader: ExchangeId) -> bool {
        let mut reads = locked(&self.reads);
        let readers = reads.entry(wanted.clone()).or_default();
        readers.push(reader);
        readers.len() == 1
    }

    /// Everybody who waits for it; whoever comes now is the first of the next.
    pub fn readers_of(&self, wanted: &Wanted) -> Vec<ExchangeId> {
        locked(&self.reads).remove(wanted).unwrap_or_default()
    }

    #[cfg(test)]
    pub fn unanswered(&self) -> usize {
        locked(&self.answers).len()
    }

    /// Notes that a request waits no longer.
    pub fn give_up(&self, id: ExchangeId) {
        locked(&self.answers).remove(&id);
    }
}

/// Nothing panics while it holds one of these locks, so a poisoned one is as good as new.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
