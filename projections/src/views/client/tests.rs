use letopis_core::fact::Fact;
use serde_json::json;

use super::testing::{DAY, File, at, client, erased, fact, id};
use super::*;
use crate::engine::list::Window;

fn file(facts: &[Fact]) -> File {
    File::new(&[]).with(&Client, facts)
}

fn the_card(file: &File, of: u128) -> Card {
    card(&file.reader(at(100 * DAY)), client(of).into()).expect("a card").expect("a client")
}

fn petrov() -> Vec<Fact> {
    vec![
        fact(1, 1, 50, "call.logged", json!({ "direction": "in", "number": "+7 912" })),
        fact(
            2,
            1,
            100,
            "client.registered",
            json!({ "kind": "person", "attributes": { "sector": "retail" }, "name": "Пётр Петров", "profile": { "city": "Tver" } }),
        ),
        fact(
            3,
            1,
            110,
            "contact_point.added",
            json!({ "contact_point": id(7), "kind": "phone", "value": "+79123456789", "label": "office" }),
        ),
        fact(
            4,
            1,
            120,
            "contact_person.added",
            json!({ "person": id(8), "role": "buyer", "decision_maker": true, "name": "Anna" }),
        ),
    ]
}

#[test]
fn a_card_begins_with_the_first_acquaintance_before_the_registration() {
    let card = the_card(&file(&petrov()), 1);
    assert_eq!(card.first_seen.expect("seen").at, at(50));
    assert_eq!(card.registered_at.expect("registered").at, at(100));
    assert_eq!(card.last_contact_at.expect("contact").at, at(50));
    assert_eq!(card.name.as_deref(), Some("Пётр Петров"));
    assert_eq!(card.contact_points[0].value.as_deref(), Some("+79123456789"));
    assert_eq!((card.people[0].name.as_deref(), card.people[0].decision_maker), (Some("Anna"), true));
    assert_eq!(card.personal, Some(Access::Known));
}

#[test]
fn a_profile_change_learnt_late_does_not_override_a_later_one() {
    let change = |position, seconds, new| {
        let data = json!({ "field": "city", "old": "nobody knows", "new": new });
        fact(position, 1, seconds, "client.profile_changed", data)
    };
    let mut facts = petrov();
    facts.extend([change(10, 300, "Omsk"), change(11, 200, "Perm")]);
    assert_eq!(the_card(&file(&facts), 1).profile["city".parse::<Code>().expect("a code").as_str()], "Omsk");
}

#[test]
fn an_emptied_field_and_a_dropped_attribute_are_gone() {
    let mut facts = petrov();
    facts.push(fact(10, 1, 300, "client.profile_changed", json!({ "field": "city", "old": "Tver" })));
    facts.push(fact(11, 1, 301, "client.attribute_changed", json!({ "attribute": "sector", "old": "retail" })));
    let card = the_card(&file(&facts), 1);
    assert!(card.profile.is_empty() && card.attributes.is_empty());
}

#[test]
fn an_erased_client_keeps_his_coded_facts_and_no_personal_value() {
    let facts: Vec<Fact> = petrov().into_iter().map(erased).collect();
    let file = file(&facts);
    let card = the_card(&file, 1);
    assert_eq!(card.personal, Some(Access::Erased));
    assert_eq!((card.name, card.profile.len()), (None, 0));
    assert_eq!(card.contact_points[0].value, None);
    assert_eq!((card.people[0].name.as_deref(), card.people[0].state), (None, Some(Access::Erased)));
    assert_eq!(card.attributes.len(), 1);
    let named = SearchQuery { text: Some("петров".into()), ..SearchQuery::default() };
    assert_eq!(search(&file.reader(at(DAY)), &named, &Window::first(5)).expect("a page").items, []);
}

#[test]
fn a_contact_person_is_erased_without_the_client() {
    let mut facts = petrov();
    facts[3] = erased(facts[3].clone());
    let card = the_card(&file(&facts), 1);
    assert_eq!((card.personal, card.people[0].state), (Some(Access::Known), Some(Access::Erased)));
}

