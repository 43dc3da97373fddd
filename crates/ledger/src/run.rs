//! The background task: collect, ship, delete, and wait for more.

use std::future::Future;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::{Status, UsageEvent};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::isolate::{self, Part};
use crate::ledger::Inner;
use crate::shipper::{Batch, Shipper};
use crate::sync::sync_until;
use crate::{Ledger, RunError, ShipError, Shipped, Sink};

/// Wakes the shipper when no append did: a wake-up is never missed, but this costs nothing.
const IDLE_POLL: Duration = Duration::from_secs(1);
/// How often folders of processes that died meanwhile are looked for.
const CLAIM_EVERY: Duration = Duration::from_secs(5);
/// First pause after a failure; it doubles up to `Settings::back_off_max`.
const BACK_OFF_MIN: Duration = Duration::from_millis(100);

/// A batch that the database has just taken.
#[derive(Clone, Copy, Debug)]
pub struct ShippedBatch<'a> {
    pub events: &'a [UsageEvent],
    /// Whether this process made the calls. Those of dead processes hold no reservations here.
    pub own: bool,
    pub shipped: &'a Shipped,
}

impl Ledger {
    /// Ships until `shutdown` resolves, then ships what is left within `Settings::shutdown_deadline`.
    /// Drop the writers before that: then calls that never ended are closed as interrupted and this
    /// process's folder is removed. What could not be shipped stays for the next start.
    ///
    /// `on_shipped` is called once for each batch, right after the database took it.
    ///
    /// # Errors
    /// When it runs already.
    pub async fn run<S: Sink>(
        &self,
        sink: S,
        on_shipped: impl Fn(ShippedBatch<'_>) + Send + Sync + 'static,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), RunError> {
        if self.inner.running.swap(true, Ordering::SeqCst) {
            return Err(RunError::AlreadyRunning);
        }
        let (stop, shipped_all) = (CancellationToken::new(), CancellationToken::new());
        let shipping = async {
            let result = tokio::select! {
                result = ship_until(&self.inner, &sink, &on_shipped, &stop) => result,
                () = deadline(&stop, self.inner.settings.shutdown_deadline) => Ok(()),
            };
            shipped_all.cancel();
            result
        };
        let stopping = async {
            tokio::select! {
                () = shutdown => stop.cancel(),
                () = shipped_all.cancelled() => {}
            }
        };
        let (result, synced, ()) =
            tokio::join!(shipping, sync_until(Arc::clone(&self.inner), shipped_all.clone()), stopping);
        result.and(synced)
    }
}

async fn deadline(stop: &CancellationToken, after: Duration) {
    stop.cancelled().await;
    sleep(after).await;
    tracing::warn!("the ledger's shutdown deadline has passed; the rest stays on disk for the next start");
}

async fn ship_until<S: Sink>(
    ledger: &Arc<Inner>,
    sink: &S,
    on_shipped: &(impl Fn(ShippedBatch<'_>) + Send + Sync),
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let mut work = Work::new(ledger);
    let mut back_off = BackOff::new(ledger.settings.back_off_max);
    loop {
        let closing = stop.is_cancelled();
        let started_us = ledger.monotonic_us();
        work = work.step(move |work| work.collect(closing)).await?;
        match isolate::ship(ledger, sink, &work.batch.events).await {
            Ok(parts) => {
                parts.iter().for_each(|part| on_shipped(part.of(&work.batch)));
                ledger.note_shipped(&work.batch, &parts);
            }
            Err(error) => {
                ledger.note_failure(&error);
                back_off.wait(stop).await;
                continue;
            }
        }
        // The end of what a dead process left says nothing of our own journal.
        let was_empty = work.batch.own && work.batch.is_empty();
        let more_waits = !work.batch.own || work.batch.is_full(ledger.settings.batch_events_max);
        work = work.step(Work::retire).await?;
        if work.failed {
            back_off.wait(stop).await;
            continue;
        }
        back_off.reset();
        if closing && was_empty {
            work.step(|work| work.shipper.close()).await?;
            return Ok(());
        }
        if !more_waits {
            ledger.counters.caught_up_at_us.store(started_us, Ordering::Relaxed);
            ledger.wait_for_company(was_empty, stop).await;
        }
    }
}

/// The shipper and its batch, handed to a blocking thread and back.
struct Work {
    shipper: Shipper,
    batch: Batch,
    ledger: Arc<Inner>,
    claimed_at: Option<Duration>,
    /// Whether the disk failed us since the last success.
    failed: bool,
}

impl Work {
    fn new(ledger: &Arc<Inner>) -> Self {
        let (shipper, batch) = (Shipper::new(Arc::clone(ledger)), Batch::default());
        Self { shipper, batch, ledger: Arc::clone(ledger), claimed_at: None, failed: false }
    }

    async fn step(
        mut self,
        step: impl FnOnce(&mut Self) -> io::Result<()> + Send + 'static,
    ) -> Result<Self, RunError> {
        let done = tokio::task::spawn_blocking(move || {
            if let Err(error) = step(&mut self) {
                self.failed = true;
                self.ledger.counters.note(|stats| stats.read_errors += 1);
                tracing::error!(%error, "the journal cannot be read or cleaned up; trying again");
            }
            self
        });
        done.await.map_err(|_| RunError::Panicked)
    }

    fn collect(&mut self, closing: bool) -> io::Result<()> {
        self.failed = false;
        let now = self.ledger.clock.monotonic();
        if self.claimed_at.is_none_or(|at| now.saturating_sub(at) >= CLAIM_EVERY) {
            self.claimed_at = Some(now);
            if let Err(error) = self.shipper.claim_dead() {
                tracing::warn!(%error, "cannot look for journals of dead processes");
            }
        }
        self.shipper.collect(&mut self.batch, closing)
    }

    fn retire(&mut self) -> io::Result<()> {
        let batch = mem::take(&mut self.batch);
        self.shipper.retire(&batch)
    }
}

impl Inner {
    /// Waits for an append when there was nothing to ship, then a little for others to join it.
    async fn wait_for_company(&self, was_empty: bool, stop: &CancellationToken) {
        let company = async {
            if was_empty {
                let _ = timeout(IDLE_POLL, self.wake.notified()).await;
                self.counters.caught_up_at_us.store(self.monotonic_us(), Ordering::Relaxed);
            }
            sleep(self.settings.linger).await;
        };
        let _ = stop.run_until_cancelled(company).await;
    }

    fn note_shipped(&self, batch: &Batch, parts: &[Part]) {
        if batch.events.is_empty() {
            return;
        }
        let interrupted =
            batch.events.iter().filter(|event| event.outcome.status == Status::Interrupted).count();
        let now = self.clock.now();
        self.counters.note(|stats| {
            stats.batches += 1;
            stats.shipped += parts.iter().map(|part| part.events.len() as u64).sum::<u64>();
            stats.inserted += parts.iter().map(|part| part.shipped.inserted as u64).sum::<u64>();
            stats.interrupted += interrupted as u64;
            stats.last_shipped_at = Some(now);
            if let Some(error) = stats.last_ship_error.take() {
                tracing::info!(last_error = error, "the ledger is being shipped again");
            }
        });
    }

    fn note_failure(&self, error: &ShipError) {
        self.counters.note(|stats| {
            stats.ship_errors += 1;
            // Said once for each outage; the figures tell the rest.
            if stats.last_ship_error.replace(error.to_string()).is_none() {
                tracing::warn!(%error, "the ledger cannot be shipped; it is kept on disk meanwhile");
            }
        });
    }
}

/// Pauses that double while something fails.
struct BackOff {
    next: Duration,
    max: Duration,
}

impl BackOff {
    fn new(max: Duration) -> Self {
        Self { next: BACK_OFF_MIN.min(max), max }
    }

    fn reset(&mut self) {
        *self = Self::new(self.max);
    }

    async fn wait(&mut self, stop: &CancellationToken) {
        // While closing, the stop must not cut the pause short, or the deadline would be spent spinning.
        if stop.is_cancelled() {
            sleep(self.next).await;
        } else {
            let _ = stop.run_until_cancelled(sleep(self.next)).await;
        }
        self.next = (self.next * 2).min(self.max);
    }
}
