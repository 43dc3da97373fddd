use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use domain::{KeyPolicy, Limits};
use kit::{KeyHash, Money, Timestamp};

use crate::budget::{OverBudget, Reservation, SoftCrossed, Spend, SpendFigures, UsedUp};
use crate::digest;
use crate::map::Entry;

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
        let windows = policy.terms.as_ref().map_or(&[][..], |terms| &terms.windows);
        let spend = Arc::new(Spend::new(policy.spend, windows));
        Self { policy, is_unreadable: false, spend, snapshot: AtomicU32::new(0) }
    }

    /// A key of which nothing can be told but that it is there.
    pub(crate) fn unreadable(hash: KeyHash) -> Self {
        let policy = KeyPolicy { blocked: true, ..KeyPolicy::free(hash) };
        Self { is_unreadable: true, ..Self::new(policy) }
    }

    pub fn spend(&self) -> SpendFigures {
        self.spend.figures()
    }

    /// What counts against the key's own budget, calls under way left out.
    pub fn counted(&self, now: Timestamp) -> Money {
        let duration = self.policy.terms.as_ref().and_then(|terms| terms.limits.duration.as_deref());
        self.spend.counted(duration.unwrap_or_default(), now)
    }

    /// The routes that the key is held to; empty means every one.
    pub fn routes(&self) -> &[Box<str>] {
        self.policy.terms.as_ref().map_or(&[], |terms| &terms.routes)
    }

    /// What grants this key models beside its own.
    pub fn access_groups(&self) -> &[Box<str>] {
        self.policy.terms.as_ref().map_or(&[], |terms| &terms.access_groups)
    }

    /// Models that this key has budgets for.
    pub fn budgeted_models(&self) -> &[Box<str>] {
        self.policy.terms.as_ref().map_or(&[], |terms| &terms.budgeted_models)
    }

    /// Whether anything is to be held against this key itself.
    pub fn has_budget(&self) -> bool {
        self.policy.max_budget.is_some()
            || self
                .policy
                .terms
                .as_ref()
                .is_some_and(|terms| terms.budget_id.is_some() || terms.limits.has_any())
    }

    /// The shared budget that stands in for the key's own.
    pub fn shared_budget(&self) -> Option<&str> {
        let terms = self.policy.terms.as_ref().filter(|_| self.policy.max_budget.is_none());
        terms.and_then(|terms| terms.budget_id.as_deref())
    }

    /// Holds a reservation's estimate against the key's budgets, with `shared` in place of the main one.
    ///
    /// # Errors
    /// When what is spent and held already reaches one of them (`>=`, as on the compatible surface).
    pub fn hold(
        &self,
        reservation: &mut Reservation,
        shared: Option<&Limits>,
        now: Timestamp,
    ) -> Result<Option<SoftCrossed>, OverBudget> {
        let hold = |limits: &Limits, reservation: &mut Reservation| {
            reservation.hold(&self.spend, limits, UsedUp::Reached, now)
        };
        let Some(terms) = &self.policy.terms else {
            return hold(&Limits { max: self.policy.max_budget, ..Limits::default() }, reservation);
        };
        match shared {
            None => hold(&terms.limits, reservation),
            Some(shared) => {
                let (soft, more) = (terms.limits.soft.or(shared.soft), terms.limits.more.clone());
                hold(&Limits { soft, more, ..shared.clone() }, reservation)
            }
        }
    }
}

impl Entry for KeyEntry {
    type Id<'i> = &'i KeyHash;

    fn id(&self) -> &KeyHash {
        &self.policy.hash
    }

    fn is(&self, hash: &KeyHash) -> bool {
        self.policy.hash == *hash
    }

    // A key hash is a SHA-256 already: any bytes of it will do, and nobody can choose them.
    fn slot_of(hash: &KeyHash) -> u64 {
        hash.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    fn succeeding(self, old: &Self) -> Self {
        old.spend.set_windows(self.policy.terms.as_ref().map_or(&[], |terms| &terms.windows));
        Self { spend: Arc::clone(&old.spend), ..self }
    }

    fn decides_as(&self, other: &Self) -> bool {
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
            project_id,
            terms,
        } = &self.policy;
        let theirs = &other.policy;
        self.is_unreadable == other.is_unreadable
            && (hash, blocked, expires, max_budget)
                == (&theirs.hash, &theirs.blocked, &theirs.expires, &theirs.max_budget)
            && (alias, user_id, team_id, organization_id)
                == (&theirs.alias, &theirs.user_id, &theirs.team_id, &theirs.organization_id)
            && (models, aliases, tags) == (&theirs.models, &theirs.aliases, &theirs.tags)
            && (project_id, terms) == (&theirs.project_id, &theirs.terms)
    }

    fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    fn part(&self) -> u64 {
        digest::part(&self.policy)
    }

    fn snapshot(&self) -> &AtomicU32 {
        &self.snapshot
    }

    fn spend(&self) -> &Spend {
        &self.spend
    }
}
