//! The heart: live, rebuilt, as of, known at and merged are one fold over different sets of facts.

use letopis_core::ids::Position;
use letopis_core::log::EventLog;
use letopis_core::time::{SECOND_US, Timestamp};
use letopis_projections::engine::group::{Aliases, Clocks};
use letopis_projections::engine::rebuild::Options;
use letopis_projections::views;
use proptest::prelude::*;

use crate::history::{Chronicle, START, Step, What, digests, empty, follow, happened, histories, rebuilt, reopened};

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn live_in_any_batches_and_over_restarts_is_rebuilt_in_any_parts(steps in histories(60), batch in 1..9usize) {
        run(async {
            let (dir, views) = (tempfile::tempdir().unwrap(), views::all());
            let mut live = empty(&views, dir.path());
            let (mut chronicle, mut aliases) = (Chronicle::new(), Aliases::default());
            for (n, step) in steps.iter().enumerate() {
                chronicle.record(n, step).await;
                if n % batch == 0 {
                    follow(&chronicle.log, &views, &mut live, &mut aliases).await;
                }
                if n % 7 == 3 {
                    (live, aliases) = reopened(live, &views);
                }
            }
            follow(&chronicle.log, &views, &mut live, &mut aliases).await;
            prop_assert_eq!(live.verify(&views).unwrap(), vec![]);
            for min_parts in [1, 2, 7] {
                let whole = rebuilt(&chronicle.log, &views, dir.path(), Options { min_parts, ..Options::default() }).await;
                prop_assert_eq!(digests(&live), digests(&whole), "{} parts", min_parts);
                prop_assert_eq!(whole.verify(&views).unwrap(), vec![]);
            }
            // So little memory that every event waits in a file.
            let whole = rebuilt(&chronicle.log, &views, dir.path(), Options { memory: 1, ..Options::default() }).await;
            prop_assert_eq!(digests(&live), digests(&whole));
            Ok(())
        })?;
    }

    #[test]
    fn arrival_order_does_not_matter(steps in prop::collection::vec(happened(), 1..40).prop_flat_map(|steps| {
        let order: Vec<usize> = (0..steps.len()).collect();
        (Just(steps), Just(order).prop_shuffle())
    })) {
        let (steps, order) = steps;
        run(async {
            let (dir, views) = (tempfile::tempdir().unwrap(), views::all());
            let in_order = Chronicle::of(&steps).await;
            let mut shuffled = Chronicle::new();
            let (mut live, mut aliases) = (empty(&views, dir.path()), Aliases::default());
            for n in order {
                shuffled.record(n, &steps[n]).await;
                follow(&shuffled.log, &views, &mut live, &mut aliases).await;
            }
            let whole = rebuilt(&in_order.log, &views, dir.path(), Options::default()).await;
            prop_assert_eq!(digests(&live), digests(&whole));
            Ok(())
        })?;
    }

    #[test]
    fn a_merge_that_is_undone_leaves_no_trace(steps in prop::collection::vec(happened(), 1..40), survivor in 1..=4u128, absorbed in 1..=4u128) {
        run(async {
            let (dir, views) = (tempfile::tempdir().unwrap(), views::all());
            let mut chronicle = Chronicle::of(&steps).await;
            let (mut live, mut aliases) = (empty(&views, dir.path()), Aliases::default());
            follow(&chronicle.log, &views, &mut live, &mut aliases).await;
            let before = digests(&live);
            chronicle.record(steps.len(), &Step::Merge { survivor, absorbed }).await;
            follow(&chronicle.log, &views, &mut live, &mut aliases).await;
            chronicle.record(steps.len() + 1, &Step::Unmerge { absorbed }).await;
            follow(&chronicle.log, &views, &mut live, &mut aliases).await;
            prop_assert_eq!(digests(&live), before);
            prop_assert_eq!(live.verify(&views).unwrap(), vec![]);
            Ok(())
        })?;
    }

    #[test]
    fn known_at_a_time_is_a_rebuild_of_what_was_recorded_before(steps in histories(40), cut in 0..40u64) {
        run(async {
            let (dir, views) = (tempfile::tempdir().unwrap(), views::all());
            let chronicle = Chronicle::of(&steps).await;
            let head = chronicle.log.head().await.unwrap();
            let cut = Position(cut.min(head.0));
            let next = chronicle.log.read_all(cut, 1).await.unwrap();
            let known_at = next.first().map(|recorded| recorded.recorded_at);
            let first = rebuilt(&chronicle.log, &views, dir.path(), Options { upto: Some(cut), ..Options::default() }).await;
            let clocks = Clocks { known_at, as_of: None };
            let known = rebuilt(&chronicle.log, &views, dir.path(), Options { clocks, ..Options::default() }).await;
            prop_assert_eq!(digests(&first), digests(&known));
            Ok(())
        })?;
    }

    #[test]
    fn as_of_a_time_is_a_rebuild_of_the_facts_before(steps in prop::collection::vec(happened(), 1..40), cut in 0..60 * 48i64) {
        run(async {
            let (dir, views) = (tempfile::tempdir().unwrap(), views::all());
            let chronicle = Chronicle::of(&steps).await;
            let mut before = Chronicle::new();
            for (n, step) in steps.iter().enumerate() {
                if matches!(step, Step::Happened { at, .. } if *at < cut) {
                    before.record(n, step).await;
                }
            }
            let clocks = Clocks { as_of: Some(Timestamp(START.0 + cut * 1_800 * SECOND_US)), known_at: None };
            let dated = rebuilt(&chronicle.log, &views, dir.path(), Options { clocks, ..Options::default() }).await;
            let whole = rebuilt(&before.log, &views, dir.path(), Options::default()).await;
            prop_assert_eq!(digests(&dated), digests(&whole));
            Ok(())
        })?;
    }
}

