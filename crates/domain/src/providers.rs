//! Providers as data: names, how each is called, the environment variables that hold its key, and the
//! model names that give it away. To add one that speaks OpenAI's dialect, add a row to [`KNOWN`].

mod table;

pub use table::KNOWN;

/// A provider that configurations may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The part before the first `/` of `litellm_params.model`.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    pub wire: Wire,
    /// Where its API lives when neither configuration nor environment says otherwise.
    pub base_url: Option<&'static str>,
    /// Environment variables with its key; the first that is set wins.
    pub key_env: &'static [&'static str],
    /// Environment variables with its base URL; the first that is set wins.
    pub base_env: &'static [&'static str],
    /// Hosts of its public API, by which an `api_base` is recognised.
    pub hosts: &'static [&'static str],
    /// Beginnings of model names that belong to it when no provider is written.
    pub model_prefixes: &'static [&'static str],
    /// OpenAI parameters that it answers with an error.
    pub refuses: &'static [&'static str],
    /// It takes `stream_options.include_usage`.
    pub takes_stream_options: bool,
    /// Its public API needs nothing but a key, so that a key in the environment alone makes
    /// `name/*` work.
    pub key_suffices: bool,
}

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// OpenAI's paths below the base URL, `Authorization: Bearer`.
    OpenAi,
    /// The same below `/v1` of the base URL, which is written without it.
    OpenAiBelowV1,
    /// OpenAI's legacy `/completions` below the base URL, for chat too.
    OpenAiCompletions,
    /// `{base}/openai/deployments/{model}/…?api-version=…`, `api-key`.
    AzureOpenAi,
    /// `{base}/v1/messages`, `x-api-key` and `anthropic-version`.
    Anthropic,
    /// Answered in this process.
    Demo,
    /// Known by name only, so that a configuration that uses it is understood.
    NotYet,
}

/// The name of the built-in model that answers without any provider.
pub const DEMO: &str = "demo";
/// The `provider` of a deployment whose provider is read from each request's model.
pub const ANY: &str = "*";

impl Provider {
    /// How error messages name it: `OpenAIException`, `Together_aiException`.
    pub fn error_label(&self) -> String {
        if self.name == "openai" {
            return "OpenAIException".into();
        }
        let (first, rest) = self.name.split_at(1);
        format!("{}{rest}Exception", first.to_ascii_uppercase())
    }
}

/// The provider of that name.
pub fn find(name: &str) -> Option<&'static Provider> {
    KNOWN.iter().find(|provider| provider.name == name)
}

/// Splits `provider/model` when the part before the first `/` is a known provider.
pub fn split(model: &str) -> Option<(&'static Provider, &str)> {
    let (name, rest) = model.split_once('/')?;
    Some((find(name)?, rest))
}

/// The provider of a model name and the provider's own name for the model: by prefix
/// (`groq/llama-3.3-70b`), else by a well-known beginning (`gpt-4o`). `None` when neither tells.
pub fn infer(model: &str) -> Option<(&'static Provider, &str)> {
    split(model).or_else(|| by_model_name(model).map(|provider| (provider, model)))
}

/// The provider to which a bare model name belongs.
pub fn by_model_name(model: &str) -> Option<&'static Provider> {
    if model == DEMO {
        return find(DEMO);
    }
    KNOWN.iter().find(|provider| provider.model_prefixes.iter().any(|prefix| model.starts_with(prefix)))
}

/// The provider whose public API a base URL points to.
pub fn by_api_base(url: &str) -> Option<&'static Provider> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host_and_port.split(':').next().unwrap_or_default();
    KNOWN.iter().find(|provider| provider.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(model: &str) -> Option<(&'static str, &str)> {
        infer(model).map(|(provider, rest)| (provider.name, rest))
    }

    #[test]
    fn names_are_unique() {
        for (at, provider) in KNOWN.iter().enumerate() {
            assert!(KNOWN[..at].iter().all(|other| other.name != provider.name), "{}", provider.name);
        }
    }

    #[test]
    fn rows_are_whole() {
        for provider in KNOWN {
            let host_is_listed = |url| by_api_base(url).is_some();
            if provider.key_suffices {
                let base = provider.base_url.expect(provider.name);
                assert!(base.starts_with("https://") && !base.ends_with('/'), "{}", provider.name);
                assert!(host_is_listed(base), "the host of {base} is missing in `hosts`");
                assert!(!provider.key_env.is_empty() && provider.wire != Wire::NotYet, "{}", provider.name);
            }
        }
    }

    #[test]
    fn errors_name_the_provider_as_the_compatible_surface_does() {
        let label = |name: &str| find(name).unwrap().error_label();
        assert_eq!(label("openai"), "OpenAIException");
        assert_eq!(label("anthropic"), "AnthropicException");
        assert_eq!(label("together_ai"), "Together_aiException");
    }

    #[test]
    fn a_prefix_names_the_provider() {
        assert_eq!(inferred("openai/gpt-4o"), Some(("openai", "gpt-4o")));
        assert_eq!(inferred("openrouter/openai/gpt-4o"), Some(("openrouter", "openai/gpt-4o")));
        assert_eq!(inferred("anthropic/*"), Some(("anthropic", "*")));
        assert_eq!(inferred("meta-llama/Llama-3"), None);
    }

    #[test]
    fn a_well_known_name_gives_its_provider_away() {
        assert_eq!(inferred("gpt-4o"), Some(("openai", "gpt-4o")));
        assert_eq!(inferred("claude-sonnet-4-5"), Some(("anthropic", "claude-sonnet-4-5")));
        assert_eq!(inferred("demo"), Some(("demo", "demo")));
        assert_eq!(inferred("my-model"), None);
    }

    #[test]
    fn a_public_host_gives_its_provider_away() {
        let name = |url| by_api_base(url).map(|provider| provider.name);
        assert_eq!(name("https://api.groq.com/openai/v1"), Some("groq"));
        assert_eq!(name("https://API.OpenAI.com:443/v1"), Some("openai"));
        assert_eq!(name("https://api.groq.com.evil.example/v1"), None);
        assert_eq!(name("http://10.0.0.1:8000/v1"), None);
    }
}
