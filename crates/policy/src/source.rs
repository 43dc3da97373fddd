//! Where policy comes from: the one place that knows of the database.

use std::future::Future;

use kit::Timestamp;
use store::{Store, StoreError};

pub use store::policy::{
    AccountPage, AccountSpend, AccountStart, Changes, KeySpend, Page, PageStart, Spent, Stored, StoredAccount,
};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// Tells of policy, always from the database that takes writes. All errors are taken to pass.
pub trait Source: Send + Sync + 'static {
    type WakeUps: WakeUps;

    /// The number of the newest change.
    fn head(&self) -> impl Future<Output = Result<i64, SourceError>> + Send;

    /// The next keys in the order of their hashes, `limit` at most.
    fn page(&self, start: &PageStart, limit: u32) -> impl Future<Output = Result<Page, SourceError>> + Send;

    /// The next accounts, `limit` at most.
    fn account_page(
        &self,
        start: &AccountStart,
        limit: u32,
    ) -> impl Future<Output = Result<AccountPage, SourceError>> + Send;

    /// What changed after `seq`, at most `limit` changes of it.
    fn changes_since(
        &self,
        seq: i64,
        limit: u32,
    ) -> impl Future<Output = Result<Changes, SourceError>> + Send;

    /// Spend of the keys with a budget whose spend changed after `since`, and when.
    fn spend_since(
        &self,
        since: Timestamp,
    ) -> impl Future<Output = Result<Vec<KeySpend>, SourceError>> + Send;

    /// The same of accounts.
    fn account_spend_since(
        &self,
        since: Timestamp,
    ) -> impl Future<Output = Result<Vec<AccountSpend>, SourceError>> + Send;

    /// A subscription to changes, where the database has such a thing.
    fn wake_ups(&self) -> impl Future<Output = Result<Option<Self::WakeUps>, SourceError>> + Send;
}

pub trait WakeUps: Send + 'static {
    /// Waits until something may have changed.
    ///
    /// # Errors
    /// When the subscription is lost.
    fn next(&mut self) -> impl Future<Output = Result<(), SourceError>> + Send;
}

impl Source for Store {
    type WakeUps = store::policy::WakeUps;

    async fn head(&self) -> Result<i64, SourceError> {
        Ok(self.policy().head().await?)
    }

    async fn page(&self, start: &PageStart, limit: u32) -> Result<Page, SourceError> {
        Ok(self.policy().page(start, limit).await?)
    }

    async fn changes_since(&self, seq: i64, limit: u32) -> Result<Changes, SourceError> {
        Ok(self.policy().changes_since(seq, limit).await?)
    }

    async fn account_page(&self, start: &AccountStart, limit: u32) -> Result<AccountPage, SourceError> {
        Ok(self.policy().account_page(start, limit).await?)
    }

    async fn spend_since(&self, since: Timestamp) -> Result<Vec<KeySpend>, SourceError> {
        Ok(self.policy().spend_since(since).await?)
    }

    async fn account_spend_since(&self, since: Timestamp) -> Result<Vec<AccountSpend>, SourceError> {
        Ok(self.policy().account_spend_since(since).await?)
    }

    async fn wake_ups(&self) -> Result<Option<Self::WakeUps>, SourceError> {
        Ok(self.policy().wakeups().await?)
    }
}

impl WakeUps for store::policy::WakeUps {
    async fn next(&mut self) -> Result<(), SourceError> {
        Ok(store::policy::WakeUps::next(self).await?)
    }
}

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}
