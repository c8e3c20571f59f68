//! What proves the log, as an auditor asks for it.

use std::process::Command;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use letopis_api::keys::{self, Role};
use letopis_api::witness::ask::{self, Peer};
use letopis_api::{folder, server, witness};
use letopis_core::erasure::{Step, Target};
use letopis_core::log::LogError;
use letopis_core::random::Random;
use letopis_core::time::{ManualClock, SystemClock};
use letopis_core::trust::check::{Policy, check};
use letopis_core::trust::cosign::WitnessKey;
use letopis_core::trust::hex;
use letopis_core::trust::leaf::Hash;
use letopis_core::trust::note::VerifierKey;
use letopis_core::trust::receipt;
use letopis_core::trust::tree::{Edge, Tree};
use letopis_core::trust::witness::{Witness, request};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::support::{Got, Server, TODAY, at, call, got, registered};

const NOON: &str = "2026-03-01T12:30:00Z";

fn text(got: &Got) -> String {
    assert_eq!(got.status, StatusCode::OK, "{}", got.json);
    // A bundle is JSON; texts come as they are.
    got.json.as_str().map_or_else(|| got.json.to_string(), ToOwned::to_owned)
}

async fn bytes(server: &Server, path: &str) -> Vec<u8> {
    let answer = server.send(Request::get(path).body(Body::empty()).expect("a request")).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body").to_vec()
}

async fn key(server: &Server) -> VerifierKey {
    VerifierKey::parse(&text(&server.get("/v1/log/key").await)).expect("a line")
}

#[tokio::test]
async fn a_receipt_becomes_a_proof_with_the_next_seal() {
    let server = Server::start().await;
    assert_eq!(server.get("/v1/log/checkpoint").await.json["code"], "not_sealed_yet");
    let posted = server.accept(&call("shop:C-1", "1", NOON, "a")).await;
    let path = format!("/v1/log/proof/{}", posted["id"].as_str().expect("an id"));
    let early = server.get(&path).await;
    assert_eq!((early.status.as_u16(), &early.json["code"]), (404, &json!("not_sealed_yet")));
    assert_eq!(
        (&early.head["retry-after"], &early.json["position"]),
        (&"10".parse().expect("a header"), &posted["position"])
    );
    server.app.sealer.seal().await.expect("seals");
    let proof = server.get(&path).await;
    let by_position = server.get(&format!("/v1/log/proof/{}", posted["position"])).await;
    assert_eq!(text(&proof), text(&by_position));
    let read = receipt::check(text(&proof).as_bytes(), &key(&server).await, &[]).expect("good");
    assert_eq!((json!(read.id), json!(read.position)), (posted["id"].clone(), posted["position"].clone()));
    assert_eq!(json!(read.recorded_at.to_string()), posted["recorded_at"]);
    for (path, status) in
        [("/v1/log/proof/0", 404), ("/v1/log/proof/99", 404), ("/v1/log/proof/x", 400), ("/v1/log/proof/1?x=1", 400)]
    {
        assert_eq!(server.get(path).await.status.as_u16(), status, "{path}");
    }
    assert_eq!(server.get("/v1/log/proof/01ARZ3NDEKTSV4RRFFQ69G5FAV").await.json["code"], "not_found");
}

