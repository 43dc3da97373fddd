//! The dearest names of a time, found by their cost alone: so that everything else is summed up of these few. Of ten thousand keys
//! that is a sixth of the work.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::ask::{Answers, Question, WHATS, WHOS, ask_whole, is, name, what};
use super::cells::{NOW_WHOLE, Whole};
use super::plan::{listed, plan};
use super::{Among, Level};
use crate::StoreError;
use crate::db::Db;
use crate::reads::read;
use crate::values::Listed;

/// Names that are looked for at most. To ask for more at once costs no more than to ask for all.
const TOP_MAX: u32 = 250;
/// Values before the segments: level, two groupings, six filters of what, limit.
const FIXED: usize = 10;

macro_rules! costs {
    ($table:literal, $grain:literal) => {
        concat!(
            "SELECT u.who, u.what, u.cost_nano, u.requests FROM s JOIN ",
            $table,
            " u ON u.level = CAST($1 AS BIGINT) AND u.at >= s.since AND u.at < s.until WHERE s.grain = ",
            $grain
        )
    };
}

static TOP: LazyLock<Listed> = LazyLock::new(|| {
    Listed::new(
        "ASK_TOP",
        FIXED,
        "WITH s (grain, since, until, step, width) AS (",
        &["BIGINT"; 5],
        concat!(
            "), c AS (SELECT who, what, CAST(SUM(cost_nano) AS BIGINT) AS cost, CAST(SUM(requests) AS BIGINT) AS asked FROM (",
            costs!("usage_quarters", "0"),
            " UNION ALL ",
            costs!("usage_days", "1"),
            " UNION ALL ",
            costs!("usage_months", "2"),
            ") AS u GROUP BY who, what)
             SELECT COUNT(*) OVER () AS rows_in_all, ",
            name!("$2"),
            " AS name, ",
            name!("$3"),
            " AS second
             FROM c LEFT JOIN usage_who o ON o.id = c.who LEFT JOIN usage_what w ON w.id = c.what WHERE ",
            what!(),
            " GROUP BY 2, 3 ORDER BY SUM(c.cost) DESC, SUM(c.asked) DESC, 2, 3 LIMIT CAST($10 AS BIGINT)"
        ),
    )
});

pub(super) fn lists() -> [&'static Listed; 1] {
    [&TOP]
}

#[derive(sqlx::FromRow)]
struct Row {
    rows_in_all: i64,
    name: String,
    second: String,
}

/// Whether there may be many more names than are asked for.
pub(super) fn is_worth_it(question: &Question, level: Level) -> bool {
    let is_of_all = question.among.is_empty() && !question.filters_any(&WHOS);
    let is_whole = question.timeline.steps().count() == 1;
    level != Level::All && is_of_all && is_whole && question.by[0].is_some() && question.limit <= TOP_MAX
}

/// The answer to a question about one step: its names first, then all that is asked of them.
pub(super) async fn ask_top(db: &Db, question: &Question, level: Level) -> Result<Answers, StoreError> {
    let top = top(db, question, level).await?;
    let Some(first) = top.first() else {
        return ask_whole(db, question, level).await;
    };
    let rows_in_all = u64::try_from(first.rows_in_all).unwrap_or(0);
    let among = |name: fn(&Row) -> &String| {
        top.iter().map(name).collect::<BTreeSet<_>>().into_iter().cloned().collect()
    };
    let names: [Vec<String>; 2] = [among(|row| &row.name), among(|row| &row.second)];
    let pairs_max = names.iter().map(Vec::len).product::<usize>();
    let these = question.by.into_iter().zip(names).filter_map(|(by, names)| Some(Among::these(by?, names)));
    // Of two dimensions, every name of one with every name of the other.
    let of_these = Question {
        among: these.collect(),
        limit: u32::try_from(pairs_max).unwrap_or(u32::MAX),
        ..question.clone()
    };
    let mut answers = ask_whole(db, &of_these, level).await?;
    let pairs = top.iter().map(|row| (&row.name, &row.second)).collect::<BTreeSet<_>>();
    answers.rows.retain(|answer| pairs.contains(&(&answer.name, &answer.second)));
    Ok(Answers { rows_in_all, ..answers })
}

async fn top(db: &Db, question: &Question, level: Level) -> Result<Vec<Row>, StoreError> {
    let by = question.by.map(|by| by.map_or(0, |by| by as i64));
    read!(db, Report, |connection| {
        let whole: Whole = sqlx::query_as(NOW_WHOLE).fetch_one(&mut **connection).await?;
        let (text, values) = listed(&TOP, &plan(&question.timeline, whole))?;
        let mut query = sqlx::query_as(text).bind(level as i64).bind(by[0]).bind(by[1]);
        query = WHATS.iter().fold(query, |query, what| query.bind(question.filter(*what)));
        query = query.bind(i64::from(question.limit.max(1)));
        query = values.into_iter().fold(query, |query, value| query.bind(value));
        query.fetch_all(&mut **connection).await?
    })
}
