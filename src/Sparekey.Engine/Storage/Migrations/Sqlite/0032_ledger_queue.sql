-- The queue of the ledger as PostgreSQL has it: seq is the program's, because a number that the engine gives is one that all tenants share.
DROP INDEX ledger_queue_tenant;
ALTER TABLE ledger_queue RENAME TO ledger_queue_before;
CREATE TABLE ledger_queue (
    tenant_id TEXT   NOT NULL,
    entry_id  TEXT   NOT NULL,
    seq       BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, entry_id)
) WITHOUT ROWID;
INSERT INTO ledger_queue (tenant_id, entry_id, seq) SELECT tenant_id, entry_id, seq FROM ledger_queue_before;
DROP TABLE ledger_queue_before;
CREATE INDEX ledger_queue_tenant ON ledger_queue (tenant_id, seq, entry_id);
