//! What rivals offer, and where we stand against them.

use std::collections::BTreeMap;

use letopis_core::code::Code;
use letopis_core::definitions::{Dated, Definition, Definitions};
use letopis_core::events::definition::ProductDefined;
use letopis_core::events::market::CompetitorObserved;
use letopis_core::ids::EventId;
use letopis_core::money::{Currency, Exact, Money};
use letopis_core::time::{Moment, Timestamp};
use serde::Serialize;

use crate::engine::list::Page;
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Atom, Cell};
use crate::views::funnel::Ratio;

/// One thing that was observed of a rival.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Observation {
    /// Which one: `competitor:acme@3`.
    pub name: String,
    /// The rival.
    pub competitor: String,
    /// When.
    pub at: Moment,
    /// The event that says so.
    pub event: EventId,
    /// Who or what says so.
    pub source: Code,
    /// The product of ours that it stands against.
    pub product: Option<Code>,
    /// What the rival calls his.
    pub rival_product: Option<Code>,
    /// What he asks for one.
    pub price: Option<Money>,
    /// On which terms.
    pub terms: Option<Code>,
    /// What he does.
    pub activity: Option<Code>,
    /// Our list price at that instant, where it is in the same currency.
    pub our_price: Option<Money>,
    /// Our price less his, by his; above zero when we are dearer.
    pub dearer: Option<Ratio>,
}

/// A rival, with what was seen of him last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RivalItem {
    /// The rival.
    pub competitor: String,
    /// Observations.
    pub observations: i64,
    /// The last of them.
    pub last_at: Moment,
    /// What he asks for each product of ours that he stands against, by the last observation of it.
    pub prices: BTreeMap<Code, Money>,
    /// The last terms that were seen.
    pub terms: Option<Code>,
    /// What he was seen to do, by how often.
    pub activities: BTreeMap<Code, i64>,
    /// Deals that we lost to him, up to the bound.
    pub lost_deals: i64,
}

/// Where our price of a product stands among those of the rivals, in one currency.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Position {
    /// The product of ours.
    pub product: Code,
    /// The currency.
    pub currency: Currency,
    /// Our list price at the bound; null when it is not known in this currency.
    pub ours: Option<Money>,
    /// Which version of the product says so.
    pub definition: Option<String>,
    /// Rivals with a price.
    pub rivals: i64,
    /// Our place, 1 for the cheapest; equal prices share a place.
    pub rank: Option<i64>,
    /// The cheapest price of a rival, and whose.
    pub lowest: (Money, String),
    /// The dearest price of a rival, and whose.
    pub highest: (Money, String),
    /// Our price less the mean of theirs, by that mean, in minor units.
    pub dearer_than_mean: Option<Ratio>,
    /// The price of each rival, by the last observation.
    pub prices: BTreeMap<String, Money>,
}

fn load(reader: &Reader<'_>) -> Result<Definitions, QueryError> {
    reader.definitions(&[CompetitorObserved::KIND, ProductDefined::KIND])
}

/// All observations, by instant and name.
fn observed(defined: &Definitions) -> Vec<Dated<'_, CompetitorObserved>> {
    let rivals = defined.all::<CompetitorObserved>();
    let all = rivals.iter().flat_map(|rival| defined.versions::<CompetitorObserved>(rival.code));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|seen| (seen.from, seen.event));
    all
}

fn our_price(defined: &Definitions, product: &Code, at: Timestamp) -> Option<(Money, String)> {
    let dated = defined.at::<ProductDefined>(product.as_str(), at)?;
    let (price, currency) = dated.value.list_price.zip(dated.value.currency)?;
    Some((Exact::from_decimal(price)?.round(currency), dated.name()))
}

pub(super) fn prices(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let (competitor, product) = (params.one::<String>("competitor")?, params.one::<Code>("product")?);
    let window = params.window()?;
    let (limit, _) = window.wanted()?;
    let shape = format!("rival prices {competitor:?} {product:?}");
    let place = window.place(&shape, 2)?;
    let defined = load(reader)?;
    let mut found = observed(&defined);
    found.retain(|seen| {
        competitor.as_ref().is_none_or(|wanted| wanted == seen.code)
            && product.as_ref().is_none_or(|wanted| seen.value.product.as_ref() == Some(wanted))
            && place.as_ref().is_none_or(|place| atoms(seen) > *place)
    });
    found.truncate(limit + 1);
    let page = Page::cut(found, limit, &shape, atoms);
    json(page.map(|seen| Observation::new(&seen, &defined)))
}

fn atoms(seen: &Dated<'_, CompetitorObserved>) -> Vec<Atom> {
    vec![seen.from.put(), seen.event.put()]
}

