use std::sync::Arc;

use domain::Calendar;
use domain::owner::{
    AccessGroup, AllowedIp, Budget, Customer, Member, Organization, OrganizationMember, Project, Tag, Team,
};

use crate::alerts::Alerts;
use crate::audit::Audit;
use crate::credentials::Credentials;
use crate::db::{Db, Either, on};
use crate::documents::Documents;
use crate::invitations::Invitations;
use crate::keys::Keys;
use crate::ledger::{Ledger, Repricing};
use crate::models::Models;
use crate::nouns::Nouns;
use crate::policy::Policy;
use crate::reads::{Reader, Version};
use crate::receipts::Receipts;
use crate::reseal::Resealing;
use crate::sessions::Sessions;
use crate::spend::Spend;
use crate::usage::{Names, Rebuilding, Usage};
use crate::users::Users;
use crate::windows::Windows;
use crate::{ReaderStatus, Settings, StoreError, Vault};

/// Which database a store is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A handle to the database; clones share its pools.
#[derive(Clone)]
pub struct Store {
    pub(crate) db: Arc<Db>,
    names: Arc<Names>,
}

impl Store {
    /// Connects and checks that the database answers.
    ///
    /// # Errors
    /// When the URL names neither database, or the database does not answer.
    pub async fn connect(settings: &Settings) -> Result<Self, StoreError> {
        let store = Self::connect_lazy(settings)?;
        store.ping().await?;
        Ok(store)
    }

    /// For a process that must start while the database is away: connects at the first use.
    ///
    /// # Errors
    /// When the URL names neither database.
    pub fn connect_lazy(settings: &Settings) -> Result<Self, StoreError> {
        Ok(Self { db: Arc::new(Db::new(settings)?), names: Arc::default() })
    }

    /// Whether the database that takes writes answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on!(self.db.fresh(), |pool| { sqlx::query("SELECT 1").execute(pool).await.map(|_| ()) })?;
        Ok(())
    }

    pub fn kind(&self) -> Kind {
        match self.db.writer() {
            Either::Sqlite(_) => Kind::Sqlite,
            Either::Postgres(_) => Kind::Postgres,
        }
    }

    pub fn windows(&self) -> Windows<'_> {
        Windows { db: &self.db }
    }

    /// Where and when the days of budgets begin.
    pub fn calendar(&self) -> &Calendar {
        &self.db.calendar
    }

    /// How the reader has fared; `None` when there is none.
    pub fn reader_status(&self) -> Option<ReaderStatus> {
        self.db.reader.as_ref().map(Reader::status)
    }

    /// How far the writer is. Two equal versions: nothing that a read can see has changed in between.
    pub async fn version(&self) -> Result<Version, StoreError> {
        Version::newest(&self.db).await
    }

    /// Closes all connections once they are idle.
    pub async fn close(&self) {
        self.db.close().await;
    }

    pub fn alerts(&self) -> Alerts<'_> {
        Alerts { db: &self.db }
    }

    pub fn audit(&self) -> Audit<'_> {
        Audit { db: &self.db }
    }

    pub fn credentials<'a>(&'a self, vault: &'a Vault) -> Credentials<'a> {
        Credentials { db: &self.db, vault }
    }

    pub fn models<'a>(&'a self, vault: &'a Vault) -> Models<'a> {
        Models { db: &self.db, vault }
    }

    /// For moving secrets to another key.
    pub fn resealing<'a>(&'a self, vault: &'a Vault) -> Resealing<'a> {
        Resealing { db: &self.db, vault }
    }

    pub fn documents(&self) -> Documents<'_> {
        Documents { db: &self.db }
    }

    pub fn invitations(&self) -> Invitations<'_> {
        Invitations { db: &self.db }
    }

    pub fn receipts(&self) -> Receipts<'_> {
        Receipts { db: &self.db }
    }

    pub fn keys(&self) -> Keys<'_> {
        Keys { db: &self.db }
    }

    pub fn budgets(&self) -> Nouns<'_, Budget> {
        Nouns::new(&self.db)
    }

    pub fn teams(&self) -> Nouns<'_, Team> {
        Nouns::new(&self.db)
    }

    pub fn members(&self) -> Nouns<'_, Member> {
        Nouns::new(&self.db)
    }

    pub fn organizations(&self) -> Nouns<'_, Organization> {
        Nouns::new(&self.db)
    }

    pub fn organization_members(&self) -> Nouns<'_, OrganizationMember> {
        Nouns::new(&self.db)
    }

    pub fn customers(&self) -> Nouns<'_, Customer> {
        Nouns::new(&self.db)
    }

    pub fn projects(&self) -> Nouns<'_, Project> {
        Nouns::new(&self.db)
    }

    pub fn access_groups(&self) -> Nouns<'_, AccessGroup> {
        Nouns::new(&self.db)
    }

    pub fn allowed_ips(&self) -> Nouns<'_, AllowedIp> {
        Nouns::new(&self.db)
    }

    pub fn tags(&self) -> Nouns<'_, Tag> {
        Nouns::new(&self.db)
    }

    pub fn policy(&self) -> Policy<'_> {
        Policy { db: &self.db }
    }

    pub fn ledger(&self) -> Ledger<'_> {
        Ledger { db: &self.db, names: &self.names }
    }

    pub fn usage(&self) -> Usage<'_> {
        Usage { db: &self.db }
    }

    /// For making cells right again.
    pub fn rebuilding(&self) -> Rebuilding<'_> {
        Rebuilding { db: &self.db, names: &self.names }
    }

    /// For calls at other prices.
    pub fn repricing(&self) -> Repricing<'_> {
        Repricing { db: &self.db, names: &self.names }
    }

    pub fn spend(&self) -> Spend<'_> {
        Spend { db: &self.db }
    }

    pub fn users(&self) -> Users<'_> {
        Users { db: &self.db }
    }

    pub fn sessions(&self) -> Sessions<'_> {
        Sessions { db: &self.db }
    }
}
