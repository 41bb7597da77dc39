-- When an account last changed, since when its status is what it is, and the schema that its traits keep to; null in accounts of before.
ALTER TABLE accounts ADD COLUMN updated_at BIGINT;
ALTER TABLE accounts ADD COLUMN status_since BIGINT;
ALTER TABLE accounts ADD COLUMN schema_id TEXT;

-- Documents of JSON Schema that the traits of accounts keep to.
CREATE TABLE identity_schemas (
    tenant_id  TEXT    NOT NULL REFERENCES tenants (id),
    id         TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
