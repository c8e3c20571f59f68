//! The read models, one folder each: rows, fold, totals, queries.

pub mod applications;
pub mod articles;
pub mod assets;
pub mod attributes;
pub mod cases;
pub mod client;
pub mod contracts;
pub mod deals;
pub mod definitions;
pub mod exceptions;
pub mod documents;
pub mod explain;
pub mod finances;
pub mod funnel;
pub mod history;
pub mod ledger;
pub mod leads;
pub mod letters;
pub mod loyalty;
pub mod meetings;
pub mod orders;
pub mod pricing;
pub mod rates;
pub mod presale;
pub mod sales;
pub mod settlement;
pub mod tasks;
pub mod why;
pub mod texts;
pub mod plan_items;
pub mod promises;
pub mod settlement;
pub mod solutions;
pub mod words;
pub mod work;

use crate::engine::question::Question;
use crate::engine::view::{Folded, View};

/// Every view there is. A new read model is a folder here and a line in this list.
pub fn all() -> Vec<Box<dyn View>> {
    vec![
        Box::new(Folded::new(applications::Applications)),
        Box::new(Folded::new(articles::Articles)),
        Box::new(Folded::new(assets::Assets)),
        Box::new(Folded::new(attributes::Attributes)),
        Box::new(Folded::new(cases::Cases)),
        Box::new(Folded::new(client::Client)),
        Box::new(Folded::new(contracts::Contracts)),
        Box::new(Folded::new(contracts::ServiceLines)),
        Box::new(Folded::new(deals::Deals)),
        Box::new(Folded::new(definitions::Stated)),
        Box::new(Folded::new(definitions::Employees)),
        Box::new(Folded::new(exceptions::Exceptions)),
        Box::new(Folded::new(history::Handling)),
        Box::new(Folded::new(history::History)),
        Box::new(Folded::new(meetings::Meetings)),
        Box::new(Folded::new(documents::Documents)),
        Box::new(Folded::new(documents::Envelopes)),
        Box::new(Folded::new(documents::Packs)),
        Box::new(Folded::new(finances::Finances)),
        Box::new(Folded::new(history::Handling)),
        Box::new(Folded::new(history::History)),
        Box::new(Folded::new(ledger::Ledger)),
        Box::new(Folded::new(orders::Orders)),
        Box::new(Folded::new(pricing::Decisions)),
        Box::new(Folded::new(pricing::Offers)),
        Box::new(Folded::new(pricing::Quotes)),
        Box::new(Folded::new(leads::Leads)),
        Box::new(Folded::new(orders::Orders)),
        Box::new(Folded::new(presale::Presale)),
        Box::new(Folded::new(settlement::Settlement)),
        Box::new(Folded::new(tasks::Tasks)),
        Box::new(Folded::new(letters::Letters)),
        Box::new(Folded::new(orders::Orders)),
        Box::new(Folded::new(plan_items::PlanLinks)),
        Box::new(Folded::new(promises::Promises)),
        Box::new(Folded::new(settlement::Settlement)),
        Box::new(Folded::new(solutions::Solutions)),
        Box::new(Folded::new(work::Work)),
    ]
}

/// Every question that is asked by name. A new answer is a function in its view's folder and a line in its list.
pub fn questions() -> impl Iterator<Item = &'static Question> {
    [articles::QUESTIONS, assets::QUESTIONS, contracts::QUESTIONS, definitions::QUESTIONS].into_iter().flatten()
    [
        client::QUESTIONS,
        definitions::QUESTIONS,
        exceptions::QUESTIONS,
        history::QUESTIONS,
        meetings::QUESTIONS,
        tasks::QUESTIONS,
    [
        definitions::QUESTIONS,
        documents::QUESTIONS,
        finances::QUESTIONS,
        ledger::QUESTIONS,
        orders::QUESTIONS,
        pricing::QUESTIONS,
        settlement::QUESTIONS,
    [
        deals::QUESTIONS,
        definitions::QUESTIONS,
        funnel::QUESTIONS,
        leads::QUESTIONS,
        presale::QUESTIONS,
        sales::QUESTIONS,
    [
        applications::QUESTIONS,
        articles::QUESTIONS,
        assets::QUESTIONS,
        cases::QUESTIONS,
        contracts::QUESTIONS,
        definitions::QUESTIONS,
        letters::QUESTIONS,
        plan_items::QUESTIONS,
        promises::QUESTIONS,
        solutions::QUESTIONS,
        work::QUESTIONS,
    ]
    .into_iter()
    .flatten()
}
