//! The contract suite: one test for each promise of [`EventLog`], for every implementation.
//!
//! A log joins by a [`Fixture`] and one line, `event_log_contract!(its fixture)`.

mod look_ups;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::{ClientId, EventId, Position, Version};
use crate::log::{
    AppendError, Commit, EventLog, Expected, IndexChange, MAX_PAGE, NewEvent, Placed, SealedPart, StreamName,
};
use crate::testing::samples::{START, commit, event, everything, expecting, leaf_hash, stream};
use crate::time::{DAY_US, ManualClock, Moment, Timestamp};
use crate::trust::leaf::sealed_hash;

pub use look_ups::{
    promise_12_a_merge_that_does_not_fit_is_refused, promise_12_the_look_up_tables_change_with_the_commit_or_not_at_all,
};

/// An empty log of the kind under test, with a clock that the test sets.
pub trait Fixture: Send {
    /// The log's clock.
    fn clock(&self) -> &ManualClock;
    /// The log.
    fn log(&self) -> Arc<dyn EventLog>;
    /// Closes the log, which nobody else holds, and opens it again; one that lives in memory stays.
    fn reopen(&mut self);
    /// The log as it would be found if the machine stopped now.
    fn crash_image(&mut self) -> Arc<dyn EventLog>;
    /// Deletes sealed parts.
    fn erase(&self, positions: &[Position]) -> impl Future<Output = ()> + Send;
}

async fn stored(log: &dyn EventLog, commit: Commit) -> Vec<Placed> {
    log.append(commit).await.expect("stored")
}

/// Makes a test of every promise; the fixture is an expression that makes a new, empty one.
#[macro_export]
macro_rules! event_log_contract {
    ($fixture:expr) => {
        $crate::event_log_contract! { $fixture;
            promise_1_a_commit_is_stored_whole_or_not_at_all
            promise_2_versions_of_a_stream_are_dense_from_one
            promise_3_positions_are_gapless_in_commit_order
            promise_4_a_commit_whose_expectation_does_not_hold_is_a_conflict_that_tells_the_version
            promise_4_of_many_that_expect_one_version_exactly_one_is_stored
            promise_5_what_was_acknowledged_is_there_after_a_crash
            promise_6_the_same_commit_sent_a_hundred_times_is_stored_once_with_one_receipt
            promise_6_an_event_that_is_recorded_already_is_refused_or_left_out
            promise_7_what_is_read_is_what_was_written_byte_for_byte
            promise_8_recorded_at_never_runs_back_even_when_the_clock_does
            promise_8_a_clock_that_jumps_ahead_stops_appends_and_not_reads
            promise_9_nothing_changes_but_a_sealed_part_by_an_erasure
            promise_10_a_reader_that_waits_wakes_up_when_there_is_more
            promise_11_commits_submitted_together_are_stored_in_their_order
            promise_12_the_look_up_tables_change_with_the_commit_or_not_at_all
            promise_12_a_merge_that_does_not_fit_is_refused
            promise_13_every_event_carries_its_leaf_hash_chained_to_the_previous_of_its_stream
            promise_14_every_stream_of_a_definition_is_listed
        }
    };
    ($fixture:expr; $($promise:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $promise() {
            $crate::testing::contract::$promise($fixture).await;
        }
    )*};
}

/// Promise 1.
pub async fn promise_1_a_commit_is_stored_whole_or_not_at_all(mut f: impl Fixture) {
    let log = f.log();
    stored(&*log, commit(vec![event(1, stream(1))])).await;
    let mut three = commit(vec![event(2, stream(1)), event(3, stream(2)), event(4, stream(2))]);
    three.expected = vec![(stream(1), Expected::Exactly(Version(1))), (stream(2), Expected::Exactly(Version(9)))];
    log.append(three.clone()).await.expect_err("the second stream is empty");
    assert_eq!(log.head().await.expect("head"), Position(1));
    assert_eq!(log.version(&stream(2)).await.expect("version"), Version(0));

    three.expected[1].1 = Expected::NoStream;
    let mut too_many = commit((100..2_000).map(|id| event(id, stream(3))).collect());
    let empty = commit(Vec::new());
    let twice = commit(vec![event(50, stream(3)), event(50, stream(3))]);
    let answers = log.append_batch(vec![too_many.clone(), three, empty, twice]).await;
    assert_eq!(answers[1].as_ref().expect("stored").len(), 3, "a commit is not held up by its neighbours");
    for refused in [0, 2, 3] {
        assert!(matches!(answers[refused], Err(AppendError::Refused(_))), "{:?}", answers[refused]);
    }
    too_many.events.truncate(1_000);
    stored(&*log, too_many).await;
    drop(log);
    f.reopen();
    assert_eq!(f.log().head().await.expect("head"), Position(1_004));
    assert_eq!(everything(&*f.log(), 7).await.len(), 1_004);
}

