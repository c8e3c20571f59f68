//! The sales funnel. Four different numbers bear that name, and they are never mixed:
//!
//! - the **snapshot** ([`board()`]): deals and money in each stage at the end of a day;
//! - the **cohort** ([`cohort()`]): how far the deals came that were opened in a period;
//! - the **flow** ([`flow()`]): entries and exits of each stage within a period;
//! - the **time in stage** ([`time_in_stage()`]).
//!
//! Beside them stand [`win_rate()`], [`lost_reasons()`] and [`velocity()`], by date of close.
//!
//! Every answer is as of the reader's bound: it is the same on the live view and on a view rebuilt from
//! the facts before the bound, when the bound is the end of a day. Periods are half-open and cut in
//! local days. Regions, managers and names are those defined at the bound.

mod board;
mod cohort;
mod cycle;
mod flow;
mod group;
mod ladder;
mod number;
mod pipeline;
mod questions;
mod stay;
mod win_rate;

#[cfg(test)]
mod tests;

pub use board::{Board, BoardGroup, BoardStage, board};
pub use cohort::{Cohort, CohortStage, cohort};
pub use cycle::{Cycle, Cycles};
pub use flow::{Entries, Exits, Flow, FlowStage, flow};
pub use group::By;
pub use ladder::StageName;
pub(crate) use number::Purse;
pub use number::{Period, Ratio};
pub use pipeline::{Pipeline, PipelinePart, PipelineStage};
pub use questions::QUESTIONS;
pub(crate) use questions::period;
pub use stay::{Median, StageTime, TimeInStage, time_in_stage};
pub use win_rate::{
    LostReason, LostReasons, Speed, Velocity, WinRate, WinRates, Winnings, lost_reasons, velocity, win_rate,
};
