//! What budgets and all that have them share: the fields of a request, their checks, and how they are shown.

pub mod fields;
pub mod own;
pub mod used;
pub mod view;
pub mod within;
