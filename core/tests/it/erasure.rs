//! What forgets, in a real data folder: everything that is gone is gone, everything else stays, and it does not
//! come back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use letopis_core::erasure::{Certificate, EraseError, Outcome, Step, Target};
use letopis_core::fact::{Fact, Opener};
use letopis_core::folder::Folder;
use letopis_core::ids::{ClientId, ContactId, EmployeeId, Position};
use letopis_core::intake::{Intake, Outcome as Posted};
use letopis_core::log::{EventLog, LogError, SealedPart};
use letopis_core::personal::{Opened, Subject};
use letopis_core::random::Random;
use letopis_core::reader::{read_group, resolve_client};
use letopis_core::time::{ManualClock, Moment};
use letopis_core::trust::check::{self, Policy};
use letopis_core::trust::note::DEFAULT_ORIGIN;
use letopis_core::trust::prove::{BundleError, Personal, Proofs};
use letopis_core::trust::sealer::Sealer;
use letopis_core::trust::signer;
use serde_json::{Value, json};

use crate::intake::{call, caller, definition, item, with};

/// A data folder that is open.
struct Desk {
    folder: Folder,
    intake: Intake,
}

fn clock() -> Arc<ManualClock> {
    let now: Moment = "2026-06-01T12:00:00Z".parse().expect("time");
    Arc::new(ManualClock::at(now.at))
}

impl Desk {
    async fn open(dir: &Path) -> Self {
        let folder = Folder::create_or_open(dir, clock()).await.expect("opens");
        let intake = folder.intake(clock(), Arc::new(Random::system())).expect("has its keys");
        Self { folder, intake }
    }

    async fn post(&self, item: Value) -> Posted {
        self.intake.post(&caller(), vec![item], false).await.remove(0)
    }

    async fn accept(&self, item: Value) -> ClientId {
        match self.post(item).await {
            Posted::Accepted { receipt, .. } => receipt.client.unwrap_or_default(),
            other => panic!("{other:?}"),
        }
    }

    async fn client(&self, name: &str) -> Option<ClientId> {
        let key = self.folder.identity.as_ref().expect("key");
        resolve_client(&*self.folder.log, key, None, name).await.expect("reads")
    }

    async fn facts(&self, client: ClientId) -> Vec<Fact> {
        let vault = self.folder.vault.as_deref().expect("keys");
        read_group(&*self.folder.log, Opener::Vault(vault), client).await.expect("reads")
    }

    async fn opened(&self, client: ClientId) -> Vec<Opened> {
        self.facts(client).await.into_iter().map(|fact| fact.opened).filter(|o| *o != Opened::Nothing).collect()
    }

    /// Whether all that was personal of him is erased, in the log and in the vault.
    async fn assert_forgotten(&self, client: ClientId) {
        let opened = self.opened(client).await;
        assert!(!opened.is_empty() && opened.iter().all(|opened| *opened == Opened::Erased), "{opened:?}");
        let mut after = Position(0);
        let members = letopis_core::log::alias_group(&*self.folder.log, client).await.expect("group");
        loop {
            let page = self.folder.log.read_all(after, 1_000).await.expect("reads");
            let Some(last) = page.last() else { break };
            after = last.position;
            for event in page.iter().filter(|e| e.stream.client_id().is_some_and(|c| members.contains(&c))) {
                assert!(!matches!(event.sealed, SealedPart::Present(_)), "position {}", event.position);
            }
        }
        for member in members {
            let subject = Subject::Client(member).to_bytes();
            let key = self.folder.log.subject_key(&subject).await.expect("reads").expect("had a key");
            assert!(self.folder.vault.as_ref().expect("keys").key(key).expect("reads").is_none());
        }
    }

    async fn run(&self, target: Target) -> Result<Outcome, EraseError> {
        let eraser = self.folder.eraser.as_ref().expect("for writing");
        eraser.run(target, "gdpr-17".parse().expect("code"), "key/7", &|_| Ok(())).await
    }

