//! Bundles: what a good one proves, and that nothing that was touched passes.

use std::sync::OnceLock;

use letopis_core::ids::{ClientId, Position};
use letopis_core::random::Random;
use letopis_core::testing::samples::START;
use letopis_core::time::{Clock, DAY_US, Timestamp};
use letopis_core::trust::bundle::{Bundle, ClientPart, EventPart, SealedState};
use letopis_core::trust::check::{Policy, Rejection, Report, check};
use letopis_core::trust::hex::Hex;
use letopis_core::trust::leaf::Leaf;
use letopis_core::trust::note::VerifierKey;

use crate::trust_forged::{self, forgeries};
use crate::trust_world::{ANNA, BORIS, ERASED, MERGED, NOBODY, World, world};

/// Bundles of one world, with its key.
pub(crate) struct Made {
    pub key: VerifierKey,
    pub key_line: String,
    pub anna: Vec<u8>,
    pub closed: Vec<u8>,
    pub boris: Vec<u8>,
    pub erased: Vec<u8>,
    pub nobody: Vec<u8>,
    pub earlier: Vec<u8>,
    pub now: Timestamp,
    pub last_note: String,
    /// The checkpoint of all of them, and the proof of Anna's first event in it.
    pub note: String,
    pub proof: String,
}

pub(crate) fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(make())).join().expect("no panic"))
    })
}

async fn make() -> Made {
    let w: World = world().await;
    let (anna, closed) = (w.bundle(MERGED, true).await, w.bundle(ANNA, false).await);
    let (boris, erased) = (w.bundle(BORIS, true).await, w.bundle(ERASED, false).await);
    let (nobody, now) = (w.bundle(NOBODY, false).await, w.clock.now());
    let note = w.proofs().checkpoint().expect("reads").expect("one");
    let proof = w.proofs().receipt(&*w.log, Position(1), false).await.expect("reads").expect("covered");
    let sealer = w.sealer().await;
    sealer.seal().await.expect("seals");
    let last_note = w.proofs().checkpoint().expect("reads").expect("one");
    let key_line = std::fs::read_to_string(w.dir.path().join("checkpoint.pub")).expect("a key");
    Made {
        key: w.key(),
        key_line,
        earlier: anna.clone(),
        anna,
        closed,
        boris,
        erased,
        nobody,
        now,
        last_note,
        note,
        proof,
    }
}

fn good(bytes: &[u8], client: ClientId) -> Report {
    check(bytes, &made().key, &Policy { client: Some(client), ..Policy::default() }).expect("good")
}

#[test]
fn a_good_bundle_says_whose_how_many_up_to_where_and_what_could_be_read() {
    let m = made();
    let anna = good(&m.anna, ANNA);
    assert_eq!((anna.clients, anna.events, anna.epoch), (vec![MERGED, ANNA], 6, 1));
    assert_eq!((anna.opened, anna.closed, anna.erased), (3, 0, 0));
    assert_eq!((anna.covered, anna.tree.0), (311, 312));
    let closed = good(&m.closed, MERGED);
    assert_eq!((closed.events, closed.opened, closed.closed), (6, 0, 3));
    let erased = good(&m.erased, ERASED);
    assert_eq!((erased.events, erased.erased, erased.opened), (2, 1, 0));
    let nobody = good(&m.nobody, NOBODY);
    assert_eq!((nobody.clients, nobody.events), (vec![NOBODY], 0));
    assert_eq!(good(&m.boris, BORIS).opened, 1);
}

/// Released bundles stay valid, and the same log gives the same bytes. `LETOPIS_BLESS=1` writes new ones.
#[test]
fn the_proofs_in_the_fixtures_are_made_byte_for_byte() {
    let m = made();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/trust");
    let files = [
        ("checkpoint.pub", m.key_line.as_bytes()),
        ("checkpoint.txt", m.note.as_bytes()),
        ("event.tlog-proof", m.proof.as_bytes()),
        ("opened.bundle", &m.anna),
        ("closed.bundle", &m.closed),
        ("erased.bundle", &m.erased),
        ("absent.bundle", &m.nobody),
    ];
    for (name, bytes) in files {
        if std::env::var_os("LETOPIS_BLESS").is_some() {
            std::fs::write(folder.join(name), bytes).expect("written");
        }
        assert!(std::fs::read(folder.join(name)).is_ok_and(|kept| kept == bytes), "{name} is another one");
    }
}

