//! How long the calls of groups took: histograms by whom or what they were.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::among::Among;
use super::ask::{Dimension, Filter, WHATS, WHOS, is, name};
use super::cells::{NOW_WHOLE, Whole};
use super::latency::Timed;
use super::plan::{Timeline, listed, plan};
use super::{Level, Usage};
use crate::StoreError;
use crate::reads::read;
use crate::spend::Latency;
use crate::values::Listed;

/// Values before the segments: level, kind, grouping, a list of names and twelve filters.
const FIXED: usize = 16;

macro_rules! cells {
    ($table:literal, $grain:literal) => {
        concat!(
            "SELECT l.who, l.what, l.bucket, l.requests FROM s JOIN ", $table,
            " l ON l.level = CAST($1 AS BIGINT) AND l.kind = CAST($2 AS BIGINT) AND l.at >= s.since AND l.at < s.until
             WHERE s.grain = ", $grain
        )
    };
}

static OF_GROUPS: LazyLock<Listed> = LazyLock::new(|| {
    Listed::new(
        "LATENCY_OF_GROUPS",
        FIXED,
        "WITH s (grain, since, until, step, width) AS (",
        &["BIGINT"; 5],
        concat!(
            "), c AS (",
            cells!("latency_quarters", "0"),
            " UNION ALL ",
            cells!("latency_days", "1"),
            " UNION ALL ",
            cells!("latency_months", "2"),
            "), g AS (SELECT ",
            name!("$3"),
            " AS name, c.bucket, c.requests
             FROM c LEFT JOIN usage_who o ON o.id = c.who LEFT JOIN usage_what w ON w.id = c.what WHERE ",
            is!("o.organization_id", "$5"),
            " AND ",
            is!("o.team_id", "$6"),
            " AND ",
            is!("o.user_id", "$7"),
            " AND ",
            is!("o.api_key", "$8"),
            " AND ",
            is!("o.customer", "$9"),
            " AND ",
            is!("o.tag", "$10"),
            " AND ",
            is!("w.model_group", "$11"),
            " AND ",
            is!("w.model", "$12"),
            " AND ",
            is!("w.provider", "$13"),
            " AND ",
            is!("w.deployment_id", "$14"),
            " AND ",
            is!("w.endpoint", "$15"),
            " AND ",
            is!("w.status", "$16"),
            ")
             SELECT name, bucket, CAST(SUM(requests) AS BIGINT) AS requests FROM g
             WHERE CAST($4 AS TEXT) IS NULL OR REPLACE($4, '\u{1f}' || name || '\u{1f}', '') <> $4
             GROUP BY 1, 2 ORDER BY 1, 2"
        ),
    )
});

pub(super) fn lists() -> [&'static Listed; 1] {
    [&OF_GROUPS]
}

impl Usage<'_> {
    /// How long the calls of each of these groups took, or until their first byte. `None` where that is not counted: of
    /// customers and tags, and of someone and something at once.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn timed(
        &self,
        timeline: &Timeline,
        timed: Timed,
        by: Dimension,
        names: Vec<String>,
        filters: &[Filter],
    ) -> Result<Option<HashMap<String, Latency>>, StoreError> {
        let these = Among::listed(&[Among::these(by, names)], by);
        self.histograms(timeline, timed, Some(by), these, filters).await
    }

    /// The same of all calls together.
    ///
    /// # Errors
    /// When the database fails or takes too long.
    pub async fn timed_in_all(
        &self,
        timeline: &Timeline,
        timed: Timed,
        filters: &[Filter],
    ) -> Result<Option<Latency>, StoreError> {
        let found = self.histograms(timeline, timed, None, None, filters).await?;
        Ok(found.map(|mut found| found.remove("").unwrap_or_default()))
    }

    async fn histograms(
        &self,
        timeline: &Timeline,
        timed: Timed,
        by: Option<Dimension>,
        these: Option<String>,
        filters: &[Filter],
    ) -> Result<Option<HashMap<String, Latency>>, StoreError> {
        let Some(level) = level(by, filters) else { return Ok(None) };
        let filter = |of: Dimension| filters.iter().rev().find(|filter| filter.dimension == of);
        let by = by.map_or(0, |by| by as i64);
        let rows: Vec<(String, i64, i64)> = read!(self.db, Report, |connection| {
            let whole: Whole = sqlx::query_as(NOW_WHOLE).fetch_one(&mut **connection).await?;
            let (text, values) = listed(&OF_GROUPS, &plan(timeline, whole))?;
            let mut query = sqlx::query_as(text).bind(level as i64).bind(timed as i64).bind(by).bind(&these);
            let filtered = WHOS.into_iter().chain(WHATS);
            query = filtered.fold(query, |query, of| query.bind(filter(of).map(|filter| filter.is.as_str())));
            query = values.into_iter().fold(query, |query, value| query.bind(value));
            query.fetch_all(&mut **connection).await?
        })?;
        let mut found = HashMap::<String, Latency>::new();
        for (name, bucket, requests) in rows {
            found.entry(name).or_default().push(bucket, requests);
        }
        Ok(Some(found))
    }
}

/// The cells that have the histograms: by what was used, or by key.
fn level(by: Option<Dimension>, filters: &[Filter]) -> Option<Level> {
    let asked = || filters.iter().map(|filter| filter.dimension).chain(by);
    if asked().all(|of| WHATS.contains(&of)) {
        Some(Level::All)
    } else if asked().all(|of| WHOS[..4].contains(&of)) {
        Some(Level::Key)
    } else {
        None
    }
}
