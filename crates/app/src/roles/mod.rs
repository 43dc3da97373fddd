pub mod backend;
pub mod gateway;
pub mod migrate;
pub mod ui;
pub mod up;
