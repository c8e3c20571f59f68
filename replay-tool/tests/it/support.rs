//! One helper per subject.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser;
use letopis_core::events::{self, Event};
use letopis_replay_tool::commands::{self, Cli};
use letopis_replay_tool::console::{Console, Done, Exit};
use letopis_replay_tool::mapping::{Files, Item, Mapped, Mapping, MappingError, Rejected, Summary};
use serde_json::{Value, json};

/// What a run gave out.
pub(crate) struct Outcome {
    pub(crate) mapped: Vec<Mapped>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) summary: Summary,
}

impl Outcome {
    pub(crate) fn of(&self, kind: &str) -> Vec<&Value> {
        self.mapped.iter().map(|mapped| &mapped.event).filter(|event| event["type"] == kind).collect()
    }

    /// Events by id; equal for two runs that say the same.
    pub(crate) fn by_id(&self) -> BTreeMap<String, Value> {
        self.mapped.iter().map(|m| (text(&m.event["id"]).to_owned(), m.event.clone())).collect()
    }
}

pub(crate) fn run(mapping: &Mapping, dir: &Path) -> Result<Outcome, MappingError> {
    let (mut mapped, mut rejected) = (Vec::new(), Vec::new());
    let summary = mapping.run(
        &Files::in_dir(dir),
        &mut |item| {
            match item {
                Item::Event(event) => mapped.push(event),
                Item::Rejected(row) => rejected.push(row),
            }
            Ok(())
        },
        &mut |_| {},
    )?;
    Ok(Outcome { mapped, rejected, summary })
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn mapping(name: &str) -> Mapping {
    Mapping::load(&repository().join(format!("fixtures/mappings/{name}.toml"))).expect("mapping")
}

/// The folder of the full sets; says so where there is none.
pub(crate) fn full_sets(test: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("LETOPIS_DATA").map(PathBuf::from);
    if dir.is_none() {
        println!("SKIPPED {test}: LETOPIS_DATA does not name the folder of the full sets");
    }
    dir
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// Reads the payload as the log would, with a stand-in for every id that the log derives.
pub(crate) fn assert_fits_the_vocabulary(event: &Value) {
    let kind = text(&event["type"]);
    let info = events::find(kind).expect("built-in type");
    let mut data = event["data"].clone();
    for field in info.fields {
        if let (true, Some(id)) = (field.ty.ends_with("Id"), data.get_mut(field.name)) {
            let (scheme, value) = text(id).split_once(':').expect("scheme:value");
            assert!(!scheme.is_empty() && !value.is_empty(), "{event}");
            *id = "01ARZ3NDEKTSV4RRFFQ69G5FAV".into();
        }
    }
    if let Err(error) = Event::from_input(kind, data) {
        panic!("{error}: {event}");
    }
    event["occurred_at"].as_str().and_then(|at| at.parse::<letopis_core::time::Moment>().ok()).expect("a moment");
    assert_eq!(info.defines, event.get("client").is_none(), "{event}");
}

/// A data folder with what is done to it through the commands.
pub(crate) struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("folder") }
    }

    /// A new folder that shares the identity key of another.
    pub(crate) fn with_key_of(other: &Self) -> Self {
        let desk = Self::new();
        std::fs::create_dir_all(desk.data().join("secrets")).expect("folder");
        std::fs::copy(other.data().join("secrets/identity.key"), desk.data().join("secrets/identity.key"))
            .expect("key");
        desk
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a command on the folder; `{}` stands for the folder beside the data folder.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> anyhow::Result<Done> {
        let data = self.data();
        let beside = self.dir.path().display().to_string();
        let arguments = arguments.iter().map(|argument| argument.replace("{}", &beside));
        let words = ["replay-tool", "--quiet", command, "--data"].map(str::to_owned);
        let words = words.into_iter().chain([data.display().to_string()]).chain(arguments);
        let cli = Cli::try_parse_from(words).expect("a right call");
        commands::run(&cli.command, &Console { json: true, quiet: true })
    }

    /// Runs a command that ends well, and gives its report.
    pub(crate) fn report(&self, command: &str, arguments: &[&str]) -> Value {
        let done = self.run(command, arguments).expect(command);
        assert_eq!(done.exit, Exit::Fine, "{command}: {}", done.text);
        done.report
    }

    /// Imports events; rejected ones fail the test.
    pub(crate) fn import(&self, events: &[Value], arguments: &[&str]) -> Value {
        let file = self.path("events.ndjson");
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        std::fs::write(&file, lines).expect("file");
        self.report("import", &[arguments, &["{}/events.ndjson"]].concat())
    }

    /// Imports a public set by its mapping, from a folder; rejected rows are allowed.
    pub(crate) fn import_set(&self, set: &str, dir: &Path) -> Value {
        let map = repository().join(format!("fixtures/mappings/{set}.toml"));
        let (map, dir) = (map.display().to_string(), dir.display().to_string());
        self.run("import", &["--map", &map, "--from", &dir]).expect("import").report
    }

    /// The digests of all views, built from the log.
    pub(crate) fn digests(&self) -> BTreeMap<String, String> {
        let report = self.report("rebuild", &[]);
        let views = report["views"].as_array().expect("views");
        views.iter().map(|view| (text(&view["view"]).to_owned(), text(&view["digest"]).to_owned())).collect()
    }

    /// The answer of a question to the views.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        self.report("as-of", arguments)["answer"].clone()
    }

    /// Changes the log file behind the back of everything; triggers are put back as they were.
    pub(crate) fn tamper(&self, trigger: &str, sql: &str) {
        let conn = rusqlite::Connection::open(self.data().join("log.db")).expect("log");
        let made: String = conn
            .query_row("SELECT sql FROM sqlite_schema WHERE name = ?1", [trigger], |row| row.get(0))
            .expect("trigger");
        let all = format!("DROP TRIGGER {trigger}; {sql}; {made}");
        conn.execute_batch(&all).expect("tampered");
    }
}

