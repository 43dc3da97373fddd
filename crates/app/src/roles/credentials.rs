//! `bulkhead credentials`: what is sealed in the database.

use kit::Clock;
use store::audit::Actor;
use store::reseal::Sealed;

use crate::assembly::Assembly;
use crate::cli::Common;
use crate::error::Failure;
use crate::system::{OsRng, SystemClock};

/// Who the audit log names.
const ACTOR: &str = "bulkhead credentials rotate";

/// Moves every secret to the present salt key, a hundred rows a transaction.
pub async fn rotate(common: Common) -> Result<(), Failure> {
    telemetry::logs::init_from_env();
    let mut assembly = Assembly::load(&common)?;
    assembly.ensure_master_key(&mut OsRng)?;
    let vault = assembly.vault(&assembly.master_key()?)?;
    let store = assembly.connect_directly().await?;
    let actor = Actor { id: ACTOR.into(), at: SystemClock::new().now(), ..Actor::default() };
    let (mut moved, mut current, mut unreadable) = (0, 0, Vec::new());
    for sealed in [Sealed::Credentials, Sealed::Models] {
        let mut next = Some(String::new());
        while let Some(after) = next {
            let done = store.resealing(&vault).next(sealed, &after, &actor).await?;
            moved += done.moved;
            current += done.current;
            unreadable.extend(done.unreadable.into_iter().map(|(id, why)| format!("{sealed:?} {id}: {why}")));
            next = done.next;
        }
    }
    println!("{moved} secrets were sealed anew, {current} had the present key already");
    if unreadable.is_empty() {
        return Ok(());
    }
    Err(Failure::Said(format!("these were left as they are:\n{}", unreadable.join("\n"))))
}
