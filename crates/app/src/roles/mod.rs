pub mod backend;
pub mod credentials;
pub mod gateway;
pub mod migrate;
pub mod ui;
pub mod up;
pub mod usage;
