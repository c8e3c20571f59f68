//! What only the log in a file promises.

use std::path::Path;
use std::sync::Arc;

use letopis_core::ids::{ClientId, Position};
use letopis_core::log::sqlite::{SqliteLog, SqliteOptions};
use letopis_core::log::{AppendError, Commit, EventLog, IndexChange, NewEvent, SealedPart};
use letopis_core::testing::contract::Fixture;
use letopis_core::testing::samples::{commit, event, everything, stream};
use letopis_core::time::SystemClock;
use rusqlite::Connection;

use crate::log_contract::{Sqlite, copy};

fn sealed(id: u128) -> NewEvent {
    NewEvent { sealed: Some(format!("envelope-of-{id:04}").into_bytes().into()), ..event(id, stream(1)) }
}

async fn three(f: &Sqlite) {
    f.log().append(commit(vec![sealed(1), sealed(2), event(3, stream(2))])).await.expect("stored");
}

fn open(dir: &Path, options: SqliteOptions) -> SqliteLog {
    SqliteLog::open(&dir.join("log.db"), Arc::new(SystemClock), options).expect("opened")
}

#[tokio::test]
async fn the_database_itself_refuses_updates_deletes_and_gaps() {
    let f = Sqlite::new();
    three(&f).await;
    let raw = Connection::open(f.dir.path().join("log.db")).expect("open");
    let insert = |verb: &str, position: i64, stream: i64, version: i64, id: &str| {
        format!(
            "{verb} INTO event (position, stream, version, type, id, occurred_at, offset_min, ord, recorded_at, meta, salt, facts, leaf)
             VALUES ({position}, {stream}, {version}, 1, {id}, 0, 0, 0, 0, x'', x'', '', x'')"
        )
    };
    let fresh = "randomblob(16)";
    let taken = "(SELECT id FROM event WHERE position = 2)";
    let refused = [
        ("UPDATE event SET facts = '{}' WHERE position = 2".to_owned(), "never changed"),
        ("UPDATE OR IGNORE event SET position = 9 WHERE position = 3".to_owned(), "never changed"),
        ("DELETE FROM event WHERE position = 3".to_owned(), "never deleted"),
        ("DELETE FROM event".to_owned(), "never deleted"),
        (insert("INSERT", 5, 1, 3, fresh), "position leaves a gap"),
        (insert("INSERT OR REPLACE", 2, 1, 3, fresh), "position leaves a gap"),
        (insert("INSERT", 4, 1, 4, fresh), "version leaves a gap"),
        (insert("INSERT OR REPLACE", 4, 1, 2, fresh), "version leaves a gap"),
        (insert("INSERT", 4, 9, 2, fresh), "version leaves a gap"),
        (insert("INSERT OR REPLACE", 4, 1, 3, taken), "recorded already"),
        ("UPDATE sealed SET envelope = x'' WHERE position = 1".to_owned(), "never changed"),
        ("DELETE FROM sealed WHERE position = 1".to_owned(), "by an erasure only"),
        ("INSERT OR REPLACE INTO sealed VALUES (1, x'00')".to_owned(), "written with its event"),
        ("INSERT INTO sealed VALUES (7, x'00')".to_owned(), "written with its event"),
        ("UPDATE stream SET name = 'client/x'".to_owned(), "never renamed"),
        ("DELETE FROM stream".to_owned(), "never deleted"),
        ("UPDATE event_type SET name = 'x'".to_owned(), "never renamed"),
        ("DELETE FROM event_type".to_owned(), "never deleted"),
    ];
    let before = everything(&*f.log(), 10).await;
    for (sql, reason) in refused {
        let error = raw.execute_batch(&sql).expect_err(&sql).to_string();
        assert!(error.contains(reason), "{sql}: {error}");
    }
    assert_eq!(everything(&*f.log(), 10).await, before);
    raw.execute_batch(&insert("INSERT", 4, 1, 3, fresh)).expect("the negative control: this one fits");
}

#[tokio::test]
async fn facts_are_readable_text_for_any_sqlite_browser() {
    let f = Sqlite::new();
    three(&f).await;
    let raw = Connection::open(f.dir.path().join("log.db")).expect("open");
    let facts: String =
        raw.query_row("SELECT facts FROM event WHERE position = 2", [], |row| row.get(0)).expect("text");
    assert_eq!(facts, "{\"id\":2}");
}

