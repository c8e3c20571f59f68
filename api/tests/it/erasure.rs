//! Fifty clients with canaries in every personal field are forgotten: no canary is left in any file, everything else
//! is as it was, and nothing comes back with an old backup.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use letopis_api::state::App;
use letopis_api::{folder, server};
use letopis_core::events::{Event, FieldKind, TypeInfo, types};
use letopis_core::time::ManualClock;
use letopis_core::trust::{check, signer};
use letopis_projections::engine::stored::{StoredViews, tables};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::support::{Got, TODAY, at, got, with};

/// Clients who are forgotten.
const FORGOTTEN: usize = 50;
/// Clients who are not.
const KEPT: usize = 5;
/// What canaries are made of: Latin, Cyrillic, digits.
const CANARIES: [&str; 3] = ["Kanaryquixz", "Канарейжъ", "739184620517"];

/// A server over a folder that outlives it.
struct Desk {
    app: App,
    router: Router,
}

impl Desk {
    async fn open(dir: &Path) -> Self {
        let app = folder::open_at(dir, false, Arc::new(ManualClock::at(at(TODAY)))).await.expect("opens");
        app.views.catch_up().await.expect("folds");
        app.search.catch_up().await.expect("takes in");
        Self { router: server::router(app.clone()), app }
    }

    async fn ask(&self, method: Method, path: &str, body: Body) -> Got {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        got(self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("infallible")).await
    }

    async fn get(&self, path: &str) -> Got {
        self.ask(Method::GET, path, Body::empty()).await
    }

    async fn data(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.json);
        answer.json["data"].clone()
    }

    async fn post(&self, items: &[Value]) -> Vec<Value> {
        let answer = self.ask(Method::POST, "/v1/events", Value::from(items).to_string().into()).await;
        let results = answer.json["results"].as_array().or_else(|| answer.json.as_array());
        results.unwrap_or_else(|| panic!("{}", answer.json)).clone()
    }

    async fn erase(&self, client: &str) -> Value {
        let path = format!("/v1/clients/{client}/erasure?basis=gdpr-17");
        let answer = self.ask(Method::POST, &path, Body::empty()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
        answer.json
    }
}

fn canary(n: usize, k: usize) -> String {
    match k % CANARIES.len() {
        // A number that a phone could be has nothing around it.
        2 => format!("{}{n:03}{k:02}", CANARIES[2]),
        script => format!("{}-{n}-{k}", CANARIES[script]),
    }
}