    async fn erase(&self, target: Target) -> Certificate {
        match self.run(target).await.expect("erased") {
            Outcome::Destroyed(done) => {
                self.intake.forget_identities();
                let eraser = self.folder.eraser.as_ref().expect("for writing");
                eraser.certify(done, &|_| Ok(())).expect("certified")
            }
            Outcome::Before(done) => done,
        }
    }

    /// Runs up to a step and ends as a killed process does.
    async fn killed_after(self, target: Target, at: Step) {
        let eraser = self.folder.eraser.as_ref().expect("for writing");
        let stop = |step| if step == at { Err(LogError::damage("killed")) } else { Ok(()) };
        match eraser.run(target, "gdpr-17".parse().expect("code"), "key/7", &stop).await {
            Ok(Outcome::Destroyed(done)) => drop(eraser.certify(done, &stop).expect_err("killed")),
            Ok(Outcome::Before(_)) => panic!("erased before"),
            Err(error) => assert!(error.to_string().contains("killed"), "{error}"),
        }
    }
}

/// Anna and Boris, both with names, a phone, a contact person and calls.
async fn populate(desk: &Desk) -> (ClientId, ClientId) {
    let mut clients = Vec::new();
    for (n, (id, name)) in [("shop:C-1", "Анна"), ("shop:C-2", "Boris")].into_iter().enumerate() {
        let registered = json!({ "kind": "company", "name": name, "profile": { "city": "Тверь" } });
        let client = desk.accept(with(item("client.registered", id, 1, registered), "id", format!("reg-{n}"))).await;
        let email =
            json!({ "contact_point": format!("shop:P-{n}"), "kind": "email", "value": format!("{n}@example.com") });
        desk.accept(item("contact_point.added", id, 2, email)).await;
        let person = json!({ "person": format!("shop:M-{n}"), "role": "buyer", "name": format!("Buyer of {name}") });
        desk.accept(item("contact_person.added", id, 3, person)).await;
        desk.accept(with(call(id, 4), "id", format!("call-{n}"))).await;
        let placed = json!({ "order": format!("shop:O-{n}"), "currency": "EUR", "lines": [
            { "product": "tea", "quantity": "2", "unit_price": "3.50" }] });
        desk.accept(item("order.placed", id, 5, placed)).await;
        clients.push(client);
    }
    (clients[0], clients[1])
}

#[tokio::test]
async fn an_erasure_takes_keys_parts_and_identities_and_nothing_of_anybody_else() {
    let dir = tempfile::tempdir().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    let (anna, boris) = populate(&desk).await;
    let before = desk.facts(boris).await;
    let eraser = desk.folder.eraser.clone().expect("for writing");
    let plan = eraser.plan(Target::Client(anna)).await.expect("a plan");
    assert_eq!((plan.identities, plan.keys.len(), plan.holds.len()), (2, 2, 0), "{plan:?}");
    assert!(plan.stays.iter().any(|stays| stays.what == "order" && stays.ground == "pseudonymous"));
    let head = desk.folder.log.head().await.expect("head");
    assert_eq!(eraser.plan(Target::Client(anna)).await.expect("again").streams[0].sealed, plan.streams[0].sealed);
    assert_eq!(desk.folder.log.head().await.expect("head"), head, "a plan changes nothing");

    let done = desk.erase(Target::Client(anna)).await;
    desk.assert_forgotten(anna).await;
    assert_eq!(desk.facts(boris).await, before);
    assert_eq!((done.streams.len(), done.keys.len(), done.identities), (1, 2, 2));
    assert_eq!((done.streams[0].sealed as usize, done.actor.as_str()), (plan.streams[0].sealed, "key/7"));
    let record = desk.facts(anna).await.into_iter().find(|fact| fact.position == done.streams[0].record);
    assert_eq!(record.expect("recorded").event.type_name(), "client.erased");
    // Asked again: the same certificate.
    assert_eq!(desk.erase(Target::Client(anna)).await, done);
    assert_eq!(eraser.certificates(), [done]);

    // By id it is still known, by identity not; who comes anew is another client.
    assert_eq!(desk.client(&anna.to_string()).await, Some(anna));
    assert_eq!(desk.client("shop:C-1").await, None);
    let again = with(call("shop:C-1", 4), "id", "call-0");
    assert!(matches!(desk.post(again).await, Posted::Duplicate { .. }), "ids count for ever");
    let anew = desk.accept(call("shop:C-1", 9)).await;
    assert_ne!(anew, anna);
    assert_eq!(desk.client("shop:C-1").await, Some(anew));
    let Posted::Rejected(rejection) = desk.post(call(&anna.to_string(), 9)).await else { panic!("refused") };
    assert_eq!(rejection.rule, "client_erased");
}

