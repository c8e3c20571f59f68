//! A settlement in one currency: every amount at the rate of its own day.
//!
//! An invoice counts on the day of its issue, lines and their changes on their days, a return on its own, what was
//! kept of a cancelled order on the day of the order. The parts of each order add up to what its account says in its
//! own currency, to the cent.

use letopis_core::ids::ClientId;
use letopis_core::money::Currency;
use letopis_core::time::Day;
use serde::Serialize;

use crate::engine::read::{QueryError, Reader};
use crate::engine::row::Cell;
use crate::views::ledger::{Kind, MoneyRow};
use crate::views::orders::OrderRow;
use crate::views::orders::charges::charges;
use crate::views::rates::{Converted, Fine, NoRate, RateUsed, Rates};

/// What a client owes, in the currency of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InCurrency {
    /// The currency of the report.
    pub currency: Currency,
    /// What goods and invoices ask for.
    pub charged: Converted,
    /// What returns take off.
    pub credited: Converted,
    /// Services rendered.
    pub services: Converted,
    /// Corrections by hand.
    pub adjusted: Converted,
    /// Prices lowered afterwards.
    pub conceded: Converted,
    /// Money that came.
    pub paid: Converted,
    /// Money that went back.
    pub refunded: Converted,
    /// `charged + services + adjusted − conceded − credited − paid + refunded`: with what rates did between the
    /// days of debt and of payment.
    pub owed: Converted,
    /// The rates it rests on.
    pub rates: Vec<RateUsed>,
    /// What no sum holds, since no rate was set by then.
    pub unconverted: Vec<NoRate>,
}

/// What a client (the head of an alias group) owes, in one currency.
///
/// # Errors
/// When the views cannot be read.
pub fn in_currency(reader: &Reader<'_>, client: ClientId, to: Currency) -> Result<InCurrency, QueryError> {
    let mut rates = Rates::load(reader, to)?;
    let mut add = |sum: &mut Fine, minor: i64, currency: Currency, day: Day| {
        let micro = i128::from(minor) * 10i128.pow(6 - currency.exponent().min(6));
        if let Some(more) = rates.convert(micro, currency, day) {
            sum.plus(more);
        }
    };
    let (mut charged, mut credited) = (Fine::default(), Fine::default());
    for row in reader.rows::<OrderRow>("WHERE client = ?1 ORDER BY since, order_id", &[&client.put()])? {
        for charge in charges(&row, reader.zone) {
            add(&mut charged, charge.charged, charge.currency, charge.day);
            add(&mut credited, charge.credited, charge.currency, charge.day);
        }
    }
    let [mut services, mut adjusted, mut conceded, mut paid, mut refunded] = [Fine::default(); 5];
    for row in reader.rows::<MoneyRow>("WHERE client = ?1 ORDER BY occurred_at, event", &[&client.put()])? {
        let (Some(kind), Some(currency)) = (row.kind, row.currency) else { continue };
        let sum = match kind {
            Kind::Invoiced => continue,
            Kind::Paid => &mut paid,
            Kind::Refunded => &mut refunded,
            Kind::Service => &mut services,
            Kind::Adjusted => &mut adjusted,
            Kind::Conceded => &mut conceded,
        };
        add(sum, row.minor, currency, row.day);
    }
    let mut owed = charged;
    [services, adjusted, refunded].into_iter().for_each(|more| owed.plus(more));
    let owed = [conceded, credited, paid].into_iter().fold(owed, Fine::minus);
    let converted = |sum| Converted::new(sum, to);
    let (rates, unconverted) = rates.done();
    Ok(InCurrency {
        currency: to,
        charged: converted(charged),
        credited: converted(credited),
        services: converted(services),
        adjusted: converted(adjusted),
        conceded: converted(conceded),
        paid: converted(paid),
        refunded: converted(refunded),
        owed: converted(owed),
        rates,
        unconverted,
    })
}
