use std::sync::Arc;

use domain::Deployment;

use crate::CooldownRules;

/// The deployments that may answer one requested name.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The public name under which they were found: `model_name`, its pattern included. Bounded by the
    /// configuration, so that it may label a metric.
    pub name: Arc<str>,
    /// Never empty.
    pub candidates: Vec<Candidate>,
}

/// One deployment of a group, resolved for the requested name.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub deployment: Arc<Deployment>,
    /// Where the shared state of this deployment is kept; deployments with one id share it.
    pub slot: usize,
    /// The provider, read from the model name when the deployment takes any.
    pub provider: Arc<str>,
    /// The provider's own model name, wildcards filled in.
    pub model: Arc<str>,
    /// `provider/model`, for `x-litellm-model-name`.
    pub full_model: Arc<str>,
    pub cooldown: CooldownRules,
}

impl Group {
    /// Whether a failed deployment leaves another to try.
    pub const fn has_alternatives(&self) -> bool {
        self.candidates.len() > 1
    }
}
