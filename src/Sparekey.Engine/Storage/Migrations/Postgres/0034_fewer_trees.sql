-- What every recovery writes lies in as few trees as it can: an index holds what is looked for by it and nothing else.
ALTER TABLE ledger_queue DROP CONSTRAINT ledger_queue_pkey;
DROP INDEX ledger_queue_tenant;
ALTER TABLE ledger_queue ADD PRIMARY KEY (tenant_id, seq, entry_id);

-- Only codes are looked for by their account.
DROP INDEX recovery_secrets_account;
CREATE INDEX recovery_secrets_account ON recovery_secrets (tenant_id, account_id) WHERE means = 'code';

-- Only secrets end, and only they are erased with their recovery.
DROP INDEX outbox_recovery;
CREATE INDEX outbox_recovery ON outbox (tenant_id, recovery_id) WHERE expires_at IS NOT NULL;
CREATE INDEX outbox_expires ON outbox (tenant_id, expires_at) WHERE expires_at IS NOT NULL;

-- The check of such a key locks the tenant's row: everything that happens in a tenant would meet there. A tenant is never deleted, and a
-- recovery names an account, which names the tenant.
ALTER TABLE recoveries DROP CONSTRAINT recoveries_tenant_id_fkey;
ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_tenant_id_fkey;
ALTER TABLE outbox DROP CONSTRAINT outbox_tenant_id_fkey;
