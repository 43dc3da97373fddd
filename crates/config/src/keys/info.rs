use super::{Key, Kind::*, acts, later, quiet};

/// `model_info`: every key is kept and echoed; these have a meaning.
pub const MODEL_INFO: &[Key] = &[
    acts("access_groups", Texts, "Names that keys may list in place of this model."),
    acts("allowed_fails", Integer, "Failures within a minute before this deployment cools down."),
    acts(
        "base_model",
        Text,
        "What the model really is, for its price, when `model` is only a deployment name.",
    ),
    acts("blocked", Bool, "Leave this deployment out."),
    acts("cooldown_time", Seconds, "How long this deployment cools down, in seconds."),
    acts(
        "id",
        Text,
        "The deployment's id, shown in `x-litellm-model-id`. Default: derived from its parameters.",
    ),
    acts("max_input_tokens", Integer, "Longest prompt. Default: from the price book."),
    acts("max_output_tokens", Integer, "Longest answer. Default: from the price book."),
    acts("max_tokens", Integer, "The same as `max_output_tokens` where that is not given."),
    acts(
        "mode",
        Text,
        "What the model is for: `chat`, `completion`, `embedding`, …. Default: from the price book.",
    ),
    acts("team_id", Text, "The team whose keys alone may call this deployment."),
    acts(
        "team_public_model_name",
        Text,
        "With `team_id`: the name that the team sends. Default: `model_name`.",
    ),
    later("access_windows", List),
    later("allowed_fails_policy", Map),
    later("discoverable", Bool),
    later("supported_environments", List),
    quiet("created_at", Any),
    quiet("created_by", Any),
    quiet("db_model", Any),
    quiet("disable_background_health_check", Bool),
    quiet("health_check_max_tokens", Integer),
    quiet("health_check_model", Text),
    quiet("health_check_timeout", Seconds),
    quiet("health_check_voice", Text),
    quiet("supported_openai_params", List),
    quiet("tier", Text),
    quiet("updated_at", Any),
    quiet("updated_by", Any),
];

/// Keys of an entry of `credential_list`.
pub const CREDENTIAL: &[Key] = &[
    acts("credential_name", Text, "What `litellm_credential_name` refers to."),
    acts("credential_values", Map, "Parameters that fill in what a deployment does not set."),
    quiet("credential_info", Map),
];
