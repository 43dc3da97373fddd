//! The table of providers, and its page in the documentation.

pub use domain::providers::{KNOWN as TABLE, Provider, Wire, find, infer};

/// `docs/providers.md`, made from the table.
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    for provider in TABLE {
        page.push_str(&row(provider));
    }
    page
}

const HEAD: &str = "\
# Providers

<!-- Made from the table in crates/domain/src/providers/table.rs; `UPDATE_DOCS=1` with the tests of
     bulkhead-upstream rewrites this page. -->

In `config.yaml` a deployment's `litellm_params.model` is `provider/model`. `api_key` and `api_base` win over
the environment. With only a key in the environment and no `model_list`, `provider/*` works for each provider
whose last column says so. Any other server that speaks OpenAI's dialect: `openai/…` with `api_base`.

Connections trust the roots of the web and the certificates in the file that `SSL_CERT_FILE` names.
`HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are not followed yet.

| provider | name | speaks | base URL | key | base URL from | key suffices |
| --- | --- | --- | --- | --- | --- | --- |
";

fn row(provider: &Provider) -> String {
    let code = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    format!(
        "| `{}` | {} | {} | {} | {} | {} | {} |\n",
        provider.name,
        provider.title,
        speaks(provider.wire),
        provider.base_url.map(|url| format!("`{url}`")).unwrap_or_default(),
        code(provider.key_env),
        code(provider.base_env),
        if provider.key_suffices { "yes" } else { "" },
    )
}

const fn speaks(wire: Wire) -> &'static str {
    match wire {
        Wire::OpenAi | Wire::OpenAiBelowV1 => "OpenAI",
        Wire::OpenAiCompletions => "OpenAI, legacy completions only",
        Wire::AzureOpenAi => "OpenAI, Azure's URLs",
        Wire::Anthropic => "Anthropic",
        Wire::Demo => "answers in process",
        Wire::NotYet => "not supported yet",
    }
}
