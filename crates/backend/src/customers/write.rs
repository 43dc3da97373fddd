use axum::Json;
use axum::extract::State as Extract;
use domain::owner::{Customer, Limits, Stamps};
use serde::{Deserialize, Serialize};
use store::StoreError;
use utoipa::ToSchema;

use super::fields::{CustomerFields, CustomerView, unheeded};
use super::not_found;
use crate::auth::Caller;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::{Input, Names};
use crate::owner::fields::{Sent, check_id};
use crate::owner::own;
use crate::state::{Shared, State};

/// Customers of one request.
const CUSTOMERS_MAX: usize = 100;

#[derive(Deserialize, ToSchema)]
pub struct NamedCustomers {
    /// At most 100.
    user_ids: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct DeletedCustomers {
    deleted_customers: usize,
    message: String,
}

#[derive(Serialize, ToSchema)]
pub struct BlockedCustomers {
    blocked_users: Vec<CustomerView>,
}

#[derive(Serialize, ToSchema)]
pub struct StillBlocked {
    /// Of those that were named.
    blocked_users: Vec<String>,
}

/// The routes under one prefix.
macro_rules! writes {
    ($prefix:literal, $create:literal, $update:literal, $delete:literal, $block:literal, $unblock:literal) => {
        /// Make a customer.
        #[utoipa::path(
            post, path = concat!($prefix, "/new"), tag = "customers", operation_id = $create, request_body = CustomerFields,
            responses((status = 200, body = CustomerView), Refusals),
        )]
        pub async fn create(
            Extract(state): Extract<Shared>,
            caller: Caller,
            input: Input<CustomerFields>,
        ) -> Result<(Names, Names, Json<CustomerView>), ApiError> {
            add(&state, &caller, input).await
        }

        /// Change a customer. Limits change their own budget; a budget that they share is left to the others.
        #[utoipa::path(
            post, path = concat!($prefix, "/update"), tag = "customers", operation_id = $update,
            request_body = CustomerFields,
            responses((status = 200, body = CustomerView), (status = 404, description = "No such customer", body = ErrorBody), Refusals),
        )]
        pub async fn update(
            Extract(state): Extract<Shared>,
            caller: Caller,
            input: Input<CustomerFields>,
        ) -> Result<(Names, Names, Json<CustomerView>), ApiError> {
            change(&state, &caller, input).await
        }

        /// Delete customers. What they spent stays.
        #[utoipa::path(
            post, path = concat!($prefix, "/delete"), tag = "customers", operation_id = $delete,
            request_body = NamedCustomers,
            responses((status = 200, body = DeletedCustomers), (status = 404, description = "One of them does not exist", body = ErrorBody), Refusals),
        )]
        pub async fn delete(
            Extract(state): Extract<Shared>,
            caller: Caller,
            input: Input<NamedCustomers>,
        ) -> Result<(Names, Json<DeletedCustomers>), ApiError> {
            remove(&state, &caller, input).await
        }

        /// Block customers; who is not known yet is made.
        #[utoipa::path(
            post, path = concat!($prefix, "/block"), tag = "customers", operation_id = $block,
            request_body = NamedCustomers, responses((status = 200, body = BlockedCustomers), Refusals),
        )]
        pub async fn block(
            Extract(state): Extract<Shared>,
            caller: Caller,
            input: Input<NamedCustomers>,
        ) -> Result<(Names, Json<BlockedCustomers>), ApiError> {
            let blocked_users = set_blocked(&state, &caller, &input.value.user_ids, true).await?;
            Ok((input.ignored, Json(BlockedCustomers { blocked_users })))
        }

        /// Let blocked customers go on.
        #[utoipa::path(
            post, path = concat!($prefix, "/unblock"), tag = "customers", operation_id = $unblock,
            request_body = NamedCustomers,
            responses((status = 200, body = StillBlocked), (status = 404, description = "One of them does not exist", body = ErrorBody), Refusals),
        )]
        pub async fn unblock(
            Extract(state): Extract<Shared>,
            caller: Caller,
            input: Input<NamedCustomers>,
        ) -> Result<(Names, Json<StillBlocked>), ApiError> {
            set_blocked(&state, &caller, &input.value.user_ids, false).await?;
            Ok((input.ignored, Json(StillBlocked { blocked_users: Vec::new() })))
        }
    };
}

