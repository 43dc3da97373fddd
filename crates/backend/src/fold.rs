//! Folds usage of quarter-hours that are over into days and months, and takes away old ones.

use std::sync::Arc;
use std::time::Duration;

use kit::Clock;
use store::{Store, StoreError};

use crate::state::Shared;

/// How often to look. Until then questions read the quarter-hours.
const EVERY: Duration = Duration::from_secs(60);
/// How often old quarter-hours go: what one round says is not kept, the next takes away.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// Between two parts, so that shippers get their turn.
const PAUSE: Duration = Duration::from_millis(50);

/// Folds now, and again and again. Any number of processes may do so at once.
pub async fn run(store: Store, clock: Arc<dyn Clock>) {
    let mut is_failing = false;
    loop {
        let result = store.usage().fold(clock.now()).await;
        if let Err(error) = &result
            && !is_failing
        {
            tracing::warn!(%error, "usage was not folded into days and months; that is tried again");
        }
        is_failing = result.is_err();
        tokio::time::sleep(if result.unwrap_or(false) { PAUSE } else { EVERY }).await;
    }
}

/// Takes away quarter-hours that are older than the configured retention, forever. Several backends may do so at once.
pub async fn keep_bounded(state: Shared) {
    let mut rounds = tokio::time::interval(FORGET_EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let Some(retention) = state.quarter_hours_retention else { continue };
        if let Err(error) = forget(&state, retention).await {
            tracing::warn!(%error, "old quarter-hours of usage were not taken away");
        }
    }
}

async fn forget(state: &Shared, retention: Duration) -> Result<(), StoreError> {
    while state.store.usage().forget_quarters(state.clock.now().minus(retention)).await? {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
