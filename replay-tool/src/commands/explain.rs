//! `explain`: which events set a field of a card, which clients make up a total.

use anyhow::{Context, Result, anyhow};
use clap::Args;
use letopis_core::money::Currency;
use letopis_core::time::{Clock, SystemClock, Timestamp};
use letopis_projections::engine::group::Clocks;
use letopis_projections::engine::list::Window;
use letopis_projections::engine::scope::group_at;
use letopis_projections::views::explain::{self, Explained, MoneyTotal};
use serde_json::{Value, json};

use super::DataArg;
use crate::console::{Done, UsageError};
use crate::data::Data;
use crate::table::table;
use crate::time::bound;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The data folder.
    #[command(flatten)]
    pub data: DataArg,
    /// The client: a ULID or `system:id-in-that-system`.
    #[arg(required_unless_present = "total", requires = "field")]
    pub client: Option<String>,
    /// A path in his card: `name`, `profile.city`, `money.EUR.owed`.
    pub field: Option<String>,
    /// Instead, the clients that make up a sum over all of them: owed, paid or invoiced.
    #[arg(long, value_name = "WHAT", conflicts_with = "client", requires = "currency")]
    pub total: Option<String>,
    /// The currency of the sum, ISO 4217.
    #[arg(long, value_name = "CODE")]
    pub currency: Option<String>,
    /// At most so many clients.
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// `next` of the page before.
    #[arg(long)]
    pub cursor: Option<String>,
    /// Only what happened before this time; a date means its end.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<String>,
    /// Only what was recorded before this time; a date means its end.
    #[arg(long, value_name = "TIME")]
    pub known_at: Option<String>,
}

/// Runs it.
///
/// # Errors
/// When the client or the field is unknown, or log or views cannot be read.
pub async fn run(args: &ExplainArgs) -> Result<Done> {
    let data = Data::open(&args.data.data)?;
    let zone = &data.folder.settings.zone;
    let at = |text: &Option<String>| text.as_deref().map(|text| bound(text, zone)).transpose();
    let clocks = Clocks { as_of: at(&args.as_of)?, known_at: at(&args.known_at)? };
    let now = clocks.as_of.unwrap_or_else(|| SystemClock.now());
    if let Some(total) = &args.total {
        if !clocks.is_now() {
            return Err(UsageError("--total is explained as it is now: leave --as-of and --known-at out".into()).into());
        }
        return whole(args, &data, total, now);
    }
    let (Some(client), Some(field)) = (&args.client, &args.field) else {
        return Err(UsageError("a client and a field are needed".into()).into());
    };
    let client = data.client(client).await?;
    let members = group_at(&*data.folder.log, client, clocks).await.context("reading the alias group")?;
    let explained = explain::explain(data.source(), zone, now, members, clocks, field).await?;
    let text = text(&explained);
    Ok(Done::fine(serde_json::to_value(explained)?, text))
}

fn whole(args: &ExplainArgs, data: &Data, total: &str, now: Timestamp) -> Result<Done> {
    let found = MoneyTotal::WORDS.iter().find(|(word, _)| *word == total);
    let what = found.ok_or_else(|| UsageError(format!("--total: {total:?} is not owed, paid or invoiced")))?.1;
    let currency = args.currency.as_deref().unwrap_or_default();
    let currency: Currency = currency.parse().map_err(|error| UsageError(format!("--currency: {error}")))?;
    let stored = data.stored()?.ok_or_else(|| anyhow!("the folder has no views; `replay-tool rebuild --install`"))?;
    let window = Window { limit: args.limit, cursor: args.cursor.clone() };
    let page = stored.read(now, |reader| explain::parts(reader, what, currency, &window))?;
    let rows = page.items.iter();
    let rows = rows.map(|part| vec![part.client.to_string(), part.amount.minor.to_string(), part.field.clone()]);
    let mut text = table(&["client", "minor units", "explain CLIENT"], rows.collect());
    if let Some(next) = &page.next {
        text += &format!("more: --cursor {next}\n");
    }
    let position = stored.checkpoint()?.position;
    Ok(Done::fine(json!({ "position": position, "items": page.items, "next": page.next }), text))
}

fn text(explained: &Explained) -> String {
    let rows = explained.settings.iter().map(|setting| {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        vec![
            plain(&setting.value),
            setting.change.map(|change| format!("{change:+}")).unwrap_or_default(),
            setting.event.occurred_at.to_string(),
            setting.event.event_type.clone(),
            setting.event.event.to_string(),
            setting.event.actor.clone(),
            setting.reason.as_ref().map(plain).unwrap_or_default(),
        ]
    });
    let table = table(&["value", "change", "occurred", "type", "event", "actor", "reason"], rows.collect());
    format!("{} of client {}\n{table}", explained.field, explained.client)
}
