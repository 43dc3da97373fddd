#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use bulkhead_routing::{Alias, KnownModel, Options, Table};
use domain::Deployment;

fn deployment(group: &str, provider: &str, model: &str) -> Deployment {
    with_id(&format!("id of {model} in {group}"), Deployment::named(group, provider, model))
}

fn with_id(id: &str, mut deployment: Deployment) -> Deployment {
    deployment.id = id.into();
    deployment
}

fn table(deployments: Vec<Deployment>) -> Table {
    Table::build(deployments, Options::default())
}

/// What a name leads to: the group, and provider and model of each candidate.
fn leads_to(table: &Table, name: &str) -> Option<(String, Vec<String>)> {
    let group = table.resolve(name, None)?;
    let candidates = group.candidates.iter().map(|c| format!("{} {}", c.provider, c.model)).collect();
    Some((group.name.to_string(), candidates))
}

fn expect(group: &str, candidates: &[&str]) -> Option<(String, Vec<String>)> {
    Some((group.into(), candidates.iter().map(ToString::to_string).collect()))
}

#[test]
fn deployments_of_one_name_form_a_group() {
    let table = table(vec![
        deployment("gpt", "openai", "gpt-4o"),
        deployment("claude", "anthropic", "claude-opus-4"),
        deployment("gpt", "azure", "my-gpt"),
    ]);
    assert_eq!(leads_to(&table, "gpt"), expect("gpt", &["openai gpt-4o", "azure my-gpt"]));
    assert_eq!(leads_to(&table, "unknown"), None);
    assert_eq!(leads_to(&table, ""), None);
}

#[test]
fn an_exact_name_wins_over_wildcards_and_they_over_the_full_model() {
    let table = table(vec![
        deployment("*", "openai", "any"),
        deployment("openai/*", "openai", "*"),
        deployment("openai/gpt-4o", "groq", "exact"),
        deployment("mine", "openai", "gpt-4.1"),
    ]);
    assert_eq!(leads_to(&table, "openai/gpt-4o"), expect("openai/gpt-4o", &["groq exact"]));
    assert_eq!(leads_to(&table, "openai/gpt-4.1"), expect("openai/*", &["openai gpt-4.1"]));
    assert_eq!(leads_to(&table, "else"), expect("*", &["openai any"]));
}

#[test]
fn the_model_as_written_finds_its_deployments_last() {
    let table = table(vec![
        deployment("fast", "groq", "llama-3.3"),
        deployment("also-fast", "groq", "llama-3.3"),
        deployment("claude-*", "anthropic", "claude-*"),
    ]);
    assert_eq!(leads_to(&table, "groq/llama-3.3"), expect("fast", &["groq llama-3.3", "groq llama-3.3"]));
}

#[test]
fn a_deployment_answers_to_its_id() {
    let table = table(vec![
        with_id("one", deployment("gpt", "openai", "gpt-4o")),
        with_id("two", deployment("gpt", "azure", "my-gpt")),
    ]);
    assert_eq!(leads_to(&table, "two"), expect("gpt", &["azure my-gpt"]));
}

#[test]
fn an_alias_leads_to_its_group() {
    let alias = |group: &str| Alias { group: group.into(), hidden: false };
    let aliases = BTreeMap::from([
        ("gpt-4".to_owned(), alias("gpt")),
        ("gpt".to_owned(), alias("nowhere")),
        ("broken".to_owned(), alias("nowhere")),
        ("wild".to_owned(), alias("openai/o3")),
    ]);
    let deployments = vec![deployment("gpt", "openai", "gpt-4o"), deployment("openai/*", "openai", "*")];
    let table = Table::build(deployments, Options { aliases, ..Options::default() });
    assert_eq!(leads_to(&table, "gpt-4"), expect("gpt", &["openai gpt-4o"]));
    assert_eq!(leads_to(&table, "gpt"), expect("gpt", &["openai gpt-4o"]));
    assert_eq!(leads_to(&table, "wild"), expect("openai/*", &["openai o3"]));
    assert_eq!(leads_to(&table, "broken"), None);
}

#[test]
fn wildcards_fill_the_model_and_name_the_provider() {
    let table = table(vec![deployment("*", "*", "*"), deployment("my-*-model", "openai", "gpt-*-mini")]);
    assert_eq!(leads_to(&table, "my-4o-model"), expect("my-*-model", &["openai gpt-4o-mini"]));
    assert_eq!(leads_to(&table, "groq/llama-3.3"), expect("*", &["groq llama-3.3"]));
    assert_eq!(leads_to(&table, "claude-sonnet-4-5"), expect("*", &["anthropic claude-sonnet-4-5"]));
    assert_eq!(leads_to(&table, "nobody-knows-me"), None);
    let full_model = table.resolve("groq/llama-3.3", None).unwrap().candidates[0].full_model.to_string();
    assert_eq!(full_model, "groq/llama-3.3");
}

