-- What other products' protocols need of us: keys that prove programmes, names that several applications share, credentials that
-- rest or are gone for good, and recoveries that a caller comes back for.

-- What several applications have in common in another product: a namespace, an organisation.
ALTER TABLE applications ADD COLUMN group_name TEXT COLLATE "C";

-- A programme may prove itself with a key, beside its token's secret or instead of it. key_name is what its holder calls the key.
ALTER TABLE access_tokens ADD COLUMN public_key TEXT COLLATE "C";
ALTER TABLE access_tokens ADD COLUMN key_name TEXT COLLATE "C";
ALTER TABLE access_tokens ADD COLUMN application_id TEXT COLLATE "C";
ALTER TABLE access_tokens ADD COLUMN account_kinds TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE INDEX access_tokens_application ON access_tokens (tenant_id, application_id) WHERE application_id IS NOT NULL;

-- active, suspended, or revoked: a revoked one keeps its name, so that nobody registers it again, and nothing that verifies it.
ALTER TABLE credentials ADD COLUMN state TEXT COLLATE "C" NOT NULL DEFAULT 'active';

-- By what a caller of another protocol finds the recovery again that it was told to wait for.
ALTER TABLE recoveries ADD COLUMN call_key TEXT COLLATE "C";

CREATE INDEX recoveries_call ON recoveries (tenant_id, call_key) WHERE call_key IS NOT NULL;

-- Whatever was begun for an account ends with its recovery.
CREATE INDEX ceremonies_account ON ceremonies (tenant_id, account_id) WHERE account_id IS NOT NULL;
