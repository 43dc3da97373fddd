//! Keys by hash, for many readers at once.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::KeyPolicy;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use kit::KeyHash;

use crate::share::SharedLists;
use crate::{KeyEntry, digest};

/// Parts with a lock each, so that a change stops few readers, and those for a moment.
const SHARDS: usize = 64;

/// The key's own hash places an entry, and the entry holds the key: a slot costs a pointer.
type Shard = HashTable<Arc<KeyEntry>>;

pub(crate) struct Map {
    shards: Box<[RwLock<Shard>]>,
    /// The sum of the parts of all readable keys; see [`digest`].
    digest: AtomicU64,
    unreadable: AtomicUsize,
    lists: Mutex<SharedLists>,
}

impl Map {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            digest: AtomicU64::new(0),
            unreadable: AtomicUsize::new(0),
            lists: Mutex::default(),
        }
    }

    /// Puts into an empty map `entries` whose digest is known to be `digest`: reckoning it takes longer than
    /// the rest.
    pub(crate) fn fill(&self, entries: impl IntoIterator<Item = Arc<KeyEntry>>, digest: u64) {
        for entry in entries {
            let slot = slot_of(&entry.policy.hash);
            self.write(shard_of(&entry.policy.hash)).insert_unique(slot, entry, slot_again);
        }
        self.digest.store(digest, Ordering::Relaxed);
    }

    /// An entry of this map, whose lists are those that other keys have alike.
    pub(crate) fn entry(&self, mut policy: KeyPolicy) -> KeyEntry {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.share(&mut policy.models);
        lists.share(&mut policy.tags);
        KeyEntry::new(policy)
    }

    pub(crate) fn get(&self, hash: &KeyHash) -> Option<Arc<KeyEntry>> {
        self.read(shard_of(hash)).find(slot_of(hash), |entry| entry.policy.hash == *hash).cloned()
    }

    /// Puts in a key as it is now, and returns what is in force; that is the entry from before when both
    /// decide alike.
    pub(crate) fn put(&self, fresh: KeyEntry) -> Arc<KeyEntry> {
        let hash = fresh.policy.hash;
        let mut shard = self.write(shard_of(&hash));
        match shard.entry(slot_of(&hash), |entry| entry.policy.hash == hash, slot_again) {
            Entry::Occupied(old) if old.get().decides_as(&fresh) => Arc::clone(old.get()),
            Entry::Occupied(mut old) => {
                let entry = Arc::new(fresh.succeeding(old.get()));
                self.count_out(old.get());
                self.count_in(&entry);
                *old.get_mut() = Arc::clone(&entry);
                entry
            }
            Entry::Vacant(place) => {
                let entry = Arc::new(fresh);
                self.count_in(&entry);
                place.insert(Arc::clone(&entry));
                entry
            }
        }
    }

    pub(crate) fn remove(&self, hash: &KeyHash) {
        let mut shard = self.write(shard_of(hash));
        if let Ok(entry) = shard.find_entry(slot_of(hash), |entry| entry.policy.hash == *hash) {
            self.count_out(entry.get());
            entry.remove();
        }
    }

    /// Drops every key that `keeps` says no to.
    pub(crate) fn retain(&self, keeps: impl Fn(&KeyEntry) -> bool) {
        for at in 0..SHARDS {
            self.write(at).retain(|entry| {
                let kept = keeps(entry);
                if !kept {
                    self.count_out(entry);
                }
                kept
            });
        }
    }

    pub(crate) fn len(&self) -> usize {
        (0..SHARDS).map(|at| self.read(at).len()).sum()
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest.load(Ordering::Relaxed)
    }

    pub(crate) fn unreadable(&self) -> usize {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// The entries, one shard at a time.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Vec<Arc<KeyEntry>>> {
        (0..SHARDS).map(|at| self.read(at).iter().cloned().collect())
    }

    fn count_in(&self, entry: &KeyEntry) {
        if entry.is_unreadable {
            self.unreadable.fetch_add(1, Ordering::Relaxed);
        } else {
            // Wraps around, as a sum of parts does.
            self.digest.fetch_add(digest::part(&entry.policy), Ordering::Relaxed);
        }
    }

    fn count_out(&self, entry: &KeyEntry) {
        if entry.is_unreadable {
            self.unreadable.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.digest.fetch_sub(digest::part(&entry.policy), Ordering::Relaxed);
        }
    }

    fn read(&self, at: usize) -> RwLockReadGuard<'_, Shard> {
        self.shards[at].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, at: usize) -> RwLockWriteGuard<'_, Shard> {
        self.shards[at].write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slot_again(entry: &Arc<KeyEntry>) -> u64 {
    slot_of(&entry.policy.hash)
}

