//! What of a key's terms is kept as clients wrote it: in `extra` and `metadata`.

use domain::Raise;
use domain::key::NameList;
use domain::model_budget::model_budgets;
use kit::Money;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::accounts::{MoreLimits, more_limits};
use crate::StoreError;
use crate::keys::from_json;

/// Names of those in `extra`; most keys have none, and are then not read any further.
const IN_EXTRA: [&str; 5] = ["\"allowed_routes\"", "\"soft_budget\"", "\"budget_limits\"", MODELS, GROUPS];
const MODELS: &str = "\"model_max_budget\"";
const GROUPS: &str = "\"access_group_ids\"";

/// What `extra` says that gateways hold.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Extra {
    allowed_routes: Option<NameList>,
    soft_budget: Value,
    budget_limits: Option<Vec<MoreLimits>>,
    model_max_budget: Option<Map<String, Value>>,
    access_group_ids: Option<NameList>,
}

/// What `metadata` says that gateways hold.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    tags: Value,
    temp_budget_increase: Value,
    temp_budget_expiry: Option<String>,
}

impl Extra {
    pub(super) fn read(text: Option<&str>) -> Result<Self, StoreError> {
        let text = text.filter(|text| IN_EXTRA.iter().any(|name| text.contains(name)));
        text.map_or_else(|| Ok(Self::default()), |text| from_json("keys.extra", text))
    }

    pub(super) fn routes(&self) -> NameList {
        self.allowed_routes.clone().unwrap_or_default()
    }

    pub(super) fn access_groups(&self) -> NameList {
        self.access_group_ids.clone().unwrap_or_default()
    }

    pub(super) fn soft(&self) -> Result<Option<Money>, StoreError> {
        amount(&self.soft_budget)
    }

    pub(super) fn budgeted_models(&self) -> Result<NameList, StoreError> {
        self.model_max_budget.as_ref().map_or_else(|| Ok(NameList::default()), budgeted_models)
    }

    pub(super) fn more(self) -> Result<Box<[domain::TimedLimit]>, StoreError> {
        more_limits(self.budget_limits.unwrap_or_default())
    }
}

impl Metadata {
    pub(super) fn read(text: Option<&str>) -> Result<Self, StoreError> {
        let text = text.filter(|text| text.contains("\"tags\"") || text.contains("\"temp_budget_"));
        text.map_or_else(|| Ok(Self::default()), |text| from_json("keys.metadata", text))
    }

    pub(super) fn tags(&self) -> NameList {
        let tags = self.tags.as_array().map(|tags| tags.iter().filter_map(Value::as_str));
        tags.map(|tags| tags.map(Box::from).collect()).unwrap_or_default()
    }

    /// `None` unless both are there.
    pub(super) fn raise(&self) -> Result<Option<Raise>, StoreError> {
        let by = amount(&self.temp_budget_increase)?;
        let Some((by, until)) = by.zip(self.temp_budget_expiry.as_deref()) else { return Ok(None) };
        let until = domain::period::parse_moment(until);
        let until =
            until.ok_or_else(|| StoreError::corrupt("keys.metadata.temp_budget_expiry", "it is no time"))?;
        Ok(Some(Raise { by, until }))
    }
}

/// For how long a key's main budget is larger, and by how much.
pub(crate) fn key_raise(metadata: Option<&str>) -> Result<Option<Raise>, StoreError> {
    Metadata::read(metadata)?.raise()
}

pub(crate) fn key_soft_budget(extra: Option<&str>) -> Result<Option<Money>, StoreError> {
    Extra::read(extra)?.soft()
}

/// The models that have budgets of their own.
pub(super) fn budgeted_models(of: &Map<String, Value>) -> Result<NameList, StoreError> {
    let budgets = model_budgets(of).map_err(|error| StoreError::corrupt("model_max_budget", error))?;
    Ok(budgets.into_iter().map(|budget| budget.model.into()).collect())
}

/// The same where they are among what else is kept.
pub(super) fn budgeted_models_in(extra: Option<&str>) -> Result<NameList, StoreError> {
    Extra::read(extra.filter(|text| text.contains(MODELS)))?.budgeted_models()
}

/// What grants models, where it is among what else is kept.
pub(super) fn access_groups_in(extra: Option<&str>) -> Result<NameList, StoreError> {
    Ok(Extra::read(extra.filter(|text| text.contains(GROUPS)))?.access_groups())
}

/// US dollars, which clients may have written as text.
pub(crate) fn amount(value: &Value) -> Result<Option<Money>, StoreError> {
    let number = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    };
    let money = number.and_then(|number| Money::from_dollars(number).ok());
    money.map(Some).ok_or_else(|| StoreError::corrupt("an amount of dollars", value))
}
