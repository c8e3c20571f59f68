//! Deals as they stood at the reader's bound.

use super::rows::DealRow;
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Row;

/// Shows every deal as it stood at the bound, one after another, so that millions need no memory.
///
/// `rest` is SQL from `WHERE` onwards; it may only ask for what later facts do not change, such as the key
/// or the opening.
pub(crate) fn each_deal(
    reader: &Reader<'_>,
    rest: &str,
    params: &[&dyn rusqlite::ToSql],
    mut see: impl FnMut(DealRow),
) -> Result<(), QueryError> {
    let columns: Vec<&str> = DealRow::COLUMNS.iter().map(|column| column.name).collect();
    let sql = format!("SELECT {} FROM {} {rest}", columns.join(", "), DealRow::TABLE);
    let mut statement = reader.conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        if let Some(deal) = DealRow::get(row)?.as_of(reader.now) {
            see(deal);
        }
    }
    Ok(())
}
