//! One coded attribute of all clients: what makes a segment.

use std::collections::HashMap;

use letopis_core::code::Code;
use letopis_core::ids::ClientId;

use crate::engine::read::{QueryError, Reader};
use crate::engine::row::cell;

/// The value of an attribute of every client who has it, by the head of his group.
pub(crate) fn attribute_of_all(reader: &Reader<'_>, attribute: &Code) -> Result<HashMap<ClientId, Code>, QueryError> {
    // A code holds no quote, so it can stand in the path as it is.
    let path = format!("$.\"{attribute}\"");
    let sql = "SELECT client, json_extract(attributes, ?1) AS value FROM client_card WHERE json_extract(attributes, ?1) IS NOT NULL";
    let mut statement = reader.conn.prepare_cached(sql)?;
    let rows = statement.query_map([path], |row| Ok((cell(row, 0)?, cell(row, 1)?)))?;
    rows.map(|row| row.map_err(Into::into)).collect()
}