// A key hash is a SHA-256 already: any bytes of it will do, and nobody can choose them.
fn slot_of(hash: &KeyHash) -> u64 {
    hash.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn shard_of(hash: &KeyHash) -> usize {
    usize::from(hash.0[8]) % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::{Money, Timestamp};

    const KEYS: u64 = 100_000;
    /// Of the 100 MB that a gateway with 100,000 keys may take, what its other parts leave.
    const BYTES_PER_KEY_MAX: u64 = 600;

    /// A key as teams use them: alias, user, team, two models, a tag, a budget.
    fn policy(number: u64) -> KeyPolicy {
        let text = |prefix: &str, number: u64| Some(format!("{prefix}-{number:06}").into_boxed_str());
        KeyPolicy {
            hash: KeyHash::of(&format!("sk-{number}")),
            alias: text("service-account", number),
            user_id: text("user", number % 5_000),
            team_id: text("team", number % 100),
            organization_id: None,
            models: ["gpt-4o".into(), "claude-sonnet-*".into()].into(),
            aliases: Box::default(),
            tags: ["production".into()].into(),
            max_budget: Some(Money(1_000_000_000)),
            spend: Money(5),
            blocked: false,
            expires: Some(Timestamp(1)),
        }
    }

    fn resident_bytes() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    #[test]
    fn a_hundred_thousand_keys_fit_their_memory() {
        let before = resident_bytes();
        let map = Map::new();
        (0..KEYS).for_each(|number| drop(map.put(map.entry(policy(number)))));
        let each = (resident_bytes() - before) / KEYS;
        println!("{each} bytes per key");
        assert!(each < BYTES_PER_KEY_MAX, "{each} bytes per key");
        assert_eq!(map.len() as u64, KEYS);
        assert_eq!(map.get(&KeyHash::of("sk-77777")).unwrap().policy, policy(77_777));
    }

    #[test]
    fn a_change_keeps_what_is_held_and_no_change_keeps_the_entry() {
        let map = Map::new();
        let first = map.put(KeyEntry::new(policy(3)));
        let held = first.reserve(Money(7)).unwrap();
        let same = map.put(KeyEntry::new(KeyPolicy { spend: Money(9), ..policy(3) }));
        assert!(Arc::ptr_eq(&first, &same));
        let blocked = map.put(KeyEntry::new(KeyPolicy { blocked: true, ..policy(3) }));
        assert!(blocked.policy.blocked && !first.policy.blocked);
        assert_eq!(blocked.spend().reserved, Money(7));
        held.settle(Money(1));
        assert_eq!((blocked.spend().reserved, blocked.spend().unshipped), (Money::ZERO, Money(1)));
        map.remove(&policy(3).hash);
        assert!(map.get(&policy(3).hash).is_none());
    }

    #[test]
    fn the_digest_tells_what_is_in_and_not_how_it_came() {
        let (map, other) = (Map::new(), Map::new());
        (0..10).for_each(|number| drop(map.put(KeyEntry::new(policy(number)))));
        (0..10).rev().for_each(|number| drop(other.put(KeyEntry::new(policy(number)))));
        assert_eq!(map.digest(), other.digest());
        map.put(KeyEntry::new(KeyPolicy { blocked: true, ..policy(3) }));
        assert_ne!(map.digest(), other.digest());
        map.put(KeyEntry::new(policy(3)));
        map.retain(|entry| entry.policy.hash != policy(5).hash);
        other.remove(&policy(5).hash);
        assert_eq!(map.digest(), other.digest());
        map.put(KeyEntry::unreadable(policy(3).hash));
        other.remove(&policy(3).hash);
        assert_eq!((map.digest(), map.unreadable(), map.len()), (other.digest(), 1, 9));
        map.retain(|_| false);
        assert_eq!((map.digest(), map.unreadable(), map.len()), (0, 0, 0));
        map.fill((0..10).map(|number| Arc::new(map.entry(policy(number)))), 77);
        assert_eq!((map.digest(), map.len()), (77, 10));
    }
}
