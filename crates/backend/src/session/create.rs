use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use domain::Role;
use domain::key::MASTER_USER_ID;
use http::{HeaderMap, StatusCode};
use kit::Secret;
use serde::{Deserialize, Serialize};
use store::sessions::Session;
use utoipa::ToSchema;

use super::{SESSION_LIFETIME, cookie};
use crate::http::address::ClientAddress;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::Input;
use crate::state::{Shared, State};
use crate::time::iso;
use crate::users::{verify, waste_time};

#[derive(Deserialize, ToSchema)]
pub struct Login {
    /// `UI_USERNAME`, or a user's address.
    username: String,
    #[schema(format = Password)]
    password: String,
}

#[derive(Serialize, ToSchema)]
pub struct LoggedIn {
    /// Where to go now.
    pub redirect_url: String,
    user_id: String,
    user_role: &'static str,
    expires_at: String,
}

#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    #[error("Invalid credentials used to access UI.\nCheck 'UI_USERNAME', 'UI_PASSWORD' in .env file")]
    Credentials,
    #[error("Too many failed attempts to sign in. Try again later.")]
    Throttled { retry_after_secs: u64 },
}

/// Sign in. The session is in an HttpOnly cookie; no script sees it.
#[utoipa::path(
    post, path = "/v2/login", tag = "session", operation_id = "login", request_body = Login,
    responses(
        (status = 200, body = LoggedIn, description = "Signed in; the answer sets the session's cookie"),
        (status = 429, description = "Too many failures; see Retry-After", body = ErrorBody),
        Refusals,
    ),
    security(()),
)]
pub async fn create(
    Extract(state): Extract<Shared>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    input: Input<Login>,
) -> Result<(HeaderMap, Json<LoggedIn>), ApiError> {
    sign_in(&state, address, &headers, input.value).await
}

/// Begins a session for who proves who they are.
///
/// # Errors
/// 401 when they do not, 429 after too many failures.
pub async fn sign_in(
    state: &State,
    address: IpAddr,
    headers: &HeaderMap,
    login: Login,
) -> Result<(HeaderMap, Json<LoggedIn>), ApiError> {
    let now = state.clock.now();
    if let Some(wait) = state.throttle.wait(address, now) {
        return Err(LoginError::throttled(wait).into());
    }
    let Some((user_id, role)) = accepted(state, login).await? else {
        state.throttle.failed(address, now);
        tracing::warn!(client.address = %address, "sign-in failed");
        return Err(LoginError::Credentials.into());
    };
    state.throttle.succeeded(address);
    begin(state, user_id, role, headers).await
}

/// Begins a session of somebody who proved who they are.
///
/// # Errors
/// When the database fails.
pub async fn begin(
    state: &State,
    user_id: String,
    role: Role,
    headers: &HeaderMap,
) -> Result<(HeaderMap, Json<LoggedIn>), ApiError> {
    let (token, hash) = state.new_secret();
    let now = state.clock.now();
    let session = Session {
        token: hash,
        user_id: user_id.clone(),
        role: role.name().into(),
        created_at: now,
        expires_at: now.plus(SESSION_LIFETIME),
    };
    state.store.sessions().create(&session).await?;
    let body = LoggedIn {
        redirect_url: state.dashboard("login=success"),
        user_id,
        user_role: role.name(),
        expires_at: iso(session.expires_at),
    };
    Ok((cookie(state, &token, SESSION_LIFETIME, headers), Json(body)))
}

/// Who signs in: the dashboard's administrator, or a user by address and password.
async fn accepted(state: &State, login: Login) -> Result<Option<(String, Role)>, ApiError> {
    if is_administrator(state, &login) {
        return Ok(Some((MASTER_USER_ID.into(), Role::ProxyAdmin)));
    }
    if login.password.is_empty() {
        return Ok(None);
    }
    let user = state.store.users().by_email(&login.username).await?;
    let hash = match &user {
        Some(user) => state.store.users().password_hash(&user.id).await?,
        None => None,
    };
    match (user, hash) {
        (Some(user), Some(hash)) => {
            let fits = verify(login.password, hash).await;
            Ok(fits.then_some((user.id, user.role)))
        }
        _ => {
            waste_time(login.password).await;
            Ok(None)
        }
    }
}

/// Compares both, whatever the first says, so that time does not tell which was wrong.
fn is_administrator(state: &State, login: &Login) -> bool {
    let name = Secret::new(state.ui_username.clone()).matches(&login.username);
    let password = state.ui_password.matches(&login.password);
    name & password & !login.password.is_empty()
}

impl LoginError {
    pub fn throttled(wait: Duration) -> Self {
        Self::Throttled { retry_after_secs: wait.as_secs().max(1) }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        let message = error.to_string();
        match error {
            LoginError::Credentials => {
                Self::new(StatusCode::UNAUTHORIZED, "auth_error", Some("invalid_credentials"), message)
            }
            LoginError::Throttled { retry_after_secs } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "throttling_error", None, message)
                    .retry_after(retry_after_secs)
            }
        }
    }
}