#[tokio::test]
async fn a_second_writer_is_refused_until_the_first_is_gone() {
    let mut f = Sqlite::new();
    let path = f.dir.path().join("log.db");
    let second = || SqliteLog::open(&path, Arc::new(SystemClock), SqliteOptions::default());
    let error = second().err().expect("refused");
    assert!(error.is_transient() && error.to_string().contains("another process writes"), "{error}");
    f.log = None;
    second().expect("now it may");
}

#[tokio::test]
async fn a_read_only_log_follows_a_writer_and_takes_nothing() {
    let f = Sqlite::new();
    three(&f).await;
    let reader = SqliteLog::open_read_only(&f.dir.path().join("log.db")).expect("beside a writer");
    assert_eq!(everything(&reader, 2).await, everything(&*f.log(), 2).await);
    let answer = reader.append(commit(vec![event(9, stream(1))])).await;
    assert!(matches!(answer, Err(AppendError::Refused(_))), "{answer:?}");
    reader.erase_sealed(&[Position(1)]).await.expect_err("nor erases");
    let writer = f.log();
    let (woken, _) = tokio::join!(reader.wait_beyond(Position(3)), writer.append(commit(vec![event(4, stream(1))])));
    assert_eq!(woken.expect("woken"), Position(4));
    assert_eq!(reader.head().await.expect("head"), Position(4));
}

#[tokio::test]
async fn a_copied_folder_can_be_read_with_and_without_its_write_ahead_log() {
    let mut f = Sqlite::new();
    three(&f).await;
    let before = everything(&*f.log(), 10).await;
    let running = copy(f.dir.path());
    f.log = None;
    let closed = copy(f.dir.path());
    assert!(!closed.path().join("log.db-wal").exists(), "closing leaves one file");
    for dir in [running, closed] {
        let log = SqliteLog::open_read_only(&dir.path().join("log.db")).expect("opened");
        assert_eq!(everything(&log, 10).await, before);
        assert!(!dir.path().join("log.lock").exists());
    }
}

#[tokio::test]
async fn what_is_no_log_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().expect("folder");
    let path = dir.path().join("log.db");
    assert!(SqliteLog::open_read_only(&path).is_err(), "nothing there");
    assert!(!path.exists(), "and nothing made");
    Connection::open(&path).expect("open").execute_batch("CREATE TABLE note (text)").expect("made");
    let error = SqliteLog::open_read_only(&path).err().expect("another database").to_string();
    assert!(error.contains("not a log"), "{error}");
    std::fs::write(&path, "no database at all, but long enough to look like one".repeat(100)).expect("written");
    assert!(SqliteLog::open_read_only(&path).is_err());
    assert!(SqliteLog::open(&path, Arc::new(SystemClock), SqliteOptions::default()).is_err());
}

#[tokio::test]
async fn a_log_of_a_later_version_is_refused() {
    let mut f = Sqlite::new();
    f.log = None;
    let path = f.dir.path().join("log.db");
    let raw = Connection::open(&path).expect("open");
    raw.execute_batch(
        "INSERT INTO refinery_schema_history SELECT 99, 'later', applied_on, checksum FROM refinery_schema_history",
    )
    .expect("as a later program would");
    assert!(SqliteLog::open_read_only(&path).err().expect("refused").to_string().contains("99"));
    assert!(SqliteLog::open(&path, Arc::new(SystemClock), SqliteOptions::default()).is_err());
}

#[tokio::test]
async fn erased_envelopes_are_in_no_file_any_more() {
    let f = Sqlite::new();
    three(&f).await;
    let bytes = |name: &str| std::fs::read(f.dir.path().join(name)).unwrap_or_default();
    let holds = |what: &[u8]| ["log.db", "log.db-wal"].iter().any(|n| bytes(n).windows(what.len()).any(|w| w == what));
    assert!(holds(b"envelope-of-0001") && holds(b"envelope-of-0002"), "the negative control");
    f.erase(&[Position(1)]).await;
    assert!(!holds(b"envelope-of-0001") && holds(b"envelope-of-0002"));
}

