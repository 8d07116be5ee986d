//! Between the roles' words and the driver's.
//!
//! The roles say what happened; `driver.md` says how it is written. Nothing is decided here.

use serde_json::{Value, json};

use super::files::Files;
use crate::driver::{ErrorClass, Params, RpcError};
use crate::role::third_party_client::{
    ConnectionState, Failure, FailureKind, FileState, MessageState, Notification, Reply, ThreadItem,
};

/// A notification's name and members.
pub(super) fn notification(
    account: &str,
    notification: Notification,
    files: &mut Files,
) -> (&'static str, Params) {
    let (name, members) = match notification {
        Notification::Message { from, id, text } => {
            let from = from.to_string();
            let content = json!({ "text": text });
            ("message", json!({"from": from, "id": id, "content": content, "secure": true}))
        }
        Notification::Reply { from, id, text, reply_to } => {
            let from = from.to_string();
            let content = json!({ "text": text, "reply_to": reply_to });
            ("message", json!({"from": from, "id": id, "content": content, "secure": true}))
        }
        Notification::File { from, id, kind, name, caption } => {
            let path = files.path(account, &name).to_string_lossy().into_owned();
            let mut media = json!({ "kind": kind.word(), "path": path });
            if let Some(caption) = caption {
                media["caption"] = caption.into();
            }
            let (from, content) = (from.to_string(), json!({ "media": media }));
            ("message", json!({"from": from, "id": id, "content": content, "secure": true}))
        }
        Notification::FileState { id, state } => {
            ("media", json!({"id": id, "state": file_state(state)}))
        }
        Notification::Reaction { from, id, emoji } => {
            ("reaction", json!({"from": from.to_string(), "id": id, "emoji": emoji}))
        }
        Notification::Typing { from, on } => {
            ("typing", json!({"from": from.to_string(), "on": on}))
        }
        Notification::Receipt { id, state } => {
            ("receipt", json!({"id": id, "state": message_state(state)}))
        }
        Notification::IdentityChanged { from } => {
            ("identity_changed", json!({"from": from.to_string()}))
        }
        Notification::Connection(state) => ("connection", json!({"state": connection(state)})),
        Notification::Woken(None) => ("woken", json!({})),
        Notification::Woken(Some(payload)) => ("woken", json!({ "payload": payload })),
        Notification::Notice(text) => ("notice", json!({"text": text})),
        Notification::ErrorShown(kind) => ("error_shown", json!({"class": class(kind).as_str()})),
    };
    let mut params = Params::new();
    params.insert("account".to_owned(), Value::from(account));
    if let Value::Object(members) = members {
        params.extend(members);
    }
    (name, params)
}

/// What an operation came to.
pub(super) fn outcome(outcome: Result<Reply, Failure>) -> Result<Value, RpcError> {
    match outcome {
        Ok(Reply::Done) => Ok(json!({})),
        Ok(Reply::Login(login)) => Ok(json!({ "login": login })),
        Ok(Reply::Sent(id)) => Ok(json!({ "id": id })),
        Ok(Reply::SentMedia { id, reference }) => Ok(json!({ "id": id, "reference": reference })),
        Ok(Reply::Fingerprint(code)) => Ok(json!({ "fingerprint": code })),
        Ok(Reply::Blocked(list)) => {
            let list = list.iter().map(ToString::to_string).collect::<Vec<_>>();
            Ok(json!({ "list": list }))
        }
        Err(failure) => Err(RpcError::failed(class(failure.kind), failure.why)),
    }
}

/// The items of a conversation.
pub(super) fn thread(items: Vec<ThreadItem>) -> Value {
    let item = |item| match item {
        ThreadItem::Own { id, text, state } => {
            json!({"id": id, "content": {"text": text}, "state": message_state(state)})
        }
        ThreadItem::Theirs { id, from, text } => {
            json!({"id": id, "from": from.to_string(), "content": {"text": text}})
        }
        ThreadItem::Notice(text) => json!({ "notice": text }),
    };
    json!({ "items": items.into_iter().map(item).collect::<Vec<_>>() })
}

fn message_state(state: MessageState) -> &'static str {
    match state {
        MessageState::Accepted => "accepted",
        MessageState::Failed => "failed",
        MessageState::Sent => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Read => "read",
    }
}

fn file_state(state: FileState) -> &'static str {
    match state {
        FileState::Available => "available",
        FileState::Refused => "refused",
        FileState::Failed => "failed",
    }
}

fn connection(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Connecting => "connecting",
        ConnectionState::Open => "open",
        ConnectionState::Closed => "closed",
        ConnectionState::Refused => "refused",
    }
}

fn class(kind: FailureKind) -> ErrorClass {
    match kind {
        FailureKind::Malformed => ErrorClass::Malformed,
        FailureKind::Unauthenticated => ErrorClass::Unauthenticated,
        FailureKind::Forbidden => ErrorClass::Forbidden,
        FailureKind::NotFound => ErrorClass::NotFound,
        FailureKind::Limit => ErrorClass::Limit,
        FailureKind::UnsupportedVersion => ErrorClass::UnsupportedVersion,
        FailureKind::Unavailable => ErrorClass::Unavailable,
        FailureKind::Internal => ErrorClass::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{notification as registry, operation};
    use crate::wire::Jid;

    #[test]
    fn every_notification_has_the_form_of_the_protocol() {
        let from = Jid::new("15550001", "s.whatsapp.net");
        let (id, text) = ("A1".to_owned(), "hi".to_owned());
        let all = [
            Notification::Message { from: from.clone(), id: id.clone(), text },
            Notification::Reply {
                from: from.clone(),
                id: id.clone(),
                text: "so".to_owned(),
                reply_to: "A0".to_owned(),
            },
            Notification::File {
                from: from.clone(),
                id: id.clone(),
                kind: crate::role::third_party_client::MediaKind::Image,
                name: "a.jpg".to_owned(),
                caption: Some("c".to_owned()),
            },
            Notification::FileState { id: id.clone(), state: FileState::Refused },
            Notification::Reaction { from: from.clone(), id: id.clone(), emoji: String::new() },
            Notification::Typing { from: from.clone(), on: true },
            Notification::Receipt { id, state: MessageState::Delivered },
            Notification::IdentityChanged { from },
            Notification::Connection(ConnectionState::Refused),
            Notification::Woken(None),
            Notification::Woken(Some("{}".into())),
            Notification::Notice("n".to_owned()),
            Notification::ErrorShown(FailureKind::UnsupportedVersion),
        ];
        for one in all {
            let (name, params) = notification("a1", one, &mut Files::default());
            registry::find(name).unwrap().check(&params).unwrap();
        }
    }

    #[test]
    fn a_thread_has_the_form_of_the_protocol() {
        let from = Jid::new("15550001", "s.whatsapp.net");
        let (id, text) = ("A1".to_owned(), "hi".to_owned());
        let items = vec![
            ThreadItem::Own { id: id.clone(), text: text.clone(), state: MessageState::Read },
            ThreadItem::Theirs { id, from, text },
            ThreadItem::Notice("the security code has changed".to_owned()),
        ];
        operation::find("thread").unwrap().check_result(&thread(items)).unwrap();
    }

    #[test]
    fn failures_keep_their_class() {
        let failure = Failure { kind: FailureKind::Limit, why: "too long".to_owned() };
        let error = outcome(Err(failure)).unwrap_err();
        assert_eq!((error.code, error.class), (1, Some(ErrorClass::Limit)));
        assert_eq!(outcome(Ok(Reply::Sent("A".into()))), Ok(json!({"id": "A"})));
    }
}
