//! The background task that keeps the replica like the database.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kit::{Clock, Timestamp};
use tokio::time::sleep;

use crate::apply::{apply, apply_accounts, hear};
use crate::catch_up::{Round, RoundResult};
use crate::pace::{Turns, every, limited};
use crate::replica::Inner;
use crate::source::{AccountStart, Changes, PageStart, Stored, WakeUps};
use crate::{AccountName, LoadedFrom, Replica, Source, SourceError, saver};

/// Changes read at once.
const CHANGES_MAX: u32 = 1_000;
/// Keys read at once.
const PAGE_KEYS_MAX: u32 = 2_000;
/// First pause after a failure; it doubles up to `Settings::back_off_max`.
const BACK_OFF_MIN: Duration = Duration::from_millis(100);
/// Pause before a lost subscription to wake-ups is made anew; polls go on meanwhile.
const SUBSCRIBE_EVERY: Duration = Duration::from_secs(2);
/// A total that was read while the ledger shipped is read again, this often at most.
const SPEND_READS_MAX: u32 = 3;

impl Replica {
    /// Reads everything, then follows the changes, until `shutdown` resolves. Saves the disk copy as it
    /// goes and at the end. With the database away it goes on trying, and what is known stays.
    pub async fn run<S: Source>(
        &self,
        source: S,
        clock: Arc<dyn Clock>,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let inner = &self.inner;
        let follower = Follower {
            inner: Arc::clone(inner),
            source: &source,
            clock: &*clock,
            needs_snapshot: true,
            snapshots: 0,
            spend_seen: Timestamp(0),
            accounts_seen: Timestamp(0),
        };
        tokio::select! {
            () = follower.follow() => {}
            () = listen(inner, &source) => {}
            () = saver::save_as_it_changes(inner, &*clock) => {}
            () = shutdown => {}
        }
        saver::save_if_changed(inner).await;
    }
}

struct Follower<'s, S> {
    inner: Arc<Inner>,
    source: &'s S,
    clock: &'s dyn Clock,
    needs_snapshot: bool,
    /// Snapshots that were begun. A key without the number of the last one is gone.
    snapshots: u32,
    /// Time of the newest spend that was read; the database's own, strictly increasing.
    spend_seen: Timestamp,
    /// The same of accounts.
    accounts_seen: Timestamp,
}