#[test]
fn a_merged_client_has_one_card_and_keeps_the_name_of_the_record_that_stayed() {
    let mut facts = petrov();
    facts.push(fact(
        10,
        2,
        20,
        "client.registered",
        json!({ "kind": "person", "language": "ru", "name": "P. Petrov" }),
    ));
    facts.push(fact(11, 2, 500, "visit.logged", json!({ "direction": "in" })));
    let file = File::new(&[(client(2), client(1))]).with(&Client, &facts);
    let card = the_card(&file, 1);
    assert_eq!(card.members, [client(1), client(2)]);
    assert_eq!(card.name.as_deref(), Some("Пётр Петров"));
    assert_eq!(card.language.expect("filled in").as_str(), "ru");
    assert_eq!(card.first_seen.expect("seen").at, at(20));
    assert_eq!(card.last_contact_at.expect("contact").at, at(500));
    assert!(super::card(&file.reader(at(DAY)), client(2).into()).expect("a query").is_none());
}

#[test]
fn the_last_word_on_a_consent_counts_by_purpose_and_channel() {
    let facts = [
        fact(1, 1, 1, "consent.given", json!({ "purpose": "marketing" })),
        fact(2, 1, 2, "consent.given", json!({ "purpose": "marketing", "channel": "email" })),
        fact(3, 1, 3, "consent.withdrawn", json!({ "purpose": "marketing" })),
    ];
    let consents = the_card(&file(&facts), 1).consents;
    let said: Vec<(bool, bool)> = consents.iter().map(|c| (c.channel.is_some(), c.given)).collect();
    assert_eq!(said, [(true, true), (false, false)]);
}

#[test]
fn meetings_to_come_are_promises_until_held_missed_or_cancelled() {
    let scheduled = |position, meeting, day: i64| {
        let starts_at = letopis_core::time::Moment::utc(at(day * DAY));
        fact(position, 1, 5, "meeting.scheduled", json!({ "meeting": id(meeting), "starts_at": starts_at }))
    };
    let later = letopis_core::time::Moment::utc(at(300 * DAY));
    let facts = [
        scheduled(1, 1, 200),
        scheduled(2, 2, 150),
        scheduled(3, 3, 50),
        scheduled(4, 4, 60),
        fact(5, 1, 60, "meeting.held", json!({ "meeting": id(4) })),
        fact(6, 1, 70, "meeting.rescheduled", json!({ "meeting": id(2), "starts_at": later })),
    ];
    let card = the_card(&file(&facts), 1);
    let meetings: Vec<(u128, u32, bool)> = card.meetings.iter().map(|m| (m.id.0, m.moved, m.past)).collect();
    assert_eq!(meetings, [(3, 0, true), (1, 0, false), (2, 1, false)]);
    assert_eq!(card.promises.len(), 2);
}