impl Observation {
    fn new(seen: &Dated<'_, CompetitorObserved>, defined: &Definitions) -> Self {
        let value = seen.value.clone();
        let ours = value.product.as_ref().and_then(|product| our_price(defined, product, seen.from));
        let ours =
            ours.map(|(ours, _)| ours).filter(|ours| value.price.is_some_and(|his| his.currency == ours.currency));
        Self {
            name: seen.name(),
            competitor: seen.code.to_owned(),
            at: Moment::utc(seen.from),
            event: seen.event,
            dearer: ours.zip(value.price).map(|(ours, his)| Ratio::of_sums(ours.minor - his.minor, his.minor, 1)),
            source: value.source,
            product: value.product,
            rival_product: value.rival_product,
            price: value.price,
            terms: value.terms,
            activity: value.activity,
            our_price: ours,
        }
    }
}

pub(super) fn register(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let window = params.window()?;
    let (limit, _) = window.wanted()?;
    let shape = "rivals";
    let place = window.place(shape, 1)?;
    let defined = load(reader)?;
    let mut items: BTreeMap<&str, RivalItem> = BTreeMap::new();
    let all = observed(&defined);
    for seen in &all {
        let item = items.entry(seen.code).or_insert_with(|| RivalItem {
            competitor: seen.code.to_owned(),
            observations: 0,
            last_at: Moment::utc(seen.from),
            prices: BTreeMap::new(),
            terms: None,
            activities: BTreeMap::new(),
            lost_deals: 0,
        });
        item.observations += 1;
        item.last_at = Moment::utc(seen.from);
        if let (Some(product), Some(price)) = (&seen.value.product, seen.value.price) {
            item.prices.insert(product.clone(), price);
        }
        item.terms = seen.value.terms.clone().or(item.terms.take());
        if let Some(activity) = &seen.value.activity {
            *item.activities.entry(activity.clone()).or_default() += 1;
        }
    }
    let sql = "SELECT coalesce(SUM(deals), 0) FROM deal_close WHERE outcome = 'lost' AND competitor = ?1 AND day <= ?2";
    let mut lost = reader.conn.prepare_cached(sql)?;
    let wanted =
        items.into_values().filter(|item| place.as_ref().is_none_or(|place| vec![item.competitor.put()] > *place));
    let mut found = Vec::new();
    for mut item in wanted.take(limit + 1) {
        item.lost_deals = lost.query_row((&item.competitor, reader.day().put()), |row| row.get(0))?;
        found.push(item);
    }
    json(Page::cut(found, limit, shape, |item| vec![item.competitor.put()]))
}

pub(super) fn position(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let product = params.one::<Code>("product")?;
    let window = params.window()?;
    let (limit, _) = window.wanted()?;
    let shape = format!("our position {product:?}");
    let place = window.place(&shape, 2)?;
    let defined = load(reader)?;
    let mut prices: BTreeMap<(Code, Currency), BTreeMap<String, Money>> = BTreeMap::new();
    for seen in observed(&defined) {
        let (Some(of), Some(price)) = (&seen.value.product, seen.value.price) else { continue };
        if product.as_ref().is_none_or(|wanted| wanted == of) {
            // His last price counts, in whichever currency it is.
            for (_, prices) in prices.iter_mut().filter(|((known, _), _)| known == of) {
                prices.remove(seen.code);
            }
            prices.entry((of.clone(), price.currency)).or_default().insert(seen.code.to_owned(), price);
        }
    }
    let found = prices
        .into_iter()
        .filter_map(|((product, currency), prices)| Position::new(product, currency, prices, &defined, reader.now));
    let mut found: Vec<Position> = found.collect();
    let atoms = |item: &Position| vec![item.product.put(), item.currency.put()];
    found.retain(|item| place.as_ref().is_none_or(|place| atoms(item) > *place));
    found.truncate(limit + 1);
    json(Page::cut(found, limit, &shape, atoms))
}

impl Position {
    fn new(
        product: Code,
        currency: Currency,
        prices: BTreeMap<String, Money>,
        defined: &Definitions,
        now: Timestamp,
    ) -> Option<Self> {
        let of = |rival: (&String, &Money)| (*rival.1, rival.0.clone());
        let (lowest, highest) = (prices.iter().map(of).min()?, prices.iter().map(of).max()?);
        let ours = our_price(defined, &product, now).filter(|(ours, _)| ours.currency == currency);
        let (ours, definition) = ours.map_or((None, None), |(price, name)| (Some(price), Some(name)));
        let n = prices.len() as i64;
        let sum = prices.values().fold(0i64, |sum, price| sum.saturating_add(price.minor));
        let cheaper = |ours: Money| prices.values().filter(|price| price.minor < ours.minor).count() as i64;
        Some(Self {
            rank: ours.map(|ours| 1 + cheaper(ours)),
            dearer_than_mean: ours.map(|ours| Ratio::of_sums(ours.minor.saturating_mul(n).saturating_sub(sum), sum, n)),
            product,
            currency,
            ours,
            definition,
            rivals: n,
            lowest,
            highest,
            prices,
        })
    }
}
