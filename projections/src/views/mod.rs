//! The read models, one folder each: rows, fold, totals, queries.

pub mod applications;
pub mod articles;
pub mod assets;
pub mod attributes;
pub mod cases;
pub mod cited;
pub mod client;
pub mod contracts;
pub mod deals;
pub mod definitions;
pub mod documents;
pub mod exceptions;
pub mod explain;
pub mod finances;
pub mod funnel;
pub mod history;
pub mod leads;
pub mod ledger;
pub mod letters;
pub mod loyalty;
pub mod meetings;
pub mod orders;
pub mod plan_items;
pub mod presale;
pub mod pricing;
pub mod promises;
pub mod rates;
pub mod sales;
pub mod settlement;
pub mod solutions;
pub mod tasks;
pub mod texts;
pub mod why;
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
        Box::new(Folded::new(documents::Documents)),
        Box::new(Folded::new(documents::Envelopes)),
        Box::new(Folded::new(documents::Packs)),
        Box::new(Folded::new(exceptions::Exceptions)),
        Box::new(Folded::new(finances::Finances)),
        Box::new(Folded::new(history::Handling)),
        Box::new(Folded::new(history::History)),
        Box::new(Folded::new(leads::Leads)),
        Box::new(Folded::new(ledger::Ledger)),
        Box::new(Folded::new(letters::Letters)),
        Box::new(Folded::new(meetings::Meetings)),
        Box::new(Folded::new(orders::Orders)),
        Box::new(Folded::new(plan_items::PlanLinks)),
        Box::new(Folded::new(presale::Presale)),
        Box::new(Folded::new(pricing::Decisions)),
        Box::new(Folded::new(pricing::Offers)),
        Box::new(Folded::new(pricing::Quotes)),
        Box::new(Folded::new(promises::Promises)),
        Box::new(Folded::new(settlement::Settlement)),
        Box::new(Folded::new(solutions::Solutions)),
        Box::new(Folded::new(tasks::Tasks)),
        Box::new(Folded::new(work::Work)),
    ]
}

/// Every question that is asked by name. A new answer is a function in its view's folder and a line in its list.
pub fn questions() -> impl Iterator<Item = &'static Question> {
    [
        applications::QUESTIONS,
        articles::QUESTIONS,
        assets::QUESTIONS,
        cases::QUESTIONS,
        client::QUESTIONS,
        contracts::QUESTIONS,
        deals::QUESTIONS,
        definitions::QUESTIONS,
        documents::QUESTIONS,
        exceptions::QUESTIONS,
        finances::QUESTIONS,
        funnel::QUESTIONS,
        history::QUESTIONS,
        leads::QUESTIONS,
        ledger::QUESTIONS,
        letters::QUESTIONS,
        loyalty::QUESTIONS,
        meetings::QUESTIONS,
        orders::QUESTIONS,
        plan_items::QUESTIONS,
        presale::QUESTIONS,
        pricing::QUESTIONS,
        promises::QUESTIONS,
        sales::QUESTIONS,
        settlement::QUESTIONS,
        solutions::QUESTIONS,
        tasks::QUESTIONS,
        work::QUESTIONS,
    ]
    .into_iter()
    .flatten()
}
