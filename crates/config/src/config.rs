use std::collections::BTreeMap;
use std::fmt;

use domain::{Deployment, SecretMap};
use kit::Secret;

use crate::facts::SettingFact;
use crate::settings::Settings;

/// Everything that the file and the environment say, resolved.
#[derive(Clone, PartialEq)]
pub struct Config {
    pub deployments: Vec<Deployment>,
    /// No `model_list` was there, so `deployments` come from the environment: see
    /// [`crate::builtin_deployments`].
    pub deployments_are_builtin: bool,
    pub master_key: Option<Secret>,
    /// `LITELLM_SALT_KEY`: encrypts provider keys in the database.
    pub salt_key: Option<Secret>,
    pub database_url: Option<String>,
    pub database_url_read_replica: Option<String>,
    /// `DIRECT_URL`: past a pooler, for migrations.
    pub database_url_direct: Option<String>,
    /// The section `environment_variables`: laid over the process's environment.
    pub environment_variables: BTreeMap<String, Secret>,
    /// What the environment says of each provider, by provider name: for deployments whose provider is
    /// read from each request's model.
    pub providers: BTreeMap<String, ProviderEnv>,
    /// `credential_list` by name.
    pub credentials: BTreeMap<String, SecretMap>,
    pub settings: Settings,
    /// Every setting that the file may have, and what it says of it.
    pub facts: Vec<SettingFact>,
}

/// A provider's key and address from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderEnv {
    pub api_key: Option<Secret>,
    pub api_base: Option<String>,
}

/// Leaves out the database URLs, which hold passwords.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("deployments", &self.deployments.len())
            .field("has_database_url", &self.database_url.is_some())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
