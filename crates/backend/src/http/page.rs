//! Pages of lists, checked once for all of them.

use axum::response::{IntoResponseParts, ResponseParts};
use http::HeaderName;
use serde::Deserialize;
use store::PAGE_SIZE_MAX;
use utoipa::IntoParams;

use super::error::ApiError;

/// How many rows there are, beside an answer that is a bare list of some of them.
const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// A page that exists, and how many rows it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageOf {
    /// From 1.
    pub number: u32,
    pub size: u32,
}

impl PageOf {
    /// `size_name` is the parameter's, which differs between lists.
    ///
    /// # Errors
    /// 400 when the page is 0, or the size is not from 1 to `size_max`.
    pub fn new(number: u32, size: u32, size_max: u32, size_name: &str) -> Result<Self, ApiError> {
        if number == 0 || !(1..=size_max).contains(&size) {
            let message = format!("`page` starts at 1 and `{size_name}` goes from 1 to {size_max}.");
            return Err(ApiError::bad(size_name, message));
        }
        Ok(Self { number, size })
    }

    /// As the store counts pages: from 0.
    pub const fn index(self) -> u32 {
        self.number - 1
    }

    /// How many pages `total` rows fill.
    pub const fn pages(self, total: u64) -> u64 {
        total.div_ceil(self.size as u64)
    }
}

/// A filter that was sent with some text.
pub fn asked(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Part of a bare list.
#[derive(Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct Slice {
    /// From 1.
    #[param(minimum = 1)]
    page: u32,
    #[param(minimum = 1, maximum = 100)]
    page_size: u32,
}

impl Default for Slice {
    fn default() -> Self {
        Self { page: 1, page_size: PAGE_SIZE_MAX }
    }
}

impl Slice {
    /// # Errors
    /// 400 when there is no such page.
    pub fn page(self) -> Result<PageOf, ApiError> {
        PageOf::new(self.page, self.page_size, PAGE_SIZE_MAX, "page_size")
    }
}

/// How many rows there are of which a bare list shows a page.
#[derive(Clone, Copy)]
pub struct Total(pub u64);

impl IntoResponseParts for Total {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        response.headers_mut().insert(TOTAL_COUNT, self.0.into());
        Ok(response)
    }
}
