//! Epochs: a log that is older than what was signed is refused, until a new epoch records what was lost.

use std::path::Path;
use std::sync::Arc;

use super::{Sealer, SealerError, State, code};
use crate::code::Code;
use crate::events::log::Forked;
use crate::log::EventLog;
use crate::random::Random;
use crate::time::Clock;
use crate::trust::hex::Hex;
use crate::trust::signer::Signed;
use crate::trust::store::{self, StoredTiles};
use crate::trust::tree::Tree;

impl Sealer {
    /// Opens a folder whose log is an older one than was signed, records that in a new epoch, and seals it.
    ///
    /// # Errors
    /// When nothing is lost, or as [`Sealer::open`].
    pub async fn fork(
        dir: &Path,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        random: Arc<Random>,
        origin: &str,
        reason: Code,
    ) -> Result<Self, SealerError> {
        let sealer = Self::follow_up(dir, log, clock, random, origin).await?;
        {
            let mut state = sealer.state.lock().await;
            match guard(&state) {
                Ok(()) => return Err(SealerError::NothingLost),
                Err(SealerError::OlderThanSigned(_)) => {}
                Err(error) => return Err(error),
            }
            let at = store::progress(&state.db)?;
            let last = state.signer.signed().unwrap_or(Signed { epoch: at.epoch, root: Hex([0; 32]), size: 0 });
            // An earlier try may have got as far as the record.
            if at.epoch <= last.epoch {
                let event =
                    Forked { epoch: last.epoch + 1, last_size: last.size, last_root: code(&last.root.0), reason };
                sealer.append(&at, event.into()).await?;
            }
            let at = sealer.catch_up(&mut state).await?;
            state.signer.begin(at.epoch)?;
            sealer.seal_now(&mut state, at).await?;
        }
        Ok(sealer)
    }
}

/// Whether the log is the one that was signed last, or goes on from there.
pub(super) fn guard(state: &State) -> Result<(), SealerError> {
    let older = |what: String| Err(SealerError::OlderThanSigned(what));
    let at = store::progress(&state.db)?;
    let Some(signed) = state.signer.signed() else {
        return older("what was signed last is not known, secrets/signer_state.json is missing".to_owned());
    };
    let head = at.tail.position.0;
    if head < signed.size {
        return older(format!("the log ends at position {head}, but a tree of {} events was signed", signed.size));
    }
    if at.epoch != signed.epoch {
        return older(format!("the log is in epoch {}, but epoch {} was signed", at.epoch, signed.epoch));
    }
    if signed.size > 0 && Tree::new(&StoredTiles(&state.db), signed.size).root()? != signed.root.0 {
        return older(format!("the first {} events of the log are not those that were signed", signed.size));
    }
    Ok(())
}
