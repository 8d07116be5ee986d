//! Requests to the server and their answers: the stock of prekeys, pings; and its own requests.
//!
//! Main type: [`Asked`]. An answer counts only if it has the id of a request that waits and comes
//! from the server (STZ-009, STZ-014). A request without an answer in time ends the connection,
//! since the line is then dead (TRN-014).

use std::time::Duration;

use super::Purpose;
use super::ThirdPartyClient;
use super::effect::{CallId, ConnectionState, FailureKind, Notification, Reply};
use super::link::Stage;
use crate::clock::UnixMs;
use crate::e2ee::OneTimePrekey;
use crate::limits::ANSWER_WAIT_MS_MAX;
use crate::role::quirk::Fault;
use crate::role::signal::{kem_key, one_time_key, signed_key};
use crate::stanza::blocklist::Change;
use crate::stanza::iq::{self, Iq, IqType};
use crate::stanza::prekeys::{self, Upload};
use crate::wire::{Jid, Node};

/// How long a faulty client waits for an answer.
const IMPATIENCE_MS: u64 = 500;

/// A request that waits for its answer.
pub(super) struct Asked {
    pub what: What,
    pub until: UnixMs,
}

pub(super) enum What {
    Count,
    Upload,
    Bundle(Jid),
    Rotation,
    Ping,
    /// The change that was asked for, and the call that waits; none at the first login.
    Blocklist(Option<Change>, Option<CallId>),
    Deletion,
    Reachability,
}

impl ThirdPartyClient {
    pub(super) fn ask(&mut self, kind: IqType, xmlns: &str, children: Vec<Node>, what: What) {
        self.asked_so_far += 1;
        let id = format!("{}-{}", self.iq_prefix, self.asked_so_far);
        let wait_ms = if self.has(Fault::Impatient) { IMPATIENCE_MS } else { ANSWER_WAIT_MS_MAX };
        let until = self.now.after(Duration::from_millis(wait_ms));
        let mut request = iq::request(&id, kind, xmlns).children(children);
        if matches!(what, What::Ping) && self.has(Fault::PingOfUnknownType) {
            request.attrs.retain(|(name, _)| *name != "type");
            request = request.attr("type", "query");
        }
        self.send(&request);
        self.requests.insert(id, Asked { what, until });
    }

    /// PRE-001, PRE-010: asks how many one-time prekeys the server still has.
    pub(super) fn ask_for_count(&mut self) {
        self.ask(IqType::Get, prekeys::XMLNS, vec![Node::new("count")], What::Count);
    }

    pub(super) fn iq(&mut self, node: &Node) {
        let Ok(iq) = Iq::from_node(node) else { return };
        let from_server = iq::is_server(iq.from.as_ref());
        if !iq.kind.is_request() {
            // STZ-012: answers are never answered.
            if from_server || self.has(Fault::AnswerOfAnyone) {
                self.iq_answered(&iq, node);
            }
            if self.has(Fault::AnswersAnswered) {
                self.send(&iq::client_error(node, 400, "bad-request"));
            }
            return;
        }
        self.obey_a_push(&iq, node);
        let ping = iq.is_ping() || node.find("ping").is_some();
        if !(ping && from_server && iq.kind == IqType::Get) {
            // STZ-011: whatever is asked is answered.
            if self.has(Fault::UnknownIqUnanswered) {
                return;
            }
            return self.send(&iq::client_error(node, 501, "feature-not-implemented"));
        }
        if !self.has(Fault::ServerPingIgnored) {
            self.send(&iq::client_result(node));
        }
    }

    fn iq_answered(&mut self, iq: &Iq, node: &Node) {
        let Some(asked) = iq.id.as_ref().and_then(|id| self.requests.remove(id)) else { return };
        let good = iq.kind == IqType::Result;
        match asked.what {
            What::Count => self.count_answered(node),
            What::Upload => self.upload_answered(good),
            What::Bundle(peer) => self.bundle_answered(&peer, node),
            What::Blocklist(change, call) => self.blocklist_answered(change, call, good, node),
            What::Deletion => self.deletion_answered(good),
            What::Ping | What::Rotation | What::Reachability => {}
        }
    }

    /// An answer that gives no number is as an empty stock: uploading is right in any case.
    fn count_answered(&mut self, node: &Node) {
        let value = node.find("count").and_then(|count| count.text("value")?.parse::<u64>().ok());
        let stays_away = self.has(Fault::PrekeysNeverUploaded);
        if !stays_away && value.unwrap_or_default() < self.settings.values.int("prekeys.low_stock")
        {
            self.upload();
        } else {
            self.ready();
        }
    }

