//! Removes policy changes that every gateway has seen, or had better not read one by one; and answers that no client
//! asks for again.

use std::sync::Arc;
use std::time::Duration;

use kit::Clock;
use store::Store;

use crate::http::once;

/// Changes older than this go. A gateway that was away for longer reads everything instead.
const CHANGES_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Beyond so many, the oldest go.
const CHANGES_KEPT_MAX: u32 = 100_000;
/// Answers of creations that one look forgets at most.
const ANSWERS_AT_ONCE_MAX: u32 = 10_000;
/// How often to look.
const EVERY: Duration = Duration::from_secs(300);
/// Between two parts, so that other writers get their turn.
const PAUSE: Duration = Duration::from_millis(200);

/// Prunes now, and again and again. Any number of processes may do so at once.
pub async fn run(store: Store, clock: Arc<dyn Clock>) {
    loop {
        let before = clock.now().minus(CHANGES_AGE_MAX);
        let more = store.policy().prune(before, CHANGES_KEPT_MAX).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "old policy changes were not removed");
            false
        });
        let answers = clock.now().minus(once::LIFE);
        if let Err(error) = store.receipts().prune(answers, ANSWERS_AT_ONCE_MAX).await {
            tracing::warn!(%error, "answers to creations with a name were not forgotten");
        }
        tokio::time::sleep(if more { PAUSE } else { EVERY }).await;
    }
}
