use std::collections::BTreeMap;
use std::sync::Arc;

use config::{ConfigErrors, LoadedModel, ModelRules};
use domain::{Deployment, Model, SecretMap, Usage};
use kit::Money;
use serde_json::{Map, Value};
use store::StoreError;

use super::ModelCard;
use crate::state::State;

/// Reads environment variables.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;
/// What is known of a deployment's model, under the compatible surface's names.
pub type Facts = Arc<dyn Fn(&Deployment) -> Map<String, Value> + Send + Sync>;

/// What a call of a deployment costs; `None` where no price is known.
pub type Cost = Arc<dyn Fn(&Deployment, &Usage) -> Option<Money> + Send + Sync>;
/// About how many tokens a text has.
pub type Tokens = Arc<dyn Fn(&str) -> u64 + Send + Sync>;

/// What the configuration offers, and how models of the database are read beside it.
pub struct Catalog {
    /// Of the configuration.
    pub cards: Vec<ModelCard>,
    /// `credential_list` by name.
    pub credentials: BTreeMap<String, SecretMap>,
    pub settings: config::Settings,
    pub environment: Environment,
    pub facts: Facts,
    pub cost: Cost,
    pub tokens: Tokens,
    /// The price book by model, as JSON.
    pub cost_map: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Default for Catalog {
    fn default() -> Self {
        Self {
            cards: Vec::new(),
            credentials: BTreeMap::new(),
            settings: config::Settings::default(),
            environment: Arc::new(|_| None),
            facts: Arc::new(|_| Map::new()),
            cost: Arc::new(|_, _| None),
            tokens: Arc::new(|text| text.len() as u64 / 4),
            cost_map: Arc::new(|| "{}".into()),
        }
    }
}

impl Catalog {
    /// The card of the configuration's deployment of this id.
    pub fn card(&self, id: &str) -> Option<&ModelCard> {
        self.cards.iter().find(|card| card.deployment.id == id)
    }

    /// Reads a model of the database as gateways do.
    pub fn read(
        &self,
        model: &Model,
        credentials: &BTreeMap<String, SecretMap>,
    ) -> Result<LoadedModel, ConfigErrors> {
        let env = |name: &str| (self.environment)(name);
        config::read_model(&model.entry(), ModelRules { settings: &self.settings, credentials, env: &env })
    }
}

impl State {
    /// What `litellm_credential_name` may refer to: the configuration's, and those of the database, which lose where
    /// both have a name.
    pub(crate) async fn shared_values(&self) -> Result<BTreeMap<String, SecretMap>, StoreError> {
        let stored = self.store.credentials(&self.vault).list().await?;
        for (name, why) in stored.unreadable {
            tracing::error!(credential = name, %why, "a credential is left out");
        }
        let mut values =
            stored.rows.into_iter().map(|one| (one.name, one.values)).collect::<BTreeMap<_, _>>();
        values.extend(self.catalog.credentials.clone());
        Ok(values)
    }
}
