//! The SQL that makes the tables of a view and their indexes.

use super::view::View;

/// SQL that makes the tables of its rows and totals.
pub(super) fn tables(view: &dyn View) -> String {
    let columns: Vec<String> =
        view.columns().iter().map(|column| format!("\"{}\" {}", column.name, column.sql)).collect();
    let mut sql = format!("CREATE TABLE {} ({}) STRICT;\n", view.table(), columns.join(", "));
    for total in view.totals() {
        let keys: Vec<String> = total.keys.iter().map(|(name, ty)| format!("\"{name}\" {ty} NOT NULL")).collect();
        let sums: Vec<String> = total.sums.iter().map(|name| format!("\"{name}\" INTEGER NOT NULL")).collect();
        let names: Vec<String> = total.keys.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let (name, key) = (total.name, names.join(", "));
        sql += &format!(
            "CREATE TABLE {name} ({}, {}, PRIMARY KEY ({key})) STRICT, WITHOUT ROWID;\n",
            keys.join(", "),
            sums.join(", "),
        );
        // What has come to nothing is gone.
        let nothing: Vec<String> = total.sums.iter().map(|sum| format!("NEW.\"{sum}\" = 0")).collect();
        let same: Vec<String> = names.iter().map(|key| format!("{key} = NEW.{key}")).collect();
        sql += &format!(
            "CREATE TRIGGER {name}_gone AFTER UPDATE ON {name} WHEN {} BEGIN DELETE FROM {name} WHERE {}; END;\n",
            nothing.join(" AND "),
            same.join(" AND "),
        );
    }
    sql
}

/// SQL that makes the indexes of its rows; after a bulk load.
///
/// Rows that are one event are found by their owner, others by their key, too; of what an index leads to anyway, none is
/// made twice.
pub(super) fn indexes(view: &dyn View) -> String {
    let (table, key, owner) = (view.table(), view.columns()[0].name, view.columns()[1].name);
    let tells_apart = |index: &str| {
        let mut names = index.split(", ");
        view.per_event() && names.next() == Some(owner) && names.any(|name| name == key)
    };
    let declared = view.indexes();
    let mut sql = String::new();
    let mut index = |unique: &str, name: &str, columns: &str| {
        sql += &format!("CREATE {unique}INDEX {table}_{name} ON {table} ({columns});\n");
    };
    if !view.per_event() {
        index("UNIQUE ", "key", &format!("\"{key}\", \"{owner}\""));
        if !declared.iter().any(|index| index.starts_with(owner)) {
            index("", "owner", &format!("\"{owner}\""));
        }
    } else if !declared.iter().any(|index| tells_apart(index)) {
        index("UNIQUE ", "key", &format!("\"{owner}\", \"{key}\""));
    }
    for (n, columns) in declared.iter().enumerate() {
        index(if tells_apart(columns) { "UNIQUE " } else { "" }, &n.to_string(), columns);
    }
    sql
}

#[cfg(test)]
mod tests {
    use letopis_core::time::Zone;

    use crate::engine::file::ViewFile;

    #[test]
    fn each_row_stands_once_and_is_found_by_its_owner_and_by_owner_and_key() {
        let views = crate::views::all();
        let file = ViewFile::in_memory(&views, &Zone::default()).expect("a file");
        for view in &views {
            let (table, key, owner) = (view.table(), view.columns()[0].name, view.columns()[1].name);
            let plan = |condition: String| -> String {
                let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM {table} WHERE {condition}");
                file.connection().query_row(&sql, [], |row| row.get(3)).expect("a plan")
            };
            for condition in [format!("\"{owner}\" = ''"), format!("\"{key}\" = '' AND \"{owner}\" = ''")] {
                let plan = plan(condition);
                assert!(plan.starts_with("SEARCH"), "{plan}");
            }
            let sql = "SELECT count(*) FROM pragma_index_list(?1) i WHERE i.\"unique\" AND 2 =
                           (SELECT count(*) FROM pragma_index_info(i.name) c WHERE c.name IN (?2, ?3))";
            let unique: i64 = file.connection().query_row(sql, [table, key, owner], |row| row.get(0)).expect("a count");
            assert_eq!(unique, 1, "{table}");
        }
    }
}
