//! The installed base: what each client has of ours, what was done with it, and what fits beside it.

mod fit;
mod list;
mod portal;

use letopis_core::code::Code;
use letopis_core::events::{AssetEvent, Event};
use letopis_core::fact::Fact;
use letopis_core::ids::{AssetId, CaseId, ContractId, EmployeeId, EventId, OrderId};
use letopis_core::personal::Personal;
use letopis_core::time::{Day, Moment, Timestamp};
use serde::{Deserialize, Serialize};

use crate::engine::projection::{Context, Projection};
use crate::engine::question::{About, Param, Question};
use crate::engine::row::Json;
use crate::row;

pub use list::AssetItem;

/// What can be asked about assets.
pub const QUESTIONS: &[Question] = &[
    Question {
        name: "assets",
        path: "/v1/assets",
        view: Assets::NAME,
        doc: "Things of ours that clients have in use, the latest first.",
        params: &[
            Param::Page,
            Param::Text("product", "Of this product"),
            Param::Text("warranty_before", "Whose warranty ends before this day (YYYY-MM-DD)"),
            Param::Text("removed", "`true` for those that are not in use any more, too"),
        ],
        about: About::Rows(list::assets),
    },
    Question {
        name: "asset",
        path: "/v1/assets/{id}",
        view: Assets::NAME,
        doc: "One thing: what it is, whose, its warranty, every visit to it and the regulation it was made under.",
        params: &[],
        about: About::Thing { kind: "asset", find: list::owner, ask: list::asset },
    },
    Question {
        name: "client-assets",
        path: "/v1/clients/{id}/assets",
        view: Assets::NAME,
        doc: "What a client has of ours.",
        params: &[Param::Page, Param::Text("removed", "`true` for what is not in use any more, too")],
        about: About::Client(list::of_client),
    },
    Question {
        name: "fits",
        path: "/v1/clients/{id}/fits",
        view: Assets::NAME,
        doc: "What fits beside what a client has: candidates by rank, each with the rules that allow or refuse it.",
        params: &[
            Param::Page,
            Param::Text("product", "These products; all that are defined when missing"),
            Param::Text("group", "Products of this group"),
        ],
        about: About::Client(fit::fits),
    },
    Question {
        name: "portal purchases",
        path: "/v1/clients/{id}/portal/purchases",
        view: Assets::NAME,
        doc: "For the client himself: what he bought, with serial numbers and the end of each warranty.",
        params: &[Param::Page],
        about: About::Client(portal::purchases),
    },
    Question {
        name: "portal help",
        path: "/v1/clients/{id}/portal/help",
        view: Assets::NAME,
        doc: "For the client himself: what he has in use, its warranty, and the articles that help with it.",
        params: &[Param::Text("locale", "Articles in this language only")],
        about: About::Client(portal::help),
    },
];

/// A visit to a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// When.
    pub at: Moment,
    /// What was done.
    pub kind: Code,
    /// The case that called for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
    /// The contract it was done under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<ContractId>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<EmployeeId>,
    /// How long it took, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labour_s: Option<u32>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Code>,
    /// The event that tells of it.
    pub event: EventId,
}

row! {
    /// A thing of ours that a client has or had in use.
    pub struct AssetRow in "asset", index ["client, installed_at", "product, installed_at", "installed_at, asset_id"] {
        /// The thing.
        key asset_id: AssetId,
        owner client,
        /// What it is.
        product: Option<Code>,
        /// The order it came from.
        order_id: Option<OrderId>,
        /// The contract that covers it.
        contract: Option<ContractId>,
        /// Where it stands.
        place: Option<Code>,
        /// When it was put in, or the first thing we know of it.
        installed_at: Option<Timestamp>,
        /// The last day of its warranty.
        warranty_until: Option<Day>,
        /// When it was taken away; none while it is in use.
        removed_at: Option<Timestamp>,
        /// Why.
        removal: Option<Code>,
        /// Its serial number, while it may be read.
        @apart serial: Option<String>,
        /// Visits to it, oldest first.
        visits: Json<Vec<Visit>>,
        /// Rules it breaks: `asset.not_installed`, `asset.removed`.
        flags: Json<Vec<String>>,
    }
}

/// The view.
#[derive(Debug, Clone, Copy, Default)]
pub struct Assets;

impl Projection for Assets {
    const NAME: &'static str = "assets";
    const VERSION: u32 = 1;
    const AREAS: &'static [&'static str] = &["asset"];
    const OPENS: &'static [&'static str] = &["asset"];
    type Row = AssetRow;

    fn route(&self, fact: &Fact, _cx: &Context<'_>, keys: &mut Vec<u128>) {
        if let Event::Asset(event) = &fact.event
            && let Some(asset) = event.asset_id()
        {
            keys.push(asset.0);
        }
    }

    fn fold(&self, row: &mut AssetRow, fact: &Fact, _cx: &Context<'_>) {
        if let Event::Asset(event) = &fact.event {
            fold(row, event, fact);
        }
    }
}

fn fold(row: &mut AssetRow, event: &AssetEvent, fact: &Fact) {
    let flag = |row: &mut AssetRow, rule: &str| {
        if !row.flags.0.iter().any(|known| known == rule) {
            row.flags.0.push(rule.to_owned());
        }
    };
    if !matches!(event, AssetEvent::Installed(_)) {
        if row.installed_at.is_none() {
            flag(row, "asset.not_installed");
        }
        if row.removed_at.is_some() {
            flag(row, "asset.removed");
        }
    }
    row.installed_at.get_or_insert(fact.occurred.at);
    let serial = |row: &mut AssetRow, serial: &Personal<String>| {
        if let Some(known) = serial.known() {
            row.serial = Some(known.clone());
        }
    };
    match event {
        AssetEvent::Installed(e) => {
            row.product = Some(e.product.clone());
            (row.order_id, row.contract) = (e.order.or(row.order_id), e.contract.or(row.contract));
            row.warranty_until = e.warranty_until.or(row.warranty_until);
            row.place = e.place.clone().or_else(|| row.place.take());
            (row.removed_at, row.removal) = (None, None);
            serial(row, &e.serial);
        }
        AssetEvent::Changed(e) => {
            row.product = e.product.clone().or_else(|| row.product.take());
            row.contract = e.contract.or(row.contract);
            row.warranty_until = e.warranty_until.or(row.warranty_until);
            row.place = e.place.clone().or_else(|| row.place.take());
            serial(row, &e.serial);
        }
        AssetEvent::Removed(e) => {
            row.removed_at = Some(fact.occurred.at);
            row.removal.clone_from(&e.reason);
        }
        AssetEvent::Serviced(e) => row.visits.0.push(Visit {
            at: fact.occurred,
            kind: e.kind.clone(),
            case: e.case,
            contract: e.contract,
            employee: e.employee,
            labour_s: e.labour_s,
            outcome: e.outcome.clone(),
            event: fact.id,
        }),
        AssetEvent::CompatibilityDefined(_) => {}
    }
}