/// Promise 2.
pub async fn promise_2_versions_of_a_stream_are_dense_from_one(mut f: impl Fixture) {
    let log = f.log();
    for round in 0..10 {
        let events = (0..10).map(|i| event(round * 10 + i + 1, stream(i % 3))).collect();
        stored(&*log, commit(events)).await;
    }
    drop(log);
    f.reopen();
    let log = f.log();
    stored(&*log, commit(vec![event(1_000, stream(0))])).await;
    for client in 0..3 {
        let events = log.read_stream(&stream(client), Version(0), 100).await.expect("readable");
        assert!(events.iter().map(|event| event.version.0).eq(1..=events.len() as u64));
        assert_eq!(log.version(&stream(client)).await.expect("version"), Version(events.len() as u64));
        let rest = log.read_stream(&stream(client), Version(5), 7).await.expect("readable");
        assert_eq!(rest, events[5..12]);
    }
    assert!(log.read_stream(&stream(9), Version(0), 100).await.expect("readable").is_empty());
    assert!(log.read_stream(&stream(0), Version(u64::MAX), 100).await.expect("readable").is_empty());
}

/// Promise 3.
pub async fn promise_3_positions_are_gapless_in_commit_order(f: impl Fixture) {
    let log = f.log();
    let writers: Vec<_> = (0..16u128)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let mut last = Position(0);
                for i in 0..25 {
                    let id = writer * 1_000 + i * 3 + 1;
                    let events = (id..id + 3).map(|id| event(id, stream(id % 5))).collect();
                    let places = stored(&*log, commit(events)).await;
                    assert!(places[0].position > last, "a later commit stands behind an earlier one");
                    assert!(places.windows(2).all(|two| two[1].position.0 == two[0].position.0 + 1));
                    last = places[2].position;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic");
    }
    let all = everything(&*log, 100).await;
    assert!(all.iter().map(|event| event.position.0).eq(1..=16 * 25 * 3));
    let page = log.read_all(Position(0), usize::MAX).await.expect("readable");
    assert_eq!(page.len(), MAX_PAGE, "pages are bounded");
    assert!(log.read_all(Position(u64::MAX), 10).await.expect("readable").is_empty());
    assert!(log.read_all(Position(0), 0).await.expect("readable").is_empty());
}

/// Promise 4.
pub async fn promise_4_a_commit_whose_expectation_does_not_hold_is_a_conflict_that_tells_the_version(f: impl Fixture) {
    let log = f.log();
    stored(&*log, expecting(Expected::NoStream, event(1, stream(1)))).await;
    stored(&*log, expecting(Expected::Exactly(Version(1)), event(2, stream(1)))).await;
    stored(&*log, expecting(Expected::Any, event(3, stream(1)))).await;
    stored(&*log, expecting(Expected::Exactly(Version(0)), event(4, stream(2)))).await;
    for wrong in [Expected::NoStream, Expected::Exactly(Version(2)), Expected::Exactly(Version(4))] {
        match log.append(expecting(wrong, event(9, stream(1)))).await {
            Err(AppendError::Conflict { stream: named, expected, actual }) => {
                assert_eq!((named, expected, actual), (stream(1), wrong, Version(3)));
            }
            other => panic!("expected a conflict, got {other:?}"),
        }
    }
    let mut beside = commit(vec![event(10, stream(3))]);
    beside.expected = vec![(stream(1), Expected::Exactly(Version(2)))];
    let error = log.append(beside).await.expect_err("a stream that is only looked at counts too");
    assert!(matches!(error, AppendError::Conflict { actual: Version(3), .. }), "{error}");
    assert_eq!(log.head().await.expect("head"), Position(4));
}

/// Promise 4, by many at once.
pub async fn promise_4_of_many_that_expect_one_version_exactly_one_is_stored(f: impl Fixture) {
    let log = f.log();
    for version in 0..10u64 {
        let tries: Vec<_> = (0..20u128)
            .map(|writer| {
                let log = Arc::clone(&log);
                let id = u128::from(version) * 100 + writer + 1;
                let guarded = expecting(Expected::Exactly(Version(version)), event(id, stream(1)));
                let free = expecting(Expected::Any, event(id + 10_000, stream(2 + writer % 3)));
                tokio::spawn(async move {
                    let mut answers = log.append_batch(vec![free, guarded]).await;
                    assert!(answers[0].is_ok());
                    match answers.pop().expect("two") {
                        Ok(_) => true,
                        Err(AppendError::Conflict { actual, .. }) => {
                            assert_eq!(actual, Version(version + 1));
                            false
                        }
                        Err(other) => panic!("expected a conflict, got {other}"),
                    }
                })
            })
            .collect();
        let mut stored = 0;
        for one in tries {
            stored += usize::from(one.await.expect("no panic"));
        }
        assert_eq!(stored, 1);
    }
    assert_eq!(log.head().await.expect("head"), Position(210));
}

