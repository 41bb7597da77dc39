-- As in PostgreSQL, so that an installation can move there. One process alone uses this file, and it is not listed.
CREATE TABLE processes (
    id           TEXT   NOT NULL PRIMARY KEY,
    name         TEXT   NOT NULL,
    seen_at      BIGINT NOT NULL,
    key_versions TEXT   NOT NULL,
    active_key   BIGINT NOT NULL
);
