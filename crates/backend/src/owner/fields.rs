//! The fields of a request that set limits, checked once for all.

use domain::owner::Limits;
use kit::Timestamp;
use serde_json::{Map, Value};

use crate::http::error::ApiError;
use crate::http::number::{Number, Whole, dollars};
use crate::time::parse_moment;

/// Longest id, alias or address.
pub const NAME_CHARS_MAX: usize = 256;

/// Adds the fields of limits to a struct of fields, so that each request documents and types them, and `limit` to set
/// those that were sent.
macro_rules! limited {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$doc:meta])* $vis:vis $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        pub struct $name {
            $($(#[$doc])* $vis $field: $type,)*
            /// US dollars.
            #[schema(value_type = Option<f64>, minimum = 0)]
            pub max_budget: Option<$crate::http::number::Number>,
            /// US dollars; only alerts.
            #[schema(value_type = Option<f64>, minimum = 0)]
            soft_budget: Option<$crate::http::number::Number>,
            /// After which spend counts anew: `30s`, `15m`, `12h`, `30d`, `2w`, `1mo`, `daily`, `weekly`, `monthly`.
            pub budget_duration: Option<String>,
            /// Requests at once.
            #[schema(value_type = Option<i64>, minimum = 0)]
            max_parallel_requests: Option<$crate::http::number::Whole>,
            /// Tokens per minute.
            #[schema(value_type = Option<i64>, minimum = 0)]
            pub tpm_limit: Option<$crate::http::number::Whole>,
            /// Requests per minute.
            #[schema(value_type = Option<i64>, minimum = 0)]
            pub rpm_limit: Option<$crate::http::number::Whole>,
            /// Tokens per day.
            #[schema(value_type = Option<i64>, minimum = 0)]
            tpd_limit: Option<$crate::http::number::Whole>,
            /// Model → budget and time.
            /// Such as `{"gpt-4o": {"budget_limit": 5.0, "time_period": "1d"}}`, in US dollars.
            #[schema(value_type = Option<Object>)]
            model_max_budget: Option<serde_json::Map<String, serde_json::Value>>,
        }

        impl $name {
            /// Sets the limits that were sent; null clears.
            ///
            /// # Errors
            /// 400 that names the field.
            pub fn limit(
                &self,
                sent: $crate::owner::fields::Sent<'_>,
                limits: &mut domain::owner::Limits,
            ) -> Result<(), $crate::http::error::ApiError> {
                use $crate::owner::fields::{amount, check, check_models, count};
                sent.set("max_budget", &mut limits.max_budget, amount("max_budget", self.max_budget)?);
                sent.set("soft_budget", &mut limits.soft_budget, amount("soft_budget", self.soft_budget)?);
                sent.set("budget_duration", &mut limits.budget_duration, self.budget_duration.clone());
                let parallel = count("max_parallel_requests", self.max_parallel_requests)?;
                sent.set("max_parallel_requests", &mut limits.max_parallel_requests, parallel);
                sent.set("tpm_limit", &mut limits.tpm_limit, count("tpm_limit", self.tpm_limit)?);
                sent.set("rpm_limit", &mut limits.rpm_limit, count("rpm_limit", self.rpm_limit)?);
                sent.set("tpd_limit", &mut limits.tpd_limit, count("tpd_limit", self.tpd_limit)?);
                let per_model = self.model_max_budget.clone().unwrap_or_default();
                check_models(Some(&per_model))?;
                sent.set("model_max_budget", &mut limits.model_max_budget, per_model);
                check(limits)
            }
        }
    };
}
pub(crate) use limited;

/// The names of the fields that [`limited!`] adds.
pub const LIMITS: [&str; 8] = [
    "max_budget",
    "soft_budget",
    "budget_duration",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "tpd_limit",
    "model_max_budget",
];

/// A request as it was sent, which tells null from absent.
#[derive(Clone, Copy)]
pub struct Sent<'r>(pub &'r Map<String, Value>);

