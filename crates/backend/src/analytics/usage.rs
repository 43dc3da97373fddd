//! Usage over time, grouped and filtered.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::Json;
use axum::extract::State as Extract;
use serde::{Deserialize, Serialize};
use store::spend::Totals;
use store::usage::{Among, Answer, Dimension, Filter, Question, Timeline};
use utoipa::{IntoParams, ToSchema};

use super::forecast::Forecast;
use super::frame::{Frame, Step};
use super::latency::Percentiles;
use super::metrics::Metrics;
use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::Params;
use crate::http::table::FileFormat;
use crate::spend::key_name;
use crate::state::{Shared, State};

/// Groups of one answer at most.
const TOP_MAX: u32 = 100;
/// Groups at most that have a series of their own.
const SERIES_MAX: usize = 10;
/// Steps of all series together at most, so that an answer stays small.
const POINTS_MAX: usize = 2_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    /// First local day, `YYYY-MM-DD`.
    start_date: String,
    /// Last local day, included.
    end_date: String,
    /// Name of a time zone, such as `Asia/Kolkata`.
    #[serde(default = "utc")]
    #[param(default = "UTC")]
    timezone: String,
    /// Of the series.
    #[serde(default)]
    #[param(inline)]
    step: Step,
    /// One dimension, or two with a comma between them: `organization`, `team`, `user`, `key`, `customer`, `tag`, `model_group`,
    /// `model`, `provider`, `deployment`, `endpoint`, `status`.
    by: Option<String>,
    /// Groups that are told apart, the dearest; the rest is `other`.
    #[serde(default = "top")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    top: u32,
    /// Whether each of the first groups has a series too.
    #[serde(default)]
    #[param(default = false)]
    group_series: bool,
    /// Whether the same is told of as many days before.
    #[serde(default)]
    #[param(default = false)]
    compare: bool,
    /// Whether to tell how long calls took.
    #[serde(default)]
    #[param(default = false)]
    percentiles: bool,
    /// Whether to tell what the month that it is now will have cost, in the same zone and with the same filters.
    #[serde(default)]
    #[param(default = false)]
    forecast: bool,
    organization: Option<String>,
    team: Option<String>,
    user: Option<String>,
    /// Raw key or hash.
    key: Option<String>,
    customer: Option<String>,
    tag: Option<String>,
    model_group: Option<String>,
    model: Option<String>,
    provider: Option<String>,
    deployment: Option<String>,
    endpoint: Option<String>,
    status: Option<String>,
    /// Of `/analytics/usage/export`.
    #[serde(default)]
    #[param(inline)]
    pub format: FileFormat,
}

fn utc() -> String {
    "UTC".into()
}

const fn top() -> u32 {
    10
}

#[derive(Serialize, ToSchema)]
pub struct Usage {
    start_date: String,
    end_date: String,
    timezone: String,
    step: Step,
    /// False where the quarter-hours of old days are not kept any more: each such UTC day then counts in the local step in which it begins.
    is_exact: bool,
    total: Metrics,
    /// Of as many days before; null unless asked for.
    previous: Option<Metrics>,
    /// How long all calls took; null unless asked for, and where it is not counted: of customers and tags, and of somebody
    /// and something at once.
    latency: Option<Percentiles>,
    /// Null unless asked for.
    forecast: Option<Forecast>,
    /// Each step once, also those without usage.
    series: Vec<Point>,
    /// The dearest first.
    groups: Vec<Group>,
    /// What is in no group; null without groups, and by tags, of which a request may have several.
    other: Option<Metrics>,
}

#[derive(Serialize, ToSchema)]
pub struct Point {
    /// When the step begins, such as `2026-01-31T00:00:00+05:30`.
    at: String,
    metrics: Metrics,
}

#[derive(Serialize, ToSchema)]
pub struct Group {
    /// In the order of `by`; empty for usage of nobody in particular.
    names: Vec<String>,
    /// What these are called otherwise: aliases of keys, teams, organisations and customers, and aliases or addresses of users.
    labels: Vec<Option<String>>,
    metrics: Metrics,
    /// Of as many days before; null unless asked for.
    previous: Option<Metrics>,
    /// Null unless asked for, where there are two dimensions, and where it is not counted.
    latency: Option<Percentiles>,
    /// Null unless asked for, and of the first ten groups.
    series: Option<Vec<Point>>,
}

