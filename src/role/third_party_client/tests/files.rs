//! Files both ways: what goes out is encrypted, what comes in is checked before anybody sees it.

use std::time::Duration;

use super::super::*;
use super::asides::pair;
use super::bench::*;
use crate::e2ee::content::Content;
use crate::e2ee::media::{Digests, Media, MediaKeys, open, seal};
use crate::http::HttpResponse;

const KEY: [u8; 32] = [5; 32];
const PLAIN: &[u8] = b"a picture of the sea, and of nothing else";

fn picture() -> (Media, Vec<u8>) {
    let (file, said) = seal(PLAIN, &MediaKeys::expand(&KEY, "WhatsApp Image Keys"), 10);
    let digests = Digests {
        sha256: Some(said.sha256.to_vec()),
        enc_sha256: Some(said.enc_sha256.to_vec()),
        length: Some(said.length),
    };
    let media = Media {
        kind: Some(MediaKind::Image),
        direct_path: Some("/v/t1?oh=2".to_owned()),
        url: Some("http://evil/x".to_owned()),
        key: Some(KEY.to_vec()),
        digests,
        caption: Some("the sea".to_owned()),
        ..Media::default()
    };
    (media, file)
}

fn asked(did: &[Did]) -> Option<(FetchId, &str)> {
    did.iter().find_map(|did| match did {
        Did::Asked(id, url) => Some((*id, url.as_str())),
        _ => None,
    })
}

fn state(did: &[Did]) -> Option<FileState> {
    did.iter().find_map(|did| match did {
        Did::Notified(Notification::FileState { state, .. }) => Some(*state),
        _ => None,
    })
}

fn saved(did: &[Did]) -> Option<&[u8]> {
    did.iter().find_map(|did| match did {
        Did::Saved(_, bytes) => Some(bytes.as_slice()),
        _ => None,
    })
}

/// What a client does about an answer to its first request for a file.
fn answered(fault: Option<Fault>, media: &Media, answer: HttpResponse) -> (Bench, Vec<Did>) {
    let (mut bench, mut bob) = pair(fault);
    let did = bench.stanza(bob.sends("A2", &media.encode()));
    let (id, _) = asked(&did).expect("it asks for the file");
    let did = bench.input(Input::Response { id, result: Ok(answer) });
    (bench, did)
}

fn with(body: Vec<u8>) -> HttpResponse {
    HttpResponse { body, ..HttpResponse::new(200) }
}

#[test]
fn a_file_comes_from_the_configured_host_and_is_shown_once_it_was_checked() {
    let (media, file) = picture();
    let (mut bench, mut bob) = pair(None);
    let did = bench.stanza(bob.sends("A2", &media.encode()));
    assert_eq!(asked(&did).unwrap().1, "http://media/v/t1?oh=2");
    assert_eq!(sent(&did, "receipt").len(), 1);
    let told = did.iter().any(
        |did| matches!(did, Did::Notified(Notification::File { caption, .. }) if caption.is_some()),
    );
    assert!(told && saved(&did).is_none());
    let (id, _) = asked(&did).unwrap();
    let did = bench.input(Input::Response { id, result: Ok(with(file)) });
    assert_eq!((saved(&did), state(&did)), (Some(PLAIN), Some(FileState::Available)));
}

#[test]
fn nothing_is_written_of_a_file_that_is_not_what_its_message_says() {
    let (media, file) = picture();
    let mut flipped = file.clone();
    flipped[0] ^= 1;
    let long = [&file[..], &[0; 16]].concat();
    for body in [flipped, long, file[..10].to_vec(), Vec::new(), PLAIN.to_vec()] {
        let (_, did) = answered(None, &media, with(body));
        assert_eq!((saved(&did), state(&did)), (None, Some(FileState::Refused)));
    }
    let hash = |change: fn(&mut Digests)| {
        let mut media = media.clone();
        change(&mut media.digests);
        answered(None, &media, with(file.clone())).1
    };
    for did in [
        hash(|digests| digests.sha256 = Some(vec![0; 32])),
        hash(|digests| digests.enc_sha256 = Some(vec![0; 32])),
        hash(|digests| digests.length = Some(1)),
    ] {
        assert_eq!((saved(&did), state(&did)), (None, Some(FileState::Refused)));
    }
}

