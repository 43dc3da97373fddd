//! A database of the mind: keys, a log of changes, and switches for its troubles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bulkhead_policy::{
    AccountPage, AccountSpend, AccountStart, Changes, DiskCopy, KeyEntry, KeySpend, OverBudget, Page,
    PageStart, Reservation, Source, SourceError, Spent, Stored, WakeUps,
};
use domain::{AccountId, AccountPolicy, KeyPolicy};
use kit::{KeyHash, Money, Secret, SeededRng, Timestamp};
use tokio::sync::{Notify, watch};

#[derive(Clone, Default)]
pub struct Database {
    state: Arc<Mutex<State>>,
    reads: Arc<watch::Sender<Reads>>,
    bell: Arc<Notify>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Changed {
    Key(KeyHash),
    Account(AccountId),
}

#[derive(Default)]
struct State {
    keys: BTreeMap<KeyHash, KeyPolicy>,
    accounts: BTreeMap<AccountId, AccountPolicy>,
    account_spend_at: BTreeMap<AccountId, Timestamp>,
    log: Vec<(i64, Changed)>,
    seq: i64,
    spend_at: BTreeMap<KeyHash, Timestamp>,
    unreadable: BTreeSet<KeyHash>,
    pruned: i64,
    now: i64,
    away: bool,
    rings: bool,
}

/// Reads that ended, by kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reads {
    /// Snapshots begun.
    pub snapshots: u64,
    /// Their pages.
    pub pages: u64,
    pub tails: u64,
    pub spends: u64,
    pub failures: u64,
}

pub fn key(name: &str) -> KeyPolicy {
    KeyPolicy { alias: Some(name.into()), ..KeyPolicy::free(KeyHash::of(name)) }
}

pub trait Reserve {
    fn reserve(&self, estimate: Money) -> Result<Reservation, OverBudget>;
}

impl Reserve for KeyEntry {
    fn reserve(&self, estimate: Money) -> Result<Reservation, OverBudget> {
        let mut reservation = Reservation::of(estimate);
        self.hold(&mut reservation, None, Timestamp(0)).map(|_| reservation)
    }
}

impl Reads {
    /// Everything that was asked for, answered or not.
    pub fn all(self) -> u64 {
        self.snapshots + self.pages + self.tails + self.spends + self.failures
    }
}

/// A copy sealed with a secret of the tests.
pub fn copy_at(path: &Path) -> DiskCopy {
    DiskCopy::new(path, Secret::new("salt of the tests"), Box::new(SeededRng::new(1)))
}

impl Database {
    /// One that tells of changes at once, as Postgres does.
    pub fn ringing() -> Self {
        let database = Self::default();
        database.state.lock().unwrap().rings = true;
        database
    }

    pub fn put(&self, policy: KeyPolicy) {
        let mut state = self.state.lock().unwrap();
        let hash = policy.hash;
        state.touch_spend(hash);
        state.keys.insert(hash, policy);
        state.log_change(hash);
        self.bell.notify_one();
    }

    pub fn put_account(&self, policy: AccountPolicy) {
        let mut state = self.state.lock().unwrap();
        state.log(Changed::Account(policy.id.clone()));
        state.accounts.insert(policy.id.clone(), policy);
        self.bell.notify_one();
    }

    pub fn delete_account(&self, id: &AccountId) {
        let mut state = self.state.lock().unwrap();
        state.accounts.remove(id);
        state.log(Changed::Account(id.clone()));
        self.bell.notify_one();
    }

    /// As the ledger does; `late` is what of it began before the account's window. Returns the ledger's time.
    pub fn charge_account(&self, id: &AccountId, cost: Money, late: Money) -> Timestamp {
        let mut state = self.state.lock().unwrap();
        state.now += 1;
        let at = Timestamp(state.now);
        state.account_spend_at.insert(id.clone(), at);
        let account = state.accounts.get_mut(id).unwrap();
        account.spend += cost;
        account.windows.iter_mut().for_each(|window| window.base += late);
        at
    }