#[tokio::test]
async fn the_tiles_make_the_tree_that_is_signed() {
    let server = Server::start().await;
    let lines: String =
        (0..300).map(|n| format!("{}\n", call(&format!("shop:C-{}", n % 7), &n.to_string(), NOON, "x"))).collect();
    server.post_as("application/x-ndjson", "/v1/events", lines).await;
    server.app.sealer.seal().await.expect("seals");
    server.accept(&call("shop:C-1", "late", NOON, "x")).await;
    server.app.sealer.advance().await.expect("advances");
    let checkpoint = server.get("/v1/log/checkpoint").await;
    assert_eq!(
        (&checkpoint.head["content-type"], &checkpoint.head["cache-control"]),
        (&"text/plain; charset=utf-8".parse().expect("header"), &"no-cache".parse().expect("header"))
    );
    let signed = key(&server).await.verify(&text(&checkpoint)).expect("good");
    assert_eq!(signed.size, 308);
    let full = server.send(Request::get("/v1/log/tile/0/000").body(Body::empty()).expect("a request")).await;
    assert_eq!(
        (&full.headers()["content-type"], &full.headers()["cache-control"]),
        (
            &"application/octet-stream".parse::<axum::http::HeaderValue>().expect("header"),
            &"private, max-age=31536000, immutable".parse::<axum::http::HeaderValue>().expect("header")
        )
    );
    let leaves = [bytes(&server, "/v1/log/tile/0/000").await, bytes(&server, "/v1/log/tile/0/001.p/52").await].concat();
    let entries =
        [bytes(&server, "/v1/log/tile/entries/000").await, bytes(&server, "/v1/log/tile/entries/001.p/52").await]
            .concat();
    let (mut edge, mut top) = (Edge::default(), Vec::new());
    for (leaf, entry) in leaves.chunks(32).zip(entries.chunks(203)) {
        assert_eq!(entry[..2], [0, 201]);
        let leaf: Hash = leaf.try_into().expect("32 bytes");
        let entry = letopis_core::trust::leaf::Leaf::from_bytes(entry[2..].try_into().expect("201 bytes"));
        assert_eq!(entry.expect("a leaf").hash(), leaf);
        edge.push(leaf, &mut |_, _, _| {});
    }
    edge.growing().filter(|(level, ..)| *level == 1).for_each(|(.., data)| top.extend_from_slice(data));
    assert_eq!(edge.size(), 308);
    assert_eq!(Tree::new(&edge, 308).root().expect("a root"), signed.root);
    assert_eq!(bytes(&server, "/v1/log/tile/1/000.p/1").await, top);
    let missing = [
        "0/001",
        "0/001.p/53",
        "0/001.p/0",
        "0/001.p/256",
        "0/002.p/1",
        "0/000.p/256",
        "1/000",
        "2/000.p/1",
        "63/000.p/1",
        "64/000",
        "00/000",
        "-1/000",
        "0/0",
        "0/x000/000",
        "x/000",
        "entries/001",
        "entries/001.p/53",
        "entries/002",
    ];
    for path in missing {
        assert_eq!(server.get(&format!("/v1/log/tile/{path}")).await.status.as_u16(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_clients_proof_is_for_auditors_and_says_what_is_complete() {
    let mut server = Server::start().await;
    server.accept(&registered("shop:C-1", "Анна Петрова")).await;
    let who =
        server.accept(&call("shop:C-1", "1", NOON, "секрет")).await["client"].as_str().expect("a client").to_owned();
    assert_eq!(server.get("/v1/clients/shop:C-1/proof").await.json["code"], "not_sealed_yet");
    server.app.sealer.seal().await.expect("seals");
    let log_key = key(&server).await;
    let make = |role: Role| {
        keys::create(server.dir.path(), vec![role], None, &Random::system(), &SystemClock).expect("a key").0
    };
    let made = [Role::Write, Role::Read, Role::Audit].map(|role| (role, make(role)));
    for (role, key) in made {
        server.key = Some(key);
        let bundle = server.get("/v1/clients/shop:C-1/proof").await.status.as_u16();
        let checkpoint = server.get("/v1/log/checkpoint").await.status.as_u16();
        let tile = server.get("/v1/log/tile/0/000.p/1").await.status.as_u16();
        let expected = match role {
            Role::Write => [403, 403, 403],
            Role::Read => [403, 200, 200],
            _ => [200, 200, 200],
        };
        assert_eq!([bundle, checkpoint, tile], expected, "{role:?}");
    }
    let closed = bytes(&server, "/v1/clients/shop:C-1/proof").await;
    let opened = bytes(&server, &format!("/v1/clients/{who}/proof?personal=opened")).await;
    let checked = |bytes: &[u8]| check(bytes, &log_key, &Policy::default()).expect("good");
    assert_eq!((checked(&closed).events, checked(&closed).closed, checked(&closed).opened), (3, 3, 0));
    assert_eq!((checked(&opened).events, checked(&opened).opened), (3, 3));
    assert!(!String::from_utf8(closed.clone()).expect("text").contains("\"keys\":[{"));
    let nobody = bytes(&server, "/v1/clients/01ARZ3NDEKTSV4RRFFQ69G5FAV/proof").await;
    assert_eq!(checked(&nobody).events, 0);
    for (path, status) in
        [("shop:C-9/proof", 404), ("shop:C-1/proof?personal=all", 400), ("shop:C-1/proof?as_of=2026-01-01", 400)]
    {
        assert_eq!(server.get(&format!("/v1/clients/{path}")).await.status.as_u16(), status, "{path}");
    }
    python(&server, &[closed, opened, nobody], None);
}

#[tokio::test]
async fn a_proof_that_is_asked_for_right_after_an_erasure_has_the_record_of_it() {
    let server = Server::start().await;
    server.accept(&registered("shop:C-1", "Анна Петрова")).await;
    let who = server.accept(&call("shop:C-1", "1", NOON, "секрет")).await["client"].clone();
    let who = who.as_str().expect("a client");
    server.app.sealer.seal().await.expect("seals");
    let target = Target::Client(who.parse().expect("an id"));
    // It breaks off where his sealed parts are gone and nothing says why: no seal can help yet.
    let stop = |step| if step == Step::SealedDeleted { Err(LogError::damage("broken off")) } else { Ok(()) };
    server.app.eraser.run(target, "gdpr-17".parse().expect("a code"), "test", &stop).await.expect_err("broken off");
    let early = server.get(&format!("/v1/clients/{who}/proof")).await;
    assert_eq!((early.status.as_u16(), &early.json["code"]), (404, &json!("not_sealed_yet")), "{}", early.json);
    assert_eq!(early.head["retry-after"], "10");
    let server = server.restart(|_| {}).await;
    let before = server.app.proofs.checkpoint().expect("reads");
    let bundle = bytes(&server, &format!("/v1/clients/{who}/proof")).await;
    assert_ne!(server.app.proofs.checkpoint().expect("reads"), before, "the erasure was sealed for it");
    let report = check(&bundle, &key(&server).await, &Policy::default()).expect("complete and unaltered");
    assert_eq!((report.events, report.erased, report.closed), (4, 3, 0));
    let again = bytes(&server, &format!("/v1/clients/{who}/proof")).await;
    assert_eq!(again, bundle, "and nothing is sealed when nothing has to be");
    python(&server, &[bundle], None);
}

/// The verifier in Python takes what the server gives.
fn python(server: &Server, bundles: &[Vec<u8>], witness: Option<&WitnessKey>) {
    let has = Command::new("python3").args(["-c", "import cryptography"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: python3 with the library `cryptography` is not installed");
        return;
    }
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/verify_bundle.py");
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).arg("--key").arg(server.dir.path().join("checkpoint.pub"));
    if let Some(witness) = witness {
        command.arg("--witness-key").arg(witness.to_string());
    }
    for (n, bundle) in bundles.iter().enumerate() {
        let path = server.dir.path().join(format!("{n}.bundle"));
        std::fs::write(&path, bundle).expect("written");
        command.arg(path);
    }
    let output = command.output().expect("runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok")).count(), bundles.len(), "{said}");
}

#[tokio::test]
async fn readiness_and_metrics_tell_what_is_not_sealed() {
    let server = Server::start().await;
    server.accept(&call("shop:C-1", "1", NOON, "a")).await;
    server.clock.set(at("2026-03-10T12:00:30Z"));
    let unsealed = server.fresh("/readyz").await.json["unsealed"].clone();
    assert_eq!(unsealed, json!({ "events": 2, "seconds": 30.0 }));
    let metrics = text(&server.get("/metrics").await);
    for line in ["letopis_unsealed_seconds ", "letopis_unsealed_events ", "letopis_seal_failed 0"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    server.app.sealer.seal().await.expect("seals");
    let unsealed = server.fresh("/readyz").await.json["unsealed"].clone();
    assert_eq!(unsealed, json!({ "events": 0, "seconds": 0.0 }));
}

#[tokio::test]
async fn damage_stops_the_seals_and_readiness_says_so() {
    let server = Server::start().await;
    server.accept(&call("shop:C-1", "1", NOON, "a")).await;
    let raw = rusqlite::Connection::open(server.dir.path().join("log.db")).expect("opens");
    raw.execute_batch("DROP TRIGGER event_update; UPDATE event SET facts = '{}' WHERE position = 1;").expect("spoilt");
    let (stop, stopped) = watch::channel(false);
    let thread = server.app.sealer.follow(stopped);
    tokio::task::spawn_blocking(move || thread.join()).await.expect("joins").expect("no panic");
    drop(stop);
    let ready = server.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE, "{}", ready.json);
    assert!(ready.json["detail"].as_str().is_some_and(|why| why.contains("not sealed")), "{}", ready.json);
}

#[tokio::test]
async fn a_folder_opens_again_after_a_crash_and_an_older_log_is_refused() {
    let dir = tempfile::tempdir().expect("tempdir");
    let clock = || Arc::new(ManualClock::at(at(TODAY)));
    let open = || async { folder::open_at(dir.path(), false, clock()).await };
    let post = |n: u32| call("shop:C-1", &n.to_string(), NOON, "a");
    let caller = || letopis_core::intake::Caller { actor: "test".into(), ..Default::default() };
    // Nothing is told to the sealer: as after a crash, what it had not written yet is read from the log again.
    let app = open().await.expect("opens");
    app.intake.post(&caller(), vec![post(1), post(2)], false).await;
    app.sealer.seal().await.expect("seals");
    app.intake.post(&caller(), vec![post(3)], false).await;
    drop(app);
    let app = open().await.expect("opens");
    app.sealer.seal().await.expect("seals");
    let signed = app.proofs.checkpoint().expect("reads").expect("one");
    assert_eq!(VerifierKey::parse(&app.log_key).expect("a key").verify(&signed).expect("good").size, 6);
    drop(app);
    for file in ["log.db", "log.db-wal", "log.db-shm", "views", "trust.db", "trust.db-wal", "trust.db-shm"] {
        let path = dir.path().join(file);
        drop(std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path)));
    }
    let error = open().await.err().expect("an empty log is older than what was signed");
    assert!(format!("{error:#}").contains("replay-tool fork --reason"), "{error:#}");
}

