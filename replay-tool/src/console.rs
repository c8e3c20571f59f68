//! How commands speak: one JSON document or a text on stdout, progress and errors on stderr, an exit code.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

/// What a command ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything is fine.
    Fine = 0,
    /// A difference or damage was found.
    Found = 1,
    /// The call was wrong.
    Usage = 2,
    /// The command could not run.
    Failed = 3,
}

/// What a command has to say.
#[derive(Debug, Clone)]
pub struct Done {
    /// The exit code.
    pub exit: Exit,
    /// For programs.
    pub report: Value,
    /// For people.
    pub text: String,
}

impl Done {
    /// Fine.
    pub fn fine(report: Value, text: impl Into<String>) -> Self {
        Self { exit: Exit::Fine, report, text: text.into() }
    }

    /// Fine, or with something found.
    pub fn found(found: bool, report: Value, text: impl Into<String>) -> Self {
        Self { exit: if found { Exit::Found } else { Exit::Fine }, report, text: text.into() }
    }
}

/// The call makes no sense in a way that the parser of the command line cannot know.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Where a command speaks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Console {
    /// One JSON document on stdout instead of text.
    pub json: bool,
    /// No progress.
    pub quiet: bool,
}

impl Console {
    /// A bar for so many of something; hidden where nobody looks.
    pub fn progress(&self, what: &str, total: u64) -> ProgressBar {
        let bar = ProgressBar::new(total);
        if self.json || self.quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
            return bar;
        }
        let style = ProgressStyle::with_template("{msg:>12} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// Prints what a command has to say, and gives its exit code.
    pub fn finish(&self, done: anyhow::Result<Done>) -> u8 {
        let (exit, text) = match done {
            Ok(done) if self.json && !done.report.is_null() => (done.exit, done.report.to_string()),
            Ok(done) => (done.exit, done.text),
            Err(error) => {
                let wrong = error.downcast_ref::<UsageError>().is_some();
                eprintln!("error: {}", chain(&error));
                return if wrong { Exit::Usage } else { Exit::Failed } as u8;
            }
        };
        let text = if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" };
        // Who closed the pipe (`| head`) has seen enough.
        drop(std::io::stdout().lock().write_all(text.as_bytes()));
        exit as u8
    }
}

/// An error and its causes in one line, none of them twice.
pub fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let part = cause.to_string();
        if !text.ends_with(&part) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&part);
        }
    }
    text
}

/// A rate as people read it.
pub fn rate(count: u64, seconds: f64) -> String {
    format!("{}/s", grouped((count as f64 / seconds.max(1e-6)) as u64))
}

/// A number with spaces between thousands.
pub fn grouped(number: impl Into<i128>) -> String {
    let number: i128 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}
