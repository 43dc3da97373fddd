//! What each deployment costs: its own prices if it sets them, else the price book's.

use std::sync::Arc;

use domain::{Deployment, Expected, Usage, providers};
use kit::Money;
use pricing::{ModelInfo, Price, PriceBook, estimate};
use routing::{Candidate, Group, KnownModel};

/// The version noted for prices that a deployment sets, and for models without any.
const CUSTOM: &str = "custom";
const NONE: &str = "none";

/// The price book and how it is asked.
pub struct Prices {
    book: PriceBook,
}

/// The price of one deployment's model.
#[derive(Clone)]
pub struct Priced {
    price: Option<Arc<Price>>,
    pub version: Box<str>,
    max_output_tokens: Option<u64>,
}

impl Prices {
    pub const fn new(book: PriceBook) -> Self {
        Self { book }
    }

    pub fn of(&self, candidate: &Candidate) -> Priced {
        self.of_model(&candidate.provider, &candidate.model, Some(&candidate.deployment))
    }

    /// The price of a provider's model, at a deployment that may set its own.
    pub fn of_model(&self, provider: &str, model: &str, deployment: Option<&Deployment>) -> Priced {
        let base_model = deployment.and_then(|deployment| deployment.base_model.as_deref());
        let listed = self.book.find(provider, model, base_model);
        let max_output_tokens = deployment
            .and_then(|deployment| deployment.info.get("max_output_tokens"))
            .and_then(serde_json::Value::as_u64)
            .or_else(|| listed?.info.max_output_tokens.map(u64::from));
        // Prices that cannot be read were refused when the configuration was loaded.
        if let Some(Ok(Some(own))) = deployment.map(|deployment| Price::from_fields(&deployment.prices)) {
            return Priced { price: Some(Arc::new(own)), version: CUSTOM.into(), max_output_tokens };
        }
        let version = if listed.is_some() { self.book.version() } else { NONE };
        Priced { price: listed.cloned().map(Arc::new), version: version.into(), max_output_tokens }
    }

    /// What the book tells of a group's model.
    pub fn info(&self, group: &Group) -> Option<ModelInfo> {
        let first = group.candidates.first()?;
        let base_model = first.deployment.base_model.as_deref();
        Some(self.book.find(&first.provider, &first.model, base_model)?.info)
    }

    /// Every model that the book lists of a provider that we reach, for expanding wildcards.
    pub fn known_models(&self) -> Vec<KnownModel<'static>> {
        let models = |provider: &'static str| {
            self.book.models_of(provider).map(move |model| KnownModel { provider, model })
        };
        providers::KNOWN.iter().flat_map(|provider| models(provider.name)).collect()
    }
}

impl Priced {
    /// A charge for `usage` that still waits for a better one.
    pub fn expected(&self, usage: Usage) -> Expected {
        Expected { usage, cost: self.cost(&usage), price_version: self.version.clone() }
    }

    /// Whether anything tells what the model costs; what nothing tells of costs nothing.
    pub const fn is_known(&self) -> bool {
        self.price.is_some()
    }

    pub fn cost(&self, usage: &Usage) -> Money {
        self.price.as_ref().map_or(Money::ZERO, |price| price.cost(usage).total)
    }

    /// What a call costs at most, as far as can be told before it.
    pub fn at_most(&self, input_tokens: u64, max_output_tokens: Option<u64>) -> Money {
        self.price
            .as_ref()
            .map_or(Money::ZERO, |price| estimate::reservation(price, input_tokens, max_output_tokens))
    }

    pub const fn max_output_tokens(&self) -> Option<u64> {
        self.max_output_tokens
    }
}
