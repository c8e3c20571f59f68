//! [`Settings`]: what a data folder says about the tenant, `settings.toml`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::log::LogError;
use crate::time::Zone;
use crate::trust::note::check_origin;

/// What is the same for all that work on one data folder.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Where calendar days are cut.
    pub zone: Zone,
    /// Country of phone numbers that are written without one, ISO 3166 such as `RU`.
    pub phone_region: Option<String>,
    /// The name of the log in its checkpoints, unique among all logs; text without spaces and pluses.
    pub origin: Option<String>,
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
}

fn utc() -> String {
    "UTC".to_owned()
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
        Ok(Self { zone, phone_region: file.phone_region, origin: file.origin })
    }

    /// The text of a `settings.toml` that says this.
    pub fn to_toml(&self) -> String {
        let (phone_region, origin) = (self.phone_region.clone(), self.origin.clone());
        let file = File { zone: self.zone.name().to_owned(), phone_region, origin };
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
        let written = Settings { zone, phone_region: Some("RU".into()), origin: Some("crm.example/log".into()) };
        std::fs::write(&path, written.to_toml()).expect("written");
        let read = Settings::read(&path).expect("reads");
        assert_eq!((read.zone.name(), read.phone_region.as_deref()), ("Europe/Moscow", Some("RU")));
        assert_eq!(read.origin.as_deref(), Some("crm.example/log"));
        let bad = [("zone = 'Mars/Base'", "Mars"), ("zoen = 'UTC'", "zoen"), ("phone_region = 'XX'", "XX")];
        for (bad, part) in bad.into_iter().chain([("origin = 'a b'", "a b"), ("origin = ''", "origin")]) {
            std::fs::write(&path, bad).expect("written");
            let error = Settings::read(&path).expect_err("refused");
            assert!(crate::error::chain(&error).contains(part), "{bad}");
        }
    }
}
