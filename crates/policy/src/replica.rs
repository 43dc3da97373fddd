use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{AccountKind, UsageEvent};
use kit::network::Network;
use kit::{KeyHash, Money, Timestamp};
use tokio::sync::{Notify, Semaphore, watch};

use crate::addresses::Addresses;
use crate::catch_up::Round;
use crate::map::Map;
use crate::share::SharedLists;
use crate::{AccountEntry, AccountName, DiskCopy, KeyEntry, LoadedFrom, Settings, Status};

/// This gateway's copy of all policy. Clones are the same replica.
#[derive(Clone)]
pub struct Replica {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub settings: Settings,
    /// `None` keeps none.
    pub copy: Option<DiskCopy>,
    pub keys: Map<KeyEntry>,
    pub accounts: Map<AccountEntry>,
    pub addresses: Addresses,
    pub lists: Mutex<SharedLists>,
    /// The time from which the spend of accounts is to be read again, by the ledger's clock.
    pub accounts_again: AtomicI64,
    pub seq: AtomicI64,
    /// Asks the background task to look at the tail now.
    pub wake: Notify,
    /// Someone asks about an unknown key.
    pub strangers: Notify,
    /// Looks at the database that were begun.
    pub rounds_begun: AtomicU64,
    /// The last look that ended.
    pub round: watch::Sender<Round>,
    pub waiting: Semaphore,
    /// Batches of the ledger that were reported as shipped. Held while totals and policies are applied, so
    /// that a total read before a batch is not put in place of what the batch brought, and while the disk
    /// copy takes its picture.
    shipments: Mutex<u64>,
    /// Changes when models or credentials of the database may have.
    pub models: watch::Sender<u64>,
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
        let replica = Self::new(Some(copy), settings);
        let inner = &replica.inner;
        let Some(copy) = &inner.copy else { return replica };
        let loaded = {
            let mut lists = inner.lists();
            copy.load(|policy| Arc::new(lists.key(policy)))
        };
        match loaded {
            Ok(Some(loaded)) => {
                inner.keys.fill(loaded.keys, loaded.head.digest);
                inner.accounts.fill(loaded.accounts.into_iter().map(Arc::new), loaded.head.accounts_digest);
                inner.tell_addresses();
                inner.adopt(loaded.head.seq, loaded.head.synced_at);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(file = %copy.path().display(), %error, "the policy copy on disk is not used");
            }
        }
        replica
    }

    /// An empty replica that keeps no copy on disk.
    pub fn empty(settings: Settings) -> Self {
        Self::new(None, settings)
    }

    fn new(copy: Option<DiskCopy>, settings: Settings) -> Self {
        let inner = Inner {
            copy,
            keys: Map::new(),
            accounts: Map::new(),
            addresses: Addresses::default(),
            lists: Mutex::default(),
            accounts_again: AtomicI64::new(i64::MAX),
            seq: AtomicI64::new(0),
            wake: Notify::new(),
            strangers: Notify::new(),
            rounds_begun: AtomicU64::new(0),
            round: watch::Sender::new(Round::default()),
            waiting: Semaphore::new(settings.catch_up_waiting_max.min(Semaphore::MAX_PERMITS)),
            shipments: Mutex::new(0),
            models: watch::Sender::new(0),
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
        self.inner.keys.get(hash)
    }

    /// The entry of a known account. Takes no longer than finding it.
    pub fn account(&self, name: AccountName<'_>) -> Option<Arc<AccountEntry>> {
        self.inner.accounts.get(name)
    }

    /// From where requests may come; `None` is from anywhere.
    pub fn addresses(&self) -> Option<Arc<[Network]>> {
        self.inner.addresses.get()
    }

    /// Tells what the ledger has shipped. `own` says whether this process made the calls: only those
    /// hold money here. `totals` is what the database says that keys have spent now. `at` is the ledger's time
    /// of the batch; `None` when part of it was shipped before, nobody knows when.
    pub fn shipped(
        &self,
        own: bool,
        events: &[UsageEvent],
        totals: &[(KeyHash, Money)],
        at: Option<Timestamp>,
    ) {
        let mut sums: HashMap<KeyHash, (Money, Option<Money>)> =
            totals.iter().map(|(key, total)| (*key, (Money::ZERO, Some(*total)))).collect();
        let mut shipments = self.inner.shipments();
        *shipments += 1;
        for event in events.iter().filter(|_| own) {
            if let Some(key) = event.intent.key {
                sums.entry(key).or_default().0 += event.outcome.cost;
            }
            self.inner.charge_accounts(event);
        }
        for (key, (cost, total)) in sums {
            if let Some(entry) = self.inner.keys.get(&key) {
                entry.spend.shipped(cost, total);
            }
        }
        // What was added to accounts here is put right by a look that has the batch in it.
        let again = at.map_or(0, |at| at.micros().saturating_sub(1));
        self.inner.accounts_again.fetch_min(again, Ordering::Relaxed);
        self.inner.spend_unsaved.store(true, Ordering::Relaxed);
    }

    /// How far the replica can be trusted at `now`.
    pub fn status(&self, now: Timestamp) -> Status {
        let mut status = self.inner.status().clone();
        status.seq = self.inner.seq.load(Ordering::Relaxed);
        status.keys = self.inner.keys.len();
        status.unreadable_keys = self.inner.keys.unreadable();
        status.accounts = self.inner.accounts.len();
        status.unreadable_accounts = self.inner.accounts.unreadable();
        status.digest = self.inner.keys.digest().wrapping_add(self.inner.accounts.digest());
        status.stale_for = status.age(now).unwrap_or_default();
        status.is_stale = status.is_stale_after(self.inner.settings.stale_after, now);
        status
    }

    /// When the replica is stale at `now`, how long ago it last agreed with the database. `Some(None)`: never.
    pub fn staleness(&self, now: Timestamp) -> Option<Option<Duration>> {
        let status = self.inner.status();
        status.is_stale_after(self.inner.settings.stale_after, now).then(|| status.age(now))
    }

    /// Every account, in no order; for jobs, not for requests.
    pub fn accounts(&self) -> impl Iterator<Item = Arc<AccountEntry>> {
        self.inner.accounts.shards().flatten()
    }

    /// Tells that models or credentials of the database may have changed: first when the database was read at all.
    pub fn models_changed(&self) -> watch::Receiver<u64> {
        self.inner.models.subscribe()
    }

    /// Every key, in no order; for jobs, not for requests.
    pub fn entries(&self) -> impl Iterator<Item = Arc<KeyEntry>> {
        self.inner.keys.shards().flatten()
    }
}

