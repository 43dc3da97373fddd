//! Where events go: the one place that knows of the database.

use std::future::Future;

use domain::UsageEvent;
use kit::Timestamp;
use store::{Store, StoreError};

pub use store::ledger::Shipped;

/// Why a batch was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShipError {
    /// The database cannot take anything at the moment.
    #[error("the database is away: {0}")]
    Away(String),
    /// The database refused. Either no batch would do at the moment, or some event in this one never
    /// will: the shipper finds out which.
    #[error("the database refused: {0}")]
    Refused(String),
}

/// Takes events in one transaction: inserts those that are new by their id, and applies totals for
/// those alone. The same batch may come twice.
pub trait Sink: Send + Sync + 'static {
    /// # Errors
    /// See [`ShipError`]; nothing of the batch was kept then, or it was all kept unnoticed.
    fn ship(
        &self,
        events: &[UsageEvent],
        now: Timestamp,
    ) -> impl Future<Output = Result<Shipped, ShipError>> + Send;
}

impl Sink for Store {
    async fn ship(&self, events: &[UsageEvent], now: Timestamp) -> Result<Shipped, ShipError> {
        self.ledger().ship(events, now).await.map_err(ShipError::from)
    }
}

impl From<StoreError> for ShipError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        if error.is_transient() { Self::Away(text) } else { Self::Refused(text) }
    }
}
