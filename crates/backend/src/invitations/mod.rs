//! Invitations: an administrator makes a link, and the user whom it is for sets their password with it.

mod manage;
mod onboarding;

use std::time::Duration;

use kit::KeyHash;
use serde::Serialize;
use store::audit::Actor;
use store::invitations::Invitation;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::{Shared, State};
use crate::time::iso;

/// How long a link is good.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

pub fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(manage::create))
        .routes(routes!(manage::info))
        .routes(routes!(manage::update))
        .routes(routes!(manage::delete))
        .routes(routes!(onboarding::open))
        .routes(routes!(onboarding::claim))
}

/// An invitation. Its id is what the link carries, and stored only as its hash: whoever has it becomes the user.
#[derive(Serialize, ToSchema)]
pub struct InvitationView {
    id: String,
    user_id: String,
    is_accepted: bool,
    accepted_at: Option<String>,
    expires_at: String,
    created_at: String,
    created_by: String,
    updated_at: String,
    updated_by: String,
    /// The link, from the dashboard's origin.
    invitation_link: String,
}

impl InvitationView {
    fn of(state: &State, id: String, invitation: Invitation) -> Self {
        Self {
            invitation_link: link(state, &id),
            id,
            user_id: invitation.user_id,
            is_accepted: invitation.accepted_at.is_some(),
            accepted_at: invitation.accepted_at.map(iso),
            expires_at: iso(invitation.expires_at),
            created_at: iso(invitation.created_at),
            created_by: invitation.created_by,
            updated_at: iso(invitation.updated_at),
            updated_by: invitation.updated_by,
        }
    }
}

/// The link, from the dashboard's origin.
pub fn link(state: &State, id: &str) -> String {
    state.dashboard(&format!("invitation_id={id}"))
}

/// A new invitation of a user, which is not stored yet, with what its link carries.
pub fn fresh(state: &State, user_id: &str, actor: &Actor) -> (String, Invitation) {
    let id = state.new_token();
    let invitation = Invitation {
        id: KeyHash::of(&id),
        user_id: user_id.to_owned(),
        accepted_at: None,
        expires_at: actor.at.plus(LIFETIME),
        created_at: actor.at,
        created_by: actor.id.clone(),
        updated_at: actor.at,
        updated_by: actor.id.clone(),
    };
    (id, invitation)
}
