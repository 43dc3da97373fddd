//! The table of the PyPI package `litellm`: a JSON object of models, US dollars per token.

use pricing::{Mode, Price};
use serde_json::{Map, Value};

use super::Prices;

/// Providers of that table whose models are sold under another provider's name here.
const RENAMED: [(&str, &str); 7] = [
    ("azure_text", "azure"),
    ("bedrock_converse", "bedrock"),
    ("cohere_chat", "cohere"),
    ("fireworks_ai-embedding-models", "fireworks_ai"),
    ("meta", "meta_llama"),
    ("text-completion-codestral", "mistral"),
    ("text-completion-openai", "openai"),
];

/// Beginnings of rows that price a whole class of models by size instead of one model.
const SIZE_CLASSES: [&str; 2] = ["together-ai-", "fireworks-ai-"];

pub fn prices(text: &str) -> Result<Prices, String> {
    let table: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("the table of litellm: {error}"))?;
    let mut prices = Prices::new();
    // Names with their provider written out come last, so that they win.
    let (prefixed, bare): (Vec<_>, Vec<_>) = table.iter().partition(|(name, _)| name.contains('/'));
    for (name, fields) in bare.into_iter().chain(prefixed) {
        if let Some((key, price)) = fields.as_object().and_then(|fields| row(name, fields)) {
            prices.insert(key, price);
        }
    }
    Ok(prices)
}

fn row(name: &str, fields: &Map<String, Value>) -> Option<((String, String), Price)> {
    let named = fields.get("litellm_provider")?.as_str()?;
    let provider = provider(named)?;
    if name == "sample_spec" || SIZE_CLASSES.iter().any(|class| name.starts_with(class)) {
        return None;
    }
    if let Some(mode) = fields.get("mode").and_then(Value::as_str) {
        Mode::parse(mode)?;
    }
    let price = Price::from_fields(fields).ok()??;
    // Prices per second, image or query alone are of no use for counting tokens.
    if price.sections().is_empty() {
        return None;
    }
    let price = Price::new(price.info, None, price.sections().to_vec());
    Some(((provider.into(), model(name, named, provider).into()), price))
}

/// Our name of the provider, when it is one of ours.
fn provider(named: &str) -> Option<&str> {
    let renamed = RENAMED.iter().find(|(theirs, _)| *theirs == named).map_or(named, |(_, ours)| ours);
    let ours = if renamed.starts_with("vertex_ai-") { "vertex_ai" } else { renamed };
    domain::providers::find(ours).map(|known| known.name)
}

fn model<'n>(name: &'n str, named: &str, provider: &str) -> &'n str {
    let bare = [named, provider].iter().find_map(|prefix| name.strip_prefix(prefix)?.strip_prefix('/'));
    let bare = bare.unwrap_or(name);
    bare.strip_prefix("accounts/fireworks/models/").unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pricing::Part;

    #[test]
    fn rows_find_their_provider_and_model() {
        let text = r#"{
            "gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06},
            "vertex_ai/claude-x": {"litellm_provider": "vertex_ai-anthropic_models", "input_cost_per_token": 1e-06},
            "deepseek-chat": {"litellm_provider": "deepseek", "input_cost_per_token": 1e-06},
            "deepseek/deepseek-chat": {"litellm_provider": "deepseek", "input_cost_per_token": 2e-06},
            "together-ai-4.1b-8b": {"litellm_provider": "together_ai", "input_cost_per_token": 1e-06},
            "someone/else": {"litellm_provider": "nobody", "input_cost_per_token": 1e-06},
            "azure/painter": {"litellm_provider": "azure", "mode": "image_generation", "output_cost_per_image": 1}
        }"#;
        let prices = prices(text).unwrap();
        let names = prices.keys().map(|(provider, model)| format!("{provider} {model}")).collect::<Vec<_>>();
        assert_eq!(names, ["deepseek deepseek-chat", "openai gpt-4o", "vertex_ai claude-x"]);
        let deepseek = &prices[&("deepseek".to_owned(), "deepseek-chat".to_owned())];
        assert_eq!(deepseek.base(Part::Input), Some(2_000_000_000));
    }
}
