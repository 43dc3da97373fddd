//! What a key has spent and is about to spend.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kit::Money;

/// The money of one key. It outlives changes of the key's policy, so that calls under way stay counted.
#[derive(Debug, Default)]
pub(crate) struct Spend {
    figures: Mutex<SpendFigures>,
}

/// Where a key's money stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpendFigures {
    /// In the database, over all gateways, as far as this one has heard.
    pub known: Money,
    /// Ended here, on the way to the database.
    pub unshipped: Money,
    /// Estimates of calls under way here.
    pub reserved: Money,
}

impl SpendFigures {
    /// All that stands against a budget.
    pub fn committed(self) -> Money {
        self.known + self.unshipped + self.reserved
    }
}

/// A key's budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("budget has been exceeded: spend {spend}, reserved {reserved}, budget {max}")]
pub struct OverBudget {
    /// What has been spent, on the way to the database included.
    pub spend: Money,
    /// What calls under way may still cost.
    pub reserved: Money,
    pub max: Money,
}

impl Spend {
    pub(crate) fn known(known: Money) -> Self {
        Self { figures: Mutex::new(SpendFigures { known, ..SpendFigures::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, SpendFigures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn figures(&self) -> SpendFigures {
        *self.lock()
    }

    pub(crate) fn reserve(
        self: &Arc<Self>,
        estimate: Money,
        max: Option<Money>,
    ) -> Result<Reservation, OverBudget> {
        let mut figures = self.lock();
        if let Some(max) = max
            && figures.committed() >= max
        {
            let spend = figures.known + figures.unshipped;
            return Err(OverBudget { spend, reserved: figures.reserved, max });
        }
        figures.reserved += estimate;
        Ok(Reservation { spend: Arc::clone(self), estimate })
    }

    /// `cost` of calls that ended here is now in the database, whose total is `total` if it said.
    pub(crate) fn shipped(&self, cost: Money, total: Option<Money>) {
        let mut figures = self.lock();
        figures.unshipped = (figures.unshipped - cost).max(Money::ZERO);
        figures.known = total.map_or(figures.known + cost, |total| figures.known.max(total));
    }

    /// The database's total, newer than everything heard before.
    pub(crate) fn set_known(&self, known: Money) -> bool {
        let mut figures = self.lock();
        std::mem::replace(&mut figures.known, known) != known
    }

    /// The database's total at a moment that may lie before what was heard since.
    pub(crate) fn raise_known(&self, known: Money) -> bool {
        let mut figures = self.lock();
        let before = figures.known;
        figures.known = before.max(known);
        figures.known != before
    }
}

/// An estimate held against a key's budget. Dropped without [`settle`](Self::settle), it is given back.
#[derive(Debug)]
#[must_use = "a reservation that is dropped is given back"]
pub struct Reservation {
    spend: Arc<Spend>,
    estimate: Money,
}

impl Reservation {
    pub const fn estimate(&self) -> Money {
        self.estimate
    }

    /// Puts what the call has cost in place of its estimate. It counts until the ledger has shipped it.
    pub fn settle(self, cost: Money) {
        let mut figures = self.spend.lock();
        figures.unshipped += cost;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut figures = self.spend.lock();
        figures.reserved = figures.reserved - self.estimate;
    }
}
