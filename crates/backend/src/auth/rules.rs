//! The role model, as one table: which role may call which route, and on whose objects. The gate enforces
//! it, `docs/roles.md` shows it, and a test walks it; a route that is not in it is refused to everyone.

use Grant::{All, No, Own};
use domain::Role;

/// How far a role reaches with a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grant {
    No,
    /// What belongs to the caller; the handler narrows to it or refuses.
    Own,
    All,
}

/// One route of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub method: &'static str,
    /// As the OpenAPI document writes it.
    pub path: &'static str,
    /// Answers without any key or session.
    pub public: bool,
    /// In the order of [`Role::ALL`].
    grants: [Grant; 7],
}

impl Rule {
    pub fn grant(&self, role: Role) -> Grant {
        Role::ALL.iter().position(|other| *other == role).map_or(No, |at| self.grants[at])
    }
}

/// What administrators do, and others with their own; viewers only look.
const OWN_WRITE: [Grant; 7] = [All, No, Own, No, Own, Own, No];
/// What those who answer for others do.
const LEAD_WRITE: [Grant; 7] = [All, No, No, No, Own, Own, No];
/// What administrators of organisations do in theirs.
const ORG_WRITE: [Grant; 7] = [All, No, No, No, Own, No, No];
/// What everyone sees of their own.
const OWN_READ: [Grant; 7] = [All, All, Own, Own, Own, Own, No];
const ADMIN_WRITE: [Grant; 7] = [All, No, No, No, No, No, No];
const ADMIN_READ: [Grant; 7] = [All, All, No, No, No, No, No];
/// What administrators of organisations see in theirs.
const ORG_READ: [Grant; 7] = [All, All, No, No, Own, No, No];
/// About the caller alone.
const SELF: [Grant; 7] = [Own, Own, Own, Own, Own, Own, No];

const fn get(path: &'static str, grants: [Grant; 7]) -> Rule {
    Rule { method: "GET", path, public: false, grants }
}

const fn post(path: &'static str, grants: [Grant; 7]) -> Rule {
    Rule { method: "POST", path, public: false, grants }
}

const fn put(path: &'static str, grants: [Grant; 7]) -> Rule {
    Rule { method: "PUT", path, public: false, grants }
}

const fn patch(path: &'static str, grants: [Grant; 7]) -> Rule {
    Rule { method: "PATCH", path, public: false, grants }
}

const fn delete(path: &'static str, grants: [Grant; 7]) -> Rule {
    Rule { method: "DELETE", path, public: false, grants }
}

const fn public(method: &'static str, path: &'static str) -> Rule {
    Rule { method, path, public: true, grants: [All; 7] }
}