/// Events of a client, with a canary in every field that is personal, and in every name of another system.
fn history(n: usize, canary: &dyn Fn(usize) -> String) -> Vec<Value> {
    let posted = |info: &&&TypeInfo| {
        let special = ["identity.unlinked", "client.merged", "client.unmerged", "hold.placed"];
        !info.defines && !["log", "knowledge"].contains(&info.area) && !special.contains(&info.name)
    };
    let mut items = Vec::new();
    for info in types().iter().filter(posted) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/events");
        let text = std::fs::read_to_string(path.join(format!("{}.v{}.json", info.name, info.schema))).expect("golden");
        let golden: Value = serde_json::from_str(&text).expect("reads");
        let mut data = golden["data"].as_object().expect("data").clone();
        let event = Event::from_input(info.name, golden["data"].clone()).expect("decodes");
        if event.definition_stream().is_some() {
            // Nobody's in particular.
            continue;
        }
        for (k, field) in info.fields.iter().enumerate() {
            let value = match (field.kind, field.ty) {
                (FieldKind::Personal, "String") => canary(k).into(),
                (FieldKind::Personal, "BTreeMap<Code, String>") => json!({ "city": canary(k), "word": canary(k + 1) }),
                (_, "ContactKind") => "address".into(),
                (_, "ClientId") => "shop:partner".into(),
                (_, ty) if ty.ends_with("Id") && !["EmployeeId", "EventId"].contains(&ty) => {
                    format!("shop:{}-{}-{}", canary(1), info.name, field.name).into()
                }
                _ => continue,
            };
            data.insert(field.name.to_owned(), value);
        }
        if info.name == "touch.sent" {
            // Consent to the example was withdrawn.
            data.insert("purpose".into(), "service".into());
        }
        if info.name == "document.issued" {
            data.insert("number".into(), format!("2026-{n}").into());
        }
        if info.name == "pack.produced" {
            let snapshot = json!({ "client": { "name": canary(3) } });
            data.insert("snapshot_sha256".into(), letopis_core::form::sha256_of(&snapshot).into());
            data.insert("snapshot".into(), snapshot);
        }
        if info.name == "identity.linked" {
            data = Map::from_iter([("scheme".into(), "card".into()), ("value".into(), canary(2).into())]);
        }
        let numbered = info.name == "letter.registered";
        if numbered {
            data.insert("number".into(), format!("n-{n}").into());
        }
        let mut item = json!({
            "type": info.name, "client": format!("shop:{}", canary(0)), "source": "shop",
            "occurred_at": "2026-03-05T12:30:00.000001+03:00", "data": data,
        });
        if !numbered {
            item["id"] = format!("{}-{n}", info.name).into();
        }
        items.push(item);
    }
    // What is said when something is mended is personal, too.
    let corrected = json!({ "target": format!("shop:call.logged-{n}"), "reason": canary(4),
        "data": { "direction": "out", "summary": canary(5) } });
    items.push(json!({
        "type": "event.corrected", "id": format!("mended-{n}"), "source": "shop",
        "occurred_at": "2026-03-06T12:30:00Z", "client": format!("shop:{}", canary(0)), "data": corrected,
    }));
    items
}

/// Every spelling of the canaries that a file may hide.
fn spellings() -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for canary in CANARIES {
        for text in [canary.to_owned(), canary.to_lowercase(), canary.to_uppercase()] {
            let bytes = text.clone().into_bytes();
            let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
            out.push((format!("{text} in UTF-8"), bytes.clone()));
            out.push((format!("{text} in UTF-16LE"), wide(u16::to_le_bytes)));
            out.push((format!("{text} in UTF-16BE"), wide(u16::to_be_bytes)));
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            out.push((format!("{text} in hex"), hex.to_uppercase().into_bytes()));
            out.push((format!("{text} in hex"), hex.into_bytes()));
            for shift in 0..3 {
                out.push((format!("{text} in base64"), base64(&[&vec![0; shift], &bytes[..]].concat(), shift)));
            }
        }
    }
    out.sort();
    out.dedup_by(|a, b| a.1 == b.1);
    out
}

