//! Keys by hash, for many readers at once.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashTable;
use kit::Money;

use crate::budget::Spend;

/// Parts with a lock each, so that a change stops few readers, and those for a moment.
const SHARDS: usize = 64;

/// What a map holds: a key or an account, found by the name that is in it.
pub(crate) trait Entry: Sized {
    type Id<'i>: Copy;

    fn id(&self) -> Self::Id<'_>;
    fn is(&self, id: Self::Id<'_>) -> bool;
    fn slot_of(id: Self::Id<'_>) -> u64;
    /// This entry in place of what it was before: calls under way stay counted.
    fn succeeding(self, old: &Self) -> Self;
    /// Whether both decide alike, whatever is spent.
    fn decides_as(&self, other: &Self) -> bool;
    fn is_unreadable(&self) -> bool;
    /// Its part of the digest.
    fn part(&self) -> u64;
    /// The last snapshot that it was in.
    fn snapshot(&self) -> &AtomicU32;
    fn spend(&self) -> &Spend;

    fn mark(&self, snapshot: u32) {
        self.snapshot().store(snapshot, Ordering::Relaxed);
    }

    fn is_marked(&self, snapshot: u32) -> bool {
        self.snapshot().load(Ordering::Relaxed) == snapshot
    }

    /// Takes in the database's total. When it may lie before what was heard since, it can only raise
    /// what is known; the next refresh puts that right. Returns whether anything changed.
    fn hear(&self, total: Money, is_newest: bool) -> bool {
        if is_newest { self.spend().set_known(total) } else { self.spend().raise_known(total) }
    }
}

/// The name's hash places an entry, and the entry holds the name: a slot costs a pointer.
type Shard<E> = HashTable<Arc<E>>;

pub(crate) struct Map<E> {
    shards: Box<[RwLock<Shard<E>>]>,
    /// The sum of the parts of all readable entries; see [`digest`](crate::digest).
    digest: AtomicU64,
    unreadable: AtomicUsize,
    count: AtomicUsize,
}

impl<E: Entry> Map<E> {
    pub(crate) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            digest: AtomicU64::new(0),
            unreadable: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
        }
    }

    /// Puts into an empty map `entries` whose digest is known to be `digest`: reckoning it takes longer than
    /// the rest.
    pub(crate) fn fill(&self, entries: impl IntoIterator<Item = Arc<E>>, digest: u64) {
        for entry in entries {
            let slot = E::slot_of(entry.id());
            self.count.fetch_add(1, Ordering::Relaxed);
            self.unreadable.fetch_add(usize::from(entry.is_unreadable()), Ordering::Relaxed);
            self.write(shard_of(slot)).insert_unique(slot, entry, slot_again);
        }
        self.digest.store(digest, Ordering::Relaxed);
    }

    pub(crate) fn get(&self, id: E::Id<'_>) -> Option<Arc<E>> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let slot = E::slot_of(id);
        self.read(shard_of(slot)).find(slot, |entry| entry.is(id)).cloned()
    }

    /// Puts in an entry as it is now, and returns what is in force; that is the entry from before when both
    /// decide alike.
    pub(crate) fn put(&self, fresh: E) -> Arc<E> {
        let slot = E::slot_of(fresh.id());
        let mut shard = self.write(shard_of(slot));
        match shard.find_mut(slot, |entry| entry.is(fresh.id())) {
            Some(old) if old.decides_as(&fresh) => Arc::clone(old),
            Some(old) => {
                let entry = Arc::new(fresh.succeeding(old));
                self.count_out(old);
                self.count_in(&entry);
                *old = Arc::clone(&entry);
                entry
            }
            None => {
                let entry = Arc::new(fresh);
                self.count_in(&entry);
                shard.insert_unique(slot, Arc::clone(&entry), slot_again);
                entry
            }
        }
    }

