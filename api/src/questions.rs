//! The questions of the views: each has its path, its parameters and its document from its one declaration.

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use letopis_projections::engine::question::{About, Param, Params, Question};
use letopis_projections::views;
use utoipa::IntoParams;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::{HttpMethod, ObjectBuilder, Ref, Required, ResponseBuilder, Type};
use utoipa_axum::router::OpenApiRouter;

use crate::answer::{ClockParams, From, of_client, of_thing, whole};
use crate::error::Problem;
use crate::extract::{self, Asked};
use crate::state::App;

/// The routes of all questions.
pub fn routes() -> OpenApiRouter<App> {
    views::questions().fold(OpenApiRouter::new(), |mut router, question| {
        router.get_openapi_mut().paths.add_path_operation(question.path, vec![HttpMethod::Get], describe(question));
        router.route(
            question.path,
            get(async move |State(app): State<App>, id: Option<Path<String>>, asked: Asked| {
                answer(&app, question, id.map(|Path(id)| id), asked).await
            }),
        )
    })
}

async fn answer(app: &App, question: &Question, id: Option<String>, mut asked: Asked) -> Result<Response, Problem> {
    let mut params = take(app, question, &mut asked).await?;
    let (view, id) = (question.view, id.unwrap_or_default());
    match question.about {
        About::Totals(ask) => whole(app, asked, view, From::Totals, move |r| ask(r, &mut params)).await,
        About::Rows(ask) => whole(app, asked, view, From::Rows, move |r| ask(r, &mut params)).await,
        About::Client(ask) => {
            let who = extract::client(app, &id).await?;
            of_client(app, asked, view, who, move |r, root| ask(r, &mut params, root)).await
        }
        About::Thing { kind, find, ask } => {
            let id = extract::entity(app, kind, &id)?;
            of_thing(app, asked, view, move |r| find(r, id), move |r| ask(r, &mut params, id)).await
        }
    }
}

/// Takes out what the question knows; the rest is refused by name when the answer is made.
async fn take(app: &App, question: &Question, asked: &mut Asked) -> Result<Params, Problem> {
    let mut params = Params::default();
    for &param in question.params {
        asked.is_page |= matches!(param, Param::Page);
        for (name, _) in param.names() {
            for text in asked.all(name) {
                let value = match param {
                    Param::Entity(_, kind, _) => {
                        let id = extract::entity(app, kind, &text).map_err(|problem| problem.field(name))?;
                        letopis_core::ids::EventId(id).to_string()
                    }
                    Param::Client(..) => {
                        extract::client(app, &text).await.map_err(|problem| problem.field(name))?.to_string()
                    }
                    Param::Period | Param::Page | Param::Text(..) => text,
                };
                params.push(name, value);
            }
        }
    }
    Ok(params)
}

/// What the document says of a question.
fn describe(question: &Question) -> utoipa::openapi::path::Operation {
    let tag = question.path.split('/').nth(2).unwrap_or("views");
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let mut operation = OperationBuilder::new().tag(tag).summary(Some(question.doc)).operation_id(Some(id(question)));
    if question.path.contains("{id}") {
        let what = match question.about {
            About::Thing { .. } => "A ULID, or `system:id-in-that-system`",
            _ => "A ULID, or an identity such as `shop:C-1042`",
        };
        let parameter = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).required(Required::True);
        operation = operation.parameter(parameter.description(Some(what)).schema(Some(text())));
    }
    for parameter in ClockParams::into_params(|| Some(ParameterIn::Query)) {
        operation = operation.parameter(parameter);
    }
    for (name, doc) in question.params.iter().flat_map(|param| param.names()) {
        let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query).required(Required::False);
        operation = operation.parameter(parameter.description(Some(doc)).schema(Some(text())));
    }
    let problem = ResponseBuilder::new().description("What was wrong").content(
        "application/problem+json",
        utoipa::openapi::ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build(),
    );
    operation
        .response("200", ResponseBuilder::new().description("The answer, with what it rests on").build())
        .response("4XX", problem.build())
        .build()
}

fn id(question: &Question) -> String {
    question.name.replace([' ', '-'], "_")
}
