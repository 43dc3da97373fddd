//! Which provider a deployment means.

use domain::providers::{self, ANY, KNOWN, Provider};

use crate::keys;

/// What a server is taken for that nothing names. It is not `openai`, so that a stranger does not get OpenAI's key
/// from the environment.
const GUESSED: &str = "openai_like";

/// The provider of a deployment and the provider's own name for the model.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    pub provider: &'static str,
    pub model: String,
    /// Nothing named the provider; an `api_base` of one's own is taken to speak OpenAI's dialect.
    pub guessed: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct UnknownProvider {
    pub message: String,
    pub suggestion: Option<String>,
}

pub fn target(model: &str, forced: Option<&str>, api_base: Option<&str>) -> Result<Target, UnknownProvider> {
    let named = |provider: &'static Provider, model: &str| Target {
        provider: provider.name,
        model: model.into(),
        guessed: false,
    };
    if let Some(name) = forced {
        let provider = providers::find(name).ok_or_else(|| unknown_name(name))?;
        let own = model.strip_prefix(name).and_then(|rest| rest.strip_prefix('/'));
        return Ok(named(provider, own.unwrap_or(model)));
    }
    if let Some((provider, rest)) = providers::split(model) {
        return Ok(named(provider, rest));
    }
    if let Some(provider) =
        api_base.and_then(providers::by_api_base).or_else(|| providers::by_model_name(model))
    {
        return Ok(named(provider, model));
    }
    if api_base.is_some() {
        return Ok(Target { provider: GUESSED, model: model.into(), guessed: true });
    }
    if model == ANY {
        return Ok(Target { provider: ANY, model: model.into(), guessed: false });
    }
    Err(unknown_model(model))
}

fn unknown_name(name: &str) -> UnknownProvider {
    UnknownProvider {
        message: format!("`{name}` is not a known provider"),
        suggestion: near(name).map(|near| format!("did you mean `{near}`?")),
    }
}

fn unknown_model(model: &str) -> UnknownProvider {
    let near = model.split_once('/').and_then(|(name, rest)| near(name).map(|near| format!("{near}/{rest}")));
    let suggestion = near.map_or_else(
        || format!("write `provider/{model}`, or `openai/{model}` with an `api_base` for an OpenAI-compatible server"),
        |near| format!("did you mean `{near}`?"),
    );
    UnknownProvider {
        message: format!("cannot tell the provider of `{model}`"),
        suggestion: Some(suggestion),
    }
}

fn near(name: &str) -> Option<&'static str> {
    keys::nearest_of(KNOWN.iter().map(|provider| provider.name), name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(model: &str, forced: Option<&str>, base: Option<&str>) -> (&'static str, String) {
        let target = target(model, forced, base).unwrap();
        (target.provider, target.model)
    }

    #[test]
    fn what_is_written_wins_over_what_is_inferred() {
        assert_eq!(told("openai/gpt-4o", None, None), ("openai", "gpt-4o".into()));
        assert_eq!(told("gpt-4o", Some("azure"), None), ("azure", "gpt-4o".into()));
        assert_eq!(told("azure/gpt-4o", Some("azure"), None), ("azure", "gpt-4o".into()));
        assert_eq!(told("openai/gpt-oss-120b", Some("groq"), None), ("groq", "openai/gpt-oss-120b".into()));
        assert_eq!(told("claude-opus-4-1", None, None), ("anthropic", "claude-opus-4-1".into()));
        assert_eq!(told("*", None, None), ("*", "*".into()));
        assert_eq!(told("llama", None, Some("https://api.groq.com/openai/v1")), ("groq", "llama".into()));
    }

    #[test]
    fn an_own_server_is_taken_to_speak_openai() {
        let target = target("meta-llama/Llama-3", None, Some("http://vllm:8000/v1")).unwrap();
        assert_eq!((target.provider, target.model.as_str()), (GUESSED, "meta-llama/Llama-3"));
        assert!(target.guessed);
    }

    #[test]
    fn a_misspelt_provider_gets_a_suggestion() {
        let error = target("antropic/claude-opus-4-1", None, None).unwrap_err();
        assert_eq!(error.suggestion.as_deref(), Some("did you mean `anthropic/claude-opus-4-1`?"));
        assert!(target("my-model", None, None).is_err());
        assert!(target("x", Some("opnai"), None).unwrap_err().suggestion.unwrap().contains("openai"));
    }
}
