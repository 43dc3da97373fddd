//! Begins the budgets' next windows as their time comes, and ends the grace of old secrets.

use std::sync::Arc;
use std::time::Duration;

use kit::Clock;
use store::audit::Actor;
use store::{Store, StoreError};

/// Who is named in the audit log.
const ACTOR: &str = "bulkhead";
/// Parts of what is over that are ended at one look.
const PARTS_MAX: u32 = 100;
/// How often to look. A gateway holds a window that is over to be so by itself.
const EVERY: Duration = Duration::from_secs(1);

/// Looks now, and again and again. Any number of processes may do so at once: each window is ended once.
pub async fn run(store: Store, clock: Arc<dyn Clock>) {
    let mut seen = None;
    let mut is_failing = false;
    loop {
        let result = turn(&store, &*clock, &mut seen).await;
        if let Err(error) = &result
            && !is_failing
        {
            tracing::warn!(%error, "the windows of budgets cannot be looked at; that is tried again");
        }
        is_failing = result.is_err();
        tokio::time::sleep(EVERY).await;
    }
}

/// `seen` is the number of the last policy change up to which no window was missing.
async fn turn(store: &Store, clock: &dyn Clock, seen: &mut Option<i64>) -> Result<(), StoreError> {
    let actor = || Actor { id: ACTOR.into(), at: clock.now(), ..Actor::default() };
    let head = store.policy().head().await?;
    let is_whole = *seen == Some(head) || store.windows().make_missing(&actor()).await? == 0;
    *seen = is_whole.then_some(head);
    for _ in 0..PARTS_MAX {
        if store.windows().end_due(&actor()).await? == 0 {
            break;
        }
    }
    for _ in 0..PARTS_MAX {
        if store.keys().drop_old_secrets(&actor()).await? == 0 {
            break;
        }
    }
    Ok(())
}
