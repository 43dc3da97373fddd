//! What is worked out once for each deployment: how it is called and what it costs.

use std::hash::RandomState;
use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::{Equivalent, HashMap};
use http::HeaderMap;
use routing::Candidate;
use upstream::{Endpoint, TargetError};

use crate::habits::Habits;
use crate::prices::{Priced, Prices};
use crate::respond;

/// Models behind wildcards that are remembered; beyond it the memory starts anew.
const REMEMBERED_MAX: usize = 4096;
/// `max_tokens` for providers that need one, when neither client nor price book knows better.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// Reads environment variables.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A deployment ready to be called for one model.
pub struct Ready {
    pub endpoint: Endpoint,
    pub priced: Priced,
    /// `OpenAIException`, …: the provider's name in error messages.
    pub label: Arc<str>,
    /// Parameters that the provider answers with an error.
    pub refuses: Vec<&'static str>,
    /// Headers of every answer from here.
    pub headers: HeaderMap,
    pub habits: Habits,
}

impl Ready {
    pub fn default_max_tokens(&self) -> u64 {
        self.priced.max_output_tokens().unwrap_or(DEFAULT_MAX_TOKENS)
    }
}

/// A deployment's id and the provider's name of the model.
type ModelAt = (Box<str>, Arc<str>);

/// The same, borrowed: looking up allocates nothing.
#[derive(Hash)]
struct Sought<'s>(&'s str, &'s str);

impl Equivalent<ModelAt> for Sought<'_> {
    fn equivalent(&self, known: &ModelAt) -> bool {
        *known.0 == *self.0 && *known.1 == *self.1
    }
}

/// Every deployment that has been called since it was last changed, by id and model.
pub struct ReadyDeployments {
    prices: Arc<Prices>,
    environment: Environment,
    known: RwLock<HashMap<ModelAt, Arc<Ready>, RandomState>>,
}

impl ReadyDeployments {
    pub fn new(prices: Arc<Prices>, environment: Environment) -> Self {
        Self { prices, environment, known: RwLock::default() }
    }

    /// The same for other deployments: what is known of those that are the same, by id, is kept.
    #[must_use]
    pub fn carried_over(&self, is_same: impl Fn(&str) -> bool) -> Self {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let kept = known.iter().filter(|((id, _), _)| is_same(id));
        let kept = kept.map(|(at, ready)| (at.clone(), ready.clone())).collect();
        Self { prices: self.prices.clone(), environment: self.environment.clone(), known: RwLock::new(kept) }
    }

    /// # Errors
    /// When the deployment cannot be called as it is configured.
    pub fn get(&self, candidate: &Candidate) -> Result<Arc<Ready>, TargetError> {
        let sought = Sought(&candidate.deployment.id, &candidate.model);
        if let Some(ready) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&sought) {
            return Ok(ready.clone());
        }
        let ready = Arc::new(self.prepare(candidate)?);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert((candidate.deployment.id.as_str().into(), candidate.model.clone()), ready.clone());
        Ok(ready)
    }

    fn prepare(&self, candidate: &Candidate) -> Result<Ready, TargetError> {
        let environment = |name: &str| (self.environment)(name);
        let endpoint =
            Endpoint::new(&candidate.deployment, &candidate.provider, &candidate.model, &environment)?;
        let provider = endpoint.provider();
        let mut refuses = provider.refuses.to_vec();
        if !provider.takes_stream_options {
            refuses.push("stream_options");
        }
        Ok(Ready {
            priced: self.prices.of(candidate),
            label: provider.error_label().into(),
            refuses,
            headers: respond::deployment_headers(candidate, endpoint.api_base()),
            habits: Habits::default(),
            endpoint,
        })
    }
}