#[tokio::test]
async fn an_event_without_a_personal_part_is_a_duplicate_by_id_alone_after_the_erasure() {
    let dir = tempfile::tempdir().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    let touch = |id: &str| {
        let data = json!({ "campaign": "spring", "purpose": "marketing", "channel": "email" });
        with(item("touch.sent", id, 6, data), "id", "touch-1")
    };
    let anna = desk.accept(touch("shop:C-1")).await;
    desk.erase(Target::Client(anna)).await;
    let Posted::Duplicate { receipt } = desk.post(touch("shop:C-1")).await else { panic!("a duplicate") };
    assert_eq!(receipt.client, Some(anna));
}

#[tokio::test]
async fn a_legal_hold_forbids_it_until_it_is_released() {
    let dir = tempfile::tempdir().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    let (anna, boris) = populate(&desk).await;
    desk.accept(item("client.merged", &boris.to_string(), 6, json!({ "absorbed": anna }))).await;
    let hold = json!({ "hold": "audit-2026", "basis": "tax-code-23", "reason": "inspection" });
    desk.accept(item("hold.placed", "shop:C-1", 7, hold)).await;
    let head = desk.folder.log.head().await.expect("head");
    let error = desk.run(Target::Client(boris)).await.expect_err("held");
    let EraseError::Held(holds) = &error else { panic!("{error}") };
    assert_eq!((holds.len(), holds[0].client, holds[0].basis.as_str()), (1, anna, "tax-code-23"));
    assert!(error.to_string().contains("audit-2026"));
    assert_eq!(desk.folder.log.head().await.expect("head"), head);
    assert!(desk.opened(boris).await.iter().all(|opened| matches!(opened, Opened::Values(_))));

    desk.accept(item("hold.released", "shop:C-1", 8, json!({ "hold": "audit-2026" }))).await;
    // The whole group goes, whichever record was named.
    let done = desk.erase(Target::Client(anna)).await;
    assert_eq!(done.clients.len(), 2);
    desk.assert_forgotten(boris).await;
}

#[tokio::test]
async fn a_contact_person_of_two_companies_stays_with_one_until_he_is_erased_himself() {
    let dir = tempfile::tempdir().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    let (anna, boris) = populate(&desk).await;
    let shared = json!({ "person": "shop:M-0", "role": "owner", "name": "Buyer of both" });
    desk.accept(item("contact_person.added", "shop:C-2", 6, shared)).await;
    let key = desk.folder.identity.as_ref().expect("key");
    let person = ContactId(key.derive("contact", &["shop:M-0"]));
    let plan = desk.folder.eraser.as_ref().expect("e").plan(Target::Client(anna)).await.expect("plan");
    assert!(plan.stays.iter().any(|stays| stays.ground == "client_of_another" && stays.count == 1), "{plan:?}");
    desk.erase(Target::Client(anna)).await;
    desk.assert_forgotten(anna).await;
    assert!(desk.opened(boris).await.iter().all(|opened| matches!(opened, Opened::Values(_))));

    let done = desk.erase(Target::Contact(person)).await;
    assert_eq!((done.subject.as_str(), done.streams.len(), done.keys.len()), ("contact", 1, 1));
    let erased = desk.opened(boris).await.into_iter().filter(|opened| *opened == Opened::Erased).count();
    assert_eq!(erased, 1, "his own part, and no other of the company");
    assert_eq!(desk.client("shop:C-2").await, Some(boris));
}

