-- Every change by management: who, what, when, and the row before and after, without secrets. The rows are
-- as the database keeps them: money in nano-dollars, times in microseconds.
CREATE TABLE audit_log (
    seq          BIGINT NOT NULL PRIMARY KEY,
    id           TEXT   NOT NULL UNIQUE,
    at           BIGINT NOT NULL,
    actor        TEXT   NOT NULL,
    changed_by   TEXT   NOT NULL,
    api_key      TEXT   NOT NULL,
    ip           TEXT,
    action       TEXT   NOT NULL,
    table_name   TEXT   NOT NULL,
    object_id    TEXT   NOT NULL,
    team_id      TEXT,
    key_hash     TEXT,
    before_value TEXT,
    after_value  TEXT
);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_object ON audit_log (object_id, seq);

-- One row whose lock, held to commit, makes the numbers of the log commit in their own order.
CREATE TABLE audit_clock (
    id  BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL
);
INSERT INTO audit_clock (id, seq) VALUES (1, 0);
