//! `model_list` → deployments.

use std::collections::BTreeMap;
use std::collections::HashMap;

use domain::providers::{self, ANY};
use domain::{Deployment, Timeouts};
use kit::Secret;
use serde_json::{Map, Value};

use crate::deployment_id;
use crate::environment::Environment;
use crate::fields::{Fields, Unknown};
use crate::keys;
use crate::node::{Content, Entry, Node};
use crate::problems::{At, Problems};
use crate::provider::{self, Target};
use crate::settings::{Sections, Settings};

/// Providers without a public address: they need an `api_base`.
const NEED_API_BASE: [&str; 9] = [
    "azure",
    "azure_ai",
    "cloudflare",
    "custom_openai",
    "databricks",
    "hosted_vllm",
    "litellm_proxy",
    "openai_like",
    "vllm",
];

/// The deployments of `model_list`; `None` when there is none or it is empty.
pub fn read(
    root: &Fields<'_>,
    sections: &Sections<'_>,
    settings: &Settings,
    env: &Environment<'_>,
    problems: &mut Problems,
) -> Option<Vec<Deployment>> {
    let credentials = credentials(root, problems);
    let list = root.get("model_list").and_then(Node::items).filter(|list| !list.is_empty())?;
    let skip_invalid = sections.router.boolean("ignore_invalid_deployments").unwrap_or_default();
    let mut reader = Reader {
        settings,
        env,
        credentials,
        skip_invalid,
        weight_scale: weight_scale(list),
        seen: HashMap::new(),
    };
    let read = list.iter().enumerate().filter_map(|(index, node)| reader.deployment(index, node, problems));
    Some(read.collect())
}

/// `credential_list` by name.
fn credentials<'n>(root: &Fields<'n>, problems: &mut Problems) -> HashMap<&'n str, &'n [Entry]> {
    let mut found = HashMap::new();
    let list = root.get("credential_list").and_then(Node::items).unwrap_or_default();
    for (index, node) in list.iter().enumerate() {
        let path = format!("credential_list[{index}]");
        let Some(fields) = Fields::new(node, &path, problems) else { continue };
        fields.check(keys::CREDENTIAL, Unknown::Ignored, problems);
        let values = node.get("credential_values").and_then(Node::entries).unwrap_or_default();
        match node.get("credential_name").and_then(Node::text) {
            Some(name) => drop(found.insert(name, values)),
            None => problems.error(
                At { place: node.place, path: &path },
                "a credential needs a `credential_name`",
                None,
            ),
        }
    }
    found
}

struct Reader<'r> {
    settings: &'r Settings,
    env: &'r Environment<'r>,
    credentials: HashMap<&'r str, &'r [Entry]>,
    skip_invalid: bool,
    weight_scale: f64,
    /// Ids, with the index of the entry that has each.
    seen: HashMap<String, usize>,
}

