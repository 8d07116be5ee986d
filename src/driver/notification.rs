//! The registry of notifications: what the user or the operator sees (`driver.md`).
//!
//! Main type: [`Kind`], one row each in [`NOTIFICATIONS`]. Every notification carries the account
//! that it concerns; one of an account that was never announced is a breach, which the client
//! judges because only it knows the accounts.

use serde_json::{Map, Value};

use super::message::ErrorClass;
use super::product::CONTENT;
use super::shape::{Member, Record, Shape, ShapeError};

/// One kind of notification.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    /// Members beside `account`.
    pub params: Record,
}

const ACCOUNT: &[Member] = &[Member::must("account", Shape::Text)];

impl Kind {
    /// Checks a notification's parameters.
    ///
    /// # Errors
    /// The first member that is absent, unknown or of another shape.
    pub fn check(&self, params: &Map<String, Value>) -> Result<(), ShapeError> {
        self.params.check_with(ACCOUNT, params)
    }
}

/// Finds a kind of notification by its name.
pub fn find(name: &str) -> Option<&'static Kind> {
    NOTIFICATIONS.iter().find(|kind| kind.name == name)
}

const FROM: Member = Member::must("from", Shape::Jid);
const ID: Member = Member::must("id", Shape::Text);

/// Every kind, in the order of `driver.md`.
pub static NOTIFICATIONS: &[Kind] = &[
    kind(
        "message",
        &[
            FROM,
            ID,
            Member::must("content", Shape::Record(&CONTENT)),
            Member::may("secure", Shape::Flag),
        ],
    ),
    kind("receipt", &[ID, state(&["sent", "delivered", "read", "failed"])]),
    kind("reaction", &[FROM, ID, Member::must("emoji", Shape::Text)]),
    kind("typing", &[FROM, Member::must("on", Shape::Flag)]),
    kind("identity_changed", &[FROM]),
    kind("media", &[ID, state(&["available", "refused", "failed"])]),
    kind("connection", &[state(&["connecting", "open", "closed", "refused"])]),
    // What the third party's own push carried, where it is handed over (PSH-009).
    kind("woken", &[Member::may("payload", Shape::Text)]),
    kind("notice", &[Member::must("text", Shape::Text)]),
    kind("error_shown", &[Member::must("class", Shape::Word(ErrorClass::WORDS))]),
];

const fn kind(name: &'static str, members: &'static [Member]) -> Kind {
    Kind { name, params: Record::of(members) }
}

const fn state(words: &'static [&'static str]) -> Member {
    Member::must("state", Shape::Word(words))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(name: &str, params: Value) -> Result<(), String> {
        let kind = find(name).unwrap();
        kind.check(params.as_object().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_user_sees_fits() {
        let from = "1-108@interop";
        check(
            "message",
            json!({"account": "a1", "from": from, "id": "3EB0", "content": {"text": "hi"}}),
        )
        .unwrap();
        let media = json!({"kind": "image", "path": "/tmp/x", "caption": "c"});
        check(
            "message",
            json!({"account": "a1", "from": from, "id": "3EB0", "secure": true,
                "content": {"media": media, "reply_to": "3EAF"}}),
        )
        .unwrap();
        check("woken", json!({"account": "a1"})).unwrap();
        check("error_shown", json!({"account": "a1", "class": "replay"})).unwrap();
    }

    #[test]
    fn what_is_wrong_is_named() {
        let of = |error: Result<(), String>| error.unwrap_err();
        assert_eq!(of(check("woken", json!({}))), "`account` is missing");
        assert_eq!(
            of(check("receipt", json!({"account": "a1", "id": "1", "state": "seen"}))),
            "`state` must be one of sent, delivered, read, failed, is \"seen\""
        );
        assert_eq!(
            of(check(
                "message",
                json!({"account": "a1", "from": "1-108@interop", "id": "1", "content": {}})
            )),
            "`content` must have exactly one of text, media"
        );
        assert!(find("mesage").is_none());
    }
}
