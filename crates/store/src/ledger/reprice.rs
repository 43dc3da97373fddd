//! Calls at other prices: their rows, all that was summed up of them, and a word of it in the audit log.

use std::sync::LazyLock;

use domain::UsageEvent;
use kit::{Money, Timestamp};
use serde_json::json;

use super::EventRow;
use crate::StoreError;
use crate::audit::{Actor, Change, Object};
use crate::db::{Db, Tx, on};
use crate::model_budgets::Budgeted;
use crate::usage::{Learned, Names, Pages};
use crate::values::Batch;

/// Rows that one transaction changes: shippers wait for it.
const ROWS_AT_ONCE_MAX: i64 = 500;
/// On the compatible surface.
const TABLE: &str = "LiteLLM_SpendLogs";

pub(super) static PRICE: LazyLock<Batch> = LazyLock::new(|| {
    Batch::new(
        "PRICE_EVENTS",
        "UPDATE usage_events SET cost_nano = priced.column2, price_version = priced.column3 FROM (",
        &["TEXT", "BIGINT", "TEXT"],
        ") AS priced WHERE usage_events.id = priced.column1",
    )
});

/// What a call costs, and by which version of the prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCost {
    pub cost: Money,
    pub price_version: Box<str>,
}

/// What some calls came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repriced {
    /// Calls that were looked at.
    pub calls: u64,
    /// Of them, those for which there is no price, or nothing to multiply it with: they stay as they are.
    pub left: u64,
    /// Of them, those that cost something else now.
    pub changed: u64,
    /// What the changed ones cost before, and do now.
    pub before: Money,
    pub after: Money,
}

impl std::ops::AddAssign for Repriced {
    fn add_assign(&mut self, more: Self) {
        self.calls += more.calls;
        self.left += more.left;
        self.changed += more.changed;
        self.before = self.before.saturating_add(more.before);
        self.after = self.after.saturating_add(more.after);
    }
}

pub struct Repricing<'a> {
    pub(crate) db: &'a Db,
    pub(crate) names: &'a Names,
}

impl Repricing<'_> {
    /// Looks at the next calls; `None` when there are no more. Nothing is changed.
    ///
    /// # Errors
    /// When the database fails, or holds a row that cannot be read.
    pub async fn look(
        &self,
        pages: &mut Pages,
        price: impl Fn(&UsageEvent) -> Option<NewCost>,
    ) -> Result<Option<Repriced>, StoreError> {
        let rows = self.db.snapshot().await?.page(pages, ROWS_AT_ONCE_MAX).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let (repriced, _) = priced(&rows, price)?;
        pages.pass(last);
        Ok(Some(repriced))
    }

    /// Changes the next calls that cost something else now, in one short transaction: their rows, the roll-ups, the running totals of
    /// everyone whom they were charged to, and what counts against budgets. `None` when there are no more. What is changed is in the
    /// audit log. Done again, it changes nothing.
    ///
    /// # Errors
    /// When the database fails, or holds a row that cannot be read; then none of these calls is changed.
    pub async fn apply(
        &self,
        pages: &mut Pages,
        price: impl Fn(&UsageEvent) -> Option<NewCost>,
        what: &str,
        actor: &Actor,
    ) -> Result<Option<Repriced>, StoreError> {
        // Nearly all pages of a second run are as they should be: those hold up nobody.
        let mut ahead = pages.clone();
        match self.look(&mut ahead, &price).await? {
            Some(repriced) if repriced.changed > 0 => {}
            unchanged => {
                *pages = ahead;
                return Ok(unchanged);
            }
        }
        let mut tx = self.db.begin().await?;
        let at = tx.tick_ledger(actor.at).await?;
        let rows = tx.page(pages, ROWS_AT_ONCE_MAX).await?;
        let Some(last) = rows.last() else { return Ok(None) };
        let (repriced, changes) = priced(&rows, price)?;
        tx.set_costs(&changes).await?;
        let learned = self.add_up(&mut tx, &changes, at).await?;
        tx.audit(
            Change {
                action: "repriced",
                object: Object { table: TABLE, id: what.to_owned(), team_id: None, key_hash: None },
                before: Some(json!({ "calls": repriced.changed, "nano_dollars": repriced.before.nano() })),
                after: Some(json!({ "calls": repriced.changed, "nano_dollars": repriced.after.nano(),
                                    "first_call": changes.first().map(|change| &*change.row.id),
                                    "last_call": changes.last().map(|change| &*change.row.id) })),
            },
            actor,
        )
        .await?;
        tx.commit().await?;
        self.names.learn(learned);
        pages.pass(last);
        Ok(Some(repriced))
    }

    /// Moves all sums by what the calls cost more or less.
    async fn add_up(&self, tx: &mut Tx, changes: &[Costs<'_>], at: Timestamp) -> Result<Learned, StoreError> {
        let mut more = changes.iter().map(Costs::difference).collect::<Vec<_>>();
        let learned = tx.add_costs(&more.iter().collect::<Vec<_>>(), self.names).await?;
        // What a key that got a new secret has spent is its heir's.
        let heirs = tx.heirs(&more.iter().collect::<Vec<_>>()).await?;
        for row in &mut more {
            if let Some(heir) = heirs.get(&row.api_key) {
                row.api_key = heir.clone();
            }
        }
        let rows = more.iter().collect::<Vec<_>>();
        let look = tx.look().await?;
        let budgeted = if look.has_model_budgets { tx.budgeted(&rows).await? } else { Budgeted::default() };
        tx.add_totals(&rows, &budgeted, at).await?;
        tx.add_spend(&rows, at).await?;
        tx.raise_bases(&rows, look.newest_window, &budgeted).await?;
        Ok(learned)
    }
}

/// A row, and what it costs now.
struct Costs<'r> {
    row: &'r EventRow,
    now: NewCost,
}

impl Costs<'_> {
    /// A row that adds nothing to any sum but what the call costs more.
    fn difference(&self) -> EventRow {
        EventRow {
            input_tokens: 0,
            output_tokens: 0,
            superseded: 1,
            cost_nano: self.now.cost.nano().saturating_sub(self.row.cost_nano),
            ..self.row.clone()
        }
    }
}

/// Which of some rows cost something else now.
fn priced(
    rows: &[EventRow],
    price: impl Fn(&UsageEvent) -> Option<NewCost>,
) -> Result<(Repriced, Vec<Costs<'_>>), StoreError> {
    let mut repriced = Repriced { calls: rows.len() as u64, ..Repriced::default() };
    let mut changes = Vec::new();
    for row in rows {
        let Some(now) = price(&UsageEvent::try_from(row.clone())?) else {
            repriced.left += 1;
            continue;
        };
        if now.cost.nano() != row.cost_nano {
            repriced.changed += 1;
            repriced.before = repriced.before.saturating_add(Money(row.cost_nano));
            repriced.after = repriced.after.saturating_add(now.cost);
            changes.push(Costs { row, now });
        }
    }
    Ok((repriced, changes))
}

impl Tx {
    async fn set_costs(&mut self, changes: &[Costs<'_>]) -> Result<(), StoreError> {
        for (text, part) in PRICE.parts(changes, self.placeholders()) {
            on!(&mut *self, |tx| {
                let mut query = sqlx::query(text);
                for Costs { row, now } in part {
                    query = query.bind(row.id.clone()).bind(now.cost.nano()).bind(&*now.price_version);
                }
                query.execute(&mut **tx).await.map(|_| ())
            })?;
        }
        Ok(())
    }
}
