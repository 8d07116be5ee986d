//! What the chat server does with a client's stanza: answers, acks, and passing on.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::Meta;
use super::account::lid;
use crate::evidence::{Event, Lane};
use crate::limits::MESSAGES_REMEMBERED_MAX;
use crate::role::ConnId;
use crate::stanza::message::Message;
use crate::stanza::prekeys::XMLNS;
use crate::stanza::{ack, iq, receipt};
use crate::wire::jid::PHONE;
use crate::wire::{Jid, Node};

impl Meta {
    pub(super) fn stanza(&mut self, conn: ConnId, node: &Node) {
        let Some(account) = self.channels.get(&conn).and_then(|channel| channel.account) else {
            return;
        };
        match node.tag.as_str() {
            "iq" => self.iq(conn, account, node),
            "message" => self.message(conn, account, node),
            "receipt" => self.receipt(conn, account, node),
            "ack" => self.acked(account, node),
            // Presence and information from the client need no answer, and a chat state has none.
            _ => self.chat_state(account, node),
        }
    }

    fn iq(&mut self, conn: ConnId, account: usize, node: &Node) {
        let Ok(iq) = iq::Iq::from_node(node) else {
            return self.send(conn, &iq::server_error(node, 400, "bad-request"));
        };
        if !iq.kind.is_request() {
            return;
        }
        if let Some(forged) = self.answer_of_another(node) {
            self.send(conn, &forged);
        }
        let answer = match iq.xmlns.as_deref() {
            Some(XMLNS) => self.key_service(conn, account, node),
            Some("usync") => iq::server_result(node).child(self.device_lists(node)),
            _ => self.service(account, node).unwrap_or_else(|| self.unknown(&iq, node)),
        };
        self.send(conn, &answer);
    }

    /// The answer to a request that is for none of our services. The client's pings are: `w:p` and
    /// the passive mode need nothing but a result (`wire.md` §4.3).
    fn unknown(&self, iq: &iq::Iq, node: &Node) -> Node {
        let xmlns = iq.xmlns.as_deref();
        let pings = xmlns.is_some() && xmlns == self.profile.text("ping.client_xmlns");
        let known = iq.is_ping() || pings || xmlns == Some("passive");
        let code = self.profile.int("iq.unknown_code").and_then(|code| u16::try_from(code).ok());
        match code.filter(|_| !known) {
            Some(code) => iq::server_error(node, code, "service-unavailable"),
            None => iq::server_result(node),
        }
    }

    /// Device lists as native clients ask for them (`wire.md` §4.5): one device each. An account
    /// has the device that logged in; its phone takes no part, so nothing is encrypted to it.
    fn device_lists(&self, node: &Node) -> Node {
        let usync = node.find("usync");
        let asked = usync.and_then(|usync| usync.find("list"));
        let users = asked.map(Node::kids).unwrap_or_default();
        let with_lid = usync.and_then(|usync| usync.find("query")?.find("lid")).is_some();
        let users = users.iter().filter_map(|user| user.jid("jid")).map(|jid| {
            let id = self.account_by_jid(&jid).map_or(0, |at| self.accounts[at].jid.device);
            let device = Node::new("device").attr("id", id.to_string());
            let devices = Node::new("devices").child(Node::new("device-list").child(device));
            // Without it, Baileys does not fetch the keys of a user that it knows by number.
            let hidden = (with_lid && jid.server == PHONE).then(|| lid(&jid));
            let hidden = hidden.map(|lid| Node::new("lid").attr("val", lid));
            Node::new("user").attr("jid", jid).child(devices).children(hidden)
        });
        Node::new("usync")
            .child(Node::new("result").child(Node::new("devices")))
            .child(Node::new("list").children(users.collect::<Vec<_>>()))
    }

    fn message(&mut self, conn: ConnId, account: usize, node: &Node) {
        let now = self.now.secs();
        let Ok(message) = Message::sent(node) else {
            return self.send(conn, &ack::refusal(node, now, 479));
        };
        self.send(conn, &ack::of_sent(node, now));
        if self.heard_before(account, &message) {
            return;
        }
        let to = self.client_by_jid(&message.peer);
        if let Some(key) = to {
            self.hand_to_client(account, &key, &message);
        } else if let Some(peer) = self.account_by_jid(&message.peer)
            // What goes to the sender's own phone is read by nobody.
            && peer != account
            && !self.blocks(peer, &self.accounts[account].jid)
        {
            let from = self.accounts[account].jid.clone();
            for enc in message.encs {
                let enc = crate::stanza::message::enc_node(&enc.kind, enc.bytes);
                let to = self.accounts[peer].jid.clone();
                let stanza = crate::stanza::message::incoming(&message.id, &from, &to, now, enc);
                self.note_relayed(peer, stanza.clone());
                self.deliver(peer, stanza);
            }
        }
    }

