//! Payloads of both kinds and both versions, sound and broken.

use proptest::prelude::*;

use super::*;

fn tagged(byte: u8) -> Option<Vec<u8>> {
    Some([&[KEY_TYPE][..], &[byte; 32]].concat())
}

fn inner() -> SignalMessage {
    SignalMessage {
        ratchet_key: tagged(7),
        counter: Some(3),
        previous_counter: Some(2),
        ciphertext: Some(vec![0xC0; 32]),
        pq_ratchet: None,
    }
}

fn outer(message: Vec<u8>) -> PreKeySignalMessage {
    PreKeySignalMessage {
        pre_key_id: Some(31),
        base_key: tagged(8),
        identity_key: tagged(9),
        message: Some(message),
        registration_id: Some(4711),
        signed_pre_key_id: Some(77),
        kem_pre_key_id: None,
        kem_ciphertext: None,
    }
}

fn msg(version: u8, message: &SignalMessage) -> Vec<u8> {
    [&[version][..], &message.encode_to_vec(), &[0xAA; MAC_BYTES]].concat()
}

fn pkmsg(version: u8, message: &PreKeySignalMessage) -> Vec<u8> {
    [&[version][..], &message.encode_to_vec()].concat()
}

#[test]
fn both_version_bytes_in_use_are_read() {
    for version in [0x33, 0x34, 0x44] {
        let read = Envelope::parse(&msg(version, &inner())).unwrap();
        assert_eq!((read.version_byte, read.version()), (version, version >> 4));
        assert_eq!((read.counter, read.previous_counter), (3, 2));
        assert_eq!((read.ratchet_key, read.mac), ([7; 32], [0xAA; 8]));
    }
}

#[test]
fn a_first_message_may_name_no_one_time_prekey() {
    let bytes = msg(0x33, &inner());
    let unnamed = PreKeySignalMessage { pre_key_id: None, ..outer(bytes.clone()) };
    let read = PreKeyEnvelope::parse(&pkmsg(0x34, &unnamed)).unwrap();
    assert_eq!((read.one_time_id, read.signed_prekey_id), (None, 77));
    assert_eq!((read.version_byte, read.message.version_byte), (0x34, 0x33));
    assert_eq!((read.base_key, read.identity), ([8; 32], [9; 32]));
    assert_eq!(read.message_bytes, bytes);
}

#[test]
fn the_summary_has_the_header_and_no_ciphertext() {
    let bytes = pkmsg(0x33, &outer(msg(0x33, &inner())));
    let summary = summarise(EncType::PkMsg, &bytes).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&summary).unwrap());
    let text = serde_json::to_string(&summary).unwrap();
    assert!(!text.contains("c0c0"), "the ciphertext stays out");
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
}

/// A `pkmsg` of version 4 with these KEM fields.
fn v4(id: Option<u32>, ciphertext: Option<Vec<u8>>) -> Result<PreKeyEnvelope, EnvelopeError> {
    let inner = SignalMessage { pq_ratchet: Some(vec![1; 7]), ..inner() };
    let (kem_pre_key_id, kem_ciphertext) = (id, ciphertext);
    let outer = PreKeySignalMessage { kem_pre_key_id, kem_ciphertext, ..outer(msg(0x44, &inner)) };
    PreKeyEnvelope::parse(&pkmsg(0x44, &outer))
}

#[test]
fn version_4_adds_the_kem_prekey_and_the_ratchets_part() {
    let secret = |kind: u8| Some([&[kind][..], &[7; 1568]].concat());
    for kind in KEM_TYPES {
        let first = v4(Some(9), secret(kind)).unwrap();
        assert_eq!(first.kem.as_ref().map(|kem| kem.id), Some(9));
        assert_eq!(first.message.pq_ratchet, [1; 7]);
        let summary = first.summary();
        assert_eq!(summary.pq_ratchet_bytes, Some(7));
        assert_eq!(summary.first.unwrap().kem_id, Some(9));
    }
    let refused = |id, ciphertext| v4(id, ciphertext).unwrap_err();
    assert_eq!(refused(None, None), EnvelopeError::Missing("kyberPreKeyId"));
    assert_eq!(refused(None, secret(8)), EnvelopeError::Missing("kyberPreKeyId"));
    assert_eq!(refused(Some(9), None), EnvelopeError::Missing("kyberCiphertext"));
    assert_eq!(refused(Some(9), secret(7)), EnvelopeError::KemType { found: 7 });
    assert_eq!(refused(Some(9), Some(vec![8; 1568])), EnvelopeError::KemLength(1568));
    assert_eq!(refused(Some(9), Some(Vec::new())), EnvelopeError::KemLength(0));
}