/// Promise 5, as far as one process can tell; that an acknowledgement waits for the disk is shown by a kill.
pub async fn promise_5_what_was_acknowledged_is_there_after_a_crash(mut f: impl Fixture) {
    let log = f.log();
    for round in 0..5u128 {
        let mut sealed = event(round * 10 + 1, stream(round));
        sealed.sealed = Some(vec![7; 50].into());
        let mut commit = commit(vec![sealed, event(round * 10 + 2, stream(0))]);
        commit.index = vec![IndexChange::Claim { identity: [round as u8; 32], client: ClientId(round) }];
        stored(&*log, commit).await;
        let image = f.crash_image();
        assert_eq!(everything(&*image, 100).await, everything(&*log, 100).await);
        assert_eq!(image.head().await.expect("head"), Position(round as u64 * 2 + 2));
        assert_eq!(image.identity_owner(&[round as u8; 32]).await.expect("owner"), Some(ClientId(round)));
    }
    let before = everything(&*log, 100).await;
    drop(log);
    f.reopen();
    assert_eq!(everything(&*f.log(), 100).await, before);
}

/// Promise 6.
pub async fn promise_6_the_same_commit_sent_a_hundred_times_is_stored_once_with_one_receipt(mut f: impl Fixture) {
    let log = f.log();
    stored(&*log, commit(vec![event(1, stream(1))])).await;
    let mut again = commit(vec![event(2, stream(1)), event(3, stream(2))]);
    again.expected = vec![(stream(1), Expected::Exactly(Version(1))), (stream(2), Expected::NoStream)];
    again.index = vec![IndexChange::Claim { identity: [1; 32], client: ClientId(1) }];
    let tries: Vec<_> = (0..100)
        .map(|_| {
            let (log, again) = (Arc::clone(&log), again.clone());
            tokio::spawn(async move { stored(&*log, again).await })
        })
        .collect();
    let mut receipts = HashSet::new();
    let mut first = 0;
    for one in tries {
        let places = one.await.expect("no panic");
        first += usize::from(!places[0].existed);
        receipts
            .insert(places.iter().map(|place| (place.position, place.version, place.recorded_at)).collect::<Vec<_>>());
    }
    assert_eq!((receipts.len(), first), (1, 1));
    stored(&*log, commit(vec![event(4, stream(1))])).await;
    f.clock().set(Timestamp(START.0 + DAY_US));
    drop(log);
    f.reopen();
    let places = stored(&*f.log(), again).await;
    assert!(places.iter().all(|place| place.existed));
    assert!(receipts.contains(&places.iter().map(|p| (p.position, p.version, p.recorded_at)).collect::<Vec<_>>()));
    assert_eq!(f.log().head().await.expect("head"), Position(4));
    let found = f.log().find(EventId(3)).await.expect("readable").expect("there");
    assert_eq!((found.position, found.version), (places[1].position, places[1].version));
    let positions = f.log().positions(&[EventId(9), EventId(3), EventId(9)]).await.expect("readable");
    assert_eq!(positions, [None, Some(places[1].position), None]);
    assert_eq!(f.log().find(EventId(9)).await.expect("readable"), None);
}

/// Promise 6, for parts of commits.
pub async fn promise_6_an_event_that_is_recorded_already_is_refused_or_left_out(f: impl Fixture) {
    let log = f.log();
    stored(&*log, commit(vec![event(1, stream(1)), event(2, stream(1))])).await;
    let mixed = commit(vec![event(3, stream(1)), event(2, stream(1))]);
    match log.append(mixed).await {
        Err(AppendError::PartlyRecorded { id, position }) => assert_eq!((id, position), (EventId(2), Position(2))),
        other => panic!("expected partly recorded, got {other:?}"),
    }
    let if_new = |id| NewEvent { if_new: true, ..event(id, stream(1)) };
    let places = stored(&*log, commit(vec![event(4, stream(1)), if_new(2), if_new(5), event(6, stream(1))])).await;
    let told: Vec<_> = places.iter().map(|place| (place.position.0, place.version.0, place.existed)).collect();
    assert_eq!(told, [(3, 3, false), (2, 2, true), (4, 4, false), (5, 5, false)]);
    let places = stored(&*log, commit(vec![if_new(5), if_new(1)])).await;
    assert!(places.iter().all(|place| place.existed));
    let error = log.append(commit(vec![event(6, stream(1)), if_new(7)])).await.expect_err("other content");
    assert!(matches!(error, AppendError::PartlyRecorded { id: EventId(6), .. }), "{error}");
    assert_eq!(log.version(&stream(1)).await.expect("version"), Version(5));
}

