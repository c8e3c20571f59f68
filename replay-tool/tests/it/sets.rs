//! Sets of products that are bought together, beside a plain count of the table they come from.

use std::collections::{BTreeMap, BTreeSet};

use letopis_core::code::Code;
use serde_json::Value;

use crate::support::{Desk, repository, text};

/// Pairs of products by the number of invoices that hold both, the most frequent first.
fn counted(table: &std::path::Path) -> (usize, Vec<(usize, String, String)>) {
    let file = std::fs::File::open(table).expect("the slice");
    let mut reader = csv::Reader::from_reader(flate2::read::MultiGzDecoder::new(file));
    let mut invoices: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in reader.records() {
        let row = row.expect("a row");
        let (invoice, product, quantity) = (&row[0], &row[1], row[3].parse::<i64>().expect("a number"));
        if invoice.starts_with(['A', 'C']) || quantity <= 0 {
            continue;
        }
        let plain = product.parse::<Code>().is_ok();
        let product = if plain { product.to_owned() } else { Code::slug(product).expect("letters").to_string() };
        invoices.entry(invoice.to_owned()).or_default().insert(product);
    }
    let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for products in invoices.values() {
        for a in products {
            for b in products.range::<String, _>((std::ops::Bound::Excluded(a), std::ops::Bound::Unbounded)) {
                *pairs.entry((a, b)).or_default() += 1;
            }
        }
    }
    let mut pairs: Vec<(usize, String, String)> =
        pairs.into_iter().map(|((a, b), count)| (count, a.to_owned(), b.to_owned())).collect();
    pairs.sort_by(|x, y| y.0.cmp(&x.0).then_with(|| (&x.1, &x.2).cmp(&(&y.1, &y.2))));
    (invoices.len(), pairs)
}

#[test]
fn retail_baskets_give_the_sets_that_a_count_of_the_table_gives() {
    let dir = repository().join("fixtures/data/retail");
    let (invoices, pairs) = counted(&dir.join("online_retail_2010_2011.csv.gz"));
    let desk = Desk::new();
    desk.import_set("retail", &dir);
    desk.report("rebuild", &["--install"]);
    let answer = desk.ask(&["sets", "--limit", "100"]);
    assert_eq!(answer["orders"].as_u64(), Some(invoices as u64));
    let told: Vec<(usize, String, String)> = answer["page"]["items"]
        .as_array()
        .expect("pairs")
        .iter()
        .map(|pair| {
            let product = |n: usize| text(&pair["products"][n]).to_owned();
            (pair["together"].as_u64().expect("a count") as usize, product(0), product(1))
        })
        .collect();
    assert_eq!(told, pairs[..100]);
    println!("{invoices} invoices; {} pairs; most often {:?}", pairs.len(), pairs[0]);
    let lifts = answer["page"]["items"].as_array().expect("pairs").iter().map(|pair: &Value| pair["lift"].as_f64());
    assert!(lifts.flatten().all(|lift| lift > 1.0), "what is bought together most often is so not by chance");
}
