//! The code that two users compare to know that nobody stands between them (X3DH §4.1; ENC-014).
//!
//! Main function: [`code`], libsignal's numeric fingerprint: thirty digits for each end, the smaller
//! half first, so that both ends see the same.

use sha2::{Digest as _, Sha512};

/// Rounds of hashing, against a search for keys with a given code (libsignal `fingerprint.rs`).
const ROUNDS: usize = 5200;
/// The version of the derivation, two bytes.
const VERSION: [u8; 2] = [0, 0];
/// The type byte of a Curve25519 key (`wire.md` §5.2).
const KEY_TYPE: u8 = 0x05;
/// Groups of five digits for each end, and the bytes that make one.
const GROUPS: usize = 6;
const GROUP_BYTES: usize = 5;

/// The code of a conversation: each end is an identity key and the name under which it is known.
pub fn code(one: (&[u8; 32], &str), other: (&[u8; 32], &str)) -> String {
    let mut halves = [half(one), half(other)];
    halves.sort();
    halves.concat()
}

fn half((key, name): (&[u8; 32], &str)) -> String {
    let key = [&[KEY_TYPE][..], key].concat();
    let mut hash = [&VERSION[..], &key, name.as_bytes()].concat();
    for _ in 0..ROUNDS {
        hash = Sha512::new().chain_update(&hash).chain_update(&key).finalize().to_vec();
    }
    let groups = hash.chunks_exact(GROUP_BYTES).take(GROUPS);
    let digits = groups.map(|group| {
        let number = group.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{:05}", number % 100_000)
    });
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The identities and the code of libsignal's own test.
    const ALICE: &str = "06863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868";
    const BOB: &str = "f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b";
    const CODE: &str = "300354477692869396892869876765458257569162576843440918079131";

    fn key(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    #[test]
    fn both_ends_see_the_code_that_libsignal_shows() {
        let (alice, bob) = (key(ALICE), key(BOB));
        let ends = [(&alice, "+14152222222"), (&bob, "+14153333333")];
        assert_eq!(code(ends[0], ends[1]), CODE);
        assert_eq!(code(ends[1], ends[0]), CODE);
        assert_ne!(code(ends[0], ends[0]), CODE);
    }
}