/// A small history of several clients: registered, called, ordered, complained, merged, corrected.
pub(crate) fn history(clients: u64) -> Vec<Value> {
    let mut events = vec![json!({
        "type": "product.defined", "id": "product/tea", "source": "shop", "occurred_at": "2025-12-01T00:00:00Z",
        "data": { "product": "tea", "label": "Tea" },
    })];
    for n in 0..clients {
        let client = format!("shop:C-{n}");
        let mut add = |ty: &str, id: String, at: String, data: Value| {
            events.push(
                json!({ "type": ty, "id": id, "source": "shop", "client": client, "occurred_at": at, "data": data }),
            );
        };
        let day = n % 27 + 1;
        add(
            "client.registered",
            format!("reg/{n}"),
            format!("2026-01-{day:02}T08:00:00+03:00"),
            json!({ "kind": "person", "name": format!("Client {n}") }),
        );
        add(
            "call.logged",
            format!("call/{n}"),
            format!("2026-01-{day:02}T10:30:00+03:00"),
            json!({ "direction": "in", "duration_s": 60 + n, "deal": format!("shop:D-{n}"), "summary": "=asked for tea" }),
        );
        add(
            "order.placed",
            format!("order/{n}"),
            format!("2026-02-{day:02}T09:00:00Z"),
            json!({
                "order": format!("shop:O-{n}"), "currency": "EUR", "channel": "shop",
                "lines": [{ "product": "tea", "quantity": (n % 5 + 1).to_string(), "unit_price": "1.255" }],
            }),
        );
        add(
            "case.raised",
            format!("case/{n}"),
            format!("2026-03-{day:02}T09:00:00Z"),
            json!({ "case": format!("shop:K-{n}"), "kind": "complaint" }),
        );
    }
    events
}
