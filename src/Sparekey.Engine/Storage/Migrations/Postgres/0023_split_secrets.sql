-- A secret in two halves has one hash over both: 1 where it is worth nothing without the second.
ALTER TABLE recovery_secrets ADD COLUMN split BIGINT NOT NULL DEFAULT 0;
