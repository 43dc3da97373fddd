//! Sums that no cell has, such as customers by key: read from the single calls, by the database.

use std::collections::HashMap;
use std::sync::LazyLock;

use kit::Timestamp;

use super::ask::{Answer, Answers, Dimension, Question, WHATS, WHOS};
use super::{MICROS_PER_QUARTER, Usage};
use crate::StoreError;
use crate::keys::{from_json, to_json};
use crate::ledger::ids_of;
use crate::reads::read;
use crate::spend::Totals;
use crate::values::Listed;

/// Combinations of names that one question brings up at most.
const COMBINATIONS_MAX: i64 = 50_000;

/// Values before the stretches of time: what is asked for, the bound, a tag, eleven filters, and where the ids are.
const FIXED: usize = 16;

// The bits of `$1` say which names are asked for; of the others it is not told who or what it was.
macro_rules! told {
    ($bit:literal, $column:literal, $name:literal) => {
        concat!(
            " CASE WHEN CAST($1 AS BIGINT) & ",
            $bit,
            " <> 0 THEN COALESCE(",
            $column,
            ", '') ELSE '' END AS ",
            $name,
            ","
        )
    };
}
macro_rules! is {
    ($column:literal, $value:literal) => {
        concat!(" AND (CAST(", $value, " AS TEXT) IS NULL OR COALESCE(", $column, ", '') = ", $value, ")")
    };
}
macro_rules! count {
    ($if:literal, $name:literal) => {
        concat!(" CAST(SUM(CASE WHEN ", $if, " THEN 1 ELSE 0 END) AS BIGINT) AS ", $name, ",")
    };
}
macro_rules! sum {
    ($value:literal, $name:literal) => {
        concat!(" CAST(SUM(COALESCE(", $value, ", 0)) AS BIGINT) AS ", $name)
    };
}

/// The same sums as those of cells, see there.
static OF_CALLS: LazyLock<Listed> = LazyLock::new(|| {
    Listed::new(
        "ASK_OF_CALLS",
        FIXED,
        "WITH s (step, since, until) AS (",
        &["BIGINT"; 3],
        concat!(
            "), c AS (SELECT s.step, e.*,
               CASE WHEN e.deployment_id = '' THEN '' ELSE e.model_group END AS of_group,
               CASE WHEN e.deployment_id = '' THEN '' ELSE e.model END AS of_model
             FROM s JOIN usage_events e ON e.started_at >= s.since AND e.started_at < s.until
               AND e.id >= $15 AND e.id < $16)
             SELECT step,",
            told!("2", "organization_id", "organization"),
            told!("4", "team_id", "team"),
            told!("8", "user_id", "of_user"),
            told!("16", "api_key", "of_key"),
            told!("32", "customer", "of_customer"),
            told!("64", "tags", "of_tags"),
            told!("128", "of_group", "named_group"),
            told!("256", "of_model", "named_model"),
            told!("512", "provider", "of_provider"),
            told!("1024", "deployment_id", "deployment"),
            told!("2048", "dialect", "endpoint"),
            told!("4096", "status", "of_status"),
            count!("superseded = 0", "requests"),
            count!("deployment_id <> ''", "attempts"),
            count!("superseded = 0 AND status IN ('upstream_error', 'timed_out', 'interrupted')", "failures"),
            count!("superseded = 0 AND status = 'refused'", "refusals"),
            count!("superseded = 0 AND status = 'cancelled'", "cancellations"),
            sum!("input_tokens", "input_tokens,"),
            sum!("output_tokens", "output_tokens,"),
            sum!("cache_read_tokens", "cache_read_tokens,"),
            sum!("cache_write_tokens", "cache_write_tokens,"),
            sum!("reasoning_tokens", "reasoning_tokens,"),
            sum!("cost_nano", "cost_nano,"),
            sum!(
                "CASE WHEN superseded = 0 AND ended_at > started_at THEN ended_at - started_at END",
                "duration_micros"
            ),
            " FROM c WHERE (CAST($1 AS BIGINT) & 32 = 0 OR COALESCE(customer, '') <> '')
               AND (CAST($1 AS BIGINT) & 64 = 0 OR tags <> '[]')
               AND (CAST($3 AS TEXT) IS NULL OR REPLACE(tags, $3, '') <> tags)",
            is!("organization_id", "$4"),
            is!("team_id", "$5"),
            is!("user_id", "$6"),
            is!("api_key", "$7"),
            is!("customer", "$8"),
            is!("of_group", "$9"),
            is!("of_model", "$10"),
            is!("provider", "$11"),
            is!("deployment_id", "$12"),
            is!("dialect", "$13"),
            is!("status", "$14"),
            " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 LIMIT CAST($2 AS BIGINT)"
        ),
    )
});

pub(super) fn lists() -> [&'static Listed; 1] {
    [&OF_CALLS]
}

