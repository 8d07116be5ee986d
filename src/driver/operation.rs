//! The registry of operations: what the harness may ask, and what the answer holds (`driver.md`).
//!
//! Main type: [`Operation`]; [`find`] looks one up. The rows stand in [`super::session`],
//! [`super::product`] and [`super::hook`], one file for each [`Kind`]. The members that a scope
//! implies (`account`, `seat`) are not repeated in every row, so that no row can forget them.

use serde_json::{Map, Value};

use super::hook::HOOKS;
use super::product::PRODUCT;
use super::seat::Seat;
use super::session::SESSION;
use super::shape::{Fault, Member, Record, Shape, ShapeError};

/// One operation of the driver protocol.
#[derive(Debug)]
pub struct Operation {
    pub name: &'static str,
    pub kind: Kind,
    pub scope: Scope,
    /// Parameters beyond those of the scope.
    pub params: Record,
    /// The result; always an object.
    pub result: Record,
    /// The capability that declares it, where it may be absent.
    pub capability: Option<&'static str>,
    /// When the adapter answers, for people.
    pub complete: &'static str,
}

/// What the absence of an operation means (`driver.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Part of every adapter.
    Session,
    /// A user's action: absent without a declared absence, it is a failure.
    Product,
    /// A test hook: absent, its rows are not testable.
    Hook,
}

/// Whom an operation concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Account,
    Seat,
    /// A user's client, or a whole seat.
    AccountOrSeat,
    Instance,
}

const ACCOUNT: Member = Member::must("account", Shape::Text);
const SEAT: Member = Member::must("seat", Shape::Word(Seat::WORDS));
const EITHER: &[Member] =
    &[Member::may("account", Shape::Text), Member::may("seat", Shape::Word(Seat::WORDS))];

impl Scope {
    /// The members that this scope adds to the parameters.
    pub fn members(self) -> &'static [Member] {
        match self {
            Self::Account => &[ACCOUNT],
            Self::Seat => &[SEAT],
            Self::AccountOrSeat => EITHER,
            Self::Instance => &[],
        }
    }
}

impl Operation {
    /// An operation without parameters of its own, whose result is empty.
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        scope: Scope,
        complete: &'static str,
    ) -> Self {
        let (params, result) = (Record::EMPTY, Record::EMPTY);
        Self { name, kind, scope, params, result, capability: None, complete }
    }

    /// The smallest parameters with which it can be tried, for this account or else this seat.
    pub fn sample_params(&self, account: &str, seat: Seat) -> Map<String, Value> {
        let mut params = match self.params.sample() {
            Value::Object(params) => params,
            _ => Map::new(),
        };
        match self.scope {
            Scope::Account | Scope::AccountOrSeat => {
                params.insert("account".to_owned(), Value::from(account));
            }
            Scope::Seat => {
                params.insert("seat".to_owned(), Value::from(seat.as_str()));
            }
            Scope::Instance => {}
        }
        params
    }

    /// Checks a request's parameters.
    ///
    /// # Errors
    /// The first member that is absent, unknown or of another shape.
    pub fn check_params(&self, params: &Map<String, Value>) -> Result<(), ShapeError> {
        self.params.check_with(self.scope.members(), params)?;
        let addressed = EITHER.iter().filter(|member| params.contains_key(member.name)).count();
        match self.scope {
            Scope::AccountOrSeat if addressed != 1 => {
                Err(ShapeError::at("", Fault::Choice(&["account", "seat"])))
            }
            _ => Ok(()),
        }
    }

    /// Checks a result.
    ///
    /// # Errors
    /// The first member that is absent, unknown or of another shape.
    pub fn check_result(&'static self, result: &Value) -> Result<(), ShapeError> {
        Shape::Record(&self.result).check(result)
    }
}

/// Iterates over every operation: session, product, hooks.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    SESSION.iter().chain(PRODUCT).chain(HOOKS)
}

