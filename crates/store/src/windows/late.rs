//! Calls that are shipped after the window in which they began is over: they belong to it, so they count no more.

use std::collections::BTreeMap;

use crate::StoreError;
use crate::db::{Tx, on};
use crate::ledger::EventRow;
use crate::ledger::charged;
use crate::model_budgets::Budgeted;
use crate::sql::statements;

statements! {
    BEGUN_AFTER = "SELECT duration, starts_at FROM budget_windows
                   WHERE kind = $1 AND within = $2 AND id = $3 AND starts_at > $4";
    RAISE = "UPDATE budget_windows SET base_nano = base_nano + $5
             WHERE kind = $1 AND within = $2 AND id = $3 AND duration = $4";
}

impl Tx {
    /// Raises the bases of windows that began after some of `rows`, all of them new, did. Under the ledger's lock, as
    /// the turn of a window is, so that each call is counted in one of them.
    ///
    /// `newest` is when the newest window began.
    pub(crate) async fn raise_bases(
        &mut self,
        rows: &[&EventRow],
        newest: Option<i64>,
        budgeted: &Budgeted,
    ) -> Result<(), StoreError> {
        let Some(oldest) = rows.iter().map(|row| row.started_at).min() else { return Ok(()) };
        // Nearly always there is no such window.
        let Some(newest) = newest.filter(|newest| *newest > oldest) else { return Ok(()) };
        let is_late = |row: &&EventRow| row.started_at < newest && row.cost_nano != 0;
        let late = rows.iter().copied().filter(is_late).collect::<Vec<_>>();
        // What a key that got a new secret has spent is its heir's.
        let heirs = self.heirs(&late).await?;
        let mut costs = BTreeMap::<(&str, String, String), Vec<(i64, i64)>>::new();
        for row in late {
            for (kind, within, id) in charged(row)?.into_iter().chain(budgeted.charged(row)) {
                let heir = heirs.get(id.as_str()).filter(|_| kind == "key");
                let owner = (kind, within, heir.map_or(id, ToString::to_string));
                costs.entry(owner).or_default().push((row.started_at, row.cost_nano));
            }
        }
        for ((kind, within, id), costs) in costs {
            let oldest = costs.iter().map(|(at, _)| *at).min().unwrap_or(newest);
            let windows = on!(&mut *self, |tx| {
                let query =
                    sqlx::query_as::<_, (String, i64)>(BEGUN_AFTER).bind(kind).bind(&within).bind(&id);
                query.bind(oldest).fetch_all(&mut **tx).await?
            });
            for (duration, starts) in windows {
                let late = costs.iter().filter(|(at, _)| *at < starts).map(|(_, cost)| *cost).sum::<i64>();
                on!(&mut *self, |tx| {
                    let query = sqlx::query(RAISE).bind(kind).bind(&within).bind(&id).bind(&duration);
                    query.bind(late).execute(&mut **tx).await?;
                });
            }
        }
        Ok(())
    }
}
