use letopis_core::fact::Fact;
use letopis_core::personal::Personal;
use letopis_core::time::Moment;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::engine::list::Window;
use crate::views::client::testing::{DAY, File, at, client, fact, id};

fn file(groups: &[(u128, u128)], facts: &[Fact]) -> File {
    let groups: Vec<_> = groups.iter().map(|(member, root)| (client(*member), client(*root))).collect();
    File::new(&groups).with(&History, facts).with(&Handling, facts)
}

fn all(file: &File, of: u128, query: &HistoryQuery, limit: u32) -> Vec<HistoryItem> {
    let reader = file.reader(at(1_000 * DAY));
    let mut items = Vec::new();
    let mut window = Window::first(limit);
    loop {
        let page = page(&reader, client(of).into(), query, &window).expect("a page");
        items.extend(page.items);
        let Some(next) = page.next else { return items };
        window.cursor = Some(next);
    }
}

fn call(position: u64, of: u128, seconds: i64) -> Fact {
    fact(
        position,
        of,
        seconds,
        "call.logged",
        json!({ "direction": "in", "duration_s": 60, "topics": ["price", "delivery"] }),
    )
}

#[test]
fn three_edits_within_a_minute_are_three_changes_with_old_and_new_values() {
    let edit = |position, seconds, old, new| {
        let data = json!({ "field": "city", "old": old, "new": new });
        fact(position, 1, seconds, "client.profile_changed", data)
    };
    let facts = [edit(1, 10, "Tver", "Omsk"), edit(2, 20, "Omsk", "Perm"), edit(3, 30, "stale", "Kazan")];
    let rows = all(&file(&[], &facts), 1, &HistoryQuery::default(), 10);
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.class == Some(Class::Profile) && row.field.is_some()));
    let found = changes(&facts, None);
    let values: Vec<_> = found.iter().map(|c| (c.old.known(), c.new.known(), c.before.known())).collect();
    let text = |text: &str| text.to_owned();
    let [tver, omsk, perm, kazan, stale] = ["Tver", "Omsk", "Perm", "Kazan", "stale"].map(text);
    assert_eq!(
        values,
        [
            (Some(&tver), Some(&omsk), None),
            (Some(&omsk), Some(&perm), Some(&omsk)),
            (Some(&stale), Some(&kazan), Some(&perm)),
        ]
    );
    assert_eq!(found[0].event, rows[0].event);
}

#[test]
fn one_save_of_five_fields_is_five_changes_at_one_instant() {
    let facts: Vec<Fact> = (1..=5)
        .map(|n: u64| {
            let data = json!({ "attribute": format!("field{n}"), "old": "a", "new": "b" });
            let mut fact = fact(n, 1, 10, "client.attribute_changed", data);
            fact.order = 5 - n as i32;
            fact
        })
        .collect();
    let rows = all(&file(&[], &facts), 1, &HistoryQuery::default(), 2);
    let fields: Vec<&str> = rows.iter().map(|row| row.field.as_ref().expect("a field").as_str()).collect();
    assert_eq!(fields, ["field5", "field4", "field3", "field2", "field1"]);
    assert!(rows.iter().all(|row| (row.old.is_some(), row.outcome.is_some()) == (true, true)));
    assert_eq!(changes(&facts, Some(&"field3".parse().expect("a code"))).len(), 1);
}

#[test]
fn a_back_dated_visit_stands_in_its_true_place_and_is_flagged() {
    let facts = [call(1, 1, 100), call(2, 1, 300), fact(3, 1, 200, "visit.logged", json!({ "direction": "out" }))];
    let file = file(&[], &facts);
    let rows = all(&file, 1, &HistoryQuery::default(), 1);
    let seen: Vec<(i64, bool)> = rows.iter().map(|row| (row.position, row.late)).collect();
    assert_eq!(seen, [(1, false), (3, true), (2, false)]);
    let late = HistoryQuery { late_only: true, ..HistoryQuery::default() };
    assert_eq!(all(&file, 1, &late, 10).len(), 1);
}

#[test]
fn a_group_has_one_history_and_each_event_keeps_its_client() {
    let facts = [call(1, 1, 100), call(2, 2, 50), call(3, 1, 300), call(4, 2, 200), call(5, 3, 10)];
    let file = file(&[(2, 1)], &facts);
    let rows = all(&file, 1, &HistoryQuery { newest_first: true, ..HistoryQuery::default() }, 1);
    let seen: Vec<(i64, u128)> = rows.iter().map(|row| (row.position, row.client.0)).collect();
    assert_eq!(seen, [(3, 1), (4, 2), (1, 1), (2, 2)]);
}

