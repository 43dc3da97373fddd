use std::collections::BTreeMap;
use std::time::Duration;

use kit::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One way to reach a model: an entry of `model_list`. Deployments that share `group` answer under
/// one public name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Returned in `x-litellm-model-id`; clients may send it as `model`.
    pub id: String,
    /// The public name (`model_name`, of a team's own `team_public_model_name`), possibly with `*`.
    pub group: String,
    /// The team whose keys alone may call it.
    pub team_id: Option<String>,
    /// Name of the provider (`openai`, `anthropic`, `groq`, …, `demo`); `*` when both the name and
    /// the model are wildcards and the provider is read from each request's model.
    pub provider: String,
    /// The provider's own model name, without provider prefix, possibly with `*`.
    pub model: String,
    /// `litellm_params.model` as written, returned in `x-litellm-model-name`.
    pub full_model: String,
    pub api_key: Option<Secret>,
    /// Base URL; `None` means the provider's default.
    pub api_base: Option<String>,
    pub api_version: Option<String>,
    pub organization: Option<String>,
    /// Sent with each upstream request (`extra_headers`, `headers`).
    pub extra_headers: BTreeMap<String, Secret>,
    /// Body fields used when the client does not set them (`temperature`, `max_tokens`, …).
    pub defaults: Map<String, Value>,
    /// Body fields always set (`extra_body`).
    pub extra_body: Map<String, Value>,
    /// Drop parameters that the provider does not take instead of refusing with 400.
    pub drop_params: bool,
    pub additional_drop_params: Vec<String>,
    pub timeouts: Timeouts,
    /// Share of the load, in thousandths.
    pub weight: Option<u64>,
    pub rpm: Option<u64>,
    pub tpm: Option<u64>,
    /// Lower values are tried first.
    pub order: Option<i64>,
    pub num_retries: Option<u32>,
    pub max_parallel_requests: Option<u32>,
    /// The canned answer of `mock_response`, which then stands for the provider.
    pub mock_response: Option<String>,
    /// `model_info.base_model`: the price book's name when `model` is only a deployment name.
    pub base_model: Option<String>,
    pub access_groups: Vec<String>,
    /// `model_info` as written, echoed by `/model/info`.
    pub info: Map<String, Value>,
    /// Prices set in `litellm_params` or `model_info`: US dollars, under the price map's field names.
    pub prices: Map<String, Value>,
}

/// How long to wait for an upstream; `None` means the setting above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// `timeout`: from sending the request to the end of a body that is not streamed.
    pub answer: Option<Duration>,
    /// `stream_timeout`: from sending to the first byte of a stream.
    pub stream: Option<Duration>,
    /// `connect_timeout`: for name look-up, TCP and TLS.
    pub connect: Option<Duration>,
    /// `first_byte_timeout`: from sending to the first byte of the answer, streamed or not.
    pub first_byte: Option<Duration>,
    /// `idle_timeout`: between two chunks of the answer.
    pub idle: Option<Duration>,
    /// `total_timeout`: from sending to the end of the answer, streamed or not.
    pub total: Option<Duration>,
}

impl Deployment {
    /// A deployment with nothing but its names; tests and built-in deployments start from it.
    pub fn named(group: impl Into<String>, provider: impl Into<String>, model: impl Into<String>) -> Self {
        let (provider, model) = (provider.into(), model.into());
        let full_model = format!("{provider}/{model}");
        Self {
            id: full_model.clone(),
            group: group.into(),
            team_id: None,
            provider,
            model,
            full_model,
            api_key: None,
            api_base: None,
            api_version: None,
            organization: None,
            extra_headers: BTreeMap::new(),
            defaults: Map::new(),
            extra_body: Map::new(),
            drop_params: false,
            additional_drop_params: Vec::new(),
            timeouts: Timeouts::default(),
            weight: None,
            rpm: None,
            tpm: None,
            order: None,
            num_retries: None,
            max_parallel_requests: None,
            mock_response: None,
            base_model: None,
            access_groups: Vec::new(),
            info: Map::new(),
            prices: Map::new(),
        }
    }
}
