//! Budgets and those that have them: each is read, listed and written in the same way, and says only what its
//! columns are.

mod access_groups;
mod allowed_ips;
mod budgets;
pub(crate) mod cells;
mod customers;
mod members;
mod organization_members;
mod organizations;
mod projects;
mod sharers;
mod spent;
mod tags;
mod teams;
mod write;

use std::marker::PhantomData;

use domain::AccountKind;
use domain::model_budget::ModelBudget;
use domain::owner::{Budget, Stamps};
use kit::Money;
use serde::Serialize;

pub use access_groups::{ASSIGNED_MAX, Assigned, Assignment};
pub use allowed_ips::ALLOWED_IPS_MAX;
pub use budgets::BudgetQuery;
pub(crate) use cells::{Cell, Columns};
pub(crate) use members::batches;
pub use members::{MEMBERS_MAX, MEMBERS_SHOWN_MAX, MemberQuery, NewMember};
pub use organization_members::OrganizationMemberQuery;
pub use organizations::OrganizationQuery;
pub use projects::ProjectQuery;
pub use sharers::Sharer;
pub use teams::{KEYS_MAX, TeamQuery, TeamSort};
pub(crate) use write::Write;

use crate::StoreError;
use crate::audit::Actor;
use crate::db::{Db, Either, Tx, on};
use crate::nouns::cells::bound;
use crate::page::{Page, window};
use crate::policy::Subject;
use crate::reads::read;

/// Every statement about them.
pub(crate) fn every_statement() -> Vec<(&'static str, &'static str)> {
    [
        access_groups::ALL,
        allowed_ips::ALL,
        budgets::ALL,
        customers::ALL,
        members::ALL,
        organization_members::ALL,
        organizations::ALL,
        projects::ALL,
        sharers::ALL,
        tags::ALL,
        teams::ALL,
    ]
    .concat()
}

/// The statements of one noun. The name of a row is one cell, or two where it is within another.
pub struct Statements {
    /// With the name.
    pub(crate) get: &'static str,
    /// Inserts a row or overwrites it, with [`Noun::cells`].
    pub(crate) put: &'static str,
    /// With the name.
    pub(crate) delete: &'static str,
    /// With the filters, a limit and an offset.
    pub(crate) list: &'static str,
    /// With the filters.
    pub(crate) count: &'static str,
}

/// One kind of row.
#[allow(private_interfaces, reason = "only this crate makes or reads cells")]
pub trait Noun: Clone + PartialEq + Serialize + Send + Sync + Sized {
    /// The table's name on the compatible surface, for the audit log.
    const TABLE: &'static str;
    const STATEMENTS: Statements;
    /// Which rows a list has.
    type Filter: Sync;

    /// What gateways hear of when it changes.
    fn subject(&self) -> Subject<'_>;
    fn name(&self) -> Name {
        let (_, within, id) = self.subject().row();
        Name { within: Some(within).filter(|within| !within.is_empty()), id }
    }
    fn read(row: &Columns<'_>) -> Result<Self, StoreError>;
    /// In the order of [`Statements::put`].
    fn cells(&self) -> Result<Vec<Cell>, StoreError>;
    fn filters(filter: &Self::Filter) -> Vec<Cell>;
    /// The statements of a list and its count.
    fn listing(_filter: &Self::Filter) -> (&'static str, &'static str) {
        (Self::STATEMENTS.list, Self::STATEMENTS.count)
    }
    fn stamps(&mut self) -> &mut Stamps;
    /// The budget as an object that it has, if any.
    fn budget_id(&self) -> Option<&str> {
        None
    }
    fn team(&self) -> Option<String> {
        None
    }
    /// What it may spend on some models, and of which kind these budgets are.
    ///
    /// # Errors
    /// When they make no sense.
    fn model_budgets(&self) -> Result<Option<(AccountKind, Vec<ModelBudget>)>, StoreError> {
        Ok(None)
    }
    /// The times of its budgets: of the main one (`None` is for ever), and of others beside it. `None` for what spends
    /// nothing itself.
    fn durations(&self) -> Option<(Option<&str>, Vec<&str>)>;
}

/// What a row is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The team or organisation of a member; `None` for the rest.
    pub within: Option<String>,
    pub id: String,
}

impl From<&str> for Name {
    fn from(id: &str) -> Self {
        Self { within: None, id: id.to_owned() }
    }
}

impl From<&String> for Name {
    fn from(id: &String) -> Self {
        Self::from(id.as_str())
    }
}

impl From<(&str, &str)> for Name {
    fn from((within, id): (&str, &str)) -> Self {
        Self { within: Some(within.to_owned()), id: id.to_owned() }
    }
}

impl Name {
    pub(crate) fn cells(&self) -> Vec<Cell> {
        self.within.iter().chain([&self.id]).map(Cell::from).collect()
    }
}

/// The rows of one kind.
pub struct Nouns<'a, N> {
    db: &'a Db,
    of: PhantomData<N>,
}

