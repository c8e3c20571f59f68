//! `diff`: two view files, two folders, or two positions of one log.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use letopis_core::ids::Position;
use letopis_core::time::Zone;
use letopis_projections::engine::generations;
use letopis_projections::engine::rebuild::{Options, rebuild};
use letopis_projections::engine::row::Atom;
use letopis_projections::engine::stored::{StoredColumn, StoredTable, StoredViews, columns, tables};
use letopis_projections::engine::view::View;
use serde_json::{Map, Value, json};

use crate::console::{Console, Done, UsageError, grouped};
use crate::data::{Data, Scratch};
use crate::table::{show, table};

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Two view files or data folders.
    #[arg(value_name = "FILE_OR_DIR", num_args = 2, required_unless_present = "positions")]
    pub sides: Vec<PathBuf>,
    /// Two positions of the log in this folder.
    #[arg(long, num_args = 2, value_name = "POSITION", requires = "data", conflicts_with = "sides")]
    pub positions: Option<Vec<u64>>,
    /// The data folder: for --positions, and for the time zone of view files.
    #[arg(long, value_name = "DIR", env = "LETOPIS_DATA_DIR")]
    pub data: Option<PathBuf>,
    /// Only this view; may be given several times.
    #[arg(long = "view", value_name = "VIEW")]
    pub views: Vec<String>,
    /// Compare personal columns, positions and lateness, too.
    #[arg(long)]
    pub all_columns: bool,
    /// Most different rows that are listed per table.
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
}

/// Runs it.
///
/// # Errors
/// When a side cannot be read.
pub async fn run(args: &DiffArgs, console: &Console) -> Result<Done> {
    let scratch = Scratch::new()?;
    let views = letopis_projections::views::all();
    let mut zone = Zone::default();
    let paths = match (&args.positions, &args.data) {
        (Some(positions), Some(dir)) => {
            let data = Data::open(dir)?;
            zone = data.folder.settings.zone.clone();
            let mut paths = Vec::new();
            for (n, &position) in positions.iter().enumerate() {
                let path = scratch.path(&format!("{n}.db"));
                let bar = console.progress("events", 0);
                let options = Options { upto: Some(Position(position)), ..Options::default() };
                rebuild(data.source(), &path, &zone, options, &|at, of| {
                    bar.set_length(of);
                    bar.set_position(at);
                })
                .await?;
                paths.push(path);
            }
            paths
        }
        (Some(_), None) => return Err(UsageError("--positions needs --data".into()).into()),
        (None, data) => {
            let folder = data.iter().chain(&args.sides).find(|path| path.join("settings.toml").exists());
            if let Some(folder) = folder {
                zone = letopis_core::settings::Settings::read(&folder.join("settings.toml"))?.zone;
            }
            args.sides.iter().map(|side| view_file(side)).collect::<Result<_>>()?
        }
    };
    if let Some(unknown) = args.views.iter().find(|name| !views.iter().any(|view| view.name() == name.as_str())) {
        return Err(UsageError(format!("there is no view {unknown:?}")).into());
    }
    let wanted = |view: &dyn View| args.views.is_empty() || args.views.iter().any(|name| name == view.name());
    let [left, right] = paths.as_slice() else { return Err(UsageError("two sides are compared".into()).into()) };
    for path in [left, right] {
        if !StoredViews::open(path, &zone)?.is_of(&views)? {
            return Err(anyhow!(
                "{} was made by other folds or in another time zone than {}: rebuild it first",
                path.display(),
                zone.name()
            ));
        }
    }
    let at = |path: &Path| -> Result<Position> { Ok(StoredViews::open(path, &zone)?.checkpoint()?.position) };
    let (from, to) = (at(left)?, at(right)?);
    let mut all = Vec::new();
    for view in views.iter().filter(|view| wanted(view.as_ref())) {
        for table in tables(view.as_ref()) {
            all.push(compare(args, view.as_ref(), &table, [left, right], &zone)?);
        }
    }
    let differs = all.iter().any(|found| found.differs());
    let report: Vec<Value> = all.iter().map(Difference::to_json).collect();
    let text = text(&all, from, to);
    Ok(Done::found(differs, json!({ "left": from, "right": to, "tables": report }), text))
}

/// The view file that a path means.
fn view_file(path: &Path) -> Result<PathBuf> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    generations::current(&path.join("views"))
        .filter(|file| file.exists())
        .with_context(|| format!("{} is neither a view file nor a data folder with views", path.display()))
}

/// What differs in one table.
struct Difference {
    view: &'static str,
    table: StoredTable,
    only_left: u64,
    only_right: u64,
    changed: u64,
    same: u64,
    list: Vec<Value>,
}

impl Difference {
    fn differs(&self) -> bool {
        self.only_left + self.only_right + self.changed > 0
    }

