//! Models that stand in no file are read by the file's rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

extern crate bulkhead_config as config;

use std::collections::BTreeMap;

use config::{ConfigErrors, LoadedModel, ModelRules, Settings, read_model};
use domain::SecretMap;
use kit::Secret;
use serde_json::{Value, json};

fn read(entry: Value) -> Result<LoadedModel, ConfigErrors> {
    let credential = json!({"api_key": "os.environ/SHARED", "api_base": "https://shared/v1"});
    let credential: SecretMap = serde_json::from_value(credential).unwrap();
    let rules = ModelRules {
        settings: &Settings { drop_params: true, ..Settings::default() },
        credentials: &BTreeMap::from([("main".to_owned(), credential)]),
        env: &|name| (name == "SHARED").then(|| "sk-shared".to_owned()),
    };
    read_model(&entry, rules)
}

#[test]
fn a_model_reads_as_an_entry_of_the_file_does() {
    let entry = json!({
        "model_name": "smart",
        "litellm_params": {"model": "openai/gpt-4o", "rpm": 5, "weight": 0.5, "temperature": 0.2, "timeout": "7", "stop": ["x"]},
        "model_info": {"id": "m1", "access_groups": ["beta"], "input_cost_per_token": 1e-6},
    });
    let LoadedModel { deployment, warnings } = read(entry).unwrap();
    assert_eq!(
        warnings.iter().map(|warning| warning.path.as_str()).collect::<Vec<_>>(),
        ["litellm_params.model"]
    );
    assert_eq!(
        (deployment.id.as_str(), deployment.group.as_str(), deployment.drop_params),
        ("m1", "smart", true)
    );
    assert_eq!(
        (deployment.rpm, deployment.weight, deployment.timeouts.answer.unwrap().as_secs()),
        (Some(5), Some(500), 7)
    );
    assert_eq!(json!(deployment.defaults), json!({"temperature": 0.2, "stop": ["x"]}));
    assert_eq!(
        (deployment.access_groups, json!(deployment.prices)),
        (vec!["beta".to_owned()], json!({"input_cost_per_token": 1e-6}))
    );
}

#[test]
fn a_credential_fills_in_what_is_not_set() {
    let params =
        json!({"model": "openai/x", "litellm_credential_name": "main", "api_base": "https://own/v1"});
    let deployment = read(json!({"model_name": "a", "litellm_params": params})).unwrap().deployment;
    assert_eq!(
        (deployment.api_key, deployment.api_base.as_deref()),
        (Some(Secret::new("sk-shared")), Some("https://own/v1"))
    );
}

#[test]
fn each_mistake_names_its_field() {
    for (params, path) in [
        (json!({"model": "openai/x", "rpm": "many"}), "litellm_params.rpm"),
        (json!({"model": "openai/x", "rpm": -1}), "litellm_params.rpm"),
        (json!({"model": 5.5, "extra_headers": []}), "litellm_params.extra_headers"),
        (json!({"model": "nothing-that-is-known"}), "litellm_params.model"),
        (
            json!({"model": "openai/x", "litellm_credential_name": "none"}),
            "litellm_params.litellm_credential_name",
        ),
        (json!({"model": "openai/x", "input_cost_per_token": -1}), "litellm_params.input_cost_per_token"),
        (json!([]), "litellm_params"),
    ] {
        let errors = read(json!({"model_name": "a", "litellm_params": params.clone()})).unwrap_err().errors;
        assert!(errors.iter().any(|error| error.path == path), "{params}: {errors:?}");
    }
    for entry in
        [json!({}), json!({"model_name": "a"}), json!([]), json!({"model_name": "a", "litellm_params": {}})]
    {
        assert!(!read(entry.clone()).unwrap_err().errors.is_empty(), "{entry}");
    }
}
