use std::collections::HashSet;
use std::sync::LazyLock;

use domain::key::MASTER_KEY_LABEL;
use domain::{Dialect, Intent, Outcome, Status, Usage, UsageEvent};
use kit::{Money, Timestamp};

use crate::StoreError;
use crate::db::{Tx, on};
use crate::keys::{from_json, to_json};
use crate::values::Batch;

pub(crate) static INSERT: LazyLock<Batch> = LazyLock::new(|| {
    Batch::new(
        "INSERT_EVENTS",
        "INSERT INTO usage_events
           (id, call_id, started_at, ended_at, first_byte_at, api_key, key_alias, user_id, team_id,
            organization_id, customer, tags, dialect, stream, model_group, model, provider, deployment_id,
            api_base, estimate_nano, session_id, requester_ip, user_agent, status, http_status, input_tokens,
            output_tokens, cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, reasoning_tokens,
            audio_input_tokens, audio_output_tokens, usage_estimated, cost_nano, price_version, response_id,
            error, superseded)",
        &[
            "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", //
            "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", //
            "TEXT", "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", //
            "BIGINT", "BIGINT", "BIGINT", "BIGINT", "BIGINT", //
            "BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT", "TEXT", //
            "TEXT", "BIGINT",
        ],
        "ON CONFLICT (id) DO NOTHING",
    )
});

pub(crate) static FIND: LazyLock<Batch> = LazyLock::new(|| {
    let head = "SELECT id FROM usage_events WHERE id IN (SELECT column1 FROM (";
    Batch::new("FIND_EVENTS", head, &["TEXT"], ") AS asked)")
});

/// A row of `usage_events`.
#[derive(sqlx::FromRow)]
pub(crate) struct EventRow {
    pub id: String,
    pub call_id: String,
    pub started_at: i64,
    pub ended_at: i64,
    pub first_byte_at: Option<i64>,
    pub api_key: String,
    pub key_alias: Option<String>,
    pub user_id: Option<String>,
    pub team_id: Option<String>,
    pub organization_id: Option<String>,
    pub customer: Option<String>,
    pub tags: String,
    pub dialect: String,
    pub stream: i64,
    pub model_group: String,
    pub model: String,
    pub provider: String,
    pub deployment_id: String,
    pub api_base: String,
    pub estimate_nano: i64,
    pub session_id: Option<String>,
    pub requester_ip: Option<String>,
    pub user_agent: Option<String>,
    pub status: String,
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
    pub price_version: String,
    pub response_id: Option<String>,
    pub error: Option<String>,
    pub superseded: i64,
}

impl Tx {
    /// Those of `rows` that are in the database. Asked before the insert, under the shippers' lock: the
    /// usual answer is none, while `RETURNING` would send every id back through SQLite's thread.
    pub(crate) async fn find_events(&mut self, rows: &[&EventRow]) -> Result<HashSet<String>, StoreError> {
        let mut found = HashSet::new();
        for (text, part) in FIND.parts(rows, self.placeholders()) {
            let ids: Vec<String> = on!(&mut *self, |tx| {
                let query = part.iter().fold(sqlx::query_scalar(text), |query, row| query.bind(&row.id));
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
                        .bind(&row.id)
                        .bind(&row.call_id)
                        .bind(row.started_at)
                        .bind(row.ended_at)
                        .bind(row.first_byte_at)
                        .bind(&row.api_key)
                        .bind(&row.key_alias)
                        .bind(&row.user_id)
                        .bind(&row.team_id)
                        .bind(&row.organization_id)
                        .bind(&row.customer)
                        .bind(&row.tags)
                        .bind(&row.dialect)
                        .bind(row.stream)
                        .bind(&row.model_group)
                        .bind(&row.model)
                        .bind(&row.provider)
                        .bind(&row.deployment_id)
                        .bind(&row.api_base)
                        .bind(row.estimate_nano)
                        .bind(&row.session_id)
                        .bind(&row.requester_ip)
                        .bind(&row.user_agent)
                        .bind(&row.status)
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
                        .bind(&row.price_version)
                        .bind(&row.response_id)
                        .bind(&row.error)
                        .bind(row.superseded);
                }
                query.execute(&mut **tx).await.map(|done| done.rows_affected())
            })?;
        }
        Ok(inserted)
    }
}

impl TryFrom<&UsageEvent> for EventRow {
    type Error = StoreError;

    fn try_from(event: &UsageEvent) -> Result<Self, StoreError> {
        let UsageEvent { intent, outcome } = event;
        let usage = &outcome.usage;
        Ok(Self {
            id: intent.id.to_string(),
            call_id: clean(&intent.call_id),
            started_at: intent.started_at.micros(),
            ended_at: outcome.ended_at.micros(),
            first_byte_at: outcome.first_byte_at.map(Timestamp::micros),
            api_key: api_key(event),
            key_alias: clean_option(&intent.key_alias),
            user_id: clean_option(&intent.user_id),
            team_id: clean_option(&intent.team_id),
            organization_id: clean_option(&intent.organization_id),
            customer: clean_option(&intent.customer),
            tags: to_json(&intent.tags)?,
            dialect: intent.dialect.as_str().into(),
            stream: i64::from(intent.stream),
            model_group: clean(&intent.model_group),
            model: clean(&intent.model),
            provider: clean(&intent.provider),
            deployment_id: clean(&intent.deployment_id),
            api_base: clean(&intent.api_base),
            estimate_nano: intent.estimate.nano(),
            session_id: clean_option(&intent.session_id),
            requester_ip: clean_option(&intent.requester_ip),
            user_agent: clean_option(&intent.user_agent),
            status: outcome.status.as_str().into(),
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
            price_version: clean(&outcome.price_version),
            response_id: clean_option(&outcome.response_id),
            error: clean_option(&outcome.error),
            superseded: i64::from(outcome.superseded),
        })
    }
}

impl TryFrom<EventRow> for UsageEvent {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        let boxed = |text: Option<String>| text.map(String::into_boxed_str);
        let corrupt = |what: &'static str, value: &str| StoreError::corrupt(what, format_args!("`{value}`"));
        let intent = Intent {
            id: row.id.parse().map_err(|error| StoreError::corrupt("usage_events.id", error))?,
            call_id: row.call_id.into(),
            started_at: Timestamp(row.started_at),
            key: row.api_key.parse().ok(),
            key_alias: boxed(row.key_alias),
            user_id: boxed(row.user_id),
            team_id: boxed(row.team_id),
            organization_id: boxed(row.organization_id),
            customer: boxed(row.customer),
            tags: from_json("usage_events.tags", &row.tags)?,
            dialect: Dialect::parse(&row.dialect)
                .ok_or_else(|| corrupt("usage_events.dialect", &row.dialect))?,
            stream: row.stream != 0,
            model_group: row.model_group.into(),
            model: row.model.into(),
            provider: row.provider.into(),
            deployment_id: row.deployment_id.into(),
            api_base: row.api_base.into(),
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
            price_version: row.price_version.into(),
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
pub(super) fn clean(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() }
}

fn clean_option(text: &Option<Box<str>>) -> Option<String> {
    text.as_deref().map(clean)
}

fn count(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

fn tokens(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
