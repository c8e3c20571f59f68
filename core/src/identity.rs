//! Ids in other systems: how they are hashed, and how ids of ours are derived from them.
//!
//! Everything goes through one secret, the [`IdentityKey`]. Machines that share it derive the same ids,
//! so an import repeated anywhere changes nothing; who does not have it can test no guess.

use std::fmt;
use std::str::FromStr;

use zeroize::ZeroizeOnDrop;

use crate::code::Code;
use crate::trust::leaf::Hash;

/// The secret of all keyed hashes.
#[derive(Clone, ZeroizeOnDrop)]
pub struct IdentityKey([u8; 32]);

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey(…)")
    }
}

impl IdentityKey {
    /// From 32 secret bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn hasher(&self, purpose: &str, parts: &[&str]) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in std::iter::once(&purpose).chain(parts) {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher
    }

    /// The keyed hash under which an identity is looked up.
    pub fn identity(&self, identity: &Identity) -> Hash {
        self.hasher("identity", &[identity.scheme.as_str(), &identity.value]).finalize().into()
    }

    /// The keyed hash under which a number of a series is kept, so that no two things have it.
    pub fn number(&self, series: &str, number: &str) -> Hash {
        self.hasher("number", &[series, number]).finalize().into()
    }

    /// A 128-bit id derived from what something is called elsewhere. `kind` keeps the ids of deals,
    /// orders, events … apart.
    pub fn derive(&self, kind: &str, parts: &[&str]) -> u128 {
        let mut out = [0; 16];
        self.hasher(kind, parts).finalize_xof().fill(&mut out);
        u128::from_be_bytes(out)
    }
}

/// An id in another system, in the one spelling that is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The other system: `shop`, `phone`, `email` …
    pub scheme: Code,
    /// The id there.
    pub value: String,
}

/// The text names nothing in another system.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentity {
    /// No `scheme:value`.
    #[error("{0:?} is neither a ULID nor `system:id-in-that-system`")]
    Form(String),
    /// No phone number.
    #[error("{0:?} is not a phone number")]
    Phone(String),
    /// No e-mail address.
    #[error("{0:?} is not an e-mail address")]
    Email(String),
}

/// Longest id in another system, in bytes.
pub const MAX_VALUE: usize = 200;

impl Identity {
    /// Makes the one spelling: phones as E.164, e-mails in lower case, the rest trimmed.
    ///
    /// # Errors
    /// When a phone or an e-mail is none, or the value is empty or too long.
    pub fn new(scheme: Code, value: &str, phone_region: Option<&str>) -> Result<Self, InvalidIdentity> {
        let value = value.trim();
        if value.is_empty() || value.len() > MAX_VALUE || value.chars().any(char::is_control) {
            return Err(InvalidIdentity::Form(format!("{scheme}:{value}").chars().take(120).collect()));
        }
        let value = match scheme.as_str() {
            "phone" => phone(value, phone_region).ok_or_else(|| InvalidIdentity::Phone(value.to_owned()))?,
            "email" => email(value).ok_or_else(|| InvalidIdentity::Email(value.to_owned()))?,
            _ => value.to_owned(),
        };
        Ok(Self { scheme, value })
    }

    /// Reads `scheme:value`.
    ///
    /// # Errors
    /// As [`Identity::new`], or without a colon.
    pub fn parse(text: &str, phone_region: Option<&str>) -> Result<Self, InvalidIdentity> {
        let bad = || InvalidIdentity::Form(text.chars().take(120).collect());
        let (scheme, value) = text.split_once(':').ok_or_else(bad)?;
        Self::new(Code::from_str(scheme).map_err(|_| bad())?, value, phone_region)
    }
}

fn phone(text: &str, region: Option<&str>) -> Option<String> {
    let region = region.and_then(|code| code.parse().ok());
    let number = phonenumber::parse(region, text).ok()?;
    number.is_valid().then(|| number.format().mode(phonenumber::Mode::E164).to_string())
}

fn email(text: &str) -> Option<String> {
    let valid =
        email_address::EmailAddress::is_valid(text) && text.rsplit('@').next().is_some_and(|host| host.contains('.'));
    valid.then(|| text.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> IdentityKey {
        IdentityKey::new([7; 32])
    }

    #[test]
    fn one_phone_has_one_hash_however_it_is_written() {
        let hash = |text: &str| key().identity(&Identity::parse(text, Some("RU")).expect("a phone"));
        assert_eq!(hash("phone:+7 (912) 345-67-89"), hash("phone:8 912 345 67 89"));
        assert_eq!(hash("email:Ivan@Example.COM"), hash("email:ivan@example.com"));
        assert!(Identity::parse("phone:12345", Some("RU")).is_err());
        assert!(Identity::parse("email:a@b", None).is_err());
        assert!(Identity::parse("C-1042", None).is_err());
    }

    #[test]
    fn derived_ids_depend_on_the_key_the_kind_and_the_cut_between_parts() {
        let id = key().derive("deal", &["ab", "c"]);
        assert_eq!(id, key().derive("deal", &["ab", "c"]));
        assert_ne!(id, key().derive("deal", &["a", "bc"]));
        assert_ne!(id, key().derive("order", &["ab", "c"]));
        assert_ne!(id, IdentityKey::new([8; 32]).derive("deal", &["ab", "c"]));
    }
}
