//! Quotes as they were made.

use letopis_core::code::Code;
use letopis_core::definitions::Definition;
use letopis_core::events::pricing::{PriceChange, PriceRuleDefined, PriceStep, QuoteLine};
use letopis_core::events::{Event, PricingEvent};
use letopis_core::fact::Fact;
use letopis_core::ids::{ClientId, EmployeeId, QuoteId};
use letopis_core::money::Currency;
use letopis_core::time::{Day, Moment};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::engine::projection::{Context, Projection};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Json};
use crate::row;

row! {
    /// A quote.
    pub struct QuoteRow in "quote", index ["client"] {
        /// The quote.
        key quote: QuoteId,
        owner client,
        /// When it was made.
        made_at: Option<Moment>,
        /// The currency of its prices.
        currency: Option<Currency>,
        /// What for, and how each price came about.
        lines: Json<Vec<QuoteLine>>,
        /// Good until the end of this day.
        until: Option<Day>,
        /// By whom.
        employee: Option<EmployeeId>,
    }
}

/// The view of quotes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quotes;

impl Projection for Quotes {
    const NAME: &'static str = "quotes";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["pricing"];
    type Row = QuoteRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Pricing(PricingEvent::QuoteMade(e)) = &fact.event {
            keys.push(e.quote.0);
        }
    }

    fn fold(&self, row: &mut QuoteRow, fact: &Fact, _cx: &Context<'_>) {
        let Event::Pricing(PricingEvent::QuoteMade(e)) = &fact.event else { return };
        (row.made_at, row.currency) = (Some(fact.occurred), Some(e.currency));
        row.lines.0.clone_from(&e.lines);
        (row.until, row.employee) = (e.until, e.employee);
    }
}

#[derive(Serialize)]
struct Step {
    /// `price-rule:vip@2`.
    rule: String,
    #[serde(with = "rust_decimal::serde::str")]
    before: Decimal,
    #[serde(with = "rust_decimal::serde::str")]
    after: Decimal,
    /// The condition of that version; none when no such version is known.
    when: Option<String>,
    change: Option<PriceChange>,
}

#[derive(Serialize)]
struct Line {
    product: Code,
    #[serde(with = "rust_decimal::serde::str")]
    quantity: Decimal,
    #[serde(with = "rust_decimal::serde::str")]
    list_price: Decimal,
    #[serde(with = "rust_decimal::serde::str")]
    unit_price: Decimal,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Quote {
    quote: QuoteId,
    client: ClientId,
    made_at: Option<Moment>,
    currency: Option<Currency>,
    until: Option<Day>,
    expired: bool,
    employee: Option<EmployeeId>,
    lines: Vec<Line>,
}

/// Whose quote it is.
pub(super) fn find(reader: &Reader<'_>, quote: u128) -> Result<Option<ClientId>, QueryError> {
    let rows = reader.rows::<QuoteRow>("WHERE quote = ?1", &[&QuoteId(quote).put()])?;
    Ok(rows.first().map(|row| row.client.client()))
}

pub(super) fn quote(reader: &Reader<'_>, _: &mut Params, quote: u128) -> Answer {
    let rows = reader.rows::<QuoteRow>("WHERE quote = ?1", &[&QuoteId(quote).put()])?;
    let Some(row) = rows.into_iter().next() else { return json(()) };
    let definitions = reader.definitions(&[PriceRuleDefined::KIND])?;
    let step = |step: PriceStep| {
        let versions = definitions.versions::<PriceRuleDefined>(step.rule.as_str());
        let rule = versions.iter().find(|dated| dated.version.0 == step.version);
        Step {
            rule: format!("{}:{}@{}", PriceRuleDefined::KIND, step.rule, step.version),
            before: step.before,
            after: step.after,
            when: rule.map(|rule| rule.value.when.as_str().to_owned()),
            change: rule.map(|rule| rule.value.change),
        }
    };
    let line = |line: QuoteLine| Line {
        product: line.product,
        quantity: line.quantity,
        list_price: line.list_price,
        unit_price: line.unit_price,
        steps: line.steps.into_iter().map(step).collect(),
    };
    json(Quote {
        quote: row.quote,
        client: row.client.client(),
        made_at: row.made_at,
        currency: row.currency,
        until: row.until,
        expired: row.until.is_some_and(|until| until < reader.zone.day(reader.now)),
        employee: row.employee,
        lines: row.lines.0.into_iter().map(line).collect(),
    })
}
