//! What calls of the past would cost now.

use std::cell::RefCell;
use std::collections::HashMap;

use domain::{Deployment, Usage, UsageEvent};
use gateway::{Priced, Prices};
use policy::Stock;
use pricing::PriceBook;
use store::Store;
use store::ledger::NewCost;

use crate::assembly::Assembly;
use crate::error::Failure;
use crate::models;
use crate::system::OsRng;

/// The version that rows note whose price their deployment set.
const CUSTOM: &str = "custom";
/// Prices that are remembered; beyond it they are looked up anew.
const REMEMBERED_MAX: usize = 10_000;

/// Prices of the configuration, of the models in the database, and of the price book.
pub struct PricesNow {
    book: Prices,
    /// By id.
    deployments: HashMap<String, Deployment>,
    /// By deployment, provider and model.
    known: RefCell<HashMap<[Box<str>; 3], Priced>>,
}

impl PricesNow {
    pub async fn read(mut assembly: Assembly, store: &Store) -> Result<Self, Failure> {
        let stock = if assembly.config.settings.store_model_in_db {
            assembly.ensure_master_key(&mut OsRng)?;
            policy::read_models(store, &assembly.vault(&assembly.master_key()?)?).await?
        } else {
            Stock::default()
        };
        let deployments = models::deployments(&assembly.config, &stock, &assembly.environment());
        Ok(Self {
            book: Prices::new(PriceBook::builtin()),
            deployments: deployments.into_iter().map(|one| (one.id.clone(), one)).collect(),
            known: RefCell::default(),
        })
    }

    /// What a call costs at the prices of now; `None` where nothing tells.
    pub fn price(&self, event: &UsageEvent) -> Option<NewCost> {
        let (intent, outcome) = (&event.intent, &event.outcome);
        // Refused before any provider, or charged by something else than tokens.
        if intent.deployment_id.is_empty() || outcome.usage == Usage::default() {
            return None;
        }
        let deployment = self.deployments.get(&*intent.deployment_id);
        // The price book is not what it cost.
        if deployment.is_none() && &*outcome.price_version == CUSTOM {
            return None;
        }
        let name = [&intent.deployment_id, &intent.provider, &intent.model].map(Clone::clone);
        let mut known = self.known.borrow_mut();
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        let priced = known
            .entry(name)
            .or_insert_with(|| self.book.of_model(&intent.provider, &intent.model, deployment));
        let cost = priced.is_known().then(|| priced.cost(&outcome.usage))?;
        Some(NewCost { cost, price_version: priced.version.clone() })
    }
}
