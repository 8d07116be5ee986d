//! How many bits of a reference somebody has to guess who has seen others (MED-012).
//!
//! Main function: [`too_few_bits`]. What can be seen gives an upper bound only: the alphabet, what the
//! form of a UUID says of itself, and the places at which all references of a length agree, however
//! they lie. A handful of references shows no more than that.

use std::collections::BTreeSet;

/// Bits below which a reference can be guessed.
const BITS: f64 = 128.0;
/// Digits of a UUID without its dashes, and where its version stands (RFC 9562 §4).
const UUID_DIGITS: usize = 32;
const UUID_VERSION_AT: usize = 12;
const UUID_DASHES: [usize; 4] = [8, 13, 18, 23];

/// Why a reference can be guessed, if it can.
pub(super) fn too_few_bits(reference: &str, earlier: &BTreeSet<String>) -> Option<String> {
    if let Some((version, bits)) = uuid(reference)
        && bits < BITS
    {
        return Some(format!(
            "the reference is a UUID of version {version}, which has at most {bits:.0} random bits"
        ));
    }
    let own = digits(reference);
    let alike: Vec<String> = earlier
        .iter()
        .filter(|other| *other != reference)
        .map(|other| digits(other))
        .filter(|other| other.len() == own.len())
        .collect();
    let letters = alphabet(&own);
    let same_at =
        |at: &usize| alike.iter().all(|other| other.as_bytes()[*at] == own.as_bytes()[*at]);
    let fixed = match alike.is_empty() {
        true => 0,
        false => (0..own.len()).filter(same_at).count(),
    };
    let fixed = if fixed as f64 > by_chance(own.len(), letters, alike.len()) { fixed } else { 0 };
    let bits = (own.len() - fixed) as f64 * letters.log2();
    (bits < BITS).then(|| {
        let of = alike.len() + 1;
        format!("the reference has at most {bits:.0} bits of its own, over {of} of its length")
    })
}

/// The most places at which random references agree: what is to be expected, and far beyond.
fn by_chance(places: usize, letters: f64, others: usize) -> f64 {
    let expected = places as f64 / letters.powi(i32::try_from(others).unwrap_or(i32::MAX));
    expected + 4.0 * expected.sqrt() + 1.0
}

/// The version of a UUID, and how many of its bits can be random (RFC 9562 §5).
fn uuid(reference: &str) -> Option<(char, f64)> {
    let bytes = reference.as_bytes();
    let dashed = bytes.len() == UUID_DIGITS + UUID_DASHES.len()
        && UUID_DASHES.iter().all(|at| bytes[*at] == b'-');
    let digits = digits(reference);
    if !dashed || digits.len() != UUID_DIGITS {
        return None;
    }
    let version = digits.chars().nth(UUID_VERSION_AT)?;
    let bits = match version {
        // Time, a counter of 14 bits and the place, which may be drawn.
        '1' | '2' | '6' => 62.0,
        '4' => 122.0,
        '7' => 74.0,
        // A hash of something, or anything at all.
        _ => 122.0,
    };
    Some((version, bits))
}

/// The reference without what only separates hexadecimal digits.
fn digits(reference: &str) -> String {
    let hex = reference.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if hex { reference.replace('-', "").to_ascii_lowercase() } else { reference.to_owned() }
}

fn alphabet(reference: &str) -> f64 {
    let has = |class: fn(&u8) -> bool| reference.bytes().any(|byte| class(&byte));
    let hex = reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (has(u8::is_ascii_alphabetic), hex) {
        (false, _) => 10.0,
        (true, true) => 16.0,
        (true, false) if has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) => 64.0,
        (true, false) => 36.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(references: &[&str]) -> bool {
        let [earlier @ .., last] = references else { return false };
        let earlier = earlier.iter().map(|&text| text.to_owned()).collect();
        too_few_bits(last, &earlier).is_some()
    }

    #[test]
    fn random_references_are_fine() {
        assert!(!guessed(&["f47ac10b58cc4372a5670e02b2c3d479"]));
        assert!(!guessed(&[
            "f47ac10b58cc4372a5670e02b2c3d479",
            "0e4723bcd1f94a0b9d6681be01f3a7c2"
        ]));
        assert!(!guessed(&["Zm9vYmFyLTEyMzQ1Njc4OTA", "aGVsbG8gd29ybGQtX18hPz8"]));
    }

    #[test]
    fn what_counts_or_tells_the_time_can_be_guessed_wherever_it_does() {
        assert!(guessed(&["00000017"]));
        assert!(guessed(&["5d0c1a2b-1c2d-11ef-9a3b-0242ac120002"]));
        assert!(guessed(&["018f3a1c-9b2d-7c3e-8f4a-5b6c7d8e9f00"]));
        let inside = |n: u32| format!("9f3ac1e07b5d2486{n:016x}c47be8130a9d6f52");
        assert!(guessed(&[&inside(7), &inside(8)]));
        assert!(!guessed(&[&inside(7)]), "one alone does not show it");
        assert!(guessed(&[
            "f47ac10b58cc4372a5670e02b2c3d479-1",
            "f47ac10b58cc4372a5670e02b2c3d479-2"
        ]));
    }
}
