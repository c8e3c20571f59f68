//! `/v1/clients/{id}/erasure`, `/v1/employees/{id}/erasure`: what would be forgotten, and forgetting it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use letopis_core::code::Code;
use letopis_core::erasure::{Certificate, EraseError, Outcome, Plan, Target};
use letopis_core::ids::{ContactId, EmployeeId};
use tokio::runtime::Handle;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Admin;
use crate::error::{Kind, Problem};
use crate::extract::{self, Asked};
use crate::openapi::ProblemDocument;
use crate::state::App;
use letopis_core::error::chain;

/// Its routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(plan_client, erase_client)).routes(routes!(plan_employee, erase_employee))
}

/// What an erasure would destroy, what stays and on which ground, and which legal holds forbid it.
#[utoipa::path(get, path = "/v1/clients/{id}/erasure", tag = "erasure",
    params(("id" = String, Path, description = "A ULID, or an identity such as `shop:C-1042`"),
        ("contact" = Option<String>, Query, description = "Only this contact person, wherever he speaks for somebody")),
    responses((status = 200, body = Object), (status = "4XX", body = ProblemDocument)))]
async fn plan_client(
    State(app): State<App>,
    Path(id): Path<String>,
    _: Admin,
    mut asked: Asked,
) -> Result<Json<Plan>, Problem> {
    let target = client(&app, &id, &mut asked).await?;
    finish(&asked)?;
    Ok(Json(app.eraser.plan(target).await?))
}

/// Forgets a client with all records merged into one with him: keys, sealed parts, identities, views. Answers the
/// certificate when everything is done; asked again, the same one.
#[utoipa::path(post, path = "/v1/clients/{id}/erasure", tag = "erasure",
    params(("id" = String, Path, description = "A ULID, or an identity such as `shop:C-1042`"),
        ("basis" = Option<String>, Query, description = "The legal basis, a code; required unless `plan`"),
        ("plan" = Option<bool>, Query, description = "Only say what would be done"),
        ("contact" = Option<String>, Query, description = "Only this contact person, wherever he speaks for somebody")),
    responses((status = 200, body = Object), (status = 409, description = "A legal hold", body = ProblemDocument),
        (status = "4XX", body = ProblemDocument)))]
async fn erase_client(
    State(app): State<App>,
    Path(id): Path<String>,
    who: Admin,
    mut asked: Asked,
) -> Result<Json<serde_json::Value>, Problem> {
    let target = client(&app, &id, &mut asked).await?;
    erase(app, target, who, asked).await
}

/// As for a client.
#[utoipa::path(get, path = "/v1/employees/{id}/erasure", tag = "erasure",
    params(("id" = String, Path, description = "A ULID, or `system:id-in-that-system`")),
    responses((status = 200, body = Object), (status = "4XX", body = ProblemDocument)))]
async fn plan_employee(
    State(app): State<App>,
    Path(id): Path<String>,
    _: Admin,
    asked: Asked,
) -> Result<Json<Plan>, Problem> {
    finish(&asked)?;
    Ok(Json(app.eraser.plan(employee(&app, &id)?).await?))
}

/// Forgets an employee: what he is called. What he did stays under his id.
#[utoipa::path(post, path = "/v1/employees/{id}/erasure", tag = "erasure",
    params(("id" = String, Path, description = "A ULID, or `system:id-in-that-system`"),
        ("basis" = Option<String>, Query, description = "The legal basis, a code; required unless `plan`"),
        ("plan" = Option<bool>, Query, description = "Only say what would be done")),
    responses((status = 200, body = Object), (status = "4XX", body = ProblemDocument)))]
async fn erase_employee(
    State(app): State<App>,
    Path(id): Path<String>,
    who: Admin,
    asked: Asked,
) -> Result<Json<serde_json::Value>, Problem> {
    let target = employee(&app, &id)?;
    erase(app, target, who, asked).await
}

async fn client(app: &App, id: &str, asked: &mut Asked) -> Result<Target, Problem> {
    let client = extract::client(app, id).await?;
    Ok(match asked.entity(app, "contact")? {
        Some(contact) => Target::Contact(ContactId(contact)),
        None => Target::Client(client),
    })
}

fn employee(app: &App, id: &str) -> Result<Target, Problem> {
    Ok(Target::Employee(EmployeeId(extract::entity(app, "employee", id).map_err(|problem| problem.field("id"))?)))
}

fn finish(asked: &Asked) -> Result<(), Problem> {
    if asked.clocks != Default::default() || asked.min_position.is_some() {
        return Err(Problem::parameter("as_of", "an erasure takes neither clocks nor min_position"));
    }
    asked.finish()
}

async fn erase(app: App, target: Target, who: Admin, mut asked: Asked) -> Result<Json<serde_json::Value>, Problem> {
    let only_plan: bool = asked.one("plan")?.unwrap_or_default();
    let basis: Option<Code> = asked.one("basis")?;
    finish(&asked)?;
    if only_plan {
        let plan = app.eraser.plan(target).await?;
        return Ok(Json(serde_json::to_value(plan).unwrap_or_default()));
    }
    let basis = basis.ok_or_else(|| Problem::parameter("basis", "basis is missing: a code, such as gdpr-17"))?;
    tracing::info!(actor = who.0.actor, subject = target.kind(), "an erasure begins");
    // On a task of its own: what has begun is done, also when the caller has gone.
    let done = tokio::spawn(async move { run(&app, target, basis, &who.0.actor).await }).await;
    let certificate = done.map_err(|error| Problem::internal(&error))??;
    Ok(Json(serde_json::to_value(certificate).unwrap_or_default()))
}

async fn run(app: &App, target: Target, basis: Code, actor: &str) -> Result<Certificate, Problem> {
    let certificate = match app.eraser.run(target, basis, actor, &|_| Ok(())).await? {
        Outcome::Before(certificate) => return Ok(certificate),
        Outcome::Destroyed(certificate) => certificate,
    };
    app.intake.forget_identities();
    let (views, search) = (Arc::clone(&app.views), Arc::clone(&app.search));
    let handle = Handle::current();
    let forgot = tokio::task::spawn_blocking(move || {
        handle.block_on(async {
            views.forget().await?;
            search.forget().await
        })
    })
    .await;
    forgot.map_err(|error| Problem::internal(&error))?.map_err(|error| Problem::internal(&error))?;
    Ok(app.eraser.certify(certificate, &|_| Ok(()))?)
}

impl From<EraseError> for Problem {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::Held(ref holds) => {
                Self::new(Kind::Held, error.to_string()).with("holds", serde_json::to_value(holds).unwrap_or_default())
            }
            EraseError::Unknown { .. } => Self::new(Kind::UnknownClient, error.to_string()).field("id"),
            EraseError::Append(ref cause) => {
                tracing::error!(error = chain(cause), "an erasure is not finished");
                Self::new(Kind::Refused, error.to_string())
            }
            EraseError::Log(error) => error.into(),
        }
    }
}
