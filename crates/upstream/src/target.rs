//! Where a deployment is called, with which headers, and in which dialect.

use std::sync::Arc;

use domain::providers::{Provider, Wire};
use domain::{Deployment, Dialect};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, InvalidHeaderValue, USER_AGENT};
use http::{HeaderMap, Uri};
use kit::Secret;

use crate::providers;

mod url;

/// The version of Anthropic's API that is spoken when the client names none.
/// <https://docs.anthropic.com/en/api/versioning>
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");
const ANTHROPIC_VERSION_HEADER: HeaderName = HeaderName::from_static("anthropic-version");
const ANTHROPIC_BETA_HEADER: HeaderName = HeaderName::from_static("anthropic-beta");
const PRODUCT: HeaderValue = HeaderValue::from_static(concat!("bulkhead/", env!("CARGO_PKG_VERSION")));

/// A deployment made ready to be called: what does not change between requests is worked out once.
#[derive(Clone, Debug)]
pub struct Endpoint {
    provider: &'static Provider,
    place: Place,
    headers: HeaderMap,
}

#[derive(Clone, Debug)]
enum Place {
    Remote { base: Arc<str>, urls: Box<url::Urls> },
    Demo,
    Mock(Arc<str>),
}

/// One request's destination.
#[derive(Clone, Debug)]
pub struct Target {
    pub destination: Destination,
    pub headers: HeaderMap,
    /// The dialect in which the body must be written and the answer read.
    pub dialect: Dialect,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Remote(Uri),
    /// The built-in demo model.
    Demo,
    /// `mock_response`: this text stands for the provider's answer.
    Mock(Arc<str>),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("the provider `{0}` is not known")]
    UnknownProvider(Box<str>),
    #[error("the provider `{0}` is not supported yet")]
    NotSupported(&'static str),
    #[error("`{provider}` has no embeddings")]
    NoEmbeddings { provider: &'static str },
    #[error("`{provider}` needs `api_base`{}", or_from_env(variables))]
    NoBase { provider: &'static str, variables: &'static [&'static str] },
    #[error("`{url}` is not an http or https URL")]
    BadUrl { url: Box<str> },
    #[error("the value of the header `{name}` has characters that a header cannot carry")]
    BadHeader { name: Box<str> },
}

impl Endpoint {
    /// Works out how to call `deployment`. `provider` and `model` are those of the routing candidate: the
    /// deployment's own, or what its wildcards stand for. `env` reads environment variables, for keys and
    /// base URLs that the deployment does not set.
    ///
    /// A missing key is no error: local servers need none, and others say so themselves.
    ///
    /// # Errors
    /// When the provider is unknown or not supported, or its URL or a header cannot be built.
    pub fn new(
        deployment: &Deployment,
        provider: &str,
        model: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, TargetError> {
        let provider = find(provider, deployment.api_base.is_some())?;
        if let Some(text) = &deployment.mock_response {
            return Ok(Self {
                provider,
                place: Place::Mock(text.as_str().into()),
                headers: HeaderMap::new(),
            });
        }
        let place = match provider.wire {
            Wire::Demo => Place::Demo,
            Wire::NotYet => return Err(TargetError::NotSupported(provider.name)),
            _ => {
                let base = base_url(deployment, provider, env)?;
                let version = deployment.api_version.clone().or_else(|| env("AZURE_API_VERSION"));
                let urls = url::Urls::build(provider.wire, &base, model, version.as_deref())?;
                Place::Remote { base: base.into(), urls: Box::new(urls) }
            }
        };
        Ok(Self { provider, place, headers: headers(deployment, provider, env)? })
    }

    pub const fn provider(&self) -> &'static Provider {
        self.provider
    }

    /// The base URL without query, for `x-litellm-model-api-base`; empty for what answers in this process.
    pub fn api_base(&self) -> &str {
        match &self.place {
            Place::Remote { base, .. } => base.split('?').next().unwrap_or(base),
            Place::Demo | Place::Mock(_) => "",
        }
    }

    /// Where and how to send one request of a client that speaks `client`. Of the client's own headers only
    /// `anthropic-version` and `anthropic-beta` go along, and only to providers that know them.
    ///
    /// # Errors
    /// When the provider has nothing for this dialect.
    pub fn target(&self, client: Dialect, client_headers: &HeaderMap) -> Result<Target, TargetError> {
        let dialect = self.dialect(client)?;
        let destination = match &self.place {
            Place::Remote { urls, .. } => Destination::Remote(urls.of(dialect)),
            Place::Demo => Destination::Demo,
            Place::Mock(text) => Destination::Mock(text.clone()),
        };
        let mut headers = self.headers.clone();
        if dialect == Dialect::AnthropicMessages {
            pass_anthropic_headers(client_headers, &mut headers);
        }
        Ok(Target { destination, headers, dialect })
    }

    fn dialect(&self, client: Dialect) -> Result<Dialect, TargetError> {
        let wire = if matches!(self.place, Place::Mock(_)) { Wire::Demo } else { self.provider.wire };
        match (wire, client) {
            (Wire::Anthropic, Dialect::OpenAiEmbeddings) => {
                Err(TargetError::NoEmbeddings { provider: self.provider.name })
            }
            (Wire::Anthropic, _) => Ok(Dialect::AnthropicMessages),
            (Wire::OpenAiCompletions, Dialect::OpenAiChat | Dialect::AnthropicMessages) => {
                Ok(Dialect::OpenAiCompletions)
            }
            (_, Dialect::AnthropicMessages) => Ok(Dialect::OpenAiChat),
            (_, same) => Ok(same),
        }
    }
}

/// A name that is not in the table is taken for an OpenAI-compatible server when it comes with a URL.
fn find(name: &str, has_base: bool) -> Result<&'static Provider, TargetError> {
    let compatible = || if has_base { providers::find("custom_openai") } else { None };
    providers::find(name).or_else(compatible).ok_or_else(|| TargetError::UnknownProvider(name.into()))
}

fn base_url(
    deployment: &Deployment,
    provider: &'static Provider,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<String, TargetError> {
    let set = |text: &String| !text.is_empty();
    deployment
        .api_base
        .clone()
        .filter(set)
        .or_else(|| provider.base_env.iter().find_map(|name| env(name).filter(set)))
        .or_else(|| provider.base_url.map(String::from))
        .ok_or(TargetError::NoBase { provider: provider.name, variables: provider.base_env })
}

fn or_from_env(variables: &[&str]) -> String {
    if variables.is_empty() {
        String::new()
    } else {
        format!(", or {} in the environment", variables.join(" or "))
    }
}

fn headers(
    deployment: &Deployment,
    provider: &'static Provider,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<HeaderMap, TargetError> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, PRODUCT);
    let from_env = || provider.key_env.iter().find_map(|name| env(name)).map(Secret::new);
    if let Some(key) = deployment.api_key.clone().or_else(from_env).filter(|key| !key.reveal().is_empty()) {
        let (name, value) = authorization(provider.wire, &key);
        headers.insert(name.clone(), sensitive(value, &name)?);
    }
    if provider.wire == Wire::Anthropic {
        headers.insert(ANTHROPIC_VERSION_HEADER, ANTHROPIC_VERSION);
    }
    if let Some(organization) = &deployment.organization {
        let name = HeaderName::from_static("openai-organization");
        headers.insert(name.clone(), header_value(HeaderValue::from_str(organization), &name)?);
    }
    for (name, value) in &deployment.extra_headers {
        let name = HeaderName::try_from(name.as_str())
            .map_err(|_| TargetError::BadHeader { name: name.as_str().into() })?;
        headers.insert(name.clone(), sensitive(value.reveal().to_owned(), &name)?);
    }
    Ok(headers)
}

fn authorization(wire: Wire, key: &Secret) -> (HeaderName, String) {
    match wire {
        Wire::Anthropic => (HeaderName::from_static("x-api-key"), key.reveal().to_owned()),
        Wire::AzureOpenAi => (HeaderName::from_static("api-key"), key.reveal().to_owned()),
        _ => (AUTHORIZATION, format!("Bearer {}", key.reveal())),
    }
}

fn sensitive(value: String, name: &HeaderName) -> Result<HeaderValue, TargetError> {
    let mut value = header_value(HeaderValue::try_from(value.trim()), name)?;
    value.set_sensitive(true);
    Ok(value)
}

fn header_value(
    value: Result<HeaderValue, InvalidHeaderValue>,
    name: &HeaderName,
) -> Result<HeaderValue, TargetError> {
    value.map_err(|_| TargetError::BadHeader { name: name.as_str().into() })
}

fn pass_anthropic_headers(from: &HeaderMap, to: &mut HeaderMap) {
    if let Some(version) = from.get(ANTHROPIC_VERSION_HEADER) {
        to.insert(ANTHROPIC_VERSION_HEADER, version.clone());
    }
    for beta in from.get_all(ANTHROPIC_BETA_HEADER) {
        to.append(ANTHROPIC_BETA_HEADER, beta.clone());
    }
}
