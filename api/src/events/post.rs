//! `POST /v1/events`: one event, an array, lines, CloudEvents; each item gets its answer.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use letopis_core::intake::{Caller, Outcome};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{cloud, lines};
use crate::auth::Write;
use crate::error::{Kind, Problem};
use crate::keys::Who;
use crate::middleware::RequestId;
use crate::state::App;
use crate::telemetry;

/// Most bytes of a body that is read as a whole.
pub(super) const MAX_BODY_BYTES: usize = 8 << 20;
/// Most items of an array.
pub(super) const MAX_ITEMS: usize = 10_000;

/// What a body is, by its content type.
enum Form {
    Json,
    Lines,
    Cloud,
    CloudBatch,
    CloudBinary,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    atomic: bool,
}

/// Posts facts.
///
/// One JSON object is answered by its status: 201 accepted, 200 duplicate, 409 conflict or a move that a workflow forbids, 422 rejected,
/// 503 refused or unknown. An array and NDJSON are answered item by item under 200: look at each `status`.
/// `atomic=true` and CloudEvents batches are stored as a whole or not at all, and answered 4xx when not.
#[utoipa::path(post, path = "/v1/events", tag = "events",
    params(("atomic" = Option<bool>, Query, description = "All items or none; at most 1000")),
    request_body(content(
        (Value = "application/json"), (Value = "application/x-ndjson"),
        (Value = "application/cloudevents+json"), (Value = "application/cloudevents-batch+json"))),
    responses(
        (status = 200, description = "A duplicate, or the answers to an array or to lines, in their order"),
        (status = 201, description = "Accepted and on disk"),
        (status = "4XX", body = crate::openapi::ProblemDocument),
        (status = 503, body = crate::openapi::ProblemDocument)))]
pub(super) async fn post(
    State(app): State<App>,
    Write(who): Write,
    RequestId(request_id): RequestId,
    request: Request,
) -> Result<Response, Problem> {
    let Query(options) = Query::<Options>::try_from_uri(request.uri())
        .map_err(|error| Problem::new(Kind::Parameter, error.body_text()).field("atomic"))?;
    let desk = Desk { caller: caller(&who), app, request_id };
    let form = form(request.headers())?;
    if let (Form::Lines, false) = (&form, options.atomic) {
        return Ok(lines::answer(desk, request.into_body()));
    }
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    match form {
        Form::Json => match serde_json::from_slice(&body).map_err(|error| Problem::json(&error))? {
            Value::Array(items) if options.atomic => desk.together(items).await,
            Value::Array(items) => desk.each(items).await,
            item => desk.single(item).await,
        },
        Form::Lines => desk.together(lines::all(&body)?).await,
        Form::Cloud => {
            let event = serde_json::from_slice(&body).map_err(|error| Problem::json(&error))?;
            desk.single(cloud::item(event)?).await
        }
        Form::CloudBinary => desk.single(cloud::binary(&parts.headers, &body)?).await,
        Form::CloudBatch => {
            let events: Vec<Value> = serde_json::from_slice(&body).map_err(|error| Problem::json(&error))?;
            let items = events
                .into_iter()
                .enumerate()
                .map(|(at, event)| cloud::item(event).map_err(|problem| problem.with("item", at)));
            desk.together(items.collect::<Result<_, _>>()?).await
        }
    }
}

fn caller(who: &Who) -> Caller {
    Caller { actor: who.actor.clone(), ..Caller::default() }
}

fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Ok(match &*kind {
        "application/cloudevents+json" => Form::Cloud,
        "application/cloudevents-batch+json" => Form::CloudBatch,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Form::Lines,
        "application/json" if headers.contains_key("ce-specversion") => Form::CloudBinary,
        "application/json" => Form::Json,
        _ => {
            let detail = format!(
                "{kind:?} is not known here: expected application/json, application/x-ndjson, \
                 application/cloudevents+json or application/cloudevents-batch+json"
            );
            return Err(Problem::new(Kind::MediaType, detail).field("content-type"));
        }
    })
}

