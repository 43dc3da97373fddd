//! What must be known of OpenAI's models to speak to them.

/// Does the model take `max_completion_tokens` in place of `max_tokens`?
///
/// OpenAI's reasoning models refuse `max_tokens`; other servers of this dialect often know only that one.
/// Source: OpenAI API reference, "max_tokens … is not compatible with o-series models".
pub(crate) fn takes_max_completion_tokens(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let after = |prefix: &str| name.strip_prefix(prefix).and_then(|rest| rest.chars().next());
    let generation = |first: Option<char>, from: char| first.is_some_and(|c| c.is_ascii_digit() && c >= from);
    generation(after("gpt-"), '5') || generation(after("o"), '1')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_models_are_told_by_their_names() {
        for model in ["o1", "o3-mini", "o4-mini", "gpt-5", "gpt-5.2-2025-12-11", "openai/gpt-5-nano"] {
            assert!(takes_max_completion_tokens(model), "{model}");
        }
        for model in ["gpt-4o", "gpt-4.1", "gpt-3.5-turbo", "llama-3", "olmo-2", "openchat", "gpt-oss-120b"] {
            assert!(!takes_max_completion_tokens(model), "{model}");
        }
    }
}
