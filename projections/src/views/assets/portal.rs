//! What a client may see himself. Each answer is made of the fields that are named here and of nothing else: notes,
//! reasons, costs and employees of ours do not stand in them.

use std::collections::BTreeMap;

use letopis_core::code::{Code, Label, Text};
use letopis_core::definitions::Definition;
use letopis_core::events::article::{Published, Retired};
use letopis_core::events::definition::ProductDefined;
use letopis_core::ids::{AssetId, ClientId, OrderId};
use letopis_core::money::{Currency, Exact};
use letopis_core::time::Day;
use rust_decimal::Decimal;
use serde::Serialize;

use super::AssetRow;
use super::list::in_use;
use crate::engine::list::{Condition, Page};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::Reader;
use crate::engine::row::{Cell, Owner};
use crate::views::orders::row::{OrderRow, Status};

/// A thing as its owner sees it.
#[derive(Debug, Serialize)]
struct Item {
    asset: AssetId,
    product: Option<Code>,
    label: Option<Label>,
    serial: Option<String>,
    warranty_until: Option<Day>,
    in_warranty: Option<bool>,
    last_visit_on: Option<Day>,
}

impl Item {
    fn new(row: &AssetRow, labels: &BTreeMap<Code, Label>, reader: &Reader<'_>) -> Self {
        Self {
            asset: row.asset_id,
            label: row.product.as_ref().and_then(|product| labels.get(product).cloned()),
            product: row.product.clone(),
            serial: row.serial.clone(),
            warranty_until: row.warranty_until,
            in_warranty: row.warranty_until.map(|until| reader.day() <= until),
            last_visit_on: row.visits.0.last().map(|visit| reader.zone.day(visit.at.at)),
        }
    }
}

/// An order as its owner sees it.
#[derive(Debug, Serialize)]
struct Purchase {
    order: OrderId,
    status: Status,
    placed_on: Option<Day>,
    promised: Option<Day>,
    currency: Option<Currency>,
    lines: Vec<Bought>,
    things: Vec<Item>,
}

#[derive(Debug, Serialize)]
struct Bought {
    product: Code,
    label: Option<Label>,
    #[serde(with = "rust_decimal::serde::str")]
    quantity: Decimal,
    #[serde(with = "rust_decimal::serde::str")]
    unit_price: Decimal,
    amount: Exact,
    #[serde(with = "rust_decimal::serde::str")]
    shipped: Decimal,
}

/// Purchases, the newest first.
pub(super) fn purchases(reader: &Reader<'_>, params: &mut Params, root: ClientId) -> Answer {
    let window = params.window()?;
    let (limit, wanted) = window.wanted()?;
    let shape = format!("portal purchases {root}");
    let mut condition = Condition::default();
    condition.is("client", Some(&Owner::from(root))).and("placed_at IS NOT NULL", []);
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(since, order_id) < (?, ?)", place);
    }
    let rest = format!("ORDER BY since DESC, order_id DESC LIMIT {wanted}");
    let rows = reader.rows::<OrderRow>(&condition.sql(&rest), &condition.values())?;
    let labels = labels(reader)?;
    let mut things: BTreeMap<OrderId, Vec<Item>> = BTreeMap::new();
    for row in
        reader.rows::<AssetRow>("WHERE client = ?1 ORDER BY installed_at, asset_id", &[&Owner::from(root).put()])?
    {
        if let Some(order) = row.order_id {
            things.entry(order).or_default().push(Item::new(&row, &labels, reader));
        }
    }
    let page = Page::cut(rows, limit, &shape, |row| vec![row.since.put(), row.order_id.put()]);
    json(page.map(|row| {
        let shipped = |product: &Code| row.goods.0.get(product).map_or(Decimal::ZERO, |goods| goods.shipped);
        let lines = row.lines.0.iter().map(|line| Bought {
            label: labels.get(&line.product).cloned(),
            shipped: shipped(&line.product),
            product: line.product.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            amount: line.amount,
        });
        Purchase {
            order: row.order_id,
            status: row.status,
            placed_on: row.placed_on,
            promised: row.promised,
            currency: row.currency,
            lines: lines.collect(),
            things: things.remove(&row.order_id).unwrap_or_default(),
        }
    }))
}

/// An article as a client sees it.
#[derive(Debug, Serialize)]
struct Help {
    /// `article:code@version`.
    article: String,
    label: Label,
    text: Text,
    topics: Vec<Code>,
    product: Option<Code>,
    locale: Option<Code>,
}

/// What he has, and what helps with it.
#[derive(Debug, Serialize)]
struct HelpPage {
    things: Vec<Item>,
    articles: Vec<Help>,
}

pub(super) fn help(reader: &Reader<'_>, params: &mut Params, root: ClientId) -> Answer {
    let locale: Option<Code> = params.one("locale")?;
    let labels = labels(reader)?;
    let rows = in_use(reader, root)?;
    let definitions = reader.definitions(&[Published::KIND, ProductDefined::KIND])?;
    // An article about a product group is about each of its products.
    let mut about: Vec<Code> = rows.iter().filter_map(|row| row.product.clone()).collect();
    let group = |product: &Code| definitions.latest::<ProductDefined>(product.as_str())?.value.group.clone();
    about.extend(about.clone().iter().filter_map(group));
    let articles = definitions.all::<Published>().into_iter().filter(|dated| {
        let article = dated.value;
        let retired = definitions.latest::<Retired>(dated.code).is_some_and(|end| end.from >= dated.from);
        let fits = article.product.as_ref().is_some_and(|product| about.contains(product));
        let spoken = locale.is_none() || article.locale.is_none() || article.locale == locale;
        article.client_visible && fits && spoken && !retired
    });
    let articles = articles.map(|dated| Help {
        article: dated.name(),
        label: dated.value.label.clone(),
        text: dated.value.text.clone(),
        topics: dated.value.topics.clone(),
        product: dated.value.product.clone(),
        locale: dated.value.locale.clone(),
    });
    let articles = articles.collect();
    json(HelpPage { things: rows.iter().map(|row| Item::new(row, &labels, reader)).collect(), articles })
}

fn labels(reader: &Reader<'_>) -> Result<BTreeMap<Code, Label>, crate::engine::read::QueryError> {
    let definitions = reader.definitions(&[ProductDefined::KIND])?;
    Ok(definitions
        .all::<ProductDefined>()
        .into_iter()
        .map(|d| (d.value.product.clone(), d.value.label.clone()))
        .collect())
}
