//! What a person is told to do for an operation, and what the typed answer means.
//!
//! [`render`] is the way there, [`result`] and [`shown`] are the way back. It knows no terminal.
//! Prose fits 80 columns; a value that is to be typed or copied stands whole on a line of its own.

use serde_json::{Value, json};

use crate::driver::Params;

/// Stands for an id that the app does not show.
pub const UNSEEN: &str = "?";
/// Stands for an address that the app does not show.
pub(super) const UNSEEN_LOGIN: &str = "unseen@interop";

/// The instruction, with the values that it needs.
pub(super) fn render(method: &str, params: &Params) -> String {
    let of = |name: &str| params.get(name).and_then(Value::as_str).unwrap_or("-");
    let told = match method {
        "configure" => return configure(params, of("seat")),
        "account" => {
            let visible = params.get("user").and_then(|user| user.get("visible_id")?.as_str());
            return format!("> Set up a new user, {}, called:\n{}", of("account"), value(visible));
        }
        "opt_in" => "switch interoperability on".to_owned(),
        "opt_out" => "switch interoperability off".to_owned(),
        "enlist" => "switch interoperability on, and wait for the service".to_owned(),
        "connect" => "go online".to_owned(),
        "disconnect" => "go offline, and stay so".to_owned(),
        "send_text" => format!("send to {} this text:\n{}", who(of("to")), value(Some(of("text")))),
        "send_media" => {
            format!("send to {} this file:\n{}", who(of("to")), value(Some(of("path"))))
        }
        "react" => format!("react with {} to the message {}", of("emoji"), of("id")),
        "mark_read" => format!("open the message {}", of("id")),
        "set_typing" if params.get("on") == Some(&Value::Bool(false)) => {
            format!("stop typing to {}", who(of("to")))
        }
        "set_typing" => format!("begin to type to {}", who(of("to"))),
        "block" => format!("block {}", who(of("jid"))),
        "unblock" => format!("unblock {}", who(of("jid"))),
        "blocklist" => "look whom you have blocked".to_owned(),
        "announce_reachability" => format!("let {} know that you can be reached", who(of("to"))),
        "token" => return format!("> At the server: issue a token for {}", of("user")),
        "upload_media" => {
            return format!("> At the server: store this file:\n{}", value(Some(of("path"))));
        }
        "fingerprint" => format!("open the safety number that you share with {}", who(of("with"))),
        "set_app_state" => format!("bring the app to this state: {}", of("state")),
        "set_account_state" => format!("have the account of this user be {}", of("state")),
        "set_read_receipts" if params.get("on") == Some(&Value::Bool(false)) => {
            "switch read receipts off".to_owned()
        }
        "set_read_receipts" => "switch read receipts on".to_owned(),
        other => other.replace('_', " "),
    };
    let token = params.get("token").and_then(Value::as_str);
    let token = token.map(|token| format!("\n  The token for it is\n{}", value(Some(token))));
    format!("> As {}: {told}{}", of("account"), token.unwrap_or_default())
}

fn configure(params: &Params, seat: &str) -> String {
    let mut text = format!("> Let the {} find Meta's side:", seat.replace('-', " "));
    let rows = [
        ("chat", "/chat/tcp"),
        ("or", "/chat/ws"),
        ("trust root", "/noise_root"),
        ("enlistment", "/enlistment_url"),
        ("media", "/media_url"),
        ("issuer", "/integrator/iss"),
        ("push keys", "/push_jwks_url"),
    ];
    let instance = params.get("instance").unwrap_or(&Value::Null);
    for (name, path) in rows {
        if let Some(place) = instance.pointer(path).and_then(Value::as_str) {
            text.push_str(&format!("\n  {name:<12}{place}"));
        }
    }
    if let Some(number) = instance.pointer("/integrator/id").and_then(Value::as_u64) {
        text.push_str(&format!("\n  {:<12}{number}", "integrator"));
    }
    if let Some(authority) = instance.get("tls_ca").and_then(Value::as_str) {
        text.push_str(&format!(
            "\n  It proves itself by this authority:\n{}",
            authority.trim_end()
        ));
    }
    text
}

/// A value on a line of its own.
pub(super) fn value(text: Option<&str>) -> String {
    format!("    {}", text.unwrap_or("-"))
}

/// Apps know people by their number.
pub(super) fn who(jid: &str) -> &str {
    jid.strip_suffix("@s.whatsapp.net").unwrap_or(jid)
}

fn is_server(params: &Params) -> bool {
    params.get("seat").and_then(Value::as_str) != Some("third-party-client")
}

/// What is to be typed when it is done.
pub(super) fn wanted(method: &str, params: &Params) -> &'static str {
    match method {
        "configure" if is_server(params) => "Type where it listens: http://HOST:PORT",
        "enlist" => "Enter, or the login if the app shows it",
        "send_text" | "send_media" => "Enter, or the message's id if the app shows it",
        "block" | "unblock" | "blocklist" => "Type all blocked addresses",
        "token" => "Type the token",
        "upload_media" => "Type the reference",
        "fingerprint" => "Type its digits",
        _ => "Enter",
    }
}

/// The result that an answer stands for; it is still to be checked.
pub(super) fn result(method: &str, params: &Params, typed: &str) -> Value {
    let or = |unseen: &str| if typed.is_empty() { unseen.to_owned() } else { typed.to_owned() };
    match method {
        "configure" if is_server(params) => json!({ "offers": { "base_url": typed } }),
        "enlist" => json!({ "login": or(UNSEEN_LOGIN) }),
        "send_text" => json!({ "id": or(UNSEEN) }),
        "send_media" => json!({ "id": or(UNSEEN), "reference": UNSEEN }),
        "block" | "unblock" | "blocklist" => {
            json!({ "list": typed.split_whitespace().collect::<Vec<_>>() })
        }
        "token" => json!({ "jwt": typed }),
        "upload_media" => json!({ "reference": typed }),
        "fingerprint" => json!({ "fingerprint": typed }),
        _ => json!({}),
    }
}

/// A notification as it is typed; a message still lacks its sender.
pub(super) fn shown(typed: &str) -> Option<(&'static str, Params)> {
    let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let rest = rest.trim();
    let (name, value) = match word {
        "message" => ("message", json!({ "id": UNSEEN, "content": { "text": rest } })),
        "receipt" => {
            let (id, state) = rest.split_once(' ')?;
            ("receipt", json!({ "id": id, "state": state.trim() }))
        }
        "connection" => ("connection", json!({ "state": rest })),
        "reaction" if !rest.is_empty() => {
            let (id, emoji) = rest.split_once(' ').unwrap_or((rest, ""));
            ("reaction", json!({ "id": id, "emoji": emoji.trim() }))
        }
        "typing" if matches!(rest, "on" | "off") => ("typing", json!({ "on": rest == "on" })),
        "woken" if rest.is_empty() => ("woken", json!({})),
        "notice" => ("notice", json!({ "text": rest })),
        "error" => ("error_shown", json!({ "class": rest })),
        _ => return None,
    };
    match value {
        Value::Object(params) => Some((name, params)),
        _ => None,
    }
}
