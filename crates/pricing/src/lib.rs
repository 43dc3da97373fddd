//! What a call costs: the price book, usage → cost in exact integers, and estimates of tokens.
//!
//! Knows nothing of I/O, wire dialects, or how prices and usage came to be known.

mod fields;

pub use fields::is_price_field;
