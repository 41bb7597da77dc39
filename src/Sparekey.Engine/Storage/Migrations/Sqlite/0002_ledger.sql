-- The append-only audit record, the erasable texts beside it, and messages waiting to leave.

CREATE TABLE ledger_entries (
    tenant_id   TEXT    NOT NULL REFERENCES tenants (id),
    id          TEXT    NOT NULL,
    at          BIGINT  NOT NULL,
    event       TEXT    NOT NULL,
    account_id  TEXT,
    recovery_id TEXT,
    actor_id    TEXT    NOT NULL,
    body        BLOB    NOT NULL,
    leaf_hash   BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- Entries that have no position yet. The sequencer empties it; a row here and a row in ledger_positions never exist both.
CREATE TABLE ledger_queue (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id TEXT NOT NULL,
    entry_id  TEXT NOT NULL
);

CREATE INDEX ledger_queue_tenant ON ledger_queue (tenant_id, seq);

CREATE TABLE ledger_positions (
    tenant_id   TEXT   NOT NULL,
    position    BIGINT NOT NULL,
    entry_id    TEXT   NOT NULL,
    account_id  TEXT,
    recovery_id TEXT,
    PRIMARY KEY (tenant_id, position),
    FOREIGN KEY (tenant_id, entry_id) REFERENCES ledger_entries (tenant_id, id)
);

CREATE UNIQUE INDEX ledger_positions_entry ON ledger_positions (tenant_id, entry_id);
CREATE INDEX ledger_positions_account ON ledger_positions (tenant_id, account_id, position);
CREATE INDEX ledger_positions_recovery ON ledger_positions (tenant_id, recovery_id, position);

-- Personal texts; erasing a row leaves the commitment in the entry and nothing that could be guessed from it.
CREATE TABLE ledger_texts (
    tenant_id TEXT NOT NULL,
    entry_id  TEXT NOT NULL,
    name      TEXT NOT NULL,
    salt      BLOB NOT NULL,
    text      TEXT NOT NULL,
    PRIMARY KEY (tenant_id, entry_id, name)
);

CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

CREATE TRIGGER ledger_positions_no_update BEFORE UPDATE ON ledger_positions
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

CREATE TRIGGER ledger_positions_no_delete BEFORE DELETE ON ledger_positions
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

-- Refusals to strangers, counted by kind and minute, so that a stranger cannot fill the disk.
CREATE TABLE security_events (
    tenant_id TEXT   NOT NULL,
    minute    BIGINT NOT NULL,
    event     TEXT   NOT NULL,
    count     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, minute, event)
);

-- Payloads are sealed. A row that carries a secret has expires_at; it is deleted on delivery, cancel, dead letter or expiry.
CREATE TABLE outbox (
    tenant_id   TEXT    NOT NULL REFERENCES tenants (id),
    id          TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    account_id  TEXT    NOT NULL,
    recovery_id TEXT,
    created_at  BIGINT  NOT NULL,
    due_at      BIGINT  NOT NULL,
    expires_at  BIGINT,
    attempts    INTEGER NOT NULL,
    sealed      BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX outbox_due ON outbox (tenant_id, due_at);
CREATE INDEX outbox_recovery ON outbox (tenant_id, recovery_id);
