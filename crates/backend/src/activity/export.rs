//! A file of daily activity: day after day, the dearest of each, and the rest of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::spend::Totals;
use store::usage::{Answer, Dimension};
use utoipa::ToSchema;

use super::breakdown::OTHER;
use super::names::Names;
use super::question::Question;
use super::reach::Entity;
use super::view::SpendMetrics;
use crate::http::error::ApiError;
use crate::http::export::{File, Parts};
use crate::http::table::{Cell, FileFormat, csv, json_rows};
use crate::state::Shared;
use crate::time::{day, iso};

/// Rows of one day at most, beside what is left of it.
const ROWS_MAX: u32 = 5_000;

/// What an export tells apart, beside days and whose they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportType {
    #[default]
    Daily,
    DailyWithKeys,
    DailyWithModels,
    DailyWithUsers,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    #[default]
    Csv,
    Json,
}

impl ExportType {
    const fn dimension(self) -> Option<Dimension> {
        match self {
            Self::Daily => None,
            Self::DailyWithKeys => Some(Dimension::Key),
            Self::DailyWithModels => Some(Dimension::Model),
            Self::DailyWithUsers => Some(Dimension::User),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::DailyWithKeys => "daily_with_keys",
            Self::DailyWithModels => "daily_with_models",
            Self::DailyWithUsers => "daily_with_users",
        }
    }
}

/// The file in JSON.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "only describes the file for the document")]
#[schema(example = json!({
    "data": [{"date": "2026-01-31", "team_alias": "research", "team_id": "t1", "spend": 0.0015, "api_requests": 3}],
    "metadata": {"export_type": "daily", "start_date": "2026-01-31", "end_date": "2026-01-31", "total_spend": 0.0015},
}))]
pub struct ActivityExport {
    /// The dearest five thousand of each day; `other` is the rest of it.
    #[schema(value_type = Vec<Object>)]
    data: Vec<Map<String, Value>>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

/// A column by its names in CSV and in JSON.
type Column = (&'static str, &'static str);

const METRICS: [Column; 9] = [
    ("Spend ($)", "spend"),
    ("Requests", "api_requests"),
    ("Successful Requests", "successful_requests"),
    ("Failed Requests", "failed_requests"),
    ("Total Tokens", "total_tokens"),
    ("Prompt Tokens", "prompt_tokens"),
    ("Completion Tokens", "completion_tokens"),
    ("Cache Read Input Tokens", "cache_read_input_tokens"),
    ("Cache Creation Input Tokens", "cache_creation_input_tokens"),
];

impl Entity {
    /// Name in titles, and the columns of other name and id.
    const fn columns(self) -> (&'static str, [Column; 2]) {
        match self {
            Self::User => ("user", [("User", "user_alias"), ("User ID", "user_id")]),
            Self::Team => ("team", [("Team", "team_alias"), ("Team ID", "team_id")]),
            Self::Organization => {
                ("organization", [("Organization", "entity_alias"), ("Organization ID", "entity_id")])
            }
            Self::Customer => ("customer", [("Customer", "entity_alias"), ("Customer ID", "entity_id")]),
            Self::Tag => ("tag", [("Tag Alias", "entity_alias"), ("Tag", "entity_id")]),
        }
    }
}

fn columns(entity: Entity, kind: ExportType) -> Vec<Column> {
    let key: &[Column] = &[
        ("Key Alias", "key_alias"),
        ("Key ID", "api_key"),
        ("Key User ID", "key_user_id"),
        ("Key User Email", "key_user_email"),
    ];
    let more: &[Column] = match kind {
        ExportType::Daily => &[],
        ExportType::DailyWithKeys => key,
        ExportType::DailyWithModels => &[("Model", "model")],
        ExportType::DailyWithUsers if matches!(entity, Entity::User) => &[],
        ExportType::DailyWithUsers => &[("User ID", "user_id"), ("User Name", "user_name")],
    };
    [&[("Date", "date")], entity.columns().1.as_slice(), more, METRICS.as_slice()].concat()
}

/// An export on its way.
pub struct Export {
    state: Shared,
    question: Question,
    kind: ExportType,
    format: ExportFormat,
    columns: Vec<Column>,
    step: Step,
    total: Totals,
    has_rows: bool,
    names: Names,
}

enum Step {
    Start,
    /// Days with usage that are still to come, the last first.
    Days(Vec<i64>),
    End,
}

impl Export {
    pub fn new(state: Shared, question: Question, kind: ExportType, format: ExportFormat) -> Self {
        let columns = columns(question.entity, kind);
        let (step, total, names) = (Step::Start, Totals::default(), Names::default());
        Self { state, question, kind, format, columns, step, total, has_rows: false, names }
    }

    pub fn file(&self) -> File {
        let (entity, today) = (self.question.entity.columns().0, day(self.state.clock.now()));
        let name = format!("{entity}_usage_{}_{today}", self.kind.name());
        match self.format {
            ExportFormat::Csv => File::new(name, FileFormat::Csv),
            ExportFormat::Json => File { name: format!("{name}.json"), content_type: "application/json" },
        }
    }

