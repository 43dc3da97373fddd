use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::operations;

#[derive(Serialize, ToSchema)]
pub struct Paths {
    routes: Vec<PathView>,
}

#[derive(Serialize, ToSchema)]
pub struct PathView {
    path: String,
    methods: Vec<String>,
    name: String,
    endpoint: String,
}

/// Every path of the control plane.
#[utoipa::path(
    get, path = "/routes", tag = "meta", operation_id = "listRoutes",
    responses((status = 200, body = Paths)), security(()),
)]
pub async fn paths() -> Json<Paths> {
    let routes = operations().into_iter().map(|operation| PathView {
        path: operation.path,
        methods: vec![operation.method.to_uppercase()],
        endpoint: operation.id.clone(),
        name: operation.id,
    });
    Json(Paths { routes: routes.collect() })
}
