//! Tries what may be declared absent: is true what `hello` states (ROB-005)?
//!
//! [`hooks`] asks an instance that no case uses for every hook, and for the operations of users that
//! are optional. What ends a process or undoes its state is left out:
//! an adapter may drive a device that stays. Asking proves that a hook exists, not that it does what
//! it should; that is the business of the scenarios that need it.

use serde_json::{Value, json};

use super::instance::Host;
use crate::driver::operation::{self, Kind, Operation, Scope};
use crate::driver::{CallError, Params, Seat};
use crate::evidence::{Event, ProbeAnswer};
use crate::role::meta::enlistment_is_skipped;
use crate::spec::{Ics, Profile};

/// The account that probes speak of.
pub(super) const ACCOUNT: &str = "probe";
/// How that user is known to others.
pub(super) const VISIBLE_ID: &str = "probe-1";
/// Hooks that end a process or undo its state.
const LEFT_OUT: &[&str] = &["kill", "reset", "restart"];

/// What an operation came to, and why.
pub(super) type Tried = (ProbeAnswer, String);

/// Tries everything optional that does no lasting harm and says what came of it.
pub(super) async fn hooks(host: &Host, ics: &Ics, profile: &Profile) -> Vec<Event> {
    let mut events = Vec::new();
    if !host.is_configured() || announce(host, profile).await.is_err() {
        return events;
    }
    for hook in operation::all().filter(|operation| is_optional(host, operation)) {
        let capability = hook.capability.unwrap_or(hook.name);
        if ics.is_left_out(capability) {
            continue;
        }
        let (answer, why) = attempt(host, hook, None).await;
        if answer == ProbeAnswer::Malformed {
            events.push(Event::DriverBreach { why });
        }
        events.push(Event::Probed {
            operation: hook.name.to_owned(),
            capability: capability.to_owned(),
            declared: ics.has(capability),
            answer,
        });
        // Who does not answer once would not answer the others in time either.
        if answer == ProbeAnswer::Nothing {
            break;
        }
    }
    events
}

/// Hooks, and what only some users can do, of the seats that the subject plays.
fn is_optional(host: &Host, operation: &Operation) -> bool {
    let seat = match operation.scope {
        Scope::Seat => Seat::ThirdPartyServer,
        _ => Seat::ThirdPartyClient,
    };
    match operation.kind {
        Kind::Hook => !LEFT_OUT.contains(&operation.name),
        Kind::Product => operation.capability.is_some() && host.seats.contains(&seat),
        Kind::Session => false,
    }
}

/// Announces the account that probes speak of.
pub(super) async fn announce(host: &Host, profile: &Profile) -> Result<Value, CallError> {
    let mut user = json!({ "visible_id": VISIBLE_ID });
    if enlistment_is_skipped(profile) {
        user["login"] = json!("15550000001@s.whatsapp.net");
    }
    let mut params = Params::new();
    params.insert("account".to_owned(), json!(ACCOUNT));
    params.insert("user".to_owned(), user);
    host.instance().call("account", params).await
}

/// Asks for an operation with the smallest parameters that it takes.
///
/// `token` goes to those that take one.
pub(super) async fn attempt(host: &Host, operation: &Operation, token: Option<&str>) -> Tried {
    let mut params = operation.sample_params(ACCOUNT, Seat::ThirdPartyServer);
    if let Some(token) = token.filter(|_| matches!(operation.name, "enlist" | "connect")) {
        params.insert("token".to_owned(), json!(token));
    }
    match host.instance().call(operation.name, params).await {
        Ok(_) => (ProbeAnswer::Done, "done".to_owned()),
        Err(CallError::Rpc(error)) if error.is_method_not_found() => {
            (ProbeAnswer::MethodNotFound, "method not found".to_owned())
        }
        Err(CallError::Rpc(error)) => {
            let class = error.class.map(|class| format!("{class}: ")).unwrap_or_default();
            (ProbeAnswer::Refused, format!("{class}{}", error.message))
        }
        Err(CallError::Breach(breach)) => (ProbeAnswer::Malformed, breach.to_string()),
        Err(error) => (ProbeAnswer::Nothing, error.to_string()),
    }
}
