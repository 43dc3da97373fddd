use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::KeyPolicy;
use domain::key::NameList;
use kit::{KeyHash, Money};

use crate::budget::{OverBudget, Reservation, Spend, SpendFigures};

/// A key as it stood when it was looked up. A change makes a new entry; both share what is spent.
#[derive(Debug)]
pub struct KeyEntry {
    /// `spend` in here is as old as the policy; see [`spend`](Self::spend) for what is known now.
    pub policy: KeyPolicy,
    /// What is stored of this key makes no sense, so it may do nothing: `policy` is blocked.
    pub is_unreadable: bool,
    pub(crate) spend: Arc<Spend>,
    /// The last snapshot that had this key in it.
    snapshot: AtomicU32,
}

impl KeyEntry {
    pub(crate) fn new(policy: KeyPolicy) -> Self {
        let spend = Arc::new(Spend::known(policy.spend));
        Self { policy, is_unreadable: false, spend, snapshot: AtomicU32::new(0) }
    }

    /// A key of which nothing can be told but that it is there.
    pub(crate) fn unreadable(hash: KeyHash) -> Self {
        let policy = KeyPolicy {
            hash,
            alias: None,
            user_id: None,
            team_id: None,
            organization_id: None,
            models: NameList::default(),
            aliases: Box::default(),
            tags: NameList::default(),
            max_budget: None,
            spend: Money::ZERO,
            blocked: true,
            expires: None,
        };
        Self { is_unreadable: true, ..Self::new(policy) }
    }

    /// This key in place of what it was before: calls under way stay counted.
    pub(crate) fn succeeding(self, old: &Self) -> Self {
        Self { spend: Arc::clone(&old.spend), ..self }
    }

    /// Whether both decide alike, whatever is spent.
    pub(crate) fn decides_as(&self, other: &Self) -> bool {
        let KeyPolicy {
            hash,
            alias,
            user_id,
            team_id,
            organization_id,
            models,
            aliases,
            tags,
            max_budget,
            spend: _,
            blocked,
            expires,
        } = &self.policy;
        let theirs = &other.policy;
        self.is_unreadable == other.is_unreadable
            && (hash, blocked, expires, max_budget)
                == (&theirs.hash, &theirs.blocked, &theirs.expires, &theirs.max_budget)
            && (alias, user_id, team_id, organization_id)
                == (&theirs.alias, &theirs.user_id, &theirs.team_id, &theirs.organization_id)
            && (models, aliases, tags) == (&theirs.models, &theirs.aliases, &theirs.tags)
    }

    pub(crate) fn mark(&self, snapshot: u32) {
        self.snapshot.store(snapshot, Ordering::Relaxed);
    }

    pub(crate) fn is_marked(&self, snapshot: u32) -> bool {
        self.snapshot.load(Ordering::Relaxed) == snapshot
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