    pub(crate) fn remove(&self, id: E::Id<'_>) {
        let slot = E::slot_of(id);
        if let Ok(entry) = self.write(shard_of(slot)).find_entry(slot, |entry| entry.is(id)) {
            self.count_out(entry.get());
            entry.remove();
        }
    }

    /// Drops every entry that the snapshot did not have.
    pub(crate) fn retain_marked(&self, snapshot: u32) {
        for at in 0..SHARDS {
            self.write(at).retain(|entry| {
                let kept = entry.is_marked(snapshot);
                if !kept {
                    self.count_out(entry);
                }
                kept
            });
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest.load(Ordering::Relaxed)
    }

    pub(crate) fn unreadable(&self) -> usize {
        self.unreadable.load(Ordering::Relaxed)
    }

    /// The entries, one shard at a time.
    pub(crate) fn shards(&self) -> impl Iterator<Item = Vec<Arc<E>>> {
        (0..SHARDS).map(|at| self.read(at).iter().cloned().collect())
    }

    fn count_in(&self, entry: &E) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if entry.is_unreadable() {
            self.unreadable.fetch_add(1, Ordering::Relaxed);
        } else {
            // Wraps around, as a sum of parts does.
            self.digest.fetch_add(entry.part(), Ordering::Relaxed);
        }
    }

    fn count_out(&self, entry: &E) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        if entry.is_unreadable() {
            self.unreadable.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.digest.fetch_sub(entry.part(), Ordering::Relaxed);
        }
    }

    fn read(&self, at: usize) -> RwLockReadGuard<'_, Shard<E>> {
        self.shards[at].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, at: usize) -> RwLockWriteGuard<'_, Shard<E>> {
        self.shards[at].write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slot_again<E: Entry>(entry: &Arc<E>) -> u64 {
    E::slot_of(entry.id())
}

// Bits that a table of any likely size does not place its entries by.
const fn shard_of(slot: u64) -> usize {
    (slot >> 40) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyEntry;
    use crate::share::SharedLists;
    use domain::KeyPolicy;
    use kit::{KeyHash, Timestamp};

    const KEYS: u64 = 100_000;
    /// Of the 100 MB that a gateway with 100,000 keys may take, what its other parts leave.
    const BYTES_PER_KEY_MAX: u64 = 600;

    /// A key as teams use them: alias, user, team, two models, a tag, a budget.
    fn policy(number: u64) -> KeyPolicy {
        let text = |prefix: &str, number: u64| Some(format!("{prefix}-{number:06}").into_boxed_str());
        KeyPolicy {
            alias: text("service-account", number),
            user_id: text("user", number % 5_000),
            team_id: text("team", number % 100),
            models: ["gpt-4o".into(), "claude-sonnet-*".into()].into(),
            tags: ["production".into()].into(),
            max_budget: Some(Money(1_000_000_000)),
            spend: Money(5),
            expires: Some(Timestamp(1)),
            ..KeyPolicy::free(KeyHash::of(&format!("sk-{number}")))
        }
    }

    fn reserve(entry: &KeyEntry, estimate: Money) -> crate::Reservation {
        let mut held = crate::Reservation::of(estimate);
        entry.hold(&mut held, None, Timestamp(0)).unwrap();
        held
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
        let mut lists = SharedLists::default();
        (0..KEYS).for_each(|number| drop(map.put(lists.key(policy(number)))));
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
        let held = reserve(&first, Money(7));
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
        map.remove(&policy(5).hash);
        other.remove(&policy(5).hash);
        assert_eq!(map.digest(), other.digest());
        map.put(KeyEntry::unreadable(policy(3).hash));
        other.remove(&policy(3).hash);
        assert_eq!((map.digest(), map.unreadable(), map.len()), (other.digest(), 1, 9));
        map.retain_marked(1);
        assert_eq!((map.digest(), map.unreadable(), map.len()), (0, 0, 0));
        map.fill((0..10).map(|number| Arc::new(KeyEntry::new(policy(number)))), 77);
        assert_eq!((map.digest(), map.len()), (77, 10));
    }
}
