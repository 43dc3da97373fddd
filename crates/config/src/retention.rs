//! How long what is written down is kept.

use std::time::Duration;

use domain::period::Period;

use crate::environment::Environment;
use crate::fields::Fields;
use crate::problems::{At, Problems};
use crate::settings::whole;

const DAY_SECS: u64 = 86_400;
/// A century.
const DAYS_MAX: u32 = 36_500;
const CALLS: &str = "maximum_spend_logs_retention_period";

/// `None` is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Default 365 days.
    pub audit_log: Option<Duration>,
    /// Of usage by quarter-hour. Default 90 days.
    pub quarter_hours: Option<Duration>,
    /// Of single calls, a day at least. Default for ever.
    pub calls: Option<Duration>,
}

impl Default for Retention {
    fn default() -> Self {
        Self { audit_log: Some(days(365)), quarter_hours: Some(days(90)), calls: None }
    }
}

impl Retention {
    pub(crate) fn read(
        general: &Fields<'_>,
        bulkhead: &Fields<'_>,
        env: &Environment<'_>,
        problems: &mut Problems,
    ) -> Self {
        let default = Self::default();
        let mut in_days = |key, variable, default| {
            let set = bulkhead.whole(key, 0, problems).or_else(|| whole(env, variable, problems));
            set.map_or(default, |count| (count > 0).then(|| days(count)))
        };
        Self {
            audit_log: in_days(
                "audit_log_retention_days",
                "BULKHEAD_AUDIT_LOG_RETENTION_DAYS",
                default.audit_log,
            ),
            quarter_hours: in_days(
                "usage_quarter_hours_retention_days",
                "BULKHEAD_USAGE_QUARTER_HOURS_RETENTION_DAYS",
                default.quarter_hours,
            ),
            calls: calls(general, problems).or(default.calls),
        }
    }
}

/// A time as budgets have; a month is 30 days.
fn calls(general: &Fields<'_>, problems: &mut Problems) -> Option<Duration> {
    let text = general.text(CALLS)?;
    let kept = match text.parse::<Period>() {
        Ok(period) if period.secs() >= DAY_SECS => return Some(Duration::from_secs(period.secs())),
        Ok(_) => "expected one day at least".to_owned(),
        Err(error) => error.to_string(),
    };
    let path = general.path_of(CALLS);
    problems.error(At { place: general.get(CALLS)?.place, path: &path }, kept, None);
    None
}

fn days(count: u32) -> Duration {
    Duration::from_secs(u64::from(count.min(DAYS_MAX)) * DAY_SECS)
}
