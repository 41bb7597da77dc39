-- What every recovery writes lies in as few trees as it can. Small rows live in the tree of their key; an index holds what is looked for
-- by it and nothing else.
DROP INDEX ledger_queue_tenant;
ALTER TABLE ledger_queue RENAME TO ledger_queue_before;
CREATE TABLE ledger_queue (
    tenant_id TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    entry_id  TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, seq, entry_id)
) WITHOUT ROWID;
INSERT INTO ledger_queue (tenant_id, seq, entry_id) SELECT tenant_id, seq, entry_id FROM ledger_queue_before;
DROP TABLE ledger_queue_before;

DROP INDEX ledger_positions_entry;
DROP INDEX ledger_positions_account;
DROP INDEX ledger_positions_recovery;
DROP TRIGGER ledger_positions_no_update;
DROP TRIGGER ledger_positions_no_delete;
ALTER TABLE ledger_positions RENAME TO ledger_positions_before;
CREATE TABLE ledger_positions (
    tenant_id   TEXT   NOT NULL,
    position    BIGINT NOT NULL,
    entry_id    TEXT   NOT NULL,
    account_id  TEXT,
    recovery_id TEXT,
    PRIMARY KEY (tenant_id, position),
    FOREIGN KEY (tenant_id, entry_id) REFERENCES ledger_entries (tenant_id, id)
) WITHOUT ROWID;
INSERT INTO ledger_positions (tenant_id, position, entry_id, account_id, recovery_id)
SELECT tenant_id, position, entry_id, account_id, recovery_id FROM ledger_positions_before ORDER BY tenant_id, position;
DROP TABLE ledger_positions_before;
CREATE UNIQUE INDEX ledger_positions_entry ON ledger_positions (tenant_id, entry_id);
CREATE INDEX ledger_positions_account ON ledger_positions (tenant_id, account_id, position);
CREATE INDEX ledger_positions_recovery ON ledger_positions (tenant_id, recovery_id, position);
CREATE TRIGGER ledger_positions_no_update BEFORE UPDATE ON ledger_positions
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
CREATE TRIGGER ledger_positions_no_delete BEFORE DELETE ON ledger_positions
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

ALTER TABLE ledger_texts RENAME TO ledger_texts_before;
CREATE TABLE ledger_texts (
    tenant_id TEXT NOT NULL,
    entry_id  TEXT NOT NULL,
    name      TEXT NOT NULL,
    salt      BLOB NOT NULL,
    text      TEXT NOT NULL,
    PRIMARY KEY (tenant_id, entry_id, name)
) WITHOUT ROWID;
INSERT INTO ledger_texts (tenant_id, entry_id, name, salt, text)
SELECT tenant_id, entry_id, name, salt, text FROM ledger_texts_before ORDER BY tenant_id, entry_id, name;
DROP TABLE ledger_texts_before;

-- Only codes are looked for by their account.
DROP INDEX recovery_secrets_account;
CREATE INDEX recovery_secrets_account ON recovery_secrets (tenant_id, account_id) WHERE means = 'code';

-- Only secrets end, and only they are erased with their recovery.
DROP INDEX outbox_recovery;
CREATE INDEX outbox_recovery ON outbox (tenant_id, recovery_id) WHERE expires_at IS NOT NULL;
CREATE INDEX outbox_expires ON outbox (tenant_id, expires_at) WHERE expires_at IS NOT NULL;
