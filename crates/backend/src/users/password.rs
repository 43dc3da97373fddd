//! Passwords are kept as Argon2id hashes. Making one takes tens of milliseconds of a core and 19 MiB, so few are
//! made at once, and none on a thread that serves others.

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use axum::Json;
use axum::extract::State as Extract;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use store::users::UserPatch;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::not_found;
use crate::auth::{Caller, Identity};
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::session::LoginError;
use crate::state::{Shared, State};

const CHARS_MIN: usize = 8;
/// Longer ones would only be work for the hash.
const BYTES_MAX: usize = 1024;
const SALT_BYTES: usize = 16;
/// Hashes that are made or checked at once.
const AT_ONCE: usize = 2;
static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Of a password that nobody has, with the costs that real ones have.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Ym9keSdzIHNhbHQgaXM$ihUwxjKJo9iYlzwXJ1C8UhjxKZ1eWMvDvxvRTtZKRA4";

/// The hash of a new password.
///
/// # Errors
/// 400 when it is too short or too long.
pub async fn hash(state: &State, password: String) -> Result<String, ApiError> {
    if password.chars().count() < CHARS_MIN || password.len() > BYTES_MAX {
        let message =
            format!("A password has at least {CHARS_MIN} characters and at most {BYTES_MAX} bytes.");
        return Err(ApiError::bad("password", message));
    }
    let mut salt = [0; SALT_BYTES];
    (state.rng)().fill(&mut salt);
    let made = in_turn(move || {
        let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
        hash.map(|hash| hash.to_string()).ok()
    });
    made.await.flatten().ok_or_else(ApiError::internal)
}

/// Whether a password is the one of the hash.
pub async fn verify(password: String, hash: String) -> bool {
    if password.len() > BYTES_MAX {
        return false;
    }
    let check = move || Argon2::default().verify_password(password.as_bytes(), hash.as_str()).is_ok();
    in_turn(check).await.unwrap_or(false)
}

/// Takes as long as [`verify`], so that time does not tell who has an account.
pub async fn waste_time(password: String) {
    verify(password, NOBODYS.to_owned()).await;
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let _turn = TURNS.acquire().await.ok()?;
    tokio::task::spawn_blocking(work).await.ok()
}

#[derive(Deserialize, ToSchema)]
pub struct PasswordChange {
    #[schema(format = Password)]
    current_password: String,
    #[schema(format = Password)]
    new_password: String,
}

#[derive(Serialize, ToSchema)]
pub struct PasswordChanged {
    message: &'static str,
}

/// Change the caller's own password. Ends all other sessions of the user.
#[utoipa::path(
    post, path = "/user/password/change", tag = "users", operation_id = "changePassword",
    request_body = PasswordChange,
    responses(
        (status = 200, body = PasswordChanged),
        (status = 403, description = "The current password is another", body = ErrorBody),
        (status = 404, description = "The caller is no user", body = ErrorBody),
        (status = 429, description = "Too many failures; see Retry-After", body = ErrorBody),
        Refusals,
    ),
)]
pub async fn change(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<PasswordChange>,
) -> Result<(Names, Json<PasswordChanged>), ApiError> {
    let actor = caller.actor(&state);
    let address = caller.address();
    if let Some(wait) = state.throttle.wait(address, actor.at) {
        return Err(LoginError::throttled(wait).into());
    }
    let PasswordChange { current_password, new_password } = input.value;
    let stored = state.store.users().password_hash(&actor.id).await?.ok_or_else(|| not_found(&actor.id))?;
    if !verify(current_password, stored).await {
        state.throttle.failed(address, actor.at);
        let message = "The current password is not right.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "auth_error", Some("current_password"), message));
    }
    let keep_session = match &caller.identity {
        Identity::Session(session) => Some(session.token),
        _ => None,
    };
    let password_hash = Some(hash(&state, new_password).await?);
    let patch = UserPatch { password_hash, keep_session, ..UserPatch::default() };
    state.store.users().update(&actor.id, patch, &actor).await?.ok_or_else(|| not_found(&actor.id))?;
    Ok((input.ignored, Json(PasswordChanged { message: "password changed" })))
}
