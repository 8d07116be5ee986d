use proptest::prelude::*;

use super::*;
use crate::e2ee::content::{self, Content};

const TAG: usize = 10;

/// `wire.md` §9.3: the bytes 0 to 31.
fn key() -> [u8; KEY_BYTES] {
    std::array::from_fn(|at| at as u8)
}

fn image() -> MediaKeys {
    MediaKeys::expand(&key(), "WhatsApp Image Keys")
}

fn video() -> MediaKeys {
    MediaKeys::expand(&key(), "WhatsApp Video Keys")
}

/// `wire.md` §9.3: 200000 bytes, byte i = i mod 251.
fn film() -> Vec<u8> {
    (0..200_000_u32).map(|at| (at % 251) as u8).collect()
}

fn said(sealed: &Sealed) -> Digests {
    Digests {
        sha256: Some(sealed.sha256.to_vec()),
        enc_sha256: Some(sealed.enc_sha256.to_vec()),
        length: Some(sealed.length),
    }
}

#[test]
fn keys_are_those_of_the_published_vectors() {
    let rows = [
        (
            "Image",
            "aa6a127218397cbd2383e4ccf7176a79",
            "008c9aea9b7c5d81eb56b3f530f87d42dcc92d27b11ad6b5bd66f0560d0d8c46",
            "91d09ffec108833c1699574c52657923fb6e3e161d9698bc6b3a05fbc508a515",
        ),
        (
            "Video",
            "f1dee5782cc4e2e7b07233b1e25de59b",
            "8564567ee06fa7006edab56a13c2b0a1431beb8efe698efad0f258e65feb5395",
            "259ad46118adcf3cd134ae881831c6865db31a8fa0bbce7bc3bcb9fcf369fcda",
        ),
        (
            "Audio",
            "13f8935709c20e2e8b0680f81b0dd5fb",
            "a61016c0347747b75bb8a8f6d7bcdb863ac5eb702662755054fe77db27b7c1c0",
            "9ec93580944b6656b0babacf55026028ff6c68bb134a4fd082c12b5463a3bb79",
        ),
        (
            "Document",
            "25e9d370804de0bb33ea5db79453db66",
            "b75c2bed8e162ad63dd02b6b9fbda46b8ad2692e99ed0f877d0ab48a86fff790",
            "94a393dafdca1265c99e197425de98f15f7d87d34714ea901f7eefc29c99e5ac",
        ),
    ];
    for (kind, iv, cipher, mac) in rows {
        let keys = MediaKeys::expand(&key(), &format!("WhatsApp {kind} Keys"));
        let seen = (hex::encode(keys.iv), hex::encode(keys.cipher), hex::encode(keys.mac));
        assert_eq!(seen, (iv.to_owned(), cipher.to_owned(), mac.to_owned()), "{kind}");
    }
}

#[test]
fn a_small_image_is_that_of_the_published_vector() {
    let (file, sealed) = seal(b"hello interop", &image(), TAG);
    assert_eq!(hex::encode(&file), "da62f01135623576603e53582f433416d93b70c1bb31610b4e69");
    use base64::Engine as _;
    let b64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    assert_eq!(b64(&sealed.sha256), "ZSUHWexMHIgoLa4Iu8KA1uTtoLlAPVOCTgPvluB3SgQ=");
    assert_eq!(b64(&sealed.enc_sha256), "KHWiug9qJjaPTFmpquCiOlC8m2u1Fv2d6oPmNMoY1zk=");
    assert_eq!(open(&file, &image(), TAG, &said(&sealed)).unwrap(), b"hello interop");
}

#[test]
fn a_film_and_both_its_sidecars_are_those_of_the_published_vector() {
    let (file, sealed) = seal(&film(), &video(), TAG);
    assert_eq!((file.len() as u64, sealed_len(200_000, TAG)), (200_026, 200_026));
    assert_eq!(
        hex::encode(sealed.enc_sha256),
        "d963853feb36f416d73901c42ef3b618ef829adf38f909e4c14186d364b5b65d"
    );
    let sidecar = |form, step: usize| {
        let mut sidecar = Sidecar::new(&video(), form);
        file.chunks(step).for_each(|piece| sidecar.update(piece));
        hex::encode(sidecar.finish())
    };
    for step in [1, 15, 16, 65_535, 65_536, 65_552, 200_026] {
        assert_eq!(
            sidecar(SidecarForm::WithoutIv, step),
            "7739492564f37cb01e4fcd1bf20954a15e75d7279fca8701285c6be6c8eccbdd2e58a7b99d4496fe"
        );
        assert_eq!(
            sidecar(SidecarForm::WithIv, step),
            "06fd19b0092b6c93e4b24e0b74ca71df98378a0a5ddcd8e9895b1c969889480d4ce097efefeb7dbc"
        );
    }
}