/// Usage of a range of days: its total, its course, and who or what it was.
#[utoipa::path(
    get, path = "/analytics/usage", tag = "analytics", operation_id = "usage", params(UsageQuery),
    responses((status = 200, body = Usage), Refusals),
)]
pub async fn usage(
    Extract(state): Extract<Shared>,
    caller: Caller,
    Params(query): Params<UsageQuery>,
) -> Result<Json<Usage>, ApiError> {
    if !(1..=TOP_MAX).contains(&query.top) {
        return Err(ApiError::bad("top", format!("`top` goes from 1 to {TOP_MAX}.")));
    }
    let (frame, by) = (query.frame()?, query.by()?);
    let asked = Asked { state: &state, filters: query.filters(&caller), frame: &frame };
    // Usage goes on growing: what is read later has all that was read before.
    let answers = asked.groups(by, query.top).await?;
    let (total, is_exact) = asked.total(frame.whole()?).await?;
    let previous = match frame.previous().filter(|_| query.compare) {
        Some(previous) => Some(asked.total(previous.whole()?).await?.0.into()),
        None => None,
    };
    let before = if query.compare { asked.groups_before(by, &answers).await? } else { None };
    let mut latencies = if query.percentiles { asked.percentiles_of(by, &answers).await? } else { None };
    let overlaps = by.contains(&Some(Dimension::Tag));
    let rest = |total: Totals| answers.iter().fold(total, |rest, answer| rest - answer.totals);
    let other = (by[0].is_some() && !overlaps).then(|| rest(total).into());
    let labels = [
        asked.labels(by[0], &answers, |answer| &answer.name).await?,
        asked.labels(by[1], &answers, |answer| &answer.second).await?,
    ];
    let mut groups = Vec::new();
    for (index, answer) in answers.iter().enumerate() {
        let series = match query.group_series && index < asked.series_max() {
            true => Some(asked.series(group_filters(by, answer)).await?),
            false => None,
        };
        let names = [&answer.name, &answer.second].into_iter().zip(by).filter(|(_, by)| by.is_some());
        let names = names.map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let labels = names.iter().zip(&labels).map(|(name, labels)| labels.get(name).cloned()).collect();
        let pair = (answer.name.clone(), answer.second.clone());
        let previous = before.as_ref().map(|before| before.get(&pair).copied().unwrap_or_default().into());
        let latency = latencies.as_mut().and_then(|latencies| latencies.remove(&answer.name));
        groups.push(Group { names, labels, metrics: answer.totals.into(), previous, latency, series });
    }
    Ok(Json(Usage {
        start_date: frame.first.to_string(),
        end_date: frame.last.to_string(),
        timezone: query.timezone,
        step: query.step,
        is_exact,
        total: total.into(),
        previous,
        latency: if query.percentiles { asked.percentiles().await? } else { None },
        forecast: if query.forecast { Some(asked.forecast().await?) } else { None },
        series: asked.series(vec![]).await?,
        groups,
        other,
    }))
}

/// What all parts of an answer have in common.
pub struct Asked<'a> {
    pub state: &'a State,
    pub filters: Vec<Filter>,
    pub frame: &'a Frame,
}

impl Asked<'_> {
    pub async fn ask(
        &self,
        timeline: Timeline,
        by: [Option<Dimension>; 2],
        among: Vec<Among>,
        limit: u32,
    ) -> Result<Vec<Answer>, ApiError> {
        let question = Question { timeline, by, filters: self.filters.clone(), among, limit };
        Ok(self.state.store.usage().ask(&question).await?.rows)
    }

    /// What the same groups came to in as many days before.
    async fn groups_before(
        &self,
        by: [Option<Dimension>; 2],
        groups: &[Answer],
    ) -> Result<Option<HashMap<(String, String), Totals>>, ApiError> {
        let (Some(first), Some(previous)) = (by[0], self.frame.previous()) else { return Ok(None) };
        let these = |of: Dimension, name: fn(&Answer) -> &String| {
            let names = groups.iter().map(name).collect::<BTreeSet<_>>();
            Among::these(of, names.into_iter().cloned().collect())
        };
        let mut among = vec![these(first, |answer| &answer.name)];
        among.extend(by[1].map(|second| these(second, |answer| &answer.second)));
        let answers = self.ask(previous.whole()?, by, among, TOP_MAX * TOP_MAX).await?;
        let pair = |answer: Answer| ((answer.name, answer.second), answer.totals);
        Ok(Some(answers.into_iter().map(pair).collect()))
    }

    async fn total(&self, timeline: Timeline) -> Result<(Totals, bool), ApiError> {
        let question =
            Question { timeline, by: [None; 2], filters: self.filters.clone(), among: vec![], limit: 1 };
        let answers = self.state.store.usage().ask(&question).await?;
        Ok((answers.rows.first().map(|answer| answer.totals).unwrap_or_default(), answers.is_exact))
    }

    async fn groups(&self, by: [Option<Dimension>; 2], limit: u32) -> Result<Vec<Answer>, ApiError> {
        if by[0].is_none() {
            return Ok(vec![]);
        }
        self.ask(self.frame.whole()?, by, vec![], limit).await
    }

    async fn series(&self, more: Vec<Filter>) -> Result<Vec<Point>, ApiError> {
        let filters = [self.filters.clone(), more].concat();
        let question = Question {
            timeline: self.frame.steps()?,
            by: [None; 2],
            filters,
            among: vec![],
            limit: u32::MAX,
        };
        let answers = self.state.store.usage().ask(&question).await?;
        let steps = answers.rows.into_iter().map(|answer| (answer.step, answer.totals));
        let steps = steps.collect::<BTreeMap<_, _>>();
        let point = |(step, at): (i64, String)| Point {
            at,
            metrics: steps.get(&step).copied().unwrap_or_default().into(),
        };
        Ok((0..).zip(self.frame.starts()).map(point).collect())
    }

    /// What the names of a dimension are called otherwise.
    async fn labels(
        &self,
        of: Option<Dimension>,
        answers: &[Answer],
        name: impl Fn(&Answer) -> &String,
    ) -> Result<HashMap<String, String>, ApiError> {
        let Some(of) = of else { return Ok(HashMap::new()) };
        let names =
            answers.iter().map(name).filter(|name| !name.is_empty()).cloned().collect::<BTreeSet<_>>();
        Ok(self.state.store.usage().labels(of, &names.into_iter().collect::<Vec<_>>()).await?)
    }

    /// How many groups may have a series.
    fn series_max(&self) -> usize {
        (POINTS_MAX / self.frame.starts().count().max(1)).min(SERIES_MAX)
    }
}

