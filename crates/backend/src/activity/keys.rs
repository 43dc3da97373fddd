//! Keys of a range by spend: pages of them, those of one model, and those that are looked for.

use serde::Serialize;
use serde_json::{Map, Value};
use store::usage::{Answer, Answers, Dimension};
use utoipa::ToSchema;

use super::breakdown::{Asked, key_metadata};
use super::days::Days;
use super::view::SpendMetrics;
use crate::http::error::ApiError;

/// Keys of one page.
pub const LIMIT_MAX: u32 = 100;
/// Keys before a page.
pub const OFFSET_MAX: u32 = 10_000;
/// Keys that a search looks through, the dearest.
const SEARCHED_MAX: u32 = 1_000;

#[derive(Serialize, ToSchema)]
pub struct KeyActivity {
    /// Hash, or the master key's label.
    api_key: String,
    metrics: SpendMetrics,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
pub struct KeyActivityPage {
    api_keys: Vec<KeyActivity>,
    total_api_keys: u64,
    offset: u32,
    limit: u32,
}

#[derive(Serialize, ToSchema)]
pub struct ModelTopKeys {
    model: String,
    by_model_group: bool,
    api_keys: Vec<KeyActivity>,
}

#[derive(Serialize, ToSchema)]
pub struct CacheLeakage {
    api_keys: Vec<KeyActivity>,
}

#[derive(Serialize, ToSchema)]
pub struct FoundKeys {
    search: String,
    api_keys: Vec<KeyActivity>,
}

impl Asked<'_> {
    async fn keys(&self, days: Days, limit: u32) -> Result<Answers, ApiError> {
        self.ask_any(days.whole()?, [Some(Dimension::Key), None], limit).await
    }

    async fn shown(&self, keys: impl Iterator<Item = Answer>) -> Result<Vec<KeyActivity>, ApiError> {
        let keys = keys.collect::<Vec<_>>();
        let hashes = keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>();
        let labels = self.state.store.usage().key_labels(&hashes).await?;
        let shown = |key: Answer| KeyActivity {
            metadata: key_metadata(&key.name, labels.get(&key.name)),
            api_key: key.name,
            metrics: key.totals.into(),
        };
        Ok(keys.into_iter().map(shown).collect())
    }
}

/// A page of keys, the dearest first.
pub async fn page(
    asked: &Asked<'_>,
    days: Days,
    offset: u32,
    limit: u32,
) -> Result<KeyActivityPage, ApiError> {
    if offset > OFFSET_MAX || !(1..=LIMIT_MAX).contains(&limit) {
        let message = format!("`offset` goes to {OFFSET_MAX} and `limit` from 1 to {LIMIT_MAX}.");
        return Err(ApiError::plain("limit", message));
    }
    let answers = asked.keys(days, offset + limit).await?;
    let api_keys = asked.shown(answers.rows.into_iter().skip(offset as usize)).await?;
    Ok(KeyActivityPage { api_keys, total_api_keys: answers.rows_in_all, offset, limit })
}

/// The dearest keys of what the question is narrowed to.
pub async fn top(
    asked: &Asked<'_>,
    days: Days,
    model: String,
    by_model_group: bool,
    limit: u32,
) -> Result<ModelTopKeys, ApiError> {
    let answers = asked.keys(days, limit.clamp(1, LIMIT_MAX)).await?;
    let api_keys = asked.shown(answers.rows.into_iter()).await?;
    Ok(ModelTopKeys { model, by_model_group, api_keys })
}

/// Keys with the most input that no cache of a provider served, among the dearest.
pub async fn leaking(asked: &Asked<'_>, days: Days, limit: u32) -> Result<CacheLeakage, ApiError> {
    let mut rows = asked.keys(days, OFFSET_MAX).await?.rows;
    let uncached = |key: &Answer| key.totals.input_tokens - key.totals.cache_read_tokens;
    rows.retain(|key| uncached(key) > 0);
    rows.sort_by_key(|key| std::cmp::Reverse(uncached(key)));
    let api_keys = asked.shown(rows.into_iter().take(limit.clamp(1, LIMIT_MAX) as usize)).await?;
    Ok(CacheLeakage { api_keys })
}

/// Keys whose hash or alias has a text in it, the dearest first.
pub async fn search(asked: &Asked<'_>, days: Days, text: String, limit: u32) -> Result<FoundKeys, ApiError> {
    let rows = asked.keys(days, SEARCHED_MAX).await?.rows;
    let hashes = rows.iter().map(|key| key.name.clone()).collect::<Vec<_>>();
    let labels = asked.state.store.usage().key_labels(&hashes).await?;
    let sought = text.to_lowercase();
    let has = |name: &str| name.to_lowercase().contains(&sought);
    let alias = |key: &str| labels.get(key).and_then(|label| label.alias.as_deref());
    let found = rows.into_iter().filter(|key| has(&key.name) || alias(&key.name).is_some_and(has));
    let api_keys = asked.shown(found.take(limit.clamp(1, LIMIT_MAX) as usize)).await?;
    Ok(FoundKeys { search: text, api_keys })
}
