//! An answer as of the end of a day is that of a view that never saw a later fact.

use letopis_core::time::Zone;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::views::deals::{Status, each_deal};
use crate::views::definitions::{employees, products};
use crate::views::funnel::{By, board, cohort, flow, lost_reasons, time_in_stage, velocity, win_rate};

const STAGES: [&str; 4] = ["lead", "offer", "contract", "limbo"];
const GROUPS: [By; 6] = [By::None, By::Agent, By::Manager, By::Region, By::Product, By::ProductGroup];

/// Any event, from four small numbers.
fn event(kind: u8, deal: u128, pick: usize, amount: i64) -> Event {
    let stage = STAGES[pick % 4];
    let price = money(amount, ["EUR", "JPY"][pick % 2]);
    match kind {
        0 | 1 => opened(deal, stage, price).into(),
        2 => Opened { date_known: pick.is_multiple_of(2), product: None, agent: None, ..opened(deal, stage, price) }
            .into(),
        3..=6 => moved(deal, stage).into(),
        7 => priced(deal, price).into(),
        8 => led_by(deal, 7 + pick as u128 % 3).into(),
        9 => TeamChanged { joined: false, ..led_by(deal, 7 + pick as u128 % 3) }.into(),
        10 => won(deal, pick.is_multiple_of(2).then_some(price)).into(),
        11 => lost(deal, Some(stage), (pick > 1).then_some("acme")).into(),
        12 | 13 => reopened(deal, stage).into(),
        14 => employee(7 + pick as u128 % 3, deal, stage, Some("Anna").filter(|_| pick > 1)).into(),
        15 => product("saw", stage).into(),
        _ => model(&[(stage, Some(3_000)), (STAGES[(pick + 1) % 4], None), ("contract", Some(9_000))]).into(),
    }
}

fn stories() -> impl Strategy<Value = Story> {
    let facts = prop::collection::vec((0u8..17, 1u128..5, 0usize..4, -50i64..1_000, 0u32..12 * 24), 0..60);
    (facts, prop::sample::select(vec!["UTC", "Europe/Moscow", "America/New_York"])).prop_map(|(facts, zone)| {
        let mut story = Story::new();
        story.zone = Zone::named(zone).expect("bundled");
        for (kind, deal, pick, amount, hour) in facts {
            story.tell(f64::from(hour) / 24.0, event(kind, deal, pick, amount));
        }
        story
    })
}

/// Every answer there is.
fn answers(reader: &Reader<'_>) -> Vec<Value> {
    let (model, all, some) = (default_model(), days(-20, 40), days(2, 6));
    let mut out = vec![
        json!(flow(reader, &model, all).expect("flow")),
        json!(flow(reader, &model, some).expect("flow")),
        json!(cohort(reader, &model, all).expect("cohort")),
        json!(cohort(reader, &model, some).expect("cohort")),
        json!(time_in_stage(reader, &model).expect("time")),
        json!(lost_reasons(reader, some).expect("reasons")),
        json!(velocity(reader, all).expect("velocity")),
        json!(win_rate(reader, some, By::Quarter).expect("rate")),
        json!(employees(reader).expect("employees").values().collect::<Vec<_>>()),
        json!(products(reader).expect("products")),
    ];
    for by in GROUPS {
        out.push(json!(board(reader, &model, by, reader.day()).expect("board")));
        out.push(json!(board(reader, &model, by, Day(reader.day().0 - 2)).expect("board")));
        out.push(json!(win_rate(reader, all, by).expect("rate")));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_answer_as_of_a_day_is_that_of_a_rebuild_from_the_facts_before(story in stories(), day in -1i32..13) {
        let live = story.file(Timestamp(i64::MAX));
        for day in [day, day + 1, 20] {
            let now = story.zone.end(Day(day));
            let rebuilt = story.file(now);
            let live = answers(&Reader::new(&live, &story.zone, now));
            let rebuilt = answers(&Reader::new(&rebuilt, &story.zone, now));
            for (live, rebuilt) in live.iter().zip(&rebuilt) {
                prop_assert_eq!(live, rebuilt, "as of day {}", day);
            }
        }
    }

    #[test]
    fn totals_say_what_counting_the_deals_says(story in stories(), day in -1i32..13) {
        let conn = story.file(Timestamp(i64::MAX));
        let reader = &Reader::new(&conn, &story.zone, story.zone.end(Day(day)));
        let mut stock: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        let mut closed = (0, 0);
        each_deal(reader, "", &[], |deal| match (deal.status, &deal.stage) {
            (Status::Open, Some(stage)) => {
                let cell = stock.entry(stage.to_string()).or_default();
                cell.0 += 1;
                cell.1 += i64::from(!deal.stage_dated);
            }
            (Status::Open, None) => {}
            (Status::Won, _) => closed.0 += 1,
            (Status::Lost, _) => closed.1 += 1,
        }).expect("deals");
        let board = board(reader, &default_model(), By::None, Day(day)).expect("board");
        let shown: BTreeMap<String, (i64, i64)> = board.groups.iter().flat_map(|group| &group.stages)
            .filter(|stage| stage.deals != 0)
            .map(|stage| (stage.name.stage.to_string(), (stage.deals, stage.undated))).collect();
        prop_assert_eq!(shown, stock);
        let rate = win_rate(reader, days(-20, 40), By::Agent).expect("rate");
        prop_assert_eq!((rate.total.won, rate.total.lost), closed);
        prop_assert!(rate.groups.iter().all(|group| group.won >= 0 && group.lost >= 0));
    }
}
