//! Ships a batch, and finds the event to blame when the database refuses it.

use std::ops::Range;

use domain::UsageEvent;
use tokio::time::timeout;

use crate::ledger::Inner;
use crate::reject;
use crate::run::ShippedBatch;
use crate::shipper::Batch;
use crate::{ShipError, Shipped, Sink};

/// Refusals without one acceptance after which the database is to blame, not an event.
const REFUSALS_MAX: usize = 24;

/// Events that went into one transaction.
pub(crate) struct Part {
    pub events: Range<usize>,
    pub shipped: Shipped,
}

impl Part {
    pub(crate) fn of<'b>(&'b self, batch: &'b Batch) -> ShippedBatch<'b> {
        let events = batch.events.get(self.events.clone()).unwrap_or_default();
        ShippedBatch { events, own: batch.own, shipped: &self.shipped }
    }
}

/// Ships `events`, in parts if need be. An event that is refused by itself while others are taken is
/// set aside in a file: it must not hold up the rest for ever.
///
/// # Errors
/// When the database is away, or takes nothing at all. Then everything must be shipped again.
pub(crate) async fn ship<S: Sink>(
    ledger: &Inner,
    sink: &S,
    events: &[UsageEvent],
) -> Result<Vec<Part>, ShipError> {
    let mut waiting = Vec::new();
    if !events.is_empty() {
        waiting.push(0..events.len());
    }
    let (mut taken, mut blamed, mut refusals) = (Vec::new(), Vec::new(), 0);
    while let Some(part) = waiting.pop() {
        let slice = events.get(part.clone()).unwrap_or_default();
        match ship_once(ledger, sink, slice).await {
            Ok(shipped) => taken.push(Part { events: part, shipped }),
            Err(ShipError::Refused(why)) => {
                refusals += 1;
                if taken.is_empty() && refusals >= REFUSALS_MAX {
                    return Err(ShipError::Refused(why));
                }
                let middle = part.start + part.len() / 2;
                if part.len() == 1 {
                    blamed.push((part.start, why));
                } else {
                    waiting.extend([middle..part.end, part.start..middle]);
                }
            }
            Err(away) => return Err(away),
        }
    }
    if taken.is_empty()
        && let Some((_, why)) = blamed.pop()
    {
        return Err(ShipError::Refused(why));
    }
    for (at, why) in blamed {
        reject::set_aside(ledger, &events[at], &why)?;
    }
    Ok(taken)
}

async fn ship_once<S: Sink>(ledger: &Inner, sink: &S, events: &[UsageEvent]) -> Result<Shipped, ShipError> {
    let limit = ledger.settings.ship_timeout;
    match timeout(limit, sink.ship(events, ledger.clock.now())).await {
        Ok(result) => result,
        Err(_) => Err(ShipError::Away(format!("no answer within {} ms", limit.as_millis()))),
    }
}
