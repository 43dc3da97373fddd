use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// SHA-256 of a whole virtual key, `sk-` included, unsalted: the form in which LiteLLM stores keys,
/// so that keys issued there go on working.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(pub [u8; 32]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key hash is 64 hexadecimal digits")]
pub struct ParseKeyHashError;

impl KeyHash {
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// `input` as management routes take it: a raw key is hashed, a hash is used as it is.
    pub fn from_key_or_hash(input: &str) -> Result<Self, ParseKeyHashError> {
        if input.starts_with("sk-") { Ok(Self::of(input)) } else { input.parse() }
    }

    pub fn to_hex(self) -> String {
        self.to_string()
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&hex).unwrap_or_default())
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for KeyHash {
    type Err = ParseKeyHashError;

    fn from_str(text: &str) -> Result<Self, ParseKeyHashError> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(ParseKeyHashError);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        Ok(Self(hash))
    }
}

fn hex_digit(digit: u8) -> Result<u8, ParseKeyHashError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(ParseKeyHashError),
    }
}

impl Serialize for KeyHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test vector of the reference: the hash that LiteLLM stores for `sk-1234`.
    const SK_1234: &str = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";

    #[test]
    fn a_key_hashes_as_litellm_stores_it() {
        assert_eq!(KeyHash::of("sk-1234").to_hex(), SK_1234);
    }

    #[test]
    fn a_raw_key_and_its_hash_name_the_same_key() {
        let raw = KeyHash::from_key_or_hash("sk-1234").unwrap();
        assert_eq!(KeyHash::from_key_or_hash(SK_1234), Ok(raw));
        assert_eq!(KeyHash::from_key_or_hash(&SK_1234.to_uppercase()), Ok(raw));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for bad in ["", "sk", &SK_1234[1..], &format!("{}g", &SK_1234[1..]), "é".repeat(32).as_str()] {
            assert_eq!(KeyHash::from_key_or_hash(bad), Err(ParseKeyHashError), "{bad}");
        }
    }
}