#[test]
fn a_plain_name_in_front_of_a_wildcard_model_means_the_model_of_that_name() {
    let table = table(vec![with_id("id-1", deployment("gpt-4o", "openai", "*"))]);
    assert_eq!(leads_to(&table, "gpt-4o"), expect("gpt-4o", &["openai gpt-4o"]));
    assert_eq!(leads_to(&table, "id-1"), expect("gpt-4o", &["openai gpt-4o"]));
}

#[test]
fn the_id_of_a_deployment_for_many_models_names_none() {
    let table = table(vec![with_id("id-1", deployment("openai/*", "openai", "*"))]);
    assert_eq!(leads_to(&table, "id-1"), None);
}

#[test]
fn a_blocked_deployment_is_not_there() {
    let mut blocked = deployment("gpt", "openai", "gpt-4o");
    blocked.info.insert("blocked".into(), true.into());
    assert_eq!(leads_to(&table(vec![blocked]), "gpt"), None);
}

#[test]
fn deployments_with_one_id_share_a_slot() {
    let table = table(vec![
        with_id("same", deployment("a", "openai", "gpt-4o")),
        with_id("other", deployment("a", "openai", "o3")),
        with_id("same", deployment("b", "openai", "gpt-4o")),
    ]);
    let slot = |name: &str, at: usize| table.resolve(name, None).unwrap().candidates[at].slot;
    assert_eq!((slot("a", 0), slot("a", 1), slot("b", 0)), (0, 1, 0));
    assert_eq!(table.slots().len(), 2);
}

#[test]
fn public_names_expand_wildcards_through_the_known_models() {
    let aliases = BTreeMap::from([
        ("shown".to_owned(), Alias { group: "gpt".into(), hidden: false }),
        ("secret".to_owned(), Alias { group: "gpt".into(), hidden: true }),
    ]);
    let deployments = vec![
        deployment("gpt", "openai", "gpt-4o"),
        deployment("gpt", "azure", "my-gpt"),
        deployment("anthropic/*", "anthropic", "*"),
        deployment("short-*", "openai", "gpt-*"),
        deployment("anything-*", "openai", "gpt-4o"),
    ];
    let known = [
        KnownModel { provider: "openai", model: "gpt-4o" },
        KnownModel { provider: "openai", model: "o3" },
        KnownModel { provider: "anthropic", model: "claude-opus-4" },
    ];
    let table = Table::build(deployments, Options { aliases, ..Options::default() });
    assert_eq!(table.public_names(&known, None), ["gpt", "anthropic/claude-opus-4", "short-4o", "shown"]);
    for name in table.public_names(&known, None) {
        assert!(table.resolve(&name, None).is_some(), "`{name}` is listed and must answer");
    }
}

#[test]
fn a_wildcard_for_all_lists_qualified_names() {
    let table = table(vec![deployment("*", "*", "*")]);
    let known = [KnownModel { provider: "groq", model: "llama-3.3" }];
    assert_eq!(table.public_names(&known, None), ["groq/llama-3.3"]);
    assert_eq!(leads_to(&table, "groq/llama-3.3"), expect("*", &["groq llama-3.3"]));
}

#[test]
fn what_a_team_owns_is_found_by_the_team_alone_and_first() {
    let own = |group: &str, model: &str| Deployment {
        team_id: Some("core".into()),
        ..deployment(group, "openai", model)
    };
    let table =
        table(vec![deployment("smart", "openai", "shared"), own("smart", "theirs"), own("wise-*", "any")]);
    let model =
        |name: &str, team| table.resolve(name, team).map(|group| group.candidates[0].model.to_string());
    let core = Some("core");
    assert_eq!(model("smart", core).as_deref(), Some("theirs"));
    for team in [None, Some("else")] {
        assert_eq!(model("smart", team).as_deref(), Some("shared"));
        assert_eq!(model("wise-1", team), None);
        // Neither the id nor the model as written leads around it.
        assert_eq!(model("id of theirs in smart", team), None);
        assert_eq!(model("openai/theirs", team), None);
    }
    assert_eq!(model("wise-1", core).as_deref(), Some("any"));
    assert_eq!(model("id of theirs in smart", core).as_deref(), Some("theirs"));
    assert_eq!(table.public_names(&[], None), ["smart"]);
}