/// Promise 7.
pub async fn promise_7_what_is_read_is_what_was_written_byte_for_byte(mut f: impl Fixture) {
    let bodies: [&[u8]; 6] = [
        b"{}",
        b"",
        b"\0 nul in \0 the middle\0",
        &[0xff, 0xfe, 0, 1],
        "{\"city\":\"Москва\"}".as_bytes(),
        &[b'x'; 100_000],
    ];
    let mut events = Vec::new();
    for (i, body) in bodies.iter().enumerate() {
        let mut event = event(u128::MAX - i as u128, stream(u128::MAX));
        event.facts = (*body).into();
        event.sealed = (i % 2 == 1).then(|| (*body).into());
        event.meta = bodies[(i + 1) % bodies.len()].into();
        event.order = if i == 0 { i32::MIN } else { i32::MAX };
        event.schema = if i == 0 { u16::MAX } else { 1 };
        event.occurred = Moment { at: Timestamp(-5_364_662_400_000_000 + i as i64), offset_min: -840 };
        event.event_type = ["call.ended", "тип.событие"][i % 2].into();
        events.push(event);
    }
    let log = f.log();
    stored(&*log, commit(events.clone())).await;
    drop(log);
    f.reopen();
    let read = everything(&*f.log(), 2).await;
    assert_eq!(read.len(), events.len());
    for (read, written) in read.into_iter().zip(events) {
        assert_eq!(f.log().find(written.id).await.expect("readable").as_ref(), Some(&read));
        let back = NewEvent {
            id: read.id,
            stream: read.stream,
            event_type: read.event_type,
            schema: read.schema,
            occurred: read.occurred,
            order: read.order,
            meta: read.meta,
            salt: read.salt,
            facts: read.facts,
            sealed: match read.sealed {
                SealedPart::None => None,
                SealedPart::Present(envelope) => Some(envelope),
                SealedPart::Erased(_) => panic!("nothing was erased"),
            },
            if_new: false,
        };
        assert_eq!(back, written);
    }
}

/// Promise 8.
pub async fn promise_8_recorded_at_never_runs_back_even_when_the_clock_does(mut f: impl Fixture) {
    let at = |us| Timestamp(START.0 + us);
    let mut told = Vec::new();
    for (i, now) in [10, 20, 5, -DAY_US, 20, 30, 29].into_iter().enumerate() {
        f.clock().set(at(now));
        let id = i as u128 * 2 + 1;
        let places = stored(&*f.log(), commit(vec![event(id, stream(1)), event(id + 1, stream(2))])).await;
        assert_eq!(places[0].recorded_at, places[1].recorded_at, "one commit is recorded at one time");
        told.push(places[0].recorded_at);
        f.reopen();
    }
    assert_eq!(told, [10, 20, 20, 20, 20, 30, 30].map(at));
    let read: Vec<_> = everything(&*f.log(), 100).await.iter().map(|event| event.recorded_at).collect();
    assert!(read.is_sorted() && read.iter().step_by(2).eq(&told));
}

/// Promise 8, for a clock that is set wrong.
pub async fn promise_8_a_clock_that_jumps_ahead_stops_appends_and_not_reads(f: impl Fixture) {
    let log = f.log();
    stored(&*log, commit(vec![event(1, stream(1))])).await;
    f.clock().jump(Timestamp(START.0 + 400 * DAY_US));
    let error = log.append(commit(vec![event(2, stream(1))])).await.expect_err("400 days in no time");
    assert!(matches!(&error, AppendError::Refused(reason) if reason.contains("clock")), "{error}");
    assert!(stored(&*log, commit(vec![event(1, stream(1))])).await[0].existed, "a repetition needs no clock");
    assert_eq!(everything(&*log, 10).await.len(), 1);
    f.clock().jump(Timestamp(START.0 + DAY_US / 2));
    stored(&*log, commit(vec![event(2, stream(1))])).await;
    f.clock().set(Timestamp(START.0 + 800 * DAY_US));
    let places = stored(&*log, commit(vec![event(3, stream(1))])).await;
    assert_eq!(places[0].recorded_at, Timestamp(START.0 + 800 * DAY_US), "time that really passed is fine");
}

