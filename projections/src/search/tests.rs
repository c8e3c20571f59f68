use letopis_core::fact::Fact;
use letopis_core::ids::ClientId;
use letopis_core::time::Timestamp;
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

use super::index::Index;
use super::query::{Hit, find};
use super::stem::{match_expression, texts_of};
use crate::engine::list::{Page, Window};
use crate::engine::read::QueryError;
use crate::views::client::testing::{DAY, at, client, erased, fact, id};

fn file(facts: &[Fact]) -> Connection {
    let conn = Connection::open_in_memory().expect("memory");
    Index(&conn).create().expect("tables");
    facts.iter().for_each(|fact| Index(&conn).write(fact, false).expect("written"));
    conn
}

/// An empty index in a file, which forgets what is overwritten.
fn on_disk(dir: &tempfile::TempDir) -> (std::path::PathBuf, Connection) {
    let path = dir.path().join("view.db");
    let conn = Connection::open(&path).expect("a file");
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON").expect("a mode");
    Index(&conn).create().expect("tables");
    (path, conn)
}

fn said(position: u64, of: u128, text: &str) -> Fact {
    fact(position, of, position as i64, "call.logged", json!({ "direction": "in", "summary": text }))
}

const NOW: Timestamp = Timestamp(DAY * 1_000_000);

fn ask(file: &Connection, text: &str, of: &[ClientId], window: &Window) -> Result<Page<Hit>, QueryError> {
    find(file, text, (!of.is_empty()).then_some(of), NOW, window)
}

fn hits(file: &Connection, text: &str, of: &[u128]) -> Vec<u128> {
    let of: Vec<ClientId> = of.iter().map(|of| client(*of)).collect();
    let page = ask(file, text, &of, &Window::first(100)).expect("a page");
    page.items.iter().map(|hit| hit.event.0).collect()
}

#[test]
fn words_are_found_in_any_form_in_both_languages() {
    let file = file(&[
        said(1, 1, "Обсудили договоры поставки жёлтых тканей"),
        said(2, 1, "The shipments were delayed"),
        said(3, 2, "Звонил по договору"),
        said(4, 2, "встретимся завтра, тел. 555-77-88"),
    ]);
    assert_eq!(hits(&file, "договором", &[]).len(), 2);
    assert_eq!(hits(&file, "ЖЕЛТАЯ ткань", &[]), [1]);
    assert_eq!(hits(&file, "желтый", &[]), [1]);
    assert_eq!(hits(&file, "же\u{308}лтых", &[]), [1], "accents may be written apart");
    assert_eq!(hits(&file, "shipment delay", &[]), [2]);
    assert_eq!(hits(&file, "555 77", &[]), [4]);
    assert_eq!(hits(&file, "догово", &[]).len(), 2, "the last word may be half typed");
    assert_eq!(hits(&file, "догово ткань", &[]), [0_u128; 0], "the others may not");
}

#[test]
fn a_search_in_one_history_covers_the_records_merged_with_it_alone() {
    let file = file(&[said(1, 1, "alpha"), said(2, 2, "alpha"), said(3, 3, "alpha")]);
    assert_eq!(hits(&file, "alpha", &[1, 2]).len(), 2);
    assert_eq!(hits(&file, "alpha", &[3]), [3]);
    assert_eq!(hits(&file, &id(3), &[]), [0_u128; 0], "the client's id is no word of his texts");
}

