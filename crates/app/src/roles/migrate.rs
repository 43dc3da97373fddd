//! `bulkhead migrate`: the schema.

use std::time::Duration;

use kit::Clock;
use store::{Kind, Migration, MigrationStatus, StoreError};

use crate::assembly::Assembly;
use crate::cli::{MigrateFinish, MigrateStatus, MigrateUp};
use crate::error::Failure;
use crate::system::SystemClock;

/// Between two attempts, so that those who wait behind a lock get on.
const PAUSE: Duration = Duration::from_secs(1);

pub async fn up(options: MigrateUp) -> Result<(), Failure> {
    telemetry::logs::init_from_env();
    let assembly = Assembly::load(&options.common)?;
    let ran = patiently(options.wait_seconds, async || {
        let store = assembly.connect_directly().await?;
        let pending = store.migration_status().await?.pending();
        store.migrate_up().await?;
        Ok(pending)
    });
    match ran.await? {
        0 => println!("the schema was up to date"),
        ran => println!("ran {ran} migrations; the schema is up to date"),
    }
    Ok(())
}

pub async fn finish(options: MigrateFinish) -> Result<(), Failure> {
    telemetry::logs::init_from_env();
    let assembly = Assembly::load(&options.common)?;
    let ran = patiently(options.wait_seconds, async || {
        let store = assembly.connect_directly().await?;
        let pending = store.migration_status().await?.unfinished();
        if pending > 0 && store.kind() == Kind::Sqlite && !options.all_are_new {
            return Err(Failure::Said(
                "SQLite does not tell which versions have it open: stop older ones, and say that with --all-are-new".into(),
            ));
        }
        store.migrate_finish(options.all_are_new).await?;
        Ok(pending)
    });
    match ran.await? {
        0 => println!("nothing was left of older versions"),
        ran => println!("ran {ran} steps; what only older versions needed is gone"),
    }
    Ok(())
}

pub async fn status(options: MigrateStatus) -> Result<(), Failure> {
    telemetry::logs::init_from_env();
    let assembly = Assembly::load(&options.common)?;
    let look = async || Ok(assembly.connect_directly().await?.migration_status().await?);
    if options.check {
        return check(options.wait_seconds, look).await;
    }
    let status = look().await?;
    print("up", &status.migrations);
    print("finish", &status.finish);
    Ok(())
}

fn print(kind: &str, steps: &[Migration]) {
    for step in steps {
        let state = if step.applied { "applied" } else { "pending" };
        println!("{state:<8} {kind:<6} {:>5} {}", step.version, step.description);
    }
}

/// For an init container: ends well once the schema is there.
async fn check(
    wait_seconds: u64,
    look: impl AsyncFn() -> Result<MigrationStatus, Failure>,
) -> Result<(), Failure> {
    patiently(wait_seconds, async || match look().await?.pending() {
        0 => Ok(()),
        pending => {
            let sentence = format!("{pending} migrations have not run; run `bulkhead migrate up`");
            Err(Failure::Store(StoreError::NotYet(sentence)))
        }
    })
    .await?;
    println!("the schema is up to date");
    Ok(())
}

/// Tries until it works, while the database is away or somebody else holds a lock, up to the deadline.
pub(super) async fn patiently<T>(
    wait_seconds: u64,
    attempt: impl AsyncFn() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let clock = SystemClock::new();
    let deadline = clock.monotonic() + Duration::from_secs(wait_seconds);
    loop {
        match attempt().await {
            Err(Failure::Store(error)) if error.is_transient() && clock.monotonic() < deadline => {
                tracing::info!("trying again: {error}");
            }
            outcome => return outcome,
        }
        tokio::time::sleep(PAUSE).await;
    }
}
