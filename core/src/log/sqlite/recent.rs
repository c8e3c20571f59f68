//! A bounded map of what was used lately.

use std::borrow::Borrow;
use std::hash::Hash;

use foldhash::{HashMap, HashMapExt};

/// Two generations: when the young one is full it becomes the old one, and what was old is forgotten.
pub(super) struct Recent<K, V> {
    bound: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Holds between `bound` and twice as many.
    pub(super) fn new(bound: usize) -> Self {
        Self { bound, young: HashMap::new(), old: HashMap::new() }
    }

    pub(super) fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.bound {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut recent = Recent::new(10);
        for key in 0..1_000 {
            recent.insert(key, key);
            assert_eq!(recent.get_mut(&0), Some(&mut 0));
        }
        assert_eq!(recent.get_mut(&500), None);
        assert!(recent.young.len() + recent.old.len() <= 20);
    }
}
