//! The background task that keeps the replica like the database.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::KeyPolicy;
use kit::{Clock, KeyHash, Timestamp};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};

use crate::catch_up::{Round, RoundResult};
use crate::replica::Inner;
use crate::source::WakeUps;
use crate::{LoadedFrom, Replica, Source, SourceError, saver};

/// Changes read at once.
const CHANGES_MAX: u32 = 1_000;
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
            spend_seen: Timestamp(0),
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
    /// Time of the newest spend that was read; the database's own, strictly increasing.
    spend_seen: Timestamp,
}

impl<S: Source> Follower<'_, S> {
    async fn follow(mut self) {
        let settings = self.inner.settings;
        let (mut spacing, mut poll) = (every(settings.read_spacing), every(settings.poll));
        let mut refresh = every(settings.spend_refresh);
        let mut back_off = BACK_OFF_MIN;
        loop {
            let result = tokio::select! {
                _ = refresh.tick(), if !self.needs_snapshot => self.refresh_spend().await,
                () = self.inner.wake.notified() => {
                    spacing.tick().await;
                    self.round().await
                }
                _ = poll.tick() => self.round().await,
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
        let looked = if self.needs_snapshot { self.take_snapshot().await } else { self.follow_tail().await };
        let result = if looked.is_ok() { RoundResult::Fresh } else { RoundResult::Away };
        self.note(&looked);
        self.inner.round.send_replace(Round { number, result });
        looked
    }

    async fn take_snapshot(&mut self) -> Result<(), SourceError> {
        let inner = &self.inner;
        let before = *inner.shipments();
        let (seq, policies) = limited(inner.settings.snapshot_timeout, self.source.snapshot()).await?;
        let shipments = inner.shipments();
        let is_newest = *shipments == before;
        inner.map.replace(policies, |entry, spend| {
            entry.hear(spend, is_newest);
        });
        drop(shipments);
        inner.seq.store(seq, Ordering::Relaxed);
        inner.policy_unsaved.store(true, Ordering::Relaxed);
        inner.status().loaded_from = LoadedFrom::Database;
        self.spend_seen = Timestamp(0);
        self.needs_snapshot = false;
        Ok(())
    }

    async fn follow_tail(&mut self) -> Result<(), SourceError> {
        let inner = &self.inner;
        loop {
            let seq = inner.seq.load(Ordering::Relaxed);
            let before = *inner.shipments();
            let read = self.source.changes_since(seq, CHANGES_MAX);
            let changes = limited(inner.settings.read_timeout, read).await?;
            // Another or a restored database, or changes that are gone: only a snapshot helps.
            if changes.head < seq || (changes.next <= seq && changes.head > seq) {
                tracing::warn!(
                    seq,
                    changes.head,
                    "the tail of policy changes has a gap; reading everything again"
                );
                self.needs_snapshot = true;
                return self.take_snapshot().await;
            }
            if changes.next > seq {
                apply(inner, changes.keys, before);
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
            let read = self.source.spend_since(self.spend_seen);
            let spends = limited(inner.settings.read_timeout, read).await?;
            let shipments = inner.shipments();
            let is_newest = *shipments == before;
            for (hash, spend, at) in spends {
                if let Some(entry) = inner.map.get(&hash)
                    && entry.hear(spend, is_newest)
                {
                    inner.spend_unsaved.store(true, Ordering::Relaxed);
                }
                if is_newest {
                    self.spend_seen = self.spend_seen.max(at);
                }
            }
            if is_newest {
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

fn apply(inner: &Inner, keys: Vec<(KeyHash, Option<KeyPolicy>)>, before: u64) {
    let shipments = inner.shipments();
    let is_newest = *shipments == before;
    for (hash, policy) in keys {
        match policy {
            Some(policy) => {
                let spend = policy.spend;
                inner.map.put(policy).hear(spend, is_newest);
            }
            None => inner.map.remove(&hash),
        }
    }
    inner.policy_unsaved.store(true, Ordering::Relaxed);
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

async fn limited<T>(
    limit: Duration,
    read: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    match timeout(limit, read).await {
        Ok(result) => result,
        Err(_) => Err(SourceError(format!("no answer within {} ms", limit.as_millis()))),
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
