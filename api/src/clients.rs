//! `/v1/clients`: who they are, how we are in contact with them.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::Response;
use letopis_core::code::Code;
use letopis_core::events::client::ClientKind;
use letopis_projections::engine::list::Window;
use letopis_projections::engine::row::Owner;
use letopis_projections::views::client::{self, Open, SearchQuery};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, ClockParams, From, PageParams, envelope, read_client, whole};
use crate::error::{Kind, Problem};
use crate::extract::{self, Asked};
use crate::openapi::ProblemDocument;
use crate::state::App;

/// The view that answers.
const VIEW: &str = "client_card";

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(card))
}

/// Clients by name, kind, attributes, and what is open with them.
#[utoipa::path(get, path = "/v1/clients", tag = "clients",
    params(ClockParams, PageParams,
        ("q" = Option<String>, Query, description = "Beginnings of words of the name"),
        ("kind" = Option<String>, Query, description = "person or company"),
        ("open" = Option<String>, Query, description = "With an open deal, order or case"),
        ("identified" = Option<bool>, Query, description = "Only those somebody knows, or only the others"),
        ("attribute" = Option<Vec<String>>, Query, description = "`name:value`, may be repeated")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = 202), (status = "4XX", body = ProblemDocument)))]
async fn list(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    let (limit, cursor) = asked.page()?;
    let kinds = [("person", ClientKind::Person), ("company", ClientKind::Company)];
    let query = SearchQuery {
        text: asked.one("q")?,
        kind: asked.word("kind", &kinds)?,
        attributes: attributes(&mut asked)?,
        open: asked.word("open", &[("deal", Open::Deal), ("order", Open::Order), ("case", Open::Case)])?,
        identified: asked.one("identified")?,
    };
    let window = Window { limit, cursor };
    whole(&app, asked, VIEW, From::Rows, move |r| client::search(r, &query, &window)).await
}

fn attributes(asked: &mut Asked) -> Result<BTreeMap<Code, Code>, Problem> {
    let bad = |text: &str| Problem::parameter("attribute", format!("{text:?} is not `name:value` in codes"));
    let given = asked.many::<String>("attribute")?;
    let pairs = given.iter().map(|text| {
        let (name, value) = text.split_once(':').ok_or_else(|| bad(text))?;
        Ok((name.parse().map_err(|_| bad(text))?, value.parse().map_err(|_| bad(text))?))
    });
    pairs.collect()
}

/// The card of a client: who he is, how he is reached, what is open, what was promised.
#[utoipa::path(get, path = "/v1/clients/{id}", tag = "clients",
    params(ClockParams, ("id" = String, Path, description = "A ULID, or an identity such as `shop:C-1042`")),
    responses((status = 200, body = Answer<serde_json::Value>), (status = "4XX", body = ProblemDocument)))]
async fn card(State(app): State<App>, Path(id): Path<String>, asked: Asked) -> Result<Response, Problem> {
    let who = extract::client(&app, &id).await?;
    let (card, fresh) = read_client(&app, &asked, who, |r, root| client::card(r, Owner::from(root))).await?;
    let card = card.ok_or_else(|| Problem::new(Kind::NotFound, "nothing was known of him then").field("id"))?;
    Ok(envelope(&app, &asked, VIEW, card, fresh))
}
