use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use domain::key::MASTER_KEY_LABEL;
use domain::{Dialect, Intent, Outcome, Status, Usage, UsageEvent};
use kit::{Money, Timestamp};

use crate::StoreError;
use crate::db::{Tx, on};
use crate::keys::{from_json, to_json};
use crate::values::Batch;

/// All columns, by name: see the test of statements on tables that get another.
macro_rules! event_columns {
    () => {
        "id, call_id, started_at, ended_at, first_byte_at, api_key, key_alias, user_id, team_id,
         organization_id, customer, tags, dialect, stream, model_group, model, provider, deployment_id,
         api_base, estimate_nano, session_id, requester_ip, user_agent, status, http_status,
         input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens,
         reasoning_tokens, audio_input_tokens, audio_output_tokens, usage_estimated, cost_nano,
         price_version, response_id, error, superseded, project_id"
    };
}
pub(crate) use event_columns;

pub(crate) static INSERT: LazyLock<Batch> = LazyLock::new(|| {
    Batch::new(
        "INSERT_EVENTS",
        concat!("INSERT INTO usage_events (", event_columns!(), ")"),
        &[
            "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", //
            "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", //
            "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", //
            "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", //
            "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT", //
            "TEXT", "BIGINT", "TEXT",
        ],
        "ON CONFLICT (id) DO NOTHING",
    )
});

pub(crate) static FIND: LazyLock<Batch> = LazyLock::new(|| {
    let head = "SELECT id FROM usage_events WHERE id IN (SELECT column1 FROM (";
    Batch::new("FIND_EVENTS", head, &["TEXT"], ") AS asked)")
});

/// Text of a row. Rows that follow each other say much the same, so they share what they say.
type Text = Arc<str>;

/// A row of `usage_events`.
#[derive(Clone, sqlx::FromRow)]
pub(crate) struct EventRow {
    pub id: Text,
    pub call_id: Text,
    pub started_at: i64,
    pub ended_at: i64,
    pub first_byte_at: Option<i64>,
    pub api_key: Text,
    pub key_alias: Option<Text>,
    pub user_id: Option<Text>,
    pub team_id: Option<Text>,
    pub organization_id: Option<Text>,
    pub customer: Option<Text>,
    pub tags: Text,
    pub dialect: Text,
    pub stream: i64,
    pub model_group: Text,
    pub model: Text,
    pub provider: Text,
    pub deployment_id: Text,
    pub api_base: Text,
    pub estimate_nano: i64,
    pub session_id: Option<Text>,
    pub requester_ip: Option<Text>,
    pub user_agent: Option<Text>,
    pub status: Text,
    pub http_status: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cache_read_tokens: Option<i64>,
    pub cache_write_tokens: Option<i64>,
    pub cache_write_1h_tokens: Option<i64>,
    pub reasoning_tokens: Option<i64>,
    pub audio_input_tokens: Option<i64>,
    pub audio_output_tokens: Option<i64>,
    pub usage_estimated: i64,
    pub cost_nano: i64,
    pub price_version: Text,
    pub response_id: Option<Text>,
    pub error: Option<Text>,
    pub superseded: i64,
    pub project_id: Option<Text>,
}

impl Tx {
    /// Those of `rows` that are in the database. Asked before the insert, under the shippers' lock: the
    /// usual answer is none, while `RETURNING` would send every id back through SQLite's thread.
    pub(crate) async fn find_events(&mut self, rows: &[&EventRow]) -> Result<HashSet<String>, StoreError> {
        let mut found = HashSet::new();
        for (text, part) in FIND.parts(rows, self.placeholders()) {
            let ids: Vec<String> = on!(&mut *self, |tx| {
                let query =
                    part.iter().fold(sqlx::query_scalar(text), |query, row| query.bind(row.id.clone()));
                query.fetch_all(&mut **tx).await
            })?;
            found.extend(ids);
        }
        Ok(found)
    }

