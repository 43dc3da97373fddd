//! Finds connections that are open and dead: the other end is gone without a word, or its packets are lost,
//! and the system would tell after many minutes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{Connection, Error};
use tokio::time::{Instant, timeout};

/// Longest wait for the answer to a ping; more than a database takes that is only slow.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_millis(2_500);

/// When a connection was last found dead. What was idle then is not worth a ping of its own.
type Suspicion = Arc<Mutex<Option<Instant>>>;

/// Pings a connection before it is lent, and when it comes back. One that does not answer is closed, and so
/// are all that were idle at that time.
pub(crate) fn guarded(pool: PgPoolOptions) -> PgPoolOptions {
    let suspicion = Suspicion::default();
    pool.test_before_acquire(false)
        .before_acquire(move |connection, about| {
            let suspicion = Arc::clone(&suspicion);
            Box::pin(async move { may_be_lent(connection, about, &suspicion).await })
        })
        .after_release(|connection, _| Box::pin(async move { ping(connection).await.map(|()| true) }))
}

async fn may_be_lent(
    connection: &mut PgConnection,
    about: PoolConnectionMetadata,
    suspicion: &Mutex<Option<Instant>>,
) -> Result<bool, Error> {
    let lock = || suspicion.lock().unwrap_or_else(PoisonError::into_inner);
    if lock().is_some_and(|since| since.elapsed() < about.idle_for) {
        return Ok(false);
    }
    let result = ping(connection).await;
    if matches!(&result, Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut) {
        *lock() = Some(Instant::now());
    }
    result.map(|()| true)
}

async fn ping(connection: &mut PgConnection) -> Result<(), Error> {
    let silence = || Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer to a ping"));
    timeout(PING_TIMEOUT, connection.ping()).await.unwrap_or_else(|_| Err(silence()))
}
