-- From where requests may come; nobody is refused while there are none, here and in the configuration.
CREATE TABLE allowed_ips (
    network    TEXT   NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    created_by TEXT,
    updated_at BIGINT NOT NULL,
    updated_by TEXT
);
