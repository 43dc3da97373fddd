//! Old entries of the log go, a bounded part at a time.

use std::time::Duration;

use crate::state::Shared;

/// How often the log is looked through.
const PERIOD: Duration = Duration::from_secs(3600);
/// Entries that one statement takes away.
const BATCH: u32 = 1000;
/// Statements of one round; what is left then goes in the next.
const BATCHES_MAX: u32 = 100;

/// Takes away what is older than the configured retention, forever. Several backends may do it at once.
pub async fn keep_bounded(state: Shared) {
    let mut rounds = tokio::time::interval(PERIOD);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let Some(retention) = state.audit_retention else { continue };
        match round(&state, retention).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "old entries of the audit log are gone"),
            Err(error) => tracing::warn!(%error, "the audit log could not be shortened"),
        }
    }
}

/// One round; returns how many entries went.
pub async fn round(state: &Shared, retention: Duration) -> Result<u64, store::StoreError> {
    let before = state.clock.now().minus(retention);
    let mut gone = 0;
    for _ in 0..BATCHES_MAX {
        let count = state.store.audit().prune(before, BATCH).await?;
        gone += count;
        if count < u64::from(BATCH) {
            break;
        }
    }
    Ok(gone)
}