#[test]
fn a_message_that_names_no_file_of_the_host_is_refused_unasked() {
    let (media, _) = picture();
    let paths = ["//evil/x", "http://evil/x", "@evil/x", "v/t1", "/a b", "/a\\b", "/a#b"];
    let odd = paths.map(|path| Media { direct_path: Some(path.to_owned()), ..media.clone() });
    let keyless = [None, Some(vec![5; 31])].map(|key| Media { key, ..media.clone() });
    let pathless = [Media { direct_path: None, ..media.clone() }];
    for media in odd.into_iter().chain(keyless).chain(pathless) {
        let (mut bench, mut bob) = pair(None);
        let did = bench.stanza(bob.sends("A2", &media.encode()));
        assert_eq!((asked(&did), state(&did)), (None, Some(FileState::Refused)), "{media:?}");
    }
}

#[test]
fn a_file_is_asked_for_a_few_times_and_not_before_the_host_wants_it() {
    let (media, file) = picture();
    let busy = HttpResponse::new(503).with_header("retry-after", "30");
    let (mut bench, did) = answered(None, &media, busy.clone());
    assert_eq!((state(&did), asked(&did)), (None, None));
    let before = bench.now;
    let (id, did) = next_request(&mut bench);
    assert!(bench.now >= before.after(Duration::from_secs(30)), "{did:?}");
    let did = bench.input(Input::Response { id, result: Err("broke off".to_owned()) });
    assert_eq!(state(&did), None);
    let (id, _) = next_request(&mut bench);
    let did = bench.input(Input::Response { id, result: Ok(with(file)) });
    assert_eq!(state(&did), Some(FileState::Available));
    let (mut bench, _) = answered(None, &media, busy.clone());
    for _ in 0..2 {
        let (id, _) = next_request(&mut bench);
        let did = bench.input(Input::Response { id, result: Ok(busy.clone()) });
        if state(&did).is_some() {
            return assert_eq!(state(&did), Some(FileState::Failed));
        }
    }
    panic!("it goes on for ever");
}

/// Sleeps until the client asks for its file again.
fn next_request(bench: &mut Bench) -> (FetchId, Vec<Did>) {
    for _ in 0..100 {
        let did = bench.sleep();
        if let Some((id, _)) = asked(&did) {
            return (id, did);
        }
    }
    panic!("it asks no more");
}

#[test]
fn a_file_that_is_gone_is_not_asked_for_again() {
    let (media, _) = picture();
    for status in [403, 404, 410, 302] {
        let moved = HttpResponse::new(status).with_header("location", "http://evil/");
        let (_, did) = answered(None, &media, moved);
        assert_eq!((state(&did), asked(&did)), (Some(FileState::Failed), None), "{status}");
    }
}

#[test]
fn a_file_goes_out_encrypted_and_its_message_after_it() {
    let (mut bench, mut bob) = pair(None);
    let file = FileToSend {
        kind: MediaKind::Voice,
        bytes: PLAIN.to_vec(),
        name: "note.ogg".to_owned(),
        caption: None,
    };
    let command = Command::SendMedia { to: bob.jid.clone(), file: Box::new(file) };
    let did = bench.command(command.clone());
    let [Did::Uploaded(call, sealed)] = &did[..] else { panic!("{did:?}") };
    let did = bench.stored(*call, "reference-1");
    let Content::Media(media) = bob.opens(sent(&did, "message")[0]) else { panic!("a file") };
    assert_eq!(media.direct_path.as_deref(), Some("/interop/whatsapp/download/12/reference-1/"));
    let key: [u8; 32] = media.key.clone().unwrap().try_into().unwrap();
    let keys = MediaKeys::expand(&key, "WhatsApp Audio Keys");
    assert_eq!(open(sealed, &keys, 10, &media.digests).unwrap(), PLAIN);
    let reply = did.iter().any(|did| match did {
        Did::Done(_, Ok(Reply::SentMedia { reference, .. })) => reference == "reference-1",
        _ => false,
    });
    assert!(reply, "{did:?}");
    let did = bench.command(command);
    let [Did::Uploaded(_, again)] = &did[..] else { panic!("{did:?}") };
    assert_ne!(again, sealed, "each file has a key of its own");
}

#[test]
fn a_file_over_the_limit_goes_nowhere() {
    let (mut bench, bob) = pair(None);
    let bytes = vec![0; (16 << 20) + 1];
    let file = FileToSend { kind: MediaKind::Video, bytes, name: "a".to_owned(), caption: None };
    let did = bench.command(Command::SendMedia { to: bob.jid, file: Box::new(file) });
    assert_eq!((did.len(), failures(&did)), (1, vec![FailureKind::Limit]));
}
