//! Holds a call's estimate against every budget that it may use up. The first that is used up refuses.

use std::sync::Arc;

use domain::AccountPolicy;
use domain::account::AccountKind;
use kit::{Money, Timestamp};
use policy::{AccountEntry, AccountName, KeyEntry, OverBudget, Reservation, SoftCrossed, UsedUp};

use super::identify::Principal;
use crate::refusal::{Payer, Refusal};
use crate::worker::Core;

/// Those that a request names itself.
pub struct Named {
    pub customer: Option<Arc<AccountEntry>>,
    pub tags: Vec<Arc<AccountEntry>>,
}

/// `None` when nobody has a budget, or the model costs nothing.
pub fn reserve(
    core: &Core,
    caller: &Principal,
    named: &Named,
    model: &str,
    estimate: Money,
) -> Result<Option<Reservation>, Refusal> {
    if estimate == Money::ZERO {
        return Ok(None);
    }
    let mut holder = Holder { core, held: Reservation::of(estimate), now: core.clock.now() };
    holder.key(&caller.entry)?;
    let (key, of_key) = (&caller.entry.policy, caller.entry.budgeted_models());
    if of_key.iter().any(|budgeted| **budgeted == *model) {
        let who = key.alias.as_deref().map_or_else(|| key.hash.to_hex(), Into::into);
        holder.model(AccountKind::KeyModel, &key.hash.to_hex(), model, who)?;
    }
    if let Some(owners) = &caller.owners {
        for (kind, owner) in [(AccountKind::UserModel, &owners.user), (AccountKind::TeamModel, &owners.team)]
        {
            let Some(AccountPolicy { id, budgeted_models, .. }) = owner.as_ref().map(|owner| &owner.policy)
            else {
                continue;
            };
            if budgeted_models.iter().any(|budgeted| **budgeted == *model) {
                holder.model(kind, &id.id, model, id.id.to_string())?;
            }
        }
        for owner in [&owners.user, &owners.team].into_iter().flatten() {
            holder.account(owner, None)?;
        }
        if let Some(member) = &owners.member {
            let shared = owners.team.as_ref().and_then(|team| team.policy.member_budget_id.as_deref());
            holder.account(member, shared)?;
        }
        for owner in
            [&owners.organization, &owners.organization_member, &owners.project].into_iter().flatten()
        {
            holder.account(owner, None)?;
        }
    }
    if let Some(customer) = &named.customer {
        holder.account(customer, None)?;
    }
    for tag in &named.tags {
        holder.account(tag, None)?;
    }
    Ok(Some(holder.held).filter(|held| !held.is_empty()))
}

struct Holder<'c> {
    core: &'c Core,
    held: Reservation,
    now: Timestamp,
}

impl Holder<'_> {
    fn key(&mut self, key: &KeyEntry) -> Result<(), Refusal> {
        if !key.has_budget() {
            return Ok(());
        }
        let shared = match key.shared_budget() {
            Some(id) => self.shared(id)?,
            None => None,
        };
        let limits = shared.as_ref().map(|budget| &budget.policy.limits);
        let outcome = key.hold(&mut self.held, limits, self.now);
        let name = || key.policy.alias.as_deref().map_or_else(|| key.policy.hash.to_hex(), Into::into);
        self.settle(outcome, || Payer { kind: None, name: name(), within: String::new() })
    }

    /// `shared` is the budget of an account that points to none.
    fn account(&mut self, account: &AccountEntry, shared: Option<&str>) -> Result<(), Refusal> {
        let AccountPolicy { id, limits, budget_id, .. } = &account.policy;
        let budget = match budget_id.as_deref().or(shared) {
            Some(budget) => self.shared(budget)?,
            None => None,
        };
        let limits = budget.as_ref().map_or(limits, |budget| &budget.policy.limits);
        if !limits.has_any() {
            return Ok(());
        }
        // The compatible surface lets end users spend all of theirs.
        let used_up = if id.kind == AccountKind::Customer { UsedUp::Passed } else { UsedUp::Reached };
        let outcome = account.hold(&mut self.held, limits, used_up, self.now);
        let payer = || Payer { kind: Some(id.kind), name: id.id.to_string(), within: id.within.to_string() };
        self.settle(outcome, payer)
    }

    /// `who` is how the owner is named.
    fn model(&mut self, kind: AccountKind, owner: &str, model: &str, who: String) -> Result<(), Refusal> {
        let Some(budget) = self.core.replica.account(AccountName { kind, within: owner, id: model }) else {
            return Ok(());
        };
        super::owners::check_open(&budget)?;
        let outcome = budget.hold(&mut self.held, &budget.policy.limits, UsedUp::Reached, self.now);
        self.settle(outcome, || Payer { kind: Some(kind), name: model.to_owned(), within: who.clone() })
    }

    /// A shared budget; one that is gone limits nobody.
    fn shared(&self, id: &str) -> Result<Option<Arc<AccountEntry>>, Refusal> {
        let budget = self.core.replica.account(AccountName::new(AccountKind::Budget, id));
        if let Some(budget) = &budget {
            super::owners::check_open(budget)?;
        }
        Ok(budget)
    }

    fn settle(
        &self,
        outcome: Result<Option<SoftCrossed>, OverBudget>,
        payer: impl Fn() -> Payer,
    ) -> Result<(), Refusal> {
        match outcome {
            Ok(None) => Ok(()),
            Ok(Some(crossed)) => {
                let payer = payer();
                let (kind, name) = (payer.label(), payer.name);
                tracing::warn!(kind, name, spend = %crossed.spend, soft = %crossed.soft, "a soft budget is used up");
                self.core.metrics.soft_budget_crossed(kind);
                Ok(())
            }
            Err(over) => {
                let status = self.core.settings.budget_exceeded_status;
                Err(Refusal::OverBudget {
                    payer: payer(),
                    spend: over.spend,
                    max: over.max,
                    window: over.window,
                    status,
                })
            }
        }
    }
}
