//! How the figures grow with the log: a table and a chart.

use std::fmt::Write;

use crate::reads::{READS, Times};

/// What was measured at one size.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// Events in the log.
    pub(crate) events: u64,
    /// Bare scan and decode, events in a second.
    pub(crate) bare: f64,
    /// Rebuild of all views, events in a second.
    pub(crate) rebuild: f64,
    /// Processor time of it, µs an event.
    pub(crate) processor_us: f64,
    /// Processor time of live folding, µs an event, see [`crate::LIVE`].
    pub(crate) live_us: [f64; 2],
    /// Memory at its peak.
    pub(crate) peak_mib: u64,
    pub(crate) log_bytes: u64,
    pub(crate) view_bytes: u64,
    /// Times of [`READS`].
    pub(crate) quiet: Option<[Times; READS.len()]>,
    pub(crate) busy: Option<[Times; READS.len()]>,
    /// Events in a second that were written meanwhile.
    pub(crate) busy_rate: f64,
    pub(crate) lag: Option<Times>,
    pub(crate) lag_rate: f64,
}

/// Prints a row for each size.
pub(crate) fn print(all: &[Figures]) {
    println!(
        "\n| events | rebuild, events/s | of a bare scan | peak, MiB | bytes per event: log, views | {} | lag p99 |",
        READS.map(|name| format!("{name}, p99")).join(" | ")
    );
    println!("|{}", "---|".repeat(6 + READS.len()));
    for f in all {
        let reads: Vec<String> = f.busy.iter().flatten().map(|times| format!("{:.2}", times.p99)).collect();
        println!(
            "| {} | {:.0} | {:.2} | {} | {}, {} | {} | {:.1} |",
            f.events,
            f.rebuild,
            f.rebuild / f.bare,
            f.peak_mib,
            f.log_bytes / f.events,
            f.view_bytes / f.events,
            reads.join(" | "),
            f.lag.map_or(f64::NAN, |lag| lag.p99)
        );
    }
}

/// One line of a chart: its name and a value for each size.
type Line<'a> = (&'a str, Vec<f64>);

/// Width of a panel with its legend, and its height.
const PANEL: (f64, f64) = (720.0, 260.0);
/// The plotted part of a panel: left, top, width, height.
const PLOT: (f64, f64, f64, f64) = (64.0, 34.0, 440.0, 180.0);
const COLOURS: [&str; READS.len()] = ["#2563eb", "#dc2626", "#059669", "#9333ea", "#d97706"];

/// Two panels in SVG, both scales logarithmic: throughput, and times of reads while others write.
pub(crate) fn chart(all: &[Figures]) -> String {
    let sizes: Vec<f64> = all.iter().map(|f| f.events as f64).collect();
    let rates = [
        ("bare scan, one thread", all.iter().map(|f| f.bare).collect()),
        ("rebuild of all views", all.iter().map(|f| f.rebuild).collect()),
    ];
    let p99 = |n: usize| all.iter().map(|f| f.busy.map_or(f64::NAN, |times| times[n].p99)).collect();
    let times: Vec<Line<'_>> = READS.iter().enumerate().map(|(n, name)| (*name, p99(n))).collect();
    let (width, height) = (PANEL.0, PANEL.1 * 2.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    panel(&mut svg, 0.0, "Events in a second, by events in the log", &sizes, &rates);
    panel(&mut svg, PANEL.1, "p99 in ms while 1,000 events/s are written, by events in the log", &sizes, &times);
    svg + "</svg>\n"
}

fn panel(svg: &mut String, down: f64, title: &str, sizes: &[f64], lines: &[Line<'_>]) {
    let (left, top, width, height) = (PLOT.0, PLOT.1 + down, PLOT.2, PLOT.3);
    let decades = |values: &mut dyn Iterator<Item = f64>| {
        let (low, high) =
            values.filter(|v| *v > 0.0).fold((f64::MAX, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
        (low.log10().floor(), high.log10().ceil().max(low.log10().floor() + 1.0))
    };
    let (x_low, x_high) = decades(&mut sizes.iter().copied());
    let (y_low, y_high) = decades(&mut lines.iter().flat_map(|(_, values)| values.iter().copied()));
    let x = |value: f64| left + (value.log10() - x_low) / (x_high - x_low) * width;
    let y = |value: f64| top + height - (value.log10() - y_low) / (y_high - y_low) * height;
    let mut put = |text: std::fmt::Arguments<'_>| writeln!(svg, "{text}").expect("writing into a text cannot fail");
    put(format_args!("<text x=\"{left}\" y=\"{}\" font-weight=\"bold\">{title}</text>", top - 14.0));
    for decade in y_low as i32..=y_high as i32 {
        let at = y(10_f64.powi(decade));
        put(format_args!("<path d=\"M{left} {at:.1}h{width}\" stroke=\"#e5e7eb\"/>"));
        put(format_args!(
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - 6.0,
            at + 4.0,
            tick(decade)
        ));
    }
    for decade in x_low as i32..=x_high as i32 {
        let (at, below) = (x(10_f64.powi(decade)), top + height + 18.0);
        put(format_args!("<text x=\"{at:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">{}</text>", tick(decade)));
    }
    for (n, (name, values)) in lines.iter().enumerate() {
        let colour = COLOURS[n % COLOURS.len()];
        let points: Vec<(f64, f64)> =
            sizes.iter().zip(values).filter(|(_, v)| **v > 0.0).map(|(s, v)| (x(*s), y(*v))).collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        put(format_args!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        ));
        for (x, y) in points {
            put(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"));
        }
        let (right, row) = (left + width + 16.0, top + 12.0 + 20.0 * n as f64);
        put(format_args!("<text x=\"{right}\" y=\"{row}\" fill=\"{colour}\">{name}</text>"));
    }
}

/// A power of ten as it is read.
fn tick(decade: i32) -> String {
    match decade {
        6.. => format!("{} M", 10_u64.pow(decade as u32 - 6)),
        3..6 => format!("{},000", 10_u64.pow(decade as u32 - 3)),
        0..3 => 10_u64.pow(decade as u32).to_string(),
        _ => format!("{}", 10_f64.powi(decade)),
    }
}
