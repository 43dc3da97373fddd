//! Which routes a key that is held to some may call: by path, by prefix or by the name of a group.

/// Groups of routes by name, as `allowed_routes` of keys name them. An inference path is here once, without `/v1` and
/// whatever it says of the model; Anthropic's have no other form.
const GROUPS: &[(&str, &[&str])] = &[
    ("llm_api_routes", MODEL_INFO),
    ("llm_api_routes", OPENAI),
    ("llm_api_routes", ANTHROPIC),
    ("openai_routes", OPENAI),
    ("anthropic_routes", ANTHROPIC),
    ("model_info_routes", MODEL_INFO),
    ("info_routes", INFO),
    ("key_management_routes", KEYS),
    ("management_routes", KEYS),
    ("management_routes", MANAGEMENT),
    ("spend_tracking_routes", SPEND),
    ("global_spend_tracking_routes", GLOBAL_SPEND),
];

const OPENAI: &[&str] = &["/chat/completions", "/completions", "/embeddings", "/models", "/models/{model}"];
const ANTHROPIC: &[&str] = &["/v1/messages", "/v1/messages/count_tokens"];
const MODEL_INFO: &[&str] = &["/model/info", "/model_group/info", "/v1/model/info"];

const INFO: &[&str] = &[
    "/get/latest_release_info",
    "/get/user_banner",
    "/health",
    "/health/services",
    "/key/health",
    "/key/info",
    "/key/list",
    "/model/info",
    "/model_group/info",
    "/models",
    "/organization/list",
    "/sso/get/ui_settings",
    "/team/available",
    "/team/info",
    "/team/list",
    "/team/metadata_schema",
    "/user/filter/ui",
    "/user/info",
    "/v1/model/info",
    "/v2/key/info",
    "/v2/model/info",
    "/v2/team/list",
    "/v2/user/info",
];

const KEYS: &[&str] = &[
    "/key/aliases",
    "/key/block",
    "/key/bulk_update",
    "/key/delete",
    "/key/generate",
    "/key/info",
    "/key/list",
    "/key/regenerate",
    "/key/service-account/generate",
    "/key/unblock",
    "/key/update",
    "/key/{key}/regenerate",
    "/key/{key}/reset_spend",
    "/spend/logs",
    "/spend/logs/v2",
    "/team/daily/activity",
    "/team/daily/activity/aggregated",
    "/team/daily/activity/aggregated/keys",
    "/team/daily/activity/aggregated/model_top_keys",
    "/team/daily/activity/aggregated/search",
    "/team/daily/activity/export",
    "/team/key/bulk_update",
];

/// Besides those of keys.
const MANAGEMENT: &[&str] = &[
    "/model/delete",
    "/model/info",
    "/model/new",
    "/model/update",
    "/team/available",
    "/team/block",
    "/team/delete",
    "/team/info",
    "/team/list",
    "/team/metadata_schema",
    "/team/new",
    "/team/permissions_bulk_update",
    "/team/permissions_list",
    "/team/permissions_update",
    "/team/spend/by_user",
    "/team/unblock",
    "/team/update",
    "/team/{team_id}",
    "/user/bulk_update",
    "/user/daily/activity",
    "/user/daily/activity/aggregated",
    "/user/daily/activity/aggregated/keys",
    "/user/daily/activity/aggregated/model_top_keys",
    "/user/daily/activity/aggregated/search",
    "/user/daily/activity/export",
    "/user/delete",
    "/user/info",
    "/user/list",
    "/user/new",
    "/user/update",
    "/v2/team/list",
];

const SPEND: &[&str] = &[
    "/key/spend/report",
    "/organization/spend/report",
    "/spend/calculate",
    "/spend/keys",
    "/spend/logs",
    "/spend/logs/session/ui",
    "/spend/logs/ui",
    "/spend/logs/ui/{request_id}",
    "/spend/logs/v2",
    "/spend/tags",
    "/spend/users",
    "/team/spend/report",
    "/user/spend/report",
];

const GLOBAL_SPEND: &[&str] = &[
    "/global/spend",
    "/global/spend/all_tag_names",
    "/global/spend/end_users",
    "/global/spend/keys",
    "/global/spend/logs",
    "/global/spend/models",
    "/global/spend/provider",
    "/global/spend/report",
    "/global/spend/tags",
    "/global/spend/teams",
    "/spend/capture_rate",
];

/// What `key_type` stands for; `None` where there is no such type.
pub fn of_key_type(key_type: &str) -> Option<&'static [&'static str]> {
    match key_type {
        "default" => Some(&[]),
        "llm_api" => Some(&["llm_api_routes"]),
        "management" => Some(&["management_routes"]),
        "read_only" => Some(&["info_routes"]),
        _ => None,
    }
}

/// Whether `allowed` lets a key call `path`, which `pattern` describes. An empty list allows all; an entry allows
/// by exact path, with what is below it, by a `*` at its end, or by the name of a group.
pub fn allows<S: AsRef<str>>(allowed: &[S], path: &str, pattern: &str) -> bool {
    let by = |entry: &str| {
        let in_group = || GROUPS.iter().any(|(name, members)| *name == entry && members.contains(&pattern));
        let below = |entry: &str| {
            path.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match entry.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => below(entry) || in_group(),
        }
    };
    allowed.is_empty() || allowed.iter().map(AsRef::as_ref).any(|entry| !entry.is_empty() && by(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_prefixes_wildcards_and_groups_allow() {
        for (allowed, path, is_allowed) in [
            (&[][..], "/key/info", true),
            (&["/key/info"], "/key/info", true),
            (&["/key"], "/key/info", true),
            (&["/ke"], "/key/info", false),
            (&["/key/*"], "/key/info", true),
            (&["info_routes"], "/key/info", true),
            (&["info_routes"], "/key/generate", false),
            (&["llm_api_routes"], "/key/info", false),
            (&["llm_api_routes", "management_routes"], "/key/info", true),
            (&["no_such_routes"], "/key/info", false),
            (&[""], "/key/info", false),
        ] {
            assert_eq!(allows(allowed, path, path), is_allowed, "{allowed:?} {path}");
        }
        assert!(allows(&["management_routes"], "/key/sk-1/regenerate", "/key/{key}/regenerate"));
        for path in ["/user/daily/activity", "/spend/logs/v2", "/team/permissions_bulk_update"] {
            assert!(allows(&["management_routes"], path, path), "{path}");
        }
        assert!(allows(&["spend_tracking_routes"], "/key/spend/report", "/key/spend/report"));
        let chat = |allowed: &[&str]| {
            ["/v1/chat/completions", "/engines/gpt-4o/chat/completions"]
                .map(|path| allows(allowed, path, "/chat/completions"))
        };
        assert_eq!(chat(&["llm_api_routes"]), [true; 2]);
        assert_eq!(chat(&["openai_routes"]), [true; 2]);
        assert_eq!(chat(&["/v1/chat/completions"]), [true, false]);
        assert_eq!(chat(&["info_routes", "anthropic_routes", "management_routes"]), [false; 2]);
    }
}