    fn to_json(&self) -> Value {
        json!({
            "view": self.view, "table": self.table.name, "is_total": self.table.is_total, "same": self.same,
            "only_left": self.only_left, "only_right": self.only_right, "changed": self.changed, "rows": self.list,
        })
    }
}

/// Walks both tables in the order of their keys.
fn compare(
    args: &DiffArgs,
    view: &dyn View,
    stored: &StoredTable,
    [left, right]: [&Path; 2],
    zone: &Zone,
) -> Result<Difference> {
    let columns = columns(view, stored);
    let mut out = Difference {
        view: view.name(),
        table: *stored,
        only_left: 0,
        only_right: 0,
        changed: 0,
        same: 0,
        list: Vec::new(),
    };
    std::thread::scope(|scope| {
        let side = |path: &Path| -> Receiver<Result<Vec<Atom>>> {
            let (sender, receiver) = sync_channel(256);
            let path = path.to_owned();
            scope.spawn(move || {
                let read = StoredViews::open(&path, zone)
                    .and_then(|file| file.rows(view, stored, &mut |row| sender.send(Ok(row)).is_ok()));
                if let Err(error) = read {
                    drop(sender.send(Err(anyhow!(error).context(format!("reading {}", path.display())))));
                }
            });
            receiver
        };
        let (lefts, rights) = (side(left), side(right));
        let next = |side: &Receiver<Result<Vec<Atom>>>| side.recv().ok().transpose();
        let (mut l, mut r) = (next(&lefts)?, next(&rights)?);
        loop {
            let order = match (&l, &r) {
                (None, None) => return Ok(out),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(l), Some(r)) => l[..stored.keys].cmp(&r[..stored.keys]),
            };
            let listed = match (order, &l, &r) {
                (Ordering::Less, Some(l), _) => {
                    out.only_left += 1;
                    Some(entry("only_left", &columns, stored.keys, Some(l), None, args))
                }
                (Ordering::Greater, _, Some(r)) => {
                    out.only_right += 1;
                    Some(entry("only_right", &columns, stored.keys, None, Some(r), args))
                }
                (_, Some(l), Some(r)) if differ(&columns, l, r, args) => {
                    out.changed += 1;
                    Some(entry("changed", &columns, stored.keys, Some(l), Some(r), args))
                }
                _ => {
                    out.same += 1;
                    None
                }
            };
            if let Some(listed) = listed.filter(|_| out.list.len() < args.limit) {
                out.list.push(listed);
            }
            if order != Ordering::Greater {
                l = next(&lefts)?;
            }
            if order != Ordering::Less {
                r = next(&rights)?;
            }
        }
    })
}

fn differ(columns: &[StoredColumn], left: &[Atom], right: &[Atom], args: &DiffArgs) -> bool {
    columns.iter().zip(left.iter().zip(right)).any(|(column, (l, r))| (args.all_columns || column.digest) && l != r)
}

fn entry(
    what: &str,
    columns: &[StoredColumn],
    keys: usize,
    left: Option<&[Atom]>,
    right: Option<&[Atom]>,
    args: &DiffArgs,
) -> Value {
    let (mut key, mut cells) = (Map::new(), Map::new());
    for (at, column) in columns.iter().enumerate() {
        let side = |side: Option<&[Atom]>| side.and_then(|row| row.get(at)).map_or(Value::Null, to_json);
        let (l, r) = (side(left), side(right));
        if at < keys {
            key.insert(column.name.to_owned(), if left.is_some() { l } else { r });
        } else if (args.all_columns || column.digest) && (left.is_none() || right.is_none() || l != r) {
            cells.insert(column.name.to_owned(), json!({ "left": l, "right": r }));
        }
    }
    json!({ "what": what, "key": key, "columns": cells })
}

/// A stored value as JSON.
pub fn to_json(atom: &Atom) -> Value {
    match atom {
        Atom::Null => Value::Null,
        Atom::Int(value) => (*value).into(),
        Atom::Text(text) => (&**text).into(),
    }
}

fn text(all: &[Difference], from: Position, to: Position) -> String {
    let rows = all.iter().map(|found| {
        let mut row = vec![found.view.to_owned(), found.table.name.to_owned()];
        row.extend([found.same, found.only_left, found.only_right, found.changed].map(grouped));
        row
    });
    let header = ["view", "table", "same", "only left", "only right", "changed"];
    let mut text = format!("left at position {from}, right at {to}\n{}\n", table(&header, rows.collect()));
    for found in all.iter().filter(|found| found.differs()) {
        let rows = found.list.iter().map(|entry| {
            let columns = entry["columns"].as_object().into_iter().flatten();
            let changes = columns.map(|(name, sides)| format!("{name}: {} → {}", sides["left"], sides["right"]));
            json!({ "what": entry["what"], "key": entry["key"], "columns": changes.collect::<Vec<_>>().join(", ") })
        });
        text += &format!("\n{}\n{}\n", found.table.name, show(&Value::Array(rows.collect())));
    }
    text
}
