//! `replay-tool`: import, rebuild, question, check, copy and compare a Letopis log without a server.

use std::process::ExitCode;

use clap::Parser;
use letopis_replay_tool::commands::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        // Said with a macro that panics when standard error is closed.
        .log_internal_errors(false)
        .with_target(false)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()))
        .init();
    // A wrong call ends here with exit code 2 and the usage.
    ExitCode::from(letopis_replay_tool::commands::main(&Cli::parse()))
}
