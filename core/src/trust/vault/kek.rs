//! What wraps data keys.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// What wraps data keys: a file, an environment variable, or a key service.
pub trait KeyEncryptionKey: Send + Sync {
    /// A name that tells this key from the one before it.
    fn id(&self) -> &str;
    /// Wraps a data key; `aad` binds it to its number.
    fn wrap(&self, nonce: [u8; 24], aad: &[u8], key: &[u8; 32]) -> Vec<u8>;
    /// Unwraps a data key; `None` when it was wrapped otherwise or altered.
    fn unwrap(&self, nonce: [u8; 24], aad: &[u8], wrapped: &[u8]) -> Option<Zeroizing<[u8; 32]>>;
}

/// A key-encryption key held in memory: 32 bytes from a file or the environment.
#[derive(ZeroizeOnDrop)]
pub struct LocalKek {
    #[zeroize(skip)]
    id: String,
    key: [u8; 32],
}

impl fmt::Debug for LocalKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKek({})", self.id)
    }
}

impl LocalKek {
    /// From 32 secret bytes; its id is the start of a one-way hash of them.
    pub fn new(key: [u8; 32]) -> Self {
        let id = blake3::derive_key("letopis 2026 kek id v1", &key);
        Self { id: id[..8].iter().map(|b| format!("{b:02x}")).collect(), key }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&self.key).into())
    }
}

impl KeyEncryptionKey for LocalKek {
    fn id(&self) -> &str {
        &self.id
    }

    fn wrap(&self, nonce: [u8; 24], aad: &[u8], key: &[u8; 32]) -> Vec<u8> {
        self.cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: key, aad })
            .expect("32 bytes are far below the cipher's limit")
    }

    fn unwrap(&self, nonce: [u8; 24], aad: &[u8], wrapped: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let plain = Zeroizing::new(self.cipher().decrypt(&XNonce::from(nonce), Payload { msg: wrapped, aad }).ok()?);
        plain.as_slice().try_into().ok().map(Zeroizing::new)
    }
}
