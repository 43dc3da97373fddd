//! Deployments of the configuration and models of the database, as one list.

use std::collections::HashSet;

use config::{Config, ModelRules};
use domain::{Deployment, Model};
use policy::Stock;

/// The configuration's deployments, then the database's. A model that makes no sense is left out, and takes no other
/// with it; where both have an id, the configuration's counts.
pub fn deployments(config: &Config, stock: &Stock, environment: &gateway::Environment) -> Vec<Deployment> {
    let mut all = config.deployments.clone();
    if !config.settings.store_model_in_db {
        return all;
    }
    let mut credentials = stock.credentials.clone();
    credentials.extend(config.credentials.clone());
    let env = |name: &str| environment(name);
    let rules = ModelRules { settings: &config.settings, credentials: &credentials, env: &env };
    let mut ids = all.iter().map(|deployment| deployment.id.clone()).collect::<HashSet<_>>();
    for model in stock.models.iter().filter(|model| !model.blocked) {
        if !ids.insert(model.id.clone()) {
            tracing::error!(
                model = model.id,
                "a model is left out: the configuration has one of the same id"
            );
            continue;
        }
        all.extend(read(model, rules));
    }
    all
}

fn read(model: &Model, rules: ModelRules<'_>) -> Option<Deployment> {
    match config::read_model(&model.entry(), rules) {
        Ok(loaded) => Some(loaded.deployment),
        Err(why) => {
            tracing::error!(model = model.id, %why, "a model is left out");
            None
        }
    }
}
