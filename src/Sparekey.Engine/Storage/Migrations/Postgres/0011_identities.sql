-- When an account last changed, since when its status is what it is, and the schema that its traits keep to; null in accounts of before.
ALTER TABLE accounts ADD COLUMN updated_at BIGINT;
ALTER TABLE accounts ADD COLUMN status_since BIGINT;
ALTER TABLE accounts ADD COLUMN schema_id TEXT COLLATE "C";

-- Documents of JSON Schema that the traits of accounts keep to.
CREATE TABLE identity_schemas (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id         TEXT COLLATE "C" NOT NULL,
    document   TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    version    BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