/// Finds an operation by its name.
pub fn find(name: &str) -> Option<&'static Operation> {
    all().find(|operation| operation.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn params(name: &str, params: Value) -> Result<(), String> {
        let operation = find(name).unwrap();
        operation.check_params(params.as_object().unwrap()).map_err(|error| error.to_string())
    }

    fn result(name: &str, result: Value) -> Result<(), String> {
        find(name).unwrap().check_result(&result).map_err(|error| error.to_string())
    }

    #[test]
    fn every_operation_of_the_protocol_is_registered_once() {
        let names: Vec<&str> = all().map(|operation| operation.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let of_the_document = "hello configure account opt_in opt_out enlist connect disconnect \
             send_text send_media react mark_read set_typing block unblock blocklist \
             announce_reachability token upload_media thread reset restart kill advance_clock \
             rotate_keys set_account_state set_app_state set_read_receipts inject_wake preset \
             fingerprint decode logs export_session health stop";
        let expected: BTreeSet<&str> = of_the_document.split_whitespace().collect();
        assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn every_hook_and_what_may_be_declared_absent_has_a_capability() {
        let declared = |kind: Kind| -> Vec<&str> {
            let of_kind = all().filter(|operation| operation.kind == kind);
            of_kind.filter_map(|operation| operation.capability).collect()
        };
        assert_eq!(declared(Kind::Session), [""; 0]);
        assert_eq!(declared(Kind::Product), ["media.send", "media.send"]);
        assert_eq!(declared(Kind::Hook).len(), HOOKS.len());
    }

    #[test]
    fn samples_of_parameters_and_results_fit() {
        for operation in all() {
            let params = operation.sample_params("a1", Seat::ThirdPartyServer);
            operation.check_params(&params).unwrap_or_else(|e| panic!("{}: {e}", operation.name));
            let result = operation.result.sample();
            operation.check_result(&result).unwrap_or_else(|e| panic!("{}: {e}", operation.name));
        }
    }

    #[test]
    fn the_examples_of_the_protocol_fit() {
        params("hello", json!({"driver": "1", "harness": "counterpart 0.1.0"})).unwrap();
        result(
            "hello",
            json!({"driver": "1", "iut": {"name": "acme", "version": "2.3.1"},
                "seats": ["third-party-client", "third-party-server"],
                "capabilities": {"media.send": true, "groups": false, "signal.versions": [3],
                    "clock": true}}),
        )
        .unwrap();
        params(
            "configure",
            json!({"seat": "third-party-client", "seed": 7, "instance": {
                "chat": {"tcp": "127.0.0.1:40001", "ws": "ws://127.0.0.1:40001/ws/chat"},
                "noise_root": "0f".repeat(32), "enlistment_url": "https://localhost:40002/x",
                "media_url": "https://localhost:40003", "push_jwks_url": "…", "tls_ca": "<PEM>",
                "integrator": {"id": 1, "iss": "acme", "base_url": "…"}, "profile": {"a": 1}}}),
        )
        .unwrap();
        result("configure", json!({"offers": {"base_url": "http://127.0.0.1:40100"}})).unwrap();
        params("account", json!({"account": "a1", "user": {"visible_id": "alice421"}})).unwrap();
        params("enlist", json!({"account": "a1"})).unwrap();
        result("enlist", json!({"login": "1-10853634039893@interop"})).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let of = |error: Result<(), String>| error.unwrap_err();
        assert_eq!(of(params("enlist", json!({}))), "`account` is missing");
        assert_eq!(of(params("token", json!({"user": "a"}))), "`seat` is missing");
        assert_eq!(
            of(params("send_text", json!({"account": "a1", "to": "1-2@interop"}))),
            "`text` is missing"
        );
        assert_eq!(of(params("health", json!({"account": "a1"}))), "`account` is not a member");
        assert_eq!(of(result("send_text", json!({"id": 3}))), "`id` must be a string, is 3");
        assert_eq!(of(result("connect", json!(null))), "must be an object, is null");
        assert_eq!(
            of(result(
                "hello",
                json!({"driver": "1", "iut": {"name": "a", "version": "1"},
                "seats": ["server"], "capabilities": {}})
            )),
            "`seats[0]` must be one of third-party-client, third-party-server, intermediary, meta, \
             media-proxy, is \"server\""
        );
    }

    #[test]
    fn a_hook_for_a_client_or_a_seat_takes_exactly_one_of_both() {
        params("kill", json!({"account": "a1"})).unwrap();
        params("kill", json!({"seat": "third-party-server"})).unwrap();
        let both = json!({"account": "a1", "seat": "third-party-server"});
        for wrong in [json!({}), both] {
            assert_eq!(
                params("kill", wrong).unwrap_err(),
                "must have exactly one of account, seat"
            );
        }
    }
}