#[tokio::test]
async fn an_employee_is_erased_on_his_own() {
    let dir = tempfile::tempdir().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    let data = json!({ "employee": "hr:7", "role": "seller", "name": "Ольга" });
    desk.accept(definition("employee.defined", data)).await;
    let id = EmployeeId(desk.folder.identity.as_ref().expect("key").derive("employee", &["hr:7"]));
    let done = desk.erase(Target::Employee(id)).await;
    assert_eq!((done.streams[0].sealed, done.keys.len()), (1, 1));
    let error = desk.run(Target::Employee(EmployeeId(1))).await.expect_err("nobody");
    assert!(matches!(error, EraseError::Unknown { kind: "employee", .. }), "{error}");
}

#[tokio::test]
async fn a_process_that_ends_after_any_step_goes_on_at_the_next_start() {
    for step in Step::ALL {
        let dir = tempfile::tempdir().expect("tempdir");
        let desk = Desk::open(dir.path()).await;
        let (anna, boris) = populate(&desk).await;
        std::fs::write(dir.path().join("views/views-1.db"), "Анна").expect("a view file");
        desk.killed_after(Target::Client(anna), step).await;

        let desk = Desk::open(dir.path()).await;
        desk.assert_forgotten(anna).await;
        assert_eq!(desk.client("shop:C-1").await, None, "{step:?}");
        assert!(desk.opened(boris).await.iter().all(|opened| matches!(opened, Opened::Values(_))), "{step:?}");
        let records = desk.facts(anna).await.iter().filter(|f| f.event.type_name() == "client.erased").count();
        assert_eq!(records, 1, "{step:?}");
        let kept = dir.path().join("views/views-1.db").exists();
        assert_eq!(kept, step == Step::Certified, "what is not certified may stand in the views");
        let certificates = desk.folder.eraser.as_ref().expect("e").certificates();
        assert_eq!((certificates.len(), certificates[0].identities, certificates[0].streams.len()), (1, 2, 1));
        let head = desk.folder.log.head().await.expect("head");
        drop(desk);
        let desk = Desk::open(dir.path()).await;
        assert_eq!(desk.folder.log.head().await.expect("head"), head, "{step:?}: nothing is left to do");
    }
}

fn copy(from: &Path, to: &Path, files: &[&str]) {
    for file in files {
        std::fs::copy(from.join(file), to.join(file)).expect("copied");
    }
}

#[tokio::test]
async fn what_is_put_back_from_a_backup_forgets_again() {
    for files in [&["keys.db"][..], &["log.db"], &["log.db", "keys.db"]] {
        let dir = tempfile::tempdir().expect("tempdir");
        let backup = tempfile::tempdir().expect("tempdir");
        let desk = Desk::open(dir.path()).await;
        let (anna, boris) = populate(&desk).await;
        drop(desk);
        copy(dir.path(), backup.path(), &["log.db", "keys.db"]);
        let desk = Desk::open(dir.path()).await;
        desk.erase(Target::Client(anna)).await;
        drop(desk);

        copy(backup.path(), dir.path(), files);
        let desk = Desk::open(dir.path()).await;
        desk.assert_forgotten(anna).await;
        assert_eq!(desk.client("shop:C-1").await, None, "{files:?}");
        assert!(desk.opened(boris).await.iter().all(|opened| matches!(opened, Opened::Values(_))), "{files:?}");
        desk.accept(call("shop:C-2", 9)).await;
    }
}

#[tokio::test]
async fn an_older_key_store_gives_no_number_out_again() {
    let dir = tempfile::tempdir().expect("tempdir");
    let backup = tempfile::tempdir().expect("tempdir");
    drop(Desk::open(dir.path()).await);
    copy(dir.path(), backup.path(), &["keys.db"]);
    let desk = Desk::open(dir.path()).await;
    let (anna, _) = populate(&desk).await;
    drop(desk);
    copy(backup.path(), dir.path(), &["keys.db"]);
    let desk = Desk::open(dir.path()).await;
    let anew = desk.accept(call("shop:C-3", 9)).await;
    let number = async |client| {
        let subject = Subject::Client(client).to_bytes();
        desk.folder.log.subject_key(&subject).await.expect("reads").expect("a key")
    };
    assert!(number(anew).await > number(anna).await);
}

