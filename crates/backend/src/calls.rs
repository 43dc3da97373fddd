//! Calls go when they are older than the configuration says, and there is room for those of the days to come.

use std::time::Duration;

use store::StoreError;

use crate::state::Shared;

/// How often to look: what one round leaves, the next takes away.
const EVERY: Duration = Duration::from_secs(3600);
/// Between two parts, so that shippers get their turn.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks now, and again and again. Several backends may do so at once.
pub async fn keep_bounded(state: Shared) {
    let mut rounds = tokio::time::interval(EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        if let Err(error) = round(&state).await {
            tracing::warn!(%error, "calls that are older than is kept did not go; that is tried again");
        }
    }
}

async fn round(state: &Shared) -> Result<(), StoreError> {
    while state.store.ledger().keep(state.clock.now(), state.calls_retention).await? {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
