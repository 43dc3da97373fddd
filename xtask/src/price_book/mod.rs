//! Makes the price book: figures from public tables, in our selection and our format.

mod genai;
mod litellm;
mod python;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pricing::{Part, Price, PriceBook, Row};

/// Where the book lies in the workspace.
const BOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/pricing/data/prices.tsv");

/// Prices by provider and model.
pub type Prices = BTreeMap<(String, String), Price>;

pub fn run(arguments: &[&str]) -> Result<String, String> {
    match arguments {
        ["--check"] => check(),
        ["--litellm", litellm, "--genai-prices", genai, "--version", version] => {
            make(Path::new(litellm), Path::new(genai), version)
        }
        _ => Err(crate::USAGE.into()),
    }
}

fn check() -> Result<String, String> {
    let text = PriceBook::builtin_text();
    let book = PriceBook::parse(text).map_err(|error| format!("crates/pricing/data/prices.tsv: {error}"))?;
    if PriceBook::write(book.version(), book.rows()) != text {
        return Err("crates/pricing/data/prices.tsv is not in canonical form; make it anew".into());
    }
    Ok(format!("price book {}: {} models", book.version(), book.rows().len()))
}

fn make(litellm: &Path, genai: &Path, version: &str) -> Result<String, String> {
    if version.len() != 10 || !version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return Err(format!("--version takes a date such as 2026-11-22, found `{version}`"));
    }
    let table = read(litellm, "litellm/model_prices_and_context_window_backup.json")?;
    let mut prices = litellm::prices(&table)?;
    let second = genai::prices(&read(genai, "genai_prices/data.py")?, version)?;
    let disagreements = disagreements(&prices, &second);
    // The first source is what a gateway that is being replaced charges by; the second fills the gaps. "Free" that
    // the second contradicts is a gap, too.
    for (name, price) in second {
        if prices.get(&name).is_none_or(|known| known.is_free() && !price.is_free()) {
            prices.insert(name, price);
        }
    }
    prices.retain(|(provider, model), _| is_plain(provider) && is_plain(model));
    let rows = prices.iter().map(|((provider, model), price)| Row { provider, model, price: price.clone() });
    let rows = rows.collect::<Vec<_>>();
    std::fs::write(BOOK, PriceBook::write(version, &rows)).map_err(|error| format!("{BOOK}: {error}"))?;
    let report = disagreements.iter().map(|line| format!("  {line}\n")).collect::<String>();
    Ok(format!("{} models; the sources disagree about {}:\n{report}", rows.len(), disagreements.len()))
}

fn read(folder: &Path, file: &str) -> Result<String, String> {
    let path: PathBuf = folder.join(file);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Printable ASCII without the marks of our format.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Models whose input or output price differs between the sources.
fn disagreements(one: &Prices, other: &Prices) -> Vec<String> {
    let differing = one.iter().filter_map(|(name, price)| {
        let theirs = other.get(name)?;
        let both = |price: &Price| [Part::Input, Part::Output].map(|part| price.base(part).unwrap_or(0));
        let (ours, theirs) = (both(price), both(theirs));
        let dollars = |rates: [i64; 2]| rates.map(|rate| kit::Money(rate).to_string()).join("/");
        (ours != theirs).then(|| format!("{}/{}: {} or {}", name.0, name.1, dollars(ours), dollars(theirs)))
    });
    differing.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_book_is_in_canonical_form() {
        check().unwrap();
    }

    #[test]
    fn wrong_arguments_are_refused() {
        assert!(run(&[]).is_err());
        assert!(make(Path::new("nowhere"), Path::new("nowhere"), "today").unwrap_err().contains("--version"));
        assert!(
            make(Path::new("nowhere"), Path::new("nowhere"), "2026-11-22").unwrap_err().contains("nowhere")
        );
    }
}
