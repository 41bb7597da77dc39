-- Texts of mail that a tenant wrote in place of the built-in ones. revision is another one with every change.

CREATE TABLE mail_texts (
    tenant_id  TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    name       TEXT COLLATE "C" NOT NULL,
    locale     TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C",
    body       TEXT COLLATE "C" NOT NULL,
    html       TEXT COLLATE "C",
    version    BIGINT           NOT NULL,
    revision   TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT           NOT NULL,
    changed_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, name, locale)
);

CREATE TABLE mail_settings (
    tenant_id TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    from_name TEXT COLLATE "C",
    locale    TEXT COLLATE "C" NOT NULL,
    version   BIGINT           NOT NULL,
    PRIMARY KEY (tenant_id)
);
