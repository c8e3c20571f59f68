//! `letopis`: serves a data folder, shows a demo, keeps the API keys, and witnesses other logs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use letopis_api::keys::{self, Role};
use letopis_api::telemetry::{self, LogFormat};
use letopis_api::witness::ask::Peer;
use letopis_api::{backup, demo, folder, server, witness};
use letopis_core::random::Random;
use letopis_core::time::SystemClock;
use letopis_core::trust::note::VerifierKey;
use letopis_core::trust::witness::Witness;
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
        /// A witness that is asked to cosign every checkpoint: its submission prefix, such as
        /// `http://10.0.0.2:7980`. May be given several times.
        #[arg(long, value_name = "URL", requires = "witness_key")]
        witness: Vec<String>,
        /// The public key of the witness, in the same order: the line `name+hash+base64` or a file with it.
        #[arg(long, value_name = "VKEY")]
        witness_key: Vec<String>,
    },
    /// Cosigns the checkpoints of other logs, so that they cannot show two histories.
    Witness {
        /// The folder in which the witness keeps its key and what it has seen.
        #[arg(long, env = "LETOPIS_WITNESS_DATA")]
        data: PathBuf,
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:7980")]
        listen: SocketAddr,
        /// The public key of a log: the line of its `checkpoint.pub`, or the file. May be given several times.
        #[arg(long, value_name = "VKEY", required = true)]
        log_key: Vec<String>,
        /// The name of a new witness, such as `witness.example/w1`; made up when not given.
        #[arg(long)]
        name: Option<String>,
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
    /// Copies a data folder, also while a server writes to it, and reads the copy through.
    Backup {
        /// The data folder.
        #[arg(long, env = "LETOPIS_DATA")]
        data: PathBuf,
        /// The copy: an empty folder, or a new one.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        /// The secrets, too, into another empty folder; keep it apart from the copy.
        #[arg(long, value_name = "DIR")]
        secrets_to: Option<PathBuf>,
    },
    /// Puts a copy back into a folder that has no log, after comparing every file with its digest.
    Restore {
        /// The copy.
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
        /// The copy of the secrets, where the folder lacks them.
        #[arg(long, value_name = "DIR")]
        secrets_from: Option<PathBuf>,
        /// The data folder.
        #[arg(long, env = "LETOPIS_DATA")]
        data: PathBuf,
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
            Command::Serve { data, listen, witness, witness_key } => {
                serve(&data, listen, peers(witness, &witness_key)?).await
            }
            Command::Witness { data, listen, log_key, name } => {
                let logs = log_key.iter().map(|text| Ok(VerifierKey::parse(&key_line(text)?)?));
                let logs = logs.collect::<anyhow::Result<_>>().context("--log-key")?;
                let witness = Witness::open(&data, name.as_deref(), logs, &Random::system())?;
                let listener = listen_on(listen).await?;
                println!("{}", witness.public());
                tracing::info!(address = %listener.local_addr()?, "cosigning");
                Ok(witness::serve(Arc::new(witness), Arc::new(SystemClock), listener, interrupted()).await?)
            }
            Command::Demo { data, listen, fixtures } => show(data, listen, &fixtures).await,
            Command::Backup { data, to, secrets_to } => {
                backup::back_up(&data, &to, secrets_to.as_deref()).await.map(|text| print!("{text}"))
            }
            Command::Restore { from, secrets_from, data } => {
                backup::put_back(&from, secrets_from.as_deref(), &data).await.map(|text| print!("{text}"))
            }
            Command::Key { data, command } => keep(&data, command),
        }
    })
}

/// A key as it is given: its line, or a file that holds it.
fn key_line(text: &str) -> anyhow::Result<String> {
    if text.contains('+') {
        return Ok(text.to_owned());
    }
    std::fs::read_to_string(text).with_context(|| format!("{text} is neither a key nor a file with one"))
}

fn peers(urls: Vec<String>, keys: &[String]) -> anyhow::Result<Vec<Peer>> {
    anyhow::ensure!(urls.len() == keys.len(), "every --witness needs its --witness-key");
    let both = urls.into_iter().zip(keys);
    both.map(|(url, key)| {
        let key = key_line(key)?.parse().context("--witness-key")?;
        Peer::new(url, key).context("--witness")
    })
    .collect()
}

async fn listen_on(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

async fn serve(data: &Path, listen: SocketAddr, witnesses: Vec<Peer>) -> anyhow::Result<()> {
    let open = listen.ip().is_loopback();
    if !open && !keys::list(data)?.iter().any(|key| key.revoked_at.is_none()) {
        anyhow::bail!("{listen} can be reached by others: make a key first, `letopis key create --role admin`");
    }
    let app = folder::open(data, !open).await?;
    let listener = listen_on(listen).await?;
    tracing::info!(address = %listener.local_addr()?, log = app.log_key, "serving");
    if witnesses.is_empty() {
        tracing::warn!("no witness: nobody else can tell when the history of this log is replaced; see --witness");
    }
    server::serve(app, witnesses, listener, interrupted()).await
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
    println!("  ready after {:.1} s; sealing the log", started.elapsed().as_secs_f64());
    app.sealer.seal().await?;
    println!("  sealed after {:.1} s\n", started.elapsed().as_secs_f64());
    let listener = listen_on(listen).await?;
    println!("{}", demo::tour(listener.local_addr()?));
    server::serve(app, Vec::new(), listener, interrupted()).await
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
