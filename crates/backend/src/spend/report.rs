//! Spend of a range of days by team, customer or key, with what it was spent on.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use store::spend::Totals;
use store::usage::{Among, Answer, Dimension, Filter, Question};
use utoipa::{IntoParams, ToSchema};

use super::key_report::{ReportKey, key_report};
use super::logs::key_name;
use crate::activity::days::Days;
use crate::activity::reach::Reach;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::state::{Shared, State};

/// Owners that are told apart, the dearest.
const OWNERS_MAX: i64 = 50;
/// Days and owners of one answer, each with some lines.
const POINTS_MAX: i64 = 1_000;
/// Lines of all days and owners together, the dearest.
const LINES_MAX: u32 = 2_000;
/// Usage of no team.
const NO_TEAM: &str = "Unassigned";

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReportQuery {
    /// `YYYY-MM-DD`, UTC.
    start_date: Option<String>,
    /// `YYYY-MM-DD`, UTC, included.
    end_date: Option<String>,
    /// `team`, `customer` or `api_key`.
    #[serde(default = "team")]
    #[param(default = "team")]
    group_by: String,
    /// Raw key or hash: its spend alone, whatever `group_by` says.
    api_key: Option<String>,
    /// The keys of a user, whatever `group_by` says.
    internal_user_id: Option<String>,
    /// Only this team.
    team_id: Option<String>,
    /// Only this customer.
    customer_id: Option<String>,
}

fn team() -> String {
    "team".into()
}

/// A day by team or by customer.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "group_by_day": "2026-01-31T00:00:00+00:00",
    "teams": [{"team_name": "research", "total_spend": 0.0015,
               "metadata": [{"model": "gpt-4o", "spend": 0.0015, "total_tokens": 45, "api_key": "88dc28…"}]}],
}))]
pub struct ReportDay {
    group_by_day: String,
    /// The dearest fifty of the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    teams: Option<Vec<ReportOwner>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customers: Option<Vec<ReportOwner>>,
}

#[derive(Serialize, ToSchema)]
pub struct ReportOwner {
    #[serde(skip_serializing_if = "Option::is_none")]
    team_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    /// US dollars; all of it, whatever is in `metadata`.
    total_spend: f64,
    /// The dearest lines of the range; of customers by model, of teams by model and key.
    metadata: Vec<ReportLine>,
}

#[derive(Serialize, ToSchema)]
pub struct ReportLine {
    model: String,
    spend: f64,
    total_tokens: i64,
    /// Hash; null of customers, who are not told apart by key.
    api_key: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only describes the answers for the document")]
pub enum ReportEntry {
    Day(ReportDay),
    Key(ReportKey),
}

/// Spend of a range of days: of teams or customers by day, or of keys.
#[utoipa::path(
    get, path = "/global/spend/report", tag = "spend", operation_id = "globalSpendReport", params(ReportQuery),
    responses((status = 200, body = Vec<ReportEntry>), Refusals),
)]
pub async fn report(
    Extract(state): Extract<Shared>,
    _caller: Caller,
    Params(query): Params<ReportQuery>,
) -> Result<Response, ApiError> {
    let days = Days::new(query.start_date.as_deref(), query.end_date.as_deref(), 0)?;
    let asked = Asked { state: &state, days, reach: query.reach() };
    match query.group_by.as_str() {
        "team" | "customer" | "api_key" if query.api_key.is_some() || query.internal_user_id.is_some() => {
            Ok(Json(key_report(&state, days, &asked.reach, false).await?).into_response())
        }
        "api_key" => Ok(Json(key_report(&state, days, &asked.reach, false).await?).into_response()),
        "team" => Ok(Json(asked.owners(Dimension::Team).await?).into_response()),
        "customer" => Ok(Json(asked.owners(Dimension::Customer).await?).into_response()),
        _ => Err(ApiError::plain("group_by", "`group_by` is `team`, `customer` or `api_key`.")),
    }
}

