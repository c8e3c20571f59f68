//! A data folder as an auditor sees it.

use std::path::{Path, PathBuf};

use clap::Parser;
use letopis_replay_tool::commands::{self, Cli};
use letopis_replay_tool::console::{Console, Done, Exit};

/// What is said of a command that panicked.
pub(crate) const PANIC: &str = "a panic";

/// Runs a command of the tool on a folder, on a thread of its own: it brings its own runtime.
pub(crate) fn tool(data: &Path, command: &str, arguments: &[&str]) -> Result<Done, String> {
    let words = ["replay-tool", "--quiet", command, "--data"].map(str::to_owned);
    let words = words.into_iter().chain([data.display().to_string()]);
    let words = words.chain(arguments.iter().map(|argument| (*argument).to_owned()));
    let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
    let run = || commands::run(&cli.command, &Console { json: true, quiet: true });
    let done = std::thread::scope(|scope| scope.spawn(run).join());
    done.map_err(|_| PANIC)?.map_err(|error| format!("{error:#}"))
}

/// Chains, tree, seals, checkpoints, tables and indexes are as they were written, and with `views` the views as a
/// rebuild makes them.
pub(crate) fn verify(data: &Path, views: bool) -> Result<(), String> {
    let flags: &[&str] = if views { &["--deep", "--views"] } else { &["--deep"] };
    let done = tool(data, "verify", flags)?;
    if done.exit == Exit::Fine { Ok(()) } else { Err(format!("verify: {}", done.text)) }
}

/// All files of a folder.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The files in which one of some words stands.
pub(crate) fn holding(dir: &Path, words: &[String]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for path in files(dir) {
        // A file that has gone meanwhile holds nothing.
        let bytes = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        // All words begin alike: one pass over the file finds where to look closer.
        for (at, _) in text.match_indices("zqcanary") {
            if let Some(word) = words.iter().find(|word| text[at..].starts_with(word.as_str())) {
                found.push((path.clone(), word.clone()));
            }
        }
    }
    found
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let place = to.join(path.strip_prefix(from).expect("inside"));
        std::fs::create_dir_all(place.parent().expect("a folder")).expect("made");
        std::fs::copy(&path, &place).expect("copied");
    }
}