/// Promise 9.
pub async fn promise_9_nothing_changes_but_a_sealed_part_by_an_erasure(mut f: impl Fixture) {
    let log = f.log();
    let sealed = |id: u128| NewEvent { sealed: Some(vec![id as u8; 40].into()), ..event(id, stream(1)) };
    stored(&*log, commit(vec![sealed(1), event(2, stream(1)), sealed(3)])).await;
    let mut before = everything(&*log, 10).await;
    f.erase(&[Position(1), Position(2), Position(99)]).await;
    f.erase(&[Position(1)]).await;
    before[0].sealed = SealedPart::Erased(sealed_hash(Some(&[1; 40])));
    assert_eq!(everything(&*log, 10).await, before);
    assert!(stored(&*log, commit(vec![sealed(1), event(2, stream(1)), sealed(3)])).await[0].existed);
    drop(log);
    f.reopen();
    assert_eq!(everything(&*f.log(), 10).await, before);
    assert_eq!(leaf_hash(&before[0], [0; 32]), before[0].leaf);
}

/// Promise 10.
pub async fn promise_10_a_reader_that_waits_wakes_up_when_there_is_more(f: impl Fixture) {
    let log = f.log();
    let waiting = {
        let log = Arc::clone(&log);
        tokio::spawn(async move {
            let mut seen = Position(0);
            while seen < Position(200) {
                let head = log.wait_beyond(seen).await.expect("waiting");
                assert!(head > seen);
                assert!(log.read_all(seen, MAX_PAGE).await.expect("readable").len() as u64 >= head.0 - seen.0);
                seen = head;
            }
        })
    };
    for id in 1..=200 {
        stored(&*log, commit(vec![event(id, stream(id % 7))])).await;
    }
    // Not a measure of speed: a missed wake-up would wait for ever.
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("woken up").expect("no panic");
    assert_eq!(log.wait_beyond(Position(0)).await.expect("at once"), Position(200));
}

/// Promise 11.
pub async fn promise_11_commits_submitted_together_are_stored_in_their_order(f: impl Fixture) {
    let log = f.log();
    let batch = |from: u128| (from..from + 3_000).map(|id| commit(vec![event(id, stream(id % 11))])).collect();
    let (left, right) = tokio::join!(log.append_batch(batch(1)), log.append_batch(batch(10_001)));
    for answers in [left, right] {
        assert_eq!(answers.len(), 3_000);
        let positions: Vec<_> = answers.iter().map(|places| places.as_ref().expect("stored")[0].position).collect();
        assert!(positions.is_sorted());
    }
    let ids: Vec<_> = everything(&*log, MAX_PAGE).await.iter().map(|event| event.id.0).collect();
    let (left, right): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| *id < 10_000);
    assert!(left.into_iter().eq(1..3_001) && right.into_iter().eq(10_001..13_001));
}

/// Promise 13.
pub async fn promise_13_every_event_carries_its_leaf_hash_chained_to_the_previous_of_its_stream(mut f: impl Fixture) {
    for round in 0..4u128 {
        let log = f.log();
        let mut commits = Vec::new();
        for i in 1..=20 {
            let mut event = event(round * 100 + i, stream(i % 3));
            event.sealed = i.is_multiple_of(4).then(|| vec![i as u8; 9].into());
            commits.push(commit(vec![event]));
        }
        log.append_batch(commits).await.into_iter().for_each(|answer| drop(answer.expect("stored")));
        drop(log);
        f.reopen();
    }
    for client in 0..3 {
        let mut prev = [0; 32];
        for event in f.log().read_stream(&stream(client), Version(0), 1_000).await.expect("readable") {
            assert_eq!(event.leaf, leaf_hash(&event, prev), "position {}", event.position);
            prev = event.leaf;
        }
        assert_ne!(prev, [0; 32]);
    }
}

/// Promise 14.
pub async fn promise_14_every_stream_of_a_definition_is_listed(mut f: impl Fixture) {
    let named = |name: &str| StreamName::parse(name).expect("a name");
    let names = ["log", "product/b", "calendar/a", "client0/x", "product/a"];
    let log = f.log();
    for (id, name) in (1..).zip(names) {
        stored(&*log, commit(vec![event(id, named(name)), event(100 + id, stream(id))])).await;
    }
    drop(log);
    f.reopen();
    let listed = f.log().definition_streams().await.expect("readable");
    assert_eq!(listed, ["calendar/a", "client0/x", "product/a", "product/b"].map(named));
}
