//! What is kept on disk, and what of it is believed.

use super::pieces::VERSION;
use super::*;
use crate::seal::{CHECK_BYTES, SALT_BYTES};
use domain::{AccountId, AccountKind, Window};
use kit::{KeyHash, Money, SeededRng};

fn copy(path: &Path, secret: &str, seed: u64) -> DiskCopy {
    DiskCopy::new(path, Secret::new(secret), Box::new(SeededRng::new(seed)))
}

fn policy(number: u64) -> KeyPolicy {
    KeyPolicy {
        alias: Some(format!("a-very-secret-name-{number}").into()),
        user_id: Some("user".into()),
        team_id: Some("team".into()),
        models: ["gpt-4o".into()].into(),
        aliases: [("a".into(), "b".into())].into(),
        tags: ["tag".into()].into(),
        max_budget: Some(Money(7)),
        spend: Money(5),
        expires: Some(Timestamp(9)),
        ..KeyPolicy::free(KeyHash::of(&format!("sk-{number}")))
    }
}

fn account(id: &str) -> AccountPolicy {
    let id = AccountId { kind: AccountKind::Team, within: "".into(), id: id.into() };
    let mut policy = AccountEntry::unreadable(id).policy;
    policy.windows = [Window { duration: "1d".into(), ends: Timestamp(8), base: Money(3) }].into();
    policy
}

fn accounts() -> impl Iterator<Item = AccountRecord> {
    let record = |(id, is_unreadable)| AccountRecord { policy: account(id), is_unreadable };
    [("red", false), ("blue", true)].into_iter().map(record)
}

const HEAD: Head =
    Head { seq: 3, synced_at: Timestamp(4), accounts: 2, keys: 2, digest: 5, accounts_digest: 6 };

fn saved(keys: u64) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.copy");
    copy(&path, "secret", 1).save(Head { keys, ..HEAD }, accounts(), (0..keys).map(policy)).unwrap();
    (folder, path)
}

#[test]
fn what_was_saved_is_loaded_however_many_pieces_it_takes() {
    for keys in [0, 1, 2, 9_000] {
        let (_folder, path) = saved(keys);
        let loaded = copy(&path, "secret", 2).load(|policy| policy).unwrap().unwrap();
        assert_eq!(loaded.head, Head { keys, ..HEAD });
        assert!(loaded.keys.into_iter().eq((0..keys).map(policy)));
        assert!(loaded.accounts.iter().map(AccountRecord::from).eq(accounts()));
    }
}

#[test]
fn nothing_can_be_read_without_the_secret_and_no_two_files_are_alike() {
    let (_folder, path) = saved(2);
    let bytes = fs::read(&path).unwrap();
    let hash = policy(0).hash.0;
    assert!(!bytes.windows(hash.len()).any(|part| part == hash));
    assert!(!bytes.windows(6).any(|part| part == b"secret"));
    let other = copy(&path, "another", 1).load(|policy| policy);
    assert!(matches!(other, Err(CopyError::OtherSecret)), "{other:?}");
    copy(&path, "secret", 2).save(HEAD, accounts(), (0..2).map(policy)).unwrap();
    let again = fs::read(&path).unwrap();
    assert!(bytes.len() == again.len() && bytes[8..40] != again[8..40] && bytes[56..] != again[56..]);
}

#[test]
fn another_version_is_told_as_such() {
    let (_folder, path) = saved(2);
    let bytes = fs::read(&path).unwrap();
    for version in [b'1', b'7', 0] {
        let mut other = bytes.clone();
        other[7] = version;
        fs::write(&path, &other).unwrap();
        let error = copy(&path, "secret", 1).load(|policy| policy).unwrap_err();
        assert!(error.to_string().contains("this version reads 8"), "{error}");
    }
    fs::write(&path, b"something else entirely").unwrap();
    assert!(matches!(copy(&path, "secret", 1).load(|policy| policy), Err(CopyError::Foreign)));
}

#[test]
fn a_piece_left_out_or_moved_is_damage() {
    let (_folder, path) = saved(9_000);
    let bytes = fs::read(&path).unwrap();
    let mut pieces = Vec::new();
    let mut rest = &bytes[8 + SALT_BYTES + CHECK_BYTES..];
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[1..5].try_into().unwrap()) as usize + 5;
        pieces.push(&rest[..length]);
        rest = &rest[length..];
    }
    assert!(pieces.len() > 3);
    let mut moved = pieces.clone();
    moved.swap(1, 2);
    let mut left_out = pieces.clone();
    left_out.remove(1);
    let cut = &pieces[..pieces.len() - 1];
    for broken in [moved.as_slice(), &left_out, cut] {
        let body = broken.concat();
        fs::write(&path, [&bytes[..8 + SALT_BYTES + CHECK_BYTES], &body].concat()).unwrap();
        let loaded = copy(&path, "secret", 1).load(|policy| policy);
        assert!(matches!(loaded, Err(CopyError::Damaged)));
    }
}

/// When this fails the format has changed: raise `VERSION`, then put the new bytes here.
#[test]
fn the_format_has_this_version() {
    let bytes = [
        postcard::to_allocvec(&HEAD),
        postcard::to_allocvec(&account("red")),
        postcard::to_allocvec(&policy(1)),
    ]
    .map(Result::unwrap)
    .concat();
    let sum = crc32fast::hash(&bytes);
    assert_eq!((VERSION, bytes.len(), sum), (b'8', 126, 2_494_396_184));
}
