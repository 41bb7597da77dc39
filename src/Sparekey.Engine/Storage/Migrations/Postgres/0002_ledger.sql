-- The append-only audit record, the erasable texts beside it, and messages waiting to leave.

CREATE TABLE ledger_entries (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          TEXT COLLATE "C" NOT NULL,
    at          BIGINT           NOT NULL,
    event       TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C",
    recovery_id TEXT COLLATE "C",
    actor_id    TEXT COLLATE "C" NOT NULL,
    body        BYTEA            NOT NULL,
    leaf_hash   BYTEA            NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- Entries that have no position yet. The sequencer empties it; a row here and a row in ledger_positions never exist both.
-- seq is the program's: a sequence would be one thing that all tenants share.
CREATE TABLE ledger_queue (
    tenant_id TEXT COLLATE "C" NOT NULL,
    entry_id  TEXT COLLATE "C" NOT NULL,
    seq       BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, entry_id)
);

CREATE INDEX ledger_queue_tenant ON ledger_queue (tenant_id, seq, entry_id);

-- No foreign key to ledger_entries: the check of one locks the row it finds, which takes the right to UPDATE it. A position is made from its
-- entry, and no entry goes.
CREATE TABLE ledger_positions (
    tenant_id   TEXT COLLATE "C" NOT NULL,
    position    BIGINT           NOT NULL,
    entry_id    TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C",
    recovery_id TEXT COLLATE "C",
    PRIMARY KEY (tenant_id, position)
);

CREATE UNIQUE INDEX ledger_positions_entry ON ledger_positions (tenant_id, entry_id);
CREATE INDEX ledger_positions_account ON ledger_positions (tenant_id, account_id, position);
CREATE INDEX ledger_positions_recovery ON ledger_positions (tenant_id, recovery_id, position);

-- Personal texts; erasing a row leaves the commitment in the entry and nothing that could be guessed from it.
CREATE TABLE ledger_texts (
    tenant_id TEXT COLLATE "C" NOT NULL,
    entry_id  TEXT COLLATE "C" NOT NULL,
    name      TEXT COLLATE "C" NOT NULL,
    salt      BYTEA            NOT NULL,
    text      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, entry_id, name)
);

-- The ledger is append-only: who owns the tables and runs the program cannot change or remove a row of it by mistake. A role that does not
-- own them gets no more than SELECT and INSERT on them (docs/operations.md). Superusers are held by nothing: none runs the program.
REVOKE UPDATE, DELETE, TRUNCATE ON ledger_entries, ledger_positions FROM CURRENT_USER;

-- Refusals to strangers, counted by kind and minute, so that a stranger cannot fill the disk.
CREATE TABLE security_events (
    tenant_id TEXT COLLATE "C" NOT NULL,
    minute    BIGINT           NOT NULL,
    event     TEXT COLLATE "C" NOT NULL,
    count     BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, minute, event)
);

-- Payloads are sealed. A row that carries a secret has expires_at; it is deleted on delivery, cancel, dead letter or expiry.
CREATE TABLE outbox (
    tenant_id   TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL,
    recovery_id TEXT COLLATE "C",
    created_at  BIGINT           NOT NULL,
    due_at      BIGINT           NOT NULL,
    expires_at  BIGINT,
    attempts    BIGINT           NOT NULL,
    sealed      BYTEA            NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX outbox_due ON outbox (tenant_id, due_at);
CREATE INDEX outbox_recovery ON outbox (tenant_id, recovery_id);
