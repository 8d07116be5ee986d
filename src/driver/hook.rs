//! The test hooks: operations that no user has, offered for the sake of testing (`driver.md`).
//!
//! Main table: [`HOOKS`]. A hook that an implementation lacks makes rows not testable and is no
//! fault, so each stands under a capability. `driver.md` leaves the results of most of them open,
//! and so do these rows; what is named here is what the harness itself reads.

use super::operation::{Kind, Operation, Scope};
use super::shape::{Member, Record, Shape};

const WITH: Record = Record::of(&[Member::must("with", Shape::Jid)]);

/// Every hook, in the order of `driver.md`.
pub static HOOKS: &[Operation] = &[
    hook("reset", Scope::AccountOrSeat),
    hook("restart", Scope::AccountOrSeat),
    hook("kill", Scope::AccountOrSeat),
    Operation {
        params: Record::of(&[Member::must("by_ms", Shape::Whole)]),
        capability: Some("clock"),
        complete: "all timers that became due have fired",
        ..hook("advance_clock", Scope::Instance)
    },
    Operation {
        params: Record::of(&[Member::must("phase", Shape::Text)]),
        ..hook("rotate_keys", Scope::AccountOrSeat)
    },
    Operation {
        params: Record::of(&[Member::must("state", Shape::Text)]),
        ..hook("set_account_state", Scope::Account)
    },
    Operation {
        params: Record::of(&[Member::must("state", Shape::Text)]),
        ..hook("set_app_state", Scope::Account)
    },
    Operation {
        params: Record::of(&[Member::must("on", Shape::Flag)]),
        ..hook("set_read_receipts", Scope::Account)
    },
    Operation {
        params: Record::of(&[Member::may("payload", Shape::Any)]),
        ..hook("inject_wake", Scope::Account)
    },
    Operation {
        params: Record::open(&[Member::may("next_prekey_id", Shape::Whole)]),
        ..hook("preset", Scope::Account)
    },
    Operation {
        params: WITH,
        result: Record::of(&[Member::must("fingerprint", Shape::Text)]),
        ..hook("fingerprint", Scope::Account)
    },
    Operation {
        params: Record::of(&[Member::must("bytes", Shape::Text)]),
        ..hook("decode", Scope::AccountOrSeat)
    },
    Operation {
        result: Record::of(&[Member::must("lines", Shape::List(&Shape::Text))]),
        ..hook("logs", Scope::AccountOrSeat)
    },
    Operation { params: WITH, ..hook("export_session", Scope::Account) },
];

const fn hook(name: &'static str, scope: Scope) -> Operation {
    Operation {
        result: Record::open(&[]),
        capability: Some(name),
        ..Operation::new(name, Kind::Hook, scope, "the effect is in place")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_alone_goes_by_another_name_as_a_capability() {
        let renamed: Vec<&str> = HOOKS
            .iter()
            .filter(|hook| hook.capability != Some(hook.name))
            .map(|hook| hook.name)
            .collect();
        assert_eq!(renamed, ["advance_clock"]);
    }
}