/// Every route of the control plane.
pub const RULES: &[Rule] = &[
    post("/key/generate", OWN_WRITE),
    post("/key/update", OWN_WRITE),
    post("/key/delete", OWN_WRITE),
    post("/key/regenerate", OWN_WRITE),
    post("/key/{key}/regenerate", OWN_WRITE),
    post("/key/block", LEAD_WRITE),
    post("/key/unblock", LEAD_WRITE),
    post("/key/bulk_update", ADMIN_WRITE),
    post("/key/service-account/generate", OWN_WRITE),
    post("/key/{key}/reset_spend", OWN_WRITE),
    post("/key/health", SELF),
    post("/v2/key/info", OWN_READ),
    get("/key/info", OWN_READ),
    get("/key/list", OWN_READ),
    get("/key/aliases", OWN_READ),
    post("/user/new", ORG_WRITE),
    post("/user/update", ADMIN_WRITE),
    post("/user/bulk_update", ADMIN_WRITE),
    post("/user/delete", ADMIN_WRITE),
    get("/user/info", OWN_READ),
    get("/v2/user/info", OWN_READ),
    get("/user/list", ORG_READ),
    get("/user/filter/ui", ORG_READ),
    get("/user/available_roles", SELF),
    get("/user/available_users", ADMIN_READ),
    post("/user/password/change", SELF),
    post("/team/new", ORG_WRITE),
    post("/team/update", LEAD_WRITE),
    patch("/team/{team_id}", LEAD_WRITE),
    post("/team/delete", ORG_WRITE),
    post("/team/block", ADMIN_WRITE),
    post("/team/unblock", ADMIN_WRITE),
    get("/team/info", OWN_READ),
    get("/team/list", OWN_READ),
    get("/v2/team/list", OWN_READ),
    get("/team/available", OWN_READ),
    post("/team/model/add", ORG_WRITE),
    post("/team/model/delete", ORG_WRITE),
    get("/team/permissions_list", OWN_READ),
    post("/team/permissions_update", LEAD_WRITE),
    post("/team/member_add", LEAD_WRITE),
    post("/team/bulk_member_add", LEAD_WRITE),
    post("/team/member_update", LEAD_WRITE),
    post("/team/member_delete", LEAD_WRITE),
    get("/team/{team_id}/members/me", OWN_READ),
    post("/team/{team_id}/member/{user_id}/reset_spend", LEAD_WRITE),
    post("/team/{team_id}/member/{user_id}/reset_budget", LEAD_WRITE),
    get("/team/spend/by_user", OWN_READ),
    get("/team/metadata_schema", SELF),
    post("/team/permissions_bulk_update", ADMIN_WRITE),
    get("/team/filter/ui", OWN_READ),
    get("/team/{team_id}/callback", OWN_READ),
    post("/team/{team_id}/callback", LEAD_WRITE),
    delete("/team/{team_id}/callback/{callback_name}", LEAD_WRITE),
    post("/team/{team_id}/disable_logging", LEAD_WRITE),
    post("/team/key/bulk_update", OWN_WRITE),
    post("/project/new", LEAD_WRITE),
    post("/project/update", LEAD_WRITE),
    delete("/project/delete", LEAD_WRITE),
    get("/project/info", OWN_READ),
    get("/project/list", OWN_READ),
    post("/organization/new", ADMIN_WRITE),
    patch("/organization/update", ORG_WRITE),
    patch("/v2/organization/{organization_id}", ORG_WRITE),
    delete("/organization/delete", ADMIN_WRITE),
    get("/organization/info", OWN_READ),
    post("/organization/info", OWN_READ),
    get("/organization/list", OWN_READ),
    post("/organization/member_add", ORG_WRITE),
    patch("/organization/member_update", ORG_WRITE),
    delete("/organization/member_delete", ORG_WRITE),
    post("/customer/new", ADMIN_WRITE),
    post("/customer/update", ADMIN_WRITE),
    post("/customer/delete", ADMIN_WRITE),
    post("/customer/block", ADMIN_WRITE),
    post("/customer/unblock", ADMIN_WRITE),
    get("/customer/info", ADMIN_READ),
    get("/customer/list", ADMIN_READ),
    post("/end_user/new", ADMIN_WRITE),
    post("/end_user/update", ADMIN_WRITE),
    post("/end_user/delete", ADMIN_WRITE),
    post("/end_user/block", ADMIN_WRITE),
    post("/end_user/unblock", ADMIN_WRITE),
    get("/end_user/info", ADMIN_READ),
    get("/end_user/list", ADMIN_READ),
    post("/tag/new", ADMIN_WRITE),
    post("/tag/update", ADMIN_WRITE),
    post("/tag/delete", ADMIN_WRITE),
    post("/tag/info", ADMIN_READ),
    get("/tag/list", ADMIN_READ),
    get("/tag/distinct", ADMIN_READ),
    get("/tag/summary", ADMIN_READ),
    get("/tag/user-agent/per-user-analytics", ADMIN_READ),
    get("/tag/dau", ADMIN_READ),
    get("/tag/wau", ADMIN_READ),
    get("/tag/mau", ADMIN_READ),
    post("/budget/new", ADMIN_WRITE),
    post("/budget/update", ADMIN_WRITE),
    post("/budget/delete", ADMIN_WRITE),
    post("/budget/info", ADMIN_READ),
    get("/budget/list", ADMIN_READ),
    get("/budget/settings", ADMIN_READ),
    get("/spend/logs", OWN_READ),
    get("/spend/logs/ui", OWN_READ),
    get("/spend/logs/v2", OWN_READ),
    get("/spend/logs/session/ui", OWN_READ),
    get("/spend/logs/ui/{request_id}", OWN_READ),
    get("/spend/keys", OWN_READ),
    get("/spend/users", OWN_READ),
    get("/spend/tags", ADMIN_READ),
    post("/spend/calculate", OWN_READ),
    get("/spend/capture_rate", ADMIN_READ),
    get("/global/spend", ADMIN_READ),
    get("/global/spend/keys", ADMIN_READ),
    get("/global/spend/logs", ADMIN_READ),
    get("/global/spend/models", ADMIN_READ),
    get("/global/spend/provider", ADMIN_READ),
    get("/global/spend/tags", ADMIN_READ),
    get("/global/spend/all_tag_names", ADMIN_READ),
    get("/global/all_end_users", ADMIN_READ),
    post("/global/spend/end_users", ADMIN_READ),
    get("/global/spend/teams", ADMIN_READ),
    get("/global/spend/report", ADMIN_READ),
    get("/key/spend/report", OWN_READ),
    get("/user/spend/report", OWN_READ),
    get("/team/spend/report", OWN_READ),
    get("/organization/spend/report", ORG_READ),
    post("/global/spend/refresh", ADMIN_WRITE),
    post("/global/spend/reset", ADMIN_WRITE),
    get("/global/activity", OWN_READ),
    get("/global/activity/cache_hits", OWN_READ),
    get("/global/activity/exceptions", ADMIN_READ),
    get("/global/activity/exceptions/deployment", ADMIN_READ),
    get("/global/activity/model", OWN_READ),
    get("/user/daily/activity", OWN_READ),
    get("/user/daily/activity/aggregated", OWN_READ),
    get("/user/daily/activity/aggregated/keys", OWN_READ),
    get("/user/daily/activity/aggregated/cache_leakage_keys", OWN_READ),
    get("/user/daily/activity/aggregated/model_top_keys", OWN_READ),
    get("/user/daily/activity/aggregated/search", OWN_READ),
    get("/user/daily/activity/export", OWN_READ),
    get("/team/daily/activity", OWN_READ),
    get("/team/daily/activity/aggregated", OWN_READ),
    get("/team/daily/activity/aggregated/keys", OWN_READ),
    get("/team/daily/activity/aggregated/model_top_keys", OWN_READ),
    get("/team/daily/activity/aggregated/search", OWN_READ),
    get("/team/daily/activity/export", OWN_READ),
    get("/organization/daily/activity", ORG_READ),
    get("/organization/daily/activity/aggregated", ORG_READ),
    get("/organization/daily/activity/aggregated/keys", ORG_READ),
    get("/organization/daily/activity/aggregated/model_top_keys", ORG_READ),
    get("/organization/daily/activity/aggregated/search", ORG_READ),
    get("/organization/daily/activity/export", ORG_READ),
    get("/customer/daily/activity", ADMIN_READ),
    get("/customer/daily/activity/aggregated", ADMIN_READ),
    get("/customer/daily/activity/aggregated/keys", ADMIN_READ),
    get("/customer/daily/activity/aggregated/model_top_keys", ADMIN_READ),
    get("/customer/daily/activity/aggregated/search", ADMIN_READ),
    get("/customer/daily/activity/export", ADMIN_READ),
    get("/end_user/daily/activity", ADMIN_READ),
    get("/end_user/daily/activity/aggregated", ADMIN_READ),
    get("/end_user/daily/activity/aggregated/keys", ADMIN_READ),
    get("/end_user/daily/activity/aggregated/model_top_keys", ADMIN_READ),
    get("/end_user/daily/activity/aggregated/search", ADMIN_READ),
    get("/end_user/daily/activity/export", ADMIN_READ),
    get("/tag/daily/activity", ADMIN_READ),
    get("/tag/daily/activity/aggregated", ADMIN_READ),
    get("/tag/daily/activity/aggregated/keys", ADMIN_READ),
    get("/tag/daily/activity/aggregated/model_top_keys", ADMIN_READ),
    get("/tag/daily/activity/aggregated/search", ADMIN_READ),
    get("/tag/daily/activity/export", ADMIN_READ),
    get("/analytics/overview", ADMIN_READ),
    get("/analytics/usage/export", OWN_READ),
    get("/analytics/calls/export", OWN_READ),
    get("/analytics/usage", OWN_READ),
    get("/audit", ADMIN_READ),
    get("/audit/{id}", ADMIN_READ),
    get("/model/info", OWN_READ),
    get("/v1/model/info", OWN_READ),
    get("/v2/model/info", OWN_READ),
    get("/model_group/info", OWN_READ),
    post("/model/new", ADMIN_WRITE),
    post("/model/update", ADMIN_WRITE),
    patch("/model/{model_id}/update", ADMIN_WRITE),
    post("/model/delete", ADMIN_WRITE),
    post("/model/block", ADMIN_WRITE),
    post("/model/unblock", ADMIN_WRITE),
    get("/credentials", ADMIN_READ),
    get("/credentials/by_name/{credential_name}", ADMIN_READ),
    get("/credentials/by_model/{model_id}", ADMIN_READ),
    post("/credentials", ADMIN_WRITE),
    post("/credentials/migrate-encryption", ADMIN_WRITE),
    get("/credentials/migrate-encryption/check", ADMIN_READ),
    get("/credentials/{credential_name}/jwks", ADMIN_READ),
    patch("/credentials/{credential_name}", ADMIN_WRITE),
    delete("/credentials/{credential_name}", ADMIN_WRITE),
    get("/session", SELF),
    post("/session/key", SELF),
    post("/session/logout", SELF),
    post("/session/logout_everywhere", SELF),
    post("/invitation/new", ADMIN_WRITE),
    post("/invitation/update", ADMIN_WRITE),
    post("/invitation/delete", ADMIN_WRITE),
    get("/invitation/info", ADMIN_READ),
    get("/get/allowed_ips", ADMIN_READ),
    post("/add/allowed_ip", ADMIN_WRITE),
    post("/delete/allowed_ip", ADMIN_WRITE),
    get("/config/list", ADMIN_READ),
    get("/config/field/info", ADMIN_READ),
    post("/config/field/update", ADMIN_WRITE),
    post("/config/field/delete", ADMIN_WRITE),
    post("/config/update", ADMIN_WRITE),
    post("/config/callback/delete", ADMIN_WRITE),
    get("/get/config/callbacks", ADMIN_READ),
    get("/callbacks/list", ADMIN_READ),
    get("/callbacks/configs", ADMIN_READ),
    get("/active/callbacks", ADMIN_READ),
    get("/alerting/list", ADMIN_READ),
    get("/alerting/settings", ADMIN_READ),
    get("/router/settings", ADMIN_READ),
    get("/router/fields", ADMIN_READ),
    post("/fallback", ADMIN_WRITE),
    get("/fallback/{model}", ADMIN_READ),
    delete("/fallback/{model}", ADMIN_WRITE),
    get("/cache/ping", ADMIN_READ),
    get("/cache/settings", ADMIN_READ),
    post("/cache/settings", ADMIN_WRITE),
    post("/cache/settings/test", ADMIN_WRITE),
    post("/cache/delete", ADMIN_WRITE),
    post("/cache/flushall", ADMIN_WRITE),
    get("/guardrails/list", ADMIN_READ),
    get("/v2/guardrails/list", ADMIN_READ),
    get("/guardrails/submissions", ADMIN_READ),
    get("/guardrails/usage/overview", ADMIN_READ),
    get("/guardrails/usage/logs", ADMIN_READ),
    post("/guardrails", ADMIN_WRITE),
    post("/guardrails/register", ADMIN_WRITE),
    post("/guardrails/test_custom_code", ADMIN_WRITE),
    post("/guardrails/validate_blocked_words_file", ADMIN_WRITE),
    get("/guardrails/ui/add_guardrail_settings", ADMIN_READ),
    get("/guardrails/ui/provider_specific_params", ADMIN_READ),
    get("/guardrails/ui/major_airlines", ADMIN_READ),
    get("/guardrails/ui/category_yaml/{category_name}", ADMIN_READ),
    get("/guardrails/{guardrail_id}", ADMIN_READ),
    put("/guardrails/{guardrail_id}", ADMIN_WRITE),
    patch("/guardrails/{guardrail_id}", ADMIN_WRITE),
    delete("/guardrails/{guardrail_id}", ADMIN_WRITE),
    get("/guardrails/{guardrail_id}/info", ADMIN_READ),
    get("/guardrails/usage/detail/{guardrail_id}", ADMIN_READ),
    get("/guardrails/submissions/{guardrail_id}", ADMIN_READ),
    post("/guardrails/submissions/{guardrail_id}/approve", ADMIN_WRITE),
    post("/guardrails/submissions/{guardrail_id}/reject", ADMIN_WRITE),
    get("/access_group/list", ADMIN_READ),
    post("/access_group/new", ADMIN_WRITE),
    get("/access_group/{access_group}/info", ADMIN_READ),
    put("/access_group/{access_group}/update", ADMIN_WRITE),
    delete("/access_group/{access_group}/delete", ADMIN_WRITE),
    get("/access_group/{access_group}/budget", ADMIN_READ),
    put("/access_group/{access_group}/budget", ADMIN_WRITE),
    delete("/access_group/{access_group}/budget", ADMIN_WRITE),
    get("/v1/access_group", ADMIN_READ),
    post("/v1/access_group", ADMIN_WRITE),
    get("/v1/access_group/{access_group_id}", ADMIN_READ),
    put("/v1/access_group/{access_group_id}", ADMIN_WRITE),
    delete("/v1/access_group/{access_group_id}", ADMIN_WRITE),
    post("/utils/token_counter", OWN_READ),
    get("/utils/supported_openai_params", OWN_READ),
    get("/utils/model_info", OWN_READ),
    post("/utils/transform_request", ADMIN_WRITE),
    post("/utils/dotprompt_json_converter", ADMIN_WRITE),
    post("/utils/test_policies_and_guardrails", ADMIN_WRITE),
    get("/cache/redis/info", ADMIN_READ),
    get("/settings", ADMIN_READ),
    get("/coordination_redis/settings", ADMIN_READ),
    post("/coordination_redis/settings", ADMIN_WRITE),
    post("/coordination_redis/settings/test", ADMIN_WRITE),
    get("/provider/budgets", ADMIN_READ),
    get("/config/cost_discount_config", ADMIN_READ),
    patch("/config/cost_discount_config", ADMIN_WRITE),
    get("/config/cost_margin_config", ADMIN_READ),
    patch("/config/cost_margin_config", ADMIN_WRITE),
    get("/config/block_requests_for_models_without_pricing", ADMIN_READ),
    patch("/config/block_requests_for_models_without_pricing", ADMIN_WRITE),
    get("/config/pass_through_endpoint", ADMIN_READ),
    post("/config/pass_through_endpoint", ADMIN_WRITE),
    delete("/config/pass_through_endpoint", ADMIN_WRITE),
    post("/config/pass_through_endpoint/{endpoint_id}", ADMIN_WRITE),
    get("/config/pass_through_endpoint/team/{team_id}", ADMIN_READ),
    get("/get/internal_user_settings", ADMIN_READ),
    patch("/update/internal_user_settings", ADMIN_WRITE),
    get("/get/default_team_settings", ADMIN_READ),
    patch("/update/default_team_settings", ADMIN_WRITE),
    get("/get/sso_settings", ADMIN_READ),
    patch("/update/sso_settings", ADMIN_WRITE),
    get("/get/mcp_semantic_filter_settings", ADMIN_READ),
    patch("/update/mcp_semantic_filter_settings", ADMIN_WRITE),
    get("/get/mcp_tool_search_settings", ADMIN_READ),
    patch("/update/mcp_tool_search_settings", ADMIN_WRITE),
    get("/get/websearch_interception_settings", ADMIN_READ),
    patch("/update/websearch_interception_settings", ADMIN_WRITE),
    patch("/update/ui_theme_settings", ADMIN_WRITE),
    patch("/update/ui_settings", ADMIN_WRITE),
    get("/get/user_banner", SELF),
    patch("/update/user_banner", ADMIN_WRITE),
    get("/get/latest_release_info", SELF),
    post("/upload/logo", ADMIN_WRITE),
    get("/sso/get/ui_settings", SELF),
    get("/health", OWN_READ),
    get("/health/latest", ADMIN_READ),
    get("/health/history", ADMIN_READ),
    post("/health/test_connection", ADMIN_WRITE),
    get("/health/readiness/details", SELF),
    get("/health/services", ADMIN_READ),
    get("/health/shared-status", ADMIN_READ),
    get("/health/backlog", ADMIN_READ),
    get("/health/drain", ADMIN_READ),
    get("/health/license", SELF),
    public("GET", "/public/providers"),
    public("GET", "/public/providers/fields"),
    public("GET", "/public/endpoints"),
    public("GET", "/public/litellm_model_cost_map"),
    public("GET", "/public/model_hub"),
    public("GET", "/public/model_hub/info"),
    public("GET", "/public/agent_hub"),
    public("GET", "/public/agents/fields"),
    public("GET", "/public/mcp_hub"),
    public("GET", "/public/skill_hub"),
    public("GET", "/public/litellm_blog_posts"),
    public("GET", "/public/autorouter_presets"),
    public("GET", "/public/complexity_router/fuse_presets"),
    public("GET", "/public/complexity_router/scorer_defaults"),
    public("GET", "/get/ui_theme_settings"),
    public("GET", "/get/ui_settings"),
    public("GET", "/get_logo_url"),
    public("GET", "/get_image"),
    public("GET", "/get_favicon"),
    public("GET", "/config/yaml"),
    public("POST", "/login"),
    public("GET", "/fallback/login"),
    public("GET", "/sso/key/generate"),
    public("GET", "/sso/callback"),
    public("GET", "/sso/readiness"),
    public("OPTIONS", "/health/liveness"),
    public("OPTIONS", "/health/liveliness"),
    public("OPTIONS", "/health/readiness"),
    public("GET", "/.well-known/litellm-ui-config"),
    public("GET", "/litellm/.well-known/litellm-ui-config"),
    public("GET", "/onboarding/get_token"),
    public("POST", "/onboarding/claim_token"),
    public("POST", "/v2/login"),
    public("GET", "/docs"),
    public("GET", "/openapi.json"),
    public("GET", "/routes"),
    public("GET", "/health/liveness"),
    public("GET", "/health/liveliness"),
    public("GET", "/health/readiness"),
];

