//! Names of providers, the environment variables that hold their keys, and the model names that give
//! them away. How a provider is called (URL, headers, dialect) is not known here.

/// A provider that configurations may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The part before the first `/` of `litellm_params.model`.
    pub name: &'static str,
    /// Environment variables with its key; the first that is set wins.
    pub key_env: &'static [&'static str],
    /// Environment variables with its base URL; the first that is set wins.
    pub base_env: &'static [&'static str],
    /// Hosts of its public API, by which an `api_base` is recognised.
    pub hosts: &'static [&'static str],
    /// Beginnings of model names that belong to it when no provider is written.
    pub model_prefixes: &'static [&'static str],
    /// Its public API needs nothing but a key, so that a key in the environment alone makes
    /// `name/*` work.
    pub key_suffices: bool,
}

const fn cloud(
    name: &'static str,
    key_env: &'static [&'static str],
    base_env: &'static [&'static str],
    hosts: &'static [&'static str],
    model_prefixes: &'static [&'static str],
) -> Provider {
    Provider { name, key_env, base_env, hosts, model_prefixes, key_suffices: true }
}

/// A provider that needs more than a key: an endpoint of one's own, or a signing scheme.
const fn own(
    name: &'static str,
    key_env: &'static [&'static str],
    base_env: &'static [&'static str],
) -> Provider {
    Provider { name, key_env, base_env, hosts: &[], model_prefixes: &[], key_suffices: false }
}

/// The name of the built-in model that answers without any provider.
pub const DEMO: &str = "demo";
/// The `provider` of a deployment whose provider is read from each request's model.
pub const ANY: &str = "*";

const OPENAI_MODELS: &[&str] = &[
    "gpt-",
    "chatgpt-",
    "o1",
    "o3",
    "o4-",
    "codex-",
    "computer-use-",
    "text-embedding-",
    "dall-e-",
    "whisper-",
    "tts-",
    "omni-moderation-",
    "text-moderation-",
    "davinci-",
    "babbage-",
    "sora-",
    "ft:gpt-",
];
const MISTRAL_MODELS: &[&str] = &[
    "mistral-",
    "ministral-",
    "codestral-",
    "magistral-",
    "devstral-",
    "pixtral-",
    "open-mistral-",
    "open-mixtral-",
];

