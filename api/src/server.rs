//! Routes, layers, and the life of the server from its start to its graceful end.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::state::App;
use crate::witness::ask::{self, Peer};
use crate::{
    auth, automation, clients, erasure, events, explain, export, health, history, locale, log, middleware, openapi,
    questions, search, telemetry, views,
};

/// The head of an answer takes at most so long; streams go on.
const MAX_ANSWER: Duration = Duration::from_secs(60);
/// How long running requests may take to end when the server ends.
const MAX_DRAIN: Duration = Duration::from_secs(10);
/// How often histograms are tidied.
const UPKEEP: Duration = Duration::from_secs(5);

/// All routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::document())
        .merge(events::routes())
        .merge(clients::routes())
        .merge(erasure::routes())
        .merge(explain::routes())
        .merge(export::routes())
        .merge(history::routes())
        .merge(search::routes())
        .merge(log::routes())
        .merge(questions::routes())
        .merge(views::routes())
        .merge(health::routes())
}

/// The service: routes in their layers.
pub fn router(app: App) -> Router {
    let squeeze = DefaultPredicate::new().and(NotForContentType::const_new("application/x-ndjson"));
    openapi::serve(routes())
        .layer(from_fn_with_state(app.clone(), locale::label))
        .layer(CompressionLayer::new().compress_when(squeeze))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, MAX_ANSWER))
        .layer(from_fn_with_state(app.clone(), auth::authenticate))
        .layer(CatchPanicLayer::new())
        .layer(from_fn_with_state(app.clone(), middleware::wrap))
        .with_state(app)
}

/// Serves until `end` comes to pass or the log stops, then lets running requests finish, stops the views, and seals the log. Every
/// new checkpoint is sent to the witnesses.
///
/// # Errors
/// When the listener fails, or the log stopped.
pub fn serve(
    app: App,
    witnesses: Vec<Peer>,
    listener: TcpListener,
    end: impl Future<Output = ()> + Send + 'static,
) -> BoxFuture<'static, anyhow::Result<()>> {
    // Boxed, so that it is compiled once, here.
    Box::pin(served(app, witnesses, listener, Box::pin(end)))
}

async fn served(
    app: App,
    witnesses: Vec<Peer>,
    listener: TcpListener,
    end: BoxFuture<'static, ()>,
) -> anyhow::Result<()> {
    let (stop_followers, stopped) = watch::channel(false);
    let followers = [
        ("views", app.views.follow(stopped.clone())),
        ("search index", app.search.follow(stopped.clone())),
        ("automation", automation::follow(app.clone(), stopped.clone())),
        ("sealer", app.sealer.follow(stopped)),
    ];
    let (stop_witnesses, stopped) = watch::channel(false);
    let asked = witnesses.into_iter().map(|peer| ask::follow(app.clone(), peer, stopped.clone()));
    let asked: Vec<_> = asked.collect();
    let (stop, mut stopped) = (app.stop.clone(), app.stopped.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = end => tracing::info!("ending: no new requests"),
            Ok(_) = stopped.wait_for(Option::is_some) => tracing::error!("ending: the log takes no events any more"),
        }
        stop.cancel();
    });
    let upkeep = tokio::spawn(async {
        loop {
            tokio::time::sleep(UPKEEP).await;
            telemetry::metrics().run_upkeep();
        }
    });
    let stop = app.stop.clone();
    let server = axum::serve(listener, router(app.clone())).with_graceful_shutdown(stop.cancelled_owned());
    let drained = async {
        app.stop.cancelled().await;
        tokio::time::sleep(MAX_DRAIN).await;
    };
    let served = tokio::select! {
        served = server => served.map_err(Into::into),
        () = drained => {
            tracing::warn!("some requests did not end in time and are cut off");
            Ok(())
        }
    };
    upkeep.abort();
    // Every append was answered: what is new is sealed, and shown to the witnesses once.
    stop_followers.send_replace(true);
    for (what, follower) in followers {
        join(what, follower).await;
    }
    stop_witnesses.send_replace(true);
    for thread in asked {
        join("witness", thread).await;
    }
    if let Some(why) = &*app.stopped.borrow() {
        anyhow::bail!(
            "the log stopped ({why}): start the server again; whether the last events are stored tells who posts them again"
        );
    }
    served
}

async fn join(what: &str, thread: std::thread::JoinHandle<()>) {
    if !matches!(tokio::task::spawn_blocking(move || thread.join()).await, Ok(Ok(()))) {
        tracing::error!("the thread of the {what} ended in a panic");
    }
}
