//! The server's answers to pushes and to whoever fetches its keys.

use serde_json::{Map, Value, json};

use super::*;
use crate::identity::jwks::KeySet;
use crate::identity::token::{self, Policy};
use crate::identity::{base64url, test_keys};

const NOW: UnixMs = UnixMs(1_800_000_000_000);
const BASE: &str = "http://127.0.0.1:7443";

fn server(fault: Option<Fault>) -> ThirdPartyServer {
    let settings = ServerSettings {
        seed: Seed(1),
        base_url: BASE.to_owned(),
        issuer: "acme".to_owned(),
        push_jwks_url: "http://meta/keys".to_owned(),
        values: Values::new(None),
    };
    let mut server = ThirdPartyServer::new(settings, fault);
    server.add_user("alice");
    server
}

fn outputs(server: &mut ThirdPartyServer) -> Vec<Output> {
    std::iter::from_fn(|| server.poll()).collect()
}

fn request(server: &mut ThirdPartyServer, request: HttpRequest) -> Vec<Output> {
    server.handle(NOW, Input::Request { id: 7, request });
    outputs(server)
}

/// The answer and who was woken, with Meta's keys served where they are asked for.
fn answer(server: &mut ThirdPartyServer, asked: HttpRequest) -> (HttpResponse, Vec<String>) {
    let (mut response, mut woken) = (None, Vec::new());
    let mut todo: VecDeque<Output> = request(server, asked).into();
    while let Some(output) = todo.pop_front() {
        match output {
            Output::Respond { id: 7, response: given } => response = Some(given),
            Output::Respond { .. } => panic!("an answer to nobody"),
            Output::Wake { visible_id } => woken.push(visible_id),
            Output::Fetch { id, url, .. } => {
                assert_eq!(url, "http://meta/keys");
                let keys = json!({"keys": [test_keys::meta().public().to_json()]});
                let result = Ok(HttpResponse::json(200, &keys));
                server.handle(NOW, Input::Response { id, result });
                todo.extend(outputs(server));
            }
        }
    }
    (response.expect("every request is answered"), woken)
}

fn claims() -> Value {
    let now = NOW.secs();
    json!({"iss": "WHATSAPP", "aud": BASE, "iat": now, "exp": now + 3600})
}

fn with_claims(changed: Value) -> String {
    let mut claims = claims().as_object().unwrap().clone();
    claims.extend(changed.as_object().unwrap().clone());
    claims.retain(|_, value| !value.is_null());
    token::issue_with(test_keys::meta(), &Map::new(), &Value::Object(claims))
}

fn push(token: &str, body: &str) -> HttpRequest {
    let request = HttpRequest::new("POST", "/push")
        .with_header("Authorization", format!("Bearer {token}"))
        .with_header("Content-Type", "application/json; charset=utf-8");
    HttpRequest { body: body.as_bytes().to_vec(), ..request }
}

const ALICE: &str = r#"{"to": "alice", "new": 1}"#;

#[test]
fn a_push_of_metas_wakes_the_user_and_has_no_content() {
    let mut server = server(None);
    let (response, woken) = answer(&mut server, push(&with_claims(json!({})), ALICE));
    assert_eq!((response, woken), (HttpResponse::new(200), vec!["alice".to_owned()]));
    let (_, again) = answer(&mut server, push(&with_claims(json!({})), ALICE));
    assert_eq!((again.len(), server.meta_keys.fetches()), (1, 1), "the keys are kept");
}

