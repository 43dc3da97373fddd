//! The example files of the compatible surface load, and mean what they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::time::Duration;

use bulkhead_config::{Loaded, Source, load};
use domain::Deployment;
use kit::Secret;

fn loaded(name: &str, env: &[(&str, &str)]) -> Loaded {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/examples").join(name);
    let env = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    load(Source { path: Some(&path), env: &env }).unwrap_or_else(|errors| panic!("{errors}"))
}

fn group<'l>(loaded: &'l Loaded, name: &str) -> Vec<&'l Deployment> {
    loaded.config.deployments.iter().filter(|deployment| deployment.group == name).collect()
}

fn warned(loaded: &Loaded, text: &str) -> bool {
    loaded.warnings.iter().any(|warning| warning.to_string().contains(text))
}

#[test]
fn basic() {
    let env = [("OPENAI_API_KEY", "sk-openai"), ("LITELLM_MASTER_KEY", "sk-master")];
    let loaded = loaded("01-openai-anthropic-basic.yaml", &env);
    assert_eq!(loaded.config.deployments.len(), 4);
    assert_eq!(loaded.config.master_key, Some(Secret::new("sk-master")));
    assert!(loaded.config.settings.drop_params);
    assert_eq!(loaded.config.settings.num_retries, 2);
    assert_eq!(loaded.config.settings.request_timeout, Duration::from_secs(120));
    let mini = group(&loaded, "gpt-4o-mini")[0];
    assert_eq!((mini.provider.as_str(), mini.model.as_str()), ("openai", "gpt-4o-mini"));
    assert_eq!(mini.api_key, Some(Secret::new("sk-openai")));
    assert_eq!(serde_json::to_string(&mini.defaults).unwrap(), r#"{"max_tokens":1024,"temperature":0.2}"#);
    assert_eq!(group(&loaded, "text-embedding-3-small")[0].info["mode"], "embedding");
    // One variable is not set, and only that is worth a word.
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
    assert!(warned(&loaded, "`ANTHROPIC_API_KEY` is not set"));
    assert!(warned(&loaded, "model_list[2].litellm_params.api_key"));
}

#[test]
fn azure_and_load_balancing() {
    let loaded = loaded("02-azure-loadbalancing-fallbacks.yaml", &[]);
    let large = group(&loaded, "chat-large");
    assert_eq!(large.len(), 3);
    assert_eq!((large[0].provider.as_str(), large[0].model.as_str()), ("azure", "gpt4o-eastus"));
    assert_eq!(large[0].id, "azure-eastus-gpt4o");
    assert_eq!(large[0].api_version.as_deref(), Some("2024-10-21"));
    assert_eq!(large[0].base_model.as_deref(), Some("azure/gpt-4o"));
    assert_eq!(
        (large[0].weight, large[0].rpm, large[0].tpm, large[0].order),
        (Some(3000), Some(600), Some(240_000), Some(1))
    );
    assert_eq!(large[2].order, Some(2));
    assert_eq!(loaded.config.settings.request_timeout, Duration::from_secs(60));
    assert_eq!(loaded.config.settings.stream_timeout, Some(Duration::from_secs(20)));
    assert_eq!(loaded.config.settings.cooldown_time, Duration::from_secs(30));
    assert!(warned(&loaded, "`fallbacks` is not supported yet"));
    let alias = &loaded.config.settings.model_group_alias;
    assert_eq!((alias["gpt-4"].group.as_str(), alias["gpt-4"].hidden), ("chat-large", false));
    assert_eq!(
        (alias["internal-judge"].group.as_str(), alias["internal-judge"].hidden),
        ("chat-small", true)
    );
    assert_eq!(loaded.config.settings.allowed_fails, Some(3));
}

#[test]
fn clouds_and_credentials() {
    let loaded = loaded("03-bedrock-vertex-gemini.yaml", &[("GEMINI_API_KEY", "gm")]);
    assert_eq!(loaded.config.deployments.len(), 6);
    assert_eq!(group(&loaded, "claude-sonnet")[0].provider, "bedrock");
    assert_eq!(group(&loaded, "claude-sonnet")[0].access_groups, ["frontier"]);
    assert!(warned(&loaded, "`bedrock` is not supported yet; requests to this deployment will fail"));
    assert_eq!(group(&loaded, "gemini-flash")[0].api_key, Some(Secret::new("gm")));
    assert_eq!(group(&loaded, "bedrock-agent-model")[0].prices["input_cost_per_second"], 0.0015);
}

#[test]
fn self_hosted() {
    let loaded = loaded("04-self-hosted-vllm-ollama.yaml", &[("OPENAI_API_KEY", "sk-openai")]);
    let llama = group(&loaded, "llama-3.3-70b");
    assert_eq!(
        (llama[0].provider.as_str(), llama[0].model.as_str()),
        ("hosted_vllm", "meta-llama/Llama-3.3-70B-Instruct")
    );
    assert_ne!(llama[0].id, llama[1].id);
    assert_eq!(llama[0].prices["input_cost_per_token"].to_string(), "4e-7");
    assert_eq!(llama[0].max_parallel_requests, Some(64));
    let qwen = group(&loaded, "qwen-local")[0];
    assert_eq!(qwen.defaults["keep_alive"], "10m");
    assert_eq!(qwen.timeouts.answer, Some(Duration::from_secs(300)));
    let in_house = group(&loaded, "in-house-model")[0];
    assert_eq!(in_house.extra_headers["X-Team"], Secret::new("platform"));
    assert_eq!(in_house.api_key, Some(Secret::new("not-needed")));
    assert!(warned(&loaded, "`least-busy` is not supported yet"));
}

#[test]
fn wildcards() {
    let env = [("OPENAI_API_KEY", "sk-openai"), ("ANTHROPIC_API_KEY", "sk-ant")];
    let loaded = loaded("05-wildcards-and-passthrough.yaml", &env);
    let claude = group(&loaded, "claude-*")[0];
    assert_eq!((claude.provider.as_str(), claude.model.as_str()), ("anthropic", "claude-*"));
    assert_eq!(group(&loaded, "*")[0].provider, "*");
    assert_eq!(loaded.config.providers["anthropic"].api_key, Some(Secret::new("sk-ant")));
    let gemini = loaded.config.providers["gemini"].api_base.as_deref();
    assert_eq!(gemini, Some("https://generativelanguage.googleapis.com"));
    assert!(warned(&loaded, "`pass_through_endpoints` is not supported yet"));
}

#[test]
fn production() {
    let env = [("DATABASE_URL", "postgresql://db/llm")];
    let loaded = loaded("06-production-cache-guardrails.yaml", &env);
    assert_eq!(group(&loaded, "chat").len(), 2);
    assert_eq!(loaded.config.database_url.as_deref(), Some("postgresql://db/llm"));
    assert_eq!(loaded.config.settings.database_connection_pool_limit, 20);
    assert_eq!(
        loaded.config.environment_variables["LANGFUSE_HOST"],
        Secret::new("https://langfuse.internal")
    );
    assert!(warned(&loaded, "`guardrails` is not supported yet"));
}
