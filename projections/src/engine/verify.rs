//! Whether what a view file keeps is what its rows come to.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::EngineError;
use super::file::{ViewFile, status};
use super::row::Atom;
use super::view::{StoreError, Sums, View};

/// Something kept that is not what the rows come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The view.
    pub view: &'static str,
    /// What differs.
    pub what: String,
}

impl ViewFile {
    /// Recomputes digests and totals from the rows, and compares them with those kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn verify(&self, views: &[Box<dyn View>]) -> Result<Vec<Difference>, EngineError> {
        let conn = self.connection();
        let kept = status(conn)?;
        let mut out = Vec::new();
        for view in views {
            let mut differ = |what: String| out.push(Difference { view: view.name(), what });
            let recomputed = view.recompute(conn, self.zone())?;
            let digest = kept.iter().find(|status| status.name == view.name()).map(|status| status.digest);
            if digest != Some(recomputed.digest) {
                differ(format!("the digest kept is {digest:032x?}, the rows come to {:032x}", recomputed.digest));
            }
            let stored = sums(conn, view.as_ref())?;
            for (key, values) in &stored {
                let rows = recomputed.sums.get(key);
                if rows != Some(values) {
                    differ(format!("{} {:?}: kept {values:?}, the rows come to {rows:?}", key.0, key.1));
                }
            }
            for (key, values) in recomputed.sums.iter().filter(|(key, _)| !stored.contains_key(*key)) {
                differ(format!("{} {:?}: nothing kept, the rows come to {values:?}", key.0, key.1));
            }
        }
        Ok(out)
    }
}

fn sums(conn: &Connection, view: &dyn View) -> Result<Sums, StoreError> {
    let mut out = Sums::default();
    for table in view.totals() {
        let mut statement = conn.prepare(&format!("SELECT * FROM {}", table.name))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut key = Vec::with_capacity(table.keys.len());
            for index in 0..table.keys.len() {
                key.push(match row.get_ref(index)? {
                    ValueRef::Integer(value) => Atom::Int(value),
                    ValueRef::Text(text) => Atom::Text((*String::from_utf8_lossy(text)).into()),
                    _ => Atom::Null,
                });
            }
            let values = (0..table.sums.len()).map(|n| row.get(table.keys.len() + n)).collect::<Result<_, _>>()?;
            out.insert((table.name, key), values);
        }
    }
    Ok(out)
}
