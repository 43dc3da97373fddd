//! The names under which a model's price may be found, the most exact first.

use domain::providers;

/// Providers that sell through another name for the same prices.
const SAME_PRICES: [(&str, &str); 6] = [
    ("cohere_chat", "cohere"),
    ("ollama_chat", "ollama"),
    ("text-completion-openai", "openai"),
    ("codestral", "mistral"),
    ("text-completion-codestral", "mistral"),
    ("github", "azure_ai"),
];

/// Where a model runs on hardware of one's own, its public price says nothing; and a reseller's price is its own.
const OWN_PRICES: [&str; 12] = [
    "custom_openai",
    "demo",
    "hosted_vllm",
    "infinity",
    "litellm_proxy",
    "llamafile",
    "lm_studio",
    "ollama",
    "openai_like",
    "openrouter",
    "vllm",
    "xinference",
];

/// Ways of writing where or how a model is called, which do not change what it costs.
const CALL_PREFIXES: [&str; 14] = [
    "accounts/fireworks/models/",
    "responses/",
    "o_series/",
    "converse/",
    "invoke/",
    "models/",
    "global/",
    "us.",
    "eu.",
    "apac.",
    "global.",
    "au.",
    "jp.",
    "us-gov.",
];

pub fn book_provider(provider: &str) -> &str {
    SAME_PRICES.iter().find(|(name, _)| *name == provider).map_or(provider, |(_, same)| same)
}

/// The provider whose own price list a model of `provider` may fall back to.
pub fn home(provider: &str, model: &str) -> Option<&'static str> {
    if OWN_PRICES.contains(&provider) {
        return None;
    }
    providers::by_model_name(model).map(|home| home.name).filter(|home| *home != provider)
}

/// `model` itself and its plainer forms: without prefixes of the call, without version and date.
pub fn variants(model: &str) -> Vec<&str> {
    let mut found = vec![model];
    let mut bare = model;
    while let Some(rest) = CALL_PREFIXES.iter().find_map(|prefix| bare.strip_prefix(prefix)) {
        bare = rest;
        found.push(bare);
    }
    if let Some(own) = fine_tuned_base(bare) {
        found.push(own);
    }
    for name in [before(bare, '@'), before_version(bare), without_date(bare), bare.strip_suffix("-latest")]
        .into_iter()
        .flatten()
    {
        found.push(name);
        found.extend(without_date(name));
    }
    found.dedup();
    found
}

fn before(name: &str, mark: char) -> Option<&str> {
    name.split_once(mark).map(|(before, _)| before)
}

/// `anthropic.claude-…-v1:0` → `anthropic.claude-…`.
fn before_version(name: &str) -> Option<&str> {
    let name = before(name, ':').unwrap_or(name);
    let (base, version) = name.rsplit_once("-v")?;
    version.bytes().all(|byte| byte.is_ascii_digit()).then_some(base)
}

/// `ft:gpt-4o-mini-2024-07-18:org::id` → `ft:gpt-4o-mini-2024-07-18`.
fn fine_tuned_base(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("ft:")?;
    let end = rest.find(':')?;
    Some(&name[..3 + end])
}

/// `gpt-4o-2024-08-06` → `gpt-4o`; `claude-sonnet-4-5-20250929` → `claude-sonnet-4-5`.
pub fn without_date(name: &str) -> Option<&str> {
    const SHAPES: [&str; 2] = ["-0000-00-00", "-00000000"];
    SHAPES.iter().find_map(|shape| {
        let start = name.len().checked_sub(shape.len())?;
        let tail = name.get(start..)?;
        let fits = tail.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            mark => byte == mark,
        });
        fits.then(|| &name[..start])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_off() {
        assert_eq!(without_date("gpt-4o-2024-08-06"), Some("gpt-4o"));
        assert_eq!(without_date("claude-sonnet-4-5-20250929"), Some("claude-sonnet-4-5"));
        assert_eq!(without_date("gpt-4o"), None);
        assert_eq!(without_date("é"), None);
    }

    #[test]
    fn plainer_forms_come_later() {
        assert_eq!(
            variants("converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
            [
                "converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                "anthropic.claude-sonnet-4-5-20250929-v1:0",
                "anthropic.claude-sonnet-4-5-20250929",
                "anthropic.claude-sonnet-4-5",
            ]
        );
        assert_eq!(variants("mistral-large-latest"), ["mistral-large-latest", "mistral-large"]);
        assert_eq!(variants("ft:gpt-4o-mini-2024-07-18:org::id")[1], "ft:gpt-4o-mini-2024-07-18");
    }

    #[test]
    fn own_hardware_has_no_public_price() {
        assert_eq!(home("hosted_vllm", "gpt-4o"), None);
        assert_eq!(home("azure", "gpt-4o"), Some("openai"));
        assert_eq!(home("openai", "gpt-4o"), None);
    }
}
