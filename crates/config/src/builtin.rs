use domain::Deployment;
use domain::providers::{DEMO, KNOWN, Provider};
use kit::Secret;

use crate::environment::Environment;

/// The deployments of a gateway without `model_list`: `provider/*` for each provider whose key is in
/// the environment, or the built-in `demo` model when there is none.
pub fn builtin_deployments(env: &dyn Fn(&str) -> Option<String>) -> Vec<Deployment> {
    from_environment(&Environment::new(env))
}

pub fn from_environment(env: &Environment<'_>) -> Vec<Deployment> {
    let found =
        KNOWN.iter().filter(|provider| provider.key_suffices).filter_map(|provider| wildcard(provider, env));
    let found = found.collect::<Vec<_>>();
    if found.is_empty() { vec![demo()] } else { found }
}

fn wildcard(provider: &Provider, env: &Environment<'_>) -> Option<Deployment> {
    let key = env.first(provider.key_env)?;
    Some(Deployment {
        api_key: Some(Secret::new(key)),
        api_base: env.first(provider.base_env),
        ..Deployment::named(format!("{}/*", provider.name), provider.name, "*")
    })
}

fn demo() -> Deployment {
    Deployment { full_model: DEMO.into(), id: DEMO.into(), ..Deployment::named(DEMO, DEMO, DEMO) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_makes_its_provider_work() {
        let env = |name: &str| (name == "GROQ_API_KEY").then(|| "gsk".to_owned());
        let deployments = builtin_deployments(&env);
        assert_eq!(deployments.len(), 1);
        assert_eq!((deployments[0].group.as_str(), deployments[0].model.as_str()), ("groq/*", "*"));
        assert_eq!(deployments[0].api_key, Some(Secret::new("gsk")));
    }

    #[test]
    fn without_any_key_the_demo_model_answers() {
        for env in [|_: &str| None, |_: &str| Some(String::new())] {
            let deployments = builtin_deployments(&env);
            assert_eq!(deployments.iter().map(|d| d.group.as_str()).collect::<Vec<_>>(), ["demo"]);
        }
    }
}
