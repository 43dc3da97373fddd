//! Sums of usage over time, grouped and filtered.

use std::sync::LazyLock;

use super::among::Among;
use super::cells::{NOW_WHOLE, Whole};
use super::plan::{Timeline, listed, plan};
use super::{Level, Usage, top};
use crate::StoreError;
use crate::db::Db;
use crate::reads::read;
use crate::spend::Totals;
use crate::values::Listed;

/// What usage can be grouped by and filtered on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    Organization = 1,
    Team = 2,
    User = 3,
    /// Hash, or the master key's label.
    Key = 4,
    /// The client's end user.
    Customer = 5,
    Tag = 6,
    /// As the client names it.
    ModelGroup = 7,
    /// As the provider names it.
    Model = 8,
    Provider = 9,
    Deployment = 10,
    Endpoint = 11,
    Status = 12,
}

/// Only usage of this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub dimension: Dimension,
    pub is: String,
}

/// A question about usage.
#[derive(Clone, Debug)]
pub struct Question {
    pub timeline: Timeline,
    /// Nothing, one dimension, or two.
    pub by: [Option<Dimension>; 2],
    /// Each dimension once at most; a second of one takes the first's place.
    pub filters: Vec<Filter>,
    /// Further conditions, each of which holds.
    pub among: Vec<Among>,
    /// Rows of the answer at most, the dearest first.
    pub limit: u32,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    pub rows: Vec<Answer>,
    /// How many rows there are without the limit.
    pub rows_in_all: u64,
    /// False when steps begin or end within a UTC day of which the quarter-hours are not kept any more: that day
    /// counts in the step in which it begins.
    pub is_exact: bool,
}

/// What one step and group adds up to. Those without usage are absent.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Answer {
    pub step: i64,
    pub name: String,
    pub second: String,
    #[sqlx(flatten)]
    pub totals: Totals,
}

#[derive(sqlx::FromRow)]
struct Row {
    rows_in_all: i64,
    #[sqlx(flatten)]
    answer: Answer,
}

/// Values before the segments: level, two groupings, six filters of what, limit.
const FIXED: usize = 10;
/// And six filters of who, or six lists of what.
const FIXED_OF_SOME: usize = 16;
/// And six lists of what and six of who.
const FIXED_OF_SOME_AMONG: usize = 28;

macro_rules! cells {
    ($table:literal, $grain:literal, $from:literal) => {
        concat!(
            "SELECT s.step + (u.at - s.since) / s.width AS step, u.who, u.what, u.requests, u.attempts, u.failures,
               u.refusals, u.cancellations, u.input_tokens, u.output_tokens, u.cache_read_tokens, u.cache_write_tokens,
               u.reasoning_tokens, u.cost_nano, u.duration_micros ",
            $from, " JOIN ", $table, " u ON u.level = CAST($1 AS BIGINT) AND u.at >= s.since AND u.at < s.until
             WHERE s.grain = ", $grain
        )
    };
}
macro_rules! name {
    ($by:literal) => {
        concat!(
            "COALESCE(CASE CAST(", $by, " AS BIGINT)
               WHEN 1 THEN o.organization_id WHEN 2 THEN o.team_id WHEN 3 THEN o.user_id WHEN 4 THEN o.api_key
               WHEN 5 THEN o.customer WHEN 6 THEN o.tag WHEN 7 THEN w.model_group WHEN 8 THEN w.model
               WHEN 9 THEN w.provider WHEN 10 THEN w.deployment_id WHEN 11 THEN w.endpoint WHEN 12 THEN w.status
               ELSE '' END, '')"
        )
    };
}
macro_rules! is {
    ($column:literal, $value:literal) => {
        concat!("(CAST(", $value, " AS TEXT) IS NULL OR ", $column, " = CAST(", $value, " AS TEXT))")
    };
}

macro_rules! who {
    () => {
        concat!(
            is!("f.organization_id", "$11"),
            " AND ",
            is!("f.team_id", "$12"),
            " AND ",
            is!("f.user_id", "$13"),
            " AND ",
            is!("f.api_key", "$14"),
            " AND ",
            is!("f.customer", "$15"),
            " AND ",
            is!("f.tag", "$16")
        )
    };
}
macro_rules! what {
    () => {
        concat!(
            is!("w.model_group", "$4"),
            " AND ",
            is!("w.model", "$5"),
            " AND ",
            is!("w.provider", "$6"),
            " AND ",
            is!("w.deployment_id", "$7"),
            " AND ",
            is!("w.endpoint", "$8"),
            " AND ",
            is!("w.status", "$9")
        )
    };
}
pub(super) use {is, name, what};