impl Sent<'_> {
    pub fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Sets what was sent; what was not keeps its value.
    pub fn set<T>(self, name: &str, field: &mut T, value: T) {
        if self.has(name) {
            *field = value;
        }
    }

    /// Sets fields that are only kept; null removes.
    pub fn keep(self, names: &[&str], into: &mut Map<String, Value>) {
        for (name, value) in self.0.iter().filter(|(name, _)| names.contains(&name.as_str())) {
            if value.is_null() {
                into.remove(name);
            } else {
                into.insert(name.clone(), value.clone());
            }
        }
    }
}

/// # Errors
/// 400 when it is negative or no amount.
pub fn amount(field: &str, number: Option<Number>) -> Result<Option<kit::Money>, ApiError> {
    number.map(|number| dollars(field, number)).transpose()
}

/// # Errors
/// 400 when it is negative.
pub fn count(field: &str, number: Option<Whole>) -> Result<Option<i64>, ApiError> {
    match number {
        Some(Whole(number)) if number < 0 => Err(ApiError::bad(field, format!("{field} must be 0 or more"))),
        number => Ok(number.map(|Whole(number)| number)),
    }
}

/// `temp_budget_expiry`.
///
/// # Errors
/// 400 when it is no moment.
pub fn raised_until(text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let message = "`temp_budget_expiry` must be a moment such as `2026-01-31T08:00:00Z`.";
    let moment = |text| parse_moment(text).ok_or_else(|| ApiError::bad("temp_budget_expiry", message));
    text.map(moment).transpose()
}

/// What must hold of limits as a whole.
///
/// # Errors
/// 400 that names the field.
pub fn check(limits: &Limits) -> Result<(), ApiError> {
    if let (Some(soft), Some(max)) = (limits.soft_budget, limits.max_budget)
        && soft >= max
    {
        return Err(ApiError::bad("soft_budget", "soft_budget must be strictly lower than max_budget"));
    }
    check_duration(limits.budget_duration.as_deref())
}

/// # Errors
/// 400 when a budget cannot be for so long.
pub fn check_duration(text: Option<&str>) -> Result<(), ApiError> {
    match text {
        Some(text) if !crate::time::is_budget_duration(text) => Err(ApiError::bad(
            "budget_duration",
            format!(
                "Invalid budget_duration `{text}`: expected a number above 0 and one of s, m, h, d, w, or `1mo`."
            ),
        )),
        _ => Ok(()),
    }
}

/// Budgets per model: `{"gpt-4o": {"budget_limit": 5.0, "time_period": "1d"}}`.
///
/// # Errors
/// 400 when one is none.
pub fn check_models(budgets: Option<&Map<String, Value>>) -> Result<(), ApiError> {
    let checked = budgets.map(domain::model_budget::model_budgets).transpose();
    checked.map(|_| ()).map_err(|message| ApiError::bad("model_max_budget", message))
}

/// Several budgets at once: `[{"budget_duration": "1d", "max_budget": 5.0}]`.
///
/// # Errors
/// 400 when one is none.
pub fn check_windows<'w>(windows: impl IntoIterator<Item = &'w Map<String, Value>>) -> Result<(), ApiError> {
    for window in windows {
        let duration = window.get("budget_duration").and_then(Value::as_str).unwrap_or_default();
        let amount = window.get("max_budget").and_then(Value::as_f64).filter(|amount| *amount >= 0.0);
        if !crate::time::is_budget_duration(duration) || amount.is_none() {
            let message =
                "Each of budget_limits has a budget_duration such as `1d` and a max_budget of 0 or more.";
            return Err(ApiError::bad("budget_limits", message));
        }
    }
    Ok(())
}

/// # Errors
/// 400 when a name is too long.
pub fn check_name(field: &str, text: Option<&str>) -> Result<(), ApiError> {
    if text.is_some_and(|text| text.chars().count() > NAME_CHARS_MAX) {
        return Err(ApiError::bad(field, format!("`{field}` has more than {NAME_CHARS_MAX} characters.")));
    }
    Ok(())
}

/// An id that a row may have: lists of ids have commas between.
///
/// # Errors
/// 400 that names the field.
pub fn check_id(field: &str, id: &str) -> Result<(), ApiError> {
    check_name(field, Some(id))?;
    if id.trim().is_empty() || id.contains(',') || id.chars().any(char::is_control) {
        let message = format!("`{field}` must not be empty, nor contain a comma or control characters.");
        return Err(ApiError::bad(field, message));
    }
    Ok(())
}
