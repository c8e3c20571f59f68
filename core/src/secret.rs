//! Secret keys of a data folder: 32 bytes in a file that its owner alone can read, or in the environment.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::log::LogError;
use crate::random::Random;

/// The secret of all keyed hashes.
pub(crate) const IDENTITY: Secret =
    Secret { file: "identity.key", variable: "LETOPIS_IDENTITY_KEY", what: "the identity key" };
/// What wraps data keys.
pub(crate) const KEK: Secret = Secret { file: "kek.key", variable: "LETOPIS_KEK", what: "the key-encryption key" };
/// What is to wrap them, while a rotation goes on.
pub(crate) const NEXT_KEK: Secret =
    Secret { file: "kek.next", variable: "LETOPIS_KEK_NEXT", what: "the next key-encryption key" };

/// 32 secret bytes in a file or an environment variable.
pub(crate) struct Secret {
    file: &'static str,
    variable: &'static str,
    what: &'static str,
}

/// The bytes; overwritten when they are dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

pub(crate) fn failed(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LogError {
    LogError::new(path.display().to_string(), error)
}

/// The folder of secrets in a data folder.
pub(crate) fn folder(dir: &Path) -> PathBuf {
    dir.join("secrets")
}

impl Secret {
    pub(crate) fn path(&self, dir: &Path) -> PathBuf {
        folder(dir).join(self.file)
    }

    pub(crate) fn get(&self, dir: &Path) -> Result<Option<Key>, LogError> {
        self.choose(dir, std::env::var(self.variable).ok().map(Zeroizing::new))
    }

    /// The variable stands in for the file; two that differ are a mistake that would split all ids.
    fn choose(&self, dir: &Path, variable: Option<Zeroizing<String>>) -> Result<Option<Key>, LogError> {
        let path = self.path(dir);
        let file = if path.exists() { Some(self.read(&path)?) } else { None };
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

    /// From any file.
    pub(crate) fn read(&self, path: &Path) -> Result<Key, LogError> {
        let text = Zeroizing::new(fs::read_to_string(path).map_err(|error| failed(path, error))?);
        self.parse(&text, &path.display().to_string())
    }

    /// From any variable of the environment.
    pub(crate) fn variable(&self, name: &str) -> Result<Key, LogError> {
        let text = std::env::var(name).map(Zeroizing::new);
        self.parse(&text.map_err(|error| LogError::new(format!("the environment variable {name}"), error))?, name)
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

    pub(crate) fn get_or_make(&self, dir: &Path, is_new: bool, random: &Random) -> Result<Key, LogError> {
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
        self.write(dir, &key)?;
        Ok(key)
    }

    /// Writes the key so that it is whole or not there, and readable by its owner only.
    pub(crate) fn write(&self, dir: &Path, key: &[u8; 32]) -> Result<(), LogError> {
        let path = self.path(dir);
        write_secret(&path, key).map_err(|error| failed(&path, error))
    }
}

fn write_secret(path: &Path, key: &[u8; 32]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    make_private(dir)?;
    let half = path.with_extension("half");
    let _ = fs::remove_file(&half);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o400);
    let mut file = options.open(&half)?;
    let text: Zeroizing<String> = Zeroizing::new(key.iter().map(|byte| format!("{byte:02x}")).collect());
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&half, path)?;
    sync_folder(dir)
}

/// Makes a folder that its owner alone can look into.
pub(crate) fn make_private(dir: &Path) -> std::io::Result<()> {
    fs::create_dir_all(dir)?;
    #[cfg(unix)]
    fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(dir: &Path) -> std::io::Result<()> {
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
        IDENTITY.write(dir.path(), &[0x22; 32]).expect("written");
        assert_eq!(IDENTITY.choose(dir.path(), None).expect("reads").as_deref(), Some(&[0x22; 32]));
        assert!(IDENTITY.choose(dir.path(), hex("2")).is_ok());
        assert!(IDENTITY.choose(dir.path(), hex("1")).is_err());
        assert!(IDENTITY.choose(dir.path(), hex("é")).is_err());
    }
}
