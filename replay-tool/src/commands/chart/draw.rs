//! From an answer to a picture.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow, bail};
use charts_rs::{BarChart, FunnelChart};
use serde_json::{Value, json};

use super::What;
use crate::console::UsageError;

/// Size of a picture, in pixels.
const WIDTH: u32 = 960;
const HEIGHT: u32 = 540;

/// Where a period begins that is open at its beginning.
const FIRST_DAY: &str = "1800-01-01";

/// The font that the library measures with, and what stands in where a reader has none of that name.
const FONTS: [&str; 2] = ["font-family=\"Roboto\"", "font-family=\"Roboto, Helvetica, Arial, sans-serif\""];

/// One row of figures, and what it is called.
struct Series {
    name: String,
    figures: Vec<f64>,
}

/// Draws the answer as SVG.
///
/// # Errors
/// When there is nothing in it to draw.
pub(super) fn svg(what: What, answer: &Value) -> Result<String> {
    let picture = match what {
        What::Funnel => funnel(answer),
        What::Flow => flow(answer),
        What::Revenue => revenue(answer),
        What::Clocks => clocks(answer),
    }?;
    let [measured, shown] = FONTS;
    Ok(picture.replace(measured, shown))
}

fn list<'a>(answer: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    let list = answer[name].as_array().with_context(|| format!("the answer has no {name}"))?;
    if list.is_empty() {
        bail!(UsageError("there is nothing to draw: the answer is empty".to_owned()));
    }
    Ok(list)
}

