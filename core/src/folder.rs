//! [`Folder`]: the data folder, where one installation keeps everything.
//!
//! ```text
//! log.db               the log, the only thing that cannot be made again
//! keys.db              data keys, wrapped by the key-encryption key
//! secrets/identity.key the secret of all keyed hashes     64 hexadecimal digits, readable by its owner only;
//! secrets/kek.key      the key-encryption key             LETOPIS_IDENTITY_KEY and LETOPIS_KEK stand in for them
//! settings.toml        time zone, the country of phone numbers, the name of the log
//! trust.db             tree, heads and checkpoints; can be made again from the log
//! checkpoint.pub       the key that verifies checkpoints, for auditors
//! views/               answers, made from the log
//! ```

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::identity::IdentityKey;
use crate::intake::Intake;
use crate::log::sqlite::{SqliteLog, SqliteOptions};
use crate::log::{EventLog, LogError};
use crate::random::Random;
use crate::settings::Settings;
use crate::time::Clock;
use crate::trust::hex;
use crate::trust::sealer::{Sealer, SealerError};
use crate::trust::signer;
use crate::trust::vault::{LocalKek, Vault};

const IDENTITY: Secret = Secret { file: "identity.key", variable: "LETOPIS_IDENTITY_KEY", what: "the identity key" };
const KEK: Secret = Secret { file: "kek.key", variable: "LETOPIS_KEK", what: "the key-encryption key" };

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
        for part in [dir.to_owned(), dir.join("views")] {
            fs::create_dir_all(&part).map_err(|error| failed(&part, error))?;
        }
        // The log first: its lock tells a second writer off before he can touch anything else.
        let log = SqliteLog::open(&dir.join("log.db"), clock, SqliteOptions::default())?;
        let settings = dir.join("settings.toml");
        let random = Random::system();
        if !settings.exists() {
            // A name that no other log has; none where another one may have been signed under already.
            let origin = (!dir.join(signer::PUBLIC).exists()).then(|| new_origin(&random));
            let text = Settings { origin, ..Settings::default() }.to_toml();
            fs::write(&settings, text).map_err(|error| failed(&settings, error))?;
        }
        let is_new = log.head().await?.0 == 0;
        let identity = IDENTITY.get_or_make(dir, is_new, &random)?;
        let kek = KEK.get_or_make(dir, is_new, &random)?;
        let vault = Vault::open(&dir.join("keys.db"), Box::new(LocalKek::new(*kek)), random)?;
        Ok(Self {
            dir: dir.to_owned(),
            log: Arc::new(log),
            vault: Some(Arc::new(vault)),
            identity: Some(IdentityKey::new(*identity)),
            settings: Settings::read(&settings)?,
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
            Some(kek) if keys.exists() => Some(Vault::open_read_only(&keys, Box::new(LocalKek::new(*kek)))?),
            _ => None,
        };
        Ok(Self {
            dir: dir.to_owned(),
            log: Arc::new(SqliteLog::open_read_only(&dir.join("log.db"))?),
            vault: vault.map(Arc::new),
            identity: IDENTITY.get(dir)?.map(|key| IdentityKey::new(*key)),
            settings: Settings::read(&dir.join("settings.toml"))?,
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

fn failed(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LogError {
    LogError::new(path.display().to_string(), error)
}

fn must_exist(dir: &Path) -> Result<(), LogError> {
    if dir.join("log.db").is_file() {
        return Ok(());
    }
    Err(LogError::damage(format!("{} is no data folder: there is no log.db in it", dir.display())))
}

/// 32 secret bytes in a file or an environment variable.
struct Secret {
    file: &'static str,
    variable: &'static str,
    what: &'static str,
}

type Key = Zeroizing<[u8; 32]>;

impl Secret {
    fn path(&self, dir: &Path) -> PathBuf {
        dir.join("secrets").join(self.file)
    }

    fn get(&self, dir: &Path) -> Result<Option<Key>, LogError> {
        self.choose(dir, std::env::var(self.variable).ok().map(Zeroizing::new))
    }

    /// The variable stands in for the file; two that differ are a mistake that would split all ids.
    fn choose(&self, dir: &Path, variable: Option<Zeroizing<String>>) -> Result<Option<Key>, LogError> {
        let path = self.path(dir);
        let file = match fs::read_to_string(&path) {
            Ok(text) => Some(self.parse(&Zeroizing::new(text), &path.display().to_string())?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&path, error)),
        };
        let variable = variable.map(|text| self.parse(&text, self.variable)).transpose()?;
        match (variable, file) {
            (Some(variable), Some(file)) if variable != file => Err(LogError::damage(format!(
                "{} in {} is not the one in {}: take one of them away",
                self.what,
                self.variable,
                path.display()
            ))),
            (variable, file) => Ok(variable.or(file)),
        }
    }

    fn parse(&self, text: &str, place: &str) -> Result<Key, LogError> {
        let digits = text.trim();
        let mut key = Zeroizing::new([0; 32]);
        let valid = digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        for (i, byte) in key.iter_mut().enumerate() {
            let pair = digits.get(2 * i..2 * i + 2).filter(|_| valid);
            *byte = pair
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or_else(|| LogError::damage(format!("{} in {place} is not 64 hexadecimal digits", self.what)))?;
        }
        Ok(key)
    }

    fn get_or_make(&self, dir: &Path, is_new: bool, random: &Random) -> Result<Key, LogError> {
        if let Some(key) = self.get(dir)? {
            return Ok(key);
        }
        let path = self.path(dir);
        if !is_new {
            return Err(LogError::damage(format!(
                "{} is missing beside a log that was written with it: put it back as {} or set {}",
                self.what,
                path.display(),
                self.variable
            )));
        }
        let key = Zeroizing::new(random.bytes::<32>());
        write_secret(&path, &key).map_err(|error| failed(&path, error))?;
        Ok(key)
    }
}

/// Writes a key so that it is whole or not there, and readable by its owner only.
fn write_secret(path: &Path, key: &[u8; 32]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let half = path.with_extension("half");
    let _ = fs::remove_file(&half);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        options.mode(0o400);
    }
    let mut file = options.open(&half)?;
    let text: Zeroizing<String> = Zeroizing::new(key.iter().map(|byte| format!("{byte:02x}")).collect());
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&half, path)?;
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_stands_in_for_a_file_and_two_different_keys_are_refused() {
        let dir = tempfile::tempdir().expect("tempdir");
        let hex = |digit: &str| Some(Zeroizing::new(digit.repeat(64)));
        assert_eq!(IDENTITY.choose(dir.path(), None).expect("reads"), None);
        assert_eq!(IDENTITY.choose(dir.path(), hex("1")).expect("reads").as_deref(), Some(&[0x11; 32]));
        write_secret(&IDENTITY.path(dir.path()), &[0x22; 32]).expect("written");
        assert_eq!(IDENTITY.choose(dir.path(), None).expect("reads").as_deref(), Some(&[0x22; 32]));
        assert!(IDENTITY.choose(dir.path(), hex("2")).is_ok());
        assert!(IDENTITY.choose(dir.path(), hex("1")).is_err());
        assert!(IDENTITY.choose(dir.path(), hex("é")).is_err());
    }
}
