//! The users and Meta clients of a lane: made when they are first needed, all from the seed.

use rand::Rng as _;
use serde_json::{Map, json};

use super::recorder::RecordError;
use super::session::Session;
use crate::canary::Canary;
use crate::evidence::{Event, Lane};
use crate::role::meta::{MetaClient, User};
use crate::role::signal::Signal;
use crate::scenario::{IMPLICIT_PEER, Plays};
use crate::seed::Rng;
use crate::wire::Jid;

/// The integrator id under which the third party is registered in test runs.
pub const INTEGRATOR_ID: u16 = 1;

impl Session<'_> {
    /// Binds the values that scenarios may name in this lane, once.
    pub(super) fn lane_values(&mut self) {
        if self.recorder.progress.board(self.lane).value("canary").is_some() {
            return;
        }
        // Lanes share the case's canary, so that one scan finds all leaks.
        let canary = self.canary.clone();
        self.bind("canary", &canary);
        if let Some(honeypot) = self.honeypot() {
            self.bind("honeypot", &honeypot);
        }
        for stub in &self.case.scenario.http {
            if let Some(url) = self.stubs.url(stub) {
                self.bind(&format!("{}.url", stub.name), &url);
            }
        }
        for (name, value) in &self.case.choice {
            self.bind(name, value);
        }
        let actors = self.case.scenario.actors.clone();
        for (name, actor) in &actors {
            if matches!(actor.plays, Plays::MetaClient | Plays::ThirdPartyClient) {
                self.give_name(name);
            }
            match actor.plays {
                Plays::MetaClient => self.add_client(name),
                Plays::ThirdPartyClient => self.name_user(name),
                Plays::ThirdPartyServer | Plays::MediaProxy => {}
            }
        }
        if !actors.iter().any(|(_, actor)| actor.plays == Plays::MetaClient) {
            self.add_client(IMPLICIT_PEER);
        }
    }

    /// A URL of this case at which nobody has any business.
    fn honeypot(&self) -> Option<String> {
        let told = self.host().configured.first()?.params.get("instance")?;
        let url = told.get("enlistment_url")?.as_str()?;
        let end = url.find("://").map(|at| at + 3)?;
        let end = url[end..].find('/').map_or(url.len(), |at| end + at);
        Some(format!("{}/{}/look", &url[..end], self.canary))
    }

    fn rng(&self, actor: &str, purpose: &str) -> Rng {
        let lane = format!("{:?}", self.lane);
        self.shared.seed.rng(&[&self.case.id(), &lane, actor, purpose])
    }

    fn add_client(&mut self, name: &str) {
        let digits = digits(&mut self.rng(name, "number"), 11);
        let form = self.shared.profile.text("meta_user.jid").unwrap_or("{digits}@s.whatsapp.net");
        let text = form.replace("{digits}", &digits);
        let jid = text.parse().unwrap_or_else(|_| Jid::new(digits, "s.whatsapp.net"));
        self.bind(&format!("{name}.jid"), &jid.to_string());
        let lane = format!("{:?}", self.lane);
        let case = format!("{}/{lane}", self.case.id());
        let keys = self.shared.place.key_stream(&case);
        let signal = Signal::of(&self.shared.profile);
        let client = MetaClient::new(name, jid, self.shared.seed, &keys, signal);
        let client = match self.shared.peer_fault {
            Some(fault) => client.with_fault(fault, self.shared.seed, &keys),
            None => client,
        };
        self.meta.add_client(self.lane, client);
    }

    /// Gives a user a display name, the same in every lane, that nothing else holds.
    fn give_name(&mut self, actor: &str) {
        let mut bytes = [0; 10];
        self.shared.seed.rng(&[&self.case.id(), actor, "name"]).fill_bytes(&mut bytes);
        let name = format!("{actor} nmcy{}", hex::encode(bytes));
        self.meta.watch_for_name(Canary::of_name(actor, &name));
        self.bind(&format!("{actor}.name"), &name);
        self.note(Event::Named { whose: actor.to_owned(), name });
    }

    fn name_user(&mut self, name: &str) {
        let mut rng = self.rng(name, "user");
        // Nine digits: the users of all cases of a run may meet at one server.
        let visible_id = format!("{name}-{}", digits(&mut rng, 9));
        let companion = crate::role::meta::enlistment_is_skipped(&self.shared.profile);
        let login = if companion {
            Jid::new(digits(&mut rng, 11), "s.whatsapp.net")
        } else {
            Jid::interop(INTEGRATOR_ID, digits(&mut rng, 14))
        };
        self.bind(&format!("{name}.jid"), &login.to_string());
        self.bind(&format!("{name}.login"), &login.to_string());
        self.bind(&format!("{name}.visible_id"), &visible_id);
        self.guest.expect_user(&login.user, &visible_id);
        let user = User { lane: self.lane, actor: name.to_owned(), visible_id, login };
        self.meta.expect_user(user);
    }

    /// The driver's name for a client's account; the account is announced on first use.
    pub(super) async fn account(&mut self, actor: &str) -> Result<String, RecordError> {
        let key = (self.lane, actor.to_owned());
        if let Some(name) = self.accounts.get(&key) {
            return Ok(name.clone());
        }
        // Named by the case too, since an instance may carry many.
        let case = digits(&mut self.rng(actor, "account"), 9);
        let name = format!("a{}-{case}", self.accounts.len() + 1);
        self.accounts.insert(key, name.clone());
        // A refusal shows in the operation that needs the account.
        self.announce(&name, actor).await?;
        Ok(name)
    }

    /// Tells the adapter of a user.
    pub(super) async fn announce(&mut self, name: &str, actor: &str) -> Result<(), RecordError> {
        let mut params = Map::new();
        params.insert("account".into(), json!(name));
        params.insert("user".into(), self.user(actor));
        let _ = self.call("account", params, Some(actor)).await?;
        Ok(())
    }

    /// Gives a user another internal identifier, and lets the case know it by that one.
    pub(super) fn renumber(&mut self, actor: &str, digits: u64) -> Result<(), String> {
        let jid = self.meta.renumber(self.lane, actor, digits)?;
        self.bind(&format!("{actor}.jid"), &jid.to_string());
        self.bind(&format!("{actor}.login"), &jid.to_string());
        let visible_id = self.recorder.progress.board(self.lane);
        let visible_id = visible_id.value(&format!("{actor}.visible_id")).unwrap_or_default();
        self.guest.expect_user(&jid.user, &visible_id);
        Ok(())
    }

    fn user(&mut self, actor: &str) -> serde_json::Value {
        let board = self.recorder.progress.board(self.lane);
        let visible_id = board.value(&format!("{actor}.visible_id")).unwrap_or_default();
        let login = board.value(&format!("{actor}.login")).unwrap_or_default();
        let name = board.value(&format!("{actor}.name")).unwrap_or_default();
        let mut user = json!({ "visible_id": visible_id, "name": name });
        if crate::role::meta::enlistment_is_skipped(&self.shared.profile) {
            user["login"] = login.into();
        }
        user
    }

    /// The lane and actor behind a driver account.
    pub(super) fn owner(&self, account: &str) -> Option<(Lane, String)> {
        self.accounts.iter().find(|(_, name)| *name == account).map(|(key, _)| key.clone())
    }
}

/// A number of so many digits that does not begin with 0.
fn digits(rng: &mut Rng, count: usize) -> String {
    let digit = |at: usize, rng: &mut Rng| match rng.next_u32() % 10 {
        0 if at == 0 => '1',
        digit => char::from_digit(digit, 10).unwrap_or('1'),
    };
    (0..count).map(|at| digit(at, rng)).collect()
}