    /// True for a message that is sent again as it was, since its ack was lost: the ack is all
    /// that its sender lacks. One that was encrypted anew under its id is another message (RCP-006).
    fn heard_before(&mut self, account: usize, message: &Message) -> bool {
        let mut digest = Sha256::new();
        digest.update(message.id.as_bytes());
        for enc in &message.encs {
            digest.update(Sha256::digest(&enc.bytes));
        }
        let digest: [u8; 32] = digest.finalize().into();
        let heard = &mut self.accounts[account].heard;
        if heard.contains(&digest) {
            return true;
        }
        if heard.len() >= MESSAGES_REMEMBERED_MAX {
            heard.pop_front();
        }
        heard.push_back(digest);
        false
    }

    fn hand_to_client(&mut self, account: usize, key: &(Lane, String), message: &Message) {
        let from = self.accounts[account].jid.clone();
        let lane = self.accounts[account].user.lane;
        let Some(client) = self.clients.get_mut(key) else { return };
        let (events, delivered) = client.receive(&from, message);
        let stream = crate::evidence::Stream::client(&key.1);
        let mut opened = Vec::new();
        for event in events {
            if let Event::Decrypted { id, enc, .. } = &event {
                opened.push((id.clone(), enc.plaintext.clone()));
            }
            self.record_in(stream.clone(), lane, Some(key.1.clone()), event);
        }
        for (id, plaintext) in opened {
            self.follow_media(account, &key.1, &id, plaintext.as_ref());
        }
        let silent = self.clients.get(key).is_some_and(|client| client.manners().silent);
        if delivered && !silent {
            let Some(jid) = self.clients.get(key).map(|client| client.jid().clone()) else {
                return;
            };
            let receipt = Node::new("receipt").attr("id", message.id.clone()).attr("from", jid);
            let receipt = receipt.attr("t", self.now.secs().to_string());
            self.deliver(account, receipt);
        }
    }

    fn receipt(&mut self, conn: ConnId, account: usize, node: &Node) {
        self.send(conn, &ack::of_sent(node, self.now.secs()));
        let Ok(receipt) = receipt::Receipt::sent(node) else { return };
        if self.profile.text("message.taken_by") == Some("receipt") {
            // To native clients a receipt of a message is its ack.
            let named = |stanza: &Node| receipt.ids.iter().any(|id| has_id(stanza, id));
            let mailbox = &mut self.accounts[account].mailbox;
            mailbox.retain(|w| w.stanza.tag != "message" || !named(&w.stanza));
        }
        if let (receipt::State::Retry(retry), Some(id), Some(key)) =
            (&receipt.state, receipt.ids.first(), self.client_by_jid(&receipt.peer))
            && let Some(client) = self.clients.get_mut(&key)
        {
            client.note_retry(id, retry, node);
        }
        if let Some(peer) = self.account_by_jid(&receipt.peer) {
            let from = self.accounts[account].jid.clone();
            self.deliver(peer, receipt::relayed(node, &from));
        }
    }

    /// An ack empties the mailbox of what it names (STZ-019, MSG-014).
    fn acked(&mut self, account: usize, node: &Node) {
        let Ok(ack) = ack::Ack::from_node(node) else { return };
        let mailbox = &mut self.accounts[account].mailbox;
        mailbox.retain(|w| w.stanza.tag != ack.class || !has_id(&w.stanza, &ack.id));
    }

    /// Hands a stanza to a user: at once while the user is online, and again at the next login
    /// until it was acked.
    pub fn deliver(&mut self, account: usize, stanza: Node) {
        let target = &mut self.accounts[account];
        let ackable = matches!(stanza.tag.as_str(), "message" | "receipt" | "notification");
        if ackable {
            target.mailbox.push(self.now, stanza.clone());
        }
        if let Some(conn) = target.online {
            self.send(conn, &stanza);
        }
    }

