//! Secrets at rest: AES-256-GCM under a key derived from a secret of the house.
//!
//! `v1.<which key>.<base64url of nonce, ciphertext and tag>`. What a text belongs to is authenticated with it, so
//! that one row's secret cannot be moved to another row. Nonces are chance: one key is good for 2^32 writes.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::{Rng, Secret};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};

const VERSION: &str = "v1";
/// Names a key without telling anything of it.
const KEY_ID_BYTES: usize = 6;

/// Seals and opens what only this house may read.
pub struct Vault {
    /// The first seals; the others only open.
    keys: Vec<Key>,
    rng: Mutex<Box<dyn Rng>>,
}

struct Key {
    id: String,
    key: LessSafeKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("it was sealed with another salt key or master key than those that are configured")]
    OtherKey,
    #[error("it is damaged, or belongs elsewhere")]
    Damaged,
    #[error("it is no sealed text of this version")]
    Foreign,
    #[error("no key can be derived from the secret")]
    Underivable,
}

impl Vault {
    /// Seals with a key derived from `secret`, which must be strong; `rng` must be fit for secrets.
    ///
    /// # Errors
    /// When no key can be derived, which nothing that is known causes.
    pub fn new(secret: &Secret, rng: Box<dyn Rng>) -> Result<Self, VaultError> {
        Ok(Self { keys: vec![Key::of(secret)?], rng: Mutex::new(rng) })
    }

    /// Opens also what was sealed with `secret`: while secrets are moved from one key to another.
    ///
    /// # Errors
    /// As [`Vault::new`].
    pub fn with_older(mut self, secret: &Secret) -> Result<Self, VaultError> {
        self.keys.push(Key::of(secret)?);
        Ok(self)
    }

    /// `what` is where the text belongs, and needed to open it again.
    ///
    /// # Errors
    /// When the text is too long for the cipher: 64 GiB.
    pub fn seal(&self, plain: &str, what: &str) -> Result<String, VaultError> {
        let key = self.keys.first().ok_or(VaultError::OtherKey)?;
        let mut nonce = [0; NONCE_LEN];
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut nonce);
        let mut sealed = plain.as_bytes().to_vec();
        key.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(what), &mut sealed)
            .map_err(|_| VaultError::Damaged)?;
        let body = URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat());
        Ok(format!("{VERSION}.{}.{body}", key.id))
    }

    /// # Errors
    /// When the text was sealed with a key that is not known here, was changed, or belongs elsewhere.
    pub fn open(&self, sealed: &str, what: &str) -> Result<String, VaultError> {
        let (id, body) = parts(sealed).ok_or(VaultError::Foreign)?;
        let key = self.keys.iter().find(|key| key.id == id).ok_or(VaultError::OtherKey)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| VaultError::Damaged)?;
        let (nonce, sealed) = body.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::Damaged)?;
        let mut sealed = sealed.to_vec();
        let plain = key
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(what), &mut sealed)
            .map_err(|_| VaultError::Damaged)?;
        String::from_utf8(plain.to_vec()).map_err(|_| VaultError::Damaged)
    }

    /// Whether it was sealed with the key that seals now.
    pub fn is_current(&self, sealed: &str) -> bool {
        parts(sealed).is_some_and(|(id, _)| self.keys.first().is_some_and(|key| key.id == id))
    }
}

fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')
}

struct KeyIdLength;

impl KeyType for KeyIdLength {
    fn len(&self) -> usize {
        KEY_ID_BYTES
    }
}

impl Key {
    fn of(secret: &Secret) -> Result<Self, VaultError> {
        let derive = || {
            let derived = Salt::new(HKDF_SHA256, b"bulkhead vault").extract(secret.reveal().as_bytes());
            let mut id = [0; KEY_ID_BYTES];
            derived.expand(&[b"key id"], KeyIdLength)?.fill(&mut id)?;
            let key = LessSafeKey::new(UnboundKey::from(derived.expand(&[b"key"], &AES_256_GCM)?));
            Ok(Self { id: URL_SAFE_NO_PAD.encode(id), key })
        };
        derive().map_err(|_: Unspecified| VaultError::Underivable)
    }
}

#[cfg(test)]
mod tests {
    use kit::SeededRng;

    use super::*;

    fn vault(secret: &str) -> Vault {
        Vault::new(&Secret::new(secret), Box::new(SeededRng::new(1))).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_where_it_belongs_and_nowhere_else() {
        let vault = vault("one");
        for plain in ["", "sk-secret", "ünïcode"] {
            let sealed = vault.seal(plain, "models/1").unwrap();
            assert!(plain.is_empty() || !sealed.contains(plain));
            assert_eq!(vault.open(&sealed, "models/1").unwrap(), plain);
            assert_eq!(vault.open(&sealed, "models/2"), Err(VaultError::Damaged));
        }
        assert_ne!(vault.seal("a", "x").unwrap(), vault.seal("a", "x").unwrap());
    }

    #[test]
    fn another_key_is_told_from_damage() {
        let sealed = vault("one").seal("secret", "x").unwrap();
        assert_eq!(vault("two").open(&sealed, "x"), Err(VaultError::OtherKey));
        let mut damaged = sealed.clone();
        let last = damaged.pop().unwrap();
        damaged.push(if last == 'A' { 'B' } else { 'A' });
        for broken in [damaged.as_str(), &sealed[..sealed.len() - 9], &sealed[..16]] {
            assert_eq!(vault("one").open(broken, "x"), Err(VaultError::Damaged), "{broken}");
        }
        for foreign in ["", "secret", "v2.a.b", "v1"] {
            assert_eq!(vault("one").open(foreign, "x"), Err(VaultError::Foreign), "{foreign}");
        }
    }

    #[test]
    fn an_older_key_opens_and_no_longer_seals() {
        let old = vault("one").seal("secret", "x").unwrap();
        let both = vault("two").with_older(&Secret::new("one")).unwrap();
        assert_eq!(both.open(&old, "x").unwrap(), "secret");
        let new = both.seal("secret", "x").unwrap();
        assert!(both.is_current(&new) && !both.is_current(&old) && !both.is_current("secret"));
        assert_eq!(vault("two").open(&new, "x").unwrap(), "secret");
    }
}
