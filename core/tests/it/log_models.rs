//! Random commits: the log in SQLite answers as the one in memory, and keeps what it was given.

use letopis_core::ids::{ClientId, Position, Version};
use letopis_core::log::{Commit, EventLog, Expected, IndexChange, NewEvent};
use letopis_core::testing::contract::Fixture;
use letopis_core::testing::samples::{START, commit, event, everything, leaf_hash, stream};
use letopis_core::time::{ManualClock, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

use letopis_core::log::memory::MemoryLog;

use crate::log_contract::Sqlite;

fn any_event() -> impl Strategy<Value = NewEvent> {
    (1u128..40, 0u128..4, vec(any::<u8>(), 0..20), proptest::option::of(vec(any::<u8>(), 0..20)), any::<bool>())
        .prop_map(|(id, client, facts, sealed, if_new)| NewEvent {
            facts: facts.into(),
            sealed: sealed.map(Into::into),
            if_new,
            schema: id as u16 % 3,
            ..event(id, stream(client))
        })
}

fn any_change() -> impl Strategy<Value = IndexChange> {
    (0u8..3, 0u128..4, 0u128..4, 0u8..6).prop_map(|(value, one, two, kind)| {
        let (identity, client, into) = ([value; 32], ClientId(one), ClientId(two));
        match kind {
            0 => IndexChange::Claim { identity, client },
            1 => IndexChange::ClaimIfFree { identity, client },
            2 => IndexChange::Release { identity, client },
            3 => IndexChange::Merge { absorbed: client, into },
            4 => IndexChange::Unmerge { absorbed: client, from: into },
            _ => IndexChange::AssignKey { subject: [value; 17], key: one as u64 },
        }
    })
}

fn any_commit() -> impl Strategy<Value = Commit> {
    let expected = prop_oneof![
        4 => Just(Expected::Any),
        1 => Just(Expected::NoStream),
        2 => (0u64..6).prop_map(|version| Expected::Exactly(Version(version))),
    ];
    (vec(any_event(), 0..4), vec((0u128..5, expected), 0..2), vec(any_change(), 0..2)).prop_map(
        |(events, expected, index)| Commit {
            expected: expected.into_iter().map(|(client, expected)| (stream(client), expected)).collect(),
            index,
            ..commit(events)
        },
    )
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Commit>),
    Clock(i64),
    Erase(u64),
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => vec(any_commit(), 1..6).prop_map(Step::Append),
        2 => (-1_000_000i64..1_000_000).prop_map(Step::Clock),
        1 => (0u64..20).prop_map(Step::Erase),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn both_logs_answer_alike_and_keep_what_they_were_given(steps in vec(any_step(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
        runtime.block_on(async {
            let mut sqlite = Sqlite::new();
            let clock = Arc::new(ManualClock::at(START));
            let memory = MemoryLog::new(clock.clone());
            let mut written: HashMap<u64, NewEvent> = HashMap::new();
            for step in steps {
                match step {
                    Step::Append(commits) => {
                        let answers = memory.append_batch(commits.clone()).await;
                        let others = sqlite.log().append_batch(commits.clone()).await;
                        prop_assert_eq!(format!("{answers:?}"), format!("{others:?}"));
                        for (commit, places) in commits.into_iter().zip(answers) {
                            for (event, place) in commit.events.into_iter().zip(places.into_iter().flatten()) {
                                if !place.existed {
                                    prop_assert!(written.insert(place.position.0, event).is_none());
                                }
                            }
                        }
                    }
                    Step::Clock(us) => {
                        clock.set(Timestamp(START.0 + us));
                        sqlite.clock().set(Timestamp(START.0 + us));
                    }
                    Step::Erase(position) => {
                        memory.erase_sealed(&[Position(position)]).await.expect("erased");
                        sqlite.erase(&[Position(position)]).await;
                    }
                    Step::Reopen => sqlite.reopen(),
                }
            }
            let log = sqlite.log();
            let all = everything(&*log, 3).await;
            prop_assert_eq!(&all, &everything(&memory, 1_000).await);
            prop_assert_eq!(all.len(), written.len());
            let mut ends = HashMap::new();
            for event in &all {
                let given = &written[&event.position.0];
                prop_assert_eq!((&event.id, &event.stream, &event.facts), (&given.id, &given.stream, &given.facts));
                let end = ends.entry(event.stream.clone()).or_insert((0, [0; 32]));
                prop_assert_eq!((event.version.0, event.leaf), (end.0 + 1, leaf_hash(event, end.1)));
                *end = (event.version.0, event.leaf);
            }
            for value in 0..4 {
                let client = ClientId(u128::from(value));
                prop_assert_eq!(memory.identity_owner(&[value; 32]).await.expect("owner"), log.identity_owner(&[value; 32]).await.expect("owner"));
                prop_assert_eq!(memory.subject_key(&[value; 17]).await.expect("key"), log.subject_key(&[value; 17]).await.expect("key"));
                prop_assert_eq!(memory.merged_into(client).await.expect("parent"), log.merged_into(client).await.expect("parent"));
                prop_assert_eq!(memory.absorbed_by(client).await.expect("members"), log.absorbed_by(client).await.expect("members"));
            }
            Ok(())
        })?;
    }
}
