use super::{DEMO, Provider, Wire};

type Names = &'static [&'static str];

/// A public API in OpenAI's dialect that needs nothing but a key.
const fn cloud(
    name: &'static str,
    title: &'static str,
    base_url: &'static str,
    hosts: Names,
    keys: Names,
) -> Provider {
    let mut row = own(name, title, keys).at(base_url);
    row.hosts = hosts;
    row.key_suffices = true;
    row
}

/// An API in OpenAI's dialect with an endpoint of one's own.
const fn own(name: &'static str, title: &'static str, keys: Names) -> Provider {
    Provider {
        name,
        title,
        wire: Wire::OpenAi,
        base_url: None,
        key_env: keys,
        base_env: &[],
        hosts: &[],
        model_prefixes: &[],
        refuses: &[],
        takes_stream_options: true,
        key_suffices: false,
    }
}

/// Understood in a configuration, not spoken yet.
const fn not_yet(name: &'static str, title: &'static str, keys: Names) -> Provider {
    own(name, title, keys).wire(Wire::NotYet)
}

impl Provider {
    const fn at(mut self, base_url: &'static str) -> Self {
        self.base_url = Some(base_url);
        self
    }
    const fn wire(mut self, wire: Wire) -> Self {
        self.wire = wire;
        self
    }
    const fn base(mut self, variables: Names) -> Self {
        self.base_env = variables;
        self
    }
    const fn models(mut self, prefixes: Names) -> Self {
        self.model_prefixes = prefixes;
        self
    }
    const fn refuses(mut self, parameters: Names) -> Self {
        self.refuses = parameters;
        self
    }
    const fn no_stream_options(mut self) -> Self {
        self.takes_stream_options = false;
        self
    }
    /// Reached under another name already, so that its key does not make a second set of models.
    const fn second_name(mut self) -> Self {
        self.key_suffices = false;
        self
    }
}

