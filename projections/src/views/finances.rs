//! What clients can spend: budgets and credit limits by source, beside what they owe and what we hope for.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::definitions::Definition;
use letopis_core::events::definition::StageModelDefined;
use letopis_core::events::{Event, FinanceEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, EventId};
use letopis_core::money::{Currency, Money};
use letopis_core::time::Moment;
use serde::Serialize;

use super::deals::{DEFAULT_MODEL, DealRow};
use super::orders::answer::narrow;
use super::settlement::client_settlement;
use crate::engine::projection::{Context, Projection};
use crate::engine::question::{About, Answer, Params, Question, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;
use crate::row;

row! {
    /// What a source said that a client can spend.
    pub struct ProfileRow in "financial_profile", index ["client"] {
        /// The event.
        key event: EventId,
        owner client,
        /// Who says so.
        source: Option<Code>,
        /// When.
        said_at: Option<Moment>,
        /// What he means to spend, in minor units.
        budget_minor: Option<i64>,
        /// Its currency.
        budget_currency: Option<Currency>,
        /// How far he may be in debt to us, in minor units.
        credit_minor: Option<i64>,
        /// Its currency.
        credit_currency: Option<Currency>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finances;

impl Projection for Finances {
    const NAME: &'static str = "finances";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["finance"];
    type Row = ProfileRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Finance(FinanceEvent::FinancialProfileRecorded(_)) = &fact.event {
            keys.push(fact.id.0);
        }
    }

    fn fold(&self, row: &mut ProfileRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Finance(FinanceEvent::FinancialProfileRecorded(e)) = &fact.event else { return };
        (row.source, row.said_at) = (Some(e.source.clone()), Some(fact.occurred));
        (row.budget_minor, row.budget_currency) = (e.budget.map(|m| m.minor), e.budget.map(|m| m.currency));
        (row.credit_minor, row.credit_currency) = (e.credit_limit.map(|m| m.minor), e.credit_limit.map(|m| m.currency));
    }
}

/// What can be asked about the means of clients.
pub const QUESTIONS: &[Question] = &[Question {
    name: "finances",
    path: "/v1/clients/{id}/finances",
    view: "finances",
    doc: "What a client can spend, by source; what he owes; what his open deals may bring within his budget.",
    params: &[],
    about: About::Client(|reader, _: &mut Params, client| -> Answer { json(finances(reader, client)?) }),
}];

/// The last word of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Who says so.
    pub source: Option<Code>,
    /// When.
    pub at: Option<Moment>,
    /// The event.
    pub event: EventId,
    /// What he means to spend.
    pub budget: Option<Money>,
    /// How far he may be in debt to us.
    pub credit_limit: Option<Money>,
}

/// What open deals may bring in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hope {
    /// Open deals with an amount in this currency.
    pub deals: i64,
    /// What they may come to.
    pub amount: Money,
    /// The same, weighted with the chance of the stage; deals in stages without one count nothing.
    pub weighted: Money,
    /// The weighted amount, but no more than the budget in this currency.
    pub within_budget: Money,
    /// The stage models that the chances come from.
    pub models: std::collections::BTreeSet<String>,
}

/// The means of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Means {
    /// The client.
    pub client: ClientId,
    /// What each source said last.
    pub profiles: Vec<Said>,
    /// The last budget that anybody told.
    pub budget: Option<Money>,
    /// The last credit limit that anybody told.
    pub credit_limit: Option<Money>,
    /// What he owes, currency by currency.
    pub owed: Vec<Money>,
    /// What is left of the credit limit; negative beyond it.
    pub credit_left: Option<Money>,
    /// What his open deals may bring, currency by currency.
    pub forecast: Vec<Hope>,
}

/// The means of a client (the head of an alias group).
///
/// # Errors
/// When the views cannot be read.
pub fn finances(reader: &Reader<'_>, client: ClientId) -> Result<Means, QueryError> {
    let mut rows = reader.rows::<ProfileRow>("WHERE client = ?1", &[&client.put()])?;
    rows.sort_by_key(|row| (row.said_at.map(|moment| moment.at), row.event));
    let money = |minor: Option<i64>, currency: Option<Currency>| {
        minor.zip(currency).map(|(minor, currency)| Money { minor, currency })
    };
    let mut by_source: BTreeMap<Option<Code>, Said> = BTreeMap::new();
    let (mut budget, mut credit_limit) = (None, None);
    for row in rows {
        let said = Said {
            source: row.source.clone(),
            at: row.said_at,
            event: row.event,
            budget: money(row.budget_minor, row.budget_currency),
            credit_limit: money(row.credit_minor, row.credit_currency),
        };
        budget = said.budget.or(budget);
        credit_limit = said.credit_limit.or(credit_limit);
        by_source.insert(row.source, said);
    }
    let settlement = client_settlement(reader, client)?;
    let owed: Vec<Money> = settlement
        .currencies
        .iter()
        .map(|own| Money { minor: own.total.owed_minor, currency: own.total.currency })
        .collect();
    let credit_left = credit_limit.map(|limit: Money| {
        let debt = owed.iter().find(|owed| owed.currency == limit.currency).map_or(0, |owed| owed.minor);
        Money { minor: limit.minor.saturating_sub(debt), ..limit }
    });
    let forecast = forecast(reader, client, budget)?;
    let profiles = by_source.into_values().collect();
    Ok(Means { client, profiles, budget, credit_limit, owed, credit_left, forecast })
}

fn forecast(reader: &Reader<'_>, client: ClientId, budget: Option<Money>) -> Result<Vec<Hope>, QueryError> {
    let definitions = reader.definitions(&[StageModelDefined::KIND])?;
    let mut by: BTreeMap<Currency, (i64, i128, i128, std::collections::BTreeSet<String>)> = BTreeMap::new();
    for deal in reader.rows::<DealRow>("WHERE client = ?1 AND status = 'open'", &[&client.put()])? {
        let (Some(minor), Some(currency)) = (deal.amount_minor, deal.currency) else { continue };
        let model = deal.model.as_ref().map_or(DEFAULT_MODEL, Code::as_str);
        let model = definitions.latest::<StageModelDefined>(model);
        let stage = model
            .as_ref()
            .and_then(|model| model.value.stages.iter().find(|of| Some(&of.stage) == deal.stage.as_ref()));
        let chance = stage.and_then(|stage| stage.probability_bp).unwrap_or_default();
        let (deals, amount, weighted, models) = by.entry(currency).or_default();
        *deals += 1;
        *amount += i128::from(minor);
        *weighted += i128::from(minor) * i128::from(chance);
        models.extend(model.map(|model| model.name()));
    }
    let hope = |(currency, (deals, amount, weighted, models))| {
        let money = |minor: i128| Money { minor: narrow(minor), currency };
        // Basis points, rounded half up: amounts of deals are not negative.
        let weighted = money((weighted + 5_000) / 10_000);
        let limit = budget.filter(|budget| budget.currency == currency);
        let within_budget = limit.filter(|limit| limit.minor < weighted.minor).unwrap_or(weighted);
        Hope { deals, amount: money(amount), weighted, within_budget, models }
    };
    Ok(by.into_iter().map(hope).collect())
}
