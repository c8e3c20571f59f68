//! `/v1/clients/{id}/history`: everything that happened with a client, in the order it happened, with its words.
//!
//! The view tells which events and in which order; what they say is read from the log and opened for the
//! events of the page alone.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::response::Response;
use letopis_core::fact::{Fact, Opener, effective};
use letopis_core::ids::{CaseId, ClientId, DealId, EmployeeId, EventId, OrderId};
use letopis_core::reader::read_group;
use letopis_projections::engine::group::Clocks;
use letopis_projections::engine::list::{Page, Window};
use letopis_projections::engine::read::Reader;
use letopis_projections::engine::row::Owner;
use letopis_projections::views::history::{self, Class, HistoryItem, HistoryQuery};
use serde::Serialize;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ClockParams, PageParams, envelope, read_client};
use crate::error::Problem;
use crate::extract::{self, Asked};
use crate::openapi::ProblemDocument;
use crate::search;
use crate::state::App;

/// The view that answers.
const VIEW: &str = "history";

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read))
}

/// The words of a kind of event.
const CLASSES: &[(&str, Class)] = &[
    ("contact", Class::Contact),
    ("meeting", Class::Meeting),
    ("handling", Class::Handling),
    ("document", Class::Document),
    ("case", Class::Case),
    ("lead", Class::Lead),
    ("deal", Class::Deal),
    ("order", Class::Order),
    ("money", Class::Money),
    ("campaign", Class::Campaign),
    ("profile", Class::Profile),
    ("consent", Class::Consent),
    ("asset", Class::Asset),
    ("contract", Class::Contract),
    ("article", Class::Article),
    ("custom", Class::Custom),
    ("task", Class::Task),
    ("exception", Class::Exception),
];

/// An event of a list with what it says.
#[derive(Debug, Serialize)]
pub struct Told<T> {
    /// What the view says of it.
    #[serde(flatten)]
    pub item: T,
    /// Its payload as it counts now, corrected.
    pub data: Value,
}

/// The history of a client and of all records merged with him.
#[utoipa::path(get, path = "/v1/clients/{id}/history", tag = "clients",
    params(ClockParams, PageParams,
        ("id" = String, Path, description = "A ULID, or an identity such as `shop:C-1042`"),
        ("kind" = Option<Vec<String>>, Query, description = "contact, meeting, handling, document, case, lead, deal, order, money, campaign, profile, consent, asset, contract, article, custom, task, exception"),
        ("type" = Option<Vec<String>>, Query, description = "Types of events, such as call.logged"),
        ("from" = Option<String>, Query, description = "Not before this instant or local day"),
        ("to" = Option<String>, Query, description = "Before this instant or local day"),
        ("employee" = Option<String>, Query, description = "With this one of us"),
        ("topic" = Option<String>, Query, description = "About this"),
        ("case" = Option<String>, Query), ("deal" = Option<String>, Query), ("order_id" = Option<String>, Query),
        ("late" = Option<bool>, Query, description = "Only what was learnt late"),
        ("order" = Option<String>, Query, description = "oldest (the default) or newest first"),
        ("q" = Option<String>, Query, description = "Words in any form; alone, without other filters")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = "4XX", body = ProblemDocument)))]
async fn read(State(app): State<App>, Path(id): Path<String>, mut asked: Asked) -> Result<Response, Problem> {
    let (limit, cursor) = asked.page()?;
    let window = Window { limit, cursor };
    let client = extract::client(&app, &id).await?;
    if let Some(text) = asked.one::<String>("q")? {
        return search::words(&app, &asked, &text, Some(client), window).await;
    }
    let zone = &app.settings.zone;
    let query = HistoryQuery {
        classes: asked.words("kind", CLASSES)?,
        types: asked.many("type")?,
        from: asked.start("from", zone)?,
        to: asked.start("to", zone)?,
        employee: asked.entity(&app, "employee")?.map(EmployeeId),
        topic: asked.one("topic")?,
        case: asked.entity(&app, "case")?.map(CaseId),
        deal: asked.entity(&app, "deal")?.map(DealId),
        order: asked.text_entity(&app, "order_id", "order")?.map(OrderId),
        late_only: asked.one("late")?.unwrap_or_default(),
        newest_first: asked.word("order", &[("oldest", false), ("newest", true)])?.unwrap_or_default(),
    };
    let read = move |r: &Reader<'_>, root| history::page(r, Owner::from(root), &query, &window);
    let (page, fresh) = read_client(&app, &asked, client, read).await?;
    let page = tell(&app, asked.clocks, page, |item: &HistoryItem| (item.event, item.client, item.corrected)).await?;
    Ok(envelope(&app, &asked, VIEW, page, fresh))
}

/// Adds to each item of a page what its event says.
///
/// # Errors
/// When the log cannot be read.
pub async fn tell<T>(
    app: &App,
    clocks: Clocks,
    page: Page<T>,
    of: impl Fn(&T) -> (EventId, ClientId, bool),
) -> Result<Page<Told<T>>, Problem> {
    let opener = Opener::Vault(&app.vault);
    let mut corrected: HashMap<EventId, Value> = HashMap::new();
    let mut read = Vec::new();
    let mut items = Vec::with_capacity(page.items.len());
    for item in page.items {
        let (event, client, is_corrected) = of(&item);
        // A correction stands elsewhere in the stream: his facts are put together once.
        if is_corrected && !read.contains(&client) {
            let facts = read_group(&*app.log, opener, client).await?;
            let known: Vec<Fact> = facts.into_iter().filter(|fact| clocks.knows(fact.recorded_at)).collect();
            corrected.extend(effective(known).0.iter().map(|fact| (fact.id, fact.event.to_json(&fact.opened))));
            read.push(client);
        }
        let data = match corrected.get(&event) {
            Some(data) => data.clone(),
            None => match app.log.find(event).await? {
                Some(recorded) => {
                    let fact = Fact::decode(recorded, opener)?;
                    fact.event.to_json(&fact.opened)
                }
                None => Value::Null,
            },
        };
        items.push(Told { item, data });
    }
    Ok(Page { items, next: page.next })
}