const OPENAI_BASE: &str = "https://api.openai.com/v1";
const OPENAI_MODELS: Names = &[
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
const MISTRAL_MODELS: Names = &[
    "mistral-",
    "ministral-",
    "codestral-",
    "magistral-",
    "devstral-",
    "pixtral-",
    "open-mistral-",
    "open-mixtral-",
];
const COHERE_MODELS: Names = &["command-", "embed-english-", "embed-multilingual-", "embed-v4"];
/// Its schema forbids fields it does not know (422), and usage comes with the last chunk unasked.
const MISTRAL_REFUSES: Names = &["logit_bias", "logprobs", "top_logprobs", "user", "service_tier", "store"];
/// <https://console.groq.com/docs/openai#currently-unsupported-openai-features>
const GROQ_REFUSES: Names = &["logit_bias", "logprobs", "top_logprobs"];
/// <https://inference-docs.cerebras.ai/resources/openai>
const CEREBRAS_REFUSES: Names = &["frequency_penalty", "logit_bias", "presence_penalty"];

/// Every provider name that configurations may use. Sources: the providers' API references for base URLs
/// and key variables, the compatible surface for the names.
#[rustfmt::skip]
pub const KNOWN: &[Provider] = &[
    cloud("openai", "OpenAI", OPENAI_BASE, &["api.openai.com"], &["OPENAI_API_KEY"]).base(&["OPENAI_BASE_URL", "OPENAI_API_BASE"]).models(OPENAI_MODELS),
    cloud("anthropic", "Anthropic", "https://api.anthropic.com", &["api.anthropic.com"], &["ANTHROPIC_API_KEY"]).base(&["ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"]).models(&["claude-"]).wire(Wire::Anthropic),
    cloud("groq", "Groq", "https://api.groq.com/openai/v1", &["api.groq.com"], &["GROQ_API_KEY"]).base(&["GROQ_API_BASE"]).refuses(GROQ_REFUSES),
    cloud("mistral", "Mistral", "https://api.mistral.ai/v1", &["api.mistral.ai"], &["MISTRAL_API_KEY"]).base(&["MISTRAL_API_BASE"]).models(MISTRAL_MODELS).refuses(MISTRAL_REFUSES).no_stream_options(),
    cloud("deepseek", "DeepSeek", "https://api.deepseek.com/v1", &["api.deepseek.com"], &["DEEPSEEK_API_KEY"]).base(&["DEEPSEEK_API_BASE"]).models(&["deepseek-"]),
    cloud("xai", "xAI", "https://api.x.ai/v1", &["api.x.ai"], &["XAI_API_KEY"]).base(&["XAI_API_BASE"]).models(&["grok-"]),
    cloud("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", &["openrouter.ai"], &["OPENROUTER_API_KEY"]).base(&["OPENROUTER_API_BASE"]),
    cloud("together_ai", "Together AI", "https://api.together.xyz/v1", &["api.together.xyz", "api.together.ai"], &["TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_API_KEY"]).base(&["TOGETHER_AI_API_BASE"]),
    cloud("fireworks_ai", "Fireworks AI", "https://api.fireworks.ai/inference/v1", &["api.fireworks.ai"], &["FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY"]).base(&["FIREWORKS_AI_API_BASE", "FIREWORKS_API_BASE"]).models(&["accounts/fireworks/"]),
    cloud("perplexity", "Perplexity", "https://api.perplexity.ai", &["api.perplexity.ai"], &["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"]).base(&["PERPLEXITY_API_BASE"]).models(&["sonar"]),
    cloud("gemini", "Google Gemini", "https://generativelanguage.googleapis.com/v1beta/openai", &["generativelanguage.googleapis.com"], &["GEMINI_API_KEY", "GOOGLE_API_KEY"]).base(&["GEMINI_API_BASE"]).models(&["gemini-"]),
    cloud("cohere", "Cohere", "https://api.cohere.ai/compatibility/v1", &["api.cohere.ai", "api.cohere.com"], &["COHERE_API_KEY", "CO_API_KEY"]).base(&["COHERE_API_BASE"]).models(COHERE_MODELS),
    cloud("cohere_chat", "Cohere", "https://api.cohere.ai/compatibility/v1", &[], &["COHERE_API_KEY", "CO_API_KEY"]).base(&["COHERE_API_BASE"]).second_name(),
    cloud("cerebras", "Cerebras", "https://api.cerebras.ai/v1", &["api.cerebras.ai"], &["CEREBRAS_API_KEY"]).base(&["CEREBRAS_API_BASE"]).refuses(CEREBRAS_REFUSES),
    cloud("sambanova", "SambaNova", "https://api.sambanova.ai/v1", &["api.sambanova.ai"], &["SAMBANOVA_API_KEY"]).base(&["SAMBANOVA_API_BASE"]),
    cloud("deepinfra", "DeepInfra", "https://api.deepinfra.com/v1/openai", &["api.deepinfra.com"], &["DEEPINFRA_API_KEY"]).base(&["DEEPINFRA_API_BASE"]),
    cloud("nvidia_nim", "NVIDIA NIM", "https://integrate.api.nvidia.com/v1", &["integrate.api.nvidia.com"], &["NVIDIA_NIM_API_KEY"]).base(&["NVIDIA_NIM_API_BASE"]),
    cloud("voyage", "Voyage AI", "https://api.voyageai.com/v1", &["api.voyageai.com"], &["VOYAGE_API_KEY"]).base(&["VOYAGE_API_BASE"]).models(&["voyage-"]),
    cloud("jina_ai", "Jina AI", "https://api.jina.ai/v1", &["api.jina.ai"], &["JINA_AI_API_KEY", "JINA_API_KEY"]).base(&["JINA_AI_API_BASE"]).models(&["jina-"]),
    cloud("moonshot", "Moonshot AI", "https://api.moonshot.ai/v1", &["api.moonshot.ai", "api.moonshot.cn"], &["MOONSHOT_API_KEY"]).base(&["MOONSHOT_API_BASE"]).models(&["moonshot-", "kimi-"]),
    cloud("dashscope", "Alibaba DashScope", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1", &["dashscope-intl.aliyuncs.com", "dashscope.aliyuncs.com"], &["DASHSCOPE_API_KEY"]).base(&["DASHSCOPE_API_BASE"]).models(&["qwen-"]),
    cloud("zai", "Z.ai", "https://api.z.ai/api/paas/v4", &["api.z.ai"], &["ZAI_API_KEY"]).base(&["ZAI_API_BASE"]).models(&["glm-"]),
    cloud("minimax", "MiniMax", "https://api.minimax.io/v1", &["api.minimax.io"], &["MINIMAX_API_KEY"]).base(&["MINIMAX_API_BASE"]),
    cloud("ai21", "AI21", "https://api.ai21.com/studio/v1", &["api.ai21.com"], &["AI21_API_KEY"]).base(&["AI21_API_BASE"]).models(&["jamba-"]),
    cloud("hyperbolic", "Hyperbolic", "https://api.hyperbolic.xyz/v1", &["api.hyperbolic.xyz"], &["HYPERBOLIC_API_KEY"]).base(&["HYPERBOLIC_API_BASE"]),
    cloud("nebius", "Nebius", "https://api.tokenfactory.nebius.com/v1", &["api.tokenfactory.nebius.com", "api.studio.nebius.ai", "api.studio.nebius.com"], &["NEBIUS_API_KEY"]).base(&["NEBIUS_API_BASE"]),
    cloud("novita", "Novita AI", "https://api.novita.ai/v3/openai", &["api.novita.ai"], &["NOVITA_API_KEY"]).base(&["NOVITA_API_BASE"]),
    cloud("featherless_ai", "Featherless AI", "https://api.featherless.ai/v1", &["api.featherless.ai"], &["FEATHERLESS_AI_API_KEY", "FEATHERLESS_API_KEY"]).base(&["FEATHERLESS_API_BASE"]),
    cloud("baseten", "Baseten", "https://inference.baseten.co/v1", &["inference.baseten.co"], &["BASETEN_API_KEY"]).base(&["BASETEN_API_BASE"]),
    cloud("lambda_ai", "Lambda", "https://api.lambda.ai/v1", &["api.lambda.ai"], &["LAMBDA_API_KEY"]).base(&["LAMBDA_API_BASE"]),
    cloud("meta_llama", "Meta Llama", "https://api.llama.com/compat/v1", &["api.llama.com"], &["LLAMA_API_KEY"]).base(&["LLAMA_API_BASE"]),
    cloud("github", "GitHub Models", "https://models.github.ai/inference", &["models.github.ai", "models.inference.ai.azure.com"], &["GITHUB_API_KEY"]).base(&["GITHUB_API_BASE"]),
    cloud("huggingface", "Hugging Face", "https://router.huggingface.co/v1", &["router.huggingface.co"], &["HUGGINGFACE_API_KEY", "HF_TOKEN"]).base(&["HF_API_BASE", "HUGGINGFACE_API_BASE"]),
    cloud("codestral", "Codestral", "https://codestral.mistral.ai/v1", &["codestral.mistral.ai"], &["CODESTRAL_API_KEY"]).base(&["CODESTRAL_API_BASE"]).refuses(MISTRAL_REFUSES).no_stream_options(),
    cloud("text-completion-openai", "OpenAI (legacy completions)", OPENAI_BASE, &[], &["OPENAI_API_KEY"]).base(&["OPENAI_BASE_URL", "OPENAI_API_BASE"]).wire(Wire::OpenAiCompletions).second_name(),
    // An endpoint of one's own.
    own("azure", "Azure OpenAI", &["AZURE_API_KEY", "AZURE_OPENAI_API_KEY"]).base(&["AZURE_API_BASE", "AZURE_OPENAI_ENDPOINT"]).wire(Wire::AzureOpenAi),
    own("azure_ai", "Azure AI Foundry", &["AZURE_AI_API_KEY"]).base(&["AZURE_AI_API_BASE"]),
    own("databricks", "Databricks", &["DATABRICKS_API_KEY", "DATABRICKS_TOKEN"]).base(&["DATABRICKS_API_BASE"]),
    own("ollama", "Ollama", &["OLLAMA_API_KEY"]).base(&["OLLAMA_API_BASE"]).at("http://localhost:11434").wire(Wire::OpenAiBelowV1),
    own("ollama_chat", "Ollama", &["OLLAMA_API_KEY"]).base(&["OLLAMA_API_BASE"]).at("http://localhost:11434").wire(Wire::OpenAiBelowV1),
    own("hosted_vllm", "vLLM", &["HOSTED_VLLM_API_KEY"]).base(&["HOSTED_VLLM_API_BASE"]),
    own("vllm", "vLLM", &["HOSTED_VLLM_API_KEY"]).base(&["HOSTED_VLLM_API_BASE"]),
    own("lm_studio", "LM Studio", &["LM_STUDIO_API_KEY"]).base(&["LM_STUDIO_API_BASE"]).at("http://localhost:1234/v1"),
    own("llamafile", "llamafile", &["LLAMAFILE_API_KEY"]).base(&["LLAMAFILE_API_BASE"]).at("http://127.0.0.1:8080/v1"),
    own("xinference", "Xinference", &["XINFERENCE_API_KEY"]).base(&["XINFERENCE_API_BASE"]).at("http://127.0.0.1:9997/v1"),
    own("infinity", "Infinity", &["INFINITY_API_KEY"]).base(&["INFINITY_API_BASE"]),
    own("litellm_proxy", "LiteLLM proxy", &["LITELLM_PROXY_API_KEY"]).base(&["LITELLM_PROXY_API_BASE"]),
    own("custom_openai", "Any OpenAI-compatible server", &["OPENAI_API_KEY"]),
    own("openai_like", "Any OpenAI-compatible server", &["OPENAI_LIKE_API_KEY"]).base(&["OPENAI_LIKE_API_BASE"]),
    // A mind of their own: known by name, so that a configuration is understood.
    not_yet("bedrock", "AWS Bedrock", &[]),
    not_yet("sagemaker", "AWS SageMaker", &[]),
    not_yet("vertex_ai", "Google Vertex AI", &[]),
    not_yet("watsonx", "IBM watsonx", &["WATSONX_API_KEY", "WATSONX_APIKEY"]).base(&["WATSONX_URL", "WATSONX_API_BASE"]),
    not_yet("replicate", "Replicate", &["REPLICATE_API_KEY"]),
    not_yet("cloudflare", "Cloudflare Workers AI", &["CLOUDFLARE_API_KEY"]).base(&["CLOUDFLARE_API_BASE"]),
    not_yet("github_copilot", "GitHub Copilot", &[]),
    not_yet("elevenlabs", "ElevenLabs", &["ELEVENLABS_API_KEY"]),
    not_yet("deepgram", "Deepgram", &["DEEPGRAM_API_KEY"]),
    not_yet("assemblyai", "AssemblyAI", &["ASSEMBLYAI_API_KEY"]),
    own(DEMO, "Built-in demo", &[]).wire(Wire::Demo),
];
