//! What the harness's end remembers: calls under way and accounts that were announced.
//!
//! Main type: [`Conversation`]. It turns one line into one [`Incoming`], without I/O, so that the
//! order of things is decided in one place. A call that timed out stays in the books: its late
//! answer is no breach.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::oneshot;

use super::codec;
use super::incoming::{Breach, CallError, Incoming, Owner};
use super::line::Line;
use super::message::{Message, Notification, Response, RpcError};
use super::notification;
use super::operation::Operation;
use super::shape::shorten;
use crate::limits::QUOTED_CHARS_MAX;

/// What a call came to.
pub type Answer = Result<Value, CallError>;

/// What was asked, by which the answer is judged.
#[derive(Debug)]
pub enum Asked {
    Operation(&'static Operation),
    /// An operation that does not exist.
    Nonsense(String),
}

impl Asked {
    pub fn method(&self) -> &str {
        match self {
            Self::Operation(operation) => operation.name,
            Self::Nonsense(method) => method,
        }
    }

    /// Judges an outcome: the answer to the caller, or the breach that it is.
    fn judge(&self, outcome: Result<Value, RpcError>) -> Result<Answer, Breach> {
        match (self, outcome) {
            (Self::Operation(operation), Ok(result)) => match operation.check_result(&result) {
                Ok(()) => Ok(Ok(result)),
                Err(why) => Err(Breach::Result { method: operation.name.to_owned(), why }),
            },
            (Self::Operation(_), Err(error)) => Ok(Err(CallError::Rpc(error))),
            (Self::Nonsense(_), Err(error)) if error.is_method_not_found() => Ok(Ok(Value::Null)),
            (Self::Nonsense(method), outcome) => {
                let answer = match outcome {
                    Ok(result) => format!("the result {}", shorten(&result.to_string())),
                    Err(error) => shorten(&error.to_string()),
                };
                Err(Breach::AnsweredNonsense { method: method.clone(), answer })
            }
        }
    }
}

/// The calls under way and the accounts.
#[derive(Debug, Default)]
pub struct Conversation {
    last_id: u64,
    waiting: BTreeMap<u64, Waiting>,
    /// Who announced each account.
    accounts: BTreeMap<String, Owner>,
    closed: bool,
}

#[derive(Debug)]
struct Waiting {
    asked: Asked,
    owner: Owner,
    caller: oneshot::Sender<Answer>,
}

/// One line, understood: what the stream gets, and the caller that it answers.
#[derive(Debug)]
pub struct Heard {
    pub incoming: Incoming,
    pub answer: Option<(oneshot::Sender<Answer>, Answer)>,
}

impl Conversation {
    /// Enters a call and gives its id, counted from 1; `None` when the connection is closed.
    pub fn ask(&mut self, asked: Asked, owner: Owner) -> Option<(u64, oneshot::Receiver<Answer>)> {
        if self.closed {
            return None;
        }
        let (caller, answer) = oneshot::channel();
        self.last_id += 1;
        self.waiting.insert(self.last_id, Waiting { asked, owner, caller });
        Some((self.last_id, answer))
    }

    /// Takes back a call that was never sent.
    pub fn forget(&mut self, id: u64) {
        self.waiting.remove(&id);
    }

    /// Enters an account: from now on notifications may speak of it.
    pub fn announce(&mut self, account: &str, owner: Owner) {
        self.accounts.insert(account.to_owned(), owner);
    }

    /// Ends the conversation; who still waits learns of it when the returned callers are dropped.
    pub fn close(&mut self) -> Vec<oneshot::Sender<Answer>> {
        self.closed = true;
        std::mem::take(&mut self.waiting).into_values().map(|waiting| waiting.caller).collect()
    }

    /// Understands one line.
    pub fn hear(&mut self, line: Line, seq: u64) -> Heard {
        let text = || shorten(&String::from_utf8_lossy(head(&line.bytes)));
        if line.cut {
            return breach(seq, Breach::TooLong { line: text() });
        }
        match codec::decode(&line.bytes) {
            Err(why) => breach(seq, Breach::Line { why, line: text() }),
            Ok(Message::Request(request)) => breach(seq, Breach::Asked(shorten(&request.method))),
            Ok(Message::Response(response)) => self.hear_response(response, seq),
            Ok(Message::Notification(notification)) => self.hear_notification(notification, seq),
        }
    }

