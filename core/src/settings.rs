//! [`Settings`]: what a data folder says about the tenant, `settings.toml`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::log::LogError;
use crate::time::Zone;
use crate::trust::note::check_origin;

/// With less memory a rebuild cannot hold a few pages of the log and of the view file.
const LEAST_MEMORY_MIB: u64 = 16;

/// What is the same for all that work on one data folder.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where calendar days are cut.
    pub zone: Zone,
    /// Country of phone numbers that are written without one, ISO 3166 such as `RU`.
    pub phone_region: Option<String>,
    /// The name of the log in its checkpoints, unique among all logs; text without spaces and pluses.
    pub origin: Option<String>,
    /// About how much memory a rebuild of the views uses, in MiB.
    pub rebuild_memory_mib: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { zone: Zone::default(), phone_region: None, origin: None, rebuild_memory_mib: rebuild_memory_mib() }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "utc")]
    zone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone_region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(default = "rebuild_memory_mib", skip_serializing_if = "is_usual_memory")]
    rebuild_memory_mib: u64,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn rebuild_memory_mib() -> u64 {
    1_024
}

fn is_usual_memory(mib: &u64) -> bool {
    *mib == rebuild_memory_mib()
}

impl Settings {
    /// Reads `settings.toml`; a missing file means the defaults.
    ///
    /// # Errors
    /// When the file cannot be read, or names an unknown key, zone or country.
    pub fn read(path: &Path) -> Result<Self, LogError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            LogError::new(format!("the settings {}", path.display()), error)
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error.into())),
        };
        let file: File = toml::from_str(&text).map_err(|error| failed(error.into()))?;
        let zone = Zone::named(&file.zone).map_err(|error| failed(error.into()))?;
        if let Some(region) = &file.phone_region
            && region.parse::<phonenumber::country::Id>().is_err()
        {
            return Err(failed(format!("phone_region: {region:?} is not a country such as RU").into()));
        }
        if let Some(origin) = &file.origin
            && let Err(error) = check_origin(origin)
        {
            return Err(failed(format!("origin: {origin:?} is {error}").into()));
        }
        if file.rebuild_memory_mib < LEAST_MEMORY_MIB {
            let said = file.rebuild_memory_mib;
            return Err(failed(format!("rebuild_memory_mib: {said} is less than {LEAST_MEMORY_MIB}").into()));
        }
        let File { phone_region, origin, rebuild_memory_mib, .. } = file;
        Ok(Self { zone, phone_region, origin, rebuild_memory_mib })
    }

    /// The text of a `settings.toml` that says this.
    pub fn to_toml(&self) -> String {
        let (phone_region, origin) = (self.phone_region.clone(), self.origin.clone());
        let (zone, rebuild_memory_mib) = (self.zone.name().to_owned(), self.rebuild_memory_mib);
        let file = File { zone, phone_region, origin, rebuild_memory_mib };
        toml::to_string(&file).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_and_nonsense_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("tempdir");
        let path = dir.path().join("settings.toml");
        assert_eq!(Settings::read(&path).expect("defaults").zone.name(), "UTC");
        let zone = Zone::named("Europe/Moscow").expect("bundled");
        let (phone_region, origin) = (Some("RU".into()), Some("crm.example/log".into()));
        let written = Settings { zone, phone_region, origin, rebuild_memory_mib: 300 };
        std::fs::write(&path, written.to_toml()).expect("written");
        let read = Settings::read(&path).expect("reads");
        assert_eq!((read.zone.name(), read.phone_region.as_deref()), ("Europe/Moscow", Some("RU")));
        assert_eq!((read.origin.as_deref(), read.rebuild_memory_mib), (Some("crm.example/log"), 300));
        let bad = [("zone = 'Mars/Base'", "Mars"), ("zoen = 'UTC'", "zoen"), ("phone_region = 'XX'", "XX")];
        for (bad, part) in bad.into_iter().chain([
            ("origin = 'a b'", "a b"),
            ("origin = ''", "origin"),
            ("rebuild_memory_mib = 1", "rebuild"),
        ]) {
            std::fs::write(&path, bad).expect("written");
            let error = Settings::read(&path).expect_err("refused");
            assert!(crate::error::chain(&error).contains(part), "{bad}");
        }
    }
}