    /// Drops what has waited longer than a mailbox keeps it (TF §3.2.1; MSG-015).
    pub(super) fn forget_old_messages(&mut self) {
        let Some(days) = self.profile.int("mailbox.retention_days") else { return };
        let keep = Duration::from_secs(days.unsigned_abs().saturating_mul(24 * 3600));
        let now = self.now;
        for account in &mut self.accounts {
            account.mailbox.retain(|waiting| waiting.since.after(keep) > now);
        }
    }

    /// Sends a stanza of the server's own to an actor that is online.
    ///
    /// # Errors
    /// There is no such account, or it is offline.
    pub fn send_stanza(&mut self, lane: Lane, actor: &str, stanza: Node) -> Result<(), String> {
        let account = self.account_index(lane, actor).ok_or("there is no such account")?;
        if !self.accounts[account].is_online() {
            return Err(format!("{actor} is not connected"));
        }
        // A stream ends with its connection (`wire.md` §4.2).
        let ended = self.accounts[account].online.filter(|_| stanza.tag == "xmlstreamend");
        self.deliver(account, stanza);
        if let Some(conn) = ended {
            self.close(conn);
        }
        Ok(())
    }

    /// The address under which an actor is reached.
    pub fn jid_of(&self, lane: Lane, actor: &str) -> Option<Jid> {
        let account = self.account(lane, actor).map(|account| account.jid.clone());
        account.or_else(|| self.clients.get(&(lane, actor.to_owned())).map(|c| c.jid().clone()))
    }
}

fn has_id(stanza: &Node, id: &str) -> bool {
    stanza.text("id").as_deref() == Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    use crate::evidence::RuleGrade;
    use crate::role::meta::{Faults, Integrator};
    use crate::seed::Seed;
    use crate::spec::Profile;

    fn meta(profile: &str) -> Meta {
        let integrator = Integrator { id: 1, iss: "acme".into(), base_url: None };
        Meta::new(Profile::builtin(profile).unwrap(), integrator, Seed(7), "case")
    }

    fn answered(profile: &str, xmlns: &str) -> (String, Option<String>) {
        let request = iq::request("1", iq::IqType::Get, xmlns);
        let answer = meta(profile).unknown(&iq::Iq::from_node(&request).unwrap(), &request);
        let code = answer.find("error").and_then(|error| error.text("code"));
        (answer.text("type").unwrap().into_owned(), code.map(|code| code.into_owned()))
    }

    #[test]
    fn a_request_that_nobody_knows_is_refused_by_the_profiles_code() {
        let refused = ("error".to_owned(), Some("503".to_owned()));
        assert_eq!(answered("whatsapp-1.0.3", "urn:example:weather"), refused);
        let done = ("result".to_owned(), None);
        for xmlns in ["w:p", "urn:xmpp:ping", "passive"] {
            assert_eq!(answered("whatsapp-1.0.3", xmlns), done);
        }
        // Native clients ask for much at a login.
        assert_eq!(answered("consumer", "abt"), done);
    }

    #[test]
    fn native_clients_are_told_their_setting_of_read_receipts() {
        let request = iq::request("1", iq::IqType::Get, "privacy");
        let answer = meta("consumer").service(0, &request).unwrap();
        let category = answer.find("privacy").and_then(|privacy| privacy.find("category")).unwrap();
        assert_eq!(category.text("value").as_deref(), Some("all"));
        assert!(meta("whatsapp-1.0.3").service(0, &request).is_none());
    }

    #[test]
    fn only_a_limit_is_lifted_by_time() {
        let after = |code| {
            let mut meta = meta("whatsapp-1.0.3");
            meta.set_faults(Faults { bundle_error: Some(code), ..Faults::default() });
            meta.lift_limits();
            meta.faults.bundle_error
        };
        assert_eq!([after(429), after(404)], [None, Some(404)]);
    }

    #[test]
    fn without_a_key_set_no_key_is_unlisted() {
        let key = crate::identity::test_keys::stranger();
        let token = crate::identity::token::issue_with(key, &Default::default(), &json!({}));
        let (facts, valid) = meta("whatsapp-1.0.3").examine_token(&token, None);
        let of_the_key = facts.checked.iter().find(|rule| rule.requirement == "JWT-005");
        assert_eq!((valid, of_the_key.map(|rule| rule.grade)), (false, Some(RuleGrade::Open)));
    }
}
