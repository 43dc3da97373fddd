//! Access groups: models under one name, for keys and teams. A key or team calls the models of its groups beside its own.
//! Groups of deployments, which models name themselves, are in [`models`](crate::models).

mod fields;
mod get;
mod write;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::error::ApiError;
use crate::state::{Shared, State};

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(write::create, get::list)).routes(routes!(
        get::one,
        write::update,
        write::delete
    ))
}

/// Most access groups that a key or team is in.
const GROUPS_OF_ONE_MAX: usize = 100;

fn not_found(id: &str) -> ApiError {
    ApiError::missing("access_group_id", format!("Access group '{id}' not found"))
}

/// Refuses access groups of a key or team that are not there.
///
/// # Errors
/// 400 that names the field.
pub async fn check_there(state: &State, ids: &[&str]) -> Result<(), ApiError> {
    let bad = |message| Err(ApiError::bad(domain::owner::ACCESS_GROUP_IDS, message));
    if ids.len() > GROUPS_OF_ONE_MAX {
        return bad(format!("Name at most {GROUPS_OF_ONE_MAX} access groups."));
    }
    for id in ids {
        if state.store.access_groups().get(*id).await?.is_none() {
            return bad(format!("Access group '{id}' doesn't exist. Make it with POST /v1/access_group."));
        }
    }
    Ok(())
}