    /// What comes before all rows, and which days have any.
    async fn start(&mut self) -> Result<Vec<u8>, ApiError> {
        let asked = self.question.asked(&self.state);
        let used = asked.ask_any(self.question.days.steps()?, [None; 2], u32::MAX).await?;
        let mut days = used.rows.into_iter().map(|answer| answer.step).collect::<Vec<_>>();
        days.sort_unstable_by(|one, other| other.cmp(one));
        self.step = Step::Days(days);
        match self.format {
            ExportFormat::Csv => csv([self.columns.iter().map(|(title, _)| Cell::from(*title)).collect()]),
            ExportFormat::Json => Ok(b"{\"data\":[".to_vec()),
        }
    }

    async fn day(&mut self, index: i64) -> Result<Vec<u8>, ApiError> {
        let rows = self.rows(index).await?;
        if self.format == ExportFormat::Csv || rows.is_empty() {
            return csv(rows);
        }
        let names = self.columns.iter().map(|(_, name)| *name).collect::<Vec<_>>();
        let mut bytes = json_rows(&names, rows, b',')?;
        bytes.pop();
        if std::mem::replace(&mut self.has_rows, true) {
            bytes.insert(0, b',');
        }
        Ok(bytes)
    }

    async fn rows(&mut self, index: i64) -> Result<Vec<Vec<Cell>>, ApiError> {
        let day = self.question.days.one(index);
        let of = self.question.entity.dimension();
        let by = [Some(of), self.kind.dimension().filter(|second| *second != of)];
        let asked = self.question.asked(&self.state);
        let answers = asked.ask_any(day.whole()?, by, ROWS_MAX).await?.rows;
        // Usage goes on growing: what is read last has all that was read before.
        let total = asked.ask_any(day.whole()?, [None; 2], 1).await?.rows;
        let total = total.first().map(|answer| answer.totals).unwrap_or_default();
        let rest = answers.iter().fold(total, |rest, answer| rest - answer.totals);
        self.total = self.total + total;
        self.names.learn(&self.state, by, &answers).await?;
        let date = day.first.to_string();
        let mut rows = answers.iter().map(|answer| self.row(&date, by, answer)).collect::<Vec<_>>();
        if rest != Totals::default() {
            let names = vec![Cell::Nothing; self.columns.len() - METRICS.len() - 3];
            let other = [vec![Cell::from(date.as_str()), Cell::Nothing, Cell::from(OTHER)], names];
            rows.push([other.concat(), metrics(rest)].concat());
        }
        Ok(rows)
    }

    fn row(&self, date: &str, by: [Option<Dimension>; 2], answer: &Answer) -> Vec<Cell> {
        let alias = self.names.label(0, &answer.name);
        let mut row = vec![Cell::from(date), alias.into(), Cell::from(answer.name.as_str())];
        let second = Cell::from(answer.second.as_str());
        match by[1] {
            None => {}
            Some(Dimension::Key) => {
                let label = self.names.key(&answer.second);
                row.extend([label.alias.into(), second, label.user_id.into(), label.user_email.into()]);
            }
            Some(Dimension::User) => row.extend([second, self.names.label(1, &answer.second).into()]),
            Some(_) => row.push(second),
        }
        row.extend(metrics(answer.totals));
        row
    }

    fn end(&self) -> Result<Vec<u8>, ApiError> {
        let (question, sums) = (&self.question, SpendMetrics::from(self.total));
        let last = question.days.date(question.days.count - 1);
        let mut metadata = json!({
            "export_date": iso(self.state.clock.now()), "export_type": self.kind,
            "start_date": question.days.first.to_string(), "end_date": last.to_string(),
            "entity_ids": question.ids, "total_spend": sums.spend, "total_spend_nano": self.total.cost_nano,
            "total_flat_cost": 0.0, "total_api_requests": sums.api_requests,
            "total_successful_requests": sums.successful_requests,
            "total_failed_requests": sums.failed_requests, "total_tokens": sums.total_tokens,
        });
        match question.entity {
            Entity::Team => metadata["team_ids"] = json!(question.ids),
            Entity::User => metadata["user_id"] = json!(question.ids.first()),
            _ => {}
        }
        let mut bytes = b"],\"metadata\":".to_vec();
        serde_json::to_writer(&mut bytes, &metadata).map_err(|_| ApiError::internal())?;
        bytes.push(b'}');
        Ok(bytes)
    }
}

impl Parts for Export {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        match &mut self.step {
            Step::Start => self.start().await.map(Some),
            Step::Days(days) => match days.pop() {
                Some(index) => self.day(index).await.map(Some),
                None => {
                    self.step = Step::End;
                    if self.format == ExportFormat::Csv { Ok(None) } else { self.end().map(Some) }
                }
            },
            Step::End => Ok(None),
        }
    }
}

fn metrics(totals: Totals) -> Vec<Cell> {
    let sums = SpendMetrics::from(totals);
    let counts = [
        sums.api_requests,
        sums.successful_requests,
        sums.failed_requests,
        sums.total_tokens,
        sums.prompt_tokens,
        sums.completion_tokens,
        sums.cache_read_input_tokens,
        sums.cache_creation_input_tokens,
    ];
    std::iter::once(Cell::Dollars(totals.spend())).chain(counts.map(Cell::Whole)).collect()
}
