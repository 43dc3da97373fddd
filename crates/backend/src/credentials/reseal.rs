//! Moving what is sealed to the present salt key, as `bulkhead credentials rotate` does.

use axum::Json;
use axum::extract::{Path, State as Extract};
use serde::Serialize;
use serde_json::Value;
use store::audit::Actor;
use store::reseal::Sealed;
use utoipa::ToSchema;

use super::missing;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::state::{Shared, State};

/// Secrets that an answer names because they were left as they are.
const FAILED_SHOWN_MAX: usize = 100;

#[derive(Serialize, ToSchema)]
pub struct Migration {
    /// `success`, or `partial` when some were left as they are.
    status: &'static str,
    message: String,
    /// Secrets that were sealed anew; of a check, those that would be.
    migrated: u64,
    /// Those that have the present key already.
    already_current: u64,
    /// Those that were left as they are: sealed with a key that is not configured, or damaged.
    failed: u64,
    /// The first hundred of them.
    failures: Vec<FailedSecret>,
}

#[derive(Serialize, ToSchema)]
pub struct FailedSecret {
    /// `credential` or `model`.
    kind: &'static str,
    /// The credential's name, or the model's id.
    id: String,
    why: String,
}

/// Whether anything that is sealed waits to be moved to the present salt key. Nothing is changed.
#[utoipa::path(
    get, path = "/credentials/migrate-encryption/check", tag = "credentials", operation_id = "checkCredentialMigration",
    responses((status = 200, body = Migration), Refusals),
)]
pub async fn check(Extract(state): Extract<Shared>) -> Result<Json<Migration>, ApiError> {
    let mut done = walk(&state, None).await?;
    done.message = format!("{} secrets wait to be sealed with the present key", done.migrated);
    Ok(Json(done))
}

/// Seal everything with the present salt key, a hundred rows a transaction; `BULKHEAD_OLD_SALT_KEY` opens what an older
/// one sealed. It can be sent again.
#[utoipa::path(
    post, path = "/credentials/migrate-encryption", tag = "credentials", operation_id = "migrateCredentials",
    responses((status = 200, body = Migration), Refusals),
)]
pub async fn migrate(Extract(state): Extract<Shared>, caller: Caller) -> Result<Json<Migration>, ApiError> {
    let mut done = walk(&state, Some(&caller.actor(&state))).await?;
    done.message = format!("{} secrets were sealed with the present key", done.migrated);
    Ok(Json(done))
}

/// Looks at every sealed row, and moves it when there is somebody who does so.
async fn walk(state: &State, actor: Option<&Actor>) -> Result<Migration, ApiError> {
    let mut done = Migration {
        status: "success",
        message: String::new(),
        migrated: 0,
        already_current: 0,
        failed: 0,
        failures: Vec::new(),
    };
    for (sealed, kind) in [(Sealed::Credentials, "credential"), (Sealed::Models, "model")] {
        let mut next = Some(String::new());
        while let Some(after) = next {
            let rows = state.store.resealing(&state.vault);
            let some = match actor {
                Some(actor) => rows.next(sealed, &after, actor).await?,
                None => rows.look(sealed, &after).await?,
            };
            done.migrated += some.moved;
            done.already_current += some.current;
            done.failed += some.unreadable.len() as u64;
            let room = FAILED_SHOWN_MAX - done.failures.len();
            let failed = some.unreadable.into_iter().take(room);
            done.failures.extend(failed.map(|(id, why)| FailedSecret { kind, id, why: why.to_string() }));
            next = some.next;
        }
    }
    if done.failed > 0 {
        done.status = "partial";
    }
    Ok(done)
}

#[derive(Serialize, ToSchema)]
pub struct KeySet {
    /// Credentials hold no key pairs: none.
    #[schema(value_type = Vec<Object>)]
    keys: Vec<Value>,
}

/// The public keys of a credential: it has none, since credentials sign nothing here.
#[utoipa::path(
    get, path = "/credentials/{credential_name}/jwks", tag = "credentials", operation_id = "getCredentialKeys",
    params(("credential_name" = String, Path)),
    responses((status = 200, body = KeySet), (status = 404, description = "No such credential", body = ErrorBody), Refusals),
)]
pub async fn jwks(
    Extract(state): Extract<Shared>,
    Path(name): Path<String>,
) -> Result<Json<KeySet>, ApiError> {
    let is_configured = state.catalog.credentials.contains_key(&name);
    if !is_configured && state.store.credentials(&state.vault).get(&name).await?.is_none() {
        return Err(missing());
    }
    Ok(Json(KeySet { keys: Vec::new() }))
}
