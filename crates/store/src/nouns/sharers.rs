//! Owners that have a budget as an object, of their own or shared.

use domain::owner::{Budget, Organization, Stamps};

use super::{Name, Noun, Nouns, Write};
use crate::StoreError;
use crate::audit::Actor;
use crate::db::on;
use crate::sql::statements;

statements! {
    // How many have a budget.
    SHARERS = "SELECT (SELECT COUNT(*) FROM team_members WHERE budget_id = $1)
                    + (SELECT COUNT(*) FROM teams WHERE member_budget_id = $1)
                    + (SELECT COUNT(*) FROM organization_members WHERE budget_id = $1)
                    + (SELECT COUNT(*) FROM organizations WHERE budget_id = $1)
                    + (SELECT COUNT(*) FROM customers WHERE budget_id = $1)
                    + (SELECT COUNT(*) FROM projects WHERE budget_id = $1)
                    + (SELECT COUNT(*) FROM tags WHERE budget_id = $1)
                    + (SELECT COUNT(*) FROM keys WHERE budget_id = $1)";
}

/// An owner that may share a budget.
pub trait Sharer: Noun {
    fn set_budget_id(&mut self, id: String);
    fn budget(&self) -> Option<&Budget>;
}

macro_rules! sharers {
    ($($noun:ty),*) => {$(
        impl Sharer for $noun {
            fn set_budget_id(&mut self, id: String) {
                self.budget_id = Some(id);
            }

            fn budget(&self) -> Option<&Budget> {
                self.budget.as_ref()
            }
        }
    )*};
}

sharers!(
    domain::owner::Customer,
    domain::owner::Member,
    domain::owner::OrganizationMember,
    domain::owner::Project,
    domain::owner::Tag
);

impl Sharer for Organization {
    fn set_budget_id(&mut self, id: String) {
        self.budget_id = id;
    }

    fn budget(&self) -> Option<&Budget> {
        self.budget.as_ref()
    }
}

impl<N: Sharer> Nouns<'_, N> {
    /// Adds an owner, and with them a budget that is theirs alone.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken, [`StoreError::Missing`] when there is no such budget.
    pub async fn create_with(
        &self,
        noun: &N,
        budget: Option<&Budget>,
        actor: &Actor,
    ) -> Result<N, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        if let Some(budget) = budget {
            write.create(budget).await?;
        }
        write.check_budget(noun).await?;
        let noun = write.create(noun).await?;
        write.finish().await?;
        Ok(noun)
    }

    /// Changes an owner, and their own budget when `limit` is given: a budget that they share is left to the others, and
    /// `fresh_id` is the id of the one that they get then. `None` when there is no such owner.
    ///
    /// # Errors
    /// What `change` and `limit` refuse with; [`StoreError::Missing`] when there is no such budget.
    pub async fn change<E: From<StoreError>>(
        &self,
        name: impl Into<Name>,
        fresh_id: String,
        actor: &Actor,
        change: impl FnOnce(&mut N) -> Result<(), E>,
        limit: Option<impl FnOnce(&mut Budget) -> Result<(), E>>,
    ) -> Result<Option<N>, E> {
        let mut write = Write::begin(self.db, actor).await?;
        let Some(before) = write.get::<N>(&name.into()).await? else { return Ok(None) };
        let mut noun = before.clone();
        change(&mut noun)?;
        let (mut id, mut held) = (noun.budget_id().map(str::to_owned), noun.budget().cloned());
        if noun.budget_id() != before.budget_id() {
            held = write.check_budget(&noun).await?;
            // Whoever has it already shares it from now on.
            id = None;
        }
        if let Some(limit) = limit {
            let own = write.limit_own(id.as_deref(), held, fresh_id, limit).await?;
            noun.set_budget_id(own);
        }
        let noun = write.replace(&before, noun, "updated").await?;
        write.finish().await?;
        Ok(Some(noun))
    }
}

impl Write<'_> {
    /// The budget that an owner names.
    async fn check_budget<N: Sharer>(&mut self, noun: &N) -> Result<Option<Budget>, StoreError> {
        let Some(id) = noun.budget_id() else { return Ok(None) };
        let budget = self.get::<Budget>(&Name::from(id)).await?;
        budget.map(Some).ok_or(StoreError::Missing("budget"))
    }

    /// Changes the limits of a budget that nobody else has: `id`, or a new one with the limits of `held`, the one that
    /// counts today. Returns its id.
    pub(super) async fn limit_own<E: From<StoreError>>(
        &mut self,
        id: Option<&str>,
        held: Option<Budget>,
        fresh_id: String,
        limit: impl FnOnce(&mut Budget) -> Result<(), E>,
    ) -> Result<String, E> {
        let own = match id {
            Some(id) => self.unshared(id).await?,
            None => None,
        };
        if let Some(before) = own {
            let mut budget = before.clone();
            limit(&mut budget)?;
            return Ok(self.replace(&before, budget, "updated").await?.id);
        }
        let Budget { limits, raise, .. } = held.unwrap_or_default();
        let stamps = Stamps::new(&self.actor.id, self.actor.at);
        let mut budget = Budget { raise, ..Budget::own(fresh_id, limits, stamps) };
        limit(&mut budget)?;
        Ok(self.create(&budget).await?.id)
    }

    /// A budget that one owner has.
    async fn unshared(&mut self, id: &str) -> Result<Option<Budget>, StoreError> {
        if self.sharers(id).await? > 1 { Ok(None) } else { self.get(&Name::from(id)).await }
    }

    async fn sharers(&mut self, id: &str) -> Result<i64, StoreError> {
        Ok(on!(&mut self.tx, |tx| {
            sqlx::query_scalar::<_, i64>(SHARERS).bind(id).fetch_one(&mut **tx).await?
        }))
    }

    /// Deletes a budget that was made with its owner, once nobody has it any more.
    pub(super) async fn drop_own_budget(&mut self, id: &str) -> Result<(), StoreError> {
        if self.sharers(id).await? > 0 {
            return Ok(());
        }
        match self.get::<Budget>(&Name::from(id)).await? {
            Some(budget) if budget.is_own => self.remove(&budget).await,
            _ => Ok(()),
        }
    }
}