/// A list as [`Among`] writes it has the name, or as an exception has it not.
macro_rules! among {
    ($column:literal, $list:literal) => {
        concat!(
            "(CAST(",
            $list,
            " AS TEXT) IS NULL OR (REPLACE(",
            $list,
            ", '\u{1f}' || ",
            $column,
            " || '\u{1f}', '') <> ",
            $list,
            ") = (SUBSTR(",
            $list,
            ", 1, 1) <> '!'))"
        )
    };
}
macro_rules! what_among {
    ($group:literal, $model:literal, $provider:literal, $deployment:literal, $endpoint:literal, $status:literal) => {
        concat!(
            among!("w.model_group", $group),
            " AND ",
            among!("w.model", $model),
            " AND ",
            among!("w.provider", $provider),
            " AND ",
            among!("w.deployment_id", $deployment),
            " AND ",
            among!("w.endpoint", $endpoint),
            " AND ",
            among!("w.status", $status)
        )
    };
}
macro_rules! who_among {
    () => {
        concat!(
            among!("f.organization_id", "$23"),
            " AND ",
            among!("f.team_id", "$24"),
            " AND ",
            among!("f.user_id", "$25"),
            " AND ",
            among!("f.api_key", "$26"),
            " AND ",
            among!("f.customer", "$27"),
            " AND ",
            among!("f.tag", "$28")
        )
    };
}
/// What cells sum up, summed up; `$of` is whose columns they are.
macro_rules! sums {
    ($of:literal) => {
        concat!(
            "CAST(SUM(",
            $of,
            "requests) AS BIGINT) AS requests, ",
            "CAST(SUM(",
            $of,
            "attempts) AS BIGINT) AS attempts, ",
            "CAST(SUM(",
            $of,
            "failures) AS BIGINT) AS failures, ",
            "CAST(SUM(",
            $of,
            "refusals) AS BIGINT) AS refusals, ",
            "CAST(SUM(",
            $of,
            "cancellations) AS BIGINT) AS cancellations, ",
            "CAST(SUM(",
            $of,
            "input_tokens) AS BIGINT) AS input_tokens, ",
            "CAST(SUM(",
            $of,
            "output_tokens) AS BIGINT) AS output_tokens, ",
            "CAST(SUM(",
            $of,
            "cache_read_tokens) AS BIGINT) AS cache_read_tokens, ",
            "CAST(SUM(",
            $of,
            "cache_write_tokens) AS BIGINT) AS cache_write_tokens, ",
            "CAST(SUM(",
            $of,
            "reasoning_tokens) AS BIGINT) AS reasoning_tokens, ",
            "CAST(SUM(",
            $of,
            "cost_nano) AS BIGINT) AS cost_nano, ",
            "CAST(SUM(",
            $of,
            "duration_micros) AS BIGINT) AS duration_micros"
        )
    };
}
/// Names come to sums of numbers, which are few: to sum up by text what cells there are takes twice the time.
macro_rules! summed {
    ($what:expr) => {
        concat!(
            " SELECT COUNT(*) OVER () AS rows_in_all, c.step, ",
            name!("$2"),
            " AS name, ",
            name!("$3"),
            " AS second, ",
            sums!("c."),
            "
             FROM c LEFT JOIN usage_who o ON o.id = c.who LEFT JOIN usage_what w ON w.id = c.what
             WHERE ",
            what!(),
            $what,
            "
             GROUP BY 2, 3, 4 ORDER BY cost_nano DESC, requests DESC, 2, 3, 4 LIMIT CAST($10 AS BIGINT)"
        )
    };
}
macro_rules! question {
    ($name:literal, $fixed:expr, $from:literal, $tail:expr, $what:expr) => {
        LazyLock::new(|| {
            Listed::new(
                $name,
                $fixed,
                "WITH s (grain, since, until, step, width) AS (",
                &["BIGINT"; 5],
                concat!(
                    "), cells AS (",
                    cells!("usage_quarters", "0", $from),
                    $tail,
                    " UNION ALL ",
                    cells!("usage_days", "1", $from),
                    $tail,
                    " UNION ALL ",
                    cells!("usage_months", "2", $from),
                    $tail,
                    "), c AS (SELECT step, who, what, ",
                    sums!(""),
                    " FROM cells GROUP BY step, who, what)",
                    summed!($what)
                ),
            )
        })
    };
}

/// Of everyone.
static OF_ALL: LazyLock<Listed> = question!("ASK_OF_ALL", FIXED, "FROM s", "", "");
/// Of some, whose cells are found by who they are.
static OF_SOME: LazyLock<Listed> = question!(
    "ASK_OF_SOME",
    FIXED_OF_SOME,
    "FROM usage_who f CROSS JOIN s",
    concat!(" AND u.who = f.id AND ", who!()),
    ""
);
/// Of everyone, held against lists.
static OF_ALL_AMONG: LazyLock<Listed> = question!(
    "ASK_OF_ALL_AMONG",
    FIXED_OF_SOME,
    "FROM s",
    "",
    concat!(" AND ", what_among!("$11", "$12", "$13", "$14", "$15", "$16"))
);
/// Of some, held against lists.
static OF_SOME_AMONG: LazyLock<Listed> = question!(
    "ASK_OF_SOME_AMONG",
    FIXED_OF_SOME_AMONG,
    "FROM usage_who f CROSS JOIN s",
    concat!(" AND u.who = f.id AND ", who!(), " AND ", who_among!()),
    concat!(" AND ", what_among!("$17", "$18", "$19", "$20", "$21", "$22"))
);

