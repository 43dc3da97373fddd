//! The budgets that an owner has, each for its time.

use domain::AccountId;
use domain::account::{AccountKind, Limits};
use kit::Money;

use super::Windows;
use crate::StoreError;
use crate::policy::{Policy, Stored};

/// The main one of them and others beside it.
#[derive(Default)]
pub(super) struct Budgets(Limits);

impl Budgets {
    /// For how long the main one is; `None` is for ever.
    pub fn main(&self) -> Option<&str> {
        self.0.duration.as_deref()
    }

    pub fn others(&self) -> Vec<&str> {
        self.0.more.iter().map(|more| &*more.duration).collect()
    }

    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.main().into_iter().chain(self.0.more.iter().map(|more| &*more.duration))
    }

    pub fn has(&self, duration: &str) -> bool {
        self.all().any(|other| other == duration)
    }

    /// What may be spent in so long.
    pub fn max(&self, duration: &str) -> Option<Money> {
        let other = self.0.more.iter().find(|more| &*more.duration == duration).map(|more| more.max);
        if self.main() == Some(duration) { self.0.max } else { other }
    }

    /// With a shared budget in place of the main one.
    fn with(own: Limits, shared: Option<Limits>) -> Self {
        match shared {
            Some(shared) if shared.duration.is_some() => Self(Limits { more: own.more, ..shared }),
            _ => Self(own),
        }
    }
}

impl Windows<'_> {
    /// Those of an owner; `None` when there is no such owner.
    pub(super) async fn budgets(
        &self,
        kind: &str,
        within: &str,
        id: &str,
    ) -> Result<Option<Budgets>, StoreError> {
        let policy = Policy { db: self.db };
        let account = async |kind, within: &str, id: &str| {
            let (_, stored) =
                policy.account(AccountId { kind, within: within.into(), id: id.into() }).await?;
            Ok::<_, StoreError>(if let Stored::Policy(account) = stored { Some(account) } else { None })
        };
        let shared = async |budget: Option<Box<str>>| match budget {
            Some(id) => Ok(account(AccountKind::Budget, "", &id).await?.map(|budget| budget.limits)),
            None => Ok::<_, StoreError>(None),
        };
        if kind == "key" {
            let Ok(hash) = id.parse() else { return Ok(None) };
            let terms = policy.key(hash).await?.and_then(|key| Some((key.max_budget, *key.terms?)));
            let Some((own, terms)) = terms else { return Ok(None) };
            let shared = if own.is_none() { shared(terms.budget_id).await? } else { None };
            return Ok(Some(Budgets::with(terms.limits, shared)));
        }
        let Some(kind) = AccountKind::parse(kind) else { return Ok(None) };
        let Some(owner) = account(kind, within, id).await? else { return Ok(None) };
        let budget = match (owner.budget_id, kind) {
            (None, AccountKind::Member) => {
                account(AccountKind::Team, "", within).await?.and_then(|team| team.member_budget_id)
            }
            (budget, _) => budget,
        };
        Ok(Some(Budgets::with(owner.limits, shared(budget).await?)))
    }
}