#[test]
fn knowledge_of_identities_and_merges_is_no_part_of_the_history() {
    let facts = [
        call(1, 1, 100),
        fact(2, 1, 110, "identity.linked", json!({ "scheme": "shop", "value": "C-7" })),
        fact(3, 1, 120, "client.merged", json!({ "absorbed": id(2) })),
    ];
    assert_eq!(all(&file(&[], &facts), 1, &HistoryQuery::default(), 10).len(), 1);
}

#[test]
fn a_corrected_event_says_so_and_stands_at_its_corrected_time() {
    let correction = json!({
        "target": letopis_core::ids::EventId(1), "target_type": "call.logged", "target_schema": 1,
        "facts": { "direction": "out", "duration_s": 5 }, "occurred_at": Moment::utc(at(500)),
    });
    let facts = [call(1, 1, 100), call(2, 1, 300), fact(3, 1, 900, "event.corrected", correction)];
    let file = file(&[], &facts);
    let rows = all(&file, 1, &HistoryQuery::default(), 10);
    let seen: Vec<(i64, bool, Option<u32>)> =
        rows.iter().map(|row| (row.position, row.corrected, row.duration_s)).collect();
    assert_eq!(seen, [(2, false, Some(60)), (1, true, Some(5))]);
    let sum = contacts(&file.reader(at(DAY)), Day(0), Day(9), &[]).expect("a sum");
    assert_eq!((sum[0].contacts, sum[0].duration_s), (2, 65));
}

#[test]
fn contacts_are_counted_by_topic_channel_and_month_without_counting_one_twice() {
    let facts = [
        call(1, 1, 0),
        call(2, 2, 40 * DAY),
        fact(3, 1, 41 * DAY, "letter.logged", json!({ "direction": "out", "media": "email", "topics": ["price"] })),
        fact(4, 1, 42 * DAY, "meeting.scheduled", json!({ "meeting": id(1), "starts_at": Moment::utc(at(0)) })),
    ];
    let file = file(&[], &facts);
    let reader = file.reader(at(100 * DAY));
    let count = |by: &[ContactsBy]| {
        let lines = contacts(&reader, Day(0), Day(99), by).expect("lines");
        lines.into_iter().map(|line| (line.key, line.contacts)).collect::<Vec<_>>()
    };
    let key = |text: &str| Some(text.to_owned());
    assert_eq!(count(&[]), [(vec![], 3)]);
    assert_eq!(count(&[ContactsBy::Month]), [(vec![key("1970-01")], 1), (vec![key("1970-02")], 2)]);
    assert_eq!(count(&[ContactsBy::Channel]), [(vec![key("email")], 1), (vec![key("phone")], 2)]);
    let price: i64 = topics(&reader, Day(0), Day(99), 10)
        .expect("topics")
        .iter()
        .filter(|line| line.topic.as_str() == "price")
        .map(|line| line.contacts)
        .sum();
    assert_eq!(price, 3);
    let often = frequency(&reader, client(1).into(), at(0), at(99 * DAY)).expect("lines");
    assert_eq!(often.iter().map(|line| line.contacts).sum::<u64>(), 3);
}

#[test]
fn what_nobody_handled_waits_by_age_until_it_is_handled() {
    let taken = |position, seconds, employee| {
        let data = json!({ "direction": "in", "employee": id(employee) });
        fact(position, 1, seconds, "chat.logged", data)
    };
    let handled = |position, seconds, target: u64| {
        let data = json!({ "interaction": letopis_core::ids::EventId(target.into()), "outcome": "sold" });
        fact(position, 1, seconds, "interaction.handled", data)
    };
    let out = fact(4, 1, 5, "call.logged", json!({ "direction": "out" }));
    let facts = [taken(1, 30, 7), taken(2, 20, 7), taken(3, 10, 8), out, handled(5, 2 * DAY, 2)];
    let file = file(&[], &facts);
    let ask = |now, query: &UnhandledQuery| {
        let mut found = Vec::new();
        let mut window = Window::first(1);
        loop {
            let page = unhandled(&file.reader(now), query, &window).expect("a page");
            found.extend(page.items.iter().map(|item| item.event.0));
            let Some(next) = page.next else { return found };
            window.cursor = Some(next);
        }
    };
    assert_eq!(ask(at(9 * DAY), &UnhandledQuery::default()), [3, 1]);
    assert_eq!(ask(at(DAY), &UnhandledQuery::default()), [3, 2, 1], "as of the day before");
    let query = UnhandledQuery { employee: Some(EmployeeId(7)), ..UnhandledQuery::default() };
    assert_eq!(ask(at(DAY), &query), [2, 1]);
    let count = |now| waiting(&file.reader(now)).expect("counts").iter().map(|(_, n)| n).sum::<i64>();
    assert_eq!((count(at(DAY)), count(at(9 * DAY))), (3, 2));
    let rows = all(&file, 1, &HistoryQuery { classes: vec![Class::Contact], ..HistoryQuery::default() }, 10);
    let seen: Vec<(i64, bool, bool)> = rows.iter().map(|r| (r.position, r.waiting, r.handled.is_some())).collect();
    assert_eq!(seen, [(4, false, false), (3, true, false), (2, false, true), (1, true, false)]);
}

