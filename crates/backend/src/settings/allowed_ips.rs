//! From where requests may come: what the configuration and the database allow. While both allow nothing in particular,
//! everybody may.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use domain::owner::{AllowedIp, Stamps};
use kit::network::{Network, any_contains};
use serde::{Deserialize, Serialize};
use store::StoreError;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::http::error::{ApiError, Refusals};
use crate::http::input::{Input, Names};
use crate::state::{Shared, State};

/// How often the list is read again: other backends change it too.
const READ_EVERY: Duration = Duration::from_millis(500);

/// The addresses of the database, as they were last read; `None` before that.
#[derive(Default)]
pub struct AllowedIps(RwLock<Option<Arc<[Network]>>>);

impl AllowedIps {
    fn get(&self) -> Option<Arc<[Network]>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, networks: &[Network]) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(networks.into());
    }
}

/// Reads the list now, and again as long as it is polled. While the database is away what was read stays in force.
pub async fn follow(state: Shared) {
    loop {
        let _ = read(&state).await;
        tokio::time::sleep(READ_EVERY).await;
    }
}

/// Reads the list.
///
/// # Errors
/// When the database fails.
pub async fn read(state: &State) -> Result<(), StoreError> {
    let stored = state.store.allowed_ips().networks().await?;
    state.allowed_ips.set(&parsed(&stored));
    Ok(())
}

/// What is stored was checked when it was written.
fn parsed(stored: &[String]) -> Vec<Network> {
    stored.iter().filter_map(|network| network.parse().ok()).collect()
}

/// Refuses who comes from elsewhere.
///
/// # Errors
/// 403; 503 while nobody knows who may come.
pub async fn check(state: &State, client: IpAddr) -> Result<(), ApiError> {
    let stored = match state.allowed_ips.get() {
        Some(stored) => stored,
        None => {
            read(state).await?;
            state.allowed_ips.get().unwrap_or_default()
        }
    };
    let own = &state.catalog.settings.allowed_ips;
    if is_allowed(own, &stored, client) {
        return Ok(());
    }
    let message = format!("Access forbidden: IP address {client} not allowed.");
    Err(ApiError::new(http::StatusCode::FORBIDDEN, "auth_error", Some("None"), message))
}

fn is_allowed(own: &[Network], stored: &[Network], client: IpAddr) -> bool {
    (own.is_empty() && stored.is_empty()) || any_contains(own, client) || any_contains(stored, client)
}

/// Refuses a list that its writer is not in.
fn check_writer(state: &State, caller: &Caller, stored: &[String]) -> Result<(), ApiError> {
    let own = caller.address();
    if is_allowed(&state.catalog.settings.allowed_ips, &parsed(stored), own) {
        return Ok(());
    }
    let message = format!(
        "This would lock you out: your own address is {own}. Add it first, or a range that has it. Nothing was changed."
    );
    Err(ApiError::bad("ip", message))
}

#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ip": "203.0.113.7"}))]
pub struct IpAddress {
    /// An address, or a range such as `10.0.0.0/8`.
    ip: String,
}

#[derive(Serialize, ToSchema)]
pub struct AllowedList {
    /// Of configuration and database. Empty: requests may come from anywhere.
    data: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ListChanged {
    message: String,
    status: &'static str,
}

impl IpAddress {
    fn network(&self) -> Result<Network, ApiError> {
        self.ip.parse().map_err(|error| ApiError::bad("ip", format!("`ip` is wrong: {error}.")))
    }
}

/// From where requests may come.
#[utoipa::path(
    get, path = "/get/allowed_ips", tag = "settings", operation_id = "listAllowedIps",
    responses((status = 200, body = AllowedList), Refusals),
)]
pub async fn list(Extract(state): Extract<Shared>) -> Result<Json<AllowedList>, ApiError> {
    let own = state.catalog.settings.allowed_ips.iter().map(ToString::to_string);
    let mut data = own.collect::<Vec<_>>();
    for network in state.store.allowed_ips().networks().await? {
        if !data.contains(&network) {
            data.push(network);
        }
    }
    Ok(Json(AllowedList { data }))
}

/// Allow requests from an address or range. From the first one on, requests from elsewhere are refused with 403, on every
/// gateway within a second. The list must have the caller's own address.
#[utoipa::path(
    post, path = "/add/allowed_ip", tag = "settings", operation_id = "addAllowedIp", request_body = IpAddress,
    responses((status = 200, body = ListChanged), Refusals),
)]
pub async fn add(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<IpAddress>,
) -> Result<(Names, Json<ListChanged>), ApiError> {
    let (actor, network) = (caller.actor(&state), input.value.network()?);
    let ip = AllowedIp { network: network.to_string(), stamps: Stamps::new(&actor.id, actor.at) };
    let check = |list: &[String]| check_writer(&state, &caller, list);
    let is_there = state.catalog.settings.allowed_ips.contains(&network);
    if is_there || !state.store.allowed_ips().allow(&ip, &actor, check).await? {
        return Err(ApiError::bad("ip", "IP address already exists"));
    }
    read(&state).await?;
    let message = format!("IP {network} address added successfully");
    Ok((input.ignored, Json(ListChanged { message, status: "success" })))
}

/// No longer allow requests from an address or range. With the last one gone they may come from anywhere again. The list
/// must have the caller's own address.
#[utoipa::path(
    post, path = "/delete/allowed_ip", tag = "settings", operation_id = "deleteAllowedIp", request_body = IpAddress,
    responses(
        (status = 200, body = ListChanged),
        (status = 404, description = "It is not in the list", body = crate::http::error::ErrorBody),
        Refusals,
    ),
)]
pub async fn delete(
    Extract(state): Extract<Shared>,
    caller: Caller,
    input: Input<IpAddress>,
) -> Result<(Names, Json<ListChanged>), ApiError> {
    let network = input.value.network()?;
    let check = |list: &[String]| check_writer(&state, &caller, list);
    let ips = state.store.allowed_ips();
    if !ips.disallow(&network.to_string(), &caller.actor(&state), check).await? {
        if state.catalog.settings.allowed_ips.contains(&network) {
            let message =
                format!("{network} comes from config.yaml: take it out of general_settings.allowed_ips.");
            return Err(ApiError::bad("ip", message));
        }
        return Err(ApiError::missing("ip", format!("{network} is not in the list")));
    }
    read(&state).await?;
    let message = format!("IP {network} deleted successfully");
    Ok((input.ignored, Json(ListChanged { message, status: "success" })))
}
