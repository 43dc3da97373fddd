//! Pages of lists, checked once for all of them.

use super::error::ApiError;

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
