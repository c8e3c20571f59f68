//! [`Folder`]: the data folder, where one installation keeps everything.
//!
//! ```text
//! log.db               the log, the only thing that cannot be made again
//! keys.db              data keys, wrapped by the key-encryption key
//! secrets/identity.key the secret of all keyed hashes     64 hexadecimal digits, readable by its owner only;
//! secrets/kek.key      the key-encryption key             LETOPIS_IDENTITY_KEY and LETOPIS_KEK stand in for them
//! secrets/erasures.log what was erased, done again after every restart
//! settings.toml        time zone, the country of phone numbers, the name of the log
//! trust.db             tree, heads and checkpoints; can be made again from the log
//! checkpoint.pub       the key that verifies checkpoints, for auditors
//! views/               answers, made from the log
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::erasure::{Eraser, Register};
use crate::identity::IdentityKey;
use crate::intake::Intake;
use crate::log::sqlite::{SqliteLog, SqliteOptions};
use crate::log::{EventLog, LogError};
use crate::random::Random;
use crate::rotation;
use crate::secret::{IDENTITY, KEK, NEXT_KEK, failed, sync_folder};
use crate::settings::Settings;
use crate::time::Clock;
use crate::trust::hex;
use crate::trust::sealer::{Sealer, SealerError};
use crate::trust::signer;
use crate::trust::vault::{LocalKek, Vault};

/// An open data folder.
#[derive(Clone)]
pub struct Folder {
    dir: PathBuf,
    /// The log.
    pub log: Arc<SqliteLog>,
    /// The keys of personal parts; none where an analyst was not given them: personal parts stay sealed.
    pub vault: Option<Arc<Vault>>,
    /// The secret of keyed hashes; none where an analyst was not given it: identities are not found.
    pub identity: Option<IdentityKey>,
    /// Time zone and the country of phone numbers.
    pub settings: Settings,
    /// What forgets; none where the folder is open for reading only.
    pub eraser: Option<Arc<Eraser>>,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Folder({})", self.dir.display())
    }
}

