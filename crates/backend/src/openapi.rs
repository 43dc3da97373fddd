//! The router and its description, made in one act.

use std::sync::LazyLock;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};
use http::StatusCode;
use serde_json::{Map, Value};
use utoipa::openapi::Required;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use crate::auth::{self, SESSION_COOKIE};
use crate::http::limits::{Turnstile, bound, mark};
use crate::http::once;
use crate::http::reports::{Reports, govern};
use crate::state::Shared;
use crate::{
    access_groups, activity, alerts, analytics, audit, budgets, credentials, customers, guardrails,
    invitations, keys, models, organizations, projects, public, session, settings, spend, system, tags,
    teams, users, utils,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Bulkhead control plane", description = "Keys, spend, models and sign-in."),
    components(schemas(crate::http::error::InvalidBody)),
    modifiers(&Schemes),
    security(("key" = []), ("session" = [])),
    tags(
        (name = "keys", description = "Virtual keys"),
        (name = "users", description = "People and their roles"),
        (name = "teams", description = "Users who share keys, models and limits"),
        (name = "projects", description = "Some keys of a team, with a part of what the team has"),
        (name = "organizations", description = "Teams and users under one budget"),
        (name = "customers", description = "End users of the product"),
        (name = "tags", description = "Names that requests carry, with budgets"),
        (name = "budgets", description = "Limits that several owners may have"),
        (name = "spend", description = "What was spent"),
        (name = "models", description = "What the configuration offers"),
        (name = "access groups", description = "Models under one name, for keys and teams"),
        (name = "credentials", description = "Values that models share, sealed at rest"),
        (name = "analytics", description = "What was used and what it cost"),
        (name = "audit", description = "Who changed what"),
        (name = "session", description = "Sign-in of the dashboard"),
        (name = "invitations", description = "Links with which users set their own passwords"),
        (name = "settings", description = "What is configured, and what of it acts"),
        (name = "health", description = "Probes, and how deployments do"),
        (name = "utils", description = "Questions about models that cost no call"),
        (name = "guardrails", description = "There are none yet"),
        (name = "public", description = "What anybody may ask"),
        (name = "meta", description = "The control plane about itself"),
    ),
)]
struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let key = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE)));
        components.add_security_scheme("key", key);
        components.add_security_scheme("session", session);
    }
}

fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(keys::routes())
        .merge(users::routes())
        .merge(budgets::routes())
        .merge(teams::routes())
        .merge(projects::routes())
        .merge(organizations::routes())
        .merge(customers::routes())
        .merge(tags::routes())
        .merge(spend::routes())
        .merge(models::routes())
        .merge(access_groups::routes())
        .merge(credentials::routes())
        .merge(activity::routes())
        .merge(analytics::routes())
        .merge(audit::routes())
        .merge(session::routes())
        .merge(invitations::routes())
        .merge(settings::routes())
        .merge(alerts::routes())
        .merge(utils::routes())
        .merge(public::routes())
        .merge(guardrails::routes())
        .merge(system::routes())
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let (_, mut document) = routes().split_for_parts();
    name_creations(&mut document);
    document.to_pretty_json().unwrap_or_default() + "\n"
});

/// Creations take a name.
fn name_creations(document: &mut utoipa::openapi::OpenApi) {
    let name = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "A name for this creation, such as a random UUID. Repeated within 24 hours with the same body by the same \
             caller, it is answered as the first time (with `Idempotency-Replayed: true`) and nothing more is made; \
             with another body it is refused with 422.",
        ))
        .schema(Some(Object::builder().schema_type(Type::String).min_length(Some(1)).max_length(Some(once::NAME_BYTES_MAX))))
        .build();
    for route in once::ROUTES.into_iter().chain(once::BULK_ROUTES) {
        let operation = document.paths.paths.get_mut(route).and_then(|path| path.post.as_mut());
        if let Some(operation) = operation {
            operation.parameters.get_or_insert_default().push(name.clone());
        }
    }
}

/// The OpenAPI 3.1 document, from which the dashboard's client is generated.
pub fn openapi_json() -> String {
    DOCUMENT.clone()
}

pub(crate) fn document_text() -> &'static str {
    &DOCUMENT
}

/// The control plane as a service. Serve it with the peers' addresses, see [`crate::serve`].
pub fn router(state: Shared) -> Router {
    let gate = Turnstile::new(state.limits);
    let (router, _) = routes().split_for_parts();
    let reports = Reports::new(state.report_limits);
    let router = router
        .route_layer(Extension(reports.clone()))
        .route_layer(from_fn_with_state((state.clone(), reports), govern))
        .route_layer(from_fn_with_state(state.clone(), auth::gate));
    let nothing = || {
        Router::new().fallback(async || {
            (StatusCode::NOT_FOUND, axum::Json(serde_json::json!({ "detail": "Not Found" })))
        })
    };
    let beyond = state.beyond.clone().unwrap_or_else(nothing);
    router
        .fallback_service(beyond)
        .method_not_allowed_fallback(async || {
            let body = axum::Json(serde_json::json!({ "detail": "Method Not Allowed" }));
            (StatusCode::METHOD_NOT_ALLOWED, body)
        })
        .layer(Extension(gate.clone()))
        .layer(from_fn_with_state(gate, bound))
        .layer(from_fn(mark))
        .with_state(state)
}

/// One entry of the document.
pub(crate) struct Operation {
    pub method: String,
    pub path: String,
    pub tag: String,
    pub id: String,
    pub summary: String,
    /// Parameters, bodies and answers, with schemas put in place of references.
    pub details: String,
}

/// Everything that the document describes.
pub(crate) fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(document_text()).unwrap_or_default();
    let empty = Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    let methods = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    });
    methods.map(|(path, method, operation)| entry(&document, path, method, operation)).collect()
}

fn entry(document: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut details = Map::new();
    for part in ["parameters", "requestBody", "responses"] {
        if let Some(value) = operation.get(part) {
            details.insert(part.into(), resolved(document, value, 0));
        }
    }
    Operation {
        method: method.into(),
        path: path.into(),
        tag: text(&operation["tags"][0]),
        id: text(&operation["operationId"]),
        summary: text(&operation["summary"]),
        details: serde_json::to_string_pretty(&details).unwrap_or_default(),
    }
}

/// References are followed this deep.
const DEPTH_MAX: usize = 12;

fn resolved(document: &Value, value: &Value, depth: usize) -> Value {
    if depth > DEPTH_MAX {
        return Value::Null;
    }
    match value {
        Value::Object(map) => match map.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let target = document.pointer(reference.trim_start_matches('#'));
                resolved(document, target.unwrap_or(&Value::Null), depth + 1)
            }
            None => {
                let entries =
                    map.iter().map(|(name, value)| (name.clone(), resolved(document, value, depth + 1)));
                Value::Object(entries.collect())
            }
        },
        Value::Array(list) => list.iter().map(|value| resolved(document, value, depth + 1)).collect(),
        plain => plain.clone(),
    }
}
