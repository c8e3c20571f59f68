//! Callers who post, import, correct, rebuild and erase until their server is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use super::chance::Chance;
use super::ledger::Ledger;
use super::process::Agent;

/// Callers who post single events.
const POSTERS: u64 = 6;
/// Clients of the business whom they speak of.
const CLIENTS: u64 = 40;
/// Lines of one import.
const LINES: u64 = 150;

/// What was going on, each counted while it runs.
#[derive(Debug, Default)]
pub(crate) struct Doing {
    pub(crate) posts: AtomicU64,
    pub(crate) imports: AtomicU64,
    pub(crate) rebuilds: AtomicU64,
    pub(crate) erasures: AtomicU64,
}

fn during<T>(count: &AtomicU64, work: impl FnOnce() -> T) -> T {
    count.fetch_add(1, Ordering::SeqCst);
    let done = work();
    count.fetch_sub(1, Ordering::SeqCst);
    done
}

/// Numbers that no event had before.
#[derive(Debug, Default)]
pub(crate) struct Numbers(AtomicU64);

impl Numbers {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// What the callers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) doing: Arc<Doing>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Whether clients are forgotten, too.
    pub(crate) erase: bool,
    /// Whether the views are built anew meanwhile.
    pub(crate) rebuild: bool,
}

impl Shared {
    pub(crate) fn new(erase: bool) -> Self {
        let (ledger, numbers, doing) = (Arc::default(), Arc::default(), Arc::default());
        Self { ledger, numbers, doing, stop: Arc::default(), erase, rebuild: true }
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// A call at any time of a year: most of them come late, so that rows are folded anew.
fn call(n: u64, chance: &mut Chance) -> Value {
    let (month, day, client) = (chance.below(12) + 1, chance.below(28) + 1, chance.below(CLIENTS));
    json!({
        "type": "call.logged", "source": "pbx", "id": format!("call/{n}"), "client": format!("shop:C-{client}"),
        "occurred_at": format!("2025-{month:02}-{day:02}T10:00:00Z"),
        "data": { "direction": "in", "duration_s": n, "topics": ["delivery"], "summary": format!("word{n}") },
    })
}

fn corrected(n: u64, target: u64) -> Value {
    json!({
        "type": "event.corrected", "source": "pbx", "id": format!("mend/{n}"), "occurred_at": "2026-01-01T00:00:00Z",
        "data": { "target": format!("pbx:call/{target}"), "data": { "direction": "out", "duration_s": target } },
    })
}

/// Starts everybody. They end when the server is gone or `stop` is set.
pub(crate) fn start(agent: impl Fn() -> Agent, shared: &Shared, chance: &mut Chance) -> Vec<JoinHandle<()>> {
    let mut threads = Vec::new();
    let mut begin = |work: fn(&Agent, &Shared, Chance)| {
        let (agent, shared, chance) = (agent(), shared.clone(), chance.split());
        threads.push(std::thread::spawn(move || work(&agent, &shared, chance)));
    };
    (0..POSTERS).for_each(|_| begin(post));
    begin(import);
    if shared.rebuild {
        begin(rebuild);
    }
    if shared.erase {
        begin(erase);
    }
    threads
}

/// Posts one event and waits for the answer.
pub(crate) fn post_one(agent: &Agent, shared: &Shared, chance: &mut Chance) {
    let event = call(shared.numbers.next(), chance);
    shared.ledger.sending(&event, true);
    let (_, answer) = agent.post("/v1/events", "application/json", &event.to_string()).expect("answered");
    shared.ledger.answered(&event, &answer);
}

fn post(agent: &Agent, shared: &Shared, mut chance: Chance) {
    let mut last = None;
    while !shared.is_over() {
        let n = shared.numbers.next();
        let event = match last.take() {
            Some(target) if chance.below(8) == 0 => corrected(n, target),
            _ => call(n, &mut chance),
        };
        shared.ledger.sending(&event, true);
        let answer = during(&shared.doing.posts, || agent.post("/v1/events", "application/json", &event.to_string()));
        let Ok((_, answer)) = answer else { return };
        shared.ledger.answered(&event, &answer);
        if event["type"] == "call.logged" && answer["status"] == "accepted" {
            last = Some(n);
        }
    }
}

fn import(agent: &Agent, shared: &Shared, mut chance: Chance) {
    while !shared.is_over() {
        let events: Vec<Value> = (0..LINES).map(|_| call(shared.numbers.next(), &mut chance)).collect();
        events.iter().for_each(|event| shared.ledger.sending(event, true));
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        let answers = during(&shared.doing.imports, || agent.post_lines(&lines));
        for answer in &answers {
            let line = answer["line"].as_u64().expect("a number") as usize;
            shared.ledger.answered(&events[line - 1], answer);
        }
        if answers.len() < events.len() {
            return;
        }
    }
}

fn rebuild(agent: &Agent, shared: &Shared, mut chance: Chance) {
    while !shared.is_over() {
        std::thread::sleep(std::time::Duration::from_millis(chance.below(120)));
        let built = during(&shared.doing.rebuilds, || {
            agent.post("/v1/views/rebuild", "application/json", "").ok()?;
            loop {
                let (_, views) = agent.get("/v1/views").ok()?;
                if views["rebuild"]["state"] != "running" {
                    return Some(());
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        if built.is_none() {
            return;
        }
    }
}

fn erase(agent: &Agent, shared: &Shared, _: Chance) {
    while !shared.is_over() {
        let n = shared.numbers.next();
        let (client, word) = (format!("shop:E-{n}"), format!("zqcanary{n:09}zq"));
        let at = "2025-06-01T10:00:00Z";
        let events = [
            json!({ "type": "client.registered", "source": "shop", "id": format!("reg/{n}"), "client": client,
                "occurred_at": at, "data": { "kind": "person", "name": word } }),
            json!({ "type": "chat.logged", "source": "pbx", "id": format!("chat/{n}"), "client": client,
                "occurred_at": at, "data": { "direction": "in", "text": word } }),
        ];
        for event in &events {
            shared.ledger.sending(event, false);
            let Ok((_, answer)) = agent.post("/v1/events", "application/json", &event.to_string()) else { return };
            shared.ledger.answered(event, &answer);
        }
        let path = format!("/v1/clients/{client}/erasure?basis=gdpr-17");
        let done = during(&shared.doing.erasures, || agent.post(&path, "application/json", ""));
        match done {
            Ok((200, _)) => shared.ledger.erased(word),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}
