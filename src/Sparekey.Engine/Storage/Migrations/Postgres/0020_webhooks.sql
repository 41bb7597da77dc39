-- Whom a tenant's events are told, and what was told.

-- "position" is how far in the ledger the endpoint's deliveries were made. "sealed" is the secret that signs; "former" signs beside it
-- until former_until.
CREATE TABLE webhooks (
    tenant_id    TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id           TEXT COLLATE "C" NOT NULL,
    url          TEXT COLLATE "C" NOT NULL,
    events       TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    position     BIGINT           NOT NULL,
    created_at   BIGINT           NOT NULL,
    created_by   TEXT COLLATE "C" NOT NULL,
    version      BIGINT           NOT NULL,
    sealed       BYTEA            NOT NULL,
    former       BYTEA,
    former_until BIGINT,
    PRIMARY KEY (tenant_id, id)
);

-- One row for each event and endpoint; due_at is null once it is over. Its text holds ids and closed names, and never a secret.
CREATE TABLE webhook_deliveries (
    tenant_id     TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    webhook_id    TEXT COLLATE "C" NOT NULL,
    position      BIGINT           NOT NULL,
    event         TEXT COLLATE "C" NOT NULL,
    message_id    TEXT COLLATE "C" NOT NULL,
    body          TEXT COLLATE "C" NOT NULL,
    state         TEXT COLLATE "C" NOT NULL,
    created_at    BIGINT           NOT NULL,
    due_at        BIGINT,
    claimed_by    TEXT COLLATE "C",
    claimed_until BIGINT           NOT NULL DEFAULT 0,
    attempts      BIGINT           NOT NULL DEFAULT 0,
    tried_at      BIGINT,
    status        BIGINT,
    fault         TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhooks (tenant_id, id)
);

CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (tenant_id, webhook_id, position, event);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_made ON webhook_deliveries (tenant_id, created_at);
