//! [`StoredViews`]: a view file as it lies there, opened to be read, compared, exported and checked.

use std::path::{Path, PathBuf};

use letopis_core::ids::ClientId;
use letopis_core::time::{Timestamp, Zone};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::content::{SCHEMA, content, integrity};
use super::file::{self, Checkpoint, ViewFile, ViewStatus};
use super::read::{QueryError, Reader};
use super::row::Atom;
use super::view::{Recomputed, StoreError, View};

/// A view file, opened for reading.
pub struct StoredViews {
    conn: Connection,
    path: PathBuf,
    zone: Zone,
}

/// One table of a view: its rows, or one of its totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredTable {
    /// The view.
    pub view: &'static str,
    /// The table.
    pub name: &'static str,
    /// Whether it holds totals.
    pub is_total: bool,
    /// How many of its first columns tell its rows apart.
    pub keys: usize,
}

/// A column as it is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredColumn {
    /// Its name.
    pub name: &'static str,
    /// `INTEGER` or `TEXT`.
    pub sql: &'static str,
    /// Whether the view's digest covers it.
    pub digest: bool,
}

/// The tables of a view.
pub fn tables(view: &dyn View) -> Vec<StoredTable> {
    let rows = StoredTable { view: view.name(), name: view.table(), is_total: false, keys: 2 };
    let totals = view.totals().iter().map(|total| StoredTable {
        view: view.name(),
        name: total.name,
        is_total: true,
        keys: total.keys.len(),
    });
    std::iter::once(rows).chain(totals).collect()
}

/// The columns of one of its tables.
pub fn columns(view: &dyn View, table: &StoredTable) -> Vec<StoredColumn> {
    match view.totals().iter().find(|total| total.name == table.name) {
        None => view
            .columns()
            .iter()
            .map(|column| StoredColumn { name: column.name, sql: column.sql, digest: column.digest })
            .collect(),
        Some(total) => {
            let keys = total.keys.iter().map(|&(name, sql)| StoredColumn { name, sql, digest: true });
            let sums = total.sums.iter().map(|&name| StoredColumn { name, sql: "INTEGER", digest: true });
            keys.chain(sums).collect()
        }
    }
}

impl StoredViews {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read or is no view file.
    pub fn open(path: &Path, zone: &Zone) -> Result<Self, StoreError> {
        let conn = ViewFile::open_reader(path)?;
        file::checkpoint(&conn)?;
        Ok(Self { conn, path: path.to_owned(), zone: zone.clone() })
    }

    /// From now on it is read as it is now, also while a server goes on with it, which keeps its write-ahead log from
    /// being cut off as long as this is open.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn hold(&self) -> Result<(), StoreError> {
        self.conn.execute_batch("BEGIN")?;
        // The first read fixes the state.
        self.checkpoint().map(drop)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Up to where it is folded.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        file::checkpoint(&self.conn)
    }

    /// Its views.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn status(&self) -> Result<Vec<ViewStatus>, StoreError> {
        file::status(&self.conn)
    }

    /// Whether it was made by these folds in this zone, so that its rows can be told apart column by column.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_of(&self, views: &[Box<dyn View>]) -> Result<bool, StoreError> {
        let status = self.status()?;
        Ok(status.len() == views.len()
            && views.iter().all(|view| {
                let due = file::fingerprint(view.as_ref(), &self.zone);
                status.iter().any(|found| found.name == view.name() && found.fingerprint == due)
            }))
    }

    /// How many rows a table has.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn count(&self, table: &StoredTable) -> Result<u64, StoreError> {
        self.conn.query_row(&format!("SELECT count(*) FROM {}", table.name), [], |row| row.get(0))
    }

    /// What the stored rows of a view come to.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn recompute(&self, view: &dyn View) -> Result<Recomputed, StoreError> {
        view.recompute(&self.conn, &self.zone)
    }

    /// Tables whose rows are not those of another file, and what SQLite finds wrong with this one. Totals are left out:
    /// what they come to tells the rows.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn unlike(
        &self,
        other: &ViewFile,
        views: &[Box<dyn View>],
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        let tables = views.iter().map(|view| view.table()).chain(["subject", "alias_change"]);
        let tables = tables.map(|table| (table, format!("SELECT * FROM {table}")));
        let mut unlike = Vec::new();
        for (table, sql) in tables.chain([("sqlite_schema", SCHEMA.to_owned())]) {
            if content(&self.conn, &sql)? != content(other.connection(), &sql)? {
                unlike.push(table.to_owned());
            }
        }
        Ok((unlike, integrity(&self.conn)?))
    }

    /// The totals of a view as they are kept, without those that are all zero.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn kept_totals(&self, view: &dyn View) -> Result<super::view::Sums, StoreError> {
        let mut sums = super::view::Sums::default();
        for total in tables(view).iter().filter(|table| table.is_total) {
            self.rows(view, total, &mut |row| {
                let (key, values) = row.split_at(total.keys);
                let values: Vec<i64> =
                    values.iter().map(|value| if let Atom::Int(value) = value { *value } else { 0 }).collect();
                if values.iter().any(|value| *value != 0) {
                    sums.insert((total.name, key.to_vec()), values);
                }
                true
            })?;
        }
        Ok(sums)
    }

    /// Hands over the rows of a table in the order of their keys, until the receiver has enough.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn rows(
        &self,
        view: &dyn View,
        table: &StoredTable,
        take: &mut dyn FnMut(Vec<Atom>) -> bool,
    ) -> Result<(), StoreError> {
        let columns = columns(view, table);
        let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let order = names[..table.keys].join(", ");
        let sql = format!("SELECT {} FROM {} ORDER BY {order}", names.join(", "), table.name);
        let mut select = self.conn.prepare(&sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let atom = |index| {
                Ok(match row.get_ref(index)? {
                    ValueRef::Null => Atom::Null,
                    ValueRef::Integer(value) => Atom::Int(value),
                    other => Atom::Text((*String::from_utf8_lossy(other.as_bytes().unwrap_or_default())).into()),
                })
            };
            if !take((0..columns.len()).map(atom).collect::<Result<_, StoreError>>()?) {
                break;
            }
        }
        Ok(())
    }

    /// The head of a client's group in this file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn root(&self, client: ClientId) -> Result<Option<ClientId>, StoreError> {
        super::file::root(&self.conn, client)
    }

    /// Runs a query on it. `now` is the exclusive bound of the answer.
    ///
    /// # Errors
    /// What the query says, or that the file cannot be read.
    pub fn read<T>(
        &self,
        now: Timestamp,
        query: impl FnOnce(&Reader<'_>) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let moment = self.conn.unchecked_transaction()?;
        query(&Reader::new(&moment, &self.zone, now))
    }
}

impl ViewFile {
    /// Runs a query on a file that was just folded. `now` is the exclusive bound of the answer.
    ///
    /// # Errors
    /// What the query says, or that the file cannot be read.
    pub fn read<T>(
        &self,
        now: Timestamp,
        query: impl FnOnce(&Reader<'_>) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        query(&Reader::new(self.connection(), self.zone(), now))
    }
}
