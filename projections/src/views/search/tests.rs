use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, EventId, Position};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::views::client::Client;
use crate::views::client::testing::{DAY, File, at, client, erased, fact, id};
use crate::views::list::Window;

fn file(groups: &[(ClientId, ClientId)], facts: &[Fact]) -> File {
    let file = File::new(groups).with(&Client, facts);
    index(&file).create().expect("tables");
    index(&file).apply(facts).expect("applied");
    file
}

fn index(file: &File) -> SearchIndex<'_> {
    SearchIndex { conn: &file.conn }
}

fn said(position: u64, of: u128, text: &str) -> Fact {
    fact(position, of, position as i64, "call.logged", json!({ "direction": "in", "summary": text }))
}

fn hits(file: &File, text: &str, of: Option<u128>) -> Vec<u128> {
    let root = of.map(|of| client(of).into());
    let page = find(&file.reader(at(DAY)), text, root, &Window::first(100)).expect("a page");
    page.items.iter().map(|hit| hit.event.0).collect()
}

#[test]
fn words_are_found_in_any_form_in_both_languages() {
    let file = file(
        &[],
        &[
            said(1, 1, "Обсудили договоры поставки жёлтых тканей"),
            said(2, 1, "The shipments were delayed"),
            said(3, 2, "Звонил по договору"),
            said(4, 2, "встретимся завтра, тел. 555-77-88"),
        ],
    );
    assert_eq!(hits(&file, "договором", None).len(), 2);
    assert_eq!(hits(&file, "ЖЕЛТАЯ ткань", None), [1]);
    assert_eq!(hits(&file, "желтый", None), [1]);
    assert_eq!(hits(&file, "же\u{308}лтых", None), [1], "accents may be written apart");
    assert_eq!(hits(&file, "shipment delay", None), [2]);
    assert_eq!(hits(&file, "555 77", None), [4]);
    assert_eq!(hits(&file, "догово", None).len(), 2, "the last word may be half typed");
    assert_eq!(hits(&file, "догово ткань", None), [0_u128; 0], "the others may not");
}

#[test]
fn a_search_in_one_history_covers_the_records_merged_with_it_alone() {
    let facts = [said(1, 1, "alpha"), said(2, 2, "alpha"), said(3, 3, "alpha")];
    let file = file(&[(client(2), client(1))], &facts);
    assert_eq!(hits(&file, "alpha", Some(1)).len(), 2);
    assert_eq!(hits(&file, "alpha", Some(3)), [3]);
    assert_eq!(hits(&file, &id(3), None), [0_u128; 0], "the client's id is no word of his texts");
}

#[test]
fn what_a_reader_types_is_words_and_never_an_operator() {
    let file = file(&[], &[said(1, 1, "near or not and x")]);
    for text in ["\"", "a OR", "NEAR(", "terms: x", "x*", "-x", "client : x"] {
        let page = find(&file.reader(at(DAY)), text, None, &Window::default());
        assert!(page.is_ok() || match_expression(text).is_none(), "{text}: {page:?}");
    }
    assert_eq!(hits(&file, "NOT near", None), [1]);
}

#[test]
fn of_equally_good_hits_the_newest_comes_first_and_pages_join() {
    let facts: Vec<Fact> = (1..=9).map(|n| said(n, 1, "same words")).collect();
    let file = file(&[], &facts);
    let mut found = Vec::new();
    let mut window = Window::first(2);
    loop {
        let page = find(&file.reader(at(DAY)), "word", None, &window).expect("a page");
        found.extend(page.items.iter().map(|hit| hit.event.0));
        let Some(next) = page.next else { break };
        window.cursor = Some(next);
    }
    assert_eq!(found, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_page_of_facts_taken_in_twice_changes_nothing() {
    let facts = [said(1, 1, "alpha"), said(2, 1, "beta")];
    let file = file(&[], &facts);
    assert_eq!(index(&file).position().expect("a position"), Position(2));
    let again = index(&file).apply(&facts).expect("applied");
    assert_eq!((again, hits(&file, "alpha", None)), (Applied::default(), vec![1]));
    index(&file).write(EventId(1), client(1), at(1), "gamma").expect("written");
    assert_eq!((hits(&file, "alpha", None), hits(&file, "gamma", None)), (vec![], vec![1]));
}

#[test]
fn a_correction_marks_its_client_and_his_documents_are_written_anew() {
    let facts = [said(1, 1, "alpha"), said(2, 2, "alpha")];
    let file = file(&[], &facts);
    let data = json!({ "target": EventId(1) });
    let applied = index(&file).apply(&[fact(3, 1, 9, "event.retracted", data)]).expect("applied");
    assert_eq!(applied.stale.into_iter().collect::<Vec<_>>(), [client(1)]);
    index(&file).rewrite(client(1), &[said(4, 1, "beta")]).expect("written");
    assert_eq!((hits(&file, "alpha", None), hits(&file, "beta", None)), (vec![2], vec![4]));
}

#[test]
fn sealed_and_erased_texts_and_other_areas_are_not_indexed() {
    assert_eq!(texts_of(&erased(said(1, 1, "alpha"))), None);
    let deal = fact(2, 1, 1, "deal.lost", json!({ "deal": id(1), "reason_text": "alpha" }));
    assert_eq!(texts_of(&deal), None);
    let registered = json!({ "kind": "person", "name": "Anna", "profile": { "city": "Tver" } });
    assert_eq!(texts_of(&fact(3, 1, 1, "client.registered", registered)).as_deref(), Some("Anna\nTver"));
}

#[test]
fn of_a_removed_client_no_byte_is_left_in_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("view.db");
    let conn = rusqlite::Connection::open(&path).expect("a file");
    conn.execute_batch("PRAGMA journal_mode = WAL").expect("a mode");
    let index = SearchIndex { conn: &conn };
    index.create().expect("tables");
    let other: Vec<Fact> = (1..=200).map(|n| said(n, 1, &format!("ordinary words number {n}"))).collect();
    index.apply(&other).expect("applied");
    let somebody = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
    let theirs = [said(201, somebody, "xylophonist"), said(202, somebody, "xylophonist quartzite")];
    index.apply(&theirs).expect("applied");
    let left = |word: &str| {
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
        let bytes = std::fs::read(&path).expect("a file");
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    assert!(left("xylophonist") && left("quartzit"));
    index.remove(client(somebody)).expect("removed");
    let name = id(somebody);
    assert_eq!(["xylophon", "quartzit", &name[6..], &name[6..].to_lowercase()].map(left), [false; 4]);
    conn.execute_batch("INSERT INTO search (search) VALUES ('integrity-check')").expect("a whole index");
}

proptest! {
    #[test]
    fn no_text_breaks_the_index_or_the_query(text in ".{0,40}", query in ".{0,20}") {
        let file = file(&[], &[said(1, 1, &text)]);
        let found = find(&file.reader(at(DAY)), &query, None, &Window::default());
        prop_assert!(found.is_ok() || match_expression(&query).is_none(), "{:?}", found);
    }

    #[test]
    fn every_text_is_found_by_itself(text in "[a-zA-Zа-яёА-ЯЁé0-9 .,+@-]{0,40}") {
        let file = file(&[], &[said(1, 1, &text)]);
        if match_expression(&text).is_some() {
            prop_assert_eq!(hits(&file, &text, None), [1]);
        }
    }
}
