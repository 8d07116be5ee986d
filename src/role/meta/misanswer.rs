//! Answers of the enlistment API that are neither yes nor no, and what else Meta's side does wrong
//! about a user who enlists or logs in.
//!
//! Main function: [`misanswer`]. Real services answer so when a proxy in front of them fails or a
//! new version is rolled out (ENL-012); a client must not take any of it for a success.

use serde_json::json;

use super::Meta;
use super::account::Keys;
use crate::evidence::{Event, Lane, Stream};
use crate::http::HttpResponse;
use crate::role::signal::{Signal, signed_key};
use crate::scenario::AnswerFault;
use crate::wire::{Jid, Node};

/// What is answered in place of yes or no; nothing where the answer is lost.
pub(super) fn misanswer(fault: AnswerFault, login: &str) -> Option<HttpResponse> {
    let text = |status, kind: &str, body: &str| {
        let response = HttpResponse { body: body.as_bytes().to_vec(), ..HttpResponse::new(status) };
        response.with_header("content-type", kind)
    };
    let json = |body| HttpResponse::json(200, &body);
    Some(match fault {
        AnswerFault::UnknownReason => json(json!({"status": "fail", "reason": "blue_moon"})),
        AnswerFault::NoReason => json(json!({"status": "fail"})),
        AnswerFault::NoStatus => json(json!({ "login": login })),
        AnswerFault::NoLogin => json(json!({"status": "ok"})),
        AnswerFault::WrongTypes => json(json!({"status": true, "login": 42})),
        AnswerFault::NotJson => text(200, "text/html", "<html><body>Please wait</body></html>"),
        AnswerFault::Empty => text(200, "application/json", ""),
        AnswerFault::ServerError => text(500, "text/html", "<html><body>Sorry</body></html>"),
        AnswerFault::Unavailable => text(503, "text/plain", "come back later"),
        AnswerFault::Lost => return None,
    })
}

impl Meta {
    /// Says whose call of the enlistment API is expected, where the call itself names nobody known.
    pub fn expect_enlistment_of(&mut self, lane: Lane, actor: &str) {
        self.enlists = Some((lane, actor.to_owned()));
    }

    /// Gives a user another internal identifier before it is told to anybody.
    ///
    /// # Errors
    /// There is no such user, or the user was told one already.
    pub fn renumber(&mut self, lane: Lane, actor: &str, digits: u64) -> Result<Jid, String> {
        let at = self.account_index(lane, actor).ok_or(format!("{actor} is unknown"))?;
        let account = &mut self.accounts[at];
        if account.enlisted {
            return Err(format!("{actor} has an identifier already"));
        }
        let integrator = self.integrator.id;
        account.user.login = Jid::interop(integrator, digits.to_string());
        account.jid = account.user.login.clone();
        Ok(account.jid.clone())
    }

    /// Another device of a user enlists: its keys replace the user's (ENL-017), and the connection
    /// of the device that was there ends, with the reason.
    ///
    /// # Errors
    /// There is no such user, or the user is not enlisted.
    pub fn enlist_elsewhere(&mut self, lane: Lane, actor: &str) -> Result<(), String> {
        let at = self.account_index(lane, actor).ok_or(format!("{actor} is unknown"))?;
        if !self.accounts[at].enlisted {
            return Err(format!("{actor} is not enlisted"));
        }
        let (authkey, keys) = self.device_of_its_own(actor);
        let account = &mut self.accounts[at];
        let old = account.online.take();
        (account.authkey, account.keys, account.elsewhere) = (Some(authkey), Some(keys), true);
        self.record_for(at, Stream::http_in(), Event::EnlistedElsewhere);
        if let Some(old) = old {
            let conflict = Node::new("conflict").attr("type", "replaced");
            self.send(old, &Node::new("stream:error").child(conflict));
            self.close(old);
        }
        Ok(())
    }

    /// The public keys of a device that nobody plays.
    fn device_of_its_own(&self, actor: &str) -> ([u8; 32], Keys) {
        let rng = |purpose| self.seed.rng(&[&self.house, "elsewhere", actor, purpose]);
        let authkey = crate::noise::KeyPair::generate(&mut rng("noise")).public();
        let party = Signal::of(&self.profile).party(rng("signal"));
        let keys = Keys {
            registration_id: party.registration_id(),
            identity: party.identity(),
            signed: signed_key(party.signed_prekey()),
            one_time: std::collections::VecDeque::new(),
            kem: None,
        };
        (authkey, keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::enlistment::Answer;

    #[test]
    fn no_odd_answer_reads_as_a_success() {
        for (fault, word) in AnswerFault::ALL {
            let Some(response) = misanswer(*fault, "1-2@interop") else {
                assert_eq!(*fault, AnswerFault::Lost);
                continue;
            };
            let read = Answer::read(response.status, &response.body);
            assert!(!matches!(read, Ok(Answer::Ok { .. })), "{word}: {read:?}");
        }
    }
}
