//! The operations that the reference has, as values.
//!
//! Main type: [`Operation`]. The driver's registry checks the parameters; what it does not know and
//! what the reference lacks is the same error, as the protocol demands.

use std::time::Duration;

use serde_json::Value;

use crate::driver::{Params, RpcError, operation};
use crate::role::third_party_client::{Command, MediaKind};
use crate::wire::Jid;

/// What the harness asks.
#[derive(Debug, PartialEq)]
pub(super) enum Operation {
    Hello,
    Configure(Params),
    Account {
        account: String,
        visible_id: String,
        /// The display name, if the user has one.
        name: String,
    },
    /// A user's action.
    Do {
        account: String,
        command: Command,
        token: Option<String>,
    },
    /// A user sends a file that lies here.
    SendMedia {
        account: String,
        to: Jid,
        kind: MediaKind,
        path: String,
        caption: Option<String>,
    },
    /// The server is to store a file as it is.
    UploadMedia {
        path: String,
    },
    Wake {
        account: String,
    },
    Thread {
        account: String,
        with: Jid,
    },
    Token {
        user: String,
    },
    Advance {
        by: Duration,
    },
    RotateKeys {
        phase: String,
    },
    SetAccountState {
        account: String,
        state: String,
    },
    /// The client's program ends and starts; `killed`: it has no time to end.
    Restart {
        account: String,
        killed: bool,
    },
    Health,
    Stop,
}

impl Operation {
    /// Reads a request.
    ///
    /// # Errors
    /// The reference has no such operation, or its parameters are malformed.
    pub fn read(method: &str, params: Params) -> Result<Self, RpcError> {
        let known = operation::find(method).filter(|_| OFFERED.contains(&method));
        let known = known.ok_or_else(RpcError::method_not_found)?;
        known.check_params(&params).map_err(RpcError::invalid_params)?;
        let text = |name: &str| params.get(name).and_then(Value::as_str).map(str::to_owned);
        let account = text("account").unwrap_or_default();
        let command = match method {
            "hello" => return Ok(Self::Hello),
            "configure" => return Ok(Self::Configure(params)),
            "health" => return Ok(Self::Health),
            "stop" => return Ok(Self::Stop),
            "token" => return Ok(Self::Token { user: text("user").unwrap_or_default() }),
            "advance_clock" => {
                let by_ms = params.get("by_ms").and_then(Value::as_u64).unwrap_or_default();
                return Ok(Self::Advance { by: Duration::from_millis(by_ms) });
            }
            "rotate_keys" => {
                return Ok(Self::RotateKeys { phase: text("phase").unwrap_or_default() });
            }
            "set_account_state" => {
                return Ok(Self::SetAccountState {
                    account,
                    state: text("state").unwrap_or_default(),
                });
            }
            "send_media" => {
                let kind = text("kind").and_then(|word| MediaKind::named(&word));
                let kind = kind.ok_or_else(|| RpcError::invalid_params("no such kind of file"))?;
                let (path, caption) = (text("path").unwrap_or_default(), text("caption"));
                return Ok(Self::SendMedia {
                    account,
                    to: jid(&params, "to")?,
                    kind,
                    path,
                    caption,
                });
            }
            "upload_media" => {
                return Ok(Self::UploadMedia { path: text("path").unwrap_or_default() });
            }
            "inject_wake" => return Ok(Self::Wake { account }),
            "thread" => return Ok(Self::Thread { account, with: jid(&params, "with")? }),
            "account" => {
                let user = |member: &str| params.get("user")?.get(member)?.as_str();
                let said = |member: &str| user(member).unwrap_or_default().to_owned();
                let (visible_id, name) = (said("visible_id"), said("name"));
                return Ok(Self::Account { account, visible_id, name });
            }
            "opt_in" => Command::OptIn,
            "enlist" => Command::Enlist,
            "connect" => Command::Connect,
            "disconnect" => Command::Disconnect,
            "set_read_receipts" => Command::SetReadReceipts {
                on: params.get("on").and_then(Value::as_bool).unwrap_or_default(),
            },
            "set_app_state" => Command::SetAppState { in_front: app_state(&params)? },
            "mark_read" => Command::MarkRead { id: text("id").unwrap_or_default() },
            "send_text" => send_text(&params)?,
            "opt_out" => Command::OptOut,
            "react" => {
                let (id, emoji) = (text("id").unwrap_or_default(), text("emoji"));
                Command::React { to: jid(&params, "to")?, id, emoji: emoji.unwrap_or_default() }
            }
            "set_typing" => {
                let on = params.get("on").and_then(Value::as_bool).unwrap_or_default();
                Command::SetTyping { to: jid(&params, "to")?, on }
            }
            "block" => Command::Block { jid: jid(&params, "jid")? },
            "unblock" => Command::Unblock { jid: jid(&params, "jid")? },
            "blocklist" => Command::Blocklist,
            "restart" | "kill" => return Ok(Self::Restart { account, killed: method == "kill" }),
            "preset" => {
                let id = params.get("next_prekey_id").and_then(Value::as_u64);
                Command::Preset { next_prekey_id: id.and_then(|id| u32::try_from(id).ok()) }
            }
            "fingerprint" => Command::Fingerprint { with: jid(&params, "with")? },
            "announce_reachability" => Command::AnnounceReachability { to: jid(&params, "to")? },
            _ => return Err(RpcError::method_not_found()),
        };
        Ok(Self::Do { account, command, token: text("token") })
    }
}

