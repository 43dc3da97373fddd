use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use domain::{Deployment, access, providers};

use crate::Alias;

/// A model that the price book knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownModel<'a> {
    pub provider: &'a str,
    /// The provider's own name for it.
    pub model: &'a str,
}

pub(crate) fn public<'d>(
    deployments: impl Iterator<Item = &'d Arc<Deployment>>,
    aliases: &BTreeMap<String, Alias>,
    known: &[KnownModel<'_>],
) -> Vec<String> {
    let mut seen = HashSet::new();
    let groups = deployments.flat_map(|deployment| names_of(deployment, known));
    let aliases = aliases.iter().filter(|(_, alias)| !alias.hidden).map(|(name, _)| name.clone());
    groups.chain(aliases).filter(|name| seen.insert(name.clone())).collect()
}

fn names_of(deployment: &Deployment, known: &[KnownModel<'_>]) -> Vec<String> {
    if !deployment.group.contains('*') {
        return vec![deployment.group.clone()];
    }
    if !deployment.model.contains('*') {
        return Vec::new(); // any name leads to the one model: there is nothing to list
    }
    known.iter().filter_map(|model| expand(deployment, model)).collect()
}

/// The name under which a wildcard deployment reaches a known model.
fn expand(deployment: &Deployment, known: &KnownModel<'_>) -> Option<String> {
    let any_provider = deployment.provider == providers::ANY;
    if !any_provider && deployment.provider != known.provider {
        return None;
    }
    let qualified = format!("{}/{}", known.provider, known.model);
    let upstream_name = if any_provider { qualified.as_str() } else { known.model };
    let captured = access::capture(&deployment.model, upstream_name)?;
    let name = access::fill(&deployment.group, &captured);
    (!name.contains('*')).then_some(name)
}
