//! Counts the rows of a time anew.

use kit::Timestamp;

use super::{Rebuilding, State, Unit};
use crate::StoreError;
use crate::db::{Tx, on};
use crate::ledger::{EventRow, ids_of};
use crate::sql::statements;
use crate::usage::MICROS_PER_QUARTER;
use crate::usage::cells::Grain;
use crate::usage::counted::{Counted, sums};
use crate::usage::names::{Learned, Unmet};

/// Rows that are in memory at once.
const ROWS_AT_ONCE_MAX: i64 = 1_000;

statements! {
    // From where the page before ended.
    ROWS = "SELECT * FROM usage_events WHERE started_at >= $1 AND started_at < CAST($2 AS BIGINT)
              AND (started_at > $1 OR id > $3) AND id >= $4 AND id < $5
            ORDER BY started_at, id LIMIT CAST($6 AS BIGINT)";
}

/// Rows that began in a time, in the order of when they did.
pub(crate) struct Pages {
    from: i64,
    until: i64,
    after: String,
    ids: [String; 2],
}

impl Pages {
    pub fn new(from: Timestamp, until: Timestamp) -> Self {
        let ids = ids_of(from, until);
        Self { from: from.micros(), until: until.micros(), after: String::new(), ids }
    }

    /// Goes on after a row.
    pub fn pass(&mut self, row: &EventRow) {
        self.from = row.started_at;
        self.after = row.id.to_string();
    }
}

impl Tx {
    /// The next rows, `most` at most.
    pub(crate) async fn page(&mut self, pages: &Pages, most: i64) -> Result<Vec<EventRow>, StoreError> {
        Ok(on!(self, |tx| {
            let query = sqlx::query_as::<_, EventRow>(ROWS).bind(pages.from).bind(pages.until);
            let query = query.bind(&pages.after).bind(&pages.ids[0]).bind(&pages.ids[1]).bind(most);
            query.fetch_all(&mut **tx).await?
        }))
    }
}

impl Rebuilding<'_> {
    /// What the cells of a quarter-hour or a day should be.
    pub(super) async fn counted(
        &self,
        snapshot: &mut Tx,
        unit: Unit,
        state: State,
        now: Timestamp,
    ) -> Result<Counted, StoreError> {
        let [first, end] = unit.quarters();
        // What is not folded yet is in quarter-hours alone.
        let (end, grains): (_, &[Grain]) = match unit.grain {
            Grain::Quarters => (end, &[Grain::Quarters]),
            _ => (end.min(state.folded_until), &[Grain::Days]),
        };
        let [from, until] = [first, end].map(|quarter| Timestamp(quarter.saturating_mul(MICROS_PER_QUARTER)));
        let mut pages = Pages::new(from, until);
        let (mut counted, mut learned) = (Counted::default(), Learned::default());
        loop {
            let page = snapshot.page(&pages, ROWS_AT_ONCE_MAX).await?;
            let rows = page.iter().collect::<Vec<_>>();
            let mut places = snapshot.places(&rows, self.names, &mut learned, Unmet::Leave).await?;
            if !places.is_complete {
                self.number(&rows, now).await?;
                places = snapshot.places(&rows, self.names, &mut learned, Unmet::Leave).await?;
            }
            counted.add(&rows, &places, |_| grains, sums);
            counted.add_times(&rows, &places, |_| grains);
            match page.last() {
                Some(last) if page.len() as i64 >= ROWS_AT_ONCE_MAX => pages.pass(last),
                _ => break,
            }
        }
        self.names.learn(learned);
        Ok(counted)
    }

    /// Gives the names of rows their numbers.
    async fn number(&self, rows: &[&EventRow], now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.tick_ledger(now).await?;
        let mut learned = Learned::default();
        tx.places(rows, self.names, &mut learned, Unmet::Number).await?;
        tx.commit().await?;
        self.names.learn(learned);
        Ok(())
    }
}