impl<'a, N: Noun> Nouns<'a, N> {
    pub(crate) const fn new(db: &'a Db) -> Self {
        Self { db, of: PhantomData }
    }

    /// # Errors
    /// When the database fails.
    pub async fn get(&self, name: impl Into<Name>) -> Result<Option<N>, StoreError> {
        let cells = name.into().cells();
        on!(self.db.fresh(), |pool| {
            let row = bound!(sqlx::query(N::STATEMENTS.get), &cells).fetch_optional(pool).await?;
            row.as_ref().map(|row| N::read(&row.into())).transpose()
        })
    }

    /// One page, counted from 0, of at most [`crate::PAGE_SIZE_MAX`] rows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self, filter: &N::Filter, page: u32, size: u32) -> Result<Page<N>, StoreError> {
        let mut cells = N::filters(filter);
        let (list, count) = N::listing(filter);
        let filters = cells.len();
        let (limit, offset) = window(page, size);
        cells.extend([limit.into(), offset.into()]);
        read!(self.db, Request, |connection| {
            let count = bound!(sqlx::query_scalar::<_, i64>(count), &cells[..filters]);
            let total = count.fetch_one(&mut **connection).await?;
            let rows = bound!(sqlx::query(list), &cells).fetch_all(&mut **connection).await?;
            let rows = rows.iter().map(|row| N::read(&row.into())).collect::<Result<_, _>>()?;
            Page::new(rows, total)
        })
    }

    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken, [`StoreError::Missing`] when it refers to a row that is not there.
    pub async fn create(&self, noun: &N, actor: &Actor) -> Result<(), StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        write.create(noun).await?;
        write.finish().await
    }

    /// Lets `change` change a row as it is now and returns it as it is then; `None` when there is no such row. A refusal
    /// of `change` leaves it as it was.
    ///
    /// # Errors
    /// What `change` refuses with, or when the database fails.
    pub async fn update<E: From<StoreError>>(
        &self,
        name: impl Into<Name>,
        actor: &Actor,
        change: impl FnOnce(&mut N) -> Result<(), E>,
    ) -> Result<Option<N>, E> {
        let mut write = Write::begin(self.db, actor).await?;
        let Some(before) = write.get::<N>(&name.into()).await? else { return Ok(None) };
        let mut after = before.clone();
        change(&mut after)?;
        let after = write.replace(&before, after, "updated").await?;
        write.finish().await?;
        Ok(Some(after))
    }

    /// Sets what an owner has come to since its window began; returns it as it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_spend(
        &self,
        name: impl Into<Name>,
        spend: Money,
        actor: &Actor,
    ) -> Result<Option<N>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let Some(before) = write.get::<N>(&name.into()).await? else { return Ok(None) };
        write.set_spend(&before, spend).await?;
        write.finish().await?;
        Ok(Some(before))
    }

    /// Deletes a row and returns what it was; `None` when there is no such row.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another row refers to it.
    pub async fn delete(&self, name: impl Into<Name>, actor: &Actor) -> Result<Option<N>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let Some(noun) = write.get::<N>(&name.into()).await? else { return Ok(None) };
        write.delete(&noun).await?;
        write.finish().await?;
        Ok(Some(noun))
    }

    /// Deletes rows, all of them or none; `None` when one of them is not there.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another row refers to one of them.
    pub async fn delete_each(&self, ids: &[String], actor: &Actor) -> Result<Option<Vec<N>>, StoreError> {
        let mut write = Write::begin(self.db, actor).await?;
        let mut deleted = Vec::new();
        for id in ids {
            let Some(noun) = write.get::<N>(&Name::from(id)).await? else { return Ok(None) };
            write.delete(&noun).await?;
            deleted.push(noun);
        }
        write.finish().await?;
        Ok(Some(deleted))
    }
}

/// The time of a budget that an owner may share.
fn duration(budget: Option<&Budget>) -> Option<&str> {
    budget.and_then(|budget| budget.limits.budget_duration.as_deref())
}

impl<'r> From<&'r sqlx::sqlite::SqliteRow> for Columns<'r> {
    fn from(row: &'r sqlx::sqlite::SqliteRow) -> Self {
        Either::Sqlite(row)
    }
}

impl<'r> From<&'r sqlx::postgres::PgRow> for Columns<'r> {
    fn from(row: &'r sqlx::postgres::PgRow) -> Self {
        Either::Postgres(row)
    }
}

impl Tx {
    pub(crate) async fn noun<N: Noun>(&mut self, name: &Name) -> Result<Option<N>, StoreError> {
        let cells = name.cells();
        on!(self, |tx| {
            let query = bound!(sqlx::query(N::STATEMENTS.get), &cells);
            let row = query.fetch_optional(&mut **tx).await?;
            row.as_ref().map(|row| N::read(&row.into())).transpose()
        })
    }

    pub(crate) async fn run(&mut self, statement: &'static str, cells: &[Cell]) -> Result<u64, StoreError> {
        Ok(on!(self, |tx| {
            bound!(sqlx::query(statement), cells).execute(&mut **tx).await?.rows_affected()
        }))
    }
}
