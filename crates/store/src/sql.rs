//! The list of all statements, so that a test can prepare each against both databases.

/// Declares statements as constants, and `ALL` with their names.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* const $name: &str = $text;)*
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use statements;

/// Every statement with its name.
pub fn every_statement() -> Vec<(&'static str, &'static str)> {
    [
        &crate::alerts::every_statement(),
        &crate::audit::every_statement(),
        &crate::keys::every_statement(),
        &crate::ledger::every_statement(),
        &crate::policy::every_statement(),
        crate::budgets_used::ALL,
        crate::credentials::ALL,
        crate::documents::ALL,
        crate::reads::ALL,
        crate::receipts::ALL,
        crate::models::ALL,
        crate::model_budgets::ALL,
        crate::reseal::ALL,
        &crate::nouns::every_statement(),
        crate::sessions::ALL,
        crate::invitations::ALL,
        &crate::users::every_statement(),
        &crate::spend::every_statement(),
        crate::migrate::ALL,
        &crate::usage::every_statement(),
        &crate::windows::every_statement(),
    ]
    .concat()
    .into_iter()
    .chain(crate::ledger::batches().iter().flat_map(|batch| batch.texts()))
    .chain(crate::spend::batches().into_iter().flat_map(|batch| batch.texts()))
    .chain(crate::usage::batches().into_iter().flat_map(|batch| batch.texts()))
    .chain(crate::usage::lists().iter().flat_map(|list| list.texts()))
    .chain(crate::model_budgets::batches().iter().flat_map(|batch| batch.texts()))
    .chain(crate::nouns::batches().iter().flat_map(|batch| batch.texts()))
    .collect()
}
