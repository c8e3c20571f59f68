//! The read models, one folder each: rows, fold, totals, queries.

pub mod cases;
pub mod client;
pub mod deals;
pub mod definitions;
pub mod explain;
pub mod funnel;
pub mod history;
pub mod leads;
pub mod loyalty;
pub mod orders;
pub mod presale;
pub mod sales;
pub mod settlement;
pub mod words;

use crate::engine::question::Question;
use crate::engine::view::{Folded, View};

/// Every view there is. A new read model is a folder here and a line in this list.
pub fn all() -> Vec<Box<dyn View>> {
    vec![
        Box::new(Folded::new(cases::Cases)),
        Box::new(Folded::new(client::Client)),
        Box::new(Folded::new(deals::Deals)),
        Box::new(Folded::new(definitions::Stated)),
        Box::new(Folded::new(definitions::Employees)),
        Box::new(Folded::new(history::Handling)),
        Box::new(Folded::new(history::History)),
        Box::new(Folded::new(leads::Leads)),
        Box::new(Folded::new(orders::Orders)),
        Box::new(Folded::new(presale::Presale)),
        Box::new(Folded::new(settlement::Settlement)),
    ]
}

/// Every question that is asked by name. A new answer is a function in its view's folder and a line in its list.
pub fn questions() -> impl Iterator<Item = &'static Question> {
    [
        deals::QUESTIONS,
        definitions::QUESTIONS,
        funnel::QUESTIONS,
        leads::QUESTIONS,
        presale::QUESTIONS,
        sales::QUESTIONS,
    ]
    .into_iter()
    .flatten()
}