/// A witness for a log on a port of this machine, and the thread that asks it.
async fn witnessed(server: &Server) -> (tempfile::TempDir, Peer, tokio::task::JoinHandle<()>) {
    let dir = tempfile::tempdir().expect("tempdir");
    let log = key(server).await;
    let witness = Arc::new(Witness::open(dir.path(), None, vec![log], &Random::system()).expect("opens"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let peer = Peer::new(url, witness.public().clone()).expect("an address");
    let served = tokio::spawn(async move {
        witness::serve(witness, Arc::new(SystemClock), listener, std::future::pending()).await.expect("serves");
    });
    (dir, peer, served)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_checkpoint_is_cosigned_and_a_witness_that_is_away_keeps_nobody_waiting() {
    let server = Server::start().await;
    let (_dir, peer, _served) = witnessed(&server).await;
    let away = Peer { url: "http://127.0.0.1:9".into(), key: peer.key.clone() };
    let (stop, stopped) = watch::channel(false);
    let threads = [
        ask::follow(server.app.clone(), away, stopped.clone()),
        ask::follow(server.app.clone(), peer.clone(), stopped),
    ];
    let log_key = key(&server).await;
    let seen = || {
        let note = server.app.proofs.checkpoint().expect("reads").expect("one");
        log_key.verify_cosigned(&note, std::slice::from_ref(&peer.key)).expect("good")
    };
    for n in 1..=3_u64 {
        server.accept(&call("shop:C-1", &n.to_string(), NOON, "a")).await;
        server.app.sealer.seal().await.expect("seals");
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while seen().1.is_empty() {
            assert!(tokio::time::Instant::now() < deadline, "not cosigned");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(seen().0.size, 2 * n + 1);
    }
    let served = text(&server.get("/v1/log/checkpoint").await);
    assert_eq!(served.lines().count(), 6, "two signatures: {served}");
    let bundle = bytes(&server, "/v1/clients/shop:C-1/proof?cosigned=true").await;
    let policy = Policy { witnesses: std::slice::from_ref(&peer.key), ..Policy::default() };
    assert_eq!(check(&bundle, &log_key, &policy).expect("good").cosigned.len(), 1);
    python(&server, &[bundle], Some(&peer.key));
    stop.send_replace(true);
    for thread in threads {
        tokio::task::spawn_blocking(move || thread.join()).await.expect("joins").expect("no panic");
    }
}

/// Without the feature `tls` the server says so at its start, and does not try in vain for ever.
#[cfg(not(feature = "tls"))]
#[test]
fn a_witness_at_an_https_address_needs_a_build_with_tls() {
    let dir = tempfile::tempdir().expect("tempdir");
    let witness = Witness::open(&dir.path().join("witness"), None, Vec::new(), &Random::system()).expect("opens");
    for (address, part) in [("https://witness.example", "--features tls"), ("witness.example:7980", "expected http://")]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_letopis"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(dir.path().join("data"));
        command.args(["--witness", address, "--witness-key", &witness.public().to_string()]);
        let output = command.output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("--witness") && said.contains(address) && said.contains(part), "{said}");
        assert!(!dir.path().join("data").exists(), "and it has touched nothing");
    }
}

#[tokio::test]
async fn the_witness_answers_over_http_as_the_specification_says() {
    let server = Server::start().await;
    server.accept(&call("shop:C-1", "1", NOON, "a")).await;
    server.app.sealer.seal().await.expect("seals");
    let dir = tempfile::tempdir().expect("tempdir");
    let log = key(&server).await;
    let origin = log.origin().to_owned();
    let witness = Arc::new(Witness::open(dir.path(), None, vec![log], &Random::system()).expect("opens"));
    let key = witness.public().clone();
    let router = witness::router(witness, Arc::new(SystemClock));
    let ask = |body: String| {
        let request = Request::post("/add-checkpoint").body(Body::from(body)).expect("a request");
        let router = router.clone();
        async move { got(router.oneshot(request).await.expect("infallible")).await }
    };
    let note = server.app.proofs.checkpoint().expect("reads").expect("one");
    let log_name = {
        use sha2::Digest as _;
        hex::encode(&sha2::Sha256::digest(origin))
    };
    let last = |log: String| {
        let request = Request::get(format!("/{log}/checkpoint")).body(Body::empty()).expect("a request");
        let router = router.clone();
        async move { got(router.oneshot(request).await.expect("infallible")).await }
    };
    assert_eq!(last(log_name.clone()).await.status.as_u16(), 404);
    let first = ask(request(0, &[], &note)).await;
    assert!(key.is_signer_of(&text(&first)), "{}", first.json);
    let again = ask(request(0, &[], &note)).await;
    assert_eq!(
        (again.status.as_u16(), &again.head["content-type"]),
        (409, &"text/x.tlog.size".parse().expect("a header"))
    );
    assert_eq!(again.json, json!(3), "the size and a newline: a number to JSON");
    assert_eq!(ask("nonsense".into()).await.status.as_u16(), 400);
    assert_eq!(ask("x".repeat(100 << 10)).await.status.as_u16(), 413);
    assert_eq!(ask(request(3, &[[0; 32]], &note)).await.status.as_u16(), 422);
    assert_eq!(ask(request(3, &[], &note.replace("letopis.local", "elsewhere"))).await.status.as_u16(), 404);
    assert_eq!(ask(request(3, &[], &note.replacen("\n3\n", "\n4\n", 1))).await.status.as_u16(), 403);
    assert_eq!(text(&last(log_name).await), format!("{note}{}", text(&first)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_seals_what_was_answered_and_shows_it_to_its_witness() {
    let server = Server::without_views().await;
    let (_dir, peer, _served) = witnessed(&server).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let running =
        tokio::spawn(server::serve(server.app.clone(), vec![peer.clone()], listener, async { drop(ended.await) }));
    server.accept(&call("shop:C-1", "1", NOON, "a")).await;
    end.send(()).expect("it runs");
    running.await.expect("no panic").expect("ends well");
    let note = server.app.proofs.checkpoint().expect("reads").expect("sealed at the end");
    let log_key = key(&server).await;
    let (checkpoint, cosigned) = log_key.verify_cosigned(&note, std::slice::from_ref(&peer.key)).expect("good");
    assert_eq!((checkpoint.size, cosigned.len()), (3, 1));
}
