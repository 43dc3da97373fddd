//! Takes in what the gateways did: each event once, with the totals and roll-ups that follow from it.

mod event;
mod keep;
mod reprice;
mod running;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, LazyLock};

use domain::UsageEvent;
use kit::{KeyHash, Money, Timestamp};

pub(crate) use event::{EventRow, event_columns};
pub(crate) use keep::{first_id, ids_of};
pub use reprice::{NewCost, Repriced, Repricing};
pub use running::{RunningTotal, TotalOf};
pub(crate) use running::{charged, tags};

use crate::StoreError;
use crate::db::{Db, Tx, on};
use crate::model_budgets::Budgeted;
use crate::sql::statements;
use crate::usage::Names;
use crate::values::Batch;

statements! {
    // One shipper at a time, and a time for each that is later than the one before.
    TICK = "UPDATE ledger_clock SET at = CASE WHEN at < CAST($1 AS BIGINT) THEN $1 ELSE at + 1 END
            WHERE id = 1 RETURNING at";
    LOOK = "SELECT (SELECT MAX(starts_at) FROM budget_windows) AS newest_window,
                   EXISTS (SELECT 1 FROM model_budgets) AS has_model_budgets";
    SUCCESSOR = "SELECT replaced_by FROM deleted_keys WHERE hash = $1 AND replaced_by IS NOT NULL";
}

/// How many new secrets in a row late spend follows.
const SUCCESSIONS_MAX: u32 = 8;

static ADD_SPEND: LazyLock<Batch> = LazyLock::new(|| {
    Batch::new(
        "ADD_SPEND",
        "UPDATE keys SET spend_nano = spend_nano + added.column2, spend_changed_at = added.column3 FROM (",
        &["TEXT", "BIGINT", "BIGINT"],
        ") AS added WHERE keys.hash = added.column1 RETURNING hash, spend_nano",
    )
});

/// Every statement of the ledger that takes one row.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [ALL, keep::ALL, running::ALL].concat()
}

/// Every statement of the ledger that takes many rows.
pub(crate) fn batches() -> [&'static Batch; 5] {
    [&event::FIND, &event::INSERT, &running::ADD_TOTALS, &ADD_SPEND, &reprice::PRICE]
}

/// What is thought of a batch before it is stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    AllNew,
    SomeKnown,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shipped {
    /// How many events were new; the rest had been shipped before.
    pub inserted: usize,
    /// The new total of each key that was charged.
    pub key_spend: Vec<(KeyHash, Money)>,
    /// The ledger's time of the batch; `None` when some of it had been shipped before.
    pub at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Look {
    newest_window: Option<i64>,
    has_model_budgets: bool,
}

pub struct Ledger<'a> {
    pub(crate) db: &'a Db,
    pub(crate) names: &'a Names,
}

impl Ledger<'_> {
    /// Stores events in one transaction. An event that is there already changes nothing, so a batch may be
    /// shipped again when its outcome is not known.
    ///
    /// # Errors
    /// When the database fails; then nothing of the batch is stored, or all of it is.
    pub async fn ship(&self, events: &[UsageEvent], now: Timestamp) -> Result<Shipped, StoreError> {
        if events.is_empty() {
            return Ok(Shipped::default());
        }
        let rows = EventRow::of(events)?;
        let mut seen = HashSet::new();
        let rows = rows.iter().filter(|row| seen.insert(&row.id)).collect::<Vec<_>>();
        // Nearly always all are new; asking which are costs as much as a good part of the insert.
        match self.store(rows.clone(), Expect::AllNew, now).await? {
            Some(shipped) => Ok(shipped),
            None => self.store(rows, Expect::SomeKnown, now).await.map(Option::unwrap_or_default),
        }
    }

    /// One transaction; `None`, with nothing stored, when all were expected to be new and some were not.
    async fn store(
        &self,
        mut rows: Vec<&EventRow>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<Option<Shipped>, StoreError> {
        let mut tx = self.db.begin().await?;
        let at = tx.tick_ledger(now).await?;
        if expect == Expect::SomeKnown {
            let known = tx.find_events(&rows).await?;
            rows.retain(|row| !known.contains(&*row.id));
        }
        let inserted = tx.insert_events(&rows).await?;
        if expect == Expect::AllNew && inserted < rows.len() as u64 {
            return Ok(None);
        }
        let look = tx.look().await?;
        let budgeted = if look.has_model_budgets { tx.budgeted(&rows).await? } else { Budgeted::default() };
        let learned = tx.add_usage(&rows, self.names).await?;
        tx.add_totals(&rows, &budgeted, at).await?;
        let key_spend = tx.add_spend(&rows, at).await?;
        tx.raise_bases(&rows, look.newest_window, &budgeted).await?;
        tx.commit().await?;
        self.names.learn(learned);
        let at = Some(at).filter(|_| expect == Expect::AllNew);
        Ok(Some(Shipped { inserted: rows.len(), key_spend, at }))
    }
}