#[derive(sqlx::FromRow)]
struct Row {
    step: i64,
    organization: String,
    team: String,
    of_user: String,
    of_key: String,
    of_customer: String,
    of_tags: String,
    named_group: String,
    named_model: String,
    of_provider: String,
    deployment: String,
    endpoint: String,
    of_status: String,
    #[sqlx(flatten)]
    totals: Totals,
}

impl Row {
    fn name<'r>(&'r self, of: Dimension, tag: &'r str) -> &'r str {
        match of {
            Dimension::Organization => &self.organization,
            Dimension::Team => &self.team,
            Dimension::User => &self.of_user,
            Dimension::Key => &self.of_key,
            Dimension::Customer => &self.of_customer,
            Dimension::Tag => tag,
            Dimension::ModelGroup => &self.named_group,
            Dimension::Model => &self.named_model,
            Dimension::Provider => &self.of_provider,
            Dimension::Deployment => &self.deployment,
            Dimension::Endpoint => &self.endpoint,
            Dimension::Status => &self.of_status,
        }
    }
}

impl Usage<'_> {
    /// The sums that a question asks for, whatever it tells apart: what cells do not count too. The database reads each call
    /// of the time for it, so ask for days rather than years.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] beyond 50,000 combinations of names; when the database fails or takes too long.
    pub async fn ask_calls(&self, question: &Question) -> Result<Answers, StoreError> {
        let rows = self.rows_of_calls(question).await?;
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) > COMBINATIONS_MAX {
            return Err(StoreError::TooMany("different names in this time"));
        }
        let mut sums = HashMap::<(i64, String, String), Totals>::new();
        for row in &rows {
            for tag in question.tags(row)? {
                if question.keeps(row, &tag) {
                    let [name, second] =
                        question.by.map(|by| by.map_or(String::new(), |by| row.name(by, &tag).to_owned()));
                    let sum = sums.entry((row.step, name, second)).or_default();
                    *sum = *sum + row.totals;
                }
            }
        }
        let answer = |((step, name, second), totals)| Answer { step, name, second, totals };
        let mut rows = sums.into_iter().map(answer).collect::<Vec<_>>();
        rows.sort_unstable_by(|one, other| one.before().cmp(&other.before()));
        let rows_in_all = rows.len() as u64;
        rows.truncate(question.limit.max(1) as usize);
        Ok(Answers { rows, rows_in_all, is_exact: true })
    }

    async fn rows_of_calls(&self, question: &Question) -> Result<Vec<Row>, StoreError> {
        let steps = question.timeline.steps().map(|(step, since, until)| {
            [step, since.saturating_mul(MICROS_PER_QUARTER), until.saturating_mul(MICROS_PER_QUARTER)]
        });
        let steps = steps.collect::<Vec<_>>();
        let first = steps.iter().map(|[_, since, _]| *since).min().unwrap_or_default();
        let last = steps.iter().map(|[_, _, until]| *until).max().unwrap_or_default();
        let ids = ids_of(Timestamp(first), Timestamp(last));
        let (text, size) = OF_CALLS.text(steps.len()).ok_or(StoreError::TooMany("steps"))?;
        let steps = steps.into_iter().chain(std::iter::repeat([0; 3])).take(size).flatten();
        let asked = WHOS.into_iter().chain(WHATS).filter(|of| question.asks(*of));
        let bits = asked.fold(0, |bits, of| bits | 1_i64 << of as i64);
        let tag = question.filter(Dimension::Tag).map(|tag| to_json(&tag)).transpose()?;
        read!(self.db, Report, |connection| {
            let mut query = sqlx::query_as(text).bind(bits).bind(COMBINATIONS_MAX + 1).bind(&tag);
            let filtered = WHOS.into_iter().chain(WHATS).filter(|of| *of != Dimension::Tag);
            query = filtered.fold(query, |query, of| query.bind(question.filter(of)));
            query = ids.iter().fold(query, |query, id| query.bind(id));
            query = steps.clone().fold(query, |query, value| query.bind(value));
            query.fetch_all(&mut **connection).await?
        })
    }
}

impl Question {
    /// As which a row counts: where tags are asked for, once for each.
    fn tags(&self, row: &Row) -> Result<Vec<String>, StoreError> {
        if self.asks(Dimension::Tag) {
            from_json("usage_events.tags", &row.of_tags)
        } else {
            Ok(vec![String::new()])
        }
    }

    fn keeps(&self, row: &Row, tag: &str) -> bool {
        self.filters.iter().all(|filter| row.name(filter.dimension, tag) == filter.is)
            && self.among.iter().all(|among| among.keeps(row.name(among.dimension, tag)))
    }
}

impl Answer {
    /// Their order: the dearest first.
    fn before(&self) -> impl Ord + '_ {
        (-self.totals.cost_nano, -self.totals.requests, self.step, &self.name, &self.second)
    }
}