#[test]
fn wrong_version_bytes_are_refused() {
    for (byte, error) in [
        (0x23, EnvelopeError::Version(0x23)),
        (0x03, EnvelopeError::Version(0x03)),
        (0x53, EnvelopeError::Version(0x53)),
        (0x32, EnvelopeError::NewestVersion(0x32)),
        (0x43, EnvelopeError::NewestVersion(0x43)),
    ] {
        assert_eq!(Envelope::parse(&msg(byte, &inner())), Err(error.clone()));
        let bytes = pkmsg(byte, &outer(msg(0x33, &inner())));
        assert_eq!(PreKeyEnvelope::parse(&bytes), Err(error));
    }
}

#[test]
fn short_payloads_are_refused() {
    assert_eq!(Envelope::parse(b""), Err(EnvelopeError::Empty));
    assert_eq!(Envelope::parse(&[0x33; 8]), Err(EnvelopeError::TooShort(8)));
    assert_eq!(Envelope::parse(&[0x33; 9][..1]), Err(EnvelopeError::TooShort(1)));
    assert_eq!(PreKeyEnvelope::parse(b""), Err(EnvelopeError::Empty));
    assert_eq!(PreKeyEnvelope::parse(b"\x33"), Err(EnvelopeError::Missing("message")));
    let empty = outer(Vec::new());
    assert_eq!(PreKeyEnvelope::parse(&pkmsg(0x33, &empty)), Err(EnvelopeError::Empty));
}

#[test]
fn malformed_fields_are_named() {
    let refused = |message: SignalMessage| Envelope::parse(&msg(0x33, &message)).unwrap_err();
    let short = Some(vec![KEY_TYPE; 32]);
    assert_eq!(
        refused(SignalMessage { ratchet_key: short, ..inner() }),
        EnvelopeError::KeyLength { field: "ratchetKey", bytes: 32 }
    );
    assert_eq!(
        refused(SignalMessage { ratchet_key: Some(vec![6; 33]), ..inner() }),
        EnvelopeError::KeyType { field: "ratchetKey", found: 6 }
    );
    for bytes in [0, 15, 17] {
        let ciphertext = Some(vec![0; bytes]);
        let error = refused(SignalMessage { ciphertext, ..inner() });
        assert_eq!(error, EnvelopeError::CiphertextLength(bytes));
    }
    let uncounted = SignalMessage { counter: None, ..inner() };
    assert_eq!(refused(uncounted), EnvelopeError::Missing("counter"));
    let anonymous = PreKeySignalMessage { identity_key: None, ..outer(msg(0x33, &inner())) };
    let error = PreKeyEnvelope::parse(&pkmsg(0x33, &anonymous)).unwrap_err();
    assert_eq!(error, EnvelopeError::Missing("identityKey"));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, kind: bool) {
        let kind = if kind { EncType::PkMsg } else { EncType::Msg };
        let _ = summarise(kind, &bytes);
    }

    #[test]
    fn damaged_payloads_never_panic(
        at: prop::sample::Index,
        value: u8,
        cut: prop::sample::Index,
    ) {
        let mut bytes = pkmsg(0x33, &outer(msg(0x33, &inner())));
        let position = at.index(bytes.len());
        bytes[position] = value;
        bytes.truncate(cut.index(bytes.len() + 1));
        let _ = summarise(EncType::PkMsg, &bytes);
        let _ = summarise(EncType::Msg, &bytes);
    }
}