impl<S: Source> Follower<'_, S> {
    async fn follow(mut self) {
        let settings = self.inner.settings;
        let (mut spacing, mut poll) = (every(settings.read_spacing), every(settings.poll));
        let mut refresh = every(settings.spend_refresh);
        let mut strangers = Turns::new(settings.catch_up_spacing, settings.catch_up_burst);
        let mut back_off = BACK_OFF_MIN;
        loop {
            let result = tokio::select! {
                _ = refresh.tick(), if !self.needs_snapshot => self.refresh_spend().await,
                () = self.inner.wake.notified() => {
                    spacing.tick().await;
                    poll.reset();
                    self.round().await
                }
                () = strangers.taken(&self.inner.strangers) => {
                    spacing.reset();
                    poll.reset();
                    self.round().await
                }
                _ = poll.tick() => {
                    spacing.reset();
                    self.round().await
                }
            };
            match result {
                Ok(()) => back_off = BACK_OFF_MIN,
                Err(_) => {
                    sleep(back_off.min(settings.back_off_max)).await;
                    back_off = (back_off * 2).min(settings.back_off_max);
                }
            }
        }
    }

    /// One look at the database. Whoever asked before it began has the answer when it ends.
    async fn round(&mut self) -> Result<(), SourceError> {
        let number = self.inner.rounds_begun.fetch_add(1, Ordering::SeqCst) + 1;
        let looked = self.look().await;
        let result = if looked.is_ok() { RoundResult::Fresh } else { RoundResult::Away };
        self.note(&looked);
        self.inner.round.send_replace(Round { number, result });
        looked
    }

    async fn look(&mut self) -> Result<(), SourceError> {
        // A gap needs a snapshot, and after a snapshot there is a tail; a second gap waits for the next look.
        for _ in 0..2 {
            if self.needs_snapshot {
                self.take_snapshot().await?;
            }
            self.follow_tail().await?;
            if !self.needs_snapshot {
                return Ok(());
            }
        }
        Err(SourceError("the tail of policy changes has a gap after a snapshot".into()))
    }

    /// Reads every key, page by page, into what is there already; then the changes since it began. What
    /// is known stays in force meanwhile.
    async fn take_snapshot(&mut self) -> Result<(), SourceError> {
        let inner = &self.inner;
        let limit = inner.settings.read_timeout;
        let began = self.clock.monotonic();
        let seq = limited(limit, self.source.head()).await?;
        self.snapshots = self.snapshots.wrapping_add(1);
        // Before the keys, so that no key is ever without those that it answers to.
        let mut start = Some(AccountStart::default());
        while let Some(from) = start {
            let before = *inner.shipments();
            let page = limited(limit, self.source.account_page(&from, PAGE_KEYS_MAX)).await?;
            start = page.next;
            apply_accounts(inner, page.accounts, before, Some(self.snapshots));
        }
        let (mut start, mut accounts_seq) = (Some(PageStart::default()), seq);
        while let Some(from) = start {
            let before = *inner.shipments();
            let page = limited(limit, self.source.page(&from, PAGE_KEYS_MAX)).await?;
            start = page.next;
            if page.keys.iter().any(|(_, key)| has_owner(key)) {
                accounts_seq = self.follow_accounts(accounts_seq).await?;
            }
            apply(inner, page.keys, before, Some(self.snapshots));
        }
        let nothing_saved = inner.shipments();
        inner.keys.retain_marked(self.snapshots);
        inner.accounts.retain_marked(self.snapshots);
        inner.tell_addresses();
        drop(nothing_saved);
        inner.seq.store(seq, Ordering::Relaxed);
        inner.status().loaded_from = LoadedFrom::Database;
        (self.spend_seen, self.accounts_seen) = (Timestamp(0), Timestamp(0));
        self.needs_snapshot = false;
        inner.tell_of_models();
        let (keys, accounts) = (inner.keys.len(), inner.accounts.len());
        let took = self.clock.monotonic().saturating_sub(began);
        tracing::info!(keys, accounts, took_ms = took.as_millis(), "all policy was read from the database");
        Ok(())
    }

    /// Reads what changed of accounts since the snapshot began: a key may be newer than the page that those it answers to
    /// would be on. Returns how far it came.
    async fn follow_accounts(&self, mut seq: i64) -> Result<i64, SourceError> {
        let inner = &self.inner;
        loop {
            let before = *inner.shipments();
            let read = self.source.changes_since(seq, CHANGES_MAX);
            let changes = limited(inner.settings.read_timeout, read).await?;
            // A gap is for the tail to find.
            if changes.next <= seq {
                return Ok(seq);
            }
            apply_accounts(inner, changes.accounts, before, Some(self.snapshots));
            seq = changes.next;
            if seq >= changes.head {
                return Ok(seq);
            }
        }
    }

    async fn follow_tail(&mut self) -> Result<(), SourceError> {
        let inner = &self.inner;
        loop {
            let seq = inner.seq.load(Ordering::Relaxed);
            let before = *inner.shipments();
            let read = self.source.changes_since(seq, CHANGES_MAX);
            let changes = limited(inner.settings.read_timeout, read).await?;
            if has_gap(&changes, seq) {
                tracing::warn!(
                    seq,
                    changes.head,
                    changes.pruned,
                    "the tail of policy changes has a gap; reading everything again"
                );
                self.needs_snapshot = true;
                return Ok(());
            }
            if changes.next > seq {
                apply_accounts(inner, changes.accounts, before, None);
                apply(inner, changes.keys, before, None);
                if changes.models {
                    inner.tell_of_models();
                }
                inner.seq.store(changes.next, Ordering::Relaxed);
            }
            if changes.next >= changes.head {
                return Ok(());
            }
        }
    }

    async fn refresh_spend(&mut self) -> Result<(), SourceError> {
        let inner = &self.inner;
        for _ in 0..SPEND_READS_MAX {
            let before = *inner.shipments();
            let again = inner.accounts_again.swap(i64::MAX, Ordering::Relaxed);
            self.accounts_seen = self.accounts_seen.min(Timestamp(again));
            let limit = inner.settings.read_timeout;
            let spends = limited(limit, self.source.spend_since(self.spend_seen)).await?;
            let accounts = limited(limit, self.source.account_spend_since(self.accounts_seen)).await?;
            let shipments = inner.shipments();
            let is_newest = *shipments == before;
            let seen = hear(inner, &inner.keys, &spends, is_newest, |id| id);
            let accounts_seen =
                hear(inner, &inner.accounts, &accounts, is_newest, |id| AccountName::from(id));
            if is_newest {
                self.spend_seen = self.spend_seen.max(seen);
                self.accounts_seen = self.accounts_seen.max(accounts_seen);
                return Ok(());
            }
        }
        Ok(())
    }

    fn note(&self, looked: &Result<(), SourceError>) {
        let mut status = self.inner.status();
        match looked {
            Ok(()) => {
                status.last_sync_at = Some(self.clock.now());
                if let Some(error) = status.last_error.take() {
                    tracing::info!(last_error = error, "policy is being followed again");
                }
            }
            // Said once for each outage; the status tells the rest.
            Err(error) if status.last_error.replace(error.to_string()).is_none() => {
                tracing::warn!(%error, "policy cannot be read; what is known stays in force");
            }
            Err(_) => {}
        }
    }
}

/// Whether a key answers to anyone.
const fn has_owner(key: &Stored) -> bool {
    match key {
        Stored::Policy(key) => {
            key.team_id.is_some()
                || key.user_id.is_some()
                || key.organization_id.is_some()
                || key.project_id.is_some()
        }
        Stored::Unreadable(_) | Stored::Gone => false,
    }
}

/// Another or a restored database, or changes that are gone: only a snapshot helps.
fn has_gap(changes: &Changes, seq: i64) -> bool {
    seq < changes.pruned || changes.head < seq || (changes.next <= seq && changes.head > seq)
}

/// Turns the database's wake-ups into looks, where it sends any.
async fn listen<S: Source>(inner: &Inner, source: &S) {
    loop {
        match source.wake_ups().await {
            Ok(None) => std::future::pending().await,
            Ok(Some(mut wake_ups)) => {
                // What was sent before the subscription stood is not heard.
                inner.wake.notify_one();
                while wake_ups.next().await.is_ok() {
                    inner.wake.notify_one();
                }
            }
            Err(_) => {}
        }
        sleep(SUBSCRIBE_EVERY).await;
    }
}