impl UsageQuery {
    pub fn frame(&self) -> Result<Frame, ApiError> {
        Frame::new(&self.start_date, &self.end_date, &self.timezone, self.step)
    }

    pub fn by(&self) -> Result<[Option<Dimension>; 2], ApiError> {
        dimensions(self.by.as_deref().unwrap_or_default())
    }

    /// Callers who see only their own usage are kept to it.
    pub fn filters(&self, caller: &Caller) -> Vec<Filter> {
        let key = self.key.as_deref().map(key_name);
        let (mut user, mut key) = (self.user.clone(), key);
        match (caller.user_id(), caller.key()) {
            _ if caller.sees_all() => {}
            (None, Some(own)) => key = Some(own.hash.to_hex()),
            (own, _) => user = Some(own.unwrap_or_default().to_owned()),
        }
        let filters = [
            (Dimension::Organization, self.organization.clone()),
            (Dimension::Team, self.team.clone()),
            (Dimension::User, user),
            (Dimension::Key, key),
            (Dimension::Customer, self.customer.clone()),
            (Dimension::Tag, self.tag.clone()),
            (Dimension::ModelGroup, self.model_group.clone()),
            (Dimension::Model, self.model.clone()),
            (Dimension::Provider, self.provider.clone()),
            (Dimension::Deployment, self.deployment.clone()),
            (Dimension::Endpoint, self.endpoint.clone()),
            (Dimension::Status, self.status.clone()),
        ];
        filters.into_iter().filter_map(|(dimension, is)| Some(Filter { dimension, is: is? })).collect()
    }
}

fn group_filters(by: [Option<Dimension>; 2], answer: &Answer) -> Vec<Filter> {
    let names = by.into_iter().zip([&answer.name, &answer.second]);
    names.filter_map(|(by, name)| Some(Filter { dimension: by?, is: name.clone() })).collect()
}

/// One dimension or two, by their names.
fn dimensions(text: &str) -> Result<[Option<Dimension>; 2], ApiError> {
    let mut by = [None; 2];
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect::<Vec<_>>();
    if names.len() > by.len() || (names.len() == 2 && names[0] == names[1]) {
        return Err(ApiError::bad("by", "`by` names one dimension, or two different ones."));
    }
    for (by, name) in by.iter_mut().zip(names) {
        let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, dimension)| *dimension);
        *by = Some(known.ok_or_else(|| {
            let names = NAMES.map(|(name, _)| name).join(", ");
            ApiError::bad("by", format!("`by` is none of {names}."))
        })?);
    }
    Ok(by)
}

pub const NAMES: [(&str, Dimension); 12] = [
    ("organization", Dimension::Organization),
    ("team", Dimension::Team),
    ("user", Dimension::User),
    ("key", Dimension::Key),
    ("customer", Dimension::Customer),
    ("tag", Dimension::Tag),
    ("model_group", Dimension::ModelGroup),
    ("model", Dimension::Model),
    ("provider", Dimension::Provider),
    ("deployment", Dimension::Deployment),
    ("endpoint", Dimension::Endpoint),
    ("status", Dimension::Status),
];