impl Reader<'_> {
    fn deployment(&mut self, index: usize, node: &Node, problems: &mut Problems) -> Option<Deployment> {
        let path = format!("model_list[{index}]");
        let (params_path, info_path) = (format!("{path}.litellm_params"), format!("{path}.model_info"));
        let entry = Fields::new(node, &path, problems)?;
        entry.check(keys::MODEL, Unknown::Ignored, problems);
        let empty = Node::empty();
        let group = entry.string("model_name");
        let params_node =
            entry.get("litellm_params").map(|params| self.with_credential(params, &params_path, problems));
        let at = At { place: node.place, path: &path };
        let (Some(group), Some(params_node)) = (group, params_node) else {
            let missing = if node.get("model_name").is_none() { "model_name" } else { "litellm_params" };
            let missing = if entry.get(missing).is_some() { "litellm_params" } else { missing };
            problems.error(at, format!("a model needs a `{missing}`"), nearest_sibling(&entry, missing));
            return None;
        };
        let params = Fields::new(&params_node, &params_path, problems)?;
        params.check(keys::LITELLM_PARAMS, Unknown::Sent, problems);
        let info = Fields::new(entry.get("model_info").unwrap_or(&empty), &info_path, problems)?;
        info.check(keys::MODEL_INFO, Unknown::Kept, problems);
        let Some(full_model) = params.string("model") else {
            problems.error(
                At { place: params_node.place, path: &params_path },
                "`litellm_params` needs a `model`",
                nearest_sibling(&params, "model"),
            );
            return None;
        };
        let target = self.target(&params, &full_model, problems)?;
        if info.boolean("blocked") == Some(true) {
            return None;
        }
        let id = self.id(index, &group, &params, &info, problems)?;
        let deployment = self.build(id, group, full_model, target, &params, &info, problems);
        self.warn_incomplete(&deployment, &params, problems);
        Some(deployment)
    }

    /// The params, with what is missing filled in from the credential that they name.
    fn with_credential(&self, params: &Node, path: &str, problems: &mut Problems) -> Node {
        let mut filled = params.clone();
        let Some(named) = params.get("litellm_credential_name") else { return filled };
        let Some(name) = named.text() else { return filled };
        let Some(values) = self.credentials.get(name) else {
            let path = format!("{path}.litellm_credential_name");
            problems.error(
                At { place: named.place, path: &path },
                format!("no credential is called `{name}`"),
                None,
            );
            return filled;
        };
        if let Content::Map(entries) = &mut filled.content {
            entries.extend(values.iter().filter(|value| params.get(&value.key).is_none()).cloned());
        }
        filled
    }

    fn target(&self, params: &Fields<'_>, model: &str, problems: &mut Problems) -> Option<Target> {
        let path = params.path_of("model");
        let place = params.get("model").map(|node| node.place).unwrap_or_default();
        let at = At { place, path: &path };
        match provider::target(model, params.text("custom_llm_provider"), api_base(params)) {
            Ok(target) => {
                if target.guessed {
                    let message = format!(
                        "no provider is named in `{model}`; its `api_base` is taken to speak OpenAI's dialect"
                    );
                    problems.warn(at, message, Some(format!("write `openai/{model}` to say so")));
                }
                Some(target)
            }
            Err(unknown) if self.skip_invalid => {
                problems.warn(
                    at,
                    format!("{}; the deployment is left out", unknown.message),
                    unknown.suggestion,
                );
                None
            }
            Err(unknown) => {
                problems.error(at, unknown.message, unknown.suggestion);
                None
            }
        }
    }

    fn id(
        &mut self,
        index: usize,
        group: &str,
        params: &Fields<'_>,
        info: &Fields<'_>,
        problems: &mut Problems,
    ) -> Option<String> {
        let given = info.string("id");
        let id = given.clone().unwrap_or_else(|| deployment_id::derive(group, params.entries()));
        let Some(earlier) = self.seen.insert(id.clone(), index) else { return Some(id) };
        let path = format!("model_list[{index}]");
        if given.is_some() {
            let place = info.get("id").map(|node| node.place).unwrap_or_default();
            problems.error(
                At { place, path: &path },
                format!("model_list[{earlier}] has the same id `{id}`"),
                None,
            );
        } else {
            let place = params.get("model").map(|node| node.place).unwrap_or_default();
            problems.warn(
                At { place, path: &path },
                format!("the same as model_list[{earlier}]; it is left out"),
                None,
            );
        }
        None
    }

    #[allow(clippy::too_many_arguments)]
    fn build(
        &self,
        id: String,
        group: String,
        full_model: String,
        target: Target,
        params: &Fields<'_>,
        info: &Fields<'_>,
        problems: &mut Problems,
    ) -> Deployment {
        let known = providers::find(target.provider);
        let from_env = |names: &[&str]| self.env.first(names);
        // A server that was only guessed to be OpenAI's kin does not get OpenAI's key.
        let env_key = || from_env(known.filter(|_| !target.guessed)?.key_env);
        let api_key = params.string("api_key").or_else(env_key);
        Deployment {
            id,
            group,
            full_model,
            api_key: api_key.map(Secret::new),
            api_base: api_base(params).map(Into::into).or_else(|| from_env(known?.base_env)),
            api_version: params.string("api_version").or_else(|| azure_version(target.provider, self.env)),
            organization: params.string("organization"),
            extra_headers: headers(params, problems),
            defaults: defaults(params),
            extra_body: object(params.get("extra_body")),
            drop_params: params.boolean("drop_params").unwrap_or(self.settings.drop_params),
            additional_drop_params: params.texts("additional_drop_params"),
            timeouts: Timeouts { total: params.seconds("timeout"), stream: params.seconds("stream_timeout") },
            weight: weight(params, self.weight_scale),
            rpm: params.whole("rpm", 0, problems),
            tpm: params.whole("tpm", 0, problems),
            order: params.signed("order"),
            num_retries: params.whole("num_retries", 0, problems),
            max_parallel_requests: params.whole("max_parallel_requests", 1, problems),
            mock_response: params.string("mock_response"),
            base_model: info.string("base_model"),
            access_groups: info.texts("access_groups"),
            info: info.entries().iter().map(|e| (e.key.clone(), e.value.to_json())).collect(),
            prices: prices(info, params),
            provider: target.provider.into(),
            model: target.model,
        }
    }

    fn warn_incomplete(&self, deployment: &Deployment, params: &Fields<'_>, problems: &mut Problems) {
        let path = params.path_of("model");
        let place = params.get("model").map(|node| node.place).unwrap_or_default();
        let at = At { place, path: &path };
        if deployment.provider == ANY || deployment.mock_response.is_some() {
            return;
        }
        let Some(known) = providers::find(&deployment.provider) else { return };
        if deployment.api_base.is_none() && NEED_API_BASE.contains(&known.name) {
            let variables = known.base_env.join(" or ");
            problems.warn(at, format!("`{}` needs an `api_base`, or {variables}", known.name), None);
        }
        // A key from a variable that is not set was warned about already.
        let says_key = params.entries().iter().any(|entry| entry.key == "api_key");
        if deployment.api_key.is_none() && !says_key && known.key_suffices && deployment.api_base.is_none() {
            let variables = known.key_env.join(" or ");
            problems.warn(at, format!("no key for `{}`: set `api_key` or {variables}", known.name), None);
        }
    }
}

