use std::io;

/// Why a command ends without having done its work; printed as one sentence or a list of located ones.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Store(#[from] store::StoreError),
    #[error("{0}")]
    Vault(#[from] store::VaultError),
    /// Already in the words that a person should read.
    #[error("{0}")]
    Said(String),
}
