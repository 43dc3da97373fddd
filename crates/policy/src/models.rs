//! Models and credentials of the database: read as wholes when one of them changed, and kept sealed on disk.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::{Model, SecretMap};
use serde::{Deserialize, Serialize};
use store::{Store, StoreError, Vault, VaultError};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// What the text on disk belongs to.
const PLACE: &str = "copy of models";
/// How long one reading may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a reading that failed.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// All models and credentials of the database that can be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    pub models: Vec<Model>,
    /// By name.
    pub credentials: BTreeMap<String, SecretMap>,
}

/// Keeps a [`Stock`] like the database.
pub struct ModelFollower {
    vault: Arc<Vault>,
    path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Vault(#[from] VaultError),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
}

impl ModelFollower {
    /// `path` is where the copy lies from which a gateway starts without the database.
    pub fn new(vault: Vault, path: impl Into<PathBuf>) -> Self {
        Self { vault: Arc::new(vault), path: path.into() }
    }

    /// What an earlier run left on disk; nothing when there is no good copy, which is logged.
    pub fn load(&self) -> Stock {
        match load(&self.path, &self.vault) {
            Ok(stock) => stock.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(file = %self.path.display(), %error, "the copy of models on disk is not used");
                Stock::default()
            }
        }
    }

    /// Calls `apply` with each new stock until `shutdown` resolves. `now` is what is known already; `changed` tells
    /// of changes. With the database away it goes on trying, and what is known stays.
    pub async fn run(
        &self,
        store: Store,
        mut now: Stock,
        mut changed: watch::Receiver<u64>,
        apply: impl Fn(&Stock) + Send,
        shutdown: impl Future<Output = ()> + Send,
    ) {
        let follow = async {
            while changed.changed().await.is_ok() {
                let stock = self.read(&store).await;
                if stock != now {
                    now = stock;
                    apply(&now);
                    self.save(&now).await;
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            () = follow => {}
            () = shutdown => {}
        }
    }

    async fn read(&self, store: &Store) -> Stock {
        let mut said = false;
        loop {
            let read = timeout(READ_TIMEOUT, read(store, &self.vault)).await;
            let read = read.unwrap_or_else(|_| Err(StoreError::Timeout("reading models".into())));
            match read {
                Ok(stock) => return stock,
                Err(error) if !said => {
                    tracing::warn!(%error, "models cannot be read; what is known stays in force");
                    said = true;
                }
                Err(_) => {}
            }
            sleep(READ_AGAIN_AFTER).await;
        }
    }

    async fn save(&self, stock: &Stock) {
        let (path, vault, stock) = (self.path.clone(), self.vault.clone(), stock.clone());
        let saved = tokio::task::spawn_blocking(move || save(&path, &vault, &stock)).await;
        if let Ok(Err(error)) = saved {
            tracing::error!(file = %self.path.display(), %error, "the copy of models cannot be written");
        }
    }
}

/// Two readings of different moments: what one of them missed is a change that is still to be told of.
///
/// # Errors
/// When the database fails. A row that cannot be read is left out.
pub async fn read(store: &Store, vault: &Vault) -> Result<Stock, StoreError> {
    let credentials = store.credentials(vault).list().await?;
    let models = store.models(vault).list().await?;
    for (name, why) in &credentials.unreadable {
        tracing::error!(credential = name, %why, "a credential is left out");
    }
    for (id, why) in &models.unreadable {
        tracing::error!(model = id, %why, "a model is left out");
    }
    let credentials = credentials.rows.into_iter().map(|one| (one.name, one.values)).collect();
    Ok(Stock { models: models.rows, credentials })
}

fn load(path: &Path, vault: &Vault) -> Result<Option<Stock>, CopyError> {
    let sealed = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    Ok(Some(serde_json::from_str(&vault.open(&sealed, PLACE)?)?))
}

/// Puts the copy in place at once or not at all, readable by its owner only.
fn save(path: &Path, vault: &Vault, stock: &Stock) -> Result<(), CopyError> {
    let sealed = vault.seal(&serde_json::to_string(stock)?, PLACE)?;
    let draft = path.with_extension("draft-models");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(sealed.as_bytes())?;
    file.sync_data()?;
    fs::rename(&draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok(File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use kit::{Secret, SeededRng};
    use serde_json::json;

    use super::*;

    fn follower(path: &Path, secret: &str) -> ModelFollower {
        ModelFollower::new(Vault::new(&Secret::new(secret), Box::new(SeededRng::new(1))).unwrap(), path)
    }

    #[test]
    fn the_copy_is_sealed_and_only_its_secret_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.copy");
        let ours = follower(&path, "one");
        assert_eq!(ours.load(), Stock::default());
        let credentials = serde_json::from_value(json!({"main": {"api_key": "sk-secret"}})).unwrap();
        let stock = Stock { models: Vec::new(), credentials };
        save(&path, &ours.vault, &stock).unwrap();
        assert_eq!(ours.load(), stock);
        assert!(!fs::read_to_string(&path).unwrap().contains("sk-secret"));
        assert_eq!(follower(&path, "two").load(), Stock::default());
        fs::write(&path, "damaged").unwrap();
        assert_eq!(ours.load(), Stock::default());
    }
}