type Tamper = fn(&mut Bundle);

fn anna(bundle: &mut Bundle) -> &mut ClientPart {
    bundle.clients.iter_mut().find(|part| part.client == ANNA).expect("there")
}

fn leaf(event: &mut EventPart, change: fn(&mut Leaf)) {
    let mut leaf = Leaf::from_bytes(&event.leaf.0).expect("a leaf");
    change(&mut leaf);
    event.leaf = Hex(leaf.to_bytes());
}

fn envelope(event: &mut EventPart) -> &mut Vec<u8> {
    match &mut event.sealed {
        SealedState::Envelope(bytes) => bytes,
        _ => panic!("no envelope"),
    }
}

/// What anybody may try who has a bundle and no signing key, and the reason for which it is rejected.
const TAMPERED: &[(&str, Tamper, &str)] = &[
    ("bit flip in the ciphertext", |b| envelope(&mut anna(b).events[0])[80] ^= 1, "sealed-altered"),
    ("bit flip in the facts", |b| anna(b).events[1].facts = "{\"n\":9}".to_owned(), "facts-altered"),
    ("bit flip in the salt", |b| anna(b).events[1].salt.0[0] ^= 1, "facts-altered"),
    ("bit flip in the metadata", |b| anna(b).events[1].meta.0[5] ^= 1, "meta-altered"),
    ("another type", |b| anna(b).events[1].event_type = "note.lost".to_owned(), "meta-altered"),
    ("another schema", |b| anna(b).events[1].schema += 1, "meta-altered"),
    ("another time", |b| anna(b).events[1].occurred_at += 1, "meta-altered"),
    ("another offset", |b| anna(b).events[1].offset_min += 1, "meta-altered"),
    ("another order", |b| anna(b).events[1].order += 1, "meta-altered"),
    ("leaf: version of the format", |b| anna(b).events[1].leaf.0[0] = 2, "leaf-version"),
    ("leaf: position", |b| leaf(&mut anna(b).events[1], |l| l.position.0 ^= 1), "chain"),
    ("leaf: stream tag", |b| leaf(&mut anna(b).events[1], |l| l.stream_tag[9] ^= 1), "other-stream"),
    ("leaf: version", |b| leaf(&mut anna(b).events[1], |l| l.version.0 ^= 1), "version-order"),
    ("leaf: prev", |b| leaf(&mut anna(b).events[1], |l| l.prev[9] ^= 1), "chain"),
    ("leaf: event id", |b| leaf(&mut anna(b).events[1], |l| l.id.0 ^= 1), "chain"),
    ("leaf: recorded_at", |b| leaf(&mut anna(b).events[1], |l| l.recorded_at.0 ^= 1), "chain"),
    ("leaf: hash of the metadata", |b| leaf(&mut anna(b).events[1], |l| l.meta[9] ^= 1), "meta-altered"),
    ("leaf: hash of the facts", |b| leaf(&mut anna(b).events[1], |l| l.facts[9] ^= 1), "facts-altered"),
    ("leaf: hash of the sealed part", |b| leaf(&mut anna(b).events[0], |l| l.sealed[9] ^= 1), "sealed-altered"),
    (
        "last leaf: recorded_at",
        |b| leaf(anna(b).events.last_mut().expect("one"), |l| l.recorded_at.0 ^= 1),
        "head-leaf",
    ),
    ("first event removed", |b| drop(anna(b).events.remove(0)), "version-order"),
    ("middle event removed", |b| drop(anna(b).events.remove(1)), "version-order"),
    ("last event removed", |b| drop(anna(b).events.pop()), "head-version"),
    ("all events removed", |b| anna(b).events.clear(), "head-version"),
    ("two events of one client swapped", |b| anna(b).events.swap(1, 2), "version-order"),
    ("two events of two clients swapped", swap_clients, "other-stream"),
    (
        "an event duplicated",
        |b| {
            let again = anna(b).events[1].clone();
            anna(b).events.insert(2, again)
        },
        "version-order",
    ),
    (
        "an event moved to another client",
        |b| {
            let moved = anna(b).events.pop().expect("one");
            b.clients[0].events.push(moved)
        },
        "other-stream",
    ),
    ("a leaf inserted in the middle", |b| insert_leaf(anna(b), 2), "version-order"),
    ("a leaf inserted at the end", |b| insert_leaf(anna(b), 4), "head-version"),
    ("a client left out of his group", |b| b.clients.retain(|part| part.client == ANNA), "key-order"),
    (
        "a client left out of his group, with his key",
        |b| {
            b.clients.retain(|part| part.client == ANNA);
            b.keys.retain(|key| key.id != 3)
        },
        "group-incomplete",
    ),
    ("clients in another order", |b| b.clients.reverse(), "client-order"),
    ("no clients", |b| b.clients.clear(), "client-order"),
    (
        "a client twice",
        |b| {
            let again = b.clients[0].clone();
            b.clients.insert(0, again)
        },
        "client-order",
    ),
    ("client removed from its bucket", |b| anna(b).bucket.clear(), "heads-root"),
    ("older head in the bucket", |b| anna(b).bucket[0].version -= 1, "heads-root"),
    ("a path cut short", |b| anna(b).path.truncate(15), "bucket-form"),
    ("another path", |b| anna(b).path[3].0[0] ^= 1, "heads-root"),
    ("another key", |b| b.keys[0].key.0[0] ^= 1, "other-key"),
    (
        "keys exchanged",
        |b| {
            let key = b.keys[0].key;
            b.keys[0].key = b.keys[1].key;
            b.keys[1].key = key
        },
        "other-key",
    ),
    (
        "a key for nothing",
        |b| {
            let mut key = b.keys[0];
            key.id = 77;
            b.keys.push(key)
        },
        "key-order",
    ),
    (
        "a key twice",
        |b| {
            let key = b.keys[0];
            b.keys.insert(0, key)
        },
        "key-order",
    ),
    ("a sealed part missing without an erasure", |b| anna(b).events[0].sealed = SealedState::Erased, "not-erased"),
    ("a sealed part left out", |b| anna(b).events[0].sealed = SealedState::None, "sealed-altered"),
    ("a sealed part added", |b| anna(b).events[1].sealed = SealedState::Envelope(vec![1; 90]), "sealed-altered"),
    ("no seal", |b| b.log.clear(), "no-seal"),
    ("another event at the end of the log", |b| b.log[0].leaf.0[8] ^= 1, "no-seal"),
    (
        "the seal states another root",
        |b| b.log[0].facts = b.log[0].facts.replace("\"epoch\":1", "\"epoch\":2"),
        "facts-altered",
    ),
    ("a hash of the proof altered", |b| b.proof[0].0[0] ^= 1, "not-in-tree"),
    ("a hash of the proof removed", |b| b.proof.truncate(b.proof.len() - 1), "not-in-tree"),
    ("a hash added to the proof", |b| b.proof.push(Hex([0; 32])), "not-in-tree"),
    (
        "the log cut below the checkpoint",
        |b| b.checkpoint = b.checkpoint.replace("\n312\n", "\n311\n"),
        "bad-signature",
    ),
    (
        "a note without a signature",
        |b| b.checkpoint = b.checkpoint.split("— ").next().unwrap_or_default().to_owned(),
        "checkpoint",
    ),
    ("the format of another time", |b| b.format = "letopis.bundle.v2".to_owned(), "format"),
];

