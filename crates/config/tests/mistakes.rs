//! What is wrong is reported: all of it, with its place and a way out, and without secrets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bulkhead_config::{ConfigErrors, FILE_BYTES_MAX, Loaded, PROBLEMS_MAX, Source, check_bytes, load};
use proptest::prelude::*;

fn read(text: &str) -> Result<Loaded, ConfigErrors> {
    check_bytes("config.yaml", text.as_bytes(), &|_| None)
}

fn errors(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

fn warnings(text: &str) -> String {
    let loaded = read(text).unwrap_or_else(|errors| panic!("{errors}"));
    loaded.warnings.iter().map(|warning| format!("{warning}\n")).collect()
}

#[test]
fn a_misspelt_key_gets_its_place_and_a_suggestion() {
    let text = "litellm_settings:\n  drop_parms: true\n";
    let expected = "\
warning: `drop_parms` is not a known key and is ignored
 --> config.yaml:2:3 (litellm_settings.drop_parms)
  |
2 |   drop_parms: …
  |   ^^^^^^^^^^
  = help: did you mean `drop_params`?
";
    assert_eq!(warnings(text), expected);
}

#[test]
fn a_wrong_type_says_what_was_expected_and_found() {
    let text = "litellm_settings:\n  request_timeout: soon\n";
    let expected = "\
error: expected a number of seconds, not negative, found the string `soon`
 --> config.yaml:2:20 (litellm_settings.request_timeout)
  |
2 |   request_timeout: soon
  |                    ^^^^
  = help: write seconds as a plain number, such as `600`

1 error and 0 warnings in the configuration";
    assert_eq!(errors(text), expected);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let text = "\
general_settings:
  master_key: [a]
  max_request_size_mb: -1
litellm_settings:
  num_retries: many
  budget_exceeded_status_code: 200
  timezone: Mars/Base
  budget_reset_time: noon
model_list:
  - model_name: a
  - litellm_params: {model: openai/gpt-4o}
  - model_name: b
    litellm_params: {modle: openai/gpt-4o}
  - model_name: c
    litellm_params: {model: opnai/gpt-4o}
  - model_name: d
    litellm_params: {model: openai/gpt-4o, rpm: lots}
";
    let errors = read(text).unwrap_err();
    assert_eq!(errors.errors.len(), 11, "{errors}");
    let text = errors.to_string();
    assert!(text.contains("a model needs a `litellm_params`"));
    assert!(text.contains("a model needs a `model_name`"));
    assert!(text.contains("`Mars/Base` is no time zone") && text.contains("`noon` is no time of day"));
    assert!(text.contains("`modle` looks like it; write `model`"));
    assert!(text.contains("did you mean `openai/gpt-4o`?"));
}

#[test]
fn yaml_that_does_not_parse_has_a_place() {
    let text = errors("model_list:\n  - a: b\n c: d\n");
    assert!(text.contains("config.yaml:3:"), "{text}");
    for broken in ["a: [", "\"", "\t- x", "a: *nowhere", "{---"] {
        assert!(read(broken).is_err(), "{broken}");
    }
}

#[test]
fn the_list_of_problems_is_bounded() {
    let text = (0..20_000).map(|n| format!("nonsense_{n}: 1\n")).collect::<String>();
    assert_eq!(read(&text).unwrap().warnings.len(), PROBLEMS_MAX);
    let text = format!("litellm_settings: 1\n{text}");
    let errors = read(&text).unwrap_err();
    assert_eq!((errors.errors.len(), errors.more), (1, 20_000 - PROBLEMS_MAX));
    assert!(errors.to_string().contains("… and 19800 more"));
}

#[test]
fn secrets_are_not_printed() {
    let texts = [
        "model_list:\n- model_name: a\n  litellm_params: {api_key: sk-very-secret, model: nonsense/x}\n",
        "model_list:\n- model_name: a\n  litellm_params: {model: openai/x, api_kye: sk-very-secret}\n",
        "general_settings:\n  master_kye: sk-very-secret\n",
        "general_settings:\n  database_connection_pool_limit: postgres://user:very-secret@host/db\n",
        "general_settings:\n  master_key: \"sk-very-secret\n",
    ];
    for text in texts {
        let printed = match read(text) {
            Ok(loaded) => {
                format!("{loaded:?}") + &loaded.warnings.iter().map(ToString::to_string).collect::<String>()
            }
            Err(errors) => format!("{errors}\n{errors:?}"),
        };
        assert!(!printed.contains("very-secret"), "{printed}");
        assert!(printed.len() > 40);
    }
}

#[test]
fn a_misspelt_key_for_the_gateway_is_not_sent_to_the_provider() {
    let text = "model_list:\n- model_name: a\n  litellm_params: {model: openai/x, api_kye: sk-1, top_k: 5}\n";
    let loaded = read(text).unwrap();
    assert_eq!(loaded.config.deployments[0].defaults.keys().collect::<Vec<_>>(), ["top_k"]);
}

#[test]
fn a_price_that_is_no_amount_is_an_error() {
    let text = |price| {
        format!(
            "model_list:\n- {{model_name: a, litellm_params: {{model: openai/x, input_cost_per_token: {price}}}}}\n"
        )
    };
    assert!(read(&text("1e-6")).is_ok());
    assert!(read(&text("\"0.000001\"")).is_ok());
    for bad in ["-1", "cheap", "yes", "[1]"] {
        assert!(errors(&text(bad)).contains("expected an amount of US dollars"), "{bad}");
    }
}

#[test]
fn weights_may_be_fractions() {
    let text = |weight| {
        let entry =
            |weight| format!("- {{model_name: a, litellm_params: {{model: openai/x, weight: {weight}}}}}\n");
        format!("model_list:\n{}{}", entry("1"), entry(weight))
    };
    let weights = |text: &str| {
        let deployments = read(text).unwrap().config.deployments;
        deployments.iter().map(|deployment| deployment.weight).collect::<Vec<_>>()
    };
    assert_eq!(weights(&text("3")), [Some(1000), Some(3000)]);
    assert_eq!(weights(&text("0.5")), [Some(1000), Some(500)]);
}

#[test]
fn a_server_that_nothing_names_does_not_get_openais_key() {
    let text =
        "model_list:\n- {model_name: a, litellm_params: {model: llama, api_base: \"http://stranger/v1\"}}\n";
    let env = |name: &str| (name == "OPENAI_API_KEY").then(|| "sk-openai".to_owned());
    let loaded = check_bytes("x", text.as_bytes(), &env).unwrap();
    assert_eq!(loaded.config.deployments[0].api_key, None);
    assert!(loaded.warnings[0].to_string().contains("write `openai/llama`"));
}

#[test]
fn an_alias_that_leads_nowhere_is_an_error() {
    assert!(errors("router_settings: {model_group_alias: {a: [b]}}").contains("expected a model group"));
}

#[test]
fn yes_is_a_boolean_and_a_date_is_a_version() {
    let text = "\
litellm_settings: {drop_params: yes}
model_list:
- model_name: a
  litellm_params: {model: azure/x, api_base: http://a, api_version: 2024-10-21, timeout: \"30\"}
";
    let config = read(text).unwrap().config;
    assert!(config.settings.drop_params);
    assert_eq!(config.deployments[0].api_version.as_deref(), Some("2024-10-21"));
    assert_eq!(config.deployments[0].timeouts.answer.unwrap().as_secs(), 30);
    assert!(config.deployments[0].drop_params);
}

#[test]
fn an_invalid_deployment_can_be_left_out() {
    let text = "\
router_settings: {ignore_invalid_deployments: true}
model_list:
- {model_name: a, litellm_params: {model: nonsense/x}}
- {model_name: b, litellm_params: {model: openai/x}}
";
    let loaded = read(text).unwrap();
    assert_eq!(loaded.config.deployments.len(), 1);
    assert!(warnings(text).contains("the deployment is left out"));
}

#[test]
fn two_deployments_may_not_share_an_id() {
    let entry =
        |id| format!("- {{model_name: a, litellm_params: {{model: openai/x}}, model_info: {{id: {id}}}}}\n");
    assert!(
        errors(&format!("model_list:\n{}{}", entry("x"), entry("x")))
            .contains("model_list[0] has the same id `x`")
    );
    assert!(read(&format!("model_list:\n{}{}", entry("x"), entry("y"))).is_ok());
}

#[test]
fn a_credential_fills_in_what_is_missing() {
    let text = "\
credential_list:
- credential_name: mine
  credential_values: {api_key: from-credential, api_base: http://from-credential}
model_list:
- model_name: a
  litellm_params: {model: openai/x, litellm_credential_name: mine, api_base: http://own}
";
    let deployment = &read(text).unwrap().config.deployments[0];
    assert_eq!(deployment.api_key.as_ref().unwrap().reveal(), "from-credential");
    assert_eq!(deployment.api_base.as_deref(), Some("http://own"));
    assert!(
        errors(&text.replace("_name: mine, ", "_name: yours, ")).contains("no credential is called `yours`")
    );
}

#[test]
fn includes_join_lists_and_replace_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    write(
        "config.yaml",
        "include: [sub/more.yaml]\nmodel_list:\n- {model_name: a, litellm_params: {model: openai/a}}\nlitellm_settings: {drop_params: true, num_retries: 7}\n",
    );
    write(
        "sub/more.yaml",
        "include: [last.yaml]\nmodel_list:\n- {model_name: b, litellm_params: {model: openai/b}}\n",
    );
    write("sub/last.yaml", "litellm_settings: {num_retries: 5}\n");
    let path = folder.path().join("config.yaml");
    let config = load(Source { path: Some(&path), env: &|_| None }).unwrap().config;
    assert_eq!(config.deployments.iter().map(|d| d.group.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(config.settings.num_retries, 5);
    assert!(!config.settings.drop_params);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        load(Source { path: Some(&path), env: &|_| None }).unwrap_err().to_string()
    };
    assert!(refusal("loop.yaml", b"include: [loop.yaml]\n").contains("includes itself"));
    assert!(refusal("empty.yaml", b"").contains("is empty"));
    assert!(refusal("latin.yaml", b"a: \xff\n").contains("is not UTF-8"));
    assert!(refusal("gone.yaml", b"include: [nowhere.yaml]\n").contains("nowhere.yaml"));
    let huge = vec![b'#'; usize::try_from(FILE_BYTES_MAX).unwrap() + 1];
    assert!(refusal("huge.yaml", &huge).contains("larger than"));
    let path = folder.path().join("missing.yaml");
    assert!(load(Source { path: Some(&path), env: &|_| None }).is_err());
}

#[test]
fn without_a_file_the_environment_decides() {
    let env = |name: &str| match name {
        "ANTHROPIC_API_KEY" => Some("sk-ant".to_owned()),
        "LITELLM_MASTER_KEY" => Some("sk-m".to_owned()),
        "REQUEST_TIMEOUT" => Some("30".to_owned()),
        _ => None,
    };
    let config = load(Source { path: None, env: &env }).unwrap().config;
    assert_eq!(config.deployments[0].group, "anthropic/*");
    assert!(config.deployments_are_builtin);
    assert_eq!(config.master_key.unwrap().reveal(), "sk-m");
    assert_eq!(config.settings.request_timeout.as_secs(), 30);
    let bad = |name: &str| (name == "REQUEST_TIMEOUT").then(|| "soon".to_owned());
    assert!(load(Source { path: None, env: &bad }).unwrap_err().to_string().contains("REQUEST_TIMEOUT"));
}

/// Text that looks like a configuration: known words in odd places.
fn yamlish() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "model_list",
        "litellm_params",
        "model",
        "model_name",
        "general_settings",
        "- ",
        ": ",
        "\n",
        "  ",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "<<",
        "|",
        ">",
        "'",
        "\"",
        "os.environ/X",
        "openai/gpt-4o",
        "api_key",
        "include",
        "12",
        "true",
        "~",
        "#",
        "!!str ",
        "---",
        "...",
        "\t",
        "é",
        "\u{feff}",
        "%",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = check_bytes("x", &bytes, &|_| None).map_err(|errors| errors.to_string());
    }

    #[test]
    fn anything_like_a_configuration_gives_an_answer(text in yamlish()) {
        match check_bytes("x", text.as_bytes(), &|_| None) {
            Ok(loaded) => loaded.warnings.iter().for_each(|warning| drop(warning.to_string())),
            Err(errors) => prop_assert!(!errors.errors.is_empty() && !errors.to_string().is_empty()),
        }
    }

    #[test]
    fn a_broken_example_gives_an_answer(at in 0usize..4000, cut in 0usize..40, with in "\\PC{0,3}") {
        let text = include_str!("examples/06-production-cache-guardrails.yaml");
        let start = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = (start..=(start + cut).min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(start);
        let broken = format!("{}{with}{}", &text[..start], &text[end..]);
        let _ = check_bytes("x", broken.as_bytes(), &|_| None).map_err(|errors| errors.to_string());
    }
}

#[test]
fn alerts_go_where_the_configuration_and_the_environment_say() {
    let read = |alerting: &str, env: &[(&str, &str)]| {
        let text = format!("general_settings:\n{alerting}");
        let find =
            |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let loaded = check_bytes("config.yaml", text.as_bytes(), &find).unwrap();
        let channels = loaded.config.settings.alerts.iter();
        let channels =
            channels.map(|one| format!("{} {}", one.format.as_str(), one.url.reveal())).collect::<Vec<_>>();
        let told = loaded.warnings.iter().map(ToString::to_string).collect::<String>();
        assert!(!told.contains("s3cret") && !format!("{:?}", loaded.config).contains("s3cret"), "{told}");
        (channels, told)
    };
    let env = [("SLACK_WEBHOOK_URL", "http://slack/s3cret"), ("WEBHOOK_URL", "http://own/s3cret")];
    let (channels, told) = read("  alerting: [slack, webhook]\n", &env);
    assert_eq!(
        (channels, &*told),
        (vec!["slack http://slack/s3cret".into(), "webhook http://own/s3cret".into()], "")
    );
    let (channels, _) = read("  alerting: [slack]\n", &[("ALERTING_WEBHOOK_URL", "http://teams/s3cret")]);
    assert_eq!(channels, ["slack http://teams/s3cret"]);
    let own = "  alerting: [slack]\n  alert_to_webhook_url:\n    budget_alerts: [http://a/s3cret, http://b/s3cret]\n    outage_alerts: http://c\n";
    assert_eq!(read(own, &env).0, ["slack http://a/s3cret", "slack http://b/s3cret"]);
    assert_eq!(read("  alerting: [slack]\n  alert_types: [outage_alerts]\n", &env).0, Vec::<String>::new());
    assert_eq!(read("  alert_types: [budget_alerts]\n", &env).0, Vec::<String>::new());
    let (channels, told) = read("  alerting: [slack, email]\n", &[]);
    assert_eq!(channels, Vec::<String>::new());
    assert!(
        told.contains("`SLACK_WEBHOOK_URL` is not set") && told.contains("`email` is not supported yet"),
        "{told}"
    );
}
