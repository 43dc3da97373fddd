//! The reference page and the JSON Schema of `config.yaml`.

use std::path::Path;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");

pub fn run(arguments: &[&str]) -> Result<String, String> {
    let files = [("config.md", config::reference()), ("config.schema.json", schema()?)];
    match arguments {
        [] => files.iter().try_for_each(|(name, text)| write(name, text)).map(|()| "made both files".into()),
        ["--check"] => {
            files.iter().try_for_each(|(name, text)| check(name, text)).map(|()| "both are fresh".into())
        }
        _ => Err(crate::USAGE.into()),
    }
}

fn schema() -> Result<String, String> {
    let text = serde_json::to_string_pretty(&config::schema()).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

fn write(name: &str, text: &str) -> Result<(), String> {
    std::fs::write(Path::new(DOCS).join(name), text).map_err(|error| format!("docs/{name}: {error}"))
}

fn check(name: &str, text: &str) -> Result<(), String> {
    let committed = std::fs::read_to_string(Path::new(DOCS).join(name))
        .map_err(|error| format!("docs/{name}: {error}"))?;
    let stale = || format!("docs/{name} is stale: run `cargo run -p bulkhead-xtask -- config-reference`");
    if committed == text { Ok(()) } else { Err(stale()) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_files_are_fresh() {
        super::run(&["--check"]).unwrap();
    }
}
