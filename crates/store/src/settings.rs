use std::time::Duration;

use domain::Calendar;

/// Which database, and how much of it one process may use at once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:PATH`, `postgres://…` or `postgresql://…`.
    pub url: String,
    /// A read replica for analytics; `None` uses `url`.
    pub reader_url: Option<String>,
    /// Connections for everything but analytics.
    pub connections_max: u32,
    /// Connections for analytics, in a pool of their own so that reports cannot starve writes.
    pub analytics_connections_max: u32,
    /// Longest wait for a free connection.
    pub acquire_timeout: Duration,
    /// Longest run of one statement.
    pub statement_timeout: Duration,
    /// Longest run of one analytics statement.
    pub analytics_timeout: Duration,
    /// Where and when the days of budgets begin.
    pub calendar: Calendar,
    /// What was spent beyond a budget counts against its next window.
    pub budget_rollover: bool,
}

impl Settings {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            reader_url: None,
            connections_max: 8,
            analytics_connections_max: 4,
            acquire_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(10),
            analytics_timeout: Duration::from_secs(10),
            calendar: Calendar::default(),
            budget_rollover: false,
        }
    }
}