#[tokio::test]
async fn a_nearly_full_disk_refuses_appends_and_not_reads_or_repetitions() {
    let mut f = Sqlite::new();
    three(&f).await;
    f.log = None;
    let log = open(f.dir.path(), SqliteOptions { min_free_bytes: u64::MAX });
    let answer = log.append(commit(vec![event(9, stream(1))])).await;
    assert!(matches!(&answer, Err(AppendError::Refused(why)) if why.contains("bytes are free")), "{answer:?}");
    assert!(log.append(commit(vec![event(3, stream(2))])).await.expect("known")[0].existed);
    assert_eq!(everything(&log, 10).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_write_nothing_is_acknowledged_and_reads_go_on() {
    let mut f = Sqlite::new();
    three(&f).await;
    let raw = Connection::open(f.dir.path().join("log.db")).expect("open");
    raw.execute_batch("ALTER TABLE identity RENAME TO burnt").expect("broken");
    let mut bad = commit(vec![event(5, stream(1))]);
    bad.index = vec![IndexChange::Claim { identity: [1; 32], client: ClientId(1) }];
    let answers = f.log().append_batch(vec![commit(vec![event(4, stream(1))]), bad]).await;
    for answer in &answers {
        assert!(
            matches!(answer, Err(AppendError::Unknown(why)) if why.to_string().contains("no such table")),
            "{answer:?}"
        );
    }
    raw.execute_batch("ALTER TABLE burnt RENAME TO identity").expect("mended");
    let later = f.log().append(commit(vec![event(6, stream(1))])).await;
    assert!(matches!(later, Err(AppendError::Unknown(_))), "only a new start takes events again");
    assert!(f.sqlite().erase_sealed(&[Position(1)]).await.is_err());
    assert_eq!(everything(&*f.log(), 10).await.len(), 3);
    assert_eq!(f.log().head().await.expect("head"), Position(3));
    f.reopen();
    let again = f.log().append(commit(vec![event(4, stream(1))])).await.expect("stored");
    assert_eq!(again[0].position, Position(4));
}

#[tokio::test]
async fn damage_is_an_error_that_names_the_place() {
    let mut f = Sqlite::new();
    three(&f).await;
    f.log = None;
    let raw = Connection::open(f.dir.path().join("log.db")).expect("open");
    let damages = [
        ("UPDATE event SET leaf = x'00' WHERE position = 2", "position 2"),
        ("UPDATE event SET type = 77 WHERE position = 2", "position 2"),
        ("UPDATE event SET stream = 77 WHERE position = 2", "position 2"),
        ("UPDATE stream SET name = 'no stream!' WHERE key = 1", "position 1"),
        ("UPDATE event SET offset_min = 1000000 WHERE position = 3", "position 3"),
        ("DELETE FROM event WHERE position = 2", "position 2 is missing"),
    ];
    raw.execute_batch("DROP TRIGGER event_update; DROP TRIGGER event_delete; DROP TRIGGER stream_update")
        .expect("dropped");
    for (sql, place) in damages {
        let dir = copy(f.dir.path());
        Connection::open(dir.path().join("log.db")).expect("open").execute_batch(sql).expect(sql);
        let log = SqliteLog::open_read_only(&dir.path().join("log.db")).expect("opened");
        let error = log.read_all(Position(0), 10).await.expect_err(sql).to_string();
        assert!(error.contains(place), "{sql}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_log_stores_what_was_submitted() {
    let mut f = Sqlite::new();
    let submitted: Vec<_> = (0..50u128)
        .map(|writer| {
            let log = f.log();
            tokio::spawn(async move {
                let commits = (1..=20).map(|i| commit(vec![event(writer * 100 + i, stream(writer))])).collect();
                log.append_batch(commits).await.into_iter().all(|answer| answer.is_ok())
            })
        })
        .collect();
    for all in submitted {
        assert!(all.await.expect("no panic"));
    }
    f.reopen();
    assert_eq!(f.log().head().await.expect("head"), Position(1_000));
}

#[tokio::test]
async fn what_was_appended_last_is_read_alike_from_memory_and_from_the_file() {
    let f = Sqlite::new();
    for n in 0..50_u128 {
        let mut commits: Vec<Commit> = (0..100).map(|m| commit(vec![sealed(1 + n * 100 + m)])).collect();
        // One that is recorded already leaves no trace among the others.
        commits.push(commit(vec![sealed(1)]));
        assert!(f.log().append_batch(commits).await.iter().all(Result::is_ok));
    }
    let log = f.log();
    let read = async |after: u64, limit| log.read_all(Position(after), limit).await.expect("read");
    for after in [0, 1, 903, 904, 905, 3_000, 4_999, 5_000, 5_001, u64::MAX] {
        for limit in [1, 700] {
            let stored = log.read_stored(Position(after), limit).await.expect("read");
            assert_eq!(read(after, limit).await, stored, "{limit} after {after}");
        }
    }
    f.sqlite().erase_sealed(&[Position(5_000)]).await.expect("erased");
    let last = read(4_999, 1).await;
    assert!(!matches!(last[0].sealed, SealedPart::Present(_)), "{last:?}");
}
