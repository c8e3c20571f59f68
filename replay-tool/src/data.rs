//! A data folder as the tool opens it.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use letopis_core::folder::Folder;
use letopis_core::ids::{ClientId, EventId};
use letopis_core::reader::resolve_client;
use letopis_projections::engine::generations;
use letopis_projections::engine::live::Source;
use letopis_projections::engine::stored::StoredViews;
use letopis_projections::engine::view::View;

use crate::console::UsageError;

/// A data folder, opened to be read, with all views there are.
pub struct Data {
    /// The folder.
    pub folder: Folder,
    /// The views.
    pub views: Vec<Box<dyn View>>,
}

impl Data {
    /// Opens a folder for reading, also while a server writes to it.
    ///
    /// # Errors
    /// When there is none or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self> {
        let folder = Folder::open_read_only(dir).with_context(|| format!("opening {}", dir.display()))?;
        Ok(Self { folder, views: letopis_projections::views::all() })
    }

    /// The log as rebuilds read it.
    pub fn source(&self) -> Source<'_> {
        Source { log: &*self.folder.log, vault: self.folder.vault.as_deref(), views: &self.views }
    }

    /// The view file that the folder serves, if it has one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn stored(&self) -> Result<Option<StoredViews>> {
        let Some(path) = generations::current(&self.folder.views()).filter(|path| path.exists()) else {
            return Ok(None);
        };
        let stored = StoredViews::open(&path, &self.folder.settings.zone);
        stored.map(Some).with_context(|| format!("opening the view file {}", path.display()))
    }

    /// The client that a text names: a ULID or `system:id-in-that-system`.
    ///
    /// # Errors
    /// When nobody is called so, or the log cannot be read.
    pub async fn client(&self, text: &str) -> Result<ClientId> {
        let region = self.folder.settings.phone_region.as_deref();
        let found = match (&self.folder.identity, text.parse::<ClientId>()) {
            (Some(key), _) => resolve_client(&*self.folder.log, key, region, text).await?,
            (None, Ok(client)) => Some(client),
            (None, Err(_)) => {
                return Err(anyhow!("without the identity key of the folder a client can only be named by his ULID"));
            }
        };
        found.ok_or_else(|| anyhow!("nobody is called {text:?} in this log"))
    }
}

impl Data {
    /// The id of a deal, an order, a case …: a ULID as it is, or derived from `system:id-in-that-system`.
    ///
    /// # Errors
    /// When the text is neither, or the folder has no identity key.
    pub fn entity(&self, kind: &str, text: &str) -> Result<u128> {
        if let Ok(id) = text.parse::<EventId>() {
            return Ok(id.0);
        }
        match (text.split_once(':'), &self.folder.identity) {
            (Some((system, id)), Some(key)) if !system.is_empty() && !id.is_empty() => Ok(key.derive(kind, &[text])),
            (Some(_), None) => Err(anyhow!("without the identity key of the folder {text:?} cannot be told")),
            _ => Err(UsageError(format!("{text:?} is neither a ULID nor `system:id-in-that-system`")).into()),
        }
    }
}

impl Data {
    /// The id of an event: a ULID as it is, or derived from `source:id-in-that-source`.
    ///
    /// # Errors
    /// When the text is neither, or the folder has no identity key.
    pub fn event(&self, text: &str) -> Result<EventId> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        match (text.split_once(':'), &self.folder.identity) {
            (Some((source, id)), Some(key)) if !source.is_empty() && !id.is_empty() => {
                Ok(EventId(key.derive("event", &[source, id])))
            }
            (Some(_), None) => Err(anyhow!("without the identity key of the folder {text:?} cannot be told")),
            _ => Err(UsageError(format!("{text:?} is neither a ULID nor `source:id-in-that-source`")).into()),
        }
    }
}

/// Whether some process writes to the folder at this moment.
///
/// # Errors
/// When that cannot be found out.
pub fn is_written(dir: &Path) -> Result<bool> {
    let path = dir.join("log.lock");
    let file = match File::options().write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).with_context(|| format!("opening {}", path.display())),
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(std::fs::TryLockError::WouldBlock) => Ok(true),
        Err(std::fs::TryLockError::Error(error)) => Err(error).with_context(|| format!("locking {}", path.display())),
    }
}

/// A file that must not be there yet.
///
/// # Errors
/// When it is, or cannot be made.
pub fn create_new(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    File::create_new(path).with_context(|| format!("making {} (an existing file is never overwritten)", path.display()))
}

/// A view file in a folder of its own, which goes with it.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// Makes the folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        tempfile::Builder::new().prefix("replay-tool-").tempdir().map(Self).context("making a temporary folder")
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}
