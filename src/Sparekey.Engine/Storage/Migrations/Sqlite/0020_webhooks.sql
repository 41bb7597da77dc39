-- Whom a tenant's events are told, and what was told.

-- "position" is how far in the ledger the endpoint's deliveries were made. "sealed" is the secret that signs; "former" signs beside it
-- until former_until.
CREATE TABLE webhooks (
    tenant_id    TEXT    NOT NULL REFERENCES tenants (id),
    id           TEXT    NOT NULL,
    url          TEXT    NOT NULL,
    events       TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    position     BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    created_by   TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    sealed       BLOB    NOT NULL,
    former       BLOB,
    former_until BIGINT,
    PRIMARY KEY (tenant_id, id)
);

-- One row for each event and endpoint; due_at is null once it is over. Its text holds ids and closed names, and never a secret.
CREATE TABLE webhook_deliveries (
    tenant_id     TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    webhook_id    TEXT    NOT NULL,
    position      BIGINT  NOT NULL,
    event         TEXT    NOT NULL,
    message_id    TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    due_at        BIGINT,
    claimed_by    TEXT,
    claimed_until BIGINT  NOT NULL DEFAULT 0,
    attempts      INTEGER NOT NULL DEFAULT 0,
    tried_at      BIGINT,
    status        INTEGER,
    fault         TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id)
);

CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (tenant_id, webhook_id, position, event);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_made ON webhook_deliveries (tenant_id, created_at);
