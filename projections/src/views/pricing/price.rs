//! The price of a piece for a client: the list price, changed by the rules that count, one after the other.
//!
//! Rules are asked in the order of their priority, the highest first, equal ones by code. Every step is exact; the
//! last is rounded once to the minor unit, half away from zero. A rule that does not stack ends the list. A rule
//! whose condition cannot be decided (it asks about something that is not known) does not count, and says so.

use std::fmt;
use std::str::FromStr;

use letopis_core::code::Code;
use letopis_core::definitions::{Dated, Definition, Definitions};
use letopis_core::events::definition::ProductDefined;
use letopis_core::events::pricing::{PriceChange, PriceRuleDefined, PriceStep, QuoteLine};
use letopis_core::ids::ClientId;
use letopis_core::money::{Currency, Money};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;
use serde_json::Value;

use super::names::{names, with_line};
use crate::engine::question::wrong;
use crate::engine::read::{QueryError, Reader};
use crate::views::orders::answer::Amount;
use crate::views::orders::number::times;

/// What is wanted: `tea:2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What.
    pub product: Code,
    /// How many.
    pub quantity: Decimal,
}

/// The text is no line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLine(String);

impl fmt::Display for InvalidLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not `product:quantity`, the quantity more than zero", self.0)
    }
}

impl FromStr for Wanted {
    type Err = InvalidLine;
    fn from_str(text: &str) -> Result<Self, InvalidLine> {
        let bad = || InvalidLine(text.chars().take(120).collect());
        let (product, quantity) = text.split_once(':').ok_or_else(bad)?;
        let quantity: Decimal = quantity.parse().map_err(|_| bad())?;
        let product = product.parse().map_err(|_| bad())?;
        if quantity > Decimal::ZERO { Ok(Self { product, quantity }) } else { Err(bad()) }
    }
}

/// Why a rule changed a price or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// `price-rule:vip@2`.
    pub rule: String,
    /// Its condition.
    pub when: String,
    /// What it does.
    pub change: PriceChange,
    /// Whether it was applied.
    pub applied: bool,
    /// Why not.
    pub because: Option<String>,
}

/// A product without a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unpriced {
    /// What.
    pub product: Code,
    /// Why not.
    pub reason: String,
}

/// Prices for a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Priced {
    /// The client.
    pub client: ClientId,
    /// The currency of the prices.
    pub currency: Currency,
    /// The lines, as a quote records them.
    pub lines: Vec<QuoteLine>,
    /// For each line, every rule that was asked.
    pub why: Vec<Vec<Why>>,
    /// What has no price, and why.
    pub unpriced: Vec<Unpriced>,
    /// What the lines come to.
    pub total: Amount,
    /// What the conditions were asked about.
    pub names: Value,
}

/// Prices for a client (the head of an alias group), as of the reader's bound.
///
/// # Errors
/// When nothing is asked for, or the views cannot be read.
pub fn price(
    reader: &Reader<'_>,
    client: ClientId,
    wanted: &[Wanted],
    currency: Currency,
) -> Result<Priced, QueryError> {
    if wanted.is_empty() {
        return Err(wrong("lines", "lines is missing: what and how many, such as `tea:2,cup:1`"));
    }
    let definitions = reader.definitions(&[ProductDefined::KIND, PriceRuleDefined::KIND])?;
    let names = names(reader, client, currency)?;
    let rules = rules(&definitions);
    let (mut lines, mut why, mut unpriced, mut total) = (Vec::new(), Vec::new(), Vec::new(), 0i128);
    for Wanted { product, quantity } in wanted {
        match priced(&definitions, &rules, &names, product, *quantity, currency) {
            Ok((line, told)) => {
                total += i128::from(times(*quantity, line.unit_price).0);
                lines.push(line);
                why.push(told);
            }
            Err(reason) => unpriced.push(Unpriced { product: product.clone(), reason }),
        }
    }
    Ok(Priced { client, currency, lines, why, unpriced, total: Amount::new(total, currency), names })
}

/// The rules that count, in the order in which they are asked.
fn rules(definitions: &Definitions) -> Vec<Dated<'_, PriceRuleDefined>> {
    let mut rules = definitions.all::<PriceRuleDefined>();
    rules.retain(|rule| rule.value.active);
    rules.sort_by(|a, b| b.value.priority.cmp(&a.value.priority).then_with(|| a.code.cmp(b.code)));
    rules
}

fn priced(
    definitions: &Definitions,
    rules: &[Dated<'_, PriceRuleDefined>],
    names: &Value,
    product: &Code,
    quantity: Decimal,
    currency: Currency,
) -> Result<(QuoteLine, Vec<Why>), String> {
    let defined =
        definitions.latest::<ProductDefined>(product.as_str()).ok_or_else(|| format!("there is no {product}"))?;
    let list_price = defined
        .value
        .list_price
        .filter(|_| defined.value.currency == Some(currency))
        .ok_or_else(|| format!("{} has no list price in {currency}", defined.name()))?;
    let names = with_line(names, defined.value, quantity);
    let (mut price, mut steps, mut why, mut ended) = (list_price, Vec::new(), Vec::new(), None::<String>);
    for rule in rules {
        let after = match &ended {
            Some(name) => Err(format!("{name} does not stack with rules of lower priority")),
            None => apply(rule.value, price, currency, &names),
        };
        let mut told = Why {
            rule: rule.name(),
            when: rule.value.when.as_str().to_owned(),
            change: rule.value.change,
            applied: after.is_ok(),
            because: None,
        };
        match after {
            Ok(after) => {
                let code = rule.code.parse().map_err(|_| format!("{} is no code", rule.code))?;
                steps.push(PriceStep { rule: code, version: rule.version.0, before: price, after });
                price = after;
                ended = (!rule.value.stacks).then(|| rule.name());
            }
            Err(because) => told.because = Some(because),
        }
        why.push(told);
    }
    let unit_price = price.round_dp_with_strategy(currency.exponent(), RoundingStrategy::MidpointAwayFromZero);
    Ok((QuoteLine { product: product.clone(), quantity, list_price, unit_price, steps }, why))
}

/// The price after a rule, or why it does not count.
fn apply(rule: &PriceRuleDefined, price: Decimal, currency: Currency, names: &Value) -> Result<Decimal, String> {
    match rule.when.holds(names) {
        Ok(true) => {}
        Ok(false) => return Err("its condition does not hold".into()),
        Err(undecided) => return Err(undecided.to_string()),
    }
    let amount = |money: Money| match money.currency == currency {
        true => Ok(Decimal::new(money.minor, currency.exponent())),
        false => Err(format!("it is in {}", money.currency)),
    };
    let part = |bp: i64| price.checked_mul(Decimal::new(bp, 4)).ok_or("the price is too large");
    let after = match rule.change {
        PriceChange::DiscountBp(bp) => part(10_000 - i64::from(bp))?,
        PriceChange::MarkupBp(bp) => part(10_000 + i64::from(bp))?,
        PriceChange::Discount(money) => price.saturating_sub(amount(money)?),
        PriceChange::Markup(money) => price.saturating_add(amount(money)?),
    };
    Ok(after.max(Decimal::ZERO).normalize())
}
