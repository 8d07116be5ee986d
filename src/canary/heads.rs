//! Finding any of many heads, each six bytes, in bytes.
//!
//! Main type: [`Heads`]. A table is made for every case and asked about little, so what counts is how
//! fast it is made, and an automaton of the same heads is slow to make.

/// The first bytes of a piece.
pub(super) type Head = [u8; 6];

/// Bits of a filter by the first two bytes of a head.
const FILTER_WORDS: usize = (1 << 16) / 64;

/// Heads in their order.
#[derive(Debug)]
pub(super) struct Heads {
    /// One bit for each two bytes with which a head begins.
    filter: Box<[u64]>,
    sorted: Box<[Head]>,
}

/// The head of a piece, if it has one.
pub(super) fn head(piece: &[u8]) -> Option<Head> {
    piece.first_chunk().copied()
}

impl Heads {
    /// Makes the table; the heads are sorted, and no two are equal.
    pub fn new(sorted: Vec<Head>) -> Self {
        let mut filter = vec![0_u64; FILTER_WORDS].into_boxed_slice();
        for head in &sorted {
            let (word, bit) = place(*head);
            filter[word] |= bit;
        }
        Self { filter, sorted: sorted.into() }
    }

    /// The heads in the bytes, with where they stand: the number of the head, and its first byte.
    pub fn in_bytes<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
        bytes.windows(size_of::<Head>()).enumerate().filter_map(|(at, window)| {
            let head = head(window)?;
            let (word, bit) = place(head);
            if self.filter[word] & bit == 0 {
                return None;
            }
            Some((self.sorted.binary_search(&head).ok()?, at))
        })
    }
}

fn place(head: Head) -> (usize, u64) {
    let two = usize::from(u16::from_be_bytes([head[0], head[1]]));
    (two / 64, 1 << (two % 64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn heads_are_found_where_they_stand_and_nowhere_else(
            heads in proptest::collection::btree_set(any::<[u8; 6]>().prop_map(|h| h.map(|b| b % 3)), 0..20),
            bytes in proptest::collection::vec(0_u8..3, 0..200),
        ) {
            let sorted: Vec<Head> = heads.into_iter().collect();
            let found: Vec<(usize, usize)> = Heads::new(sorted.clone()).in_bytes(&bytes).collect();
            let expected: Vec<(usize, usize)> = (0..bytes.len().saturating_sub(5))
                .filter_map(|at| Some((sorted.iter().position(|h| bytes[at..].starts_with(h))?, at)))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
