use super::{Key, Kind::*, acts, later, quiet};

/// `model_info`: every key is kept and echoed; these have a meaning.
pub const MODEL_INFO: &[Key] = &[
    acts("access_groups", Texts),
    acts("allowed_fails", Integer),
    acts("base_model", Text),
    acts("blocked", Bool),
    acts("cooldown_time", Seconds),
    acts("id", Text),
    acts("max_input_tokens", Integer),
    acts("max_output_tokens", Integer),
    acts("max_tokens", Integer),
    acts("mode", Text),
    later("access_windows", List),
    later("allowed_fails_policy", Map),
    later("discoverable", Bool),
    later("supported_environments", List),
    later("team_id", Text),
    later("team_public_model_name", Text),
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
pub const CREDENTIAL: &[Key] =
    &[acts("credential_name", Text), acts("credential_values", Map), quiet("credential_info", Map)];