    pub fn delete(&self, hash: KeyHash) {
        let mut state = self.state.lock().unwrap();
        state.keys.remove(&hash);
        state.log_change(hash);
        self.bell.notify_one();
    }

    /// As the ledger's transaction does: no policy change. Returns the new total.
    pub fn charge(&self, hash: KeyHash, cost: Money) -> Money {
        let mut state = self.state.lock().unwrap();
        state.touch_spend(hash);
        let key = state.keys.get_mut(&hash).unwrap();
        key.spend += cost;
        key.spend
    }

    pub fn set_away(&self, away: bool) {
        self.state.lock().unwrap().away = away;
    }

    /// Forgets all but the newest `kept` changes, as a clean-up would.
    pub fn prune(&self, kept: usize) {
        let mut state = self.state.lock().unwrap();
        let gone = state.log.len().saturating_sub(kept);
        let newest = state.log.drain(..gone).next_back();
        if let Some((seq, _)) = newest {
            state.pruned = seq;
        }
    }

    /// Makes a key's row one that cannot be read, or heals it.
    pub fn set_unreadable(&self, hash: KeyHash, unreadable: bool) {
        let mut state = self.state.lock().unwrap();
        if unreadable {
            state.unreadable.insert(hash)
        } else {
            state.unreadable.remove(&hash)
        };
        state.log_change(hash);
        self.bell.notify_one();
    }

    /// Goes back to an older number, as a restored backup would.
    pub fn set_seq(&self, seq: i64) {
        self.state.lock().unwrap().seq = seq;
    }

    pub fn reads(&self) -> Reads {
        *self.reads.borrow()
    }

    /// Waits until reads that begin from now on have ended.
    pub async fn until(&self, is_so: impl Fn(Reads, Reads) -> bool) {
        let before = self.reads();
        self.reads.subscribe().wait_for(|now| is_so(before, *now)).await.unwrap();
        // The reader gets its turn before whoever waited.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }

    /// Waits for a read to end; whoever read goes on after the caller.
    pub async fn at(&self, is_so: impl Fn(Reads) -> bool) {
        self.reads.subscribe().wait_for(|now| is_so(*now)).await.unwrap();
    }

    /// Two looks at the tail: the second began after now.
    pub async fn until_followed(&self) {
        self.until(|before, now| now.tails >= before.tails + 2).await;
    }

    async fn read<T>(
        &self,
        count: impl FnOnce(&mut Reads),
        read: impl FnOnce(&State) -> T,
    ) -> Result<T, SourceError> {
        tokio::task::yield_now().await;
        let result = {
            let state = self.state.lock().unwrap();
            if state.away { Err(SourceError("connection refused".into())) } else { Ok(read(&state)) }
        };
        let failed = result.is_err();
        self.reads.send_modify(|reads| if failed { reads.failures += 1 } else { count(reads) });
        result
    }
}

impl State {
    fn log_change(&mut self, hash: KeyHash) {
        self.log(Changed::Key(hash));
    }

    fn log(&mut self, changed: Changed) {
        self.seq += 1;
        self.log.push((self.seq, changed));
    }

    fn touch_spend(&mut self, hash: KeyHash) {
        self.now += 1;
        self.spend_at.insert(hash, Timestamp(self.now));
    }

    fn changes_since(&self, seq: i64, limit: usize) -> Changes {
        let part = self.log.iter().filter(|(at, _)| *at > seq).take(limit).collect::<Vec<_>>();
        let next = part.last().map_or(seq, |(at, _)| *at);
        let mut changes = Changes { head: self.seq, pruned: self.pruned, next, ..Changes::default() };
        for changed in part.iter().map(|(_, changed)| changed).collect::<BTreeSet<_>>() {
            match changed {
                Changed::Key(hash) => changes.keys.push((*hash, self.stored(*hash))),
                Changed::Account(id) => {
                    let stored = self.accounts.get(id).cloned().map_or(Stored::Gone, Stored::Policy);
                    changes.accounts.push((id.clone(), stored));
                }
            }
        }
        changes
    }

