-- Models under one name, for keys and teams. Who is in a group is told by `access_group_ids` in the `extra` of keys and teams alone.
CREATE TABLE access_groups (
    id          TEXT   NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL UNIQUE,
    description TEXT,
    models      TEXT   NOT NULL,
    extra       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    created_by  TEXT,
    updated_at  BIGINT NOT NULL,
    updated_by  TEXT
);

-- So that a group finds its keys without reading all of them.
ALTER TABLE keys ADD COLUMN has_access_groups BIGINT NOT NULL DEFAULT 0;
CREATE INDEX keys_access_groups ON keys (hash) WHERE has_access_groups = 1;
