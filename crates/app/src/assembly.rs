//! What every role begins with: configuration, data folder, master key, database.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config::{Config, Source};
use domain::providers;
use kit::{Rng, Secret};
use store::{Store, Vault};

use crate::cli::Common;
use crate::data_dir::DataDir;
use crate::error::Failure;
use crate::system::OsRng;

/// Used when it is there and no other is named.
const DEFAULT_CONFIG: &str = "config.yaml";
/// The salt key, or master key without one, of before.
pub const OLD_SALT_KEY: &str = "BULKHEAD_OLD_SALT_KEY";
/// Longest wait of a migration for one connection; whoever runs it tries again.
const DIRECT_CONNECT_MAX: Duration = Duration::from_secs(5);
/// The model that an example asks when only wildcards are configured, by provider.
const EXAMPLE_MODELS: [(&str, &str); 4] = [
    ("openai", "openai/gpt-4o-mini"),
    ("anthropic", "anthropic/claude-haiku-4-5"),
    ("groq", "groq/llama-3.1-8b-instant"),
    ("mistral", "mistral/mistral-small-latest"),
];

/// A configuration and what follows from it.
pub struct Assembly {
    pub config: Config,
    pub config_path: Option<PathBuf>,
    pub data_dir: DataDir,
    pub database_url: String,
    master_key: Option<Secret>,
}

/// The file that `--config` names, or `config.yaml` where it is there.
pub fn config_path(common: &Common) -> Option<PathBuf> {
    common.config.clone().or_else(|| Some(PathBuf::from(DEFAULT_CONFIG)).filter(|path| path.is_file()))
}

impl Assembly {
    /// Reads the configuration, tells its warnings, and makes the data folder.
    pub fn load(common: &Common) -> Result<Self, Failure> {
        let config_path = config_path(common);
        let env = |name: &str| std::env::var(name).ok();
        let loaded = config::load(Source { path: config_path.as_deref(), env: &env })
            .map_err(|errors| Failure::Said(format!("the configuration cannot be used\n\n{errors}")))?;
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        let config = loaded.config;
        let data_dir = DataDir::open(&common.data_dir)?;
        let database_url = common
            .database_url
            .clone()
            .or_else(|| config.database_url.clone())
            .unwrap_or_else(|| data_dir.database_url());
        let master_key = config.master_key.clone();
        Ok(Self { config, config_path, data_dir, database_url, master_key })
    }

    /// For `up`: the configured master key, else the one kept in the data folder, else a new one.
    /// `Some(new)` when it is kept in the data folder.
    pub fn ensure_master_key(&mut self, rng: &mut dyn Rng) -> Result<Option<bool>, Failure> {
        if self.master_key.is_some() {
            return Ok(None);
        }
        let (key, new) = self.data_dir.master_key(rng)?;
        self.master_key = Some(key);
        Ok(Some(new))
    }

    /// The master key, once it is known to be strong.
    ///
    /// # Errors
    /// When it is unset or weak, unless the configuration permits that.
    pub fn master_key(&self) -> Result<Secret, Failure> {
        let key = self.master_key.clone().unwrap_or_default();
        match config::master_key::check(key.reveal()) {
            Ok(()) => Ok(key),
            Err(_) if self.config.settings.permit_weak_master_key && !key.reveal().is_empty() => Ok(key),
            Err(weak) => Err(Failure::Said(format!(
                "{weak}.\nIt opens everything, so it must be strong: make one with\n\n    \
                 echo \"sk-$(openssl rand -hex 32)\"\n\nand set it as LITELLM_MASTER_KEY or \
                 general_settings.master_key."
            ))),
        }
    }

    /// What secrets are sealed with: `LITELLM_SALT_KEY`, else the master key.
    pub fn salt_key(&self, master_key: &Secret) -> Secret {
        self.config.salt_key.clone().unwrap_or_else(|| master_key.clone())
    }

    /// Seals with the salt key, and opens what an older one has sealed (`BULKHEAD_OLD_SALT_KEY`).
    pub fn vault(&self, master_key: &Secret) -> Result<Vault, Failure> {
        let vault = Vault::new(&self.salt_key(master_key), Box::new(OsRng))?;
        match self.environment()(OLD_SALT_KEY) {
            Some(old) => Ok(vault.with_older(&Secret::new(old))?),
            None => Ok(vault),
        }
    }

    /// Settings of the database, writer and reader.
    pub fn store_settings(&self) -> store::Settings {
        let mut settings = store::Settings::new(self.database_url.clone());
        settings.reader_url = self.config.database_url_read_replica.clone();
        settings.connections_max = self.config.settings.database_connection_pool_limit;
        settings.acquire_timeout = self.config.settings.database_connection_timeout;
        settings.calendar = self.config.settings.calendar.clone();
        settings.budget_rollover = self.config.settings.budget_rollover;
        settings
    }

    pub async fn connect(&self) -> Result<Store, Failure> {
        Ok(Store::connect(&self.store_settings()).await?)
    }

    /// The database past a pooler (`DIRECT_URL`), where one is set: migrations hold locks that a pooler loses.
    pub async fn connect_directly(&self) -> Result<Store, Failure> {
        let mut settings = self.store_settings();
        settings.acquire_timeout = settings.acquire_timeout.min(DIRECT_CONNECT_MAX);
        if let Some(direct) = &self.config.database_url_direct {
            settings.url.clone_from(direct);
        }
        Ok(Store::connect(&settings).await?)
    }

    /// The environment of the process under that of the configuration's `environment_variables`.
    pub fn environment(&self) -> gateway::Environment {
        let overlay = self.config.environment_variables.clone();
        Arc::new(move |name| {
            overlay
                .get(name)
                .map(|value| value.reveal().to_owned())
                .or_else(|| std::env::var(name).ok())
                .filter(|value| !value.is_empty())
        })
    }

    /// A model that a first request can ask.
    pub fn example_model(&self) -> &str {
        let deployments = &self.config.deployments;
        let plain =
            deployments.iter().find(|deployment| !deployment.group.contains('*') && is_chat(deployment));
        if let Some(deployment) = plain {
            return &deployment.group;
        }
        let first = deployments.first().map_or(providers::DEMO, |deployment| deployment.provider.as_str());
        EXAMPLE_MODELS
            .iter()
            .find(|(provider, _)| *provider == first)
            .map_or(EXAMPLE_MODELS[0].1, |(_, model)| *model)
    }

    /// The arguments with which the supervisor passes on what it was told.
    pub fn common_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--data-dir".to_owned(), self.data_dir.path().display().to_string()];
        if let Some(path) = &self.config_path {
            arguments.extend(["--config".to_owned(), path.display().to_string()]);
        }
        arguments
    }
}

fn is_chat(deployment: &domain::Deployment) -> bool {
    deployment.info.get("mode").and_then(serde_json::Value::as_str).is_none_or(|mode| mode == "chat")
}