impl Folder {
    /// Opens a folder for reading and writing, and makes what is missing of it.
    ///
    /// # Errors
    /// When another process writes to it, when a key is missing beside a log that was written with one,
    /// or something in it cannot be read.
    pub async fn create_or_open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        make(dir)?;
        // The log first: its lock tells a second writer off before he can touch anything else.
        let log = SqliteLog::open(&dir.join("log.db"), clock.clone(), SqliteOptions::default())?;
        let settings = dir.join("settings.toml");
        let random = Random::system();
        if !settings.exists() {
            // A name that no other log has; none where another one may have been signed under already.
            let origin = (!dir.join(signer::PUBLIC).exists()).then(|| new_origin(&random));
            let text = Settings { origin, ..Settings::default() }.to_toml();
            signer::write(&settings, text.as_bytes(), 0o644)?;
        }
        let is_new = log.head().await?.0 == 0;
        let identity = IDENTITY.get_or_make(dir, is_new, &random)?;
        let kek = KEK.get_or_make(dir, is_new, &random)?;
        let vault = rotation::open_vault(dir, kek, random)?;
        let (log, vault) = (Arc::new(log), Arc::new(vault));
        let (identity, settings) = (IdentityKey::new(*identity), Settings::read(&settings)?);
        let register = Register::open(dir, identity.clone())?;
        let eraser = Eraser::new(dir, log.clone(), vault.clone(), register, clock, settings.zone.clone());
        // Before anybody reads: what was put back from a backup forgets again.
        eraser.reapply().await?;
        Ok(Self {
            dir: dir.to_owned(),
            log,
            vault: Some(vault),
            identity: Some(identity),
            settings,
            eraser: Some(Arc::new(eraser)),
        })
    }

    /// Opens a folder that is there for reading and writing.
    ///
    /// # Errors
    /// When there is none; else as [`Folder::create_or_open`].
    pub async fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        must_exist(dir)?;
        Self::create_or_open(dir, clock).await
    }

    /// Opens a copied folder, or one that a server writes to, for reading. Keys are used where they are.
    ///
    /// # Errors
    /// When there is none, or something in it cannot be read.
    pub fn open_read_only(dir: &Path) -> Result<Self, LogError> {
        must_exist(dir)?;
        let keys = dir.join("keys.db");
        let vault = match KEK.get(dir)? {
            Some(kek) if keys.exists() => {
                let vault = Vault::open_read_only(&keys, Box::new(LocalKek::new(*kek)))?;
                Some(match NEXT_KEK.get(dir)? {
                    Some(next) => vault.with_other(Box::new(LocalKek::new(*next))),
                    None => vault,
                })
            }
            _ => None,
        };
        Ok(Self {
            dir: dir.to_owned(),
            log: Arc::new(SqliteLog::open_read_only(&dir.join("log.db"))?),
            vault: vault.map(Arc::new),
            identity: IDENTITY.get(dir)?.map(|key| IdentityKey::new(*key)),
            settings: Settings::read(&dir.join("settings.toml"))?,
            eraser: None,
        })
    }

    /// Where it lies.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the views lie.
    pub fn views(&self) -> PathBuf {
        self.dir.join("views")
    }

    /// The name of the log in its checkpoints: by the settings, else as it was signed before, else a new one.
    ///
    /// # Errors
    /// When the public key cannot be read.
    pub fn origin(&self, random: &Random) -> Result<String, LogError> {
        if let Some(origin) = &self.settings.origin {
            return Ok(origin.clone());
        }
        match signer::public_line(&self.dir)? {
            Some(_) => Ok(signer::public_key(&self.dir)?.origin().to_owned()),
            None => Ok(new_origin(random)),
        }
    }

    /// Opens what seals its log; before that nothing may be appended.
    ///
    /// # Errors
    /// As [`Sealer::open`].
    pub async fn sealer(&self, clock: Arc<dyn Clock>, random: Arc<Random>) -> Result<Sealer, SealerError> {
        let origin = self.origin(&random)?;
        Sealer::open(&self.dir, self.log.clone(), clock, random, &origin).await
    }

    /// The way facts enter its log.
    ///
    /// # Errors
    /// When the folder is open without its keys.
    pub fn intake(&self, clock: Arc<dyn Clock>, random: Arc<Random>) -> Result<Intake, LogError> {
        let (Some(vault), Some(identity)) = (&self.vault, &self.identity) else {
            return Err(LogError::damage(format!(
                "{} is open without its keys: nothing can be posted",
                self.dir.display()
            )));
        };
        let log: Arc<dyn EventLog> = self.log.clone();
        Ok(Intake::new(log, vault.clone(), identity.clone(), clock, random, self.settings.clone()))
    }
}

fn new_origin(random: &Random) -> String {
    format!("letopis.local/{}", hex::encode(&random.bytes::<8>()))
}

fn must_exist(dir: &Path) -> Result<(), LogError> {
    if dir.join("log.db").is_file() {
        return Ok(());
    }
    Err(LogError::damage(format!("{} is no data folder: there is no log.db in it", dir.display())))
}

/// Makes the folder and those above it that are not there, and brings their names to the disk.
fn make(dir: &Path) -> Result<(), LogError> {
    let above =
        |dir: &Path| dir.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let new: Vec<PathBuf> = dir.ancestors().take_while(|part| !part.exists()).map(above).collect();
    for part in [dir.to_owned(), dir.join("views")] {
        fs::create_dir_all(&part).map_err(|error| failed(&part, error))?;
    }
    if new.is_empty() {
        // An earlier process may have made it and not brought its name to the disk.
        match sync_folder(&above(dir)) {
            Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => {
                return Err(failed(&above(dir), error));
            }
            _ => return Ok(()),
        }
    }
    new.iter().try_for_each(|part| sync_folder(part).map_err(|error| failed(part, error)))
}