#[test]
fn a_merge_of_two_clients_with_10_000_events_each_loses_nothing_and_un_merges_to_identical_digests() {
    run(async {
        let (dir, views) = (tempfile::tempdir().unwrap(), views::all());
        let mut chronicle = Chronicle::new();
        for n in 0..20_000_usize {
            let (client, at) = (1 + n as u128 % 2, (n as i64 * 7_919) % (60 * 48));
            let what = match n / 2 % 10 {
                0 => What::Ordered(n as u128, 1, 500),
                1 => What::Paid(n as u128 - 2, 500),
                2 => What::CaseRaised(n as u128, n % 3),
                3 => What::DealOpened(n as u128, n % 4, 100),
                _ => What::Call(n as u32 % 900),
            };
            chronicle.record(n, &Step::Happened { client, at, what }).await;
        }
        let (mut live, mut aliases) = (empty(&views, dir.path()), Aliases::default());
        follow(&chronicle.log, &views, &mut live, &mut aliases).await;
        let count = |file: &letopis_projections::engine::file::ViewFile| {
            let everything = letopis_projections::views::history::HistoryQuery::default();
            let (mut total, mut window) = (Vec::new(), letopis_projections::engine::list::Window::first(1_000));
            let now = Timestamp(START.0 + 100 * 86_400 * SECOND_US);
            loop {
                let of = letopis_core::ids::ClientId(1).into();
                let page = file
                    .read(now, |reader| letopis_projections::views::history::page(reader, of, &everything, &window))
                    .unwrap();
                total.push(page.items.len());
                let Some(next) = page.next else { break total.iter().sum::<usize>() };
                window.cursor = Some(next);
            }
        };
        let before = digests(&live);
        assert_eq!(count(&live), 10_000);
        chronicle.record(20_000, &Step::Merge { survivor: 1, absorbed: 2 }).await;
        follow(&chronicle.log, &views, &mut live, &mut aliases).await;
        assert_eq!(count(&live), 20_000);
        assert_eq!(live.verify(&views).unwrap(), vec![]);
        let whole = rebuilt(&chronicle.log, &views, dir.path(), Options::default()).await;
        assert_eq!(digests(&live), digests(&whole));
        chronicle.record(20_001, &Step::Unmerge { absorbed: 2 }).await;
        follow(&chronicle.log, &views, &mut live, &mut aliases).await;
        assert_eq!(digests(&live), before);
        assert_eq!(count(&live), 10_000);
    });
}
