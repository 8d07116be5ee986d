//! Conversations with a person, told by what was shown to him and what the harness heard.

use serde_json::Map;
use tokio::io::AsyncReadExt as _;

use super::super::instruction::UNSEEN;
use super::*;
use crate::driver::{CallError, Incoming};
use crate::iut::{Instance, Options, Timeouts};

type Person = (Instance, mpsc::Receiver<Incoming>, DuplexStream);

/// A person who types these lines when something is asked, and what was shown to the person.
async fn person(lines: &'static str) -> Person {
    let (shown, output) = tokio::io::duplex(BUFFER_BYTES);
    let (name, version) = ("a phone".to_owned(), "1".to_owned());
    let seats = vec![Seat::ThirdPartyClient, Seat::ThirdPartyServer];
    let hooks = vec!["fingerprint"];
    let held = Held { name, version, seats, answers: Some("script".into()), hooks };
    let (reader, writer) = serve(held, lines.as_bytes(), output);
    let harness = "counterpart 0".to_owned();
    let options = Options { harness, nonsense: 1, timeouts: Timeouts::OFF, pause: None };
    let (instance, incoming) = Instance::over(reader, writer, &options).await.unwrap();
    (instance, incoming, shown)
}

fn params(value: Value) -> Params {
    value.as_object().unwrap().clone()
}

async fn a1(instance: &Instance, operation: &str, more: Value) -> Result<Value, CallError> {
    let mut params = params(more);
    params.insert("account".to_owned(), json!("a1"));
    instance.call(operation, params).await
}

fn class(refused: Result<Value, CallError>) -> Option<ErrorClass> {
    match refused {
        Err(CallError::Rpc(error)) => error.class,
        other => panic!("{other:?}"),
    }
}

async fn configure(instance: &Instance, seat: &str) -> Result<Value, CallError> {
    let root = "0f".repeat(32);
    let place = json!({"seat": seat, "seed": 1, "instance": {
        "chat": {"tcp": "127.0.0.1:5", "ws": "ws://127.0.0.1:5/ws/chat"},
        "noise_root": root, "integrator": {"id": 1, "iss": "acme"}, "enlistment_url": "http://127.0.0.1:6/3p/interop_reg"}});
    instance.call("configure", params(place)).await
}

/// What was told, after everything was said.
async fn told(instance: Instance, mut shown: DuplexStream) -> String {
    instance.stop().await;
    let mut text = vec![0; BUFFER_BYTES];
    let read = shown.read(&mut text).await.unwrap();
    let text = String::from_utf8_lossy(&text[..read]).into_owned();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    text
}

#[tokio::test]
async fn operations_are_instructions_and_what_is_typed_is_what_was_seen() {
    let typed = "\nhttp://127.0.0.1:7\n\nno unauthenticated: it wants a code\n\
        connection open\n\n\nmessage hello there\n+1 555 0001\nnone\nnonsense here\n\
        7@interop\nmessage hidden\n\n@a9 notice who\nreceipt 1 lost\nhelp\n\n";
    let (instance, mut incoming, shown) = person(typed).await;
    configure(&instance, "third-party-client").await.unwrap();
    let offers = configure(&instance, "third-party-server").await.unwrap();
    assert_eq!(offers, json!({"offers": {"base_url": "http://127.0.0.1:7"}}));
    a1(&instance, "account", json!({"user": {"visible_id": "alice-1"}})).await.unwrap();
    let refused = a1(&instance, "enlist", json!({"token": "e30.e30.c2ln"})).await;
    assert_eq!(class(refused), Some(ErrorClass::Unauthenticated));
    a1(&instance, "connect", json!({})).await.unwrap();
    let sent = json!({"to": "15550001@s.whatsapp.net", "text": "Grüße, hi"});
    assert_eq!(a1(&instance, "send_text", sent).await.unwrap(), json!({"id": UNSEEN}));
    let blocked = json!({"jid": "15550001@s.whatsapp.net"});
    let lacking = a1(&instance, "block", blocked.clone()).await.unwrap_err();
    assert!(matches!(lacking, CallError::Rpc(error) if error.is_method_not_found()));
    let list = a1(&instance, "unblock", blocked).await.unwrap();
    assert_eq!(list, json!({"list": ["7@interop"]}), "what does not fit is asked for again");
    instance.health().await.unwrap();
    let said: Vec<(String, Value)> = std::iter::from_fn(|| incoming.try_recv().ok())
        .filter_map(|said| match said {
            Incoming::Notification { notification, .. } => {
                let from = notification.params.get("from").cloned().unwrap_or_default();
                Some((notification.method, from))
            }
            Incoming::Breach { breach, .. } => panic!("{breach}"),
            _ => None,
        })
        .collect();
    let said: Vec<(&str, &str)> =
        said.iter().map(|(name, from)| (&**name, from.as_str().unwrap_or(""))).collect();
    assert_eq!(
        said,
        [("connection", ""), ("message", "15550001@s.whatsapp.net"), ("message", UNSEEN_LOGIN)]
    );
    insta::assert_snapshot!(told(instance, shown).await);
}

