//! Every payload version ever recorded is read for ever: one file each in `fixtures/events/`.
//!
//! `data` is a payload with all its fields, `facts` the recorded bytes, `personal` what is sealed. Run with
//! `LETOPIS_WRITE_GOLDEN=1` to write the files that are not there yet; files that are there never change.

use std::path::PathBuf;

use letopis_core::events::{Event, FieldInfo, TypeInfo, types};
use letopis_core::personal::Opened;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::intake::{Desk, ulid};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    r#type: String,
    schema: u16,
    data: Map<String, Value>,
    facts: String,
    personal: Map<String, Value>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/events")
}

fn read(info: &TypeInfo) -> Golden {
    let path = folder().join(format!("{}.v{}.json", info.name, info.schema));
    if std::env::var_os("LETOPIS_WRITE_GOLDEN").is_some() && !path.exists() {
        let data: Map<String, Value> =
            info.fields.iter().map(|field| (field.name.to_owned(), example(field))).collect();
        let event = Event::from_input(info.name, Value::Object(data.clone())).expect("decodes");
        let facts = String::from_utf8(event.facts()).expect("text");
        let golden = Golden { r#type: info.name.into(), schema: info.schema, data, facts, personal: event.personal() };
        let text = serde_json::to_string_pretty(&golden).expect("serialises");
        std::fs::write(&path, text + "\n").expect("written");
    }
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}: every type has a golden file", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A value for a field, by its type and name.
fn example(field: &FieldInfo) -> Value {
    match (field.name, field.ty) {
        ("sha256", _) => "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        ("snapshot_sha256", _) => "98a74b1410a269f637144faa50d4ce0847753ff186a58e2fa7d6d3d6b5908295".into(),
        ("snapshot", _) => json!({ "order": { "id": "O-7" } }),
        ("locale", _) => "ru".into(),
        ("when", _) => "quantity >= 10".into(),
        ("from", "Currency") => "USD".into(),
        ("target_type", _) => "call.logged".into(),
        ("on", _) => json!(["call.logged", "task.overdue"]),
        ("target_schema" | "ordinal", _) | ("version", "u16" | "u32") => 1.into(),
        ("facts", _) => json!({ "direction": "in", "duration_s": 95 }),
        ("schema", _) => json!({ "properties": { "score": { "type": "integer" } }, "type": "object" }),
        ("personal", _) => json!({ "summary": "о крыше" }),
        ("value", "String") => "+79123456789".into(),
        ("phone", "String") => "+79123456789".into(),
        ("scheme", _) => "phone".into(),
        // Left out of the facts when true.
        ("date_known" | "joined" | "active", _) => false.into(),
        ("zone", _) => "Europe/Moscow".into(),
        (name, "Code") => format!("example-{}", name.replace('_', "-")).into(),
        (name, "String") => format!("Пример: {name}").into(),
        (_, "Label") => "Крыша \"Pro\"".into(),
        (_, "ClientKind") => "company".into(),
        (_, "ContactKind") => "phone".into(),
        (_, "Direction") => "in".into(),
        (_, "LetterMedia") => "email".into(),
        (_, "Estimator") => "model".into(),
        (_, "Measure") => "revenue".into(),
        (_, "Target") => json!({ "amount": { "minor": 123_450, "currency": "RUB" } }),
        ("to", "Day") => "2026-04-09".into(),
        (_, "CaseKind") => "complaint".into(),
        (_, "Correspondent") => "supplier".into(),
        (_, "Condition") => "case.priority == 'high' && client.class == 'vip'".into(),
        (_, "Moment") => "2026-03-05T12:30:00.000001+03:00".into(),
        (_, "Day") => "2026-03-09".into(),
        (_, "bool") => true.into(),
        (_, "u16" | "u32" | "u64" | "i32") => 95.into(),
        (_, "Money") => json!({ "minor": 123_450, "currency": "RUB" }),
        (_, "Currency") => "RUB".into(),
        (_, "Month") => "2026-03".into(),
        (_, "PriceChange") => json!({ "discount_bp": 500 }),
        (_, "BTreeMap<Code, Label>") => json!({ "won": "Выиграна" }),
        (_, "Vec<Form>") => json!([{ "name": "offer", "text": "Order {{ order.id }}" }]),
        (_, "Vec<Component>") => json!([{ "product": "door", "quantity": "2" }]),
        (_, "Vec<QuoteLine>") => json!([{
            "product": "GTX-Pro", "quantity": "2", "list_price": "12.50", "unit_price": "11.88",
            "steps": [{ "rule": "vip", "version": 2, "before": "12.50", "after": "11.875" }],
        }]),
        (_, "rust_decimal::Decimal" | "Decimal") => "12.50".into(),
        (_, "Vec<Code>") => json!(["roof", "door"]),
        (_, "Vec<Line>") => json!([{ "product": "GTX-Pro", "quantity": "2.5", "unit_price": "12.50" }]),
        (_, "Vec<Goods>") => json!([
            { "product": "GTX-Pro", "quantity": "2", "unit_price": "12.50" },
            { "product": "door", "quantity": "1" },
        ]),
        (_, "Vec<Stage>") => json!([
            { "stage": "new", "label": "Новая", "probability_bp": 1_000 },
            { "stage": "offer" },
        ]),
        (_, "FitVerdict") => "allows".into(),
        (_, "Text") => "Первая строка.\nВторая.".into(),
        (_, "BTreeMap<Code, i64>") => json!({ "first-response-min": 60 }),
        (_, "DefinitionName") => "automation-rule:call-back@3".into(),
        (_, "Vec<Action>") => json!([
            { "do": "plan_task", "kind": "call-back", "due_in_s": 7_200, "priority": "high", "to": { "manager": true } },
            { "do": "open_deal", "stage": "new", "source": "wish", "to": {} },
            { "do": "classify_case", "kind": "wish", "topic": "roof", "priority": "high" },
            { "do": "assign_case", "to": { "department": "cash" } },
            { "do": "propose_article", "article": "how-to" },
            { "do": "flag_exception", "class": "threat" },
        ]),
        (_, "BTreeMap<Code, Importance>") => json!({ "call.logged": "critical" }),
        (_, "Vec<WeekHours>") => json!([{ "days": ["mon", "fri"], "from": "09:00", "to": "24:00" }]),
        (_, "Vec<Day>") => json!(["2026-01-01", "2026-05-09"]),
        (_, "Vec<DayHours>") => json!([{ "day": "2026-05-09", "hours": [{ "from": "10:00", "to": "14:30" }] }]),
        (_, "Vec<State>") => json!([
            { "state": "new", "label": "Новая", "department": "front-desk", "limit_s": 3_600 },
            { "state": "done" },
        ]),
        (_, "Vec<Transition>") => json!([
            { "from": "new", "to": "done", "when": "case.answers > 0", "roles": ["expert"] },
            { "from": "done", "to": "new" },
        ]),
        (_, "BTreeMap<Code, Code>") => json!({ "sector": "software", "size": "small" }),
        (_, "BTreeMap<Code, String>") => json!({ "city": "Тверь" }),
        (name, ty) if ty.ends_with("Id") => ulid(name.bytes().map(u64::from).sum()).into(),
        (name, ty) => panic!("no example of {name}: {ty}"),
    }
}

#[test]
fn every_payload_version_reads_and_writes_as_on_its_first_day() {
    for info in types() {
        let golden = read(info);
        assert_eq!((golden.r#type.as_str(), golden.schema), (info.name, info.schema));
        let posted = match Event::from_input(info.name, Value::Object(golden.data)) {
            // What the log says about itself is recorded, never posted.
            Err(_) if info.area == "log" => Event::from_facts(info.name, golden.schema, golden.facts.as_bytes()),
            posted => posted,
        }
        .expect("decodes");
        assert_eq!(String::from_utf8_lossy(&posted.facts()), golden.facts, "{}", info.name);
        assert_eq!(posted.personal(), golden.personal, "{}", info.name);

        let mut recorded = Event::from_facts(info.name, golden.schema, golden.facts.as_bytes()).expect("decodes");
        let opened = if golden.personal.is_empty() { Opened::Nothing } else { Opened::Values(golden.personal) };
        recorded.fill(&opened).expect("fills");
        assert_eq!(recorded, posted);
    }
}

#[test]
fn older_payload_versions_are_lifted() {
    for entry in std::fs::read_dir(folder()).expect("the folder is there") {
        let text = std::fs::read_to_string(entry.expect("readable").path()).expect("readable");
        let golden: Golden = serde_json::from_str(&text).expect("reads");
        let event = Event::from_facts(&golden.r#type, golden.schema, golden.facts.as_bytes()).expect("decodes");
        assert_eq!(event.type_name(), golden.r#type);
    }
}

#[tokio::test]
async fn the_intake_takes_every_type_that_needs_nothing_before_it() {
    // These name something recorded, or are posted in another form.
    let later = [
        "event.corrected",
        "event.retracted",
        "client.merged",
        "client.unmerged",
        "identity.unlinked",
        "relation.established",
    ];
    let desk = Desk::memory();
    let apart = |info: &&&TypeInfo| !later.contains(&info.name) && info.area != "log";
    for (n, info) in types().iter().enumerate().filter(|(_, info)| apart(info)) {
        let mut item = json!({
            "type": info.name,
            "occurred_at": "2026-03-05T12:00:00+03:00",
            "client": format!("shop:{n}"),
            "data": read(info).data,
        });
        if info.defines {
            item["client"] = Value::Null;
        }
        if info.name == "identity.linked" {
            item["data"] = json!({ "scheme": "card", "value": "77" });
        }
        desk.accept(item).await;
    }
}
