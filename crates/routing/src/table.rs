use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::{Deployment, access, providers};

use crate::names::KnownModel;
use crate::{Candidate, CooldownRules, CooldownSettings, Group, names, pattern};

/// Settings beside the deployments themselves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `router_settings.model_group_alias`: requested name → group.
    pub aliases: BTreeMap<String, Alias>,
    pub cooldown: CooldownSettings,
}

/// Where an alias leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub group: String,
    /// Answers, but is not listed.
    pub hidden: bool,
}

/// What can be asked for, by whoever may.
#[derive(Debug, Default)]
struct Names {
    groups: HashMap<Box<str>, Arc<Group>>,
    by_id: HashMap<Box<str>, Arc<Group>>,
    /// Most specific first.
    wildcards: Vec<Arc<Group>>,
}

/// Every deployment, found by each name that a client may send.
#[derive(Debug, Default)]
pub struct Table {
    shared: Names,
    /// By team: what its keys alone can ask for.
    owned: HashMap<Box<str>, Names>,
    aliases: BTreeMap<String, Alias>,
    by_full_model: HashMap<Box<str>, Arc<Group>>,
    deployments: Vec<Arc<Deployment>>,
    slots: Vec<Box<str>>,
}

impl Table {
    /// Deployments whose `model_info.blocked` is true are left out.
    pub fn build(deployments: Vec<Deployment>, options: Options) -> Self {
        let mut table = Self { aliases: options.aliases, ..Self::default() };
        for deployment in deployments.into_iter().filter(|deployment| !is_blocked(deployment)) {
            table.add(Arc::new(deployment), &options.cooldown);
        }
        for names in table.owned.values_mut().chain([&mut table.shared]) {
            names.wildcards.sort_by_key(|group| pattern::specificity(&group.name));
        }
        table
    }

    /// The deployments that answer to `requested`, in the order of data-plane semantics §6.1: exact group,
    /// alias, deployment id, wildcards by specificity, `litellm_params.model`. What `team` owns comes first, and
    /// nobody else finds it.
    pub fn resolve(&self, requested: &str, team: Option<&str>) -> Option<Arc<Group>> {
        let own = team.and_then(|team| self.owned.get(team));
        own.and_then(|own| own.named(requested).or_else(|| own.by_wildcard(requested)))
            .or_else(|| self.shared.named(requested))
            .or_else(|| {
                let alias = self.aliases.get(requested)?;
                self.shared.named(&alias.group).or_else(|| self.shared.by_wildcard(&alias.group))
            })
            .or_else(|| self.shared.by_wildcard(requested))
            .or_else(|| self.by_full_model.get(requested).cloned())
    }

    /// Names for `/v1/models`: groups, visible aliases, and each wildcard expanded through `known`. Sorted
    /// as the configuration lists them, without repeats; those that `team` owns among them.
    pub fn public_names(&self, known: &[KnownModel<'_>], team: Option<&str>) -> Vec<String> {
        let visible = |deployment: &&Arc<Deployment>| {
            deployment.team_id.is_none() || deployment.team_id.as_deref() == team
        };
        names::public(self.deployments.iter().filter(visible), &self.aliases, known)
    }

    /// Every deployment, in the order of the configuration.
    pub fn deployments(&self) -> &[Arc<Deployment>] {
        &self.deployments
    }

    /// The deployment id of each slot; [`Candidate::slot`] counts into it.
    pub fn slots(&self) -> &[Box<str>] {
        &self.slots
    }

    fn add(&mut self, deployment: Arc<Deployment>, cooldown: &CooldownSettings) {
        let slot = self.slot(&deployment.id);
        let mut candidate = Candidate::plain(deployment.clone(), slot, cooldown.rules_for(&deployment));
        let names = match deployment.team_id.as_deref() {
            Some(team) => self.owned.entry(team.into()).or_default(),
            None => &mut self.shared,
        };
        if deployment.group.contains('*') {
            join(&mut names.wildcards, &deployment.group, candidate.clone());
        } else {
            // A plain name in front of a wildcard model stands for the model of that name.
            candidate = candidate.filled(&[&deployment.group]).unwrap_or(candidate);
            insert(&mut names.groups, &deployment.group, &deployment.group, candidate.clone());
        }
        if !candidate.full_model.contains('*') && deployment.team_id.is_none() {
            insert(&mut self.by_full_model, &deployment.full_model, &deployment.group, candidate.clone());
        }
        // The id of a deployment for many models does not say which one is meant.
        if !candidate.model.contains('*') {
            insert(&mut names.by_id, &deployment.id, &deployment.group, candidate);
        }
        self.deployments.push(deployment);
    }

    fn slot(&mut self, id: &str) -> usize {
        self.slots.iter().position(|known| **known == *id).unwrap_or_else(|| {
            self.slots.push(id.into());
            self.slots.len() - 1
        })
    }
}

impl Names {
    fn named(&self, name: &str) -> Option<Arc<Group>> {
        self.groups.get(name).or_else(|| self.by_id.get(name)).cloned()
    }

    fn by_wildcard(&self, requested: &str) -> Option<Arc<Group>> {
        self.wildcards.iter().find_map(|group| {
            let captured = access::capture(&group.name, requested)?;
            let candidates = group.candidates.iter().filter_map(|c| c.filled(&captured)).collect::<Vec<_>>();
            (!candidates.is_empty()).then(|| Arc::new(Group { name: group.name.clone(), candidates }))
        })
    }
}

impl Candidate {
    fn plain(deployment: Arc<Deployment>, slot: usize, cooldown: CooldownRules) -> Self {
        let (provider, model) = (deployment.provider.as_str().into(), deployment.model.as_str().into());
        let full_model = deployment.full_model.as_str().into();
        Self { deployment, slot, provider, model, full_model, cooldown }
    }

    /// `None` when the provider must be read from the model's name and the name does not tell.
    fn filled(&self, captured: &[&str]) -> Option<Self> {
        let mut candidate = self.clone();
        if !self.model.contains('*') {
            return Some(candidate);
        }
        let model = access::fill(&self.model, captured);
        if *self.provider == *providers::ANY {
            let (provider, model) = providers::infer(&model)?;
            candidate.provider = provider.name.into();
            candidate.model = model.into();
        } else {
            candidate.model = model.into();
        }
        candidate.full_model = format!("{}/{}", candidate.provider, candidate.model).into();
        Some(candidate)
    }
}

fn is_blocked(deployment: &Deployment) -> bool {
    deployment.info.get("blocked").and_then(serde_json::Value::as_bool) == Some(true)
}

fn insert(map: &mut HashMap<Box<str>, Arc<Group>>, key: &str, name: &str, candidate: Candidate) {
    match map.get_mut(key) {
        Some(group) => Arc::make_mut(group).candidates.push(candidate),
        None => {
            map.insert(key.into(), Arc::new(Group { name: name.into(), candidates: vec![candidate] }));
        }
    }
}

fn join(groups: &mut Vec<Arc<Group>>, name: &str, candidate: Candidate) {
    match groups.iter_mut().find(|group| *group.name == *name) {
        Some(group) => Arc::make_mut(group).candidates.push(candidate),
        None => groups.push(Arc::new(Group { name: name.into(), candidates: vec![candidate] })),
    }
}
