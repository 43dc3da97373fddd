//! Secrecy of the disk copy: AES-256-GCM under a key of the file's own, derived from a secret of the house.
//!
//! The body goes in pieces, so that neither side holds all of it. A piece's nonce is its number, and its
//! last bit tells the last piece: none can be changed, left out, moved or cut off unseen.

use kit::{Rng, Secret};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

pub(crate) const SALT_BYTES: usize = 32;
pub(crate) const CHECK_BYTES: usize = 16;
/// What a piece grows by.
pub(crate) const TAG_BYTES: usize = 16;

/// What stands in the open before the sealed body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    /// New for each file, so that no key is used for two bodies.
    pub salt: [u8; SALT_BYTES],
    /// Tells a wrong secret from a damaged file; says nothing about the secret.
    pub check: [u8; CHECK_BYTES],
}

/// Seals or opens the pieces of one file, in order.
pub(crate) struct Sealer {
    key: LessSafeKey,
    label: Label,
    pieces: u64,
}

struct CheckLength;

impl KeyType for CheckLength {
    fn len(&self) -> usize {
        CHECK_BYTES
    }
}

impl Sealer {
    pub(crate) fn new(secret: &Secret, rng: &mut dyn Rng) -> Result<Self, Unspecified> {
        let mut salt = [0; SALT_BYTES];
        rng.fill(&mut salt);
        Self::with_salt(secret, salt)
    }

    /// `None` when the file was sealed with another secret.
    pub(crate) fn open(secret: &Secret, label: Label) -> Result<Option<Self>, Unspecified> {
        let sealer = Self::with_salt(secret, label.salt)?;
        Ok((sealer.label == label).then_some(sealer))
    }

    fn with_salt(secret: &Secret, salt: [u8; SALT_BYTES]) -> Result<Self, Unspecified> {
        let derived = Salt::new(HKDF_SHA256, &salt).extract(secret.reveal().as_bytes());
        let key =
            LessSafeKey::new(UnboundKey::from(derived.expand(&[b"bulkhead policy copy"], &AES_256_GCM)?));
        Ok(Self { key, label: Label { salt, check: check(&derived)? }, pieces: 0 })
    }

    pub(crate) const fn label(&self) -> Label {
        self.label
    }
    pub(crate) fn seal(&mut self, piece: &mut Vec<u8>, is_last: bool) -> Result<(), Unspecified> {
        let nonce = self.next_nonce(is_last);
        self.key.seal_in_place_append_tag(nonce, Aad::from(self.label.salt), piece)
    }

    /// The plain piece, in the place of the sealed one.
    pub(crate) fn unseal<'p>(&mut self, piece: &'p mut [u8], is_last: bool) -> Result<&'p [u8], Unspecified> {
        let nonce = self.next_nonce(is_last);
        Ok(self.key.open_in_place(nonce, Aad::from(self.label.salt), piece)?)
    }

    fn next_nonce(&mut self, is_last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&self.pieces.to_le_bytes());
        nonce[8] = u8::from(is_last);
        self.pieces += 1;
        Nonce::assume_unique_for_key(nonce)
    }
}

fn check(derived: &Prk) -> Result<[u8; CHECK_BYTES], Unspecified> {
    let mut check = [0; CHECK_BYTES];
    derived.expand(&[b"bulkhead policy copy check"], CheckLength)?.fill(&mut check)?;
    Ok(check)
}
