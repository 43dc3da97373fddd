//! `bulkhead usage`: what was counted of calls, and what they cost.

mod days;
mod prices;
mod rebuild;
mod reprice;

use std::time::Duration;

use store::Store;

pub use rebuild::rebuild;
pub use reprice::reprice;

use crate::assembly::Assembly;
use crate::cli::Common;
use crate::error::Failure;

/// Longest run of one statement: those of a month with many keys take their time, and hold up nobody.
const STATEMENT_MAX: Duration = Duration::from_secs(300);
/// So long a part is tried again.
const PATIENCE_SECONDS: u64 = 60;

/// The database, whose schema has to be this version's.
async fn open(common: &Common) -> Result<(Assembly, Store), Failure> {
    telemetry::logs::init_from_env();
    let assembly = Assembly::load(common)?;
    let mut settings = assembly.store_settings();
    settings.statement_timeout = STATEMENT_MAX;
    let store = Store::connect(&settings).await?;
    match store.migration_status().await?.pending() {
        0 => Ok((assembly, store)),
        pending => {
            Err(Failure::Said(format!("{pending} migrations have not run; run `bulkhead migrate up`")))
        }
    }
}

/// While the database is away or somebody else holds a lock, a part is tried again.
async fn patiently<T>(attempt: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Failure> {
    super::migrate::patiently(PATIENCE_SECONDS, attempt).await
}
