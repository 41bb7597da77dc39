-- One keyed hash per address that was asked whether a recovery is its person's: its token confirms it, or stops it, once. Deleted with
-- the recovery's end.
CREATE TABLE confirmation_tokens (
    tenant_id   TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    recovery_id TEXT    NOT NULL,
    address_id  TEXT    NOT NULL,
    key_version INTEGER NOT NULL,
    mac         BLOB    NOT NULL,
    created_at  BIGINT  NOT NULL,
    used_at     BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, recovery_id) REFERENCES recoveries (tenant_id, id)
);

CREATE INDEX confirmation_tokens_recovery ON confirmation_tokens (tenant_id, recovery_id);
