//! What the page behind a link asks. Nobody is signed in yet: who has the link is the user.

use std::net::IpAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use http::{HeaderMap, StatusCode};
use kit::{KeyHash, Timestamp};
use serde::{Deserialize, Serialize};
use store::audit::Actor;
use store::invitations::Invitation;
use utoipa::{IntoParams, ToSchema};

use super::link;
use crate::auth::{Credential, credential};
use crate::http::address::ClientAddress;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Params};
use crate::session::{self, LoginError};
use crate::state::{Shared, State};
use crate::users::{UserView, hash_password, shown};

/// How long the page may take to send a password.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InviteLink {
    /// What the link carries as `invitation_id`.
    invite_link: String,
}

#[derive(Serialize, ToSchema)]
pub struct OnboardingToken {
    /// The page to set a password on.
    login_url: String,
    /// To be sent as the bearer of `/onboarding/claim_token` within the hour.
    token: String,
    user_id: String,
    user_email: Option<String>,
}

/// Open an invitation: who it is for, and a token to claim it with. The one before stops working.
#[utoipa::path(
    get, path = "/onboarding/get_token", tag = "invitations", operation_id = "openInvitation", params(InviteLink),
    responses(
        (status = 200, body = OnboardingToken),
        (status = 401, description = "No such invitation, or one that was used or is over", body = ErrorBody),
        (status = 429, description = "Too many failures; see Retry-After", body = ErrorBody),
        Refusals,
    ),
    security(()),
)]
pub async fn open(
    Extract(state): Extract<Shared>,
    ClientAddress(address): ClientAddress,
    Params(query): Params<InviteLink>,
) -> Result<Json<OnboardingToken>, ApiError> {
    let (id, now) = (query.invite_link, state.clock.now());
    if let Some(wait) = state.throttle.wait(address, now) {
        return Err(LoginError::throttled(wait).into());
    }
    let invitation = invitation(&state, &id, address, now).await?;
    let token = state.new_token();
    let until = now.plus(TOKEN_LIFETIME).min(invitation.expires_at);
    if !state.store.invitations().open(invitation.id, KeyHash::of(&token), until, now).await? {
        return Err(refused("This invitation was used already."));
    }
    let user = state.store.users().get(&invitation.user_id).await?;
    let user = user.ok_or_else(|| refused(UNKNOWN))?;
    Ok(Json(OnboardingToken {
        login_url: link(&state, &id),
        token,
        user_id: user.id,
        user_email: user.email,
    }))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"invitation_link": "9q2r1FQm0i1oTJ0Z7PzYyA", "user_id": "ada", "password": "long enough"}))]
pub struct ClaimInvitation {
    /// What the link carries as `invitation_id`.
    invitation_link: String,
    user_id: String,
    #[schema(format = Password)]
    password: String,
}

#[derive(Serialize, ToSchema)]
pub struct ClaimedInvitation {
    /// Where to go now.
    login_url: String,
    user_email: Option<String>,
    user: UserView,
}

/// Set the password of an invited user, with the token of `/onboarding/get_token` as bearer. Uses up the invitation,
/// ends the user's other sessions and signs them in.
#[utoipa::path(
    post, path = "/onboarding/claim_token", tag = "invitations", operation_id = "claimInvitation",
    request_body = ClaimInvitation,
    responses(
        (status = 200, body = ClaimedInvitation, description = "Signed in; the answer sets the session's cookie"),
        (status = 401, description = "No such invitation, one that was used or is over, or another token", body = ErrorBody),
        (status = 429, description = "Too many failures; see Retry-After", body = ErrorBody),
        Refusals,
    ),
    security(()),
)]
pub async fn claim(
    Extract(state): Extract<Shared>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    input: Input<ClaimInvitation>,
) -> Result<(HeaderMap, Json<ClaimedInvitation>), ApiError> {
    let now = state.clock.now();
    if let Some(wait) = state.throttle.wait(address, now) {
        return Err(LoginError::throttled(wait).into());
    }
    let ClaimInvitation { invitation_link: id, user_id, password } = input.value;
    let Ok(Credential::Key(token)) = credential(&headers) else {
        return Err(refused("Send the token of `/onboarding/get_token` as bearer."));
    };
    // Before the work of a hash.
    let found = invitation(&state, &id, address, now).await?;
    let password = hash_password(&state, password).await?;
    let actor = Actor {
        id: user_id,
        changed_by: None,
        api_key: String::new(),
        ip: Some(address.to_string()),
        at: now,
        receipt: None,
    };
    if !state.store.invitations().claim(found.id, KeyHash::of(&token), &password, &actor).await? {
        state.throttle.failed(address, now);
        return Err(refused("The token is over, or not of this invitation. Open the link again."));
    }
    let user = state.store.users().get(&actor.id).await?.ok_or_else(|| refused(UNKNOWN))?;
    let (cookie, Json(begun)) = session::begin(&state, user.id.clone(), user.role, &headers).await?;
    let user_email = user.email.clone();
    let body =
        ClaimedInvitation { login_url: begun.redirect_url, user_email, user: shown(&state, user).await? };
    Ok((cookie, Json(body)))
}

const UNKNOWN: &str = "Invitation link does not exist.";

async fn invitation(
    state: &State,
    id: &str,
    address: IpAddr,
    now: Timestamp,
) -> Result<Invitation, ApiError> {
    let invitation = state.store.invitations().get(KeyHash::of(id)).await?;
    let invitation = invitation.ok_or_else(|| {
        // Whoever guesses is slowed down.
        state.throttle.failed(address, now);
        refused(UNKNOWN)
    })?;
    if invitation.accepted_at.is_some() {
        return Err(refused("This invitation was used already."));
    }
    if invitation.expires_at <= now {
        return Err(refused("This invitation is over."));
    }
    Ok(invitation)
}

fn refused(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "auth_error", Some("invitation_link"), message)
}
