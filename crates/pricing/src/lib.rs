//! What a call costs: the price book, usage → cost in exact integers, and estimates of tokens.
//!
//! Knows nothing of I/O, wire dialects, or how prices and usage came to be known.

mod book;
mod cost;
mod decimal;
pub mod estimate;
mod fields;
mod info;
mod names;
mod price;
mod row;

pub use book::{BookError, PriceBook};
pub use cost::CostBreakdown;
pub use decimal::scaled;
pub use fields::{PriceError, is_price_field};
pub use info::{CAPABILITIES, Capabilities, Mode, ModelInfo};
pub use price::{Part, Price, Rates, Section, Service};
pub use row::Row;
