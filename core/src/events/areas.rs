//! [`Areas`]: a set of areas of the business, so that what concerns nobody is passed over with one comparison.

use super::{Event, area_names};

/// A set of areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Areas(u64);

impl Areas {
    /// Every area, declared types included.
    pub const EVERY: Self = Self(u64::MAX);

    /// The set of these areas; `*` stands for every area, `custom` for declared types.
    ///
    /// # Panics
    /// When no area is called so: names are written in programs, never read.
    pub fn named(names: &[&str]) -> Self {
        let number = |name: &str| area_names().position(|known| known == name);
        names.iter().fold(Self::default(), |set, name| match (*name, number(name)) {
            ("*", _) => Self::EVERY,
            (_, Some(number)) => Self(set.0 | 1 << number),
            (name, None) => panic!("no area of events is called {name:?}"),
        })
    }

    /// The areas of some events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        events.into_iter().fold(Self::default(), |set, event| Self(set.0 | 1 << event.area_number()))
    }

    /// Whether the area of an event is among them.
    pub fn hold(self, event: &Event) -> bool {
        self.0 >> event.area_number() & 1 == 1
    }

    /// Whether both sets have an area in common.
    pub fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_area_has_a_number_of_its_own() {
        let names: Vec<&str> = area_names().collect();
        assert!(names.len() <= 64, "a set has 64 places");
        for (number, name) in names.iter().enumerate() {
            assert_eq!(Areas::named(&[name]), Areas(1 << number), "{name}");
        }
        assert!(Areas::named(&["*"]).meet(Areas::named(&["custom"])));
        assert!(!Areas::named(&["deal", "order"]).meet(Areas::named(&["case", "custom"])));
    }

    #[test]
    #[should_panic(expected = "no area of events is called \"dael\"")]
    fn a_name_that_is_no_area_is_told() {
        Areas::named(&["dael"]);
    }
}
