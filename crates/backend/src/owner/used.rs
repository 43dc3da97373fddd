//! What is spent of an owner's budgets beside the main one, as it is shown.

use serde_json::{Map, Value, json};

use crate::http::error::ApiError;
use crate::state::State;

/// `model_max_budget_usage` and `budget_limits_usage` of a `key` (by its hash), `user` or `team`, each where it has such
/// budgets; `times` are those of its `budget_limits`.
///
/// # Errors
/// When the database fails.
pub async fn used(
    state: &State,
    kind: &str,
    id: &str,
    times: &[&str],
) -> Result<Map<String, Value>, ApiError> {
    let used = state.store.budgets_used(kind, id).await?;
    let models = used.models.into_iter().map(|(budget, spent)| {
        let limit = budget.max.dollars();
        let usage = json!({
            "current_spend": spent.dollars(), "budget_limit": limit, "time_period": budget.duration,
        });
        (budget.model, usage)
    });
    let times = used.times.into_iter().filter(|(time, _)| times.contains(&time.as_str()));
    let times = times.map(|(time, spent)| (time, json!({ "current_spend": spent.dollars() })));
    let all = [
        ("model_max_budget_usage", models.collect::<Map<_, _>>()),
        ("budget_limits_usage", times.collect::<Map<_, _>>()),
    ];
    let some = all.into_iter().filter(|(_, usage)| !usage.is_empty());
    Ok(some.map(|(name, usage)| (name.to_owned(), Value::Object(usage))).collect())
}
