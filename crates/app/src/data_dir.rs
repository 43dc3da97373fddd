//! The data folder and the master key that is kept in it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::{Rng, Secret};

/// Bytes of chance in a master key that we make: 256 bits.
const MASTER_KEY_BYTES: usize = 32;

pub struct DataDir(PathBuf);

impl DataDir {
    /// Makes the folder, readable by its owner only, unless it is there.
    pub fn open(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot make the data folder {}: {error}", path.display()))
        })?;
        Ok(Self(path.canonicalize()?))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn database_url(&self) -> String {
        format!("sqlite://{}", self.0.join("bulkhead.db").display())
    }

    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    pub fn policy_snapshot(&self) -> PathBuf {
        self.0.join("policy.snapshot")
    }

    pub fn models_snapshot(&self) -> PathBuf {
        self.0.join("models.snapshot")
    }

    pub fn master_key_file(&self) -> PathBuf {
        self.0.join("master-key")
    }

    /// The kept master key, or a new one. The flag says whether it was made just now.
    pub fn master_key(&self, rng: &mut dyn Rng) -> io::Result<(Secret, bool)> {
        let path = self.master_key_file();
        match fs::read_to_string(&path) {
            Ok(text) => Ok((Secret::new(text.trim()), false)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = new_master_key(rng);
                write_private(&path, key.reveal())?;
                Ok((key, true))
            }
            Err(error) => {
                Err(io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))
            }
        }
    }
}

fn new_master_key(rng: &mut dyn Rng) -> Secret {
    let mut bytes = [0; MASTER_KEY_BYTES];
    rng.fill(&mut bytes);
    Secret::new(format!("sk-{}", URL_SAFE_NO_PAD.encode(bytes)))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use kit::SeededRng;

    #[test]
    fn the_master_key_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(&folder.path().join("a/b")).unwrap();
        let (made, new) = data.master_key(&mut SeededRng::new(1)).unwrap();
        assert!(new && made.reveal().starts_with("sk-") && made.reveal().len() == 46);
        let (kept, new) = data.master_key(&mut SeededRng::new(2)).unwrap();
        assert!(!new && kept == made);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data.master_key_file()), mode(&data.0)), (0o600, 0o700));
    }
}