/// The keys there that look like the missing one.
fn nearest_sibling(fields: &Fields<'_>, missing: &str) -> Option<String> {
    let near = fields.entries().iter().find(|entry| strsim::damerau_levenshtein(&entry.key, missing) <= 2)?;
    Some(format!("`{}` looks like it; write `{missing}`", near.key))
}

fn api_base<'n>(params: &Fields<'n>) -> Option<&'n str> {
    params.text("api_base").or_else(|| params.text("base_url"))
}

fn azure_version(provider: &str, env: &Environment<'_>) -> Option<String> {
    provider.starts_with("azure").then(|| env.get("AZURE_API_VERSION")).flatten()
}

/// What weights are multiplied by to become whole numbers: they count in thousandths once one of
/// them is a fraction.
fn weight_scale(list: &[Node]) -> f64 {
    let weight = |node: &Node| node.get("litellm_params")?.get("weight")?.number();
    if list.iter().filter_map(weight).all(|weight| weight.fract() == 0.0) { 1.0 } else { 1000.0 }
}

fn weight(params: &Fields<'_>, scale: f64) -> Option<u64> {
    let weight = params.get("weight")?.number()?.clamp(0.0, 1e12);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some((weight * scale).round() as u64)
}

fn headers(params: &Fields<'_>, problems: &mut Problems) -> BTreeMap<String, Secret> {
    let mut headers = BTreeMap::new();
    for section in ["headers", "extra_headers"] {
        for entry in params.get(section).and_then(Node::entries).unwrap_or_default() {
            let path = format!("{}.{}", params.path_of(section), entry.key);
            match entry.value.text() {
                Some(value) => drop(headers.insert(entry.key.clone(), Secret::new(value))),
                None if entry.value.is_null() => {}
                None => {
                    let at = At { place: entry.value.place, path: &path };
                    problems.error(at, format!("expected a string, found {}", entry.value.describe()), None);
                }
            }
        }
    }
    headers
}

/// What is neither for the gateway nor a price goes to the provider. A key that resembles one for the
/// gateway is held back: it may be a misspelt `api_key`.
fn defaults(params: &Fields<'_>) -> Map<String, Value> {
    let for_provider = |entry: &&Entry| {
        keys::find(keys::LITELLM_PARAMS, &entry.key).is_none()
            && keys::misspelt_param(&entry.key).is_none()
            && !pricing::is_price_field(&entry.key)
    };
    let sent = params.entries().iter().filter(for_provider).filter(|entry| !entry.value.is_null());
    sent.map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
}

/// Prices in `litellm_params` win over those in `model_info`.
fn prices(info: &Fields<'_>, params: &Fields<'_>) -> Map<String, Value> {
    let all = info.entries().iter().chain(params.entries());
    let prices = all.filter(|entry| pricing::is_price_field(&entry.key) && !entry.value.is_null());
    prices.map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
}

fn object(node: Option<&Node>) -> Map<String, Value> {
    match node.map(Node::to_json) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}
