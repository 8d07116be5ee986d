//! The one source of randomness: everything that is ours follows from the printed seed.
//!
//! A stream is named by words (case id, actor, purpose), so that adding a consumer never shifts
//! the values of another (`interfaces.md` §3).

use rand::SeedableRng;
use sha2::{Digest, Sha256};

/// A deterministic, cryptographically strong generator.
pub type Rng = rand_chacha::ChaCha20Rng;

/// The seed of a run, as printed and as given by `--seed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// Opens the stream with this name: ChaCha20 keyed by SHA-256(seed, each word with its length).
    pub fn rng(self, name: &[&str]) -> Rng {
        let mut hash = Sha256::new();
        hash.update(self.0.to_be_bytes());
        for word in name {
            hash.update((word.len() as u64).to_be_bytes());
            hash.update(word.as_bytes());
        }
        Rng::from_seed(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng as _;

    #[test]
    fn streams_repeat_for_one_name_and_differ_between_names() {
        let draw = |seed: u64, name: &[&str]| Seed(seed).rng(name).next_u64();
        assert_eq!(draw(7, &["case", "bob"]), draw(7, &["case", "bob"]));
        assert_ne!(draw(7, &["case", "bob"]), draw(7, &["caseb", "ob"]));
        assert_ne!(draw(7, &["case", "bob"]), draw(8, &["case", "bob"]));
    }
}
