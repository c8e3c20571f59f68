//! The row of a deal, and its parts.

use std::collections::BTreeSet;

use letopis_core::code::Code;
use letopis_core::events::deal::Estimator;
use letopis_core::ids::{DealId, EmployeeId};
use letopis_core::money::{Currency, Money};
use letopis_core::time::{Day, Timestamp};
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};

use super::DEFAULT_MODEL;
use crate::engine::row::{Atom, Cell, Json, Row, WrongValue};
use crate::row;

/// How a deal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Neither won nor lost.
    #[default]
    Open,
    /// The client said yes.
    Won,
    /// The client said no.
    Lost,
}

impl Status {
    /// The word for it, the same in tables and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

impl Cell for Status {
    const SQL: &'static str = "TEXT";
    fn put(&self) -> Atom {
        Atom::Text(self.as_str().into())
    }
    fn get(value: ValueRef<'_>) -> Result<Self, WrongValue> {
        match value.as_str().map_err(|_| WrongValue)? {
            "open" => Ok(Self::Open),
            "won" => Ok(Self::Won),
            "lost" => Ok(Self::Lost),
            _ => Err(WrongValue),
        }
    }
}

/// What happened to a deal: the facts of its events, without what is personal in them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was opened.
    Opened {
        /// The stage it begins in.
        stage: Code,
        /// False when the date is a stand-in.
        date_known: bool,
        /// The stage model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<Code>,
        /// What is to be sold.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        product: Option<Code>,
        /// What it may be worth.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
        /// Who leads it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<EmployeeId>,
        /// Where it came from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<Code>,
    },
    /// It went to this stage.
    Stage(Code),
    /// It is thought to be worth this.
    Amount(Money),
    /// Somebody joined or left.
    Team {
        /// Who.
        employee: EmployeeId,
        /// As what.
        role: Code,
        /// False when he left.
        joined: bool,
    },
    /// It was won, for this amount or the last known one.
    Won(Option<Money>),
    /// It was lost.
    Lost {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Code>,
        /// To whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        competitor: Option<Code>,
    },
    /// It was judged how likely it is to be won.
    Chance(Chance),
    /// It is open again, in this stage.
    Reopened(Code),
}

/// What was said of a deal's chance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chance {
    /// In basis points.
    pub probability_bp: u16,
    /// Who said so.
    pub by: Estimator,
    /// Which version of a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Code>,
    /// Which one of us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee: Option<EmployeeId>,
    /// When the deal is expected to close; what was said last about it, if this judgement says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_close: Option<Day>,
}

/// A change and its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub change: Change,
}

/// Somebody who works on a deal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub employee: EmployeeId,
    /// As what.
    pub role: Code,
}

/// Where a deal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nowhere yet.
    Start,
    /// Open, in a stage.
    Stage(Code),
    /// Won.
    Won,
    /// Lost.
    Lost,
}

/// A stay of a deal in a stage, from one entry to the next exit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The stage.
    pub stage: Code,
    /// When it came in.
    pub entered_at: Timestamp,
    /// False when that date is a stand-in.
    pub dated: bool,
    /// When it went out, and where to; `None` while it is there.
    pub left: Option<(Timestamp, Place)>,
}

row! {
    /// A deal as it stands.
    pub struct DealRow in "deal", index ["opened_at", "closed_at"] {
        /// The deal.
        key deal: DealId,
        owner client,
        /// When it was opened; null for a deal that is only known by later facts.
        opened_at: Option<Timestamp>,
        /// Whether `opened_at` is the true date; false for a stand-in, and for a deal never opened.
        date_known: bool,
        /// Its stage model; null stands for `default`.
        model: Option<Code>,
        /// The stage it is in, or was in last when it is closed.
        stage: Option<Code>,
        /// When it came into that stage; null when it is closed.
        entered_at: Option<Timestamp>,
        /// False when it is in that stage since a stand-in date.
        stage_dated: bool,
        /// What is to be sold.
        product: Option<Code>,
        /// Who leads it.
        agent: Option<EmployeeId>,
        /// Where it came from.
        source: Option<Code>,
        /// What it may be worth, or came to, in minor units.
        amount_minor: Option<i64>,
        /// The currency of the amount.
        currency: Option<Currency>,
        /// Open, won or lost, by its last close.
        status: Status,
        /// When it was closed last; null while it is open.
        closed_at: Option<Timestamp>,
        /// Who led it when it was closed: later handovers do not move the credit.
        closer: Option<EmployeeId>,
        /// Why it was lost.
        lost_reason: Option<Code>,
        /// To whom it was lost.
        competitor: Option<Code>,
        /// How often it was reopened.
        reopened: u32,
        /// How likely it is to be won, by the last judgement.
        chance: Option<Json<Chance>>,
        /// Who works on it beside the agent.
        team: Json<BTreeSet<Member>>,
        /// Rules that its facts break in the order in which they happened, such as `deal.closed_twice`.
        odd: Json<BTreeSet<String>>,
        /// Everything that happened to it, in that order.
        history: Json<Vec<Step>>,
    }
}

impl DealRow {
    /// What it may be worth, or came to.
    pub fn amount(&self) -> Option<Money> {
        Some(Money { minor: self.amount_minor?, currency: self.currency? })
    }

    /// The code of its stage model.
    pub fn model(&self) -> &str {
        self.model.as_ref().map_or(DEFAULT_MODEL, Code::as_str)
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        match (self.status, &self.stage) {
            (Status::Won, _) => Place::Won,
            (Status::Lost, _) => Place::Lost,
            (Status::Open, Some(stage)) => Place::Stage(stage.clone()),
            (Status::Open, None) => Place::Start,
        }
    }

    /// The deal as it stood before an instant; `None` when nothing had happened yet.
    pub fn as_of(self, bound: Timestamp) -> Option<Self> {
        // The history is in the order of time, so an earlier state is that of a prefix.
        let before = self.history.0.partition_point(|step| step.at < bound);
        if before == self.history.0.len() {
            return (before > 0).then_some(self);
        }
        let mut then = Self::empty(self.key(), self.client);
        for step in self.history.0.into_iter().take(before) {
            then.apply(step.at, &step.change);
            then.history.0.push(step);
        }
        (before > 0).then_some(then)
    }

    /// Goes through the history: where the deal was before a step, the step, the deal after it (without history).
    pub fn replay(&self, mut see: impl FnMut(&Place, &Step, &Self)) {
        let mut state = Self::empty(self.key(), self.client);
        let mut place = Place::Start;
        for step in &self.history.0 {
            state.apply(step.at, &step.change);
            see(&place, step, &state);
            place = state.place();
        }
    }

    /// Its stays in stages, in order.
    pub fn visits(&self) -> Vec<Visit> {
        let mut visits: Vec<Visit> = Vec::new();
        self.replay(|from, step, after| {
            let to = after.place();
            if *from == to {
                return;
            }
            if let Some(visit) = visits.last_mut()
                && visit.left.is_none()
            {
                visit.left = Some((step.at, to.clone()));
            }
            if let Place::Stage(stage) = to {
                visits.push(Visit { stage, entered_at: step.at, dated: after.stage_dated, left: None });
            }
        });
        visits
    }
}