fn figure(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

/// What a stage is called.
fn stage(of: &Value) -> String {
    of["label"].as_str().or(of["stage"].as_str()).unwrap_or("?").to_owned()
}

/// Days of a half-open period; one without a beginning begins where time does.
fn period(answer: &Value) -> String {
    let day = |name: &str| answer["period"][name].as_str().unwrap_or("…");
    match day("from") {
        FIRST_DAY => format!("before {}", day("to")),
        from => format!("from {from} to before {}", day("to")),
    }
}

fn funnel(answer: &Value) -> Result<String> {
    let stages = list(answer, "stages")?;
    let reached = stages.iter().map(|of| json!({ "name": stage(of), "data": [figure(&of["reached"]["numerator"])] }));
    let won = json!({ "name": "won", "data": [figure(&answer["won"]["numerator"])] });
    let series: Vec<Value> = reached.chain([won]).collect();
    let title = format!("Deals opened {}", period(answer));
    let sub = format!("{} deals, {} still open", answer["deals"], answer["open"]);
    let options =
        json!({ "width": WIDTH, "height": HEIGHT, "title_text": title, "sub_title_text": sub, "series_list": series });
    let chart = FunnelChart::from_json(&options.to_string()).map_err(|error| anyhow!("{error}"))?;
    chart.svg().map_err(|error| anyhow!("{error}"))
}

fn flow(answer: &Value) -> Result<String> {
    let stages = list(answer, "stages")?;
    let row = |name: &str, of: &dyn Fn(&Value) -> &Value| Series {
        name: name.to_owned(),
        figures: stages.iter().map(|stage| figure(of(stage))).collect(),
    };
    let series = [
        row("came in", &|stage| &stage["entries"]["total"]),
        row("went on", &|stage| &stage["exits"]["forward"]),
        row("went back", &|stage| &stage["exits"]["back"]),
        row("won", &|stage| &stage["exits"]["won"]),
        row("lost", &|stage| &stage["exits"]["lost"]),
    ];
    bars(&format!("Moves of deals {}", period(answer)), "deals", &series, stages.iter().map(stage).collect())
}

fn revenue(answer: &Value) -> Result<String> {
    let items = list(&answer["page"], "items")?;
    let currencies: BTreeSet<&str> = items.iter().filter_map(|item| item["currency"].as_str()).collect();
    let mut currencies = currencies.into_iter();
    let (Some(currency), None) = (currencies.next(), currencies.next()) else {
        bail!(UsageError("currencies are never added: name one with --currency".to_owned()));
    };
    let row = |name: &str| Series {
        name: name.to_owned(),
        // Axes are for the eye: the exact sums are in the answer.
        figures: items
            .iter()
            .map(|item| item[name]["exact"].as_str().and_then(|sum| sum.parse().ok()).unwrap_or(0.0))
            .collect(),
    };
    let months = items.iter().map(|item| item["key"].as_str().unwrap_or("?").to_owned()).collect();
    let series = ["ordered", "returned", "cancelled", "net"].map(row);
    bars("Revenue by month", currency, &series, months)
}

fn clocks(answer: &Value) -> Result<String> {
    let lines = list(answer, "lines")?;
    let targets = [("answered", "first_response"), ("resolved", "resolution")];
    let pairs = || lines.iter().flat_map(|line| targets.map(|(word, target)| (line, word, target)));
    let names = pairs().map(|(line, word, _)| format!("{}, {word}", line["key"].as_str().unwrap_or("?"))).collect();
    let row = |name: &str, state: &str| Series {
        name: name.to_owned(),
        figures: pairs().map(|(line, _, target)| figure(&line[target][state])).collect(),
    };
    let series =
        [row("in time", "met"), row("too late", "breached"), row("at risk", "at_risk"), row("running", "running")];
    bars("Cases against their service levels", "cases", &series, names)
}

fn bars(title: &str, unit: &str, series: &[Series], names: Vec<String>) -> Result<String> {
    let rows: Vec<Value> = series.iter().map(|row| json!({ "name": row.name, "data": row.figures })).collect();
    let options = json!({
        "width": WIDTH, "height": HEIGHT, "title_text": title, "sub_title_text": unit, "legend_align": "right",
        "margin": { "left": 16.0, "top": 12.0, "right": 16.0, "bottom": 12.0 },
        "series_list": rows, "x_axis_data": names,
    });
    let chart = BarChart::from_json(&options.to_string()).map_err(|error| anyhow!("{error}"))?;
    chart.svg().map_err(|error| anyhow!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_and_figures_are_in_the_picture() {
        let stage = |name: &str, reached: i64| json!({ "stage": name, "reached": { "numerator": reached } });
        let answer = json!({
            "period": { "from": "2026-01-01", "to": "2026-02-01" }, "deals": 7, "open": 1,
            "won": { "numerator": 2 }, "stages": [stage("lead", 7), stage("offer", 4)],
        });
        let picture = svg(What::Funnel, &answer).expect("drawn");
        for word in ["<svg", "lead", "offer", "won", "from 2026-01-01 to before 2026-02-01", "Arial"] {
            assert!(picture.contains(word), "{word}: {picture}");
        }
        assert!(
            svg(What::Flow, &json!({ "stages": [] })).expect_err("nothing").to_string().contains("nothing to draw")
        );
    }

    #[test]
    fn each_level_has_a_bar_for_both_of_its_clocks() {
        let standing = json!({ "met": 7, "breached": 2, "at_risk": 1, "running": 0 });
        let line = json!({ "key": "vip", "first_response": standing, "resolution": standing });
        let picture = svg(What::Clocks, &json!({ "lines": [line] })).expect("drawn");
        for word in ["vip, answered", "vip, resolved", "too late"] {
            assert!(picture.contains(word), "{word}: {picture}");
        }
    }

    #[test]
    fn two_currencies_are_not_drawn_into_one_picture() {
        let item = |currency: &str| json!({ "key": "2026-01", "currency": currency, "net": { "exact": "12.5" } });
        let answer = |items: Value| json!({ "page": { "items": items } });
        assert!(svg(What::Revenue, &answer(json!([item("EUR")]))).expect("drawn").contains("EUR"));
        let error = svg(What::Revenue, &answer(json!([item("EUR"), item("USD")]))).expect_err("two");
        assert!(error.to_string().contains("--currency"), "{error}");
    }
}
