//! Keys by hash, for many readers at once.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use domain::KeyPolicy;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use kit::{KeyHash, Money};

use crate::KeyEntry;

/// Parts with a lock each, so that a change stops few readers, and those for a moment.
const SHARDS: usize = 64;

/// The key's own hash places an entry, and the entry holds the key: a slot costs a pointer.
type Shard = HashTable<Arc<KeyEntry>>;

pub(crate) struct Map {
    shards: Box<[RwLock<Shard>]>,
}

impl Map {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    pub(crate) fn get(&self, hash: &KeyHash) -> Option<Arc<KeyEntry>> {
        self.read(shard_of(hash)).find(slot_of(hash), |entry| entry.policy.hash == *hash).cloned()
    }

    /// Puts in a key's policy as it is now. Returns the entry.
    pub(crate) fn put(&self, policy: KeyPolicy) -> Arc<KeyEntry> {
        put(&mut self.write(shard_of(&policy.hash)), policy)
    }

    pub(crate) fn remove(&self, hash: &KeyHash) {
        let mut shard = self.write(shard_of(hash));
        if let Ok(entry) = shard.find_entry(slot_of(hash), |entry| entry.policy.hash == *hash) {
            entry.remove();
        }
    }

    /// Makes `policies` all there is. Entries that stay keep what is spent.
    pub(crate) fn replace(&self, policies: Vec<KeyPolicy>, each: impl Fn(&KeyEntry, Money)) {
        let mut parts: Vec<Vec<KeyPolicy>> = (0..SHARDS).map(|_| Vec::new()).collect();
        for policy in policies {
            parts[shard_of(&policy.hash)].push(policy);
        }
        for (at, part) in parts.into_iter().enumerate() {
            let mut fresh = Shard::with_capacity(part.len());
            for policy in part {
                let (hash, spend) = (policy.hash, policy.spend);
                let entry = match self.get(&hash) {
                    Some(old) => old.succeed(policy),
                    None => KeyEntry::new(policy),
                };
                each(&entry, spend);
                fresh.insert_unique(slot_of(&hash), Arc::new(entry), |entry| slot_of(&entry.policy.hash));
            }
            *self.write(at) = fresh;
        }
    }

    pub(crate) fn len(&self) -> usize {
        (0..SHARDS).map(|at| self.read(at).len()).sum()
    }

    /// The entries, one shard at a time.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Vec<Arc<KeyEntry>>> {
        (0..SHARDS).map(|at| self.read(at).iter().cloned().collect())
    }

    fn read(&self, at: usize) -> RwLockReadGuard<'_, Shard> {
        self.shards[at].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, at: usize) -> RwLockWriteGuard<'_, Shard> {
        self.shards[at].write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put(shard: &mut Shard, policy: KeyPolicy) -> Arc<KeyEntry> {
    let hash = policy.hash;
    let is_same = |entry: &Arc<KeyEntry>| entry.policy.hash == hash;
    match shard.entry(slot_of(&hash), is_same, |entry| slot_of(&entry.policy.hash)) {
        Entry::Occupied(mut old) => {
            let entry = Arc::new(old.get().succeed(policy));
            *old.get_mut() = Arc::clone(&entry);
            entry
        }
        Entry::Vacant(place) => {
            let entry = Arc::new(KeyEntry::new(policy));
            place.insert(Arc::clone(&entry));
            entry
        }
    }
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
    use kit::Timestamp;

    const KEYS: u64 = 100_000;
    /// A tenth less than the 100 MB that 100,000 keys may take.
    const BYTES_PER_KEY_MAX: u64 = 900;

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
        (0..KEYS).for_each(|number| drop(map.put(policy(number))));
        let each = (resident_bytes() - before) / KEYS;
        println!("{each} bytes per key");
        assert!(each < BYTES_PER_KEY_MAX, "{each} bytes per key");
        assert_eq!(map.len() as u64, KEYS);
        assert_eq!(map.get(&KeyHash::of("sk-77777")).unwrap().policy, policy(77_777));
    }

    #[test]
    fn a_snapshot_replaces_all_and_keeps_what_is_held() {
        let map = Map::new();
        (0..10).for_each(|number| drop(map.put(policy(number))));
        let held = map.get(&policy(3).hash).unwrap().reserve(Money(7)).unwrap();
        map.replace((3..6).map(policy).collect(), |_, _| {});
        assert_eq!(map.len(), 3);
        assert!(map.get(&policy(0).hash).is_none());
        let spend = || map.get(&policy(3).hash).unwrap().spend();
        assert_eq!(spend().reserved, Money(7));
        held.settle(Money(1));
        assert_eq!((spend().reserved, spend().unshipped), (Money::ZERO, Money(1)));
        map.remove(&policy(3).hash);
        assert!(map.get(&policy(3).hash).is_none());
    }
}
