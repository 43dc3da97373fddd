use std::collections::BTreeMap;
use std::path::Path;

use domain::SecretMap;
use domain::providers::KNOWN;
use kit::Secret;

use crate::builtin;
use crate::config::{Config, ProviderEnv};
use crate::database;
use crate::deployments;
use crate::diagnostic::{ConfigErrors, Diagnostic};
use crate::environment::{self, Environment};
use crate::fields::{Fields, Unknown};
use crate::files::Files;
use crate::keys;
use crate::node::{Entry, Node};
use crate::problems::Problems;
use crate::settings::Sections;

/// Where a configuration comes from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The main file; `None` for a gateway that is told everything by its environment.
    pub path: Option<&'a Path>,
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// A configuration that can be used, and what is odd about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    pub config: Config,
    pub warnings: Vec<Diagnostic>,
}

/// Reads the file, what it includes, and the environment.
///
/// # Errors
/// When a file cannot be read, is not YAML, or holds something of a wrong type or without sense. All
/// of it is reported at once.
pub fn load(source: Source<'_>) -> Result<Loaded, ConfigErrors> {
    let mut problems = Problems::default();
    let root = match source.path {
        None => Some(Node::empty()),
        Some(path) => Files::new(&mut problems).read(path),
    };
    resolve(root, source.env, problems)
}

/// Reads a configuration from memory, as [`load`] does from a file called `name`; it may include no
/// files. Takes any bytes: the entry for fuzzing.
///
/// # Errors
/// As [`load`].
pub fn check_bytes(
    name: &str,
    bytes: &[u8],
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Loaded, ConfigErrors> {
    let mut problems = Problems::default();
    let root = Files::without_includes(&mut problems).parse(name, bytes.to_vec(), Path::new(""));
    resolve(root, env, problems)
}

fn resolve(
    root: Option<Node>,
    process: &dyn Fn(&str) -> Option<String>,
    mut problems: Problems,
) -> Result<Loaded, ConfigErrors> {
    let config = root.and_then(|root| config(root, process, &mut problems));
    match (problems.finish()?, config) {
        (warnings, Some(config)) => Ok(Loaded { config, warnings }),
        // Nothing is missing without an error that says so.
        (warnings, None) => Err(ConfigErrors { errors: Vec::new(), warnings, more: 0 }),
    }
}

fn config(
    mut root: Node,
    process: &dyn Fn(&str) -> Option<String>,
    problems: &mut Problems,
) -> Option<Config> {
    let mut env = Environment::new(process);
    if let Some(section) = root.get("environment_variables") {
        env.lay_over(section, problems);
    }
    env.resolve(&mut root);
    environment::warn_unset(&root, "", problems);
    let empty = Node::empty();
    let fields = Fields::new(&root, "", problems)?;
    fields.check(keys::TOP, Unknown::Ignored, problems);
    let sections = Sections::check(&fields, &empty, problems)?;
    let settings = sections.settings(&env, problems);
    let credentials = deployments::credentials(&fields, problems);
    let shared = credentials.iter().map(|(name, values)| ((*name).to_owned(), secret_map(values))).collect();
    let listed = deployments::read(&fields, &sections, &settings, &env, credentials, problems);
    let general = &sections.general;
    let secret =
        |key: &str, variable: &str| general.string(key).or_else(|| env.get(variable)).map(Secret::new);
    Some(Config {
        deployments_are_builtin: listed.is_none(),
        deployments: listed.unwrap_or_else(|| builtin::from_environment(&env)),
        master_key: secret("master_key", "LITELLM_MASTER_KEY"),
        salt_key: env.get("LITELLM_SALT_KEY").map(Secret::new),
        database_url: general.string("database_url").or_else(|| database::writer(&env, problems)),
        database_url_read_replica: database::read_replica(&env, problems),
        database_url_direct: env.get("DIRECT_URL"),
        providers: providers(&env),
        credentials: shared,
        settings,
        facts: crate::facts::facts(&sections),
        environment_variables: env.into_overlay(),
    })
}

fn secret_map(values: &[Entry]) -> SecretMap {
    SecretMap::new(values.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect())
}

fn providers(env: &Environment<'_>) -> BTreeMap<String, ProviderEnv> {
    let of = |provider: &domain::providers::Provider| ProviderEnv {
        api_key: env.first(provider.key_env).map(Secret::new),
        api_base: env.first(provider.base_env),
    };
    let all = KNOWN.iter().map(|provider| (provider.name.to_owned(), of(provider)));
    all.filter(|(_, said)| *said != ProviderEnv::default()).collect()
}