impl ReportQuery {
    fn reach(&self) -> Reach {
        let filters = [
            (Dimension::Key, self.api_key.as_deref().map(key_name)),
            (Dimension::User, self.internal_user_id.clone()),
            (Dimension::Team, self.team_id.clone()),
            (Dimension::Customer, self.customer_id.clone()),
        ];
        let named = filters.into_iter().filter_map(|(dimension, is)| Some(Filter { dimension, is: is? }));
        Reach { filters: named.filter(|filter| !filter.is.is_empty()).collect(), among: vec![] }
    }
}

struct Asked<'a> {
    state: &'a State,
    days: Days,
    reach: Reach,
}

impl Asked<'_> {
    async fn ask(
        &self,
        by_day: bool,
        by: [Option<Dimension>; 2],
        among: Vec<Among>,
        limit: u32,
    ) -> Result<Vec<Answer>, ApiError> {
        let timeline = if by_day { self.days.steps()? } else { self.days.whole()? };
        let question = Question { timeline, by, filters: self.reach.filters.clone(), among, limit };
        Ok(self.state.store.usage().ask(&question).await?.rows)
    }

    /// The dearest teams or customers of the range, by day.
    async fn owners(&self, of: Dimension) -> Result<Vec<ReportDay>, ApiError> {
        let limit = u32::try_from((POINTS_MAX / self.days.count).clamp(1, OWNERS_MAX)).unwrap_or(1);
        let owners = self.ask(false, [Some(of), None], vec![], limit).await?;
        let ids = owners.into_iter().map(|answer| answer.name).collect::<Vec<_>>();
        let these = || vec![Among::these(of, ids.clone())];
        let mut lines = BTreeMap::<(i64, String), Vec<ReportLine>>::new();
        for (owner, answer) in self.lines(of, &ids).await? {
            let Answer { step, name, second, totals } = answer;
            let (key, model) = if of == Dimension::Team { (Some(name), second) } else { (None, second) };
            lines.entry((step, owner)).or_default().push(ReportLine {
                model,
                spend: totals.spend().dollars(),
                total_tokens: tokens(&totals),
                api_key: key,
            });
        }
        let labels = self.state.store.usage().labels(of, &ids).await?;
        let mut days = BTreeMap::<i64, Vec<ReportOwner>>::new();
        for Answer { step, name, totals, .. } in self.ask(true, [Some(of), None], these(), u32::MAX).await? {
            let metadata = lines.remove(&(step, name.clone())).unwrap_or_default();
            let is_team = of == Dimension::Team;
            let called = |name: &String| match name.as_str() {
                "" => NO_TEAM.to_owned(),
                _ => labels.get(name).unwrap_or(name).clone(),
            };
            days.entry(step).or_default().push(ReportOwner {
                team_name: is_team.then(|| called(&name)),
                customer: (!is_team).then_some(name),
                total_spend: totals.spend().dollars(),
                metadata,
            });
        }
        let day = |(step, owners)| {
            let (teams, customers) =
                if of == Dimension::Team { (Some(owners), None) } else { (None, Some(owners)) };
            ReportDay { group_by_day: format!("{}T00:00:00+00:00", self.days.date(step)), teams, customers }
        };
        Ok(days.into_iter().map(day).collect())
    }

    /// What owners spent it on, by day.
    async fn lines(&self, of: Dimension, ids: &[String]) -> Result<Vec<(String, Answer)>, ApiError> {
        if of == Dimension::Customer {
            let among = vec![Among::these(of, ids.to_vec())];
            let answers = self.ask(true, [Some(of), Some(Dimension::Model)], among, LINES_MAX).await?;
            return Ok(answers.into_iter().map(|answer| (answer.name.clone(), answer)).collect());
        }
        let mut lines = Vec::new();
        let limit = (LINES_MAX / u32::try_from(ids.len().max(1)).unwrap_or(1)).max(1);
        for id in ids {
            let among = vec![Among::these(of, vec![id.clone()])];
            let answers =
                self.ask(true, [Some(Dimension::Key), Some(Dimension::Model)], among, limit).await?;
            lines.extend(answers.into_iter().map(|answer| (id.clone(), answer)));
        }
        Ok(lines)
    }
}

const fn tokens(totals: &Totals) -> i64 {
    totals.input_tokens.saturating_add(totals.output_tokens)
}
