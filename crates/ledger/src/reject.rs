//! Events that the database will never take.

use std::path::Path;

use domain::UsageEvent;

use crate::carry::WholeFile;
use crate::ledger::Inner;
use crate::record::Kind;
use crate::{JournalError, ShipError, retire};

/// Keeps `event` in a `.corrupt` file beside the journals.
///
/// # Errors
/// When it cannot be written; it must not be dropped then.
pub(crate) fn set_aside(ledger: &Inner, event: &UsageEvent, why: &str) -> Result<(), ShipError> {
    let name = format!("rejected-{}", event.outcome.id);
    let target = retire::aside(&ledger.root, ledger.folder(), Path::new(&name));
    tracing::error!(file = %target.display(), why, "the database refuses an event; it is kept in a file");
    write(&target, event).map_err(|error| ShipError::Away(error.to_string()))?;
    ledger.counters.note(|stats| stats.rejected += 1);
    Ok(())
}

fn write(target: &Path, event: &UsageEvent) -> Result<(), JournalError> {
    let mut whole = WholeFile::create(target)?;
    whole.append(Kind::Event, event)?;
    Ok(whole.finish()?)
}
