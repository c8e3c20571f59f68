//! A bounded map of what was used lately.

use std::borrow::Borrow;
use std::collections::hash_map::Entry;
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
            self.make_room();
            self.young.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// What is held under a key; what `make` gives, when nothing is.
    pub(super) fn get_or_insert_with<E>(&mut self, key: &K, make: impl FnOnce() -> Result<V, E>) -> Result<&mut V, E>
    where
        K: Clone,
    {
        self.make_room();
        match self.young.entry(key.clone()) {
            Entry::Occupied(held) => Ok(held.into_mut()),
            Entry::Vacant(free) => {
                let value = self.old.remove(key).map_or_else(make, Ok)?;
                Ok(free.insert(value))
            }
        }
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        self.make_room();
        self.young.insert(key, value);
    }

    fn make_room(&mut self) {
        if self.young.len() >= self.bound {
            self.old = std::mem::take(&mut self.young);
        }
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
            assert_eq!(recent.get_or_insert_with(&1, || if key == 0 { Ok(1) } else { Err(key) }), Ok(&mut 1));
        }
        assert_eq!(recent.get_mut(&500), None);
        assert!(recent.young.len() + recent.old.len() <= 20);
    }
}
