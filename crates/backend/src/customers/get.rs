use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use utoipa::IntoParams;

use super::fields::CustomerView;
use super::not_found;
use crate::http::error::{ApiError, ErrorBody, Refusals};
use crate::http::input::Params;
use crate::http::page::{Slice, Total};
use crate::state::Shared;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CustomerQuery {
    end_user_id: String,
}

/// The routes under one prefix.
macro_rules! reads {
    ($prefix:literal, $info:literal, $list:literal) => {
        /// Show a customer.
        #[utoipa::path(
            get, path = concat!($prefix, "/info"), tag = "customers", operation_id = $info, params(CustomerQuery),
            responses((status = 200, body = CustomerView), (status = 404, description = "No such customer", body = ErrorBody), Refusals),
        )]
        pub async fn info(
            Extract(state): Extract<Shared>,
            Params(query): Params<CustomerQuery>,
        ) -> Result<Json<CustomerView>, ApiError> {
            let customer = state.store.customers().get(&query.end_user_id).await?;
            Ok(Json(CustomerView::of(customer.ok_or_else(|| not_found(&query.end_user_id))?)))
        }

        /// Customers, the newest first: one page of them, and how many there are in `x-total-count`.
        #[utoipa::path(
            get, path = concat!($prefix, "/list"), tag = "customers", operation_id = $list, params(Slice),
            responses((status = 200, body = Vec<CustomerView>), Refusals),
        )]
        pub async fn list(
            Extract(state): Extract<Shared>,
            Params(slice): Params<Slice>,
        ) -> Result<(Total, Json<Vec<CustomerView>>), ApiError> {
            let page = slice.page()?;
            let found = state.store.customers().list(&(), page.index(), page.size).await?;
            Ok((Total(found.total), Json(found.rows.into_iter().map(CustomerView::of).collect())))
        }
    };
}

reads!("/customer", "getCustomer", "listCustomers");

/// The same under the other name.
pub mod end_users {
    use super::*;

    reads!("/end_user", "getEndUser", "listEndUsers");
}
