//! What to say of a key that is not in the replica.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kit::KeyHash;
use tokio::time::{sleep, timeout};

use crate::{KeyEntry, Replica};

/// When to come back, if nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// One look answers for all who wait, and their refusals are work: they are told one after the other, so that a flood
/// of them does not stand before those whose keys are known.
const REFUSALS_SPACING: Duration = Duration::from_micros(250);

/// The answer about a key that was not known.
#[derive(Clone, Debug)]
pub enum CatchUp {
    Known(Arc<KeyEntry>),
    /// There was no such key in the database after the question was asked.
    Unknown,
    /// It cannot be told at the moment.
    Unavailable {
        retry_after: Duration,
    },
}

/// A look at the database that ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Round {
    pub number: u64,
    pub result: RoundResult,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RoundResult {
    #[default]
    NoneYet,
    Fresh,
    Away,
}

impl Replica {
    /// Asks the database about a key that [`lookup`](Self::lookup) does not know: waits for the end of a
    /// look at the tail that begins after now, which all who ask share.
    pub async fn catch_up(&self, hash: &KeyHash) -> CatchUp {
        let unavailable = CatchUp::Unavailable { retry_after: RETRY_AFTER };
        let inner = &self.inner;
        let Ok(_place) = inner.waiting.try_acquire() else { return unavailable };
        let others =
            inner.settings.catch_up_waiting_max.saturating_sub(inner.waiting.available_permits() + 1);
        let mut rounds = inner.round.subscribe();
        if rounds.borrow().result == RoundResult::Away {
            return self.lookup(hash).map_or(unavailable, CatchUp::Known);
        }
        let begun = inner.rounds_begun.load(Ordering::SeqCst);
        inner.strangers.notify_one();
        let ended = rounds.wait_for(|round| round.number > begun);
        let result = timeout(inner.settings.catch_up_wait_max, ended).await;
        let result = result.ok().and_then(Result::ok).map(|round| round.result);
        if let Some(entry) = self.lookup(hash) {
            return CatchUp::Known(entry);
        }
        sleep(REFUSALS_SPACING.saturating_mul(u32::try_from(others).unwrap_or(u32::MAX))).await;
        if result == Some(RoundResult::Fresh) { CatchUp::Unknown } else { unavailable }
    }
}
