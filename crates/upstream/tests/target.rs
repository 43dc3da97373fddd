#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bulkhead_upstream::{Destination, Endpoint, Target, TargetError};
use domain::{Deployment, Dialect};
use http::{HeaderMap, HeaderValue};
use kit::Secret;

const CHAT: Dialect = Dialect::OpenAiChat;
const MESSAGES: Dialect = Dialect::AnthropicMessages;
const EMBEDDINGS: Dialect = Dialect::OpenAiEmbeddings;
const COMPLETIONS: Dialect = Dialect::OpenAiCompletions;

fn nothing(_: &str) -> Option<String> {
    None
}

fn deployment(provider: &str, model: &str, base: Option<&str>) -> Deployment {
    let mut deployment = Deployment::named("g", provider, model);
    deployment.api_base = base.map(String::from);
    deployment.api_key = Some(Secret::new("key-1"));
    deployment
}

fn endpoint(deployment: &Deployment) -> Result<Endpoint, TargetError> {
    Endpoint::new(deployment, &deployment.provider, &deployment.model, &nothing)
}

fn target(deployment: &Deployment, dialect: Dialect) -> Target {
    endpoint(deployment).unwrap().target(dialect, &HeaderMap::new()).unwrap()
}

fn url(provider: &str, base: Option<&str>, dialect: Dialect) -> String {
    match target(&deployment(provider, "m/1", base), dialect).destination {
        Destination::Remote(uri) => uri.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_provider_is_called_at_its_own_place() {
    for (provider, dialect, expected) in [
        ("openai", CHAT, "https://api.openai.com/v1/chat/completions"),
        ("openai", COMPLETIONS, "https://api.openai.com/v1/completions"),
        ("openai", EMBEDDINGS, "https://api.openai.com/v1/embeddings"),
        ("openai", MESSAGES, "https://api.openai.com/v1/chat/completions"),
        ("anthropic", MESSAGES, "https://api.anthropic.com/v1/messages"),
        ("anthropic", CHAT, "https://api.anthropic.com/v1/messages"),
        ("groq", CHAT, "https://api.groq.com/openai/v1/chat/completions"),
        ("ollama", CHAT, "http://localhost:11434/v1/chat/completions"),
        ("text-completion-openai", CHAT, "https://api.openai.com/v1/completions"),
    ] {
        assert_eq!(url(provider, None, dialect), expected, "{provider} {dialect:?}");
    }
}

#[test]
fn a_base_is_taken_however_it_is_written() {
    for (provider, base, expected) in [
        ("openai", "http://h:1/v1", "http://h:1/v1/chat/completions"),
        ("openai", "http://h:1/v1/", "http://h:1/v1/chat/completions"),
        ("openai", "http://h:1/v1/chat/completions", "http://h:1/v1/chat/completions"),
        ("openai", "http://h:1/v1?tenant=7", "http://h:1/v1/chat/completions?tenant=7"),
        ("anthropic", "http://h:1", "http://h:1/v1/messages"),
        ("anthropic", "http://h:1/v1/", "http://h:1/v1/messages"),
        ("anthropic", "http://h:1/v1/messages", "http://h:1/v1/messages"),
        ("anthropic", "http://h:1/proxy", "http://h:1/proxy/v1/messages"),
        ("ollama", "http://h:1", "http://h:1/v1/chat/completions"),
        ("ollama", "http://h:1/v1", "http://h:1/v1/chat/completions"),
        ("nobody-knows-me", "http://h:1/api", "http://h:1/api/chat/completions"),
    ] {
        assert_eq!(url(provider, Some(base), CHAT), expected, "{provider} {base}");
    }
}

#[test]
fn azure_has_the_model_and_the_version_in_the_url() {
    const DEFAULT: &str = "api-version=2025-02-01-preview";
    for (base, expected) in [
        ("https://r.openai.azure.com", format!("/openai/deployments/m%2F1/chat/completions?{DEFAULT}")),
        ("https://r.openai.azure.com/", format!("/openai/deployments/m%2F1/chat/completions?{DEFAULT}")),
        (
            "https://r.openai.azure.com/openai",
            format!("/openai/deployments/m%2F1/chat/completions?{DEFAULT}"),
        ),
        (
            "https://r.openai.azure.com/openai/deployments/d",
            format!("/openai/deployments/d/chat/completions?{DEFAULT}"),
        ),
        (
            "https://r.openai.azure.com?api-version=v9",
            "/openai/deployments/m%2F1/chat/completions?api-version=v9".into(),
        ),
        ("https://r.openai.azure.com/openai/v1", "/openai/v1/chat/completions".into()),
    ] {
        assert_eq!(url("azure", Some(base), CHAT), format!("https://r.openai.azure.com{expected}"), "{base}");
    }
    let mut versioned = deployment("azure", "gpt", Some("https://r.openai.azure.com"));
    versioned.api_version = Some("2024-10-21".into());
    let Destination::Remote(uri) = target(&versioned, EMBEDDINGS).destination else { panic!() };
    assert_eq!(uri.path_and_query().unwrap(), "/openai/deployments/gpt/embeddings?api-version=2024-10-21");
}

#[test]
fn the_key_goes_where_the_provider_looks_for_it_and_does_not_print() {
    for (provider, header, value) in [
        ("openai", "authorization", "Bearer key-1"),
        ("groq", "authorization", "Bearer key-1"),
        ("anthropic", "x-api-key", "key-1"),
        ("azure", "api-key", "key-1"),
    ] {
        let target = target(&deployment(provider, "m", Some("http://h:1")), CHAT);
        assert_eq!(target.headers[header], value, "{provider}");
        assert!(!format!("{target:?}").contains("key-1"));
    }
}

#[test]
fn key_and_base_come_from_the_environment_when_they_are_not_set() {
    let env = |name: &str| match name {
        "GROQ_API_KEY" => Some("from-env".to_owned()),
        "GROQ_API_BASE" => Some("http://env:1/v1".to_owned()),
        _ => None,
    };
    let mut plain = deployment("groq", "m", None);
    plain.api_key = None;
    let target = Endpoint::new(&plain, "groq", "m", &env).unwrap().target(CHAT, &HeaderMap::new()).unwrap();
    assert_eq!(target.headers["authorization"], "Bearer from-env");
    assert_eq!(target.destination, Destination::Remote("http://env:1/v1/chat/completions".parse().unwrap()));
    let set = deployment("groq", "m", Some("http://set:1/v1"));
    let target = Endpoint::new(&set, "groq", "m", &env).unwrap().target(CHAT, &HeaderMap::new()).unwrap();
    assert_eq!(target.headers["authorization"], "Bearer key-1");
}

#[test]
fn without_a_key_no_key_is_sent() {
    let mut open = deployment("hosted_vllm", "m", Some("http://h:1/v1"));
    open.api_key = None;
    assert!(!target(&open, CHAT).headers.contains_key("authorization"));
}

#[test]
fn anthropic_gets_its_version_and_the_clients_betas() {
    let claude = deployment("anthropic", "claude", None);
    assert_eq!(target(&claude, CHAT).headers["anthropic-version"], "2023-06-01");
    let mut client = HeaderMap::new();
    client.insert("anthropic-version", HeaderValue::from_static("2024-01-01"));
    client.append("anthropic-beta", HeaderValue::from_static("a-1"));
    client.append("anthropic-beta", HeaderValue::from_static("b-2"));
    client.insert("authorization", HeaderValue::from_static("Bearer sk-virtual"));
    let headers = endpoint(&claude).unwrap().target(MESSAGES, &client).unwrap().headers;
    assert_eq!(headers["anthropic-version"], "2024-01-01");
    assert_eq!(headers.get_all("anthropic-beta").iter().collect::<Vec<_>>(), ["a-1", "b-2"]);
    assert!(!headers.contains_key("authorization"));
    let gpt = endpoint(&deployment("openai", "gpt", None)).unwrap().target(MESSAGES, &client).unwrap();
    assert!(!gpt.headers.contains_key("anthropic-beta"));
    assert_eq!(gpt.headers["authorization"], "Bearer key-1");
}

#[test]
fn extra_headers_win() {
    let mut deployment = deployment("openai", "m", None);
    deployment.organization = Some("org-1".into());
    deployment.extra_headers.insert("X-Team".into(), Secret::new("blue"));
    deployment.extra_headers.insert("authorization".into(), Secret::new("Basic abc"));
    let headers = target(&deployment, CHAT).headers;
    assert_eq!(
        (&headers["x-team"], &headers["openai-organization"]),
        (&"blue".parse().unwrap(), &"org-1".parse().unwrap())
    );
    assert_eq!(headers.get_all("authorization").iter().collect::<Vec<_>>(), ["Basic abc"]);
}

#[test]
fn what_cannot_be_called_says_why() {
    let error = |deployment: &Deployment| endpoint(deployment).unwrap_err().to_string();
    assert_eq!(error(&deployment("bedrock", "m", None)), "the provider `bedrock` is not supported yet");
    assert_eq!(error(&deployment("nobody", "m", None)), "the provider `nobody` is not known");
    assert_eq!(
        error(&deployment("hosted_vllm", "m", None)),
        "`hosted_vllm` needs `api_base`, or HOSTED_VLLM_API_BASE in the environment"
    );
    assert_eq!(error(&deployment("custom_openai", "m", None)), "`custom_openai` needs `api_base`");
    for base in ["ftp://h/v1", "no url", "http://", "//h/v1"] {
        assert!(
            matches!(endpoint(&deployment("openai", "m", Some(base))), Err(TargetError::BadUrl { .. })),
            "{base}"
        );
    }
    let mut bad = deployment("openai", "m", None);
    bad.api_key = Some(Secret::new("two\nlines"));
    assert!(matches!(endpoint(&bad), Err(TargetError::BadHeader { .. })));
    let no_embeddings = endpoint(&deployment("anthropic", "m", None)).unwrap();
    assert!(no_embeddings.target(EMBEDDINGS, &HeaderMap::new()).is_err());
}

#[test]
fn the_shown_base_has_no_query() {
    let endpoint = endpoint(&deployment("openai", "m", Some("http://h:1/v1?key=secret"))).unwrap();
    assert_eq!(endpoint.api_base(), "http://h:1/v1");
}

#[test]
fn the_documentation_is_fresh() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/providers.md");
    let page = bulkhead_upstream::providers::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/providers.md is stale: run the tests with UPDATE_DOCS=1");
}