/// An event that was never recorded, made to follow the one before it.
fn insert_leaf(part: &mut ClientPart, at: usize) {
    let mut event = part.events[at - 1].clone();
    let mut leaf = Leaf::from_bytes(&event.leaf.0).expect("a leaf");
    (leaf.prev, leaf.version.0, leaf.position.0) = (leaf.hash(), leaf.version.0 + 1, leaf.position.0 + 1);
    leaf.id.0 ^= 1 << 90;
    event.leaf = Hex(leaf.to_bytes());
    part.events.insert(at, event);
}

fn swap_clients(b: &mut Bundle) {
    let (first, second) = b.clients.split_at_mut(1);
    std::mem::swap(&mut first[0].events[0], &mut second[0].events[0]);
}

/// Every case: name, bytes, and the reason, empty for a good one.
pub(crate) fn cases() -> Vec<(String, Vec<u8>, &'static str)> {
    let m = made();
    let mut out = Vec::new();
    for (name, tamper, code) in TAMPERED {
        let mut bundle = Bundle::decode(&m.anna).expect("good");
        tamper(&mut bundle);
        out.push(((*name).to_owned(), bundle.encode(), *code));
    }
    let text =
        |change: &dyn Fn(String) -> String| change(String::from_utf8(m.anna.clone()).expect("text")).into_bytes();
    let mut newer = Bundle::decode(&m.anna).expect("good");
    newer.checkpoint.clone_from(&m.last_note);
    out.push(("a newer checkpoint over the old proof".to_owned(), newer.encode(), "no-seal"));
    let mut edited = Bundle::decode(&m.erased).expect("good");
    edited.clients[0].events.truncate(1);
    out.push(("the erasure removed".to_owned(), edited.encode(), "head-version"));
    let mut another = Bundle::decode(&m.anna).expect("good");
    another.clients.extend(Bundle::decode(&m.erased).expect("good").clients);
    anna(&mut another).events[0].sealed = SealedState::Erased;
    out.push(("an erasure of another stream".to_owned(), another.encode(), "not-erased"));
    let mut merged = Bundle::decode(&m.boris).expect("good");
    let nobody = Bundle::decode(&m.nobody).expect("good");
    merged.clients.extend(nobody.clients);
    merged.clients.sort_by_key(|part| part.client);
    out.push(("a client who does not belong to the group".to_owned(), merged.encode(), "not-in-group"));
    let added = |t: String| t.replacen("\"salt\"", "\"personal\":{\"name\":\"Anna\"},\"salt\"", 1);
    out.push(("plaintext beside intact ciphertext".to_owned(), text(&added), "format"));
    out.push(("an unknown field".to_owned(), text(&|t| t.replacen('{', "{\"a\":1,", 1)), "format"));
    out.push(("bytes after the end".to_owned(), text(&|t| t + " "), "encoding"));
    out.push(("a line break".to_owned(), text(&|t| t.replacen(',', ",\n", 1)), "encoding"));
    out.push((
        "letters spelt otherwise".to_owned(),
        text(&|t| t.replacen("note.added", "\\u006eote.added", 1)),
        "encoding",
    ));
    for (name, bytes) in
        [("anna", &m.anna), ("closed", &m.closed), ("boris", &m.boris), ("erased", &m.erased), ("nobody", &m.nobody)]
    {
        out.push((format!("good: {name}"), bytes.clone(), ""));
    }
    out
}