    /// Inserts those that are not there yet, and says how many that were.
    pub(crate) async fn insert_events(&mut self, rows: &[&EventRow]) -> Result<u64, StoreError> {
        let mut inserted = 0;
        for (text, part) in INSERT.parts(rows, self.placeholders()) {
            inserted += on!(&mut *self, |tx| {
                let mut query = sqlx::query(text);
                for row in part {
                    query = query
                        .bind(row.id.clone())
                        .bind(row.call_id.clone())
                        .bind(row.started_at)
                        .bind(row.ended_at)
                        .bind(row.first_byte_at)
                        .bind(row.api_key.clone())
                        .bind(row.key_alias.clone())
                        .bind(row.user_id.clone())
                        .bind(row.team_id.clone())
                        .bind(row.organization_id.clone())
                        .bind(row.customer.clone())
                        .bind(row.tags.clone())
                        .bind(row.dialect.clone())
                        .bind(row.stream)
                        .bind(row.model_group.clone())
                        .bind(row.model.clone())
                        .bind(row.provider.clone())
                        .bind(row.deployment_id.clone())
                        .bind(row.api_base.clone())
                        .bind(row.estimate_nano)
                        .bind(row.session_id.clone())
                        .bind(row.requester_ip.clone())
                        .bind(row.user_agent.clone())
                        .bind(row.status.clone())
                        .bind(row.http_status)
                        .bind(row.input_tokens)
                        .bind(row.output_tokens)
                        .bind(row.cache_read_tokens)
                        .bind(row.cache_write_tokens)
                        .bind(row.cache_write_1h_tokens)
                        .bind(row.reasoning_tokens)
                        .bind(row.audio_input_tokens)
                        .bind(row.audio_output_tokens)
                        .bind(row.usage_estimated)
                        .bind(row.cost_nano)
                        .bind(row.price_version.clone())
                        .bind(row.response_id.clone())
                        .bind(row.error.clone())
                        .bind(row.superseded)
                        .bind(row.project_id.clone());
                }
                query.execute(&mut **tx).await.map(|done| done.rows_affected())
            })?;
        }
        Ok(inserted)
    }
}

impl EventRow {
    /// The rows of `events`, in their order.
    pub fn of(events: &[UsageEvent]) -> Result<Vec<Self>, StoreError> {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            rows.push(Self::after(rows.last(), event)?);
        }
        Ok(rows)
    }

    fn after(before: Option<&Self>, event: &UsageEvent) -> Result<Self, StoreError> {
        let UsageEvent { intent, outcome } = event;
        let usage = &outcome.usage;
        Ok(Self {
            id: intent.id.to_string().into(),
            call_id: clean(&intent.call_id).into(),
            started_at: intent.started_at.micros(),
            ended_at: outcome.ended_at.micros(),
            first_byte_at: outcome.first_byte_at.map(Timestamp::micros),
            api_key: share(before.map(|row| &row.api_key), &api_key(event)),
            key_alias: share_option(before.map(|row| &row.key_alias), &intent.key_alias),
            user_id: share_option(before.map(|row| &row.user_id), &intent.user_id),
            team_id: share_option(before.map(|row| &row.team_id), &intent.team_id),
            organization_id: share_option(before.map(|row| &row.organization_id), &intent.organization_id),
            customer: share_option(before.map(|row| &row.customer), &intent.customer),
            tags: share(before.map(|row| &row.tags), &tags(&intent.tags)?),
            dialect: share(before.map(|row| &row.dialect), intent.dialect.as_str()),
            stream: i64::from(intent.stream),
            model_group: share(before.map(|row| &row.model_group), &intent.model_group),
            model: share(before.map(|row| &row.model), &intent.model),
            provider: share(before.map(|row| &row.provider), &intent.provider),
            deployment_id: share(before.map(|row| &row.deployment_id), &intent.deployment_id),
            api_base: share(before.map(|row| &row.api_base), &intent.api_base),
            estimate_nano: intent.estimate.nano(),
            session_id: share_option(before.map(|row| &row.session_id), &intent.session_id),
            requester_ip: share_option(before.map(|row| &row.requester_ip), &intent.requester_ip),
            user_agent: share_option(before.map(|row| &row.user_agent), &intent.user_agent),
            status: share(before.map(|row| &row.status), outcome.status.as_str()),
            http_status: i64::from(outcome.http_status),
            input_tokens: count(usage.input),
            output_tokens: count(usage.output),
            cache_read_tokens: usage.cache_read.map(count),
            cache_write_tokens: usage.cache_write.map(count),
            cache_write_1h_tokens: usage.cache_write_1h.map(count),
            reasoning_tokens: usage.reasoning.map(count),
            audio_input_tokens: usage.audio_input.map(count),
            audio_output_tokens: usage.audio_output.map(count),
            usage_estimated: i64::from(outcome.usage_estimated),
            cost_nano: outcome.cost.nano(),
            price_version: share(before.map(|row| &row.price_version), &outcome.price_version),
            response_id: share_option(before.map(|row| &row.response_id), &outcome.response_id),
            error: share_option(before.map(|row| &row.error), &outcome.error),
            superseded: i64::from(outcome.superseded),
            project_id: share_option(before.map(|row| &row.project_id), &intent.project_id),
        })
    }
}