writes!(
    "/customer",
    "createCustomer",
    "updateCustomer",
    "deleteCustomers",
    "blockCustomers",
    "unblockCustomers"
);

/// The same under the other name.
pub mod end_users {
    use super::*;

    writes!(
        "/end_user",
        "createEndUser",
        "updateEndUser",
        "deleteEndUsers",
        "blockEndUsers",
        "unblockEndUsers"
    );
}

type Shown = (Names, Names, Json<CustomerView>);

async fn add(state: &State, caller: &Caller, input: Input<CustomerFields>) -> Result<Shown, ApiError> {
    let (actor, fields) = (caller.actor(state), input.value);
    let id = fields.user_id.clone();
    check_id("user_id", &id)?;
    let mut customer = Customer { id, stamps: Stamps::new(&actor.id, actor.at), ..Customer::default() };
    let mut limits = Limits::default();
    fields.apply(&input.raw, &mut customer)?;
    fields.limit(Sent(&input.raw), &mut limits)?;
    let taken = |customer: &Customer| {
        let message =
            format!("Customer already exists, passed user_id={}. Please pass a new user_id.", customer.id);
        ApiError::plain("user_id", message)
    };
    let made = own::add(state, state.store.customers(), customer, limits, &actor, taken).await?;
    Ok((input.ignored, unheeded(&input.raw), Json(CustomerView::of(made))))
}

async fn change(state: &State, caller: &Caller, input: Input<CustomerFields>) -> Result<Shown, ApiError> {
    let (fields, raw) = (input.value, &input.raw);
    let (customers, id) = (state.store.customers(), fields.user_id.as_str());
    let limit = |limits: &mut Limits| fields.limit(Sent(raw), limits);
    let apply = |customer: &mut Customer| fields.apply(raw, customer);
    let changed = own::change(state, customers, id, raw, &caller.actor(state), apply, limit).await?;
    let view = CustomerView::of(changed.ok_or_else(|| not_found(id))?);
    Ok((input.ignored, unheeded(raw), Json(view)))
}

async fn remove(
    state: &State,
    caller: &Caller,
    input: Input<NamedCustomers>,
) -> Result<(Names, Json<DeletedCustomers>), ApiError> {
    let ids = some(input.value.user_ids)?;
    let gone = state.store.customers().delete_each(&ids, &caller.actor(state)).await?;
    let Some(gone) = gone else { return Err(first_missing(state, &ids).await?) };
    let deleted_customers = gone.len();
    let message = format!("Successfully deleted customers with ids: {}", ids.join(", "));
    Ok((input.ignored, Json(DeletedCustomers { deleted_customers, message })))
}

async fn set_blocked(
    state: &State,
    caller: &Caller,
    ids: &[String],
    blocked: bool,
) -> Result<Vec<CustomerView>, ApiError> {
    let ids = some(ids.to_vec())?;
    for id in &ids {
        check_id("user_id", id)?;
    }
    match state.store.customers().set_blocked(&ids, blocked, &caller.actor(state)).await {
        Err(StoreError::Missing(_)) => Err(first_missing(state, &ids).await?),
        changed => Ok(changed?.into_iter().map(CustomerView::of).collect()),
    }
}

/// Says which of some customers is not there.
async fn first_missing(state: &State, ids: &[String]) -> Result<ApiError, ApiError> {
    for id in ids {
        if state.store.customers().get(id).await?.is_none() {
            return Ok(not_found(id));
        }
    }
    Ok(not_found(&ids.join(", ")))
}

fn some(ids: Vec<String>) -> Result<Vec<String>, ApiError> {
    if ids.is_empty() || ids.len() > CUSTOMERS_MAX {
        return Err(ApiError::plain("user_ids", format!("Name 1 to {CUSTOMERS_MAX} customers.")));
    }
    Ok(ids)
}