/// The rule of a route.
pub fn rule(method: &str, path: &str) -> Option<&'static Rule> {
    // What answers GET answers HEAD.
    let method = if method == "HEAD" { "GET" } else { method };
    RULES.iter().find(|rule| rule.method == method && rule.path == path)
}

/// The table as `docs/roles.md` shows it.
pub fn markdown() -> String {
    let mut text = String::from(HEAD);
    let mark = |grant| match grant {
        No => "–",
        Own => "own",
        All => "all",
    };
    let names = Role::ALL.map(|role| format!("`{}`", role.name())).join(" | ");
    text += &format!("| route | {names} |\n| --- {}|\n", "| --- ".repeat(Role::ALL.len()));
    for rule in RULES.iter().filter(|rule| !rule.public) {
        let grants = Role::ALL.map(|role| mark(rule.grant(role))).join(" | ");
        text += &format!("| `{} {}` | {grants} |\n", rule.method, rule.path);
    }
    text += "\nWithout any key: ";
    let public = RULES.iter().filter(|rule| rule.public);
    text += &public.map(|rule| format!("`{} {}`", rule.method, rule.path)).collect::<Vec<_>>().join(", ");
    text + ".\n"
}

const HEAD: &str = "# Roles

<!-- Made from the table in crates/backend/src/auth/rules.rs: `UPDATE_DOCS=1 cargo nextest run -p bulkhead-backend the_page`. -->

Who may call what. `all`: on every object; `own`: on what belongs to the caller; `–`: refused with 401 (403 for an administrator who only
views). A route that is not here is refused to everyone.

- The master key and the dashboard's administrator are `proxy_admin`.
- A key has the role of its user; a key without a user, or whose user has no row, is an `internal_user`.
- Own keys are those with the caller's user id. A key without a user owns itself alone.
- An `internal_user` makes keys for itself within its own budget and models, and may change its keys' name, tags and metadata; the budget,
  models and end of a key only where it made that key itself. It cannot unblock what an administrator blocked.
- An administrator of a team is `team_admin` beside what they are anyway, one of an organisation `org_admin`: the wider of the two counts.
  Their own are that team with its members and keys, and that organisation with its teams. A `customer` is an end user of the product and has
  no key.
- Plain members of a team see it, their own place in it and their own keys. `team_member_permissions` of the team lets them use key routes for
  all keys of the team.
- A key of a team that belongs to a user reaches that user's keys in the team, and no others. Whoever leads a team holds keys for themselves, for
  nobody, or for plain members of it: a key acts as its user.

";