    /// Uploads the public halves of a batch (`wire.md` §4.4).
    pub(super) fn upload(&mut self) {
        let one_time = self.batch(self.settings.upload_batch);
        let mut upload = Upload {
            registration_id: self.party.registration_id(),
            identity: self.party.identity(),
            one_time: one_time.into_iter().map(one_time_key).collect(),
            signed: signed_key(self.party.signed_prekey()),
            kem: kem_key(&*self.party, self.settings.signal.kem_element.as_deref()),
        };
        self.spoil(&mut upload);
        let nodes = match self.has(Fault::FourByteIds) {
            true => super::lax::with_long_ids(upload.to_nodes()),
            false => upload.to_nodes(),
        };
        self.ask(IqType::Set, prekeys::XMLNS, nodes, What::Upload);
    }

    /// What a deliberate fault makes of an upload.
    fn spoil(&self, upload: &mut Upload) {
        match self.fault {
            Some(Fault::StaticKeyIsPrekey) => {
                let key = self.login_key().public();
                upload.one_time.iter_mut().take(1).for_each(|prekey| prekey.value = key);
            }
            Some(Fault::KemPrekeyUnsigned) => {
                let kem = upload.kem.as_mut();
                let signature = kem.and_then(|kem| kem.signature.as_mut());
                signature.into_iter().for_each(|signature| signature.fill(0));
            }
            _ => {}
        }
    }

    /// Fresh one-time prekeys; only a fault offers old ones again.
    fn batch(&mut self, count: usize) -> Vec<OneTimePrekey> {
        if self.has(Fault::RefillRepeats) && !self.first_batch.is_empty() {
            return self.first_batch.clone();
        }
        let mut batch = self.party.new_one_time_prekeys(count);
        if let (Some(first), true) = (
            self.first_batch.first().or(batch.first()).copied(),
            self.has(Fault::PrekeyIdsEndAt24Bits),
        ) {
            batch.retain(|prekey| prekey.id >= first.id);
        }
        let remembers =
            [Fault::RefillRepeats, Fault::PrekeyIdsEndAt24Bits, Fault::PrekeyIdsStartAnew];
        if self.first_batch.is_empty() && self.fault.is_some_and(|fault| remembers.contains(&fault))
        {
            self.first_batch = batch.clone();
        }
        batch
    }

    /// Without one-time prekeys messages still come through, so a refusal is only shown.
    fn upload_answered(&mut self, good: bool) {
        if !good {
            self.notify(Notification::ErrorShown(FailureKind::Unavailable));
        }
        self.ready();
        self.learn_blocklist();
    }

    fn ready(&mut self) {
        if self.stage() != Some(Stage::Preparing) {
            return;
        }
        self.set_stage(Stage::Open);
        self.forget_retries();
        self.connection.losses = 0;
        self.send_unacked();
        self.ping();
        self.send_kept_typing();
        self.notify(Notification::Connection(ConnectionState::Open));
        self.settle(Purpose::Connect, &Ok(Reply::Done));
        self.request_deletion();
    }

    /// TRN-014: a ping, and the next one in a while.
    pub(super) fn ping(&mut self) {
        if self.has(Fault::NeverPings) {
            return;
        }
        let xmlns = self.settings.values.text("ping.client_xmlns").to_owned();
        let children = match self.has(Fault::PingWithChildren) {
            true => vec![Node::new("ping"), Node::new("ping")],
            false => Vec::new(),
        };
        self.ask(IqType::Get, &xmlns, children, What::Ping);
        // Sooner than the longest interval, so that a slow timer does not exceed it.
        let longest_s = self.settings.values.int("ping.interval_s_max").max(1);
        let interval_ms = longest_s.saturating_mul(1000) / 6 * 5;
        let again = !self.has(Fault::PingsOnce);
        self.ping_at = again.then(|| self.now.after(Duration::from_millis(interval_ms)));
    }

    /// Gives up what was not answered in time.
    pub(super) fn expire_requests(&mut self) {
        let late = |asked: &Asked| asked.until <= self.now;
        let ids: Vec<String> = self
            .requests
            .iter()
            .filter(|(_, asked)| late(asked))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            match self.requests.remove(&id).map(|asked| asked.what) {
                Some(What::Ping) if self.has(Fault::DeadLineKept) => {}
                // Its call has a deadline of its own, and the next login asks again.
                Some(What::Blocklist(..)) => {}
                Some(_) if self.has(Fault::Impatient) => self.break_link("the answer is late"),
                Some(What::Bundle(peer)) => self.no_bundle(&peer, "the server did not answer"),
                Some(_) => self.break_link("the server did not answer in time"),
                // An earlier one has ended the connection, and all requests with it.
                None => {}
            }
        }
    }
}