/// The part of the base64 text that does not depend on what stands before and after.
fn base64(bytes: &[u8], shift: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let digit = |six: &[u8]| DIGITS[six.iter().fold(0_usize, |sum, bit| sum << 1 | usize::from(*bit))];
    let text: Vec<u8> = bits.chunks_exact(6).map(digit).collect();
    text[(shift * 8).div_ceil(6)..].to_vec()
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

/// The canaries that lie in files, by file.
fn found(paths: &[PathBuf]) -> Vec<String> {
    let spellings = spellings();
    // No file is walked through once for each spelling.
    let mut begins = vec![false; 1 << 16];
    spellings.iter().for_each(|(_, text)| begins[usize::from(u16::from_be_bytes([text[0], text[1]]))] = true);
    let mut out = Vec::new();
    for path in paths {
        let bytes = std::fs::read(path).expect("readable");
        for (start, pair) in bytes.windows(2).enumerate() {
            if begins[usize::from(u16::from_be_bytes([pair[0], pair[1]]))] {
                let there = spellings.iter().filter(|(_, spelling)| bytes[start..].starts_with(spelling));
                out.extend(there.map(|(name, _)| format!("{name} in {}", path.display())));
            }
        }
    }
    out.sort();
    out.dedup();
    out
}

fn all(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    files(dir, &mut out);
    out
}

/// Digests and totals of all views, and what is told of those who stay.
async fn everything_else(desk: &Desk, dir: &Path) -> Value {
    let digests: Vec<(String, u128)> =
        desk.app.views.status().await.expect("status").0.into_iter().map(|view| (view.name, view.digest)).collect();
    let path = letopis_projections::engine::generations::current(&dir.join("views")).expect("a file");
    let stored = StoredViews::open(&path, desk.app.views.zone()).expect("opens");
    let mut totals = Vec::new();
    for view in desk.app.views.list() {
        for table in tables(view.as_ref()).iter().filter(|table| table.is_total) {
            stored
                .rows(view.as_ref(), table, &mut |row| {
                    totals.push(format!("{} {row:?}", table.name));
                    true
                })
                .expect("rows");
        }
    }
    let mut told = Vec::new();
    for n in 0..KEPT {
        told.push(desk.data(&format!("/v1/clients/shop:K-{n}")).await);
        told.push(desk.data(&format!("/v1/clients/shop:K-{n}/history?limit=200")).await);
        told.push(desk.data(&format!("/v1/clients/shop:K-{n}/settlement")).await);
    }
    let digests: Vec<String> = digests.iter().map(|(name, digest)| format!("{name} {digest:x}")).collect();
    json!({ "digests": digests, "totals": totals, "told": told })
}

async fn assert_unreadable(desk: &Desk, ids: &[String]) {
    for (n, id) in ids.iter().enumerate() {
        // To explain folds a client event by event: a few stand for all.
        let paths = ["", "/history?limit=200", "/explain?field=name"];
        for path in &paths[..if n < 3 { 3 } else { 2 }] {
            let answer = desk.get(&format!("/v1/clients/{id}{path}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.json);
            let text = answer.json.to_string().to_lowercase();
            assert!(!CANARIES.iter().any(|canary| text.contains(&canary.to_lowercase())), "{path}: {text}");
        }
    }
    let (mut after, mut seen) = (0, 0);
    loop {
        let page = desk.get(&format!("/v1/events?after={after}&limit=1000")).await.json;
        let text = page["data"].to_string();
        assert!(!CANARIES.iter().any(|canary| text.contains(canary)));
        seen += page["data"].as_array().expect("data").len();
        if page["next"] == after {
            break;
        }
        after = page["next"].as_u64().expect("next");
    }
    assert!(seen > FORGOTTEN);
    for word in CANARIES {
        let hits = desk.data(&format!("/v1/search?q={word}")).await;
        assert_eq!(hits["items"], json!([]), "{word}");
    }
    let names = desk.data("/v1/clients?limit=1000").await.to_string();
    assert!(!CANARIES.iter().any(|canary| names.contains(canary)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clients_are_forgotten_in_every_file_and_do_not_come_back() {
    let (dir, beside) = (TempDir::new().expect("tempdir"), TempDir::new().expect("tempdir"));
    let data = dir.path().join("data");
    let desk = Desk::open(&data).await;
    let mut ids = Vec::new();
    for n in 0..FORGOTTEN + KEPT {
        let items = match n.checked_sub(FORGOTTEN) {
            None => history(n, &|k| canary(n, k)),
            Some(kept) => history(n, &|k| if k == 0 { format!("K-{kept}") } else { format!("Keeper {kept} {k}") }),
        };
        let results = desk.post(&items).await;
        for (item, result) in items.iter().zip(&results) {
            assert_eq!(result["status"], "accepted", "{item}: {result}");
        }
        ids.push(results[0]["client"].as_str().expect("a client").to_owned());
    }
    ids.truncate(FORGOTTEN);
    desk.app.views.catch_up().await.expect("folds");
    desk.app.search.catch_up().await.expect("takes in");
    assert!(!desk.data("/v1/search?q=канарейжъ").await["items"].as_array().expect("hits").is_empty());
    drop(desk);

    // Before: nothing in the log, and the scan finds what lies in the views and what is planted.
    assert_eq!(found(&[data.join("log.db"), data.join("keys.db")]), Vec::<String>::new());
    let views = letopis_projections::engine::generations::current(&data.join("views")).expect("a file");
    let index = data.join("views").join(letopis_projections::search::FILE);
    for file in [&views, &index] {
        assert!(found(std::slice::from_ref(file)).len() >= CANARIES.len(), "{} holds them", file.display());
    }
    for (name, spelling) in spellings() {
        let planted = beside.path().join("planted");
        std::fs::write(&planted, [b"\0\x01", &spelling[..], b"\xff"].concat()).expect("planted");
        assert!(!found(&[planted]).is_empty(), "{name} is not found");
    }
    for file in ["log.db", "keys.db"] {
        std::fs::copy(data.join(file), beside.path().join(file)).expect("a backup");
    }
    std::fs::copy(&views, beside.path().join("views.db")).expect("a backup");
    std::fs::copy(&index, beside.path().join("search.db")).expect("a backup");
    std::fs::remove_file(beside.path().join("planted")).expect("taken away");

    let desk = Desk::open(&data).await;
    let before = everything_else(&desk, &data).await;
    for id in &ids {
        let certificate = desk.erase(id).await;
        assert!(certificate["streams"][0]["sealed"].as_u64() > Some(20), "{certificate}");
        assert!(!CANARIES.iter().any(|canary| certificate.to_string().contains(canary)));
    }
    // While the server runs.
    assert_eq!(found(&all(dir.path())), Vec::<String>::new());
    assert_unreadable(&desk, &ids).await;
    assert_eq!(everything_else(&desk, &data).await, before, "totals and everybody else");
    desk.app.views.rebuild(&|_, _| {}).await.expect("rebuilt");
    assert_eq!(everything_else(&desk, &data).await, before, "rebuilt");
    let card = desk.data(&format!("/v1/clients/{}", ids[0])).await;
    assert_eq!((&card["name"], &card["personal"]), (&Value::Null, &json!("erased")));
    assert_eq!(desk.get(&format!("/v1/clients/shop:{}", canary(0, 0))).await.status, StatusCode::NOT_FOUND);
    drop(desk);
    assert_eq!(found(&all(dir.path())), Vec::<String>::new(), "after the server ended");

    // Yesterday's keys, last week's log, old views, one by one and together.
    for back in
        [&["keys.db"][..], &["log.db"], &["views.db", "search.db"], &["log.db", "keys.db", "views.db", "search.db"]]
    {
        for file in back {
            let place = match *file {
                "search.db" => index.clone(),
                "views.db" => letopis_projections::engine::generations::current(&data.join("views")).expect("a file"),
                file => data.join(file),
            };
            std::fs::copy(beside.path().join(file), place).expect("put back");
        }
        let desk = Desk::open(&data).await;
        assert_unreadable(&desk, &ids).await;
        assert_eq!(everything_else(&desk, &data).await, before, "{back:?}");
        assert_eq!(found(&all(dir.path())), Vec::<String>::new(), "{back:?}");
        drop(desk);
        assert_eq!(found(&all(dir.path())), Vec::<String>::new(), "{back:?}");
    }
}

#[tokio::test]
async fn a_hold_is_told_as_a_conflict_and_a_plan_changes_nothing() {
    let dir = TempDir::new().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    let at = "2026-03-01T12:00:00Z";
    let item = |kind: &str, data: Value| json!({ "type": kind, "client": "shop:C-1", "occurred_at": at, "data": data });
    desk.post(&[
        item("client.registered", json!({ "kind": "person", "name": "Анна" })),
        item("hold.placed", json!({ "hold": "h-1", "basis": "dispute", "until": "2026-04-01" })),
    ])
    .await;
    let plan = desk.get("/v1/clients/shop:C-1/erasure").await;
    assert_eq!(plan.status, StatusCode::OK, "{}", plan.json);
    assert_eq!((&plan.json["identities"], &plan.json["holds"][0]["basis"]), (&json!(1), &json!("dispute")));
    let path = "/v1/clients/shop:C-1/erasure?basis=gdpr-17";
    let refused = desk.ask(Method::POST, path, Body::empty()).await;
    assert_eq!((refused.status, &refused.json["code"]), (StatusCode::CONFLICT, &json!("legal_hold")));
    assert_eq!(refused.json["holds"][0]["hold"], "h-1");
    assert_eq!(desk.data("/v1/clients/shop:C-1").await["name"], "Анна");
    let missing = desk.ask(Method::POST, "/v1/clients/shop:C-1/erasure", Body::empty()).await;
    assert_eq!((missing.status, &missing.json["field"]), (StatusCode::BAD_REQUEST, &json!("basis")));
    let only = desk.ask(Method::POST, &format!("{path}&plan=true"), Body::empty()).await;
    assert_eq!((only.status, &only.json["subject"]), (StatusCode::OK, &json!("client")));
    assert_eq!(desk.data("/v1/clients/shop:C-1").await["name"], "Анна");
}

#[tokio::test]
async fn an_export_holds_all_that_is_his_and_nothing_of_his_contact_persons() {
    let dir = TempDir::new().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    let items = history(1, &|k| if k == 0 { "C-1".into() } else { format!("word{k}") });
    let person = items.iter().find(|item| item["type"] == "contact_person.added").expect("one").clone();
    let person = with(
        with(person, "id", "other-person"),
        "data",
        json!({ "person": "shop:M-9", "role": "buyer",
        "name": "Somebody Else" }),
    );
    desk.post(&items).await;
    desk.post(&[person]).await;
    desk.app.sealer.seal().await.expect("seals");
    let answer = desk.get("/v1/clients/shop:C-1/export").await;
    assert_eq!(answer.status, StatusCode::OK);
    let text = answer.json.as_str().expect("lines").to_owned();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["line"], "manifest");
    let events = lines.iter().filter(|line| line["line"] == "event").count();
    assert_eq!(Some(events as u64), lines[0]["streams"][0]["events"].as_u64());
    assert!(events > items.len(), "the link of his identity, too");
    assert!(text.contains("word1") && !text.contains("Somebody Else"));
    // The proof that nothing is left out is a file for the checker.
    let bundle = lines.iter().find(|line| line["line"] == "bundle").expect("a proof");
    let key = signer::public_key(dir.path()).expect("a key");
    let report = check::check(bundle["bundle"].as_str().expect("text").as_bytes(), &key, &check::Policy::default());
    assert_eq!(report.expect("complete and unaltered").events, events as u64);
}

#[tokio::test]
async fn an_erasure_names_the_copies_that_were_handed_out_before() {
    let dir = TempDir::new().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    desk.post(&history(1, &|k| if k == 0 { "C-1".into() } else { format!("word{k}") })).await;
    desk.post(&history(2, &|k| if k == 0 { "C-2".into() } else { format!("other{k}") })).await;
    desk.app.sealer.seal().await.expect("seals");
    let text = desk.get("/v1/clients/shop:C-1/export").await.json.as_str().expect("lines").to_owned();
    desk.get("/v1/clients/shop:C-1/proof").await;
    let opened = desk.get("/v1/clients/shop:C-1/proof?personal=opened").await;
    assert_eq!(opened.status, StatusCode::OK, "{}", opened.json);
    let plan = desk.get("/v1/clients/shop:C-1/erasure").await.json;
    let copies = plan["copies"].as_array().expect("copies");
    let what: Vec<&str> = copies.iter().filter_map(|copy| copy["what"].as_str()).collect();
    assert_eq!(what, ["client", "bundle"], "a proof that stays closed tells nothing");
    let digest: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&copies[0]["digest"], &copies[0]["actor"]), (&json!(digest), &json!("local")));
    assert_eq!(desk.get("/v1/clients/shop:C-2/erasure").await.json["copies"], json!([]));
    let certificate = desk.erase("shop:C-1").await;
    assert_eq!(certificate["copies"], plan["copies"]);
}