#[tokio::test]
async fn an_altered_register_keeps_the_folder_shut() {
    let dir = tempfile::tempdir().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    let (anna, _) = populate(&desk).await;
    desk.erase(Target::Client(anna)).await;
    drop(desk);
    let path: PathBuf = dir.path().join("secrets/erasures.log");
    let text = std::fs::read_to_string(&path).expect("there");
    assert!(!text.contains("Анна") && !text.contains("example.com"), "no identity in it");
    std::fs::write(&path, text.replacen("gdpr-17", "gdpr-18", 1)).expect("altered");
    let error = Folder::open(dir.path(), clock()).await.expect_err("shut").to_string();
    assert!(error.contains("erasures.log"), "{error}");
}

#[tokio::test]
async fn proofs_stay_green_and_those_of_others_do_not_change_by_a_byte() {
    let dir = tempfile::tempdir().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    let (anna, boris) = populate(&desk).await;
    let log: Arc<dyn EventLog> = desk.folder.log.clone();
    let sealer = Sealer::open(dir.path(), log.clone(), clock(), Arc::new(Random::system()), DEFAULT_ORIGIN).await;
    let sealer = sealer.expect("opens");
    sealer.seal().await.expect("seals");
    let proofs = Proofs::open(dir.path()).expect("proofs");
    let vault = desk.folder.vault.as_deref().expect("keys");
    let bundle = async |client, opened: bool| {
        let personal = if opened { Personal::Opened(vault) } else { Personal::Closed };
        proofs.bundle(&*log, personal, client).await.expect("a bundle")
    };
    let others = (bundle(boris, true).await, bundle(boris, false).await);
    let key = signer::public_key(dir.path()).expect("a key");
    desk.erase(Target::Client(anna)).await;
    assert_eq!((bundle(boris, true).await, bundle(boris, false).await), others);
    let of = |client| Policy { client: Some(client), ..Policy::default() };
    let early = proofs.bundle(&*log, Personal::Closed, anna).await.expect_err("the erasure is not sealed yet");
    assert!(matches!(early, BundleError::Unrecorded(_)), "{early}");
    sealer.advance().await.expect("advances");
    sealer.seal().await.expect("seals");
    for (client, erased) in [(anna, true), (boris, false)] {
        let said = check::check(&bundle(client, true).await, &key, &of(client)).expect("complete and unaltered");
        assert_eq!((said.erased > 0, said.closed), (erased, 0));
    }
}

/// What the client loses lies before the record of the first erasure.
#[tokio::test]
async fn a_client_who_is_erased_after_his_contact_person_is_proved_complete() {
    let dir = tempfile::tempdir().expect("tempdir");
    let desk = Desk::open(dir.path()).await;
    let (anna, _) = populate(&desk).await;
    let person = ContactId(desk.folder.identity.as_ref().expect("key").derive("contact", &["shop:M-0"]));
    let first = desk.erase(Target::Contact(person)).await;
    let second = desk.erase(Target::Client(anna)).await;
    assert_eq!(first.streams[0].sealed, 1);
    assert!(second.streams[0].sealed > 1, "all that is missing by then: {second:?}");
    let log: Arc<dyn EventLog> = desk.folder.log.clone();
    let sealer = Sealer::open(dir.path(), log.clone(), clock(), Arc::new(Random::system()), DEFAULT_ORIGIN).await;
    sealer.expect("opens").seal().await.expect("seals");
    let bundle = Proofs::open(dir.path()).expect("proofs").bundle(&*log, Personal::Closed, anna).await;
    let key = signer::public_key(dir.path()).expect("a key");
    let said = check::check(&bundle.expect("a bundle"), &key, &Policy::default()).expect("complete and unaltered");
    assert_eq!((said.erased, said.closed), (second.streams[0].sealed, 0));
}
