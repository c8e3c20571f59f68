//! A log without what belongs to one campaign, for reading.

use async_trait::async_trait;
use letopis_core::code::Code;
use letopis_core::events::Event;
use letopis_core::events::knowledge::Retracted;
use letopis_core::ids::{ClientId, EventId, Position, Version};
use letopis_core::log::{AppendError, Commit, EventLog, LogError, Placed, Recorded, SealedPart, StreamName};
use letopis_core::personal::Personal;
use letopis_core::trust::leaf::Hash;
use serde::Deserialize;

/// The log, and the campaign that is left out of it.
pub(super) struct Without<'a> {
    pub(super) log: &'a dyn EventLog,
    pub(super) campaign: Option<Code>,
}

#[derive(Deserialize)]
struct Campaign<'a> {
    #[serde(borrow, default)]
    campaign: Option<&'a str>,
}

impl Without<'_> {
    fn keeps(&self, recorded: &Recorded) -> bool {
        let Some(campaign) = &self.campaign else { return true };
        match serde_json::from_slice::<Campaign<'_>>(&recorded.facts) {
            Ok(Campaign { campaign: Some(named) }) => named != campaign.as_str(),
            _ => true,
        }
    }

    /// What is left out is seen as its own retraction: a log has no gaps, and a retraction has no effect of its own.
    fn seen(&self, recorded: Recorded) -> Recorded {
        if self.keeps(&recorded) {
            return recorded;
        }
        let retraction = Event::from(Retracted { target: recorded.id, reason: Personal::Absent });
        Recorded {
            event_type: retraction.type_name().into(),
            schema: retraction.schema(),
            facts: retraction.facts().into(),
            sealed: SealedPart::None,
            ..recorded
        }
    }
}

#[async_trait]
impl EventLog for Without<'_> {
    async fn append_batch(&self, commits: Vec<Commit>) -> Vec<Result<Vec<Placed>, AppendError>> {
        let refused = || Err(LogError::damage("what would be is never recorded").into());
        commits.iter().map(|_| refused()).collect()
    }

    async fn read_stream(&self, stream: &StreamName, after: Version, limit: usize) -> Result<Vec<Recorded>, LogError> {
        let page = self.log.read_stream(stream, after, limit).await?;
        Ok(page.into_iter().map(|recorded| self.seen(recorded)).collect())
    }

    async fn read_all(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        let page = self.log.read_all(after, limit).await?;
        Ok(page.into_iter().map(|recorded| self.seen(recorded)).collect())
    }

    async fn find(&self, id: EventId) -> Result<Option<Recorded>, LogError> {
        Ok(self.log.find(id).await?.map(|recorded| self.seen(recorded)))
    }

    async fn positions(&self, ids: &[EventId]) -> Result<Vec<Option<Position>>, LogError> {
        self.log.positions(ids).await
    }

    async fn head(&self) -> Result<Position, LogError> {
        self.log.head().await
    }

    async fn version(&self, stream: &StreamName) -> Result<Version, LogError> {
        self.log.version(stream).await
    }

    async fn definition_streams(&self) -> Result<Vec<StreamName>, LogError> {
        self.log.definition_streams().await
    }

    async fn wait_beyond(&self, position: Position) -> Result<Position, LogError> {
        self.log.wait_beyond(position).await
    }

    async fn identity_owner(&self, identity: &Hash) -> Result<Option<ClientId>, LogError> {
        self.log.identity_owner(identity).await
    }

    async fn merged_into(&self, client: ClientId) -> Result<Option<ClientId>, LogError> {
        self.log.merged_into(client).await
    }

    async fn absorbed_by(&self, client: ClientId) -> Result<Vec<ClientId>, LogError> {
        self.log.absorbed_by(client).await
    }

    async fn subject_key(&self, subject: &[u8; 17]) -> Result<Option<u64>, LogError> {
        self.log.subject_key(subject).await
    }
}
