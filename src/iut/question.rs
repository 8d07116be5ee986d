//! What a person is asked where a step waits for something that the app should show.
//!
//! Main type: [`Question`], read from what the harness puts beside `health`. A yes stands for the
//! notification in full, but for ids, which no app shows.

use serde_json::{Value, json};

use super::instruction::{UNSEEN, value, who};
use crate::driver::Params;

/// The notification that a yes is.
pub(super) struct Question {
    pub account: String,
    pub name: &'static str,
    pub params: Params,
    words: String,
}

impl Question {
    /// Reads a question; `None` for what has no words.
    pub fn read(asked: &Value) -> Option<Self> {
        let fields = asked.get("fields")?.as_object()?;
        let of = |name: &str| fields.get(name).and_then(Value::as_str);
        let from = of("from").map(|from| format!(" from {}", who(from))).unwrap_or_default();
        let id = of("id").unwrap_or(UNSEEN);
        let (name, params, words) = match asked.get("name")?.as_str()? {
            "message" => {
                let text = of("text")?;
                let words = format!("this text{from}:\n{}", value(Some(text)));
                ("message", json!({ "id": UNSEEN, "content": { "text": text } }), words)
            }
            "receipt" => {
                let state = of("state")?;
                let words = format!("that the message {id} is {state}");
                ("receipt", json!({ "id": id, "state": state }), words)
            }
            "connection" => {
                let state = of("state")?;
                ("connection", json!({ "state": state }), format!("that its connection is {state}"))
            }
            "reaction" => {
                let emoji = of("emoji")?;
                let words = match emoji {
                    "" => format!("that the reaction{from} to the message {id} is gone"),
                    emoji => format!("the reaction {emoji}{from} to the message {id}"),
                };
                ("reaction", json!({ "id": id, "emoji": emoji }), words)
            }
            "typing" => {
                let on = of("on")? == "true";
                let does = if on { "types" } else { "has stopped typing" };
                let somebody = of("from").map_or("somebody", who);
                ("typing", json!({ "on": on }), format!("that {somebody} {does}"))
            }
            "notice" => {
                let text = of("text")?;
                ("notice", json!({ "text": text }), format!("this notice:\n{}", value(Some(text))))
            }
            "identity_changed" => {
                let words = format!("that the keys of {} are others now", who(of("from")?));
                ("identity_changed", json!({ "from": of("from")? }), words)
            }
            _ => return None,
        };
        let account = asked.get("account")?.as_str()?.to_owned();
        let mut params = params.as_object()?.clone();
        params.insert("account".to_owned(), json!(account));
        if let Some(from) = of("from").filter(|_| matches!(name, "message" | "reaction" | "typing"))
        {
            params.insert("from".to_owned(), json!(from));
        }
        Some(Self { account, name, params, words })
    }

    pub fn render(&self) -> String {
        let Self { account, words, .. } = self;
        format!(
            "? Does the app of {account} show {words}\n  yes or no; or type what it shows instead, and Enter"
        )
    }
}