impl Inner {
    pub(crate) fn tell_of_models(&self) {
        self.models.send_modify(|times| *times = times.wrapping_add(1));
    }

    /// Reads anew, out of the accounts, from where requests may come.
    pub(crate) fn tell_addresses(&self) {
        self.addresses.set(self.accounts.shards().flatten());
    }

    pub(crate) fn shipments(&self) -> MutexGuard<'_, u64> {
        self.shipments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lists(&self) -> MutexGuard<'_, SharedLists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everyone to whom an event was charged, as the ledger's running totals have it.
    fn charge_accounts(&self, event: &UsageEvent) {
        if self.accounts.len() == 0 || event.outcome.cost == Money::ZERO {
            return;
        }
        let intent = &event.intent;
        let own = |kind, id: &Option<Box<str>>| {
            let entry = id.as_deref().and_then(|id| self.accounts.get(AccountName::new(kind, id)));
            if let Some(entry) = entry {
                entry.spend.shipped(event.outcome.cost, None);
            }
        };
        self.charge_models(event);
        own(AccountKind::User, &intent.user_id);
        own(AccountKind::Team, &intent.team_id);
        own(AccountKind::Organization, &intent.organization_id);
        own(AccountKind::Project, &intent.project_id);
        own(AccountKind::Customer, &intent.customer);
        let places = [
            (AccountKind::Member, &intent.team_id),
            (AccountKind::OrganizationMember, &intent.organization_id),
        ];
        for (kind, within) in places {
            let Some((within, id)) = within.as_deref().zip(intent.user_id.as_deref()) else { continue };
            if let Some(entry) = self.accounts.get(AccountName { kind, within, id }) {
                entry.spend.shipped(event.outcome.cost, None);
            }
        }
        for tag in intent.tags.iter().collect::<BTreeSet<_>>() {
            if let Some(entry) = self.accounts.get(AccountName::new(AccountKind::Tag, tag)) {
                entry.spend.shipped(event.outcome.cost, None);
            }
        }
    }

    /// Budgets for the model that the client asked for.
    fn charge_models(&self, event: &UsageEvent) {
        let (intent, model) = (&event.intent, &event.intent.model_group);
        let charge = |kind, within: &str| {
            if let Some(entry) = self.accounts.get(AccountName { kind, within, id: model }) {
                entry.spend.shipped(event.outcome.cost, None);
            }
        };
        let key = intent.key.and_then(|hash| self.keys.get(&hash));
        if let Some(key) = key.filter(|key| key.budgeted_models().contains(model)) {
            charge(AccountKind::KeyModel, &key.policy.hash.to_hex());
        }
        let has = |kind, id: &str| {
            let entry = self.accounts.get(AccountName::new(kind, id));
            entry.is_some_and(|entry| entry.policy.budgeted_models.contains(model))
        };
        if let Some(user) = intent.user_id.as_deref().filter(|id| has(AccountKind::User, id)) {
            charge(AccountKind::UserModel, user);
        }
        if let Some(team) = intent.team_id.as_deref().filter(|id| has(AccountKind::Team, id)) {
            charge(AccountKind::TeamModel, team);
        }
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