async fn whole(body: Body) -> Result<axum::body::Bytes, Problem> {
    to_bytes(body, MAX_BODY_BYTES).await.map_err(|error| {
        let too_large = letopis_core::error::chain(&error).contains("length limit");
        let (kind, detail) = match too_large {
            true => {
                (Kind::TooLarge, format!("a body has at most {MAX_BODY_BYTES} bytes; send lines, application/x-ndjson"))
            }
            false => (Kind::Body, "the body ended too early".to_owned()),
        };
        Problem::new(kind, detail)
    })
}

/// Where items are handed in and answers are written.
pub(super) struct Desk {
    pub(super) app: App,
    pub(super) caller: Caller,
    pub(super) request_id: String,
}

impl Desk {
    /// Posts items, counts what became of them.
    pub(super) async fn post(&self, items: Vec<Value>, atomic: bool) -> Vec<Outcome> {
        let outcomes = self.app.intake.post(&self.caller, items, atomic).await;
        outcomes.iter().for_each(telemetry::posted);
        outcomes
    }

    /// An outcome as it is answered among others.
    pub(super) fn line(&self, outcome: &Outcome) -> Value {
        // Outcomes are maps of texts and numbers: they serialise.
        let mut line = serde_json::to_value(outcome).unwrap_or_default();
        if let Value::Object(map) = &mut line {
            map.insert("request_id".into(), self.request_id.clone().into());
        }
        line
    }

    async fn single(&self, item: Value) -> Result<Response, Problem> {
        let outcomes = self.post(vec![item], false).await;
        let outcome = outcomes.first().ok_or_else(|| Problem::new(Kind::Internal, "no answer"))?;
        let status = match outcome {
            Outcome::Accepted { .. } => StatusCode::CREATED,
            Outcome::Duplicate { .. } => StatusCode::OK,
            other => return Err(problem(other)),
        };
        Ok((status, Json(self.line(outcome))).into_response())
    }

    async fn each(&self, items: Vec<Value>) -> Result<Response, Problem> {
        limit(&items)?;
        let outcomes = self.post(items, false).await;
        let lines: Vec<Value> = outcomes.iter().map(|outcome| self.line(outcome)).collect();
        Ok(Json(lines).into_response())
    }

    async fn together(&self, items: Vec<Value>) -> Result<Response, Problem> {
        limit(&items)?;
        let outcomes = self.post(items, true).await;
        let lines: Vec<Value> = outcomes.iter().map(|outcome| self.line(outcome)).collect();
        let stored = |outcome: &Outcome| matches!(outcome, Outcome::Accepted { .. } | Outcome::Duplicate { .. });
        // The item that spoilt the batch tells more than those that only suffer from it.
        let suffers = |outcome: &Outcome| matches!(outcome, Outcome::Rejected(why) if why.rule == "atomic_batch");
        let culprit = outcomes.iter().position(|outcome| !stored(outcome) && !suffers(outcome));
        match culprit {
            None if outcomes.iter().all(stored) => {
                let new = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Accepted { .. }));
                let status = if new { StatusCode::CREATED } else { StatusCode::OK };
                Ok((status, Json(lines)).into_response())
            }
            culprit => {
                let at = culprit.unwrap_or_default();
                Err(problem(&outcomes[at]).with("item", at).with("items", lines))
            }
        }
    }
}

fn limit(items: &[Value]) -> Result<(), Problem> {
    if items.len() > MAX_ITEMS {
        let detail = format!("{} items, at most {MAX_ITEMS} are taken at once; send lines", items.len());
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    Ok(())
}

/// The problem that an outcome is when it is the only one.
fn problem(outcome: &Outcome) -> Problem {
    match outcome {
        Outcome::Rejected(rejection) => rejection.into(),
        Outcome::Conflict { id, reason } => Problem::new(Kind::Conflict, &**reason).field("id").with("id", json!(id)),
        Outcome::Refused { message } => Problem::new(Kind::Refused, &**message),
        Outcome::Unknown { message } => {
            Problem::new(Kind::Unknown, format!("{message}; post it again with the same id"))
        }
        Outcome::Accepted { .. } | Outcome::Duplicate { .. } => Problem::new(Kind::Internal, "it was stored"),
    }
}
