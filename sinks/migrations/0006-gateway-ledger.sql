-- What the processors have counted of the boot, as of `ledger_at`; null while nothing of it is known. `dropped` is what the
-- gateway says it gave up, `ledger_dropped` what it declared in batches that arrived.
ALTER TABLE gateways ADD COLUMN IF NOT EXISTS seen LONG;
ALTER TABLE gateways ADD COLUMN IF NOT EXISTS missing LONG;
ALTER TABLE gateways ADD COLUMN IF NOT EXISTS ledger_dropped LONG;
ALTER TABLE gateways ADD COLUMN IF NOT EXISTS ledger_last_seq LONG;
ALTER TABLE gateways ADD COLUMN IF NOT EXISTS ledger_at TIMESTAMP;
-- Every reading taken before has been sent, as the gateway says.
ALTER TABLE gateways ADD COLUMN IF NOT EXISTS complete_through TIMESTAMP;