fn code(result: Result<Report, Rejection>) -> &'static str {
    result.err().map_or("", |rejection| rejection.code())
}

#[test]
fn whatever_is_tampered_with_is_rejected_with_its_own_reason() {
    for (name, bytes, expected) in cases() {
        let result = check(&bytes, &made().key, &Policy::default());
        assert_eq!(code(result.clone()), expected, "{name}: {result:?}");
    }
}

#[test]
fn a_dishonest_operator_with_the_signing_key_is_found_out() {
    for (name, bytes, expected) in forgeries() {
        let result = check(&bytes, &trust_forged::key(), &Policy::default());
        assert_eq!(code(result.clone()), expected, "{name}: {result:?}");
    }
}

#[test]
fn an_auditor_may_demand_more() {
    let m = made();
    let report = good(&m.anna, ANNA);
    let demand = |policy| code(check(&m.earlier, &m.key, &policy));
    let fresh = Policy { now: m.now, max_age_us: Some(DAY_US), ..Policy::default() };
    assert_eq!(demand(fresh), "");
    assert_eq!(demand(Policy { now: Timestamp(m.now.0 + 2 * DAY_US), ..fresh }), "stale");
    let seen = |size, root| Policy { seen: Some((size, root)), ..Policy::default() };
    assert_eq!(demand(seen(report.tree.0, report.tree.1)), "");
    assert_eq!(demand(seen(report.tree.0 - 1, [0; 32])), "");
    assert_eq!(demand(seen(report.tree.0 + 1, [0; 32])), "older-than-seen");
    assert_eq!(demand(seen(report.tree.0, [0; 32])), "two-histories");
    assert_eq!(demand(Policy { client: Some(BORIS), ..Policy::default() }), "other-client");
    assert_eq!(code(check(&m.anna, &trust_forged::key(), &Policy::default())), "unknown-signer");
    assert!(report.sealed_at > START);
}