pub(super) fn lists() -> [&'static Listed; 4] {
    [&OF_ALL, &OF_SOME, &OF_ALL_AMONG, &OF_SOME_AMONG]
}

impl Question {
    pub(super) fn asks(&self, dimension: Dimension) -> bool {
        let is_among = self.among.iter().any(|among| among.dimension == dimension);
        self.by.contains(&Some(dimension)) || self.filter(dimension).is_some() || is_among
    }

    pub(super) fn filters_any(&self, dimensions: &[Dimension]) -> bool {
        let of_filters = self.filters.iter().map(|filter| filter.dimension);
        of_filters.chain(self.among.iter().map(|among| among.dimension)).any(|of| dimensions.contains(&of))
    }

    fn asks_any(&self, dimensions: &[Dimension]) -> bool {
        dimensions.iter().any(|dimension| self.asks(*dimension))
    }

    pub(super) fn filter(&self, dimension: Dimension) -> Option<&str> {
        let filter = self.filters.iter().rev().find(|filter| filter.dimension == dimension);
        filter.map(|filter| filter.is.as_str())
    }

    /// The smallest cells that tell the dimensions apart; `None` where none do.
    fn level(&self) -> Option<Level> {
        let (owners, what) = (self.asks_any(&WHOS[..4]), self.asks_any(&WHATS));
        match (self.asks(Dimension::Customer), self.asks(Dimension::Tag)) {
            (false, false) if !owners => Some(Level::All),
            (false, false) if !self.asks_any(&[Dimension::User, Dimension::Key]) => Some(Level::Team),
            (false, false) if !what => Some(Level::Key),
            (false, false) => Some(Level::KeyWhat),
            (true, false) if !owners => Some(Level::Customer),
            (false, true) if !owners => Some(Level::Tag),
            _ => None,
        }
    }
}

pub(super) const WHOS: [Dimension; 6] = [
    Dimension::Organization,
    Dimension::Team,
    Dimension::User,
    Dimension::Key,
    Dimension::Customer,
    Dimension::Tag,
];
pub(super) const WHATS: [Dimension; 6] = [
    Dimension::ModelGroup,
    Dimension::Model,
    Dimension::Provider,
    Dimension::Deployment,
    Dimension::Endpoint,
    Dimension::Status,
];

impl Usage<'_> {
    /// The sums that a question asks for.
    ///
    /// # Errors
    /// [`StoreError::NotCounted`] for a combination of dimensions that is not counted, or when the database fails or takes too long.
    pub async fn ask(&self, question: &Question) -> Result<Answers, StoreError> {
        ask(self.db, question).await
    }
}

pub(crate) async fn ask(db: &Db, question: &Question) -> Result<Answers, StoreError> {
    let level = question.level().ok_or(StoreError::NotCounted)?;
    match top::is_worth_it(question, level) {
        true => top::ask_top(db, question, level).await,
        false => ask_whole(db, question, level).await,
    }
}

pub(super) async fn ask_whole(db: &Db, question: &Question, level: Level) -> Result<Answers, StoreError> {
    let (of_some, is_among) = (question.filters_any(&WHOS), !question.among.is_empty());
    let list: &'static Listed = match (of_some, is_among) {
        (false, false) => &OF_ALL,
        (true, false) => &OF_SOME,
        (false, true) => &OF_ALL_AMONG,
        (true, true) => &OF_SOME_AMONG,
    };
    let by = question.by.map(|by| by.map_or(0, |by| by as i64));
    let among = |dimensions: [Dimension; 6]| dimensions.map(|of| Among::listed(&question.among, of));
    let (of_what, of_who) = (among(WHATS), among(WHOS));
    let rows = read!(db, Report, |connection| {
        let whole: Whole = sqlx::query_as(NOW_WHOLE).fetch_one(&mut **connection).await?;
        let (text, values) = listed(list, &plan(&question.timeline, whole))?;
        let mut query = sqlx::query_as(text).bind(level as i64).bind(by[0]).bind(by[1]);
        query = WHATS.iter().fold(query, |query, what| query.bind(question.filter(*what)));
        query = query.bind(i64::from(question.limit.max(1)));
        if of_some {
            query = WHOS.iter().fold(query, |query, who| query.bind(question.filter(*who)));
        }
        if is_among {
            query = of_what.iter().fold(query, |query, list| query.bind(list));
        }
        if of_some && is_among {
            query = of_who.iter().fold(query, |query, list| query.bind(list));
        }
        query = values.into_iter().fold(query, |query, value| query.bind(value));
        let rows: Vec<Row> = query.fetch_all(&mut **connection).await?;
        (rows, question.timeline.is_exact(whole))
    });
    let (rows, is_exact) = rows?;
    let rows_in_all = rows.first().map_or(0, |row| u64::try_from(row.rows_in_all).unwrap_or(0));
    Ok(Answers { rows: rows.into_iter().map(|row| row.answer).collect(), rows_in_all, is_exact })
}
