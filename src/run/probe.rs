//! Tries what may be declared absent: is true what `hello` states (ROB-005)?
//!
//! [`hooks`] asks an instance that no case uses for every hook, and for the operations of users that
//! are optional. What ends a process or undoes its state is left out:
//! an adapter may drive a device that stays. Asking proves that a hook exists, not that it does what
//! it should; that is the business of the scenarios that need it.

use serde_json::{Value, json};

use super::instance::Host;
use crate::driver::operation::{self, Kind, Operation, Scope};
use crate::driver::{CallError, ErrorClass, Params, Seat};
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
pub(super) struct Tried {
    pub answer: ProbeAnswer,
    pub said: String,
    /// How it failed, where it says so.
    pub class: Option<ErrorClass>,
}

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
        let params = hook.sample_params(ACCOUNT, Seat::ThirdPartyServer);
        let Tried { answer, said: why, .. } = attempt(host, hook, params).await;
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

/// Asks for an operation.
pub(super) async fn attempt(host: &Host, operation: &Operation, params: Params) -> Tried {
    let tried = |answer, said| Tried { answer, said, class: None };
    match host.instance().call(operation.name, params).await {
        Ok(result) => tried(ProbeAnswer::Done, done(&result)),
        Err(CallError::Rpc(error)) if error.is_method_not_found() => {
            tried(ProbeAnswer::MethodNotFound, "method not found".to_owned())
        }
        Err(CallError::Rpc(error)) => {
            let class = error.class.map(|class| format!("{class}: ")).unwrap_or_default();
            let said = format!("{class}{}", error.message);
            Tried { class: error.class, ..tried(ProbeAnswer::Refused, said) }
        }
        Err(CallError::Breach(breach)) => tried(ProbeAnswer::Malformed, breach.to_string()),
        Err(error) => tried(ProbeAnswer::Nothing, error.to_string()),
    }
}

/// That it is done, with the names of what came back.
fn done(result: &Value) -> String {
    let names = result.as_object().into_iter().flatten().map(|(name, _)| format!("{name}: …"));
    match names.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "done".to_owned(),
        names => format!("done: {{{names}}}"),
    }
}