impl Tx {
    /// Takes the shippers' lock until commit.
    pub(crate) async fn tick_ledger(&mut self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let at = on!(self, |tx| {
            sqlx::query_scalar::<_, i64>(TICK).bind(now.micros()).fetch_one(&mut **tx).await
        })?;
        Ok(Timestamp(at))
    }

    /// What of the budgets decides whether a batch has more to do than to add.
    async fn look(&mut self) -> Result<Look, StoreError> {
        Ok(on!(self, |tx| sqlx::query_as::<_, Look>(LOOK).fetch_one(&mut **tx).await?))
    }

    /// Charges each key; what belongs to a key that got a new secret meanwhile goes to its successor.
    async fn add_spend(
        &mut self,
        rows: &[&EventRow],
        at: Timestamp,
    ) -> Result<Vec<(KeyHash, Money)>, StoreError> {
        let mut charges = BTreeMap::<Arc<str>, i64>::new();
        for row in rows.iter().filter(|row| row.cost_nano != 0 && row.api_key.parse::<KeyHash>().is_ok()) {
            let sum = charges.entry(row.api_key.clone()).or_default();
            *sum = sum.saturating_add(row.cost_nano);
        }
        let mut totals = Vec::new();
        for _ in 0..SUCCESSIONS_MAX {
            let found = self.charge(&charges.iter().collect::<Vec<_>>(), at).await?;
            for (hash, _) in &found {
                charges.remove(hash.to_hex().as_str());
            }
            totals.extend(found);
            charges = self.successors(charges).await?;
            if charges.is_empty() {
                break;
            }
        }
        Ok(totals)
    }

    async fn charge(
        &mut self,
        charges: &[(&Arc<str>, &i64)],
        at: Timestamp,
    ) -> Result<Vec<(KeyHash, Money)>, StoreError> {
        let mut totals = Vec::new();
        for (text, part) in ADD_SPEND.parts(charges, self.placeholders()) {
            let rows: Vec<(String, i64)> = on!(&mut *self, |tx| {
                let mut query = sqlx::query_as(text);
                for (key, cost) in part {
                    query = query.bind((*key).clone()).bind(**cost).bind(at.micros());
                }
                query.fetch_all(&mut **tx).await
            })?;
            for (hash, spend) in rows {
                let hash = hash.parse().map_err(|error| StoreError::corrupt("keys.hash", error))?;
                totals.push((hash, Money(spend)));
            }
        }
        Ok(totals)
    }

    /// The same charges under the keys that took the place of these; those without successor are dropped.
    async fn successors(
        &mut self,
        charges: BTreeMap<Arc<str>, i64>,
    ) -> Result<BTreeMap<Arc<str>, i64>, StoreError> {
        let mut moved = BTreeMap::<Arc<str>, i64>::new();
        for (key, cost) in charges {
            let successor: Option<Arc<str>> = on!(&mut *self, |tx| {
                sqlx::query_scalar(SUCCESSOR).bind(key.clone()).fetch_optional(&mut **tx).await
            })?;
            if let Some(successor) = successor {
                let sum = moved.entry(successor).or_default();
                *sum = sum.saturating_add(cost);
            }
        }
        Ok(moved)
    }
}
