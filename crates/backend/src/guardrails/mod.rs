//! Guardrails: there are none yet. Lists are empty, what is asked for by id is not there, and nothing can be written.

use axum::Json;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::state::Shared;

const NONE: &str = "There are no guardrails yet.";

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(list_v2))
        .routes(routes!(submissions))
        .routes(routes!(overview))
        .routes(routes!(logs))
        .routes(routes!(create))
        .routes(routes!(register))
        .routes(routes!(test_code))
        .routes(routes!(check_words))
        .routes(routes!(add_settings))
        .routes(routes!(provider_params))
        .routes(routes!(airlines))
        .routes(routes!(one, replace, change, remove))
        .routes(routes!(info))
        .routes(routes!(usage))
        .routes(routes!(submission))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(category))
}

#[derive(Serialize, ToSchema)]
pub struct Guardrails {
    #[schema(value_type = Vec<Object>)]
    guardrails: Vec<Map<String, Value>>,
}

/// Describes routes that answer nothing: a list, fields, a refusal, or that something is not there.
macro_rules! route {
    (list $(#[$about:meta])* $name:ident, $path:literal, $id:literal) => {
        $(#[$about])*
        #[utoipa::path(
            get, path = $path, tag = "guardrails", operation_id = $id,
            responses((status = 200, body = Guardrails), Refusals),
        )]
        pub async fn $name() -> Json<Guardrails> {
            Json(Guardrails { guardrails: Vec::new() })
        }
    };
    (fields $(#[$about:meta])* $name:ident, $path:literal, $id:literal) => {
        $(#[$about])*
        #[utoipa::path(
            get, path = $path, tag = "guardrails", operation_id = $id,
            responses((status = 200, body = Object), Refusals),
        )]
        pub async fn $name() -> Json<Map<String, Value>> {
            Json(Map::new())
        }
    };
    (refused $(#[$about:meta])* $name:ident, $path:literal, $id:literal) => {
        $(#[$about])*
        #[utoipa::path(
            post, path = $path, tag = "guardrails", operation_id = $id,
            responses((status = 200, body = Object), Refusals),
        )]
        pub async fn $name() -> ApiError {
            ApiError::plain("guardrail", format!("{NONE} Nothing was changed."))
        }
    };
    (missing $(#[$about:meta])* $name:ident, $method:ident, $path:literal, $param:literal, $id:literal) => {
        $(#[$about])*
        #[utoipa::path(
            $method, path = $path, tag = "guardrails", operation_id = $id, params(($param = String, Path)),
            responses((status = 200, body = Object), (status = 404, description = "There are none", body = ErrorBody), Refusals),
        )]
        pub async fn $name() -> ApiError {
            ApiError::missing($param, NONE)
        }
    };
}

route! { list /// Guardrails: none yet.
list, "/guardrails/list", "listGuardrails" }
route! { list /// The same.
list_v2, "/v2/guardrails/list", "listGuardrailsV2" }
route! { fields /// Guardrails that teams asked for: none.
submissions, "/guardrails/submissions", "listGuardrailSubmissions" }
route! { fields /// What guardrails did: nothing.
overview, "/guardrails/usage/overview", "getGuardrailUsage" }
route! { fields /// What guardrails did, call by call: nothing.
logs, "/guardrails/usage/logs", "listGuardrailUsage" }
route! { fields /// What a guardrail needs: there are none.
add_settings, "/guardrails/ui/add_guardrail_settings", "getGuardrailSettings" }
route! { fields /// What a guardrail of each maker needs: there are none.
provider_params, "/guardrails/ui/provider_specific_params", "getGuardrailParams" }
route! { fields /// A list of words of one guardrail: there are none.
airlines, "/guardrails/ui/major_airlines", "getGuardrailAirlines" }
route! { refused /// Refused: there are no guardrails yet.
create, "/guardrails", "createGuardrail" }
route! { refused /// Refused: there are no guardrails yet.
register, "/guardrails/register", "registerGuardrail" }
route! { refused /// Refused: there are no guardrails yet.
test_code, "/guardrails/test_custom_code", "testGuardrailCode" }
route! { refused /// Refused: there are no guardrails yet.
check_words, "/guardrails/validate_blocked_words_file", "checkBlockedWords" }
route! { missing /// A guardrail: there are none yet.
one, get, "/guardrails/{guardrail_id}", "guardrail_id", "getGuardrail" }
route! { missing /// A guardrail: there are none yet.
replace, put, "/guardrails/{guardrail_id}", "guardrail_id", "replaceGuardrail" }
route! { missing /// A guardrail: there are none yet.
change, patch, "/guardrails/{guardrail_id}", "guardrail_id", "updateGuardrail" }
route! { missing /// A guardrail: there are none yet.
remove, delete, "/guardrails/{guardrail_id}", "guardrail_id", "deleteGuardrail" }
route! { missing /// A guardrail: there are none yet.
info, get, "/guardrails/{guardrail_id}/info", "guardrail_id", "getGuardrailInfo" }
route! { missing /// What a guardrail did: there are none yet.
usage, get, "/guardrails/usage/detail/{guardrail_id}", "guardrail_id", "getGuardrailUsageDetail" }
route! { missing /// What a team asked for: nothing.
submission, get, "/guardrails/submissions/{guardrail_id}", "guardrail_id", "getGuardrailSubmission" }
route! { missing /// What a team asked for: nothing.
approve, post, "/guardrails/submissions/{guardrail_id}/approve", "guardrail_id", "approveGuardrail" }
route! { missing /// What a team asked for: nothing.
reject, post, "/guardrails/submissions/{guardrail_id}/reject", "guardrail_id", "rejectGuardrail" }
route! { missing /// A category of words: there are none.
category, get, "/guardrails/ui/category_yaml/{category_name}", "category_name", "getGuardrailCategory" }