#[test]
fn an_empty_file_is_a_block_and_a_tag() {
    let (file, sealed) = seal(b"", &image(), TAG);
    assert_eq!((file.len(), sealed.length), (26, 0));
    assert_eq!(open(&file, &image(), TAG, &said(&sealed)).unwrap(), b"");
}

#[test]
fn whatever_is_wrong_is_found_first_and_nothing_is_given() {
    let (file, sealed) = seal(b"hello interop", &image(), TAG);
    let (said, hashless) = (said(&sealed), Digests::default());
    let flipped = |at: usize| {
        let mut file = file.clone();
        file[at] ^= 1;
        file
    };
    let failed = |file: &[u8], wanted: &Digests| open(file, &image(), TAG, wanted).unwrap_err();
    assert_eq!(failed(&flipped(0), &said), MediaError::EncryptedHash);
    assert_eq!(failed(&flipped(0), &hashless), MediaError::Tag);
    assert_eq!(failed(&flipped(25), &hashless), MediaError::Tag);
    assert_eq!(failed(&file[..25], &hashless), MediaError::Length(25));
    assert_eq!(failed(&[], &hashless), MediaError::Length(0));
    assert_eq!(failed(&[&file[..], &[0; 16]].concat(), &hashless), MediaError::Tag);
    let plain = Digests { sha256: Some(vec![0; 32]), ..said.clone() };
    assert_eq!(failed(&file, &plain), MediaError::PlainHash);
    let length = Digests { length: Some(14), ..said };
    assert_eq!(failed(&file, &length), MediaError::PlainLength(13));
}

#[test]
fn a_message_says_the_same_of_its_file_when_it_is_read() {
    for (kind, word) in MediaKind::ALL {
        assert_eq!((MediaKind::named(word), kind.word()), (Some(kind), word));
        let (_, sealed) = seal(b"x", &image(), TAG);
        let text = |text: &str| Some(text.to_owned());
        let voiceless = !matches!(kind, MediaKind::Audio | MediaKind::Voice | MediaKind::Sticker);
        let media = Media {
            kind: Some(kind),
            url: text("https://h/v/t1"),
            direct_path: text("/v/t1"),
            key: Some(key().to_vec()),
            digests: said(&sealed),
            mimetype: text(kind.mimetype()),
            caption: text("c").filter(|_| voiceless),
            file_name: text("a.pdf").filter(|_| kind == MediaKind::Document),
            thumbnail: Some(vec![0xFF, 0xD8]).filter(|_| voiceless),
            sidecar: Some(vec![1; 10])
                .filter(|_| matches!(kind, MediaKind::Video | MediaKind::Audio | MediaKind::Voice)),
        };
        assert_eq!(content::read(&media.encode()), Ok(Content::Media(Box::new(media))), "{word}");
    }
}

proptest! {
    #[test]
    fn pieces_make_the_same_file(plain: Vec<u8>, step in 1_usize..70) {
        let (file, sealed) = seal(&plain, &image(), TAG);
        let (mut pieces, mut sealer) = (Vec::new(), Sealer::new(&image(), TAG));
        plain.chunks(step).for_each(|piece| sealer.update(piece, &mut pieces));
        prop_assert_eq!(sealer.finish(&mut pieces), sealed.clone());
        prop_assert_eq!(&pieces, &file);
        let (mut back, mut opener) = (Vec::new(), Opener::new(&image(), TAG));
        file.chunks(step).for_each(|piece| opener.update(piece, &mut back));
        prop_assert_eq!(opener.finish(&said(&sealed), &mut back), Ok(sealed.sha256));
        prop_assert_eq!(back, plain);
    }

    #[test]
    fn arbitrary_bytes_never_panic(file: Vec<u8>) {
        let _ = open(&file, &image(), TAG, &Digests::default());
    }
}
