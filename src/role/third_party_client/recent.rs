//! A memory of bounded size that forgets the oldest first.
//!
//! Main type: [`Recent`]. What a peer can make us remember must have a bound; message ids are only
//! asked for soon after they were seen.

use std::collections::{BTreeMap, VecDeque};

pub(super) struct Recent<K, V> {
    max: usize,
    values: BTreeMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Ord + Clone, V> Recent<K, V> {
    /// A memory of at most `max` keys.
    pub fn new(max: usize) -> Self {
        Self { max, values: BTreeMap::new(), order: VecDeque::new() }
    }

    /// Everything that is remembered, the oldest first.
    pub fn entries(&self) -> Vec<(K, V)>
    where
        V: Clone,
    {
        let entry = |key: &K| Some((key.clone(), self.values.get(key)?.clone()));
        self.order.iter().filter_map(entry).collect()
    }

    /// Remembers one after another.
    pub fn extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) {
        entries.into_iter().for_each(|(key, value)| self.insert(key, value));
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    pub fn contains(&self, key: &K) -> bool {
        self.values.contains_key(key)
    }

    /// Remembers a value; a known key keeps its age.
    pub fn insert(&mut self, key: K, value: V) {
        if self.values.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut recent = Recent::new(2);
        for (key, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            recent.insert(key, value);
        }
        assert_eq!(
            [recent.get(&"a"), recent.get(&"b"), recent.get(&"c")],
            [None, Some(&2), Some(&4)]
        );
        assert!(recent.contains(&"b") && !recent.contains(&"a"));
        assert_eq!(recent.entries(), [("b", 2), ("c", 4)]);
        let mut other = Recent::new(1);
        other.extend(recent.entries());
        assert_eq!(other.entries(), [("c", 4)]);
    }
}
