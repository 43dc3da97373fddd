//! How often the database is looked at, and how long it is waited for.

use std::future::Future;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout};

use crate::SourceError;

/// # Errors
/// Those of `read`, or when it takes longer than `limit`.
pub(crate) async fn limited<T>(
    limit: Duration,
    read: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    match timeout(limit, read).await {
        Ok(result) => result,
        Err(_) => Err(SourceError(format!("no answer within {} ms", limit.as_millis()))),
    }
}

pub(crate) fn every(period: Duration) -> Interval {
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Looks at the database for the sake of unknown keys: some at once, so that a key works as soon as it was made, and
/// then few, so that a flood of wrong ones is none of looks.
pub(crate) struct Turns {
    spacing: Duration,
    /// How far looks may be ahead of their spacing.
    ahead_max: Duration,
    /// When the next look would come if all were spaced.
    due: Instant,
    /// Someone waits for one.
    is_asked: bool,
}

impl Turns {
    pub fn new(spacing: Duration, burst: u32) -> Self {
        Self { spacing, ahead_max: spacing * burst.saturating_sub(1), due: Instant::now(), is_asked: false }
    }

    /// Waits until someone asks and it is time. Dropped before, it goes on where it was.
    pub async fn taken(&mut self, asked: &Notify) {
        if !self.is_asked {
            asked.notified().await;
            self.is_asked = true;
        }
        sleep_until(self.due - self.ahead_max).await;
        self.is_asked = false;
        self.due = self.due.max(Instant::now()) + self.spacing;
    }
}
