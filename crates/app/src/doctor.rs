//! `config check` and `doctor`: what is wrong, before it hurts.

use config::Source;

use crate::assembly::{Assembly, config_path};
use crate::cli::Common;
use crate::error::Failure;

/// Prints every problem of the configuration file with its place.
pub fn check_config(common: &Common) -> Result<(), Failure> {
    let Some(path) = config_path(common) else {
        return Err(Failure::Said("there is no config.yaml here; name a file with --config".into()));
    };
    let env = |name: &str| std::env::var(name).ok();
    let loaded = config::load(Source { path: Some(&path), env: &env })
        .map_err(|errors| Failure::Said(errors.to_string()))?;
    for warning in &loaded.warnings {
        println!("{warning}\n");
    }
    println!(
        "{}: good, with {} deployments and {} warnings",
        path.display(),
        loaded.config.deployments.len(),
        loaded.warnings.len()
    );
    Ok(())
}

/// Goes through what a start needs and says of each whether it is well.
pub async fn run(common: Common) -> Result<(), Failure> {
    let assembly = Assembly::load(&common)?;
    println!("ok    configuration: {} deployments", assembly.config.deployments.len());
    println!("ok    data folder: {}", assembly.data_dir.path().display());
    let mut wrong = 0;
    let mut tell = |what: &str, result: Result<String, String>| match result {
        Ok(said) => println!("ok    {what}: {said}"),
        Err(said) => {
            wrong += 1;
            println!("wrong {what}: {said}");
        }
    };
    tell("master key", master_key(&assembly));
    tell("journal folder", journal(&assembly));
    tell("database", database(&assembly).await);
    if wrong == 0 {
        Ok(())
    } else {
        Err(Failure::Said(format!("{wrong} of the checks found something wrong")))
    }
}

fn master_key(assembly: &Assembly) -> Result<String, String> {
    if assembly.data_dir.master_key_file().is_file() && assembly.config.master_key.is_none() {
        return Ok(format!("kept in {}", assembly.data_dir.master_key_file().display()));
    }
    match assembly.master_key() {
        Ok(_) => Ok("strong".into()),
        Err(_) if assembly.config.master_key.is_none() => {
            Ok("not set; `bulkhead up` makes one at its first start, other roles need one".into())
        }
        Err(failure) => Err(failure.to_string()),
    }
}

fn journal(assembly: &Assembly) -> Result<String, String> {
    let path = assembly.data_dir.journal();
    std::fs::create_dir_all(&path)
        .map(|()| path.display().to_string())
        .map_err(|error| format!("cannot make {}: {error}", path.display()))
}

async fn database(assembly: &Assembly) -> Result<String, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let store = assembly.connect().await.map_err(|error| said(&error))?;
    let status = store.migration_status().await.map_err(|error| said(&error))?;
    if status.is_current() {
        Ok(format!("{:?}, schema up to date", store.kind()))
    } else {
        Err(format!("{} migrations have not run; run `bulkhead migrate up`", status.pending()))
    }
}
