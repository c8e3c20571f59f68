//! `letopis`: serves a data folder, shows a demo, and keeps the API keys.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use letopis_api::keys::{self, Role};
use letopis_api::telemetry::{self, LogFormat};
use letopis_api::{demo, folder, server};
use letopis_core::random::Random;
use letopis_core::time::SystemClock;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An event-sourced CRM core: post facts, ask views.
#[derive(Debug, Parser)]
#[command(name = "letopis", version)]
struct Cli {
    /// Which lines are logged, such as `info` or `letopis_api=debug`.
    #[arg(long, env = "LETOPIS_LOG", default_value = "info", global = true)]
    log: String,
    /// How log lines look.
    #[arg(long, env = "LETOPIS_LOG_FORMAT", value_enum, default_value = "pretty", global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves a data folder; makes it when it is missing.
    Serve {
        /// The data folder.
        #[arg(long, env = "LETOPIS_DATA")]
        data: PathBuf,
        /// Where to listen. Any other address than loopback demands API keys.
        #[arg(long, env = "LETOPIS_LISTEN", default_value = "127.0.0.1:7979")]
        listen: SocketAddr,
    },
    /// Loads the fixtures, serves them, and says what to look at.
    Demo {
        /// The data folder; a temporary one when missing.
        #[arg(long)]
        data: Option<PathBuf>,
        /// Where to listen.
        #[arg(long, env = "LETOPIS_LISTEN", default_value = "127.0.0.1:7979")]
        listen: SocketAddr,
        /// The fixtures.
        #[arg(long, env = "LETOPIS_FIXTURES", default_value = "fixtures")]
        fixtures: PathBuf,
    },
    /// Makes, lists and revokes API keys.
    Key {
        /// The data folder.
        #[arg(long, env = "LETOPIS_DATA", global = true, default_value = "data")]
        data: PathBuf,
        #[command(subcommand)]
        command: KeyCommand,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Makes a key and prints it, this once.
    Create {
        /// What it allows; may be given several times.
        #[arg(long, value_enum, required = true)]
        role: Vec<Role>,
        /// An opaque name for who uses it; it is recorded with every event he posts.
        #[arg(long)]
        actor: Option<String>,
    },
    /// Lists all keys, without their secrets.
    List,
    /// Makes a key invalid, at once.
    Revoke {
        /// The id of the key, as listed.
        id: String,
    },
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    telemetry::start_log(cli.log_format, &cli.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Command::Serve { data, listen } => serve(&data, listen).await,
            Command::Demo { data, listen, fixtures } => show(data, listen, &fixtures).await,
            Command::Key { data, command } => keep(&data, command),
        }
    })
}

async fn serve(data: &Path, listen: SocketAddr) -> anyhow::Result<()> {
    let open = listen.ip().is_loopback();
    if !open && !keys::list(data)?.iter().any(|key| key.revoked_at.is_none()) {
        anyhow::bail!("{listen} can be reached by others: make a key first, `letopis key create --role admin`");
    }
    let app = folder::open(data, !open).await?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    server::serve(app, listener, interrupted()).await
}

async fn show(data: Option<PathBuf>, listen: SocketAddr, fixtures: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(listen.ip().is_loopback(), "the demo listens on this machine only");
    let data = data.unwrap_or_else(|| std::env::temp_dir().join(format!("letopis-demo-{}", std::process::id())));
    let app = folder::open(&data, false).await?;
    println!("Loading public data into {}", data.display());
    let started = std::time::Instant::now();
    demo::load(&app, fixtures, |set, tally| {
        println!(
            "  {set:<7} {:>7} events, {} known before, {} not taken",
            tally.accepted, tally.duplicates, tally.rejected
        );
    })
    .await?;
    println!("  loaded after {:.1} s; building the views", started.elapsed().as_secs_f64());
    app.views.rebuild(&|_, _| {}).await?;
    println!("  ready after {:.1} s\n", started.elapsed().as_secs_f64());
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    println!("{}", demo::tour(listener.local_addr()?));
    server::serve(app, listener, interrupted()).await
}

fn keep(data: &Path, command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Create { role, actor } => {
            let (key, entry) = keys::create(data, role, actor, &Random::system(), &SystemClock)?;
            eprintln!("key {} of {}; it is shown this once:", entry.id, entry.actor);
            println!("{key}");
        }
        KeyCommand::List => {
            for key in keys::list(data)? {
                let state = key.revoked_at.map_or("valid".to_owned(), |at| format!("revoked {at}"));
                println!("{}  {}  {:?}  made {}  {state}", key.id, key.actor, key.roles, key.created_at);
            }
        }
        KeyCommand::Revoke { id } => keys::revoke(data, &id, &SystemClock)?,
    }
    Ok(())
}

/// Ctrl-C, or the order to end that service managers send.
async fn interrupted() {
    let interrupt = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "ctrl-c is not heard");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
