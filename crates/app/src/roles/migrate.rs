//! `bulkhead migrate`: the schema.

use crate::assembly::Assembly;
use crate::cli::Common;
use crate::error::Failure;

pub async fn up(common: Common) -> Result<(), Failure> {
    telemetry::logs::init_from_env();
    let store = Assembly::load(&common)?.connect_directly().await?;
    let pending = store.migration_status().await?.pending();
    store.migrate_up().await?;
    match pending {
        0 => println!("the schema was up to date"),
        ran => println!("ran {ran} migrations; the schema is up to date"),
    }
    Ok(())
}

pub async fn status(common: Common) -> Result<(), Failure> {
    telemetry::logs::init_from_env();
    let status = Assembly::load(&common)?.connect_directly().await?.migration_status().await?;
    for migration in status.migrations {
        let state = if migration.applied { "applied" } else { "pending" };
        println!("{state:<8} {:>14} {}", migration.version, migration.description);
    }
    Ok(())
}
