use std::time::Duration;

/// How the replica is kept up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Longest time between two looks at the tail of changes. Where the database sends wake-ups they
    /// come first; this is the floor for when they are lost.
    pub poll: Duration,
    /// Shortest time between two looks, however many ask for one.
    pub read_spacing: Duration,
    /// The same for those who ask about unknown keys, once they have used up the burst.
    pub catch_up_spacing: Duration,
    /// Looks for unknown keys that need not be spaced.
    pub catch_up_burst: u32,
    /// How often the spend of keys with a budget is read.
    pub spend_refresh: Duration,
    /// How long an unknown key may wait for the answer before it is told to come back.
    pub catch_up_wait_max: Duration,
    /// Unknown keys that may wait at once. More are told to come back.
    pub catch_up_waiting_max: usize,
    /// How long one look may take.
    pub read_timeout: Duration,
    /// How long ago the last look may have ended before what is decided by counts as stale.
    pub stale_after: Duration,
    /// Longest pause between tries while the database is away.
    pub back_off_max: Duration,
    /// How soon the disk copy follows a changed policy.
    pub save_policy_after: Duration,
    /// How soon it follows when only spend changed.
    pub save_spend_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(500),
            read_spacing: Duration::from_millis(100),
            catch_up_spacing: Duration::from_millis(500),
            catch_up_burst: 4,
            spend_refresh: Duration::from_secs(1),
            catch_up_wait_max: Duration::from_secs(3),
            catch_up_waiting_max: 10_000,
            read_timeout: Duration::from_secs(10),
            stale_after: Duration::from_secs(2),
            back_off_max: Duration::from_secs(1),
            save_policy_after: Duration::from_secs(2),
            save_spend_after: Duration::from_secs(60),
        }
    }
}
