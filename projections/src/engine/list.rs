//! How lists are asked for: a condition that grows, a limit, a place to go on from.

use serde::Serialize;

use crate::engine::read::{Cursor, QueryError};
use crate::engine::row::{Atom, Cell};

/// The longest page.
pub const MAX_LIMIT: u32 = 1_000;

/// Where an answer begins and how much of it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// At most so many items, 1 to [`MAX_LIMIT`].
    pub limit: u32,
    /// After the item at which the previous page ended.
    pub cursor: Option<String>,
}

impl Default for Window {
    fn default() -> Self {
        Self { limit: 50, cursor: None }
    }
}

impl Window {
    /// The first `limit` items.
    pub fn first(limit: u32) -> Self {
        Self { limit, cursor: None }
    }

    /// The limit, and one more to see whether there is a next page.
    pub(crate) fn wanted(&self) -> Result<(usize, i64), QueryError> {
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            let reason = format!("{} is outside 1 to {MAX_LIMIT}", self.limit);
            return Err(QueryError::Parameter { name: "limit", reason });
        }
        Ok((self.limit as usize, i64::from(self.limit) + 1))
    }

    /// The place to go on from, `count` values.
    pub(crate) fn place(&self, query: &str, count: usize) -> Result<Option<Vec<Atom>>, QueryError> {
        self.cursor.as_deref().map(|text| Cursor::decode(query, text, count)).transpose()
    }
}

/// A part of a longer list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The items, in the order of the query.
    pub items: Vec<T>,
    /// The cursor of the next page; none at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts a list that may hold one item more than the limit.
    pub(crate) fn cut(mut items: Vec<T>, limit: usize, query: &str, place: impl Fn(&T) -> Vec<Atom>) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| Cursor::encode(query, &place(last)));
        Self { items, next }
    }

    /// The same page of something else.
    pub(crate) fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}

/// An SQL condition and its values.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    sql: String,
    values: Vec<Atom>,
}

impl Condition {
    /// Also this must hold; `?` in it stand for the values.
    pub(crate) fn and(&mut self, sql: &str, values: impl IntoIterator<Item = Atom>) -> &mut Self {
        self.sql += if self.sql.is_empty() { "WHERE " } else { " AND " };
        self.sql += sql;
        self.values.extend(values);
        self
    }

    /// Also another condition must hold.
    pub(crate) fn extend(&mut self, other: &Self) -> &mut Self {
        match other.sql.strip_prefix("WHERE ") {
            Some(sql) => self.and(sql, other.values.iter().cloned()),
            None => self,
        }
    }

    /// The column equals the value, if there is one.
    pub(crate) fn is<T: Cell>(&mut self, column: &str, value: Option<&T>) -> &mut Self {
        if let Some(value) = value {
            self.and(&format!("{column} = ?"), [value.put()]);
        }
        self
    }

    /// The column is one of the values, if there are any.
    pub(crate) fn one_of<T: Cell>(&mut self, column: &str, values: &[T]) -> &mut Self {
        if !values.is_empty() {
            let marks = vec!["?"; values.len()].join(", ");
            self.and(&format!("{column} IN ({marks})"), values.iter().map(Cell::put));
        }
        self
    }

    /// The `WHERE` clause and what follows it.
    pub(crate) fn sql(&self, rest: &str) -> String {
        format!("{} {rest}", self.sql)
    }

    /// Its values.
    pub(crate) fn values(&self) -> Vec<&dyn rusqlite::ToSql> {
        self.values.iter().map(|value| value as &dyn rusqlite::ToSql).collect()
    }
}
