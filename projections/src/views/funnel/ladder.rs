//! The order of stages, and how far deals came on it.

use std::collections::{BTreeSet, HashMap};

use letopis_core::code::{Code, Label};
use letopis_core::events::definition::Stage;
use serde::Serialize;

use crate::engine::read::{QueryError, Reader};
use crate::views::deals::{DealRow, Status};
use crate::views::definitions::stage_model;

/// A stage as answers name it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageName {
    /// The stage.
    pub stage: Code,
    /// Its name in words.
    pub label: Option<Label>,
    /// False when deals are in it that the stage model knows nothing of: it then has no order.
    pub in_model: bool,
}

/// A stage model, ready to be asked for order.
#[derive(Debug)]
pub(super) struct Ladder {
    pub(super) model: Code,
    /// The version of the model that counts; none when the model is not defined.
    pub(super) name: Option<String>,
    stages: Vec<Stage>,
    ranks: HashMap<Code, usize>,
}

/// Which way a move goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Back,
    /// One of the stages is not in the model.
    Unordered,
}

impl Ladder {
    pub(super) fn load(reader: &Reader<'_>, model: &Code) -> Result<Self, QueryError> {
        let found = stage_model(reader, model)?;
        let (name, mut stages) = found.map_or_else(Default::default, |found| (Some(found.name), found.stages));
        let mut ranks = HashMap::new();
        stages.retain(|stage| {
            let rank = ranks.len();
            let new = !ranks.contains_key(&stage.stage);
            ranks.entry(stage.stage.clone()).or_insert(rank);
            new
        });
        Ok(Self { model: model.clone(), name, stages, ranks })
    }

    pub(super) fn rank(&self, stage: &str) -> Option<usize> {
        self.ranks.get(stage).copied()
    }

    pub(super) fn probability_bp(&self, stage: &str) -> Option<u16> {
        self.stages.get(self.rank(stage)?)?.probability_bp
    }

    pub(super) fn direction(&self, from: &str, to: &str) -> Direction {
        match (self.rank(from), self.rank(to)) {
            (Some(from), Some(to)) if from < to => Direction::Forward,
            (Some(from), Some(to)) if from > to => Direction::Back,
            _ => Direction::Unordered,
        }
    }

    /// The stages of the model in order, then those that are not in it by code.
    pub(super) fn names(&self, seen: impl IntoIterator<Item = Code>) -> Vec<StageName> {
        let known = self.stages.iter().map(|stage| StageName {
            stage: stage.stage.clone(),
            label: stage.label.clone(),
            in_model: true,
        });
        let others: BTreeSet<Code> = seen.into_iter().filter(|stage| !self.ranks.contains_key(stage)).collect();
        let others = others.into_iter().map(|stage| StageName { stage, label: None, in_model: false });
        known.chain(others).collect()
    }
}

/// How far a deal came.
#[derive(Debug)]
pub(super) struct Path {
    /// The stages it really was in.
    pub(super) visited: BTreeSet<Code>,
    highest: Option<usize>,
}

impl Path {
    pub(super) fn of(deal: &DealRow, ladder: &Ladder) -> Self {
        Self::through(deal.visits().into_iter().map(|visit| visit.stage).collect(), deal.status, ladder)
    }

    pub(super) fn through(visited: BTreeSet<Code>, status: Status, ladder: &Ladder) -> Self {
        // To win is to be beyond every stage, whatever was skipped.
        let highest = match status {
            Status::Won => Some(usize::MAX),
            Status::Open | Status::Lost => visited.iter().filter_map(|stage| ladder.rank(stage.as_str())).max(),
        };
        Self { visited, highest }
    }

    /// Whether it came to a stage or beyond; a stage without order must have been visited.
    pub(super) fn reached(&self, stage: &Code, ladder: &Ladder) -> bool {
        match ladder.rank(stage.as_str()) {
            Some(rank) => self.highest.is_some_and(|highest| highest >= rank),
            None => self.visited.contains(stage),
        }
    }

    /// Whether it came to a stage and not beyond.
    pub(super) fn ends_at(&self, stage: &Code, ladder: &Ladder) -> bool {
        ladder.rank(stage.as_str()).is_some_and(|rank| self.highest == Some(rank))
    }
}
