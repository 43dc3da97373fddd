//! Tells at once that policy may have changed, where the database has such a thing.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::time::timeout;

use super::Policy;
use crate::StoreError;
use crate::db::Either;
use crate::half_open::PING_TIMEOUT;
use crate::sql::statements;

/// The channel on which Postgres tells of a change, and how to tell; SQLite has no such thing.
const CHANNEL: &str = "bulkhead_policy";
pub(super) const NOTIFY: &str = "NOTIFY bulkhead_policy";
/// Longest wait for a subscription.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);
/// So long without a change, a subscription is asked whether it still stands.
const QUIET_MAX: Duration = Duration::from_secs(5);

statements! {
    PING = "SELECT 1";
}

impl Policy<'_> {
    /// A subscription to changes on Postgres; `None` on SQLite. It can miss some (a pooler between, a
    /// lost connection), so it may only shorten the wait between polls.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wakeups(&self) -> Result<Option<WakeUps>, StoreError> {
        let Either::Postgres(pool) = self.db.writer() else { return Ok(None) };
        // A pool of its own: a subscription that ends on a dead connection must keep no place in the other.
        let own = PgPoolOptions::new().max_connections(1).acquire_timeout(LISTEN_TIMEOUT);
        let own = own.connect_lazy_with(pool.connect_options().as_ref().clone());
        let subscribe = async {
            let mut listener = PgListener::connect_with(&own).await?;
            listener.listen(CHANNEL).await?;
            Ok::<_, StoreError>(listener)
        };
        let listener = timeout(LISTEN_TIMEOUT, subscribe).await.unwrap_or_else(|_| Err(silence()))?;
        Ok(Some(WakeUps { listener }))
    }
}

/// Resolves when some policy may have changed.
pub struct WakeUps {
    listener: PgListener,
}

impl WakeUps {
    /// Waits for the next change, or for the connection to be made anew after it was lost. A connection that
    /// is open and dead counts as lost.
    ///
    /// # Errors
    /// When the connection is lost and cannot be made again; then subscribe anew later.
    pub async fn next(&mut self) -> Result<(), StoreError> {
        loop {
            if let Ok(heard) = timeout(QUIET_MAX, self.listener.try_recv()).await {
                heard?;
                return Ok(());
            }
            // Nothing changed, or the connection is dead: it has to say which.
            let ping = sqlx::query(PING).execute(&mut self.listener);
            timeout(PING_TIMEOUT, ping).await.map_err(|_| silence())??;
        }
    }
}

fn silence() -> StoreError {
    StoreError::Unavailable("the connection that listens for changes does not answer".into())
}
