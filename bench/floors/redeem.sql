-- What redeeming cannot do without: the secret and its recovery are read; the recovery's next state, its redemption and its ledger entry
-- are written, durably and together. Rows are as long as Sparekey's. Frozen, as mint.sql is.

\set account random(1, 100000)
BEGIN;
SELECT s.* FROM recovery_secrets s WHERE s.tenant_id = 'default' AND s.id = substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + :account AS TEXT);
SELECT r.body FROM recoveries r WHERE r.tenant_id = 'default' AND r.id = substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + :account AS TEXT);
UPDATE recoveries SET state = 'redeemed', version = version + 1, due_at = 1795588537589, closed_at = NULL,
    body = '{"id"="775adf30-5671-40be-b635-d31ab3452980","tenant"="default","request"={"account"="8afcb204-e38f-48bf-9a97-70856b96c9a8","account_version"=1,"application"="41f51dd9-ff46-482f-9389-f00cc4c02465","means"="token","channel"="return","lifetime"="01=00=00","revoke"=["sessions"]},"requested_by"={"kind"="service_account","id"="652cfbcd-a5c9-4dc4-9300-66ce25bfa71a","owner_id"="local-operator"},"created_at"="2026-11-22T06=35=46.476+00=00","open_until"="2026-11-25T06=35=46.476+00=00","source"="127.0.0.1","state"="redeemed","requirements"=[],"secret"={"number"=1,"issued_at"="2026-11-22T06=35=46.476+00=00","expires_at"="2026-11-22T07=35=46.476+00=00","usable"=true,"tries"=0,"handle_tries"=0,"redemptions"=1},"last_generation"=1,"redemption"={"id"="8222e9f4-e6cf-4908-945f-c08d5e963c82","generation"=1,"expires_at"="2026-11-22T06=50=54.692+00=00"},"version"=3,"digest"="y8QeGlKmn7yb3MdBdXmHsHASoM-bXZZmkbjEbVw393c","decision_digest"="yGRkv3Fb5F7tALyFyvHbI1kV7DQHn8YOHb2bvwf-XOY","is_closed"=false,"is_split"=false,"was_proved_by_saved_code"=false}'
WHERE tenant_id = 'default' AND id = substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + :account AS TEXT) AND version >= 2;
INSERT INTO redemptions (tenant_id, id, recovery_id, key_version, mac)
VALUES ('default', CAST(gen_random_uuid() AS TEXT), substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + :account AS TEXT), 1, 'k5c638039b317c9349f614f180b0b0c8');
INSERT INTO ledger_entries (tenant_id, id, at, event, account_id, recovery_id, actor_id, body, leaf_hash)
VALUES ('default', CAST(gen_random_uuid() AS TEXT), 1795329337589, 'recovery_redeemed', substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + :account AS TEXT), substr('c0ffee00-0000-4000-8000-000000000000', 1, 28) || CAST(10000000 + :account AS TEXT),
    '652cfbcd-a5c9-4dc4-9300-66ce25bfa71a',
    '{"account"="20f14d30-00f8-47b7-b7bf-836d97100d33","actor"={"id"="b317c934-9f61-4f18-8b0b-94b89421a876","kind"="service_account","owner"="local-operator"},"at"=1795329337589,"event"="recovery_redeemed","facts"={"correlation_id"="16b62bff2513c9abe2c88ce3","expires_at"=1795332937589,"generation"=1,"rules"=[],"usable"=true},"id"="5c638039-4dfc-4264-8806-0af3dc79344d","recovery"="c239af12-6f0d-46d8-af71-844a17ecdc8f","tenant"="default","texts"={"source"="22ea2597d2a255e5a028d1a95293d922179e884d9cc896b85f75fc647f1a6010"},"v"=1}',
    'k5c638039b317c9349f614f180b0b0c8');
COMMIT;