/// Every provider name that configurations may use. Sources: the providers' API references for hosts
/// and key variables, the compatible surface for the names.
#[rustfmt::skip]
pub const KNOWN: &[Provider] = &[
    cloud("openai", &["OPENAI_API_KEY"], &["OPENAI_BASE_URL", "OPENAI_API_BASE"], &["api.openai.com"], OPENAI_MODELS),
    cloud("anthropic", &["ANTHROPIC_API_KEY"], &["ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"], &["api.anthropic.com"], &["claude-"]),
    cloud("groq", &["GROQ_API_KEY"], &["GROQ_API_BASE"], &["api.groq.com"], &[]),
    cloud("mistral", &["MISTRAL_API_KEY"], &["MISTRAL_API_BASE"], &["api.mistral.ai"], MISTRAL_MODELS),
    cloud("deepseek", &["DEEPSEEK_API_KEY"], &["DEEPSEEK_API_BASE"], &["api.deepseek.com"], &["deepseek-"]),
    cloud("xai", &["XAI_API_KEY"], &["XAI_API_BASE"], &["api.x.ai"], &["grok-"]),
    cloud("openrouter", &["OPENROUTER_API_KEY"], &["OPENROUTER_API_BASE"], &["openrouter.ai"], &[]),
    cloud("together_ai", &["TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_API_KEY"], &["TOGETHER_AI_API_BASE"], &["api.together.xyz", "api.together.ai"], &[]),
    cloud("fireworks_ai", &["FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY"], &["FIREWORKS_AI_API_BASE", "FIREWORKS_API_BASE"], &["api.fireworks.ai"], &["accounts/fireworks/"]),
    cloud("perplexity", &["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"], &["PERPLEXITY_API_BASE"], &["api.perplexity.ai"], &["sonar"]),
    cloud("gemini", &["GEMINI_API_KEY", "GOOGLE_API_KEY"], &["GEMINI_API_BASE"], &["generativelanguage.googleapis.com"], &["gemini-"]),
    cloud("cohere", &["COHERE_API_KEY", "CO_API_KEY"], &["COHERE_API_BASE"], &["api.cohere.ai", "api.cohere.com"], &["command-", "embed-english-", "embed-multilingual-", "embed-v4"]),
    cloud("cohere_chat", &["COHERE_API_KEY", "CO_API_KEY"], &["COHERE_API_BASE"], &[], &[]),
    cloud("cerebras", &["CEREBRAS_API_KEY"], &["CEREBRAS_API_BASE"], &["api.cerebras.ai"], &[]),
    cloud("sambanova", &["SAMBANOVA_API_KEY"], &["SAMBANOVA_API_BASE"], &["api.sambanova.ai"], &[]),
    cloud("deepinfra", &["DEEPINFRA_API_KEY"], &["DEEPINFRA_API_BASE"], &["api.deepinfra.com"], &[]),
    cloud("nvidia_nim", &["NVIDIA_NIM_API_KEY"], &["NVIDIA_NIM_API_BASE"], &["integrate.api.nvidia.com"], &[]),
    cloud("voyage", &["VOYAGE_API_KEY"], &["VOYAGE_API_BASE"], &["api.voyageai.com"], &["voyage-"]),
    cloud("jina_ai", &["JINA_AI_API_KEY", "JINA_API_KEY"], &["JINA_AI_API_BASE"], &["api.jina.ai"], &["jina-"]),
    cloud("moonshot", &["MOONSHOT_API_KEY"], &["MOONSHOT_API_BASE"], &["api.moonshot.ai", "api.moonshot.cn"], &["moonshot-", "kimi-"]),
    cloud("dashscope", &["DASHSCOPE_API_KEY"], &["DASHSCOPE_API_BASE"], &["dashscope-intl.aliyuncs.com", "dashscope.aliyuncs.com"], &["qwen-"]),
    cloud("zai", &["ZAI_API_KEY"], &["ZAI_API_BASE"], &["api.z.ai"], &["glm-"]),
    cloud("minimax", &["MINIMAX_API_KEY"], &["MINIMAX_API_BASE"], &["api.minimax.io"], &[]),
    cloud("ai21", &["AI21_API_KEY"], &["AI21_API_BASE"], &["api.ai21.com"], &["jamba-"]),
    cloud("hyperbolic", &["HYPERBOLIC_API_KEY"], &["HYPERBOLIC_API_BASE"], &["api.hyperbolic.xyz"], &[]),
    cloud("nebius", &["NEBIUS_API_KEY"], &["NEBIUS_API_BASE"], &["api.studio.nebius.ai", "api.studio.nebius.com"], &[]),
    cloud("novita", &["NOVITA_API_KEY"], &["NOVITA_API_BASE"], &["api.novita.ai"], &[]),
    cloud("featherless_ai", &["FEATHERLESS_AI_API_KEY", "FEATHERLESS_API_KEY"], &["FEATHERLESS_API_BASE"], &["api.featherless.ai"], &[]),
    cloud("baseten", &["BASETEN_API_KEY"], &["BASETEN_API_BASE"], &["inference.baseten.co"], &[]),
    cloud("lambda_ai", &["LAMBDA_API_KEY"], &["LAMBDA_API_BASE"], &["api.lambda.ai"], &[]),
    cloud("meta_llama", &["LLAMA_API_KEY"], &["LLAMA_API_BASE"], &["api.llama.com"], &[]),
    cloud("github", &["GITHUB_API_KEY"], &["GITHUB_API_BASE"], &["models.inference.ai.azure.com"], &[]),
    cloud("huggingface", &["HUGGINGFACE_API_KEY", "HF_TOKEN"], &["HF_API_BASE", "HUGGINGFACE_API_BASE"], &["router.huggingface.co"], &[]),
    cloud("codestral", &["CODESTRAL_API_KEY"], &["CODESTRAL_API_BASE"], &["codestral.mistral.ai"], &[]),
    cloud("text-completion-openai", &["OPENAI_API_KEY"], &["OPENAI_BASE_URL", "OPENAI_API_BASE"], &[], &[]),
    // An endpoint of one's own.
    own("azure", &["AZURE_API_KEY", "AZURE_OPENAI_API_KEY"], &["AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"]),
    own("azure_ai", &["AZURE_AI_API_KEY"], &["AZURE_AI_API_BASE"]),
    own("databricks", &["DATABRICKS_API_KEY", "DATABRICKS_TOKEN"], &["DATABRICKS_API_BASE"]),
    own("ollama", &["OLLAMA_API_KEY"], &["OLLAMA_API_BASE"]),
    own("ollama_chat", &["OLLAMA_API_KEY"], &["OLLAMA_API_BASE"]),
    own("hosted_vllm", &["HOSTED_VLLM_API_KEY"], &["HOSTED_VLLM_API_BASE"]),
    own("vllm", &["HOSTED_VLLM_API_KEY"], &["HOSTED_VLLM_API_BASE"]),
    own("lm_studio", &["LM_STUDIO_API_KEY"], &["LM_STUDIO_API_BASE"]),
    own("llamafile", &["LLAMAFILE_API_KEY"], &["LLAMAFILE_API_BASE"]),
    own("xinference", &["XINFERENCE_API_KEY"], &["XINFERENCE_API_BASE"]),
    own("infinity", &["INFINITY_API_KEY"], &["INFINITY_API_BASE"]),
    own("litellm_proxy", &["LITELLM_PROXY_API_KEY"], &["LITELLM_PROXY_API_BASE"]),
    own("custom_openai", &["OPENAI_API_KEY"], &[]),
    own("openai_like", &["OPENAI_LIKE_API_KEY"], &["OPENAI_LIKE_API_BASE"]),
    // A mind of their own: known by name, so that a configuration is understood.
    own("bedrock", &[], &[]),
    own("sagemaker", &[], &[]),
    own("vertex_ai", &[], &[]),
    own("watsonx", &["WATSONX_API_KEY", "WATSONX_APIKEY"], &["WATSONX_URL", "WATSONX_API_BASE"]),
    own("replicate", &["REPLICATE_API_KEY"], &[]),
    own("cloudflare", &["CLOUDFLARE_API_KEY"], &["CLOUDFLARE_API_BASE"]),
    own("github_copilot", &[], &[]),
    own("elevenlabs", &["ELEVENLABS_API_KEY"], &[]),
    own("deepgram", &["DEEPGRAM_API_KEY"], &[]),
    own("assemblyai", &["ASSEMBLYAI_API_KEY"], &[]),
    own(DEMO, &[], &[]),
];

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
