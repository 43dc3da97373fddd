use std::collections::HashMap;

use domain::providers::{self, ANY, Wire};
use domain::{Deployment, Timeouts};
use kit::Secret;

use super::params::{api_base, defaults, headers, object, prices, weight};
use crate::deployment_id;
use crate::environment::Environment;
use crate::fields::{Fields, Unknown};
use crate::keys;
use crate::node::{Content, Entry, Node};
use crate::problems::{At, Problems};
use crate::provider::{self, Target};
use crate::settings::Settings;

/// Reads the entries of `model_list`, one by one.
pub struct Reader<'r> {
    pub settings: &'r Settings,
    pub env: &'r Environment<'r>,
    pub credentials: HashMap<&'r str, &'r [Entry]>,
    pub skip_invalid: bool,
    /// Ids, with the index of the entry that has each.
    pub seen: HashMap<String, usize>,
}

impl Reader<'_> {
    pub fn deployment(&mut self, index: usize, node: &Node, problems: &mut Problems) -> Option<Deployment> {
        self.deployment_at(&format!("model_list[{index}]"), index, node, problems)
    }

    /// The same of an entry that stands at `path`.
    pub fn deployment_at(
        &mut self,
        path: &str,
        index: usize,
        node: &Node,
        problems: &mut Problems,
    ) -> Option<Deployment> {
        let within = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let (params_path, info_path) = (within("litellm_params"), within("model_info"));
        let entry = Fields::new(node, path, problems)?;
        entry.check(keys::MODEL, Unknown::Ignored, problems);
        let empty = Node::empty();
        let group = entry.string("model_name");
        let params_node =
            entry.get("litellm_params").map(|params| self.with_credential(params, &params_path, problems));
        let at = At { place: node.place, path };
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
                    problems.warn(
                        at,
                        message,
                        Some(format!("write `openai/{model}` to say so; then it also gets OPENAI_API_KEY")),
                    );
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
        let api_key = params.string("api_key").or_else(|| from_env(known?.key_env));
        let team_id = info.string("team_id");
        let own_name = team_id.as_ref().and_then(|_| info.string("team_public_model_name"));
        Deployment {
            id,
            group: own_name.unwrap_or(group),
            team_id,
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
            timeouts: timeouts(params),
            weight: weight(params),
            rpm: params.whole("rpm", 0, problems),
            tpm: params.whole("tpm", 0, problems),
            order: params.signed("order"),
            num_retries: params.whole("num_retries", 0, problems),
            max_parallel_requests: params.whole("max_parallel_requests", 1, problems),
            mock_response: params.string("mock_response"),
            base_model: info.string("base_model"),
            access_groups: info.texts("access_groups"),
            info: info.entries().iter().map(|e| (e.key.clone(), e.value.to_json())).collect(),
            prices: prices(info, params, problems),
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
        if known.wire == Wire::NotYet {
            let message =
                format!("`{}` is not supported yet; requests to this deployment will fail", known.name);
            problems.warn(at, message, None);
            return;
        }
        let has_base = deployment.api_base.is_some() || known.base_url.is_some();
        if !has_base && known.wire != Wire::Demo {
            let or_variables = known.base_env.iter().map(|name| format!(" or {name}")).collect::<String>();
            problems.warn(at, format!("`{}` needs an `api_base`{or_variables}", known.name), None);
        }
        // A key from a variable that is not set was warned about already.
        let says_key = params.entries().iter().any(|entry| entry.key == "api_key");
        if deployment.api_key.is_none() && !says_key && known.key_suffices && deployment.api_base.is_none() {
            let variables = known.key_env.join(" or ");
            problems.warn(at, format!("no key for `{}`: set `api_key` or {variables}", known.name), None);
        }
    }
}

fn timeouts(params: &Fields<'_>) -> Timeouts {
    Timeouts {
        answer: params.seconds("timeout"),
        stream: params.seconds("stream_timeout"),
        connect: params.seconds("connect_timeout"),
        first_byte: params.seconds("first_byte_timeout"),
        idle: params.seconds("idle_timeout"),
        total: params.seconds("total_timeout"),
    }
}

/// The keys there that look like the missing one.
fn nearest_sibling(fields: &Fields<'_>, missing: &str) -> Option<String> {
    let near = fields.entries().iter().find(|entry| strsim::damerau_levenshtein(&entry.key, missing) <= 2)?;
    Some(format!("`{}` looks like it; write `{missing}`", near.key))
}

fn azure_version(provider: &str, env: &Environment<'_>) -> Option<String> {
    provider.starts_with("azure").then(|| env.get("AZURE_API_VERSION")).flatten()
}
