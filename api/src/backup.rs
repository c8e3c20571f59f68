//! `letopis backup` and `letopis restore`: a verified copy of a data folder, and how it is put back.

use std::path::Path;

use anyhow::Context as _;
use letopis_core::backup::{self, FILE};
use letopis_core::time::SystemClock;

use crate::keys;

/// Copies a data folder, also while a server writes to it, and says what is in the copy.
///
/// # Errors
/// When the folder cannot be read, a target is not empty or cannot be written, or what was copied is damaged.
pub async fn back_up(data: &Path, to: &Path, secrets_to: Option<&Path>) -> anyhow::Result<String> {
    let progress = &mut |done, total| tracing::debug!(done, total, "copying the log");
    let copied = backup::make(data, to, secrets_to, &[keys::FILE], &SystemClock, progress).await;
    let copied = copied.with_context(|| format!("copying {}", data.display()))?;
    let bytes: u64 = copied.data.files.iter().map(|file| file.bytes).sum();
    let position = copied.data.position.unwrap_or_default();
    let mut text = format!(
        "{position} events, {bytes} bytes copied to {} and read through; {FILE} tells the digest of every file\n",
        to.display()
    );
    text += &match (&copied.secrets, secrets_to) {
        (Some(secrets), Some(to)) => {
            format!("{} secrets copied to {}: keep them apart\n", secrets.files.len(), to.display())
        }
        _ => "the secrets are not in it: keep them apart, and the register of erasures with them\n".to_owned(),
    };
    Ok(text)
}

/// Puts a copy back into a folder without a log, and says what to do next.
///
/// # Errors
/// When the copy is not as it was made, or the folder cannot take it.
pub async fn put_back(from: &Path, secrets_from: Option<&Path>, data: &Path) -> anyhow::Result<String> {
    let restored = backup::restore(from, secrets_from, data).await;
    let restored = restored.with_context(|| format!("putting {} back into {}", from.display(), data.display()))?;
    let mut text = format!(
        "{} events put back into {} and read through, as they were at {}\n",
        restored.position,
        data.display(),
        restored.manifest.made_at
    );
    for kept in &restored.kept {
        text += &format!("{} was there and stays as it is\n", kept.display());
    }
    if restored.needs_fork() {
        let known = match restored.signed {
            Some(signed) => format!("{} events were signed here before", signed.size),
            None => "what was signed last is not known".to_owned(),
        };
        text += &format!(
            "{known}: put the loss on record before the server starts, \
             `replay-tool fork --data {} --reason CODE`\n",
            data.display()
        );
    }
    Ok(text)
}
