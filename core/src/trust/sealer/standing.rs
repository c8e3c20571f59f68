//! How the last checkpoint stands: behind the log, and seen by witnesses.

use super::{Sealer, SealerError};
use crate::ids::Position;
use crate::log::LogError;
use crate::time::SECOND_US;
use crate::trust::cosign::{self, WitnessKey};
use crate::trust::note::VerifierKey;
use crate::trust::store;

/// What no checkpoint has yet.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Behind {
    /// How many events.
    pub events: u64,
    /// How long ago the first of them was recorded.
    pub seconds: f64,
}

impl Sealer {
    /// Keeps the cosignatures of a witness with the checkpoint of that size; `lines` is what the witness answered.
    /// Whether there was one of this key, and a good one.
    ///
    /// # Errors
    /// When the files cannot be read or written.
    pub async fn cosign(&self, size: u64, witness: &WitnessKey, lines: &str) -> Result<bool, SealerError> {
        let Some(line) = lines.split_inclusive('\n').find(|line| witness.is_signer_of(line)) else { return Ok(false) };
        let state = self.state.lock().await;
        let Some(last) = store::checkpoint_up_to(&state.db, size)?.filter(|last| last.size == size) else {
            return Ok(false);
        };
        let key = VerifierKey::parse(&state.signer.verifier_line())
            .map_err(|error| LogError::new("the key of the log", error))?;
        let alone = cosign::with_line(&cosign::without_cosignatures(&last.note), witness, line);
        if key.verify_cosigned(&alone, std::slice::from_ref(witness)).is_err() {
            return Ok(false);
        }
        store::replace_note(&state.db, size, &cosign::with_line(&last.note, witness, line))?;
        Ok(true)
    }

    /// How far the last checkpoint is behind the log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn behind(&self) -> Result<Behind, LogError> {
        let size = *self.size.borrow();
        let head = self.log.head().await?;
        let first = self.log.read_all(Position(size), 1).await?;
        let age = first.first().map_or(0, |event| self.clock.now().0.saturating_sub(event.recorded_at.0).max(0));
        Ok(Behind { events: head.0.saturating_sub(size), seconds: age as f64 / SECOND_US as f64 })
    }
}
