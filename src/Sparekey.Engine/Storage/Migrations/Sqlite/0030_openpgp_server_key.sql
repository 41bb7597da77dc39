-- What a tenant is to clients that speak OpenPGP with it: the URL it is called by, those it was called by before, and its own keys. The
-- secret halves are sealed. "openpgp" signs and decrypts, "access" signs access tokens.
CREATE TABLE openpgp_servers (
    tenant_id  TEXT   NOT NULL REFERENCES tenants (id),
    domain     TEXT   NOT NULL,
    aliases    TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id)
);

CREATE TABLE openpgp_server_keys (
    tenant_id   TEXT   NOT NULL REFERENCES openpgp_servers (tenant_id),
    purpose     TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    public_key  TEXT   NOT NULL,
    sealed      BLOB   NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, purpose)
);
