use std::sync::Arc;

use axum::extract::FromRequestParts;
use domain::key::{MASTER_KEY_LABEL, MASTER_USER_ID};
use domain::{Role, VirtualKey};
use http::request::Parts;
use store::Receipt;
use store::audit::Actor;
use store::sessions::Session;

use super::AuthError;
use super::rules::Grant;
use crate::http::address::ClientAddress;
use crate::http::error::ApiError;
use crate::state::State;

/// How the caller proved who they are.
#[derive(Clone)]
pub enum Identity {
    Master,
    /// A signed-in browser.
    Session(Arc<Session>),
    Key(Arc<VirtualKey>),
}

/// Whoever proved who they are, and may call this route.
#[derive(Clone)]
pub struct Caller {
    pub identity: Identity,
    pub role: Role,
    /// How far this route reaches for this caller.
    pub grant: Grant,
    pub(super) changed_by: Option<String>,
    pub(super) address: ClientAddress,
    /// Holds back what this request creates until its answer is known.
    pub receipt: Option<Receipt>,
}

impl Caller {
    pub fn user_id(&self) -> Option<&str> {
        match &self.identity {
            Identity::Master => Some(MASTER_USER_ID),
            Identity::Session(session) => Some(&session.user_id),
            Identity::Key(key) => key.user_id.as_deref(),
        }
    }

    /// The virtual key that the request came with.
    pub fn key(&self) -> Option<&VirtualKey> {
        match &self.identity {
            Identity::Key(key) => Some(key),
            _ => None,
        }
    }

    /// The browser's session.
    ///
    /// # Errors
    /// When the request came with a key.
    pub fn session(&self) -> Result<&Session, AuthError> {
        match &self.identity {
            Identity::Session(session) => Ok(session),
            _ => Err(AuthError::Missing),
        }
    }

    /// Whether the route reaches beyond what is the caller's own.
    pub fn sees_all(&self) -> bool {
        self.grant == Grant::All
    }

    /// Whether a key is within the route's reach. A key of a team reaches its user's keys in that team alone: others
    /// may have made it.
    pub fn may(&self, key: &VirtualKey) -> bool {
        let team = self.key().and_then(|own| own.team_id.as_ref());
        let same_user = self.user_id().is_some()
            && key.user_id.as_deref() == self.user_id()
            && team.is_none_or(|team| key.team_id.as_ref() == Some(team));
        self.sees_all() || same_user || self.key().is_some_and(|own| own.hash == key.hash)
    }

    /// The user whose teams the route reaches, and a team that it reaches besides; `None` when it reaches all.
    pub fn seen_by(&self) -> Option<(String, Option<String>)> {
        let user = self.user_id().unwrap_or_default().to_owned();
        let own = self.key().filter(|key| key.user_id.is_none()).and_then(|key| key.team_id.clone());
        (!self.sees_all()).then_some((user, own))
    }

    /// Whom names of requests belong to: a name is one caller's.
    pub fn scope(&self) -> String {
        match &self.identity {
            Identity::Master => "master".into(),
            Identity::Session(session) => format!("user {}", session.user_id),
            Identity::Key(key) => format!("key {}", key.hash.to_hex()),
        }
    }

    /// The client's address.
    pub fn address(&self) -> std::net::IpAddr {
        self.address.0
    }

    /// Who stands behind a write of this request.
    pub fn actor(&self, state: &State) -> Actor {
        Actor {
            id: self.user_id().unwrap_or_default().into(),
            changed_by: self.changed_by.clone(),
            api_key: match &self.identity {
                Identity::Master => MASTER_KEY_LABEL.into(),
                Identity::Session(_) => String::new(),
                Identity::Key(key) => key.hash.to_hex(),
            },
            ip: Some(self.address.0.to_string()),
            at: state.clock.now(),
            receipt: self.receipt.clone(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    /// The gate put it there.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| AuthError::Missing.into())
    }
}
