//! Single things and lists of them.

use letopis_core::code::Code;
use letopis_core::events::case::CaseKind;
use letopis_core::ids::{AssetId, CaseId, ClientId, ContractId, OrderId};
use letopis_core::time::{Day, Moment};
use serde::Serialize;

use super::{AssetRow, Visit};
use crate::engine::list::{Condition, Page};
use crate::engine::question::{Answer, Params, json};
use crate::engine::read::{QueryError, Reader};
use crate::engine::row::{Cell, Owner};
use crate::views::cases;

/// A thing of a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AssetItem {
    /// The thing.
    pub asset: AssetId,
    /// Whose; the head of his group.
    pub client: ClientId,
    /// What it is.
    pub product: Option<Code>,
    /// The order it came from.
    pub order: Option<OrderId>,
    /// The contract that covers it.
    pub contract: Option<ContractId>,
    /// Where it stands.
    pub place: Option<Code>,
    /// Its serial number, while it may be read.
    pub serial: Option<String>,
    /// When it was put in, or the first thing we know of it.
    pub installed_at: Option<Moment>,
    /// When it was taken away.
    pub removed_at: Option<Moment>,
    /// Why.
    pub removal: Option<Code>,
    /// The last day of its warranty.
    pub warranty_until: Option<Day>,
    /// Whether the warranty holds on the day of the answer; null when none is known.
    pub in_warranty: Option<bool>,
    /// How often somebody came to it.
    pub visits: usize,
    /// When somebody came to it last.
    pub last_visit_at: Option<Moment>,
    /// Rules it breaks.
    pub flags: Vec<String>,
}

impl AssetItem {
    pub(super) fn new(row: AssetRow, reader: &Reader<'_>) -> Self {
        Self {
            asset: row.asset_id,
            client: row.client.client(),
            product: row.product,
            order: row.order_id,
            contract: row.contract,
            place: row.place,
            serial: row.serial,
            installed_at: row.installed_at.map(Moment::utc),
            removed_at: row.removed_at.map(Moment::utc),
            removal: row.removal,
            warranty_until: row.warranty_until,
            in_warranty: row.warranty_until.map(|until| reader.day() <= until),
            visits: row.visits.0.len(),
            last_visit_at: row.visits.0.last().map(|visit| visit.at),
            flags: row.flags.0,
        }
    }
}

fn page(reader: &Reader<'_>, params: &mut Params, condition: &mut Condition, mut shape: String) -> Answer {
    let window = params.window()?;
    let removed: bool = params.one("removed")?.unwrap_or(false);
    if !removed {
        condition.and("removed_at IS NULL", []);
    }
    shape += &format!(" {removed}");
    let (limit, wanted) = window.wanted()?;
    if let Some(place) = window.place(&shape, 2)? {
        condition.and("(installed_at, asset_id) < (?, ?)", place);
    }
    let rest = format!("ORDER BY installed_at DESC, asset_id DESC LIMIT {wanted}");
    let rows = reader.rows::<AssetRow>(&condition.sql(&rest), &condition.values())?;
    let page = Page::cut(rows, limit, &shape, |row| vec![row.installed_at.put(), row.asset_id.put()]);
    json(page.map(|row| AssetItem::new(row, reader)))
}

pub(super) fn assets(reader: &Reader<'_>, params: &mut Params) -> Answer {
    let product: Option<Code> = params.one("product")?;
    let before: Option<Day> = params.one("warranty_before")?;
    let mut condition = Condition::default();
    condition.is("product", product.as_ref());
    if let Some(before) = before {
        condition.and("warranty_until < ?", [before.put()]);
    }
    page(reader, params, &mut condition, format!("assets {product:?} {before:?}"))
}

pub(super) fn of_client(reader: &Reader<'_>, params: &mut Params, root: ClientId) -> Answer {
    let mut condition = Condition::default();
    condition.is("client", Some(&Owner::from(root)));
    page(reader, params, &mut condition, format!("assets of {root}"))
}

/// What a client has in use, the first installed first.
pub(super) fn in_use(reader: &Reader<'_>, root: ClientId) -> Result<Vec<AssetRow>, QueryError> {
    let rest = "WHERE client = ?1 AND removed_at IS NULL ORDER BY installed_at, asset_id";
    reader.rows(rest, &[&Owner::from(root).put()])
}

pub(super) fn owner(reader: &Reader<'_>, asset: u128) -> Result<Option<ClientId>, QueryError> {
    Ok(row(reader, asset)?.map(|row| row.client.client()))
}

fn row(reader: &Reader<'_>, asset: u128) -> Result<Option<AssetRow>, QueryError> {
    let rest = "WHERE asset_id = ?1 ORDER BY installed_at, client LIMIT 1";
    Ok(reader.rows::<AssetRow>(rest, &[&AssetId(asset).put()])?.into_iter().next())
}

/// A visit with the case that called for it, as it stands.
#[derive(Debug, Serialize)]
struct VisitItem {
    #[serde(flatten)]
    visit: Visit,
    case_state: Option<CaseState>,
}

#[derive(Debug, Serialize)]
struct CaseState {
    case: CaseId,
    kind: Option<CaseKind>,
    topic: Option<Code>,
    status: cases::Status,
    due: Option<Moment>,
    overdue: bool,
}

#[derive(Debug, Serialize)]
struct AssetCard {
    #[serde(flatten)]
    item: AssetItem,
    history: Vec<VisitItem>,
}

pub(super) fn asset(reader: &Reader<'_>, _params: &mut Params, asset: u128) -> Answer {
    let Some(row) = row(reader, asset)? else { return json(()) };
    let history = row.visits.0.iter().map(|visit| {
        let case = visit.case.map(|case| cases::case(reader, case)).transpose()?.flatten();
        let case_state = case.map(|case| CaseState {
            case: case.case,
            kind: case.kind,
            topic: case.topic,
            status: case.status,
            due: case.due,
            overdue: case.overdue,
        });
        Ok(VisitItem { visit: visit.clone(), case_state })
    });
    let history = history.collect::<Result<Vec<_>, QueryError>>()?;
    json(AssetCard { item: AssetItem::new(row, reader), history })
}
