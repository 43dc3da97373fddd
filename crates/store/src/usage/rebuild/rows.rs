//! Counts the rows of a time anew.

use kit::Timestamp;

use super::{Rebuilding, State, Unit};
use crate::StoreError;
use crate::db::Tx;
use crate::ledger::EventRow;
use crate::usage::MICROS_PER_QUARTER;
use crate::usage::cells::Grain;
use crate::usage::counted::{Counted, sums};
use crate::usage::names::{Learned, Unmet};
use crate::usage::pages::Pages;

/// Rows that are in memory at once.
const ROWS_AT_ONCE_MAX: i64 = 1_000;

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
