//! What an owner has come to: the running total, less the base of its window.

/// The columns that [`Columns::spent`](super::Columns::spent) reads.
macro_rules! spent_columns {
    () => {
        "COALESCE(r.spend_nano, 0) AS total_nano, COALESCE(w.base_nano, 0) AS base_nano,
         CASE WHEN w.duration <> '' THEN w.ends_at END AS resets_at"
    };
}
pub(crate) use spent_columns;

/// Joins the running total, and the window of a budget's time. A budget without one has a window that never ends once
/// its spend was set.
macro_rules! spent_joins {
    ($kind:literal, $within:literal, $id:literal, $duration:literal) => {
        concat!(
            " LEFT JOIN running_totals r ON r.kind = '",
            $kind,
            "' AND r.within = ",
            $within,
            " AND r.id = ",
            $id,
            " LEFT JOIN budget_windows w ON w.kind = '",
            $kind,
            "' AND w.within = ",
            $within,
            " AND w.id = ",
            $id,
            " AND w.duration = COALESCE(",
            $duration,
            ", '')"
        )
    };
}
pub(crate) use spent_joins;

/// The columns that [`Columns::budget`](super::Columns::budget) reads, of a budget `b`.
macro_rules! budget_columns {
    () => {
        "b.id AS b_id, b.raise_nano, b.raise_until, b.max_budget_nano, b.soft_budget_nano, b.budget_duration, b.max_parallel_requests, b.tpm_limit,
         b.rpm_limit, b.tpd_limit, COALESCE(b.model_max_budget, '{}') AS model_max_budget,
         COALESCE(b.created_at, 0) AS b_created_at, b.created_by AS b_created_by,
         COALESCE(b.updated_at, 0) AS b_updated_at, b.updated_by AS b_updated_by"
    };
}
pub(crate) use budget_columns;