    fn stored(&self, hash: KeyHash) -> Stored {
        if self.unreadable.contains(&hash) {
            return Stored::Unreadable("expected value at line 1 column 1".into());
        }
        self.keys.get(&hash).cloned().map_or(Stored::Gone, Stored::Policy)
    }

    fn page(&self, start: &PageStart, limit: usize) -> Page {
        let after = (!start.0.is_empty()).then(|| start.0.parse::<KeyHash>().unwrap());
        let hashes = self.keys.keys().copied().filter(|hash| after.is_none_or(|after| *hash > after));
        let hashes = hashes.take(limit).collect::<Vec<_>>();
        let last = hashes.last().filter(|_| hashes.len() == limit);
        let next = last.map(|last| PageStart(last.to_hex()));
        Page { keys: hashes.into_iter().map(|hash| (hash, self.stored(hash))).collect(), next }
    }
}

impl Source for Database {
    type WakeUps = Bell;

    async fn head(&self) -> Result<i64, SourceError> {
        self.read(|reads| reads.snapshots += 1, |state| state.seq).await
    }

    async fn page(&self, start: &PageStart, limit: u32) -> Result<Page, SourceError> {
        self.read(|reads| reads.pages += 1, |state| state.page(start, limit as usize)).await
    }

    async fn changes_since(&self, seq: i64, limit: u32) -> Result<Changes, SourceError> {
        self.read(|reads| reads.tails += 1, |state| state.changes_since(seq, limit as usize)).await
    }

    async fn account_page(&self, _: &AccountStart, _: u32) -> Result<AccountPage, SourceError> {
        let read = |state: &State| {
            let accounts = state.accounts.iter();
            let stored = accounts.map(|(id, policy)| (id.clone(), Stored::Policy(policy.clone()))).collect();
            AccountPage { accounts: stored, next: None }
        };
        self.read(|_| {}, read).await
    }

    async fn account_spend_since(&self, since: Timestamp) -> Result<Vec<AccountSpend>, SourceError> {
        let read = |state: &State| {
            let changed = state.account_spend_at.iter().filter(|(_, at)| **at > since);
            let spent = changed.flat_map(|(id, at)| {
                let policy = &state.accounts[id];
                let (first, rest) = (policy.windows.first(), policy.windows.iter().skip(1));
                let windows = std::iter::once(first).chain(rest.map(Some));
                windows.map(|window| Spent {
                    id: id.clone(),
                    spend: policy.spend,
                    changed_at: *at,
                    window: window.cloned(),
                })
            });
            spent.collect()
        };
        self.read(|_| {}, read).await
    }

    async fn spend_since(&self, since: Timestamp) -> Result<Vec<KeySpend>, SourceError> {
        let read = |state: &State| {
            let changed = state.spend_at.iter().filter(|(_, at)| **at > since);
            let rows = changed.filter_map(|(hash, at)| {
                let key = state.keys.get(hash).filter(|key| key.max_budget.is_some())?;
                Some(Spent { id: *hash, spend: key.spend, changed_at: *at, window: None })
            });
            rows.collect()
        };
        self.read(|reads| reads.spends += 1, read).await
    }

    async fn wake_ups(&self) -> Result<Option<Bell>, SourceError> {
        let bell = Bell(Arc::clone(&self.bell));
        self.read(|_| {}, |state| state.rings.then_some(bell)).await
    }
}

pub struct Bell(Arc<Notify>);

impl WakeUps for Bell {
    async fn next(&mut self) -> Result<(), SourceError> {
        self.0.notified().await;
        Ok(())
    }
}
