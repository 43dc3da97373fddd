use std::collections::BTreeMap;

use axum::Json;
use domain::Role;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::Refusals;

#[derive(Serialize, ToSchema)]
pub struct RoleView {
    description: &'static str,
    ui_label: &'static str,
}

/// The roles that a user can be given.
#[utoipa::path(
    get, path = "/user/available_roles", tag = "users", operation_id = "listRoles",
    responses((status = 200, body = BTreeMap<String, RoleView>), Refusals),
)]
pub async fn available() -> Json<BTreeMap<&'static str, RoleView>> {
    let view = |role: Role| {
        let (ui_label, description) = match role {
            Role::ProxyAdmin => ("Admin", "May do everything"),
            Role::ProxyAdminViewer => ("Admin (view only)", "Sees everything and changes nothing"),
            Role::InternalUser => ("User", "Makes, sees and deletes keys of their own; sees their own spend"),
            _ => ("User (view only)", "Sees their own keys and spend"),
        };
        (role.name(), RoleView { description, ui_label })
    };
    Json(Role::OF_USERS.into_iter().map(view).collect())
}