#[tokio::test]
async fn a_closed_terminal_confirms_nothing_and_a_person_has_no_hooks() {
    let (instance, _incoming, _shown) = person("").await;
    let refused = a1(&instance, "account", json!({"user": {"visible_id": "a"}})).await;
    assert_eq!(class(refused), Some(ErrorClass::Unavailable));
    let lacking = a1(&instance, "inject_wake", json!({})).await.unwrap_err();
    assert!(matches!(lacking, CallError::Rpc(error) if error.is_method_not_found()));
}

#[test]
fn lines_of_any_length_are_read_in_bounded_pieces() {
    let (typed, mut lines) = mpsc::channel(8);
    let long = format!("{}\nend", "x".repeat(LOG_LINE_BYTES_MAX + 1));
    read(long.as_bytes(), &typed);
    drop(typed);
    let lengths: Vec<usize> =
        std::iter::from_fn(|| lines.blocking_recv()).map(|l| l.len()).collect();
    assert_eq!(lengths, [LOG_LINE_BYTES_MAX, 1, 3]);
}

fn asking(name: &str, fields: Value) -> Params {
    params(json!({"x-expected": {"account": "a1", "name": name, "fields": fields}}))
}

#[tokio::test]
async fn a_person_says_yes_or_no_to_what_is_waited_for_and_carries_out_hooks() {
    let typed = "\nyes\n+1 555 0001\nno\nperhaps\nmessage other\n\n\nyes\n12345 67890\n";
    let (instance, mut incoming, shown) = person(typed).await;
    a1(&instance, "account", json!({"user": {"visible_id": "alice-1"}})).await.unwrap();
    let ask = |name: &str, fields: Value| instance.call("health", asking(name, fields));
    ask("message", json!({"text": "see you at six", "id": "3EB0"})).await.unwrap();
    ask("receipt", json!({"id": "3EB1", "state": "read"})).await.unwrap();
    ask("message", json!({"text": "never shown", "from": "15550001@s.whatsapp.net"}))
        .await
        .unwrap();
    ask("typing", json!({"on": "true", "from": "15550001@s.whatsapp.net"})).await.unwrap();
    let with = json!({"with": "15550001@s.whatsapp.net"});
    let fingerprint = a1(&instance, "fingerprint", with).await.unwrap();
    assert_eq!(fingerprint, json!({"fingerprint": "12345 67890"}));
    let lacking = a1(&instance, "set_app_state", json!({"state": "background"})).await.unwrap_err();
    assert!(matches!(lacking, CallError::Rpc(error) if error.is_method_not_found()));
    let said: Vec<(String, Map<String, Value>)> = std::iter::from_fn(|| incoming.try_recv().ok())
        .filter_map(|said| match said {
            Incoming::Notification { notification, .. } => {
                Some((notification.method, notification.params))
            }
            Incoming::Breach { breach, .. } => panic!("{breach}"),
            _ => None,
        })
        .collect();
    let texts: Vec<&str> = said
        .iter()
        .map(|(name, params)| match params.get("content") {
            Some(content) => content["text"].as_str().unwrap_or_default(),
            None => name,
        })
        .collect();
    assert_eq!(texts, ["see you at six", "other", "typing"], "{said:?}");
    insta::assert_snapshot!(told(instance, shown).await);
}