impl TryFrom<EventRow> for UsageEvent {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let boxed = |text: Option<Text>| text.map(|text| Box::from(&*text));
        let corrupt = |what: &'static str, value: &str| StoreError::corrupt(what, format_args!("`{value}`"));
        let intent = Intent {
            id: row.id.parse().map_err(|error| StoreError::corrupt("usage_events.id", error))?,
            call_id: Box::from(&*row.call_id),
            started_at: Timestamp(row.started_at),
            key: row.api_key.parse().ok(),
            key_alias: boxed(row.key_alias),
            user_id: boxed(row.user_id),
            team_id: boxed(row.team_id),
            organization_id: boxed(row.organization_id),
            project_id: boxed(row.project_id),
            customer: boxed(row.customer),
            tags: from_json("usage_events.tags", &row.tags)?,
            dialect: Dialect::parse(&row.dialect)
                .ok_or_else(|| corrupt("usage_events.dialect", &row.dialect))?,
            stream: row.stream != 0,
            model_group: Box::from(&*row.model_group),
            model: Box::from(&*row.model),
            provider: Box::from(&*row.provider),
            deployment_id: Box::from(&*row.deployment_id),
            api_base: Box::from(&*row.api_base),
            estimate: Money(row.estimate_nano),
            session_id: boxed(row.session_id),
            requester_ip: boxed(row.requester_ip),
            user_agent: boxed(row.user_agent),
        };
        let outcome = Outcome {
            id: intent.id,
            ended_at: Timestamp(row.ended_at),
            first_byte_at: row.first_byte_at.map(Timestamp),
            status: Status::parse(&row.status).ok_or_else(|| corrupt("usage_events.status", &row.status))?,
            http_status: u16::try_from(row.http_status).unwrap_or(0),
            usage: Usage {
                input: tokens(row.input_tokens),
                output: tokens(row.output_tokens),
                cache_read: row.cache_read_tokens.map(tokens),
                cache_write: row.cache_write_tokens.map(tokens),
                cache_write_1h: row.cache_write_1h_tokens.map(tokens),
                reasoning: row.reasoning_tokens.map(tokens),
                audio_input: row.audio_input_tokens.map(tokens),
                audio_output: row.audio_output_tokens.map(tokens),
            },
            usage_estimated: row.usage_estimated != 0,
            cost: Money(row.cost_nano),
            price_version: Box::from(&*row.price_version),
            response_id: boxed(row.response_id),
            error: boxed(row.error),
            superseded: row.superseded != 0,
        };
        Ok(Self { intent, outcome })
    }
}

/// The key's hash, the master key's label, or nothing for a caller that never proved who it is.
fn api_key(event: &UsageEvent) -> String {
    match event.intent.key {
        Some(hash) => hash.to_hex(),
        None if event.outcome.status == Status::Refused && event.outcome.http_status == 401 => String::new(),
        None => MASTER_KEY_LABEL.into(),
    }
}

/// Postgres refuses NUL in text; one odd byte from a client must not hold up the ledger.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}

/// `text` as it is stored: what the row before has when that is the same.
fn share(before: Option<&Text>, text: &str) -> Text {
    match before {
        Some(before) if **before == *text => before.clone(),
        _ => clean(text).into(),
    }
}

fn share_option(before: Option<&Option<Text>>, text: &Option<Box<str>>) -> Option<Text> {
    text.as_deref().map(|text| share(before.and_then(Option::as_ref), text))
}

fn tags(tags: &[Box<str>]) -> Result<Cow<'static, str>, StoreError> {
    if tags.is_empty() { Ok(Cow::Borrowed("[]")) } else { to_json(&tags).map(Cow::Owned) }
}

fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

fn tokens(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