#[test]
fn an_unknown_user_gets_the_same_answer_and_no_wake() {
    let token = with_claims(json!({}));
    let (response, woken) = answer(&mut server(None), push(&token, r#"{"to":"nobody"}"#));
    assert_eq!((response, woken), (HttpResponse::new(200), Vec::new()));
}

#[test]
fn every_token_that_does_not_hold_is_refused_and_nobody_is_woken() {
    let wrong = [
        with_claims(json!({"iss": "WHATS"})),
        with_claims(json!({"iss": null})),
        with_claims(json!({"aud": "http://127.0.0.1:7444"})),
        with_claims(json!({"aud": null})),
        with_claims(json!({"exp": NOW.secs() - 3600})),
        with_claims(json!({"exp": null})),
        token::issue_with(test_keys::stranger(), &Map::new(), &claims()),
        broken(&with_claims(json!({})), "signature"),
        broken(&with_claims(json!({})), "alg"),
        "no token".to_owned(),
        String::new(),
    ];
    for token in wrong {
        let mut server = server(None);
        let (response, woken) = answer(&mut server, push(&token, ALICE));
        let challenge = response.header("www-authenticate").unwrap_or_default();
        assert_eq!((response.status, woken), (401, Vec::new()), "{token}");
        assert!(challenge.starts_with("Bearer"), "{challenge}");
    }
}

/// A token with one bit of its signature flipped, or without any.
fn broken(token: &str, what: &str) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut signature = base64url::decode(signature).unwrap();
    signature[9] ^= 1;
    match what {
        "signature" => format!("{input}.{}", base64url::encode(signature)),
        _ => {
            let (_, claims) = input.split_once('.').unwrap();
            let header = base64url::encode(r#"{"alg":"none","kid":"meta-1"}"#);
            format!("{header}.{claims}.")
        }
    }
}

#[test]
fn a_push_without_a_token_is_refused_before_its_body_is_read() {
    for request in [
        HttpRequest::new("POST", "/push"),
        HttpRequest::new("POST", "/push").with_header("authorization", "Basic eDp5"),
    ] {
        let request = HttpRequest { body: ALICE.into(), ..request };
        let (response, woken) = answer(&mut server(None), request);
        assert_eq!((response.status, woken.len()), (401, 0));
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    }
}

#[test]
fn a_body_that_names_nobody_is_malformed() {
    for body in ["", "{", "[]", "{}", r#"{"to":7}"#, "\u{FEFF}{\"to\":\"alice\"}"] {
        let (response, woken) = answer(&mut server(None), push(&with_claims(json!({})), body));
        assert_eq!((response.status, woken.len()), (400, 0), "{body}");
    }
}

#[test]
fn other_methods_and_paths_are_refused_by_name() {
    let mut server = server(None);
    let mut ask = |method: &str, path: &str| {
        let (response, _) = answer(&mut server, HttpRequest::new(method, path));
        (response.status, response.header("allow").map(str::to_owned))
    };
    assert_eq!(ask("GET", "/push"), (405, Some("POST".to_owned())));
    let keys = "/.well-known/oauth/openid/jwks";
    assert_eq!(ask("POST", keys), (405, Some("GET, HEAD".to_owned())));
    assert_eq!(ask("GET", "/"), (404, None));
    assert_eq!(ask("POST", "/push/"), (404, None));
    assert_eq!(ask("GET", &format!("{keys}?x=1")), (200, None));
}

#[test]
fn without_metas_keys_a_push_is_put_off_and_not_refused() {
    let mut server = server(None);
    let asked = request(&mut server, push(&with_claims(json!({})), ALICE));
    let [Output::Fetch { id, .. }] = asked[..] else { panic!("{asked:?}") };
    let second = push(&with_claims(json!({})), ALICE);
    server.handle(NOW, Input::Request { id: 8, request: second });
    assert_eq!(outputs(&mut server), [], "it waits for the same fetch");
    server.handle(NOW, Input::Response { id, result: Err("refused".to_owned()) });
    for output in outputs(&mut server) {
        let Output::Respond { response, .. } = output else { panic!("{output:?}") };
        assert_eq!((response.status, response.header("retry-after")), (503, Some("30")));
    }
}

#[test]
fn the_key_set_is_public_and_its_tokens_verify_under_it() {
    let mut server = server(None);
    let path = "/.well-known/oauth/openid/jwks";
    let (response, _) = answer(&mut server, HttpRequest::new("GET", path));
    let keys = KeySet::parse(&response.body).unwrap();
    let policy = Policy {
        issuer: Some("acme".to_owned()),
        audience: Some("WHATSAPP".to_owned()),
        subject: Some("alice".to_owned()),
        ..Policy::default()
    };
    let token = server.issue(NOW, "alice").unwrap();
    let rows = token::examine(&token, &keys, &policy, NOW);
    assert!(rows.iter().all(|row| row.broken().is_none()), "{rows:?}");
    assert_eq!(server.issue(NOW, "nobody"), None);
    let (head, _) = answer(&mut server, HttpRequest::new("HEAD", path));
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn each_fault_shows_where_it_should_and_nowhere_else() {
    let server_with = |fault, request| answer(&mut server(Some(fault)), request);
    let good = with_claims(json!({}));
    let none = HttpRequest::new("POST", "/push").with_header("content-type", "application/json");
    let none = HttpRequest { body: ALICE.into(), ..none };
    let bad_signature = broken(&good, "signature");
    let (response, woken) = server_with(Fault::PushMissingAuthAccepted, none.clone());
    assert_eq!((response.status, woken.len()), (200, 1));
    let (response, _) = server_with(Fault::PushMissingAuthAccepted, push(&bad_signature, ALICE));
    assert_eq!(response.status, 401);
    let (response, woken) =
        server_with(Fault::PushAnySignatureAccepted, push(&bad_signature, ALICE));
    assert_eq!((response.status, woken.len()), (200, 1));
    let other = with_claims(json!({"aud": "http://else"}));
    assert_eq!(server_with(Fault::PushAnySignatureAccepted, push(&other, ALICE)).0.status, 401);
    assert_eq!(server_with(Fault::PushAnySignatureAccepted, none).0.status, 401);
    let (response, woken) = server_with(Fault::PushNeverWakes, push(&good, ALICE));
    assert_eq!((response.status, woken.len()), (200, 0));
    let keys = HttpRequest::new("GET", "/.well-known/oauth/openid/jwks");
    let (response, _) = server_with(Fault::JwksHasPrivateKey, keys);
    let set: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(set["keys"][0]["d"].as_str().unwrap().len(), 342);
    let token = server(Some(Fault::JwtNamesAnotherUser)).issue(NOW, "alice").unwrap();
    assert_eq!(token::inspect(&token).claims["sub"], "not-alice");
}

#[test]
fn a_new_key_is_listed_before_it_signs_and_the_old_one_outlives_its_tokens() {
    let mut server = server(None);
    assert!(matches!(server.rotate_keys(NOW, "end"), Err(RotationError::Phase(_))));
    server.rotate_keys(NOW, "begin").unwrap();
    assert_eq!(server.rotate_keys(NOW, "begin"), Err(RotationError::Begun));
    let at = |seconds: u64| NOW.after(std::time::Duration::from_secs(seconds));
    let mut kids = |seconds: u64| {
        server.now = at(seconds);
        let listed = server.listed_keys();
        let listed: Vec<&str> = listed.into_iter().map(|key| key.kid()).collect();
        (listed.join(" "), server.signing_key(at(seconds)).kid())
    };
    let both = "partner-1 partner-2".to_owned();
    assert_eq!(kids(0), (both.clone(), "partner-1"));
    assert_eq!(kids(2 * 3600 - 1), (both.clone(), "partner-1"));
    assert_eq!(kids(2 * 3600), (both.clone(), "partner-2"));
    assert_eq!(kids(3 * 3600 + 59), (both, "partner-2"));
    assert_eq!(kids(3 * 3600 + 60), ("partner-2".to_owned(), "partner-2"));
}

#[test]
fn who_is_disabled_gets_neither_token_nor_wake() {
    let mut server = server(None);
    server.set_enabled("alice", false);
    assert_eq!(server.issue(NOW, "alice"), None);
    let (response, woken) = answer(&mut server, push(&with_claims(json!({})), ALICE));
    assert_eq!((response, woken), (HttpResponse::new(200), Vec::new()));
    server.set_enabled("alice", true);
    assert!(server.issue(NOW, "alice").is_some());
}

#[test]
fn a_push_that_is_far_too_large_is_said_to_be() {
    let body = json!({"to": "alice", "x": "x".repeat(crate::limits::PUSH_BODY_BYTES_MAX)});
    let asked = push(&with_claims(json!({})), &body.to_string());
    let (response, woken) = answer(&mut server(None), asked);
    assert_eq!((response.status, woken.len()), (413, 0));
}

#[test]
fn a_key_set_that_is_asked_for_by_head_has_the_same_fields() {
    let mut server = server(None);
    let path = "/.well-known/oauth/openid/jwks";
    let (get, _) = answer(&mut server, HttpRequest::new("GET", path));
    let (head, _) = answer(&mut server, HttpRequest::new("HEAD", path));
    assert_eq!((head.status, head.headers), (get.status, get.headers));
}

fn upload(credential: Option<&str>) -> HttpRequest {
    let request = HttpRequest::new("POST", UPLOAD_PATH)
        .with_header("content-type", "application/octet-stream");
    let request = HttpRequest { body: b"opaque".to_vec(), ..request };
    match credential {
        Some(credential) => request.with_header(CREDENTIAL, credential),
        None => request,
    }
}

fn stored(fault: Option<Fault>, credential: Option<&str>) -> HttpResponse {
    answer(&mut server(fault), upload(credential)).0
}

#[test]
fn a_file_is_stored_for_a_user_and_lies_where_the_answer_says() {
    let mut server = server(None);
    let credential = server.upload_credential("alice");
    let (response, _) = answer(&mut server, upload(Some(&credential)));
    let place = response.header("location").unwrap_or_default().to_owned();
    assert_eq!((response.status, place.is_empty()), (201, false));
    let (file, _) = answer(&mut server, HttpRequest::new("GET", &place));
    assert_eq!((file.status, file.body), (200, b"opaque".to_vec()));
}

#[test]
fn nobody_else_stores_a_file() {
    let strange = server(None).upload_credential("bob");
    for credential in [None, Some("Bearer 00"), Some(strange.as_str()), Some("Basic YTpi")] {
        let refused = stored(None, credential);
        assert_eq!(refused.status, 401, "{credential:?}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    }
    let asked = HttpRequest::new("GET", UPLOAD_PATH);
    assert_eq!(answer(&mut server(None), asked).0.status, 405);
}

#[test]
fn a_server_without_judgement_stores_what_comes() {
    assert_eq!(stored(Some(Fault::UploadsOfAnybody), None).status, 201);
    assert_eq!(stored(Some(Fault::UploadCredentialUnread), Some("Bearer 00")).status, 201);
    assert_eq!(stored(Some(Fault::UploadCredentialUnread), None).status, 401);
}
