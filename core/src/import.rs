//! [`Importer`]: many posted events through an [`Intake`], counted.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::ids::Position;
use crate::intake::{Caller, Intake, Item, Outcome};

/// How many events are posted at once when nothing else is said.
pub const BATCH: usize = 5_000;

/// What became of the events of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Recorded now.
    pub accepted: u64,
    /// Recorded before.
    pub duplicates: u64,
    /// Not taken, or in the way of what is recorded.
    pub rejected: u64,
    /// Recorded now, with a flag.
    pub flagged: u64,
    /// The rejected by rule; `conflict` for an id that is recorded with other content.
    pub rejected_by_rule: BTreeMap<String, u64>,
    /// Flags by rule.
    pub flags_by_rule: BTreeMap<String, u64>,
    /// The last position that was written, or where the last duplicate stands.
    pub position: Position,
}

impl Tally {
    /// All events that were posted.
    pub fn events(&self) -> u64 {
        self.accepted + self.duplicates + self.rejected
    }

    /// Counts events that were rejected before they could be posted.
    pub fn reject(&mut self, rule: &str) {
        self.rejected += 1;
        *self.rejected_by_rule.entry(rule.to_owned()).or_default() += 1;
    }

    fn take(&mut self, outcome: &Outcome) -> Result<(), Stopped> {
        match outcome {
            Outcome::Accepted { receipt, flags, .. } => {
                self.accepted += 1;
                self.flagged += u64::from(!flags.is_empty());
                for flag in flags {
                    *self.flags_by_rule.entry(flag.rule.to_owned()).or_default() += 1;
                }
                self.position = self.position.max(receipt.position);
            }
            Outcome::Duplicate { receipt } => {
                self.duplicates += 1;
                self.position = self.position.max(receipt.position);
            }
            Outcome::Conflict { .. } => self.reject("conflict"),
            Outcome::Rejected(rejection) => self.reject(rejection.rule),
            Outcome::Unknown { message } | Outcome::Refused { message } => return Err(Stopped(message.clone())),
        }
        Ok(())
    }
}

/// The log takes no more events. What was counted is recorded; import again, and the rest follows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the log takes no more events: {0}")]
pub struct Stopped(pub String);

/// Posts many events, batch by batch. Each batch is on disk when the next is taken.
pub struct Importer<'a> {
    intake: &'a Intake,
    caller: Caller,
    tally: Tally,
}

impl<'a> Importer<'a> {
    /// Into an intake, as a caller.
    pub fn new(intake: &'a Intake, caller: Caller) -> Self {
        Self { intake, caller, tally: Tally::default() }
    }

    /// Posts a batch of about [`BATCH`] events; the answers stand in their order.
    ///
    /// # Errors
    /// When the log takes no events now. Those before the first that was not taken are counted.
    pub async fn post(&mut self, events: Vec<Value>) -> Result<Vec<Outcome>, Stopped> {
        self.post_read(events.into_iter().map(|event| self.intake.read(&self.caller, event)).collect()).await
    }

    /// As [`Importer::post`], of events that [`Intake::read`] has read for the same caller.
    ///
    /// # Errors
    /// As [`Importer::post`].
    pub async fn post_read(&mut self, events: Vec<Item>) -> Result<Vec<Outcome>, Stopped> {
        let outcomes = self.intake.post_read(&self.caller, events, false).await;
        outcomes.iter().try_for_each(|outcome| self.tally.take(outcome))?;
        Ok(outcomes)
    }

    /// What became of them so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// For rejections before posting.
    pub fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }
}
