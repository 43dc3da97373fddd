//! Writes the disk copy as the replica changes.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::KeyPolicy;
use kit::{Clock, Timestamp};
use tokio::time::sleep;

use crate::disk::{AccountRecord, Head};
use crate::replica::Inner;
use crate::{KeyEntry, LoadedFrom};

/// Writing may take up one part in so many of the time: a large replica is saved less often.
const SAVING_SHARE: u32 = 20;

/// Saves soon after a policy changed, and now and then when only spend did.
pub(crate) async fn save_as_it_changes(inner: &Arc<Inner>, clock: &dyn Clock) {
    let mut saved_at: Option<Duration> = None;
    loop {
        sleep(inner.settings.save_policy_after).await;
        let now = clock.monotonic();
        let spend_is_due =
            saved_at.is_none_or(|at| now.saturating_sub(at) >= inner.settings.save_spend_after);
        if inner.policy_unsaved.load(Ordering::Relaxed)
            || (spend_is_due && inner.spend_unsaved.load(Ordering::Relaxed))
        {
            save_if_changed(inner).await;
            let done = clock.monotonic();
            saved_at = Some(done);
            sleep(done.saturating_sub(now) * SAVING_SHARE).await;
        }
    }
}

/// Saves now if anything changed since the last time.
pub(crate) async fn save_if_changed(inner: &Arc<Inner>) {
    let inner = Arc::clone(inner);
    let saved = tokio::task::spawn_blocking(move || save(&inner)).await;
    if saved.is_err() {
        tracing::error!("the task that saves the policy copy panicked");
    }
}

fn save(inner: &Inner) {
    let Some(copy) = &inner.copy else { return };
    let _one_at_a_time = inner.saving.lock().unwrap_or_else(PoisonError::into_inner);
    // Before reading: what changes meanwhile is saved the next time.
    let spend_changed = inner.spend_unsaved.swap(false, Ordering::Relaxed);
    let policy_changed = inner.policy_unsaved.swap(false, Ordering::Relaxed);
    let status = inner.status().clone();
    // Part of a first snapshot is worse than the copy of an earlier run.
    if !(spend_changed || policy_changed) || status.loaded_from == LoadedFrom::Nothing {
        return;
    }
    let synced_at = status.last_sync_at.unwrap_or(Timestamp(0));
    // Nothing is applied meanwhile, so that number, digest and entries are of one moment.
    let nothing_applied = inner.shipments();
    let (seq, digest) = (inner.seq.load(Ordering::Relaxed), inner.keys.digest());
    let accounts_digest = inner.accounts.digest();
    let mut entries = inner.keys.shards().flatten().collect::<Vec<_>>();
    let accounts = inner.accounts.shards().flatten().collect::<Vec<_>>();
    drop(nothing_applied);
    // A key that cannot be read is left out: from a copy it is unknown, which refuses it as well.
    entries.retain(|entry| !entry.is_unreadable);
    let (accounts_count, keys) = (accounts.len() as u64, entries.len() as u64);
    let head = Head { seq, synced_at, accounts: accounts_count, keys, digest, accounts_digest };
    let records = accounts.iter().map(|entry| AccountRecord::from(&**entry));
    let result = copy.save(head, records, entries.iter().map(|entry| with_spend(entry)));
    if let Err(error) = &result {
        inner.policy_unsaved.store(true, Ordering::Relaxed);
        tracing::error!(file = %copy.path().display(), %error, "the policy copy cannot be written");
    }
    inner.status().last_save_error = result.err().map(|error| error.to_string());
}

/// The policy with all that has been spent, what is on the way to the database included: after a
/// restart without a database it still counts.
fn with_spend(entry: &KeyEntry) -> KeyPolicy {
    let figures = entry.spend();
    let mut policy = KeyPolicy { spend: figures.known + figures.unshipped, ..entry.policy.clone() };
    if let Some(terms) = &mut policy.terms {
        terms.windows = entry.spend.windows().into();
    }
    policy
}
