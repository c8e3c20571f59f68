//! A bounded map of what was used lately.

use std::collections::hash_map::Entry;
use std::hash::Hash;

use foldhash::{HashMap, HashMapExt};

/// Two generations: when the young one is full it becomes the old one, and what was old is forgotten.
pub(super) struct Recent<K, V> {
    bound: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// Holds between `bound` and twice as many.
    pub(super) fn new(bound: usize) -> Self {
        Self { bound, young: HashMap::new(), old: HashMap::new() }
    }

    /// What is held under a key; what `make` gives, when nothing is.
    pub(super) fn get_or_insert_with<E>(&mut self, key: &K, make: impl FnOnce() -> Result<V, E>) -> Result<&mut V, E> {
        if self.young.len() >= self.bound {
            self.old = std::mem::take(&mut self.young);
        }
        match self.young.entry(key.clone()) {
            Entry::Occupied(held) => Ok(held.into_mut()),
            Entry::Vacant(free) => {
                let value = self.old.remove(key).map_or_else(make, Ok)?;
                Ok(free.insert(value))
            }
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
            assert_eq!(recent.get_or_insert_with(&key, || Ok::<_, i32>(key)), Ok(&mut key.clone()));
            assert_eq!(recent.get_or_insert_with(&0, || Err(key)), Ok(&mut 0));
            assert_eq!(recent.get_or_insert_with(&1, || if key == 0 { Ok(1) } else { Err(key) }), Ok(&mut 1));
        }
        assert_eq!(recent.get_or_insert_with(&500, || Err(-1)), Err(-1));
        assert!(recent.young.len() + recent.old.len() <= 20);
    }
}
