-- Texts of mail that a tenant wrote in place of the built-in ones. revision is another one with every change.

CREATE TABLE mail_texts (
    tenant_id  TEXT    NOT NULL REFERENCES tenants (id),
    name       TEXT    NOT NULL,
    locale     TEXT    NOT NULL,
    subject    TEXT,
    body       TEXT    NOT NULL,
    html       TEXT,
    version    INTEGER NOT NULL,
    revision   TEXT    NOT NULL,
    changed_at BIGINT  NOT NULL,
    changed_by TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, name, locale)
);

CREATE TABLE mail_settings (
    tenant_id TEXT    NOT NULL REFERENCES tenants (id),
    from_name TEXT,
    locale    TEXT    NOT NULL,
    version   INTEGER NOT NULL,
    PRIMARY KEY (tenant_id)
);
