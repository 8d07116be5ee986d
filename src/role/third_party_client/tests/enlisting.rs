use serde_json::json;

use super::super::*;
use super::bench::*;
use wacore_libsignal::core::curve::PublicKey;

fn signature_verifies(bench: &Bench) -> bool {
    let form = bench.form.as_ref().unwrap();
    let mut signed = [5; 33];
    signed[1..].copy_from_slice(&form.e_skey_val);
    let key = PublicKey::from_djb_public_key_bytes(&form.e_ident).unwrap();
    key.verify_signature(&signed, &form.e_skey_sig)
}

#[test]
fn the_form_has_the_keys_of_the_user_and_the_token() {
    let bench = Bench::enlisted(None);
    let form = bench.form.as_ref().unwrap();
    assert_eq!((form.token.as_str(), form.e_keytype), ("t.o.ken", 5));
    assert_eq!(form.e_regid, bench.client.party.registration_id());
    assert!(signature_verifies(&bench));
    assert_ne!(form.authkey, form.e_ident, "NOI-014");
    let another = Bench::enlisted(Some(Fault::IdentityIsNotTheSigner));
    assert!(!signature_verifies(&another));
}

#[test]
fn enlisting_again_gives_the_login_in_force_and_no_second_call() {
    let mut bench = Bench::enlisted(None);
    bench.form = None;
    let did = bench.command(Command::Enlist);
    assert_eq!(did, [Did::Done(2, Ok(Reply::Login(LOGIN.to_owned())))]);
    assert_eq!(bench.form, None);
}

#[test]
fn two_commands_share_one_call() {
    let mut bench = Bench::new(None);
    bench.command(Command::Enlist);
    bench.command(Command::Enlist);
    let did = bench.enlistment(200, &json!({"login": LOGIN, "status": "ok"}).to_string());
    let login = || Ok(Reply::Login(LOGIN.to_owned()));
    assert_eq!(did, [Did::Done(1, login()), Did::Done(2, login())]);
}

#[test]
fn opting_in_alone_calls_nobody() {
    let mut bench = Bench::new(None);
    assert_eq!(bench.command(Command::OptIn), [Did::Done(1, Ok(Reply::Done))]);
    assert_eq!(bench.form, None);
}

#[test]
fn whatever_is_no_success_is_a_failure_that_the_user_sees() {
    let answers = [
        (200, r#"{"status":"fail","reason":"bad_integrator"}"#, FailureKind::Forbidden),
        (200, r#"{"login":"1-2@interop"}"#, FailureKind::Malformed),
        (200, r#"{"status":"ok","login":"nobody"}"#, FailureKind::Malformed),
        (200, "<html>", FailureKind::Malformed),
        (429, "", FailureKind::Limit),
        (503, "", FailureKind::Unavailable),
    ];
    for (status, body, kind) in answers {
        let mut bench = Bench::new(None);
        bench.command(Command::Enlist);
        let did = bench.enlistment(status, body);
        assert_eq!(failures(&did), [kind], "{body}");
        assert!(did.contains(&Did::Notified(Notification::ErrorShown(kind))), "{body}");
        let did = bench.command(Command::Connect);
        assert_eq!(failures(&did), [FailureKind::Unauthenticated], "ENL-015");
        assert_eq!(did.len(), 1, "no connection is opened");
    }
}

#[test]
fn the_faulty_client_takes_a_refusal_for_a_success_and_logs_in() {
    let mut bench = Bench::new(Some(Fault::Http200IsSuccess));
    bench.command(Command::Enlist);
    let did = bench.enlistment(200, r#"{"status":"fail","reason":"bad_integrator"}"#);
    assert_eq!(did, [Did::Done(1, Ok(Reply::Login("12-0@interop".to_owned())))]);
    bench.command(Command::Connect);
    let (payload, _) = bench.login.unwrap();
    assert_eq!(payload.interop_data.unwrap().account_id, Some(0));
}

#[test]
fn without_a_token_there_is_no_call() {
    let mut bench = Bench::new(None);
    bench.token = None;
    let did = bench.command(Command::Enlist);
    assert_eq!((failures(&did), bench.form), (vec![FailureKind::Unauthenticated], None));
}

#[test]
fn a_call_without_an_answer_ends_in_time_and_a_late_answer_still_counts() {
    let mut bench = Bench::new(None);
    bench.command(Command::Enlist);
    assert_eq!(failures(&bench.sleep()), [FailureKind::Unavailable]);
    assert!(bench.now.0 - START.0 < 10_000);
    bench.enlistment(200, &json!({"login": LOGIN, "status": "ok"}).to_string());
    let did = bench.command(Command::Enlist);
    assert_eq!(did, [Did::Done(2, Ok(Reply::Login(LOGIN.to_owned())))]);
}
