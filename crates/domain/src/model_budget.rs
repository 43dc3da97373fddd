//! Budgets per model: `{"gpt-4o": {"budget_limit": 5.0, "time_period": "1d"}}`.

use kit::Money;
use serde_json::{Map, Value};

use crate::Period;

/// What may be spent on one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelBudget {
    /// As clients ask for it.
    pub model: String,
    pub max: Money,
    /// `None` is for ever.
    pub duration: Option<String>,
}

/// Most models that one owner may have budgets for.
pub const MODEL_BUDGETS_MAX: usize = 100;

/// The budgets of a `model_max_budget`, in the order of their models. `max_budget` and `budget_duration` stand for
/// `budget_limit` and `time_period`; a model with rates alone has none.
///
/// # Errors
/// What is wrong with it.
pub fn model_budgets(of: &Map<String, Value>) -> Result<Vec<ModelBudget>, String> {
    let mut budgets = Vec::new();
    for (model, budget) in of {
        let wrong = || {
            format!(
                "model_max_budget of `{model}` must be such as {{\"budget_limit\": 5.0, \"time_period\": \"1d\"}}"
            )
        };
        let fields = budget.as_object().ok_or_else(wrong)?;
        let first = |names: [&str; 2]| {
            names.into_iter().filter_map(|name| fields.get(name)).find(|value| !value.is_null())
        };
        let Some(max) = first(["budget_limit", "max_budget"]) else { continue };
        let max = amount(max).ok_or_else(wrong)?;
        let duration = match first(["time_period", "budget_duration"]) {
            None => None,
            Some(Value::String(text)) if text.parse::<Period>().is_ok() => Some(text.clone()),
            Some(_) => return Err(wrong()),
        };
        budgets.push(ModelBudget { model: model.clone(), max, duration });
    }
    if budgets.len() > MODEL_BUDGETS_MAX {
        return Err(format!("model_max_budget has more than {MODEL_BUDGETS_MAX} models"));
    }
    budgets.sort_by(|one, other| one.model.cmp(&other.model));
    Ok(budgets)
}

/// US dollars, which clients may have written as text.
fn amount(value: &Value) -> Option<Money> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    Money::from_dollars(number?).ok().filter(|money| *money >= Money::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value) -> Result<Vec<ModelBudget>, String> {
        model_budgets(value.as_object().unwrap())
    }

    #[test]
    fn both_names_of_each_field_are_known() {
        let budget = |model: &str, dollars: i64, duration: Option<&str>| ModelBudget {
            model: model.into(),
            max: Money(dollars * 1_000_000_000),
            duration: duration.map(Into::into),
        };
        let read = read(json!({
            "gpt-4o": {"budget_limit": 5, "time_period": "1d"},
            "claude": {"max_budget": "2", "budget_duration": "monthly", "tpm_limit": 5},
            "free": {"rpm_limit": 5, "budget_limit": null},
            "ever": {"budget_limit": 0},
        }));
        let wanted =
            [budget("claude", 2, Some("monthly")), budget("ever", 0, None), budget("gpt-4o", 5, Some("1d"))];
        assert_eq!(read.unwrap(), wanted);
    }

    #[test]
    fn what_is_no_budget_is_refused_by_its_model() {
        for wrong in [
            json!(5),
            json!({"budget_limit": -1}),
            json!({"budget_limit": "much"}),
            json!({"budget_limit": 1, "time_period": "soon"}),
            json!({"budget_limit": 1, "time_period": 5}),
        ] {
            let error = read(json!({ "gpt-4o": wrong })).unwrap_err();
            assert!(error.contains("`gpt-4o`"), "{error}");
        }
        let many = (0..=MODEL_BUDGETS_MAX).map(|number| (number.to_string(), json!({"budget_limit": 1})));
        read(Value::Object(many.collect())).unwrap_err();
    }
}
