//! The price book that comes with the program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bulkhead_pricing::{BookError, Mode, Part, PriceBook, Row};
use domain::Usage;
use kit::Money;
use proptest::prelude::*;

/// US dollars per million tokens, as (input, output).
fn dollars(provider: &str, model: &str, base_model: Option<&str>) -> Option<(String, String)> {
    let book = PriceBook::builtin();
    let price = book.find(provider, model, base_model)?;
    let text = |part| Money(price.base(part).unwrap_or(0)).to_string();
    Some((text(Part::Input), text(Part::Output)))
}

#[track_caller]
fn costs(provider: &str, model: &str, input: &str, output: &str) {
    assert_eq!(dollars(provider, model, None), Some((input.into(), output.into())), "{provider}/{model}");
}

#[test]
fn it_covers_the_providers() {
    let book = PriceBook::builtin();
    assert!(book.rows().len() >= 500);
    assert_eq!(book.version().len(), "2026-11-22".len());
    for provider in [
        "openai",
        "azure",
        "azure_ai",
        "anthropic",
        "groq",
        "mistral",
        "deepseek",
        "together_ai",
        "fireworks_ai",
        "openrouter",
        "xai",
        "perplexity",
        "gemini",
        "vertex_ai",
        "bedrock",
        "cohere",
        "cerebras",
        "sambanova",
        "deepinfra",
        "nvidia_nim",
        "databricks",
        "voyage",
        "jina_ai",
        "ollama",
    ] {
        assert!(book.models_of(provider).next().is_some(), "{provider}");
    }
    assert!(book.models_of("openai").any(|model| model == "gpt-4o"));
    assert!(book.models_of("openai").all(|model| !model.starts_with("claude")));
    assert!(book.models_of("nobody").next().is_none());
}

/// Figures of the providers' own public price pages.
#[test]
fn well_known_prices() {
    costs("openai", "gpt-4o", "2.5", "10.0");
    costs("openai", "gpt-4o-mini", "0.15", "0.6");
    costs("openai", "text-embedding-3-small", "0.02", "0.0");
    costs("anthropic", "claude-sonnet-4-5", "3.0", "15.0");
    costs("anthropic", "claude-opus-4-1", "15.0", "75.0");
    costs("gemini", "gemini-2.5-pro", "1.25", "10.0");
    costs("groq", "llama-3.3-70b-versatile", "0.59", "0.79");
}

#[test]
fn a_whole_call_to_sonnet() {
    let book = PriceBook::builtin();
    let price = book.find("anthropic", "claude-sonnet-4-5-20250929", None).unwrap();
    let usage = Usage {
        input: 10_000,
        output: 1000,
        cache_read: Some(8000),
        cache_write: Some(1000),
        ..Usage::default()
    };
    // 1000 × $3 + 1000 × $15 + 8000 × $0.30 + 1000 × $3.75, per million.
    assert_eq!(price.cost(&usage).total, "0.02415".parse().unwrap());
    assert_eq!(price.info.max_output_tokens, Some(64_000));
    assert!(price.info.capabilities.has("supports_vision"));
}

#[test]
fn dated_and_latest_names_find_their_model() {
    costs("openai", "gpt-4o-2024-08-06", "2.5", "10.0");
    costs("openai", "gpt-4o-2024-05-13", "5.0", "15.0");
    costs("openai", "gpt-4o-2099-01-01", "2.5", "10.0");
    costs("anthropic", "claude-sonnet-4-5-20250929", "3.0", "15.0");
    costs("anthropic", "claude-3-5-sonnet-20241022", "3.0", "15.0");
    costs("anthropic", "claude-3-opus-20240229", "15.0", "75.0");
    costs("anthropic", "claude-3-5-haiku-20241022", "0.8", "4.0");
    costs("anthropic", "claude-opus-4-20250514", "15.0", "75.0");
    costs("anthropic", "claude-sonnet-4-5-latest", "3.0", "15.0");
    assert!(dollars("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", None).is_some());
    assert!(dollars("bedrock", "converse/anthropic.claude-sonnet-4-5-20250929-v1:0", None).is_some());
    assert!(dollars("fireworks_ai", "accounts/fireworks/models/deepseek-v3", None).is_some());
}

#[test]
fn a_base_model_names_what_a_deployment_really_is() {
    let mini = Some(("0.15".to_owned(), "0.6".to_owned()));
    assert_eq!(dollars("azure", "my-deployment", None), None);
    assert_eq!(dollars("azure", "my-deployment", Some("azure/gpt-4o-mini")), mini);
    assert_eq!(dollars("openai", "anything", Some("gpt-4o-mini")), mini);
    assert_eq!(dollars("hosted_vllm", "anything", Some("openai/gpt-4o-mini")), mini);
    // A base model that nobody knows does not hide the model's own price.
    assert_eq!(dollars("openai", "gpt-4o-mini", Some("nonsense")), mini);
}

#[test]
fn the_makers_price_counts_where_the_seller_lists_none() {
    assert_eq!(dollars("azure", "gpt-4o-2099-01-01", None), dollars("azure", "gpt-4o", None));
    assert!(dollars("cohere_chat", "command-r-08-2024", None).is_some());
    // Not on hardware of one's own.
    assert_eq!(dollars("hosted_vllm", "gpt-4o", None), None);
    assert_eq!(dollars("openai", "in-house-7b", None), None);
    assert_eq!(dollars("nobody", "nothing", None), None);
}

#[test]
fn modes_are_known() {
    let book = PriceBook::builtin();
    let mode = |model| book.find("openai", model, None).unwrap().info.mode;
    assert_eq!(mode("gpt-4o"), Mode::Chat);
    assert_eq!(mode("text-embedding-3-small"), Mode::Embedding);
}

#[test]
fn what_is_not_a_book_is_refused() {
    assert_eq!(PriceBook::parse("").err(), Some(BookError::Header));
    assert_eq!(
        PriceBook::parse("# bulkhead price book 1, version x\nnonsense").err(),
        Some(BookError::Row { line: 2 })
    );
    let twice = "# bulkhead price book 1, version x\na\tb\tchat\t-\t-\t-\tin=1\na\tb\tchat\t-\t-\t-\tin=1\n";
    assert_eq!(PriceBook::parse(twice).err(), Some(BookError::Order { line: 3 }));
}

proptest! {
    #[test]
    fn any_line_gives_an_answer(line in "\\PC{0,80}") {
        let _ = Row::parse(&line);
    }

    #[test]
    fn any_name_gives_an_answer(provider in prop::sample::select(vec!["openai", "azure", "bedrock", "nobody"]), model in "\\PC{0,40}") {
        // One book for all cases: parsing it anew for each would be the whole time.
        static BOOK: std::sync::LazyLock<PriceBook> = std::sync::LazyLock::new(PriceBook::builtin);
        let _ = BOOK.find(provider, &model, Some(&model));
    }
}
