//! `chart`: the answers of the views as pictures, for people who would rather look.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{DataArg, as_of};
use crate::console::{Console, Done, UsageError};

mod draw;

/// Arguments of `chart`.
#[derive(Debug, Args)]
pub struct ChartArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// The file to write: `.svg`, or `.png` where the tool was built with the feature `png`.
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Only what happened before this time; a date means its end. Now when not given.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Only what was recorded before this time; a date means its end.
    #[arg(long, value_name = "TIME")]
    pub known_at: Option<String>,
    /// What to draw.
    pub what: What,
    /// Parameters of the question behind it, such as `--from 2026-01-01`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub params: Vec<String>,
}

/// What can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// How far the deals came that were opened in a period.
    Funnel,
    /// What came into each stage and went out of it.
    Flow,
    /// Revenue by month.
    Revenue,
    /// Cases against their service levels.
    Clocks,
}

impl What {
    /// The question whose answer it shows.
    fn question(self) -> &'static [&'static str] {
        match self {
            Self::Funnel => &["funnel", "cohort"],
            Self::Flow => &["funnel", "flow"],
            Self::Revenue => &["revenue", "--by", "month"],
            Self::Clocks => &["cases", "service-levels", "--by", "level"],
        }
    }
}

/// Runs it.
///
/// # Errors
/// When the question makes no sense, there is nothing to draw, or the file cannot be written.
pub async fn run(args: &ChartArgs, console: &Console) -> Result<Done> {
    let kind = args.out.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !matches!(kind, "svg" | "png") {
        bail!(UsageError(format!("{}: a chart is written as .svg or .png", args.out.display())));
    }
    if kind == "png" && cfg!(not(feature = "png")) {
        bail!(UsageError("this tool was built without the feature `png`; write .svg".to_owned()));
    }
    let question = args.what.question().iter().map(|word| (*word).to_owned()).chain(args.params.iter().cloned());
    let asked = as_of::AsOfArgs::of(&args.data, args.as_of.as_deref(), args.known_at.as_deref(), question)?;
    let report = as_of::run(&asked, console).await?.report;
    let svg = draw::svg(args.what, &report["answer"])?;
    let bytes = if kind == "png" { png(&svg)? } else { svg.into_bytes() };
    std::fs::write(&args.out, &bytes).with_context(|| format!("writing {}", args.out.display()))?;
    let told = json!({
        "out": args.out.display().to_string(), "bytes": bytes.len(), "position": report["position"],
        "as_of": report["as_of"], "known_at": report["known_at"], "answer": report["answer"],
    });
    let text = format!("{}: {} bytes, events up to position {}\n", args.out.display(), bytes.len(), report["position"]);
    Ok(Done::fine(told, text))
}

#[cfg(feature = "png")]
fn png(svg: &str) -> Result<Vec<u8>> {
    charts_rs::svg_to_png(svg).map_err(|error| anyhow::anyhow!("{error}")).context("drawing the picture as PNG")
}

#[cfg(not(feature = "png"))]
fn png(_: &str) -> Result<Vec<u8>> {
    bail!(UsageError("this tool was built without the feature `png`; write .svg".to_owned()))
}
