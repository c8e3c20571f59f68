//! What cases add to the totals. Everything is dated to the day from which it holds and depends on nothing
//! later, so that sums up to a day answer as of that day.

use letopis_core::code::Code;
use letopis_core::events::case::CaseKind;
use letopis_core::time::Day;

use super::track::{Labels, Point};
use super::{CaseRow, Status, What, bucket};
use crate::engine::projection::{Context, Contributions};
use crate::total;
use crate::views::words::Blank;

total! {
    /// What happened to cases on a day.
    pub struct CaseFlow in "case_flow" by {
        /// The day.
        day: Day,
        /// What happened.
        what: What,
        /// What they are.
        kind: Blank<CaseKind>,
        /// What they are about.
        topic: Blank<Code>,
        /// About which product.
        product: Blank<Code>,
        /// How they reached us.
        channel: Blank<Code>,
    } sums {
        /// How many.
        cases,
    }
}

total! {
    /// Cases by how far they are: running sums by day.
    pub struct CaseStock in "case_stock" by {
        /// The day from which it holds.
        day: Day,
        /// `open`, `answered`, `resolved`, `closed`; `overdue` besides `open` or `answered`.
        state: String,
        /// What they are.
        kind: Blank<CaseKind>,
        /// What they are about.
        topic: Blank<Code>,
        /// About which product.
        product: Blank<Code>,
        /// How they reached us.
        channel: Blank<Code>,
    } sums {
        /// How many more.
        cases,
    }
}

total! {
    /// Cases by what whoever they were handed to answered last: running sums by day.
    pub struct CaseResponse in "case_response" by {
        /// The day from which it holds.
        day: Day,
        /// What they are.
        kind: Blank<CaseKind>,
        /// What they are about.
        topic: Blank<Code>,
        /// About which product.
        product: Blank<Code>,
        /// How they reached us.
        channel: Blank<Code>,
        /// What was answered.
        response: Blank<Code>,
        /// Whether it was in time: `yes`, `no`, or empty.
        timely: String,
    } sums {
        /// How many more.
        cases,
    }
}

total! {
    /// How long waits took that ended on a day: running sums by `day`, since a reopening takes its
    /// resolution back from the day of the reopening on.
    pub struct CaseDuration in "case_duration" by {
        /// The day from which it holds.
        day: Day,
        /// The day on which the wait ended.
        ended_on: Day,
        /// `first_response` or `resolution`.
        which: String,
        /// What they are.
        kind: Blank<CaseKind>,
        /// What they are about.
        topic: Blank<Code>,
        /// About which product.
        product: Blank<Code>,
        /// How they reached us.
        channel: Blank<Code>,
        /// The bucket of the elapsed seconds, see [`bucket`].
        bucket: i32,
    } sums {
        /// How many more.
        cases,
    }
}

pub(super) fn contribute(row: &CaseRow, cx: &Context<'_>, out: &mut Contributions) {
    let points = &row.track.0;
    let mut stated: Option<&Point> = None;
    let mut answered: Option<&Point> = None;
    let mut resolved: Option<&Point> = None;
    for (index, point) in points.iter().enumerate() {
        let day = cx.zone.day(point.at);
        let before = index.checked_sub(1).map(|before| &points[before]);
        flow(point, before, day, out);
        if let Some(status) = point.status {
            let same = stated.is_some_and(|old| (old.status, &old.labels) == (point.status, &point.labels));
            if !same {
                if let Some(old) = stated {
                    out.add(&stock(day, word(old.status.unwrap_or_default()), &old.labels, -1));
                }
                out.add(&stock(day, word(status), &point.labels, 1));
                stated = Some(point);
            }
            overdue(point, points.get(index + 1), cx, out);
        }
        if point.what == What::Forwarded {
            if let Some(old) = answered {
                out.add(&response(day, old, -1));
            }
            out.add(&response(day, point, 1));
            answered = Some(point);
        }
        if point.what == What::FirstAnswered {
            took(day, point, "first_response", day, 1, out);
        }
        if matches!(point.what, What::Resolved | What::Reopened)
            && let Some(old) = resolved.take()
        {
            took(day, old, "resolution", cx.zone.day(old.at), -1, out);
        }
        if point.what == What::Resolved {
            took(day, point, "resolution", day, 1, out);
            resolved = Some(point);
        }
    }
}

fn keys(labels: &Labels) -> (Blank<CaseKind>, Blank<Code>, Blank<Code>, Blank<Code>) {
    let Labels { kind, topic, product, channel } = labels.clone();
    (kind.into(), topic.into(), product.into(), channel.into())
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Answered => "answered",
        Status::Resolved => "resolved",
        Status::Closed => "closed",
    }
}

fn flow(point: &Point, before: Option<&Point>, day: Day, out: &mut Contributions) {
    let mut add = |what| {
        let (kind, topic, product, channel) = keys(&point.labels);
        out.add(&CaseFlow { day, what, kind, topic, product, channel, cases: 1 });
    };
    add(point.what);
    if point.timely == Some(false) {
        add(What::Untimely);
    }
    let settles = point.status.is_some_and(|status| !status.is_pending())
        && before.and_then(|before| before.status).is_some_and(Status::is_pending);
    if let Some(due) = point.due.filter(|_| settles) {
        add(if point.at <= due { What::Kept } else { What::Broken });
    }
}

fn stock(day: Day, state: &str, labels: &Labels, cases: i64) -> CaseStock {
    let (kind, topic, product, channel) = keys(labels);
    CaseStock { day, state: state.to_owned(), kind, topic, product, channel, cases }
}

/// A pending case is overdue at the end of every day from its due day on, until something changes.
fn overdue(point: &Point, next: Option<&Point>, cx: &Context<'_>, out: &mut Contributions) {
    let Some(due) = point.due.filter(|_| point.status.is_some_and(Status::is_pending)) else { return };
    let begins = cx.zone.day(point.at).max(cx.zone.day(due));
    let ends = next.map(|next| cx.zone.day(next.at));
    if ends.is_none_or(|ends| begins < ends) {
        out.add(&stock(begins, "overdue", &point.labels, 1));
        if let Some(ends) = ends {
            out.add(&stock(ends, "overdue", &point.labels, -1));
        }
    }
}

fn response(day: Day, point: &Point, cases: i64) -> CaseResponse {
    let (kind, topic, product, channel) = keys(&point.labels);
    let timely = point.timely.map_or("", |timely| if timely { "yes" } else { "no" }).to_owned();
    CaseResponse { day, kind, topic, product, channel, response: point.response.clone().into(), timely, cases }
}

fn took(day: Day, point: &Point, which: &str, ended_on: Day, cases: i64, out: &mut Contributions) {
    if let Some(seconds) = point.took_s {
        let (kind, topic, product, channel) = keys(&point.labels);
        let which = which.to_owned();
        out.add(&CaseDuration { day, ended_on, which, kind, topic, product, channel, bucket: bucket(seconds), cases });
    }
}
