//! What a case may do with its instance: its calls, its connections, its requests.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;

use super::{Host, Streams, lent, lock};
use crate::driver::{CallError, Owner, Params, Pending};
use crate::http::{Delivery, HttpRequest, HttpResponse, Strain};
use crate::limits::LEAVE_WAIT_MS_MAX;
use crate::net::{ConnId, ExchangeId, HttpVersion, Probe};
use crate::role::meta::proxied_head;

/// A case's place at an instance.
pub struct Guest {
    pub host: Arc<Host>,
    pub streams: Streams,
    pub(super) owner: Owner,
}

impl Guest {
    /// Makes a user's connections and calls this guest's.
    pub fn expect_user(&self, digits: &str, visible_id: &str) {
        lock(&self.host.desk).expect_user(self.owner, digits, visible_id);
    }

    /// Asks the adapter for an operation and returns before it is answered.
    ///
    /// # Errors
    /// [`CallError`] where it could not be sent.
    pub async fn begin(&self, operation: &str, params: Params) -> Result<Pending, CallError> {
        self.host.instance().begin(self.owner, operation, params).await
    }

    /// Does the same with the client that is lent to the subject.
    ///
    /// # Errors
    /// [`CallError`] where it could not be sent, or none is lent.
    pub async fn begin_lent(&self, operation: &str, params: Params) -> Result<Pending, CallError> {
        let lent = self.host.lent.as_ref().ok_or(CallError::Closed)?;
        let mut pending = lent.begin(self.owner, operation, params).await?;
        pending.id = lent::id(pending.id);
        Ok(pending)
    }

    pub fn send(&self, conn: ConnId, bytes: Vec<u8>) {
        self.host.net.send(conn, bytes);
    }

    pub fn pause(&self, conn: ConnId, wait: Duration) {
        self.host.net.pause(conn, wait);
    }

    pub fn half_close(&self, conn: ConnId) {
        self.host.net.half_close(conn);
    }

    pub fn reset(&self, conn: ConnId) {
        self.host.net.reset(conn);
    }

    pub fn close(&self, conn: ConnId) {
        self.host.net.close(conn);
    }

    pub fn respond(&self, id: ExchangeId, response: HttpResponse) {
        self.host.net.respond(id, response);
    }

    /// Makes requests for a path this guest's.
    pub fn claim(&self, path: &str) {
        lock(&self.host.desk).claim(self.owner, path);
    }

    /// Makes requests whose path holds this word this guest's.
    pub fn claim_word(&self, word: &str) {
        lock(&self.host.desk).claim_word(self.owner, word);
    }

    pub fn deliver(&self, id: ExchangeId, response: HttpResponse, how: Delivery) {
        self.host.net.deliver(id, response, how);
    }

    /// Answers a request with what a server answers to another one, as Meta's media proxy does.
    pub fn relay(&self, id: ExchangeId, url: &str, request: HttpRequest, strain: Strain) {
        self.host.net.relay_strained(id, url, request, proxied_head, strain);
    }

    /// Fetches a file, whose answer comes to this guest.
    pub fn download(
        &self,
        version: HttpVersion,
        url: &str,
        request: HttpRequest,
        bytes_max: usize,
    ) -> ExchangeId {
        // Under the lock, as for every fetch.
        let mut desk = lock(&self.host.desk);
        let exchange = self.host.net.download_by(version, url, request, bytes_max);
        desk.asked(self.owner, exchange);
        exchange
    }

    pub fn lose(&self, id: ExchangeId) {
        self.host.net.lose(id);
    }

    /// Sends an HTTP request over such a network; its answer comes to this guest. The receiver hears
    /// when no more of the request gets through.
    pub fn fetch(
        &self,
        url: &str,
        request: HttpRequest,
        strain: Strain,
    ) -> (ExchangeId, oneshot::Receiver<()>) {
        // Under the lock, so that no answer can come before it is known whose it is.
        let mut desk = lock(&self.host.desk);
        let (exchange, stopped) = self.host.net.fetch_strained(url, request, strain);
        desk.asked(self.owner, exchange);
        (exchange, stopped)
    }

    /// Looks at a server in one odd way; what is seen comes to this guest.
    pub fn probe(&self, url: &str, probe: Probe) -> ExchangeId {
        let mut desk = lock(&self.host.desk);
        let exchange = self.host.net.probe(url, probe);
        desk.asked(self.owner, exchange);
        exchange
    }

    /// Takes its leave. Where others go on, its users go offline first.
    pub async fn leave(self, accounts: impl Iterator<Item = String>) -> Arc<Host> {
        let Self { host, streams, owner } = self;
        drop(streams);
        if host.shared && !host.has_ended() {
            let limit = Duration::from_millis(LEAVE_WAIT_MS_MAX);
            for account in accounts {
                let mut params = Params::new();
                params.insert("account".into(), json!(account));
                // Nobody waits for a user who does not go: the connection is closed below.
                let instance = host.lent.clone().unwrap_or_else(|| host.instance());
                let call = instance.call("disconnect", params);
                let _ = match instance.is_patient() {
                    true => Ok(call.await),
                    false => tokio::time::timeout(limit, call).await,
                };
            }
        }
        host.there.fetch_sub(1, Ordering::Relaxed);
        let left = lock(&host.desk).leave(owner);
        left.into_iter().for_each(|conn| host.net.close(conn));
        host
    }
}
