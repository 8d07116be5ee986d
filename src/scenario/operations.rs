//! The operations of the driver protocol that a scenario may call, with their parameters.
//!
//! Main type: [`Operation`] (the registry [`OPERATIONS`], after `driver.md`). It says what may be
//! written; how an operation travels is the driver room's affair, which knows no scenarios.

use super::model::Plays;

/// An operation of an account or a seat.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub name: &'static str,
    pub of: Of,
    pub params: &'static [Param],
    /// What its result holds, as later steps may refer to it.
    pub results: &'static [&'static str],
}

/// Which actors have an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Clients: the account of a user.
    Client,
    /// Servers: the seat.
    Server,
    /// Both.
    All,
}

/// A parameter beyond the account.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// The key in a scenario. It differs from `name` where `act` has a key of that name itself.
    pub key: &'static str,
    /// The name in the driver protocol.
    pub name: &'static str,
    pub required: bool,
}

const fn needs(name: &'static str) -> Param {
    Param { key: name, name, required: true }
}

const fn takes(name: &'static str) -> Param {
    Param { key: name, name, required: false }
}

/// `on` names the actor in a scenario; the driver's `on` is written `switch`.
const SWITCH: Param = Param { key: "switch", name: "on", required: true };

const fn client(name: &'static str, params: &'static [Param]) -> Operation {
    Operation { name, of: Of::Client, params, results: &[] }
}

const fn hook(name: &'static str, params: &'static [Param]) -> Operation {
    Operation { name, of: Of::All, params, results: &[] }
}

/// Every operation there is.
pub const OPERATIONS: &[Operation] = &[
    client("opt_in", &[]),
    client("opt_out", &[]),
    Operation { results: &["login"], ..client("enlist", &[takes("token")]) },
    client("connect", &[takes("token")]),
    client("disconnect", &[]),
    Operation {
        results: &["id"],
        ..client("send_text", &[needs("to"), needs("text"), takes("reply_to")])
    },
    Operation {
        results: &["id", "reference"],
        ..client("send_media", &[needs("to"), needs("kind"), needs("path"), takes("caption")])
    },
    client("react", &[needs("to"), needs("id"), needs("emoji")]),
    client("mark_read", &[needs("id")]),
    client("set_typing", &[needs("to"), SWITCH]),
    client("block", &[needs("jid")]),
    client("unblock", &[needs("jid")]),
    client("blocklist", &[]),
    client("announce_reachability", &[needs("to")]),
    Operation { name: "token", of: Of::Server, params: &[needs("user")], results: &["jwt"] },
    Operation {
        name: "upload_media",
        of: Of::Server,
        params: &[needs("path")],
        results: &["reference"],
    },
    client("thread", &[needs("with")]),
    hook("reset", &[]),
    hook("restart", &[]),
    hook("kill", &[]),
    hook("advance_clock", &[needs("by_ms")]),
    hook("rotate_keys", &[needs("phase")]),
    hook("set_account_state", &[needs("state")]),
    hook("set_app_state", &[needs("state")]),
    hook("set_read_receipts", &[SWITCH]),
    hook("inject_wake", &[]),
    hook("preset", &[takes("next_prekey_id"), takes("next_signed_prekey_id")]),
    Operation { results: &["fingerprint"], ..hook("fingerprint", &[needs("with")]) },
    hook("decode", &[needs("bytes")]),
    hook("logs", &[]),
    hook("export_session", &[needs("with")]),
    hook("health", &[]),
    hook("stop", &[]),
];

/// The operation of this name.
pub fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

/// The names, for suggestions and lists.
pub fn names() -> Vec<&'static str> {
    OPERATIONS.iter().map(|operation| operation.name).collect()
}

impl Operation {
    /// Whether an actor that plays this part has the operation.
    pub fn suits(&self, plays: Plays) -> bool {
        match self.of {
            Of::All => true,
            Of::Client => !matches!(plays, Plays::ThirdPartyServer | Plays::MediaProxy),
            Of::Server => plays == Plays::ThirdPartyServer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::shape;

    #[test]
    fn no_parameter_hides_a_key_of_the_step() {
        for operation in OPERATIONS {
            for param in operation.params {
                let hidden = shape::ACT.keys.iter().any(|key| key.name == param.key);
                assert!(!hidden, "{}: {}", operation.name, param.key);
            }
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names = names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPERATIONS.len());
    }
}