#[test]
fn a_page_of_a_long_history_is_read_by_its_index() {
    let file = file(&[], &[call(1, 1, 1)]);
    let sql = "EXPLAIN QUERY PLAN SELECT event FROM history WHERE occurred_at < 9 AND client = 'x'
               AND (occurred_at, ord, event) > (1, 2, 'y') ORDER BY occurred_at ASC, ord ASC, event ASC LIMIT 9";
    let plan: String = file.conn.query_row(sql, [], |row| row.get(3)).expect("a plan");
    assert!(plan.contains("history_0 (client=? AND (occurred_at,ord,event)>"), "{plan}");
    let rows = file.conn.prepare(sql).expect("sql").query_map([], |_| Ok(())).expect("a plan").count();
    assert_eq!(rows, 1, "nothing is sorted");
}

#[test]
fn sealed_values_stay_sealed_in_the_history_of_a_field() {
    let mut fact = fact(1, 1, 1, "client.profile_changed", json!({ "field": "name", "new": "x" }));
    fact.event.fill(&letopis_core::personal::Opened::Sealed).expect("sealed");
    assert_eq!(changes(&[fact], None)[0].new, Personal::Sealed);
}

proptest! {
    #[test]
    fn pages_of_any_length_and_filter_give_the_whole_history_in_order(
        raw in prop::collection::vec((0i64..40, 1u128..4, 0i32..2, 0usize..3), 0..40),
        limit in 1u32..7, newest_first: bool, from in 0i64..20, to in 20i64..40,
    ) {
        let facts: Vec<Fact> = raw.iter().zip(1..).map(|((seconds, of, order, kind), position)| {
            let mut fact = match kind {
                0 => call(position, *of, *seconds),
                1 => fact(position, *of, *seconds, "deal.won", json!({ "deal": id(1) })),
                _ => fact(position, *of, *seconds, "consent.given", json!({ "purpose": "marketing" })),
            };
            fact.order = *order;
            fact
        }).collect();
        let file = file(&[(2, 1)], &facts);
        let query = HistoryQuery {
            classes: vec![Class::Contact, Class::Deal],
            from: Some(at(from)),
            to: Some(at(to)),
            newest_first,
            ..HistoryQuery::default()
        };
        let mut expected: Vec<&Fact> = facts.iter().filter(|fact| {
            fact.client != Some(client(3)) && (at(from)..at(to)).contains(&fact.occurred.at)
                && fact.event.area() != "client"
        }).collect();
        expected.sort_by_key(|fact| fact.fold_order());
        if newest_first {
            expected.reverse();
        }
        let found: Vec<EventId> = all(&file, 1, &query, limit).iter().map(|item| item.event).collect();
        prop_assert_eq!(found, expected.iter().map(|fact| fact.id).collect::<Vec<_>>());
    }

    #[test]
    fn as_of_a_day_the_live_file_counts_like_one_of_earlier_facts_alone(
        raw in prop::collection::vec((0i64..6 * DAY, 1u128..3, any::<bool>(), 1u64..30), 0..30),
        day in 0i32..7,
    ) {
        let facts: Vec<Fact> = raw.iter().zip(1..).map(|((seconds, of, contact, target), position)| {
            if *contact {
                call(position, *of, *seconds)
            } else {
                let target = letopis_core::ids::EventId((*target).into());
                fact(position, *of, *seconds, "interaction.handled", json!({ "interaction": target, "outcome": "done" }))
            }
        }).collect();
        let bound = at(i64::from(day) * DAY);
        let before: Vec<Fact> = facts.iter().filter(|fact| fact.occurred.at < bound).cloned().collect();
        // One group, so that a contact and its handling meet whoever recorded them.
        let (live, past) = (file(&[(2, 1)], &facts), file(&[(2, 1)], &before));
        let ask = |file: &File| {
            let reader = file.reader(bound);
            let query = HistoryQuery::default();
            let mut items = page(&reader, client(1).into(), &query, &Window::first(100)).expect("a page").items;
            items.iter_mut().for_each(|item| {
                item.late = false;
                // What was done last may have been done after the bound; that it was done was not.
                item.handled = item.handled.take().map(|handled| Handled { outcome: None, by: None, ..handled });
            });
            (
                contacts(&reader, Day(0), Day(9), &[ContactsBy::Day, ContactsBy::Topic]).expect("counts"),
                topics(&reader, Day(0), Day(9), 100).expect("topics"),
                waiting(&reader).expect("counts"),
                unhandled(&reader, &UnhandledQuery::default(), &Window::first(100)).expect("a page"),
                items,
            )
        };
        prop_assert_eq!(ask(&live), ask(&past));
    }
}
