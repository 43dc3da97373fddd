use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use domain::key::NameList;
use domain::{AccountId, AccountKind, AccountPolicy, Limits};
use kit::{Money, Timestamp};

use crate::budget::{OverBudget, Reservation, SoftCrossed, Spend, SpendFigures, UsedUp};
use crate::digest;
use crate::disk::AccountRecord;
use crate::map::Entry;

/// An account as it stood when it was looked up. A change makes a new entry; both share what is spent.
#[derive(Debug)]
pub struct AccountEntry {
    /// `spend` and `windows` in here are as old as the policy.
    pub policy: AccountPolicy,
    /// What is stored of this account makes no sense, so nothing may be done under it: `policy` is blocked.
    pub is_unreadable: bool,
    pub(crate) spend: Arc<Spend>,
    /// The last snapshot that had this account in it.
    snapshot: AtomicU32,
}

/// An account's name, as it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountName<'a> {
    pub kind: AccountKind,
    /// The team or organisation of a member; empty for the rest.
    pub within: &'a str,
    pub id: &'a str,
}

impl<'a> AccountName<'a> {
    pub const fn new(kind: AccountKind, id: &'a str) -> Self {
        Self { kind, within: "", id }
    }
}

impl<'a> From<&'a AccountId> for AccountName<'a> {
    fn from(AccountId { kind, within, id }: &'a AccountId) -> Self {
        Self { kind: *kind, within, id }
    }
}

impl AccountEntry {
    pub(crate) fn new(policy: AccountPolicy) -> Self {
        let spend = Arc::new(Spend::new(policy.spend, &policy.windows));
        Self { policy, is_unreadable: false, spend, snapshot: AtomicU32::new(0) }
    }

    /// An account of which nothing can be told but that it is there.
    pub(crate) fn unreadable(id: AccountId) -> Self {
        let policy = AccountPolicy {
            id,
            blocked: true,
            models: NameList::default(),
            aliases: Box::default(),
            parent: None,
            ends: None,
            budget_id: None,
            member_budget_id: None,
            limits: Limits::default(),
            budgeted_models: NameList::default(),
            access_groups: NameList::default(),
            spend: Money::ZERO,
            windows: Box::default(),
        };
        Self { is_unreadable: true, ..Self::new(policy) }
    }

    pub fn spend(&self) -> SpendFigures {
        self.spend.figures()
    }

    /// Holds a reservation's estimate against `limits` of this account.
    ///
    /// # Errors
    /// When what is spent and held already uses one of them up.
    pub fn hold(
        &self,
        reservation: &mut Reservation,
        limits: &Limits,
        used_up: UsedUp,
        now: Timestamp,
    ) -> Result<Option<SoftCrossed>, OverBudget> {
        reservation.hold(&self.spend, limits, used_up, now)
    }
}

impl From<AccountRecord> for AccountEntry {
    fn from(record: AccountRecord) -> Self {
        Self { is_unreadable: record.is_unreadable, ..Self::new(record.policy) }
    }
}

/// With all that has been spent, what is on the way to the database included.
impl From<&AccountEntry> for AccountRecord {
    fn from(entry: &AccountEntry) -> Self {
        let figures = entry.spend();
        let (spend, windows) = (figures.known + figures.unshipped, entry.spend.windows().into());
        let policy = AccountPolicy { spend, windows, ..entry.policy.clone() };
        Self { policy, is_unreadable: entry.is_unreadable }
    }
}

impl Entry for AccountEntry {
    type Id<'i> = AccountName<'i>;

    fn id(&self) -> AccountName<'_> {
        AccountName::from(&self.policy.id)
    }

    fn is(&self, id: AccountName<'_>) -> bool {
        self.id() == id
    }

    // Only who may write policy chooses these names.
    fn slot_of(id: AccountName<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        hasher.finish()
    }

    fn succeeding(self, old: &Self) -> Self {
        old.spend.set_windows(&self.policy.windows);
        Self { spend: Arc::clone(&old.spend), ..self }
    }

    fn decides_as(&self, other: &Self) -> bool {
        let plain = |policy: &AccountPolicy| AccountPolicy { spend: Money::ZERO, ..policy.clone() };
        self.is_unreadable == other.is_unreadable && plain(&self.policy) == plain(&other.policy)
    }

    fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    fn part(&self) -> u64 {
        digest::part_of_account(&self.policy)
    }

    fn snapshot(&self) -> &AtomicU32 {
        &self.snapshot
    }

    fn spend(&self) -> &Spend {
        &self.spend
    }
}