    fn hear_response(&mut self, response: Response, seq: u64) -> Heard {
        let Some(Waiting { asked, owner, caller }) = self.waiting.remove(&response.id) else {
            return breach(seq, Breach::UnknownId(response.id));
        };
        match asked.judge(response.outcome) {
            Ok(answer) => {
                let method = asked.method().to_owned();
                let incoming = Incoming::Answered { seq, owner, id: response.id, method };
                Heard { incoming, answer: Some((caller, answer)) }
            }
            Err(why) => {
                let answer = Some((caller, Err(CallError::Breach(why.clone()))));
                let incoming = Incoming::Breach { seq, owner: Some(owner), breach: why };
                Heard { incoming, answer }
            }
        }
    }

    fn hear_notification(&self, notification: Notification, seq: u64) -> Heard {
        let account = notification.account().and_then(|account| self.accounts.get(account));
        let owner = account.copied();
        let incoming = match self.check_notification(&notification) {
            // Only what knows no account belongs to nobody.
            Ok(()) => Incoming::Notification { seq, owner: owner.unwrap_or(0), notification },
            Err(breach) => Incoming::Breach { seq, owner, breach },
        };
        Heard { incoming, answer: None }
    }

    fn check_notification(&self, notification: &Notification) -> Result<(), Breach> {
        let name = || shorten(&notification.method);
        let Some(kind) = notification::find(&notification.method) else {
            return Err(Breach::UnknownNotification(name()));
        };
        kind.check(&notification.params)
            .map_err(|why| Breach::Notification { name: name(), why })?;
        match notification.account() {
            Some(account) if !self.accounts.contains_key(account) => {
                Err(Breach::InventedAccount(shorten(account)))
            }
            _ => Ok(()),
        }
    }
}

/// Enough of a line to quote from: a character has at most four bytes.
fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(4 * (QUOTED_CHARS_MAX + 1))]
}

fn breach(seq: u64, breach: Breach) -> Heard {
    Heard { incoming: Incoming::Breach { seq, owner: None, breach }, answer: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::operation;
    use crate::limits::DRIVER_LINE_BYTES_MAX;

    fn line(text: &str) -> Line {
        Line { bytes: text.as_bytes().to_vec(), cut: false, ended: true }
    }

    fn breach_of(conversation: &mut Conversation, line: Line) -> String {
        match conversation.hear(line, 1).incoming {
            Incoming::Breach { breach, .. } => breach.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_breach_is_told_in_words() {
        let mut conversation = Conversation::default();
        let health = operation::find("health").unwrap();
        conversation.ask(Asked::Operation(health), 0).unwrap();
        let said = [
            "Server listening on 127.0.0.1:8080",
            r#"{"jsonrpc":"2.0","id":9,"result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"health"}"#,
            r#"{"jsonrpc":"2.0","method":"mesage","params":{}}"#,
            r#"{"jsonrpc":"2.0","method":"receipt","params":{"account":"a1","id":"1","state":"seen"}}"#,
            r#"{"jsonrpc":"2.0","method":"woken","params":{"account":"a1"}}"#,
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":null}"#,
        ];
        let mut told = said.map(|text| breach_of(&mut conversation, line(text))).to_vec();
        let flood = Line { cut: true, ..line(&"é".repeat(DRIVER_LINE_BYTES_MAX / 2)) };
        told.push(breach_of(&mut conversation, flood));
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn only_announced_accounts_are_spoken_of() {
        let mut conversation = Conversation::default();
        conversation.announce("a1", 5);
        let woken = |account: &str| {
            line(&format!(
                r#"{{"jsonrpc":"2.0","method":"woken","params":{{"account":"{account}"}}}}"#
            ))
        };
        let heard = conversation.hear(woken("a1"), 3).incoming;
        assert!(matches!(heard, Incoming::Notification { seq: 3, owner: 5, .. }));
        let invented = conversation.hear(woken("a2"), 4).incoming;
        assert!(matches!(invented, Incoming::Breach { breach: Breach::InventedAccount(_), .. }));
    }

    #[test]
    fn nothing_is_asked_after_the_end() {
        let mut conversation = Conversation::default();
        let (_, mut answer) = conversation.ask(Asked::Nonsense("x".to_owned()), 0).unwrap();
        drop(conversation.close());
        assert!(answer.try_recv().is_err());
        assert!(conversation.ask(Asked::Nonsense("x".to_owned()), 0).is_none());
    }
}
