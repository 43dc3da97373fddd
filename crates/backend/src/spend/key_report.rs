//! Keys of a range of days, the dearest, each with its models.

use std::collections::HashMap;

use serde::Serialize;
use store::usage::{Among, Answer, Dimension, Question};
use utoipa::ToSchema;

use crate::activity::days::Days;
use crate::activity::reach::Reach;
use crate::http::error::ApiError;
use crate::state::State;

/// Keys of one report.
const KEYS_MAX: u32 = 500;
/// Models of all its keys together, the dearest.
const MODELS_MAX: u32 = 2_000;

/// A key of the range.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "api_key": "88dc28…", "total_cost": 0.0015, "total_input_tokens": 30, "total_output_tokens": 15,
    "model_details": [{"model": "gpt-4o", "total_cost": 0.0015, "total_input_tokens": 30, "total_output_tokens": 15}],
}))]
pub struct ReportKey {
    api_key: String,
    /// US dollars.
    total_cost: f64,
    total_input_tokens: i64,
    total_output_tokens: i64,
    /// The dearest.
    model_details: Vec<ReportModel>,
}

#[derive(Serialize, ToSchema)]
pub struct ReportModel {
    model: String,
    total_cost: f64,
    total_input_tokens: i64,
    total_output_tokens: i64,
    /// Of reports on organizations: the key's team, empty for none; absent when it worked for several.
    #[serde(skip_serializing_if = "Option::is_none")]
    team_id: Option<String>,
}

/// The dearest keys of `reach`, and the models that they called.
///
/// # Errors
/// When the calendar has no such days, and those of the database.
pub async fn key_report(
    state: &State,
    days: Days,
    reach: &Reach,
    with_team: bool,
) -> Result<Vec<ReportKey>, ApiError> {
    let ask = async |second, mut among: Vec<Among>, limit| {
        among.extend(reach.among.iter().cloned());
        let by = [Some(Dimension::Key), second];
        let question = Question { timeline: days.whole()?, by, filters: reach.filters.clone(), among, limit };
        Ok::<_, ApiError>(state.store.usage().ask(&question).await?.rows)
    };
    let keys = ask(None, vec![], KEYS_MAX).await?;
    let these = keys.iter().map(|key| key.name.clone()).collect();
    let among = vec![Among::these(Dimension::Key, these)];
    let teams = match with_team {
        true => only_teams(ask(Some(Dimension::Team), among.clone(), MODELS_MAX).await?),
        false => HashMap::new(),
    };
    let mut models = HashMap::<String, Vec<ReportModel>>::new();
    for Answer { name, second, totals, .. } in ask(Some(Dimension::Model), among, MODELS_MAX).await? {
        let team_id = teams.get(&name).cloned().flatten();
        models.entry(name).or_default().push(ReportModel {
            model: second,
            total_cost: totals.spend().dollars(),
            total_input_tokens: totals.input_tokens,
            total_output_tokens: totals.output_tokens,
            team_id,
        });
    }
    let shown = |Answer { name, totals, .. }: Answer| ReportKey {
        model_details: models.remove(&name).unwrap_or_default(),
        api_key: name,
        total_cost: totals.spend().dollars(),
        total_input_tokens: totals.input_tokens,
        total_output_tokens: totals.output_tokens,
    };
    Ok(keys.into_iter().map(shown).collect())
}

/// The team of each key, and `None` for a key of several.
fn only_teams(answers: Vec<Answer>) -> HashMap<String, Option<String>> {
    let mut teams = HashMap::new();
    for Answer { name, second, .. } in answers {
        teams.entry(name).and_modify(|team| *team = None).or_insert(Some(second));
    }
    teams
}
