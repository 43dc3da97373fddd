use std::sync::Arc;

use domain::KeyPolicy;
use kit::Money;

use crate::budget::{OverBudget, Reservation, Spend, SpendFigures};

/// A key as it stood when it was looked up. A change makes a new entry; both share what is spent.
#[derive(Debug)]
pub struct KeyEntry {
    /// `spend` in here is as old as the policy; see [`spend`](Self::spend) for what is known now.
    pub policy: KeyPolicy,
    pub(crate) spend: Arc<Spend>,
}

impl KeyEntry {
    pub(crate) fn new(policy: KeyPolicy) -> Self {
        let spend = Arc::new(Spend::known(policy.spend));
        Self { policy, spend }
    }

    /// The same key under another policy.
    pub(crate) fn succeed(&self, policy: KeyPolicy) -> Self {
        Self { policy, spend: Arc::clone(&self.spend) }
    }

    /// Takes in the database's total. When it may lie before what was heard since, it can only raise
    /// what is known; the next refresh puts that right. Returns whether anything changed.
    pub(crate) fn hear(&self, total: Money, is_newest: bool) -> bool {
        if is_newest { self.spend.set_known(total) } else { self.spend.raise_known(total) }
    }

    pub fn spend(&self) -> SpendFigures {
        self.spend.figures()
    }

    /// Holds `estimate` against the key's budget.
    ///
    /// # Errors
    /// When what is spent and held already reaches the budget (`>=`, as on the compatible surface).
    pub fn reserve(&self, estimate: Money) -> Result<Reservation, OverBudget> {
        self.spend.reserve(estimate, self.policy.max_budget)
    }
}