/// Changes bytes at random: flips, writes, inserts, removes, copies.
pub(crate) fn mutate(good: &[u8], random: &Random) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let draw = |below: usize| u64::from_be_bytes(random.bytes()) as usize % below.max(1);
    for _ in 0..=draw(3) {
        let at = draw(bytes.len());
        match draw(6) {
            0 => bytes[at] ^= 1 << draw(8),
            1 => bytes[at] = b"0123456789abcdef\",:{}[]\\ "[draw(25)],
            2 => bytes.insert(at, bytes[draw(bytes.len())]),
            3 => drop(bytes.remove(at)),
            4 => bytes.truncate(at.max(1)),
            _ => {
                let room = bytes.len().saturating_sub(40);
                let (from, to) = (draw(room), draw(room));
                let end = (from + 1 + draw(39)).min(bytes.len() - to).max(from);
                bytes.copy_within(from..end, to);
            }
        }
    }
    bytes
}

fn campaign(rounds: usize) {
    let m = made();
    let random = Random::seeded(rounds as u64);
    let goods = [&m.boris, &m.nobody, &m.erased, &m.closed, &m.anna];
    for round in 0..rounds {
        let good = goods[round % goods.len()];
        let bytes = mutate(good, &random);
        let result = check(&bytes, &m.key, &Policy::default());
        assert!(result.is_err() || bytes == *good, "round {round} was accepted");
    }
}

#[test]
fn thousands_of_random_mutations_are_never_accepted_and_never_panic() {
    campaign(4_000);
}

#[test]
#[ignore = "a campaign of minutes"]
fn a_hundred_thousand_random_mutations_are_never_accepted_and_never_panic() {
    campaign(100_000);
}

/// What the fuzzers begin with: `docs/trust.md` has the command.
#[test]
#[ignore = "writes the seeds of the fuzzers into the folder LETOPIS_SEEDS"]
fn the_seeds_of_the_fuzzers_are_written() {
    let folder = std::path::PathBuf::from(std::env::var_os("LETOPIS_SEEDS").expect("LETOPIS_SEEDS names a folder"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let m = made();
    let texts = [&m.key_line, &m.note, &m.proof].map(|text| text.clone().into_bytes());
    // The good ones are the released files, and others that are good would be taken for findings.
    let bundles = cases().into_iter().filter(|(_, _, code)| !code.is_empty()).map(|(_, bytes, _)| bytes);
    let forged = forgeries().into_iter().map(|(_, bytes, _)| bytes);
    let random = Random::seeded(5);
    let goods = [&m.boris, &m.nobody, &m.erased, &m.closed, &m.anna];
    let mutated = (0..200).map(|n| mutate(goods[n % goods.len()], &random)).filter(|bytes| !goods.contains(&bytes));
    for (n, bytes) in texts.into_iter().chain(bundles).chain(forged).chain(mutated).enumerate() {
        std::fs::write(folder.join(format!("{n:03}")), bytes).expect("written");
    }
}
