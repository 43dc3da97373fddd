use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::UsageEvent;
use kit::{KeyHash, Money, Timestamp};
use tokio::sync::{Notify, Semaphore, watch};

use crate::catch_up::Round;
use crate::map::Map;
use crate::{DiskCopy, KeyEntry, LoadedFrom, Settings, Status};

/// This gateway's copy of every key's policy. Clones are the same replica.
#[derive(Clone)]
pub struct Replica {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub settings: Settings,
    /// `None` keeps none.
    pub copy: Option<DiskCopy>,
    pub map: Map,
    pub seq: AtomicI64,
    /// Asks the background task to look at the tail now.
    pub wake: Notify,
    /// Looks at the database that were begun.
    pub rounds_begun: AtomicU64,
    /// The last look that ended.
    pub round: watch::Sender<Round>,
    pub waiting: Semaphore,
    /// Batches of the ledger that were reported as shipped. Held while totals and policies are applied, so
    /// that a total read before a batch is not put in place of what the batch brought, and while the disk
    /// copy takes its picture.
    shipments: Mutex<u64>,
    pub policy_unsaved: AtomicBool,
    pub spend_unsaved: AtomicBool,
    /// Held while the disk copy is written.
    pub saving: Mutex<()>,
    status: Mutex<Status>,
}

impl Replica {
    /// A replica with what an earlier run left on disk, or empty when there is no good copy: that is
    /// logged, and never stops a start.
    pub fn load_or_empty(copy: DiskCopy, settings: Settings) -> Self {
        let map = Map::new();
        let head = match copy.load(|policy| Arc::new(map.entry(policy))) {
            Ok(Some((head, entries))) => {
                map.fill(entries, head.digest);
                Some(head)
            }
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(file = %copy.path().display(), %error, "the policy copy on disk is not used");
                None
            }
        };
        let replica = Self::new(Some(copy), map, settings);
        if let Some(head) = head {
            replica.inner.adopt(head.seq, head.synced_at);
        }
        replica
    }

    /// An empty replica that keeps no copy on disk.
    pub fn empty(settings: Settings) -> Self {
        Self::new(None, Map::new(), settings)
    }

    fn new(copy: Option<DiskCopy>, map: Map, settings: Settings) -> Self {
        let inner = Inner {
            copy,
            map,
            seq: AtomicI64::new(0),
            wake: Notify::new(),
            rounds_begun: AtomicU64::new(0),
            round: watch::Sender::new(Round::default()),
            waiting: Semaphore::new(settings.catch_up_waiting_max.min(Semaphore::MAX_PERMITS)),
            shipments: Mutex::new(0),
            policy_unsaved: AtomicBool::new(false),
            spend_unsaved: AtomicBool::new(false),
            saving: Mutex::new(()),
            status: Mutex::default(),
            settings,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The entry of a known key. Takes no longer than finding it; waits for nothing.
    pub fn lookup(&self, hash: &KeyHash) -> Option<Arc<KeyEntry>> {
        self.inner.map.get(hash)
    }

    /// Tells what the ledger has shipped. `own` says whether this process made the calls: only those
    /// hold money here. `totals` is what the database says that keys have spent now.
    pub fn shipped(&self, own: bool, events: &[UsageEvent], totals: &[(KeyHash, Money)]) {
        let mut sums: HashMap<KeyHash, (Money, Option<Money>)> =
            totals.iter().map(|(key, total)| (*key, (Money::ZERO, Some(*total)))).collect();
        for event in events.iter().filter(|_| own) {
            if let Some(key) = event.intent.key {
                sums.entry(key).or_default().0 += event.outcome.cost;
            }
        }
        let mut shipments = self.inner.shipments();
        *shipments += 1;
        for (key, (cost, total)) in sums {
            if let Some(entry) = self.inner.map.get(&key) {
                entry.spend.shipped(cost, total);
            }
        }
        self.inner.spend_unsaved.store(true, Ordering::Relaxed);
    }

    /// How far the replica can be trusted at `now`.
    pub fn status(&self, now: Timestamp) -> Status {
        let mut status = self.inner.status().clone();
        status.seq = self.inner.seq.load(Ordering::Relaxed);
        status.keys = self.inner.map.len();
        status.unreadable_keys = self.inner.map.unreadable();
        status.digest = self.inner.map.digest();
        status.stale_for = status.age(now).unwrap_or_default();
        status.is_stale = status.is_stale_after(self.inner.settings.stale_after, now);
        status
    }

    /// When the replica is stale at `now`, how long ago it last agreed with the database. `Some(None)`: never.
    pub fn staleness(&self, now: Timestamp) -> Option<Option<Duration>> {
        let status = self.inner.status();
        status.is_stale_after(self.inner.settings.stale_after, now).then(|| status.age(now))
    }

    /// Every entry, in no order; for jobs, not for requests.
    pub fn entries(&self) -> impl Iterator<Item = Arc<KeyEntry>> {
        self.inner.map.shards().flatten()
    }
}

impl Inner {
    pub(crate) fn shipments(&self) -> MutexGuard<'_, u64> {
        self.shipments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn adopt(&self, seq: i64, synced_at: Timestamp) {
        self.seq.store(seq, Ordering::Relaxed);
        let mut status = self.status();
        status.loaded_from = LoadedFrom::Disk;
        status.last_sync_at = Some(synced_at);
    }
}