/// Names of [`Operation`]s.
pub(super) const OFFERED: &[&str] = &[
    "hello",
    "configure",
    "account",
    "opt_in",
    "enlist",
    "connect",
    "disconnect",
    "send_text",
    "send_media",
    "upload_media",
    "opt_out",
    "react",
    "set_typing",
    "block",
    "unblock",
    "blocklist",
    "announce_reachability",
    "mark_read",
    "set_read_receipts",
    "set_app_state",
    "token",
    "thread",
    "inject_wake",
    "advance_clock",
    "rotate_keys",
    "set_account_state",
    "restart",
    "kill",
    "preset",
    "fingerprint",
    "health",
    "stop",
];

fn send_text(params: &Params) -> Result<Command, RpcError> {
    let text = params.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    let to = jid(params, "to")?;
    Ok(match params.get("reply_to").and_then(Value::as_str) {
        Some(reply_to) => Command::SendReply { to, text, reply_to: reply_to.to_owned() },
        None => Command::SendText { to, text },
    })
}

/// True for an app that is on the screen.
fn app_state(params: &Params) -> Result<bool, RpcError> {
    match params.get("state").and_then(Value::as_str).unwrap_or_default() {
        "foreground" => Ok(true),
        "background" => Ok(false),
        other => {
            let why = format!("`{other}` is no state; `foreground` and `background` are");
            Err(RpcError::invalid_params(why))
        }
    }
}

fn jid(params: &Params, name: &str) -> Result<Jid, RpcError> {
    let text = params.get(name).and_then(Value::as_str).unwrap_or_default();
    text.parse().map_err(RpcError::invalid_params)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(method: &str, params: Value) -> Result<Operation, i64> {
        let params = params.as_object().unwrap().clone();
        Operation::read(method, params).map_err(|error| error.code)
    }

    #[test]
    fn what_is_offered_is_read() {
        let to = Jid::new("15550001", "s.whatsapp.net");
        let command = Command::SendText { to: to.clone(), text: "hi".to_owned() };
        let params = json!({"account": "a1", "to": to.to_string(), "text": "hi"});
        let expected = Operation::Do { account: "a1".to_owned(), command, token: None };
        assert_eq!(read("send_text", params), Ok(expected));
        let params = json!({"account": "a1", "token": "t"});
        let (account, token) = ("a1".to_owned(), Some("t".to_owned()));
        let expected = Operation::Do { account, command: Command::Enlist, token };
        assert_eq!(read("enlist", params), Ok(expected));
        for method in OFFERED {
            assert_ne!(read(method, json!({})), Err(-32601), "{method}");
        }
    }

    #[test]
    fn what_is_not_offered_is_not_found_and_what_is_malformed_is_said() {
        for method in ["no-such-operation-7f3a", "reset", "decode"] {
            assert_eq!(read(method, json!({"account": "a1"})), Err(-32601), "{method}");
        }
        assert_eq!(read("enlist", json!({})), Err(-32602));
        let params = json!({"account": "a1", "to": "nobody", "text": "hi"});
        assert_eq!(read("send_text", params), Err(-32602));
        let to = "15550001@s.whatsapp.net";
        let params = json!({"account": "a1", "to": to, "text": "hi", "reply_to": "A"});
        let (to, text, reply_to) = (to.parse().unwrap(), "hi".to_owned(), "A".to_owned());
        let command = Command::SendReply { to, text, reply_to };
        let expected = Operation::Do { account: "a1".to_owned(), command, token: None };
        assert_eq!(read("send_text", params), Ok(expected));
    }
}
