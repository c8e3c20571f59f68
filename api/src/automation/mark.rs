//! Up to where rules were asked, kept over restarts in `automation.json`. Losing the file loses nothing: what was
//! done is found by its id.

use std::io;
use std::path::{Path, PathBuf};

use letopis_core::ids::Position;
use letopis_core::log::{EventLog, LogError};
use letopis_core::time::Timestamp;
use letopis_core::trust::hex::Hex;
use serde::{Deserialize, Serialize};

/// Up to where rules were asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The last event that was gone through.
    pub(super) position: Position,
    /// Its leaf hash: a mark beside another log is noticed.
    pub(super) leaf: Hex<32>,
    /// Dates of tasks up to here were acted upon when they passed.
    pub(super) due_upto: Timestamp,
}

/// Where the mark is kept.
#[derive(Debug)]
pub(super) struct MarkFile(PathBuf);

impl MarkFile {
    pub(super) fn in_folder(dir: &Path) -> Self {
        Self(dir.join("automation.json"))
    }

    /// The mark, when there is one that fits the log.
    pub(super) async fn read(&self, log: &dyn EventLog) -> Result<Option<Mark>, LogError> {
        let mark = match std::fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice::<Mark>(&bytes).ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(LogError::new(format!("reading {}", self.0.display()), error)),
        };
        let Some(mark) = mark else { return Ok(None) };
        if mark.position == Position(0) {
            return Ok(Some(mark));
        }
        let found = log.read_all(Position(mark.position.0 - 1), 1).await?;
        Ok(found.first().is_some_and(|recorded| recorded.leaf == mark.leaf.0).then_some(mark))
    }

    pub(super) fn write(&self, mark: &Mark) -> Result<(), LogError> {
        let failed = |error: io::Error| LogError::new(format!("writing {}", self.0.display()), error);
        let text = serde_json::to_vec(mark).map_err(|error| failed(error.into()))?;
        let new = self.0.with_extension("json.new");
        std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &self.0)).map_err(failed)
    }
}