#[test]
fn the_card_shows_what_is_open_in_the_other_views() {
    let due = letopis_core::time::Moment::utc(at(30 * DAY));
    let lines = |price: &str| json!([{ "product": "p", "quantity": "1", "unit_price": price }]);
    let eur = |minor: i64| json!({ "minor": minor, "currency": "EUR" });
    let placed = |n: u128, price: &str| json!({ "order": id(n), "currency": "EUR", "lines": lines(price) });
    let mut promised = placed(1, "12.345");
    promised["promised"] = "2026-02-01".into();
    let facts = [
        fact(1, 1, 1, "case.raised", json!({ "case": id(5), "kind": "wish" })),
        fact(2, 1, 2, "case.due_set", json!({ "case": id(5), "due": due })),
        fact(3, 1, 3, "order.placed", promised),
        fact(4, 1, 4, "invoice.issued", json!({ "order": id(1), "invoice": id(11), "amount": eur(1_235) })),
        fact(5, 1, 5, "payment.received", json!({ "order": id(1), "amount": eur(200) })),
        fact(6, 1, 6, "order.placed", placed(2, "1")),
        fact(7, 1, 7, "invoice.issued", json!({ "order": id(2), "invoice": id(12), "amount": eur(100) })),
        fact(8, 1, 8, "payment.received", json!({ "order": id(2), "amount": eur(100) })),
        fact(9, 1, 9, "order.completed", json!({ "order": id(2) })),
    ];
    let file = file(&facts).with(&crate::views::cases::Cases, &facts).with(&crate::views::orders::Orders, &facts);
    file.conn
        .execute_batch(&format!(
            "CREATE TABLE deal (deal TEXT, client TEXT, stage TEXT, amount_minor INTEGER, currency TEXT, agent TEXT,
                                opened_at INTEGER, status TEXT);
             INSERT INTO deal VALUES ('{0}', '{0}', 'offer', 500, 'EUR', NULL, 7, 'open'),
                                     ('{1}', '{0}', 'offer', 500, 'EUR', NULL, 7, 'won');
             CREATE TABLE unallocated (currency TEXT, client TEXT, paid_minor INTEGER, refunded_minor INTEGER,
                 services_minor INTEGER);
             INSERT INTO unallocated VALUES ('EUR', '{0}', 35, 0, 5);",
            id(1),
            id(2)
        ))
        .expect("tables");
    let card = the_card(&file, 1);
    assert_eq!((card.deals.len(), card.orders.len(), card.cases.len()), (1, 1, 1));
    assert_eq!(card.orders[0].ordered.expect("worth").minor, 1235);
    assert!(card.cases[0].overdue);
    assert_eq!((card.money[0].ordered.minor, card.money[0].paid.minor, card.money[0].owed.minor), (1335, 335, 1005));
    assert_eq!(card.promises.len(), 2);
    let open = SearchQuery { open: Some(Open::Deal), ..SearchQuery::default() };
    assert_eq!(search(&file.reader(at(DAY)), &open, &Window::first(5)).expect("a page").items.len(), 1);
}

#[test]
fn clients_are_found_by_the_beginning_of_any_word_of_their_name_page_by_page() {
    let mut facts: Vec<Fact> = ["Алёна Ёлкина", "Ёлкин и сыновья", "ООО «Ель»", "Smith", "елки"]
        .iter()
        .zip(1..)
        .map(|(name, n)| {
            let data = json!({ "kind": "company", "name": name, "attributes": { "n": n.to_string() } });
            fact(n, n.into(), n as i64, "client.registered", data)
        })
        .collect();
    facts.push(fact(9, 9, 9, "call.logged", json!({ "direction": "in" })));
    let file = file(&facts);
    let reader = file.reader(at(DAY));
    let ask = |query: &SearchQuery| {
        let mut found = Vec::new();
        let mut window = Window::first(1);
        loop {
            let page = search(&reader, query, &window).expect("a page");
            found.extend(page.items.iter().map(|line| line.client.0));
            let Some(next) = page.next else { return found };
            window.cursor = Some(next);
        }
    };
    let text = |text: &str| SearchQuery { text: Some(text.into()), ..SearchQuery::default() };
    assert_eq!(ask(&text("ЁЛК")), [1, 5, 2]);
    assert_eq!(ask(&text("ёлкина алёна")), [1]);
    assert_eq!(ask(&text("ель")), [3]);
    assert_eq!(ask(&text("лкин")), [0_u128; 0]);
    assert_eq!(ask(&SearchQuery::default()), [4, 1, 5, 2, 3, 9], "the unnamed come last");
    let by_attribute = [("n".parse().expect("a code"), "4".parse().expect("a code"))];
    assert_eq!(ask(&SearchQuery { attributes: by_attribute.into(), ..SearchQuery::default() }), [4]);
    let none = search(&reader, &text(" — "), &Window::default());
    assert!(matches!(none, Err(crate::engine::read::QueryError::Parameter { name: "text", .. })));
    let page = search(&reader, &SearchQuery::default(), &Window::first(1)).expect("a page");
    let other = Window { limit: 1, cursor: page.next };
    assert!(matches!(search(&reader, &text("a"), &other), Err(crate::engine::read::QueryError::Cursor)));
}
