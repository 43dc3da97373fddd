//! Chores of the workspace: makes committed files that are derived from something else, and checks that they are fresh.
//!
//! Knows nothing of the running product.

mod config_reference;
mod price_book;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo run -p bulkhead-xtask -- COMMAND

  price-book --litellm DIR --genai-prices DIR --version DATE
      Makes crates/pricing/data/prices.tsv from public price facts. Each DIR is an unpacked wheel:
        pip download --no-deps litellm genai-prices && unzip …
      Prints where the two sources disagree.

  price-book --check
      Checks that the committed price book is sorted and in canonical form.

  config-reference [--check]
      Makes docs/config.md and docs/config.schema.json from the tables of keys, or checks that they are fresh.
";

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let arguments = arguments.iter().map(String::as_str).collect::<Vec<_>>();
    let outcome = match arguments.as_slice() {
        ["price-book", rest @ ..] => price_book::run(rest),
        ["config-reference", rest @ ..] => config_reference::run(rest),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