#[test]
fn what_happened_after_the_bound_is_not_found() {
    let file = file(&[said(1, 1, "alpha"), said(2, 1, "alpha")]);
    let page = find(&file, "alpha", None, at(2), &Window::default()).expect("a page");
    assert_eq!(page.items.iter().map(|hit| hit.event.0).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_a_reader_types_is_words_and_never_an_operator() {
    let file = file(&[said(1, 1, "near or not and x")]);
    for text in ["\"", "a OR", "NEAR(", "terms: x", "x*", "-x", "client : x"] {
        let page = ask(&file, text, &[], &Window::default());
        assert!(page.is_ok() || match_expression(text).is_none(), "{text}: {page:?}");
    }
    assert_eq!(hits(&file, "NOT near", &[]), [1]);
}

#[test]
fn of_equally_good_hits_the_newest_comes_first_and_pages_join() {
    let facts: Vec<Fact> = (1..=9).map(|n| said(n, 1, "same words")).collect();
    let file = file(&facts);
    let mut found = Vec::new();
    let mut window = Window::first(2);
    loop {
        let page = ask(&file, "word", &[], &window).expect("a page");
        found.extend(page.items.iter().map(|hit| hit.event.0));
        let Some(next) = page.next else { break };
        window.cursor = Some(next);
    }
    assert_eq!(found, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_document_takes_the_place_of_an_older_one() {
    let file = file(&[said(1, 1, "alpha"), said(2, 1, "beta")]);
    Index(&file).write(&said(1, 1, "gamma"), true).expect("written");
    assert_eq!((hits(&file, "alpha", &[]), hits(&file, "gamma", &[])), (vec![], vec![1]));
    Index(&file).remove_event(letopis_core::ids::EventId(1)).expect("removed");
    assert_eq!((hits(&file, "gamma", &[]), hits(&file, "beta", &[])), (vec![], vec![2]));
}

#[test]
fn sealed_and_erased_texts_and_other_areas_are_not_indexed() {
    assert_eq!(texts_of(&erased(said(1, 1, "alpha")).event), None);
    let deal = fact(2, 1, 1, "deal.lost", json!({ "deal": id(1), "reason_text": "alpha" }));
    assert_eq!(texts_of(&deal.event), None);
    let registered = json!({ "kind": "person", "name": "Anna", "profile": { "city": "Tver" } });
    assert_eq!(texts_of(&fact(3, 1, 1, "client.registered", registered).event).as_deref(), Some("Anna\nTver"));
}

#[test]
fn of_a_removed_client_no_byte_is_left_in_the_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, conn) = on_disk(&dir);
    let index = Index(&conn);
    let other: Vec<Fact> = (1..=200).map(|n| said(n, 1, &format!("ordinary words number {n}"))).collect();
    other.iter().for_each(|fact| index.write(fact, false).expect("written"));
    let somebody = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
    let theirs = [said(201, somebody, "xylophonist"), said(202, somebody, "xylophonist quartzite")];
    theirs.iter().for_each(|fact| index.write(fact, false).expect("written"));
    let left = |word: &str| {
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
        let bytes = std::fs::read(&path).expect("a file");
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    assert!(left("xylophonist") && left("quartzit"));
    theirs.into_iter().for_each(|fact| index.write(&erased(fact), false).expect("written anew"));
    let name = id(somebody);
    assert_eq!(["xylophon", "quartzit", &name[6..], &name[6..].to_lowercase()].map(left), [false; 4]);
    conn.execute_batch("INSERT INTO search (search) VALUES ('integrity-check')").expect("a whole index");
}

#[test]
fn borders_of_pages_that_no_document_has_any_more_are_swept() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, conn) = on_disk(&dir);
    let index = Index(&conn);
    let theirs: Vec<Fact> = (1..=2_000).map(|n| said(n, 7, &format!("7391846{n:04} канарейжъ{n:04}"))).collect();
    let others: Vec<Fact> = (2_001..=4_000).map(|n| said(n, 8, &format!("keeper{n:04}"))).collect();
    let tx = conn.unchecked_transaction().expect("begun");
    theirs.iter().chain(&others).for_each(|fact| index.write(fact, false).expect("written"));
    tx.commit().expect("stored");
    theirs.into_iter().for_each(|fact| index.write(&erased(fact), false).expect("written anew"));
    let left = |word: &str| {
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
        let bytes = std::fs::read(&path).expect("a file");
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    assert!(left("7391846"), "without a sweep borders are left; when they are not, the sweep is to go");
    index.sweep().expect("swept");
    assert_eq!(["7391846", "канареи", "канарей"].map(left), [false; 3]);
    assert!(left("keeper"));
    conn.execute_batch("INSERT INTO search (search) VALUES ('integrity-check')").expect("a whole index");
}

proptest! {
    #[test]
    fn no_text_breaks_the_index_or_the_query(text in ".{0,40}", query in ".{0,20}") {
        let file = file(&[said(1, 1, &text)]);
        let found = ask(&file, &query, &[], &Window::default());
        prop_assert!(found.is_ok() || match_expression(&query).is_none(), "{:?}", found);
    }

    #[test]
    fn every_text_is_found_by_itself(text in "[a-zA-Zа-яёА-ЯЁé0-9 .,+@-]{0,40}") {
        let file = file(&[said(1, 1, &text)]);
        if match_expression(&text).is_some() {
            prop_assert_eq!(hits(&file, &text, &[]), [1]);
        }
    }
}
