//! Rows of single calls of a time, some at once.

use kit::Timestamp;

use crate::StoreError;
use crate::db::{Tx, on};
use crate::ledger::{EventRow, event_columns, ids_of};
use crate::sql::statements;

const MICROS_PER_DAY: i64 = 86_400_000_000;

statements! {
    // From where the page before ended.
    ROWS = concat!("SELECT ", event_columns!(), " FROM usage_events
            WHERE started_at >= $1 AND started_at < CAST($2 AS BIGINT)
              AND (started_at > $1 OR id > $3) AND id >= $4 AND id < $5
              AND (CAST($6 AS TEXT) IS NULL OR model = $6) AND (CAST($7 AS TEXT) IS NULL OR model_group = $7)
            ORDER BY started_at, id LIMIT CAST($8 AS BIGINT)");
}

/// Calls that began in a time, in the order of when they did, and how far one is with them.
#[derive(Clone, Debug)]
pub struct Pages {
    from: i64,
    until: i64,
    after: String,
    ids: [String; 2],
    model: Option<String>,
    model_group: Option<String>,
}

impl Pages {
    pub(crate) fn new(from: Timestamp, until: Timestamp) -> Self {
        let ids = ids_of(from, until);
        let (from, until) = (from.micros(), until.micros());
        Self { from, until, after: String::new(), ids, model: None, model_group: None }
    }

    /// All of a UTC day, counted since 1970.
    pub fn of_day(day: i64) -> Self {
        let [from, until] = [day, day.saturating_add(1)].map(|day| day.saturating_mul(MICROS_PER_DAY));
        Self::new(Timestamp(from), Timestamp(until))
    }

    /// Only those of a provider's model, and of a model group, where they are said.
    #[must_use]
    pub fn of(self, model: Option<String>, model_group: Option<String>) -> Self {
        Self { model, model_group, ..self }
    }

    /// Goes on after a row.
    pub(crate) fn pass(&mut self, row: &EventRow) {
        self.from = row.started_at;
        self.after = row.id.to_string();
    }
}

impl Tx {
    /// The next rows, `most` at most.
    pub(crate) async fn page(&mut self, pages: &Pages, most: i64) -> Result<Vec<EventRow>, StoreError> {
        Ok(on!(self, |tx| {
            let query = sqlx::query_as::<_, EventRow>(ROWS).bind(pages.from).bind(pages.until);
            let query = query.bind(&pages.after).bind(&pages.ids[0]).bind(&pages.ids[1]);
            let query = query.bind(&pages.model).bind(&pages.model_group).bind(most);
            query.fetch_all(&mut **tx).await?
        }))
    }
}
