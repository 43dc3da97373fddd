//! Whether a master key is fit for use. Whoever holds it may do everything, so a gateway or backend
//! refuses to start with one that can be guessed, unless
//! `general_settings.dangerously_permit_weak_or_unset_master_key` says otherwise.

use kit::KeyHash;

/// Shortest master key that is accepted, in characters, `sk-` included: the compatible surface asks the
/// same of virtual keys.
pub const MASTER_KEY_CHARS_MIN: usize = 16;
/// Fewer different characters than this can be guessed, however long the key.
pub const MASTER_KEY_DIFFERENT_CHARS_MIN: usize = 6;

/// SHA-256 of `sk-1234`, the key of every tutorial.
const TUTORIAL_KEY: &str = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";

/// A key made of nothing but these is a placeholder that someone forgot to replace.
const COMMON_WORDS: &[&str] = &[
    "123",
    "1234",
    "12345",
    "123456",
    "12345678",
    "abc",
    "abcd",
    "admin",
    "api",
    "bulkhead",
    "change",
    "changeit",
    "changeme",
    "default",
    "demo",
    "dev",
    "example",
    "foo",
    "gateway",
    "here",
    "insert",
    "key",
    "litellm",
    "llm",
    "local",
    "master",
    "me",
    "my",
    "pass",
    "password",
    "please",
    "placeholder",
    "prod",
    "production",
    "proxy",
    "replace",
    "root",
    "sample",
    "secret",
    "sk",
    "string",
    "super",
    "test",
    "testing",
    "the",
    "this",
    "token",
    "very",
    "with",
    "xxxx",
    "your",
];

/// Why a master key is refused; each reads as a whole sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakMasterKey {
    #[error("the master key is empty; set `general_settings.master_key` or LITELLM_MASTER_KEY")]
    Empty,
    #[error("the master key is the publicly known tutorial key; choose one of your own")]
    Tutorial,
    #[error(
        "the master key is {chars} characters long; {MASTER_KEY_CHARS_MIN} are the least, `sk-` included"
    )]
    TooShort { chars: usize },
    #[error(
        "the master key consists of common words, as a placeholder does; choose one that cannot be guessed"
    )]
    CommonWords,
    #[error(
        "the master key has only {different} different characters; {MASTER_KEY_DIFFERENT_CHARS_MIN} are the least"
    )]
    Monotonous { different: usize },
    #[error("the master key contains spaces or control characters, which do not survive in an HTTP header")]
    NotPrintable,
}

/// # Errors
/// When the key is empty, publicly known, or easy to guess.
pub fn check(key: &str) -> Result<(), WeakMasterKey> {
    if key.trim().is_empty() {
        return Err(WeakMasterKey::Empty);
    }
    if KeyHash::of(key.trim()).to_hex() == TUTORIAL_KEY {
        return Err(WeakMasterKey::Tutorial);
    }
    if key.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(WeakMasterKey::NotPrintable);
    }
    let chars = key.chars().count();
    if chars < MASTER_KEY_CHARS_MIN {
        return Err(WeakMasterKey::TooShort { chars });
    }
    if is_common_words(key) {
        return Err(WeakMasterKey::CommonWords);
    }
    let different = different_chars(key.strip_prefix("sk-").unwrap_or(key));
    if different < MASTER_KEY_DIFFERENT_CHARS_MIN {
        return Err(WeakMasterKey::Monotonous { different });
    }
    Ok(())
}

fn different_chars(key: &str) -> usize {
    let mut chars = key.chars().collect::<Vec<_>>();
    chars.sort_unstable();
    chars.dedup();
    chars.len()
}

/// Whether the letters and digits of `key` can be read as a row of common words.
fn is_common_words(key: &str) -> bool {
    let letters = key.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "");
    let mut readable_until = vec![false; letters.len() + 1];
    readable_until[0] = true;
    for start in 0..letters.len() {
        if !readable_until[start] {
            continue;
        }
        for word in COMMON_WORDS.iter().filter(|word| letters[start..].starts_with(**word)) {
            readable_until[start + word.len()] = true;
        }
    }
    readable_until[letters.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_key_is_fit() {
        for key in ["sk-3fA9_kQz81LmWvbT0xYcRg", "sk-0123456789abcdefghij", "kQz81LmWvbT0xYcRg-no-prefix"] {
            assert_eq!(check(key), Ok(()), "{key}");
        }
    }

    #[test]
    fn what_can_be_guessed_is_refused() {
        assert_eq!(check(""), Err(WeakMasterKey::Empty));
        assert_eq!(check("  "), Err(WeakMasterKey::Empty));
        assert_eq!(check("sk-1234"), Err(WeakMasterKey::Tutorial));
        assert_eq!(check(" sk-1234\n"), Err(WeakMasterKey::Tutorial));
        assert_eq!(check("sk-short"), Err(WeakMasterKey::TooShort { chars: 8 }));
        assert_eq!(check("sk-litellm-master-key"), Err(WeakMasterKey::CommonWords));
        assert_eq!(check("your_master_key_here"), Err(WeakMasterKey::CommonWords));
        assert_eq!(check("sk-aaaaaaaaaaaaaaaaaaaaaaa"), Err(WeakMasterKey::Monotonous { different: 1 }));
        assert_eq!(check("sk-3fA9 kQz81LmWvbT0xYcRg"), Err(WeakMasterKey::NotPrintable));
    }

    #[test]
    fn the_shortest_allowed_is_allowed() {
        let key = "sk-3fA9kQz81LmWv";
        assert_eq!(key.len(), MASTER_KEY_CHARS_MIN);
        assert_eq!(check(key), Ok(()));
        assert_eq!(check(&key[..15]), Err(WeakMasterKey::TooShort { chars: 15 }));
    }
}
