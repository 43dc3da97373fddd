//! Folds usage of quarter-hours that are over into days and months.

use std::sync::Arc;
use std::time::Duration;

use kit::Clock;
use store::Store;

/// How often to look. Until then questions read the quarter-hours.
const EVERY: Duration = Duration::from_secs(60);
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
